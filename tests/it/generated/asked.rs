//! One question as a packet: everything that a client may choose.

use std::fmt;

use fleetdns::plugin::names;
use hickory_proto::rr::RecordType;
use rand::RngExt;
use rand::rngs::StdRng;

/// A question.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Absolute, in lower case, with escapes.
    pub name: String,
    pub kind: RecordType,
    pub way: Way,
}

/// How it is asked.
#[derive(Clone, Debug, Default)]
pub struct Way {
    pub tcp: bool,
    /// Which letters of the name are upper case, by their place.
    case: u64,
    /// RD, AD and CD, where they stand in the header.
    flags: u16,
    edns: Option<Edns>,
}

#[derive(Clone, Debug)]
struct Edns {
    size: u16,
    version: u8,
    flags: u16,
    /// Options as they are sent.
    options: &'static [u8],
}

const RD: u16 = 1 << 8;
const FLAGS: [u16; 6] = [RD, RD, RD, 0, RD | 1 << 4, 1 << 5];
const SIZES: [u16; 10] = [0, 100, 511, 512, 513, 1220, 1232, 1452, 4096, 16_384];
/// None, NSID, a cookie, an option that nobody knows, padding.
const OPTIONS: [&[u8]; 6] = [
    b"",
    b"",
    b"\x00\x03\x00\x00",
    b"\x00\x0a\x00\x08abcdefgh",
    b"\xfd\xe9\x00\x02hi",
    b"\x00\x0c\x00\x04\x00\x00\x00\x00",
];

impl Way {
    pub fn random(rng: &mut StdRng) -> Self {
        let edns = rng.random_bool(0.5).then(|| Edns {
            size: SIZES[rng.random_range(0..SIZES.len())],
            version: u8::from(rng.random_bool(0.02)),
            flags: if rng.random_bool(0.4) { 0x8000 } else { rng.random_range(0..0x100) << 4 },
            options: OPTIONS[rng.random_range(0..OPTIONS.len())],
        });
        Way {
            tcp: rng.random_bool(0.1),
            case: if rng.random_bool(0.3) { rng.random() } else { 0 },
            flags: FLAGS[rng.random_range(0..FLAGS.len())],
            edns,
        }
    }
}

impl Asked {
    pub fn plain(name: &str, kind: RecordType) -> Self {
        Asked { name: name.into(), kind, way: Way { flags: RD, ..Way::default() } }
    }

    /// With room for long answers.
    pub fn wide(name: &str, kind: RecordType) -> Self {
        let edns = Edns { size: 4096, version: 0, flags: 0, options: b"" };
        Asked {
            way: Way { flags: RD, edns: Some(edns), ..Way::default() },
            ..Asked::plain(name, kind)
        }
    }

    /// The same question for another type.
    pub fn of_type(&self, kind: RecordType) -> Self {
        Asked { kind, ..self.clone() }
    }

    /// Its packet.
    pub fn packet(&self, id: u16) -> Vec<u8> {
        let name = names::parse(&self.name).unwrap_or_else(|| panic!("{}", self.name));
        let words = [id, self.way.flags, 1, 0, 0, u16::from(self.way.edns.is_some())];
        let mut packet: Vec<u8> = words.into_iter().flat_map(u16::to_be_bytes).collect();
        let mut letter = 0;
        for label in name.iter() {
            packet.push(u8::try_from(label.len()).expect("a label"));
            for octet in label {
                let upper = self.way.case >> (letter % 64) & 1 == 1;
                packet.push(if upper { octet.to_ascii_uppercase() } else { *octet });
                letter += 1;
            }
        }
        packet.push(0);
        packet.extend(u16::from(self.kind).to_be_bytes());
        packet.extend(1_u16.to_be_bytes());
        if let Some(edns) = &self.way.edns {
            packet.extend(b"\x00\x00\x29");
            packet.extend(edns.size.to_be_bytes());
            packet.extend([0, edns.version]);
            packet.extend(edns.flags.to_be_bytes());
            packet.extend((edns.options.len() as u16).to_be_bytes());
            packet.extend(edns.options);
        }
        packet
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.name, self.kind, self.way)
    }
}
