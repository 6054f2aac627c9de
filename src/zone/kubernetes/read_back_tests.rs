//! Whatever the zone writes is read back the same by the codec, compressed or not.

use std::sync::LazyLock;

use hickory_proto::op::Message;
use proptest::prelude::*;

use super::option_tests::{world, zones};
use super::*;
use crate::cluster::kinds::Keep;
use crate::zone::compression::Names;
use crate::zone::write::{self, Frame};

/// Up to four of these before a suffix make a name.
const LABELS: [&str; 20] = [
    "web",
    "db",
    "far",
    "near",
    "idle",
    "none",
    "kube-dns",
    "dns-pods",
    "one",
    "two",
    "_pg",
    "_tcp",
    "_",
    "_zone",
    "pin",
    "prefer",
    "eu-a",
    "10-244-1-1",
    "dns-version",
    "ns",
];
const SUFFIXES: [&str; 8] = [
    "shop.svc.cluster.local",
    "shop.pod.cluster.local",
    "kube-system.svc.cluster.local",
    "svc.cluster.local",
    "cluster.local",
    "dns.cluster.local",
    "1.244.10.in-addr.arpa",
    "0.96.10.in-addr.arpa",
];
const TYPES: [u16; 10] = [1, 2, 5, 6, 12, 15, 16, 28, 33, 255];

static WORLD: LazyLock<Registry> = LazyLock::new(|| world(Keep { pod_names: true, zones: true }));

/// A name with its letters in any case, and how many labels are left of its zone.
fn names() -> impl Strategy<Value = WireName> {
    let labels = prop::collection::vec(
        prop_oneof![
            6 => prop::sample::select(&LABELS[..]).prop_map(str::to_owned),
            1 => (0..30_u8).prop_map(|host| host.to_string()),
        ],
        0..4,
    );
    (labels, prop::sample::select(&SUFFIXES[..]), any::<u64>()).prop_map(
        |(labels, suffix, case)| {
            let all = labels.iter().map(String::as_str).chain(suffix.split('.'));
            let spelled = |(index, label): (usize, &str)| {
                if case >> (index % 64) & 1 == 1 { label.to_uppercase() } else { label.to_owned() }
            };
            let text: Vec<String> = all.enumerate().map(spelled).collect();
            WireName::parse(&text.join(".")).expect("a short name")
        },
    )
}

/// The records of an answer, whole, section by section.
fn records(answer: &Answer) -> Vec<String> {
    let mut records: Vec<_> = answer.records().collect();
    records.sort_by_key(|record| record.section);
    records.iter().map(|record| format!("{record:?}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn is_read_back(name in names(), kind in prop::sample::select(&TYPES[..]), compress: bool) {
        let zones = Kubernetes {
            zonal: true,
            pods: Pods::Insecure,
            own_addresses: vec!["10.244.9.9".parse().unwrap()],
            ..zones()
        };
        let left = zones.find(&name).expect("a name in a zone");
        let known = Known { local: true, members: true };
        let mut answer = Answer::default();
        let mut elsewhere = Elsewhere::default();
        let verdict = zones.answer(&WORLD, known, (&name, kind), left, &mut answer);
        match verdict {
            Verdict::Chase(targets) => {
                targets.into_iter().for_each(|name| elsewhere.tell(name, Some(Answer::default())));
                answer.clear();
                zones.complete(&WORLD, known, (&name, kind), left, &elsewhere, &mut answer);
            }
            Verdict::NameError => {
                zones.negative(&WORLD, known, (&name, left), rcode::NXDOMAIN, &mut answer);
            }
            _ => {}
        }
        let question = [name.wire(), &kind.to_be_bytes(), &[0, 1]].concat();
        let unfragmented = if compress { 0 } else { usize::MAX };
        let frame = Frame {
            id: 7, flags: 0x8400, question: &question, opt: b"", limit: 65_535, unfragmented, glue_truncates: true,
        };
        let mut packet = Vec::new();
        write::message(&frame, &answer, &mut Names::default(), &mut packet);
        let message = Message::from_vec(&packet).expect("a well-formed message");
        let read = Answer::from_message(&message).expect("records");
        // What the codec reads, it writes alike.
        prop_assert_eq!(records(&read), records(&answer));
        prop_assert_eq!(message.queries.len(), 1);
    }
}
