use proptest::prelude::*;

use super::*;

/// A reply to `a. A`, with counts for the sections and what stands in them.
fn bytes(counts: [u8; 3], records: &[u8]) -> Vec<u8> {
    let [answers, authorities, additionals] = counts;
    let header = [0, 7, 0x81, 0x80, 0, 1, 0, answers, 0, authorities, 0, additionals];
    [&header[..], b"\x01a\0\0\x01\0\x01", records].concat()
}

fn record(rtype: u16, data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).unwrap();
    let [high, low] = rtype.to_be_bytes();
    [&[0xc0, 12, high, low, 0, 1, 0, 0, 0, 5, 0, length], data].concat()
}

fn shown(read: Result<Message, Unreadable>) -> String {
    match read {
        Ok(message) => {
            let sections = [&message.answers, &message.authorities, &message.additionals];
            let code = message.metadata.response_code;
            format!("{code:?} {}", sections.map(|records| records.len().to_string()).join(" "))
        }
        Err(Unreadable::Cut(message)) => {
            format!("cut {} {}", message.metadata.id, message.queries.len())
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn reads_what_coredns_reads() {
    let (a, nothing) = (record(1, &[10, 0, 0, 1]), record(16, &[]));
    let opt = [0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0];
    for (what, bytes, expected) in [
        ("short", vec![0; 11], "dns: short read"),
        ("a header alone", bytes([0, 0, 0], &[])[..12].to_vec(), "NoError 0 0 0"),
        ("nothing", bytes([0, 0, 0], &[]), "NoError 0 0 0"),
        ("an address", bytes([1, 0, 0], &a), "NoError 1 0 0"),
        ("more behind the end", bytes([0, 0, 0], &a), "NoError 0 0 0"),
        ("counts that lie", bytes([9, 9, 9], &a), "NoError 1 0 0"),
        ("an end within the question", bytes([0, 0, 0], &[])[..16].to_vec(), "cut 7 0"),
        ("an end within a record", bytes([1, 0, 0], &a[..13]), "cut 7 1"),
        ("an address of three octets", bytes([1, 0, 0], &record(1, &[10, 0, 0])), "cut 7 1"),
        ("a record without data", bytes([1, 0, 0], &nothing), "NoError 1 0 0"),
        ("a tag of CAA", bytes([1, 0, 0], &record(257, b"\0\x02-_x")), "NoError 1 0 0"),
        (
            "parameters of HTTPS out of order",
            bytes([1, 0, 0], &record(65, b"\0\x01\0\0\x03\0\x02\0\x50\0\x01\0\x03\x02h2")),
            "NoError 1 0 0",
        ),
        ("a type that nobody knows", bytes([1, 0, 0], &record(65280, &[1])), "NoError 1 0 0"),
        ("an extended code", bytes([0, 0, 1], &opt), "BADSIG 0 0 0"),
        (
            "a name that points to itself",
            bytes([1, 0, 0], &record(5, &[0xc0, 31])),
            "dns: label points to data not prior to idx: 31 ptr: 31",
        ),
    ] {
        assert_eq!(shown(message(&bytes)), expected, "{what}");
    }
}

#[test]
fn hands_odd_data_on_as_it_is() {
    let odd = record(257, b"\0\x02-_x");
    let read = message(&bytes([1, 0, 0], &odd)).unwrap();
    let written = read.to_vec().unwrap();
    assert!(written.ends_with(b"\0\x02-_x"));
    assert_eq!(u16::from(read.answers[0].record_type()), 257);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever an upstream sends, and wherever it ends.
    #[test]
    fn nothing_makes_it_panic(
        counts in any::<[u8; 3]>(),
        types in proptest::collection::vec((0_u16..300, proptest::collection::vec(any::<u8>(), 0..40)), 0..4),
        changed in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in any::<prop::sample::Index>(),
    ) {
        let records: Vec<u8> = types.iter().flat_map(|(rtype, data)| record(*rtype, data)).collect();
        let mut bytes = bytes(counts, &records);
        for (at, octet) in changed {
            let at = at.index(bytes.len());
            bytes[at] = octet;
        }
        let end = end.index(bytes.len() + 1);
        if let Ok(read) = message(&bytes[..end]) {
            // What is read can be sent to a client, or is refused without harm.
            let _ = read.to_vec();
        }
    }
}
