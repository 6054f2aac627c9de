//! Names in wire form (RFC 1035 §3.1), with their labels found and their letters folded.

use std::fmt;

/// Longest name in octets, with its length octets and the root (RFC 1035 §2.3.4).
pub const MAX_NAME: usize = 255;
/// Longest label in octets.
pub const MAX_LABEL: usize = 63;

/// Octets that are folded together.
const STRIDE: usize = 32;
/// A longest name, and what is folded with its end.
const ROOM: usize = MAX_NAME.next_multiple_of(STRIDE);

/// A name on the stack: its spelling, its lower-case form, and where its labels start.
#[derive(Clone)]
pub struct WireName {
    wire: [u8; ROOM],
    folded: [u8; ROOM],
    starts: [u8; 128],
    len: u8,
    labels: u8,
}

impl WireName {
    /// The root.
    pub fn root() -> Self {
        WireName { wire: [0; ROOM], folded: [0; ROOM], starts: [0; 128], len: 1, labels: 0 }
    }

    pub fn is_root(&self) -> bool {
        self.labels == 0
    }

    /// Reads an uncompressed name at the start of `bytes`, and says how many octets it took. `None`
    /// where it does not end, is too long, or has a compression pointer.
    pub fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut name = WireName::root();
        let read = name.replace(bytes)?;
        Some((name, read))
    }

    /// The same in the place of another name, which is the root where there is none to read.
    pub fn replace(&mut self, bytes: &[u8]) -> Option<usize> {
        (self.wire[0], self.folded[0], self.len, self.labels) = (0, 0, 1, 0);
        let (mut at, mut labels) = (0, 0);
        loop {
            let length = usize::from(*bytes.get(at)?);
            if length == 0 {
                break;
            }
            let end = at + 1 + length;
            if length > MAX_LABEL || end >= MAX_NAME {
                return None;
            }
            // Below 255, as `end` is; each of at most 127 labels has two octets at least.
            self.starts[labels] = at as u8;
            labels += 1;
            at = end;
        }
        let read = at + 1;
        self.wire[..read].copy_from_slice(bytes.get(..read)?);
        // No length is a letter: they are below 64. What is behind the name means nothing.
        let strides = self.folded.chunks_exact_mut(STRIDE).zip(self.wire.chunks_exact(STRIDE));
        for (folded, wire) in strides.take(read.div_ceil(STRIDE)) {
            folded.copy_from_slice(wire);
            folded.make_ascii_lowercase();
        }
        (self.len, self.labels) = (read as u8, labels as u8);
        Some(read)
    }

    /// The name of these labels, leftmost first. `None` where it would not be a name.
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut name = WireName::root();
        labels.into_iter().try_for_each(|label| name.push(label))?;
        Some(name)
    }

    /// Reads a name of plain labels such as `a.b.` or `a.b`; both mean the same. Not for escapes.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Some(WireName::root());
        }
        WireName::from_labels(text.split('.').map(str::as_bytes))
    }

    /// Adds a label at the right end, before the root.
    pub fn push(&mut self, label: &[u8]) -> Option<()> {
        let at = usize::from(self.len) - 1;
        let end = at + 1 + label.len();
        if label.is_empty() || label.len() > MAX_LABEL || end >= MAX_NAME {
            return None;
        }
        // Both fit in an octet: a label has at most 63, a name 255.
        self.wire[at] = label.len() as u8;
        self.wire[at + 1..end].copy_from_slice(label);
        self.wire[end] = 0;
        self.folded[at..=end].copy_from_slice(&self.wire[at..=end]);
        self.folded[at + 1..end].make_ascii_lowercase();
        self.starts[usize::from(self.labels)] = at as u8;
        self.labels += 1;
        self.len = (end + 1) as u8;
        Some(())
    }

    /// Adds all labels of another name.
    pub fn extend(&mut self, suffix: &WireName) -> Option<()> {
        self.extend_by(suffix, 0)
    }

    /// Adds all labels of another name but the first `skipped`.
    pub fn extend_by(&mut self, other: &WireName, skipped: usize) -> Option<()> {
        let (at, from) = (usize::from(self.len) - 1, other.start(skipped));
        let read = usize::from(other.len) - from;
        if at + read > MAX_NAME {
            return None;
        }
        self.wire[at..at + read].copy_from_slice(other.suffix(skipped));
        self.folded[at..at + read].copy_from_slice(other.folded_suffix(skipped));
        for label in skipped..other.labels() {
            // Below 255, as the name is no longer.
            self.starts[usize::from(self.labels)] = (at + other.start(label) - from) as u8;
            self.labels += 1;
        }
        self.len = (at + read) as u8;
        Some(())
    }

    /// The text in lower case with its final dot, as the Corefile's patterns are compared with it; `None` where
    /// an octet is more than one letter of it, or means something in it.
    pub fn plain_text<'t>(&self, text: &'t mut [u8; MAX_NAME]) -> Option<&'t str> {
        let mut length = 0;
        for index in 0..self.labels() {
            let label = self.label(index);
            let is_plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_*/".contains(octet);
            if !label.iter().all(is_plain) {
                return None;
            }
            text[length..length + label.len()].copy_from_slice(label);
            length += label.len();
            text[length] = b'.';
            length += 1;
        }
        if length == 0 {
            text[0] = b'.';
            length = 1;
        }
        std::str::from_utf8(&text[..length]).ok()
    }

    /// Number of labels, without the root.
    pub fn labels(&self) -> usize {
        usize::from(self.labels)
    }

    /// The octets as spelled, with the root.
    pub fn wire(&self) -> &[u8] {
        &self.wire[..usize::from(self.len)]
    }

    /// The octets in lower case, with the root.
    pub fn folded(&self) -> &[u8] {
        &self.folded[..usize::from(self.len)]
    }

    /// A label in lower case, counted from the left.
    pub fn label(&self, index: usize) -> &[u8] {
        let start = usize::from(self.starts[index]);
        &self.folded[start + 1..start + 1 + usize::from(self.folded[start])]
    }

    /// The labels as spelled, leftmost first.
    pub fn labels_spelled(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.labels()).map(|label| self.spelled(label))
    }

    /// A label as spelled.
    fn spelled(&self, index: usize) -> &[u8] {
        let start = usize::from(self.starts[index]);
        &self.wire[start + 1..start + 1 + usize::from(self.wire[start])]
    }

    /// The lower-case octets of the labels `from..to`, with their length octets and without a root.
    pub fn folded_labels(&self, from: usize, to: usize) -> &[u8] {
        &self.folded[self.start(from)..self.start(to)]
    }

    /// The name without its first `labels` labels, as spelled, with the root.
    pub fn suffix(&self, labels: usize) -> &[u8] {
        &self.wire[self.start(labels)..usize::from(self.len)]
    }

    /// The same in lower case.
    pub fn folded_suffix(&self, labels: usize) -> &[u8] {
        &self.folded[self.start(labels)..usize::from(self.len)]
    }

    /// Whether the name's first `labels` labels, taken for a name, lie in `zone`.
    pub fn starts_within(&self, labels: usize, zone: &WireName) -> bool {
        let left = labels.checked_sub(zone.labels());
        let root = zone.folded().len() - 1;
        left.is_some_and(|left| self.folded_labels(left, labels) == &zone.folded()[..root])
    }

    /// How many labels stand left of `zone`; `None` where the name is not in it.
    pub fn left_of(&self, zone: &WireName) -> Option<usize> {
        if zone.is_root() {
            return Some(self.labels());
        }
        let left = self.labels().checked_sub(zone.labels())?;
        let tail = &self.folded[self.start(left)..usize::from(self.len)];
        (tail == zone.folded()).then_some(left)
    }

    fn start(&self, label: usize) -> usize {
        if label < self.labels() {
            usize::from(self.starts[label])
        } else {
            usize::from(self.len) - 1
        }
    }
}

/// Two names are the same whatever their letter case (RFC 4343).
impl PartialEq for WireName {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for WireName {}

/// Presentation form, lower case, with the final dot; octets that are not printable as `\DDD`.
impl fmt::Display for WireName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for index in 0..self.labels() {
            for &octet in self.label(index) {
                match octet {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(octet))?
                    }
                    0x21..=0x7e => write!(f, "{}", char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_str(".")?;
        }
        if self.labels() == 0 { f.write_str(".") } else { Ok(()) }
    }
}

impl fmt::Debug for WireName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_plain_text_where_nothing_is_escaped() {
        for (wire, expected) in [
            (&b"\x00"[..], Some(".")),
            (b"\x03WWW\x07example\x00", Some("www.example.")),
            (b"\x01*\x05_http\x03a-1\x00", Some("*._http.a-1.")),
            (b"\x03a.b\x00", None),
            (b"\x02a\\\x00", None),
            (b"\x01\xff\x00", None),
        ] {
            let name = WireName::read(wire).unwrap().0;
            assert_eq!(name.plain_text(&mut [0; MAX_NAME]), expected, "{name}");
        }
        let longest =
            WireName::from_labels([[b'a'; 63]; 3].iter().map(|label| &label[..])).unwrap();
        assert_eq!(longest.plain_text(&mut [0; MAX_NAME]).map(str::len), Some(192));
    }

    #[test]
    fn reads_and_shows_names() {
        let (name, read) = WireName::read(b"\x03WwW\x07exAmple\x00rest").unwrap();
        assert_eq!((name.to_string().as_str(), read, name.labels()), ("www.example.", 13, 2));
        assert_eq!(name.wire(), b"\x03WwW\x07exAmple\x00");
        assert_eq!(name.label(1), b"example");
        assert_eq!(name.suffix(1), b"\x07exAmple\x00");
        assert_eq!(name.folded_labels(0, 2), b"\x03www\x07example");
        assert_eq!(WireName::read(b"\x00").unwrap().0.to_string(), ".");
        assert_eq!(WireName::read(b"\x03a.\x00\x00").unwrap().0.to_string(), "a\\.\\000.");
    }

    #[test]
    fn refuses_what_is_no_name() {
        for bytes in [&b""[..], b"\x03ww", b"\x03www", b"\xc0\x0c", b"\x40aaaa"] {
            assert!(WireName::read(bytes).is_none(), "{bytes:?}");
        }
        assert!(WireName::parse(&"a".repeat(64)).is_none());
        assert!(WireName::parse(&"a".repeat(63)).is_some());
        // 127 labels of one octet are 255 octets with the root; one more is too long.
        assert!(WireName::parse(&"a.".repeat(127)).is_some());
        assert!(WireName::parse(&"a.".repeat(128)).is_none());
        assert!(WireName::parse("a..b").is_none());
        let mut long = WireName::parse(&"a.".repeat(126)).unwrap();
        assert_eq!(long.extend_by(&WireName::parse("b.cd").unwrap(), 1), None);
        assert_eq!(long.extend_by(&WireName::parse("b.C").unwrap(), 1), Some(()));
        assert_eq!((long.label(126), long.labels(), long.wire().len()), (&b"c"[..], 127, 255));
        assert_eq!(long.suffix(125), b"\x01a\x01C\x00");
        let mut name = WireName::parse("before").unwrap();
        assert_eq!(name.replace(b"\x03abc\x05de"), None);
        assert_eq!((name.labels(), name.wire()), (0, &b"\0"[..]));
    }

    #[test]
    fn zones_end_at_label_boundaries() {
        let zone = WireName::parse("Remote").unwrap();
        let left = |name: &str| WireName::parse(name).unwrap().left_of(&zone);
        assert_eq!(left("remote"), Some(0));
        assert_eq!(left("a.b.REMOTE"), Some(2));
        assert_eq!(left("xremote"), None);
        assert_eq!(left("remote.example"), None);
        assert_eq!(WireName::parse("a").unwrap().left_of(&WireName::root()), Some(1));
    }
}
