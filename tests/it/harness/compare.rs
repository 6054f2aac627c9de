//! Whether two servers say the same, and what they say as text.

use std::fmt::Write;

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record};

/// Compares header, question, EDNS and sections; the order of records and SOA serials are aside.
///
/// Names are compared in their case. An error shows both answers.
pub fn same_answer(a: &Message, b: &Message) -> Result<(), String> {
    let (left, right) = (render(a), render(b));
    if left == right {
        return Ok(());
    }
    Err(format!("the answers differ\n--- first\n{left}--- second\n{right}"))
}

/// Whether they are equal, but for a second of TTL that may have passed between them. `ordered` compares the
/// order of records too.
pub fn about_same(a: &Message, b: &Message, ordered: bool) -> bool {
    let (mut a, mut b) = (a.clone(), b.clone());
    let sections = |m: &mut Message| {
        [
            std::mem::take(&mut m.answers),
            std::mem::take(&mut m.authorities),
            std::mem::take(&mut m.additionals),
        ]
    };
    let pairs = sections(&mut a).into_iter().zip(sections(&mut b));
    let mut same = render(&a) == render(&b);
    for (mut left, mut right) in pairs {
        if !ordered {
            left.sort_by_key(without_ttl);
            right.sort_by_key(without_ttl);
        }
        same &= left.len() == right.len();
        same &= left.iter().zip(&right).all(|(left, right)| {
            without_ttl(left) == without_ttl(right) && left.ttl.abs_diff(right.ttl) <= 1
        });
    }
    same
}

fn without_ttl(record: &Record) -> String {
    let mut record = record.clone();
    record.ttl = 0;
    format!("{record} {:?}", record.dns_class)
}

/// A message as text, a line an item, sections sorted, without ID and SOA serial.
pub fn render(message: &Message) -> String {
    let m = &message.metadata;
    let mut text = format!("{} {:?} {}", m.op_code, m.message_type, m.response_code);
    let flags = [
        ("aa", m.authoritative),
        ("tc", m.truncation),
        ("rd", m.recursion_desired),
        ("ra", m.recursion_available),
        ("ad", m.authentic_data),
        ("cd", m.checking_disabled),
    ];
    for (flag, _) in flags.into_iter().filter(|(_, set)| *set) {
        let _ = write!(text, " {flag}");
    }
    text.push('\n');
    if let Some(edns) = &message.edns {
        let _ = writeln!(
            text,
            "edns version {} do {} size {} options {:?}",
            edns.version(),
            edns.flags().dnssec_ok,
            edns.max_payload(),
            edns.options().options,
        );
    }
    for query in &message.queries {
        let _ = writeln!(text, "question {query}");
    }
    let sections = [
        ("answer", &message.answers),
        ("authority", &message.authorities),
        ("additional", &message.additionals),
    ];
    for (section, records) in sections {
        for line in lines(records) {
            let _ = writeln!(text, "{section} {line}");
        }
    }
    text
}

/// The records as sorted lines `name ttl class type rdata`, with an SOA's serial as 0.
pub fn lines(records: &[Record]) -> Vec<String> {
    let mut lines: Vec<String> = records.iter().map(line).collect();
    lines.sort();
    lines
}

/// The message with every SOA's serial as 0: that of a cluster's zone is the time of its last change.
pub fn without_serials(mut message: Message) -> Message {
    for section in [&mut message.answers, &mut message.authorities, &mut message.additionals] {
        section.iter_mut().for_each(clear_serial);
    }
    message
}

/// The rdata of the answer section, sorted: `["10.96.0.7"]`.
pub fn rdata(message: &Message) -> Vec<String> {
    let mut rdata: Vec<String> = message.answers.iter().map(|r| r.data.to_string()).collect();
    rdata.sort();
    rdata
}

fn line(record: &Record) -> String {
    let mut record = record.clone();
    clear_serial(&mut record);
    record.to_string()
}

fn clear_serial(record: &mut Record) {
    if let RData::SOA(soa) = &mut record.data {
        soa.serial = 0;
    }
}
