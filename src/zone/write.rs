//! From an answer to the bytes of a message (RFC 1035 §4.1), as long as it may be.
//!
//! Length and compression follow CoreDNS (request/request.go, `Scrub`, and miekg/dns's msg_truncate.go):
//! a message that fits is not compressed; one that does not is, and if it is still too long it ends
//! record by record, in the order of the sections, with TC set; over TCP not for glue alone. The OPT
//! record always stays.

use super::answer::{Answer, RecordRef, Section};
use super::compression::Names;
use super::flag::TC;
use super::rtype;

/// Length of the header in octets.
pub const HEADER: usize = 12;
/// In the order of a message.
const SECTIONS: [Section; 3] = [Section::Answer, Section::Authority, Section::Additional];

/// What a message is, besides its records.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub id: u16,
    /// The header's second word. The low four bits of the response code are in it.
    pub flags: u16,
    /// The question section as it goes out, uncompressed; empty for none.
    pub question: &'a [u8],
    /// The OPT record as it goes out; empty for none.
    pub opt: &'a [u8],
    /// Most octets of the whole message.
    pub limit: usize,
    /// Longer messages are compressed although they would fit, so as not to be cut into fragments.
    pub unfragmented: usize,
    /// Whether TC is set where additional records alone were left out. Nothing is gained by asking
    /// again over TCP for what TCP does not hold (RFC 2181 §9).
    pub glue_truncates: bool,
}

/// Writes a message to `out`, which is cleared first, as is `names`. Says whether it was cut and so has TC set.
/// Nothing is allocated but what these lack.
pub fn message(frame: &Frame<'_>, answer: &Answer, names: &mut Names, out: &mut Vec<u8>) -> bool {
    if plainly(frame, answer, out) {
        return false;
    }
    names.clear();
    let mut writer = Writer { out, names };
    let (counts, cut) = writer.all(frame, answer);
    let truncated = match cut {
        Some(Section::Additional) => frame.glue_truncates,
        Some(_) => true,
        None => false,
    };
    let flags = if truncated { frame.flags | TC } else { frame.flags };
    head(frame, flags, counts, out);
    truncated
}

/// Octets of a message without compression.
pub fn uncompressed(frame: &Frame<'_>, answer: &Answer) -> usize {
    HEADER + frame.question.len() + frame.opt.len() + answer.octets()
}

/// Writes a message if it fits without compression: most do. Says whether it was written.
fn plainly(frame: &Frame<'_>, answer: &Answer, out: &mut Vec<u8>) -> bool {
    if uncompressed(frame, answer) > frame.limit.min(frame.unfragmented) {
        return false;
    }
    out.clear();
    out.extend_from_slice(&[0; HEADER]);
    out.extend_from_slice(frame.question);
    let counts = match answer.in_order() {
        Some((records, counts)) => {
            out.extend_from_slice(records);
            counts
        }
        None => SECTIONS.map(|section| {
            let of = answer.records().filter(|record| record.section == section);
            of.map(|record| out.extend_from_slice(record.wire)).count()
        }),
    };
    out.extend_from_slice(frame.opt);
    // A message of 64 KiB holds fewer.
    head(frame, frame.flags, counts.map(|count| count as u16), out);
    true
}

/// Writes the header, before which all else is known.
fn head(frame: &Frame<'_>, flags: u16, counts: [u16; 3], out: &mut [u8]) {
    let opt = u16::from(!frame.opt.is_empty());
    let questions = u16::from(!frame.question.is_empty());
    let words = [frame.id, flags, questions, counts[0], counts[1], counts[2].saturating_add(opt)];
    for (place, word) in out.chunks_exact_mut(2).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}

/// Writes what is compressed.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    names: &'a mut Names,
}

impl Writer<'_> {
    /// Writes room for the header, and all behind it that there is room for: how many records of each
    /// section, and the section of the first that does not fit.
    fn all(&mut self, frame: &Frame<'_>, answer: &Answer) -> ([u16; 3], Option<Section>) {
        self.out.clear();
        self.out.extend_from_slice(&[0; HEADER]);
        self.question(frame.question);
        let found = self.records(answer, frame.limit.saturating_sub(frame.opt.len()));
        self.out.extend_from_slice(frame.opt);
        found
    }

    fn question(&mut self, question: &[u8]) {
        let Some(name) = question.len().checked_sub(4) else { return };
        self.name(&question[..name], true);
        self.out.extend_from_slice(&question[name..]);
    }

    /// Writes the records that fit in `budget`: how many of each section, and the section of
    /// the first that does not.
    fn records(&mut self, answer: &Answer, budget: usize) -> ([u16; 3], Option<Section>) {
        let mut counts = [0_u16; 3];
        for section in SECTIONS {
            for record in answer.records().filter(|record| record.section == section) {
                let start = self.out.len();
                self.record(record);
                if self.out.len() > budget {
                    self.out.truncate(start);
                    return (counts, Some(section));
                }
                counts[section as usize] += 1;
            }
        }
        (counts, None)
    }

    fn record(&mut self, record: RecordRef<'_>) {
        self.name(record.owner, true);
        let [r, t] = record.rtype.to_be_bytes();
        let [c, l] = record.class.to_be_bytes();
        let [t0, t1, t2, t3] = record.ttl.to_be_bytes();
        // Rdata of a record that came whole is at most 65,535 octets; names only get shorter.
        let [l0, l1] = (record.rdata.len() as u16).to_be_bytes();
        self.out.extend_from_slice(&[r, t, c, l, t0, t1, t2, t3, l0, l1]);
        let start = self.out.len();
        self.rdata(record);
        let length = (self.out.len() - start) as u16;
        self.out[start - 2..start].copy_from_slice(&length.to_be_bytes());
    }

    /// Names in the rdata of the first types may be compressed (RFC 3597 §4); others may only be
    /// pointed at.
    fn rdata(&mut self, record: RecordRef<'_>) {
        let (before, names, compress) = match record.rtype {
            rtype::CNAME | rtype::NS | rtype::PTR => (0, 1, true),
            rtype::SOA => (0, 2, true),
            rtype::MX => (2, 1, true),
            rtype::SRV => (6, 1, false),
            _ => (0, 0, false),
        };
        let mut rest = record.rdata;
        if before <= rest.len() {
            self.out.extend_from_slice(&rest[..before]);
            rest = &rest[before..];
            for _ in 0..names {
                let length = name_length(rest);
                self.name(&rest[..length], compress);
                rest = &rest[length..];
            }
        }
        self.out.extend_from_slice(rest);
    }

    /// Writes a name; its end is a pointer where that end was written before and `compress` allows it.
    fn name(&mut self, name: &[u8], compress: bool) {
        let mut rest = name;
        while let [length, tail @ ..] = rest
            && *length > 0
        {
            match self.names.find(self.out, rest) {
                Some(at) if compress => {
                    self.out.extend_from_slice(&(0xc000 | at).to_be_bytes());
                    return;
                }
                Some(_) => {}
                None => self.names.note(rest, self.out.len()),
            }
            let label = usize::from(*length).min(tail.len());
            self.out.extend_from_slice(&rest[..1 + label]);
            rest = &tail[label..];
        }
        self.out.push(0);
    }
}

/// Octets of the name at the start of `bytes`, or all of them where it does not end.
fn name_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&length) = bytes.get(at) {
        at += 1 + usize::from(length);
        if length == 0 {
            return at;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::name::WireName;
    use hickory_proto::op::Message;

    const QUESTION: &[u8] = b"\x03web\x04shop\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01";
    const OWNER: &[u8] = b"\x03web\x04shop\x03svc\x07cluster\x05local\x00";

    fn frame(limit: usize, opt: &[u8]) -> Frame<'_> {
        let unfragmented = 1480;
        let (id, flags) = (7, 0x8500);
        Frame { id, flags, question: QUESTION, opt, limit, unfragmented, glue_truncates: true }
    }

    fn addresses(count: u32) -> Answer {
        let mut answer = Answer::default();
        for host in 0..count {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + host);
            answer.address(Section::Answer, OWNER, 30, address.into());
        }
        answer
    }

    /// coredns.md: "headless `web.shop` with 1000 endpoints: no EDNS 29 A (508 B); 1232: 73 A;
    /// 4096: 252 A; TCP: all 1000 A, uncompressed, 42,044 B".
    #[test]
    fn lengths_of_a_thousand_endpoints() {
        let answer = addresses(1000);
        let opt = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00".as_slice();
        let table = [(512, &b""[..], 29, true), (1232, opt, 73, true), (4096, opt, 252, true)];
        let (mut out, names) = (Vec::new(), &mut Names::default());
        for (limit, opt, count, truncated) in table {
            message(&frame(limit, opt), &answer, names, &mut out);
            let read = Message::from_vec(&out).unwrap();
            assert_eq!((read.answers.len(), read.metadata.truncation), (count, truncated));
            assert_eq!(read.edns.is_some(), !opt.is_empty());
            assert!(out.len() <= limit);
        }
        let tcp = Frame { unfragmented: usize::MAX, ..frame(65_535, b"") };
        message(&tcp, &answer, names, &mut out);
        assert_eq!(out.len(), 42_044);
    }

    #[test]
    fn small_messages_are_not_compressed() {
        let (mut out, names) = (Vec::new(), &mut Names::default());
        message(&frame(512, b""), &addresses(1), names, &mut out);
        assert_eq!(out.len(), HEADER + QUESTION.len() + OWNER.len() + 14);
        message(&frame(1_000_000, b""), &addresses(40), names, &mut out);
        assert_eq!(out.len(), HEADER + QUESTION.len() + 40 * 16);
    }

    #[test]
    fn glue_that_is_left_out_truncates_over_udp_only() {
        let mut answer = addresses(1);
        for host in 0..40 {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + host);
            answer.address(Section::Additional, OWNER, 30, address.into());
        }
        let (mut out, names) = (Vec::new(), &mut Names::default());
        for (glue_truncates, count) in [(true, 1), (false, 1), (false, 40)] {
            let mut answer = answer.clone();
            for host in 1..count {
                let address = std::net::Ipv4Addr::from(0x0b00_0000 + host);
                answer.address(Section::Answer, OWNER, 30, address.into());
            }
            message(&Frame { glue_truncates, ..frame(512, b"") }, &answer, names, &mut out);
            let read = Message::from_vec(&out).unwrap();
            assert!(read.additionals.len() < 40);
            assert_eq!(read.metadata.truncation, glue_truncates || count > 1);
        }
    }

    #[test]
    fn what_is_compressed_reads_back() {
        let mut answer = addresses(3);
        let zone = WireName::parse("cluster.local").unwrap();
        answer.push(Section::Authority, zone.wire(), rtype::SOA, 5, |rdata| {
            rdata.extend_from_slice(b"\x02ns\x03dns\x07cluster\x05local\x00");
            rdata.extend_from_slice(b"\x0ahostmaster\x07cluster\x05local\x00");
            rdata.extend_from_slice(&[0; 20]);
        });
        answer.push(Section::Additional, OWNER, rtype::SRV, 5, |rdata| {
            rdata.extend_from_slice(&[0, 0, 0, 1, 0, 80]);
            rdata.extend_from_slice(OWNER);
        });
        let (mut plain, mut packed, names) = (Vec::new(), Vec::new(), &mut Names::default());
        message(&frame(4096, b""), &answer, names, &mut plain);
        message(&Frame { unfragmented: 0, ..frame(4096, b"") }, &answer, names, &mut packed);
        assert!(packed.len() < plain.len());
        let (plain, packed) =
            (Message::from_vec(&plain).unwrap(), Message::from_vec(&packed).unwrap());
        assert_eq!(plain.answers, packed.answers);
        assert_eq!(plain.authorities, packed.authorities);
        assert_eq!(plain.additionals, packed.additionals);
    }
}
