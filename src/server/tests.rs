//! Whatever comes in, a well-formed response goes out, or nothing where nothing was asked.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::edns::Edns;
use super::place::Place;
use super::query;
use super::site::{Block, Ends, Site};
use crate::corefile::{self, ParseOptions, Scheme};
use crate::plugin::setup::Process;
use crate::plugin::{Transport, names, order};
use crate::zone::write::HEADER;

const COREFILE: &str = ". {
    sentinel remote {
        answer 240.0.0.1 fd00::1
        except ingress.b.remote
    }
    hosts {
        192.0.2.1 a.example
        fallthrough
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        manifests zones/demo/east
        startup_timeout 60s
        pods insecure
        fallthrough in-addr.arpa
    }
}
big.remote {
    sentinel big.remote {
        answer ADDRESSES
    }
}
empty.example {
}";

/// Up to three of these, before a suffix, make the names of questions.
const LABELS: [&[u8]; 20] = [
    b"cluster",
    b"local",
    b"svc",
    b"pod",
    b"shop",
    b"web",
    b"db",
    b"db-0",
    b"search",
    b"_http",
    b"_tcp",
    b"dns-version",
    b"remote",
    b"big",
    b"a",
    b"example",
    b"in-addr",
    b"arpa",
    b"10-244-1-31",
    b"\x00.\xff",
];
const SUFFIXES: [&str; 8] = [
    "",
    "cluster.local",
    "shop.svc.cluster.local",
    "shop.pod.cluster.local",
    "remote",
    "big.remote",
    "96.10.in-addr.arpa",
    "empty.example",
];

struct World {
    runtime: Runtime,
    site: Arc<Site>,
}

/// The blocks of the Corefile, on one site; its cluster is the demo's east.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let addresses: Vec<String> = (1..200).map(|host| format!("240.0.1.{host}")).collect();
    let text = COREFILE.replace("ADDRESSES", &addresses.join(" "));
    let options = ParseOptions { default_port: 53, env: &|_| None };
    let corefile = corefile::parse(Path::new("Corefile"), &text, &options).unwrap();
    let mut process = Process::default();
    let blocks = corefile.blocks.iter().map(|block| {
        let chain = order::chain(&corefile.blocks, block, &mut process, &mut Err).unwrap();
        let zone = names::wire(&names::parse(&block.keys[0].zone).unwrap());
        Block {
            fast: None,
            zone,
            text: block.keys[0].zone.as_str().into(),
            chain: chain.plugins.into(),
            max_payload: chain.max_payload,
            view: chain.view,
            stacktrace: chain.stacktrace,
        }
    });
    let place = Place { scheme: Scheme::Dns, address: None, port: 53 };
    let site = Arc::new(Site::new(place, blocks.collect(), Arc::default()));
    // Questions for the cluster's zones wait until it is read.
    runtime.block_on(async { process.views.start() });
    World { runtime, site }
});

fn answer(packet: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let World { runtime, site } = &*WORLD;
    let client = "192.0.2.7:40000".parse().unwrap();
    let ends = Ends { client, local: "192.0.2.53:53".parse().unwrap() };
    runtime.block_on(site.answer(packet, ends, transport))
}

/// Asks a packet over both transports.
fn check(packet: &[u8]) -> Result<(), TestCaseError> {
    for transport in [Transport::Udp, Transport::Tcp] {
        let reply = answer(packet, transport);
        let asks = packet.len() >= HEADER && packet[2] & 0x80 == 0;
        prop_assert_eq!(reply.is_some(), asks, "{:?}", reply);
        let Some(reply) = reply else { continue };
        let message = Message::from_vec(&reply);
        prop_assert!(message.is_ok(), "{:?}: {:02x?}", message, reply);
        prop_assert_eq!(&reply[..2], &packet[..2], "the ID");
        prop_assert_eq!(reply[2] & 0xf8, packet[2] & 0x78 | 0x80, "QR and the opcode");
        let message = message.unwrap();
        let questions = usize::from(u16::from_be_bytes([reply[4], reply[5]]));
        prop_assert_eq!(message.queries.len(), questions);
        prop_assert!(questions <= 1);
        let size = message.edns.as_ref().map_or(512, |edns| edns.max_payload().max(512));
        let limit = if transport == Transport::Udp { usize::from(size) } else { 65_535 };
        prop_assert!(reply.len() <= limit, "{} octets, {limit} allowed", reply.len());
        if matches!(query::read(packet), query::Query::Ask { .. }) {
            let asked = Message::from_vec(packet).unwrap();
            prop_assert_eq!(&asked.queries, &message.queries);
            prop_assert_eq!(asked.edns.is_some(), message.edns.is_some());
        }
    }
    Ok(())
}

/// Questions as clients ask them.
fn question() -> impl Strategy<Value = Vec<u8>> {
    let name = (prop::collection::vec(0..LABELS.len(), 0..4), 0..SUFFIXES.len());
    let name = name.prop_map(|(labels, suffix)| {
        let suffix = SUFFIXES[suffix].split('.').filter(|label| !label.is_empty());
        let labels = labels.into_iter().map(|label| LABELS[label]);
        Name::from_labels(labels.chain(suffix.map(str::as_bytes))).unwrap()
    });
    const KINDS: [u16; 14] = [1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 65, 252, 255, 65_280];
    let edns = prop_oneof![Just(None), any::<(u16, bool, u8)>().prop_map(Some)];
    (name, prop::sample::select(&KINDS[..]), edns, any::<(u16, bool, bool)>()).prop_map(
        |(name, kind, edns, (id, rd, cd))| {
            let mut message = Message::new(id, MessageType::Query, OpCode::Query);
            message.metadata.recursion_desired = rd;
            message.metadata.checking_disabled = cd;
            message.add_query(Query::query(name, RecordType::from(kind)));
            if let Some((size, dnssec_ok, version)) = edns {
                let edns = message.edns.get_or_insert_default();
                edns.set_max_payload(size).set_dnssec_ok(dnssec_ok);
                edns.set_version(version / 128);
            }
            message.to_vec().unwrap()
        },
    )
}

/// What happens to packets: octets change, go, and come.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6);
    (question(), changes).prop_map(|(mut packet, changes)| {
        for (place, octet, change) in changes {
            let at = place.index(packet.len().max(1));
            match change {
                _ if packet.is_empty() => packet.push(octet),
                0 => packet[at] = octet,
                1 => packet.truncate(at),
                _ => packet.insert(at, octet),
            }
        }
        packet
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_packet(packet in prop::collection::vec(any::<u8>(), 0..600)) {
        check(&packet)?;
    }

    /// A header that says there is one question, and anything behind it.
    #[test]
    fn any_question(id: u16, flags in 0..0x80_u8, rest in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut packet = vec![(id >> 8) as u8, id as u8, flags & 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        packet.extend(rest);
        check(&packet)?;
    }

    #[test]
    fn real_questions(packet in question()) {
        check(&packet)?;
    }

    #[test]
    fn mutated_questions(packet in mutated()) {
        check(&packet)?;
    }
}

/// The properties would hold of a server that refuses everything, too.
#[test]
fn the_chain_answers() {
    let table = [
        ("web.shop.svc.cluster.local", RecordType::A, ResponseCode::NoError, 1),
        ("db.shop.svc.cluster.local", RecordType::A, ResponseCode::NoError, 2),
        ("gone.shop.svc.cluster.local", RecordType::A, ResponseCode::NXDomain, 0),
        ("foo.remote", RecordType::AAAA, ResponseCode::NoError, 1),
        ("x.big.remote", RecordType::A, ResponseCode::NoError, 199),
        ("a.example", RecordType::A, ResponseCode::NoError, 1),
        ("x.empty.example", RecordType::A, ResponseCode::Refused, 0),
        ("other.example", RecordType::A, ResponseCode::ServFail, 0),
    ];
    for (name, kind, code, count) in table {
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.add_query(Query::query(names::parse(name).unwrap(), kind));
        let reply = answer(&message.to_vec().unwrap(), Transport::Tcp).unwrap();
        let reply = Message::from_vec(&reply).unwrap();
        assert_eq!((reply.metadata.response_code, reply.answers.len()), (code, count), "{name}");
    }
}

const OPT: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00";
const QUESTION: &[u8] = b"\x03foo\x06remote\x00\x00\x01\x00\x01";

/// A packet with ID 7: the flags, the four counts, and what follows.
fn packet(flags: u16, counts: [u16; 4], rest: &[&[u8]]) -> Vec<u8> {
    let words = [7, flags].into_iter().chain(counts);
    words.flat_map(u16::to_be_bytes).chain(rest.concat()).collect()
}

/// The code, then `header` for a header alone, else the numbers of questions and answers, and OPT's size
/// and flags.
fn shown(packet: &[u8]) -> String {
    let Some(reply) = answer(packet, Transport::Udp) else { return "silence".into() };
    let message = Message::from_vec(&reply).unwrap();
    let code = message.metadata.response_code.low();
    let high = message.edns.as_ref().map_or(0, hickory_proto::op::Edns::rcode_high);
    let code = match u16::from(high) << 4 | u16::from(code) {
        0 => "NOERROR",
        1 => "FORMERR",
        4 => "NOTIMP",
        5 => "REFUSED",
        16 => "BADVERS",
        _ => "another code",
    };
    if reply.len() == HEADER {
        return format!("{code} header");
    }
    let mut text = format!("{code} {} {}", message.queries.len(), message.answers.len());
    if let Some(edns) = &message.edns {
        // The codec reads sizes below 512 as 512.
        let question = packet.len().min(HEADER + QUESTION.len());
        text += &format!(" opt {}", Edns::find(&reply, question).unwrap().size);
        text += if edns.flags().dnssec_ok { " do" } else { "" };
    }
    text
}

/// What no chain sees, and what one does although it is odd.
#[test]
fn malformed_and_odd_messages() {
    let long_label = [b"\x40".as_slice(), &[b'a'; 64], b"\x06remote\x00\x00\x01\x00\x01"].concat();
    let name_of = |labels: usize, last: usize| {
        let mut wire =
            b"\x3faaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".repeat(labels);
        wire.push(last as u8);
        wire.extend(vec![b'a'; last]);
        wire.extend_from_slice(b"\x06remote\x00\x00\x01\x00\x01");
        wire
    };
    let version_1 = b"\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00".as_slice();
    let small = b"\x00\x00\x29\x00\x64\x00\x00\x7f\xff\x00\x00".as_slice();
    let option = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x06\xfd\xe9\x00\x02hi".as_slice();
    let address = b"\x03foo\x06remote\x00\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x01\x02\x03\x04";
    let chaos = b"\x03foo\x06remote\x00\x00\x01\x00\x03".as_slice();
    let pointer = b"\x03foo\xc0\x0c\x00\x01\x00\x01".as_slice();
    let q = QUESTION;
    let table = [
        ("a question", packet(0x0100, [1, 0, 0, 0], &[q]), "NOERROR 1 1"),
        ("with OPT", packet(0x0100, [1, 0, 0, 1], &[q, OPT]), "NOERROR 1 1 opt 1232 do"),
        ("a size of 100", packet(0, [1, 0, 0, 1], &[q, small]), "NOERROR 1 1 opt 100"),
        ("an option", packet(0, [1, 0, 0, 1], &[q, option]), "NOERROR 1 1 opt 1232"),
        ("version 1", packet(0, [1, 0, 0, 1], &[q, version_1]), "BADVERS 1 0 opt 0"),
        ("octets behind", packet(0, [1, 0, 0, 0], &[q, b"more"]), "NOERROR 1 1"),
        ("a record in the answer", packet(0, [1, 1, 0, 0], &[q, address]), "NOERROR 1 1"),
        ("of 63 octets", packet(0, [1, 0, 0, 0], &[&name_of(1, 1)]), "NOERROR 1 1"),
        ("of 255 octets", packet(0, [1, 0, 0, 0], &[&name_of(3, 54)]), "NOERROR 1 1"),
        ("class CH", packet(0, [1, 0, 0, 0], &[chaos]), "REFUSED 1 0"),
        ("class CH with OPT", packet(0, [1, 0, 0, 1], &[chaos, OPT]), "REFUSED 1 0 opt 1232 do"),
        ("of 256 octets", packet(0, [1, 0, 0, 0], &[&name_of(3, 55)]), "FORMERR header"),
        ("a label of 64 octets", packet(0, [1, 0, 0, 0], &[&long_label]), "FORMERR header"),
        ("a pointer", packet(0, [1, 0, 0, 0], &[pointer]), "FORMERR header"),
        ("two OPT", packet(0, [1, 0, 0, 2], &[q, OPT, OPT]), "FORMERR 1 0"),
        ("OPT as answer", packet(0, [1, 1, 0, 0], &[q, OPT]), "FORMERR 1 0"),
        ("OPT as authority", packet(0, [1, 0, 1, 0], &[q, OPT]), "FORMERR 1 0"),
        ("records that are not there", packet(0, [1, 0, 0, 1], &[q]), "FORMERR 1 0"),
        ("no question", packet(0, [0, 0, 0, 0], &[]), "FORMERR header"),
        ("no question but OPT", packet(0, [0, 0, 0, 1], &[OPT]), "FORMERR header"),
        ("a question that is not there", packet(0, [1, 0, 0, 0], &[]), "FORMERR header"),
        ("half a question", packet(0, [1, 0, 0, 0], &[&q[..9]]), "FORMERR header"),
        ("two questions", packet(0, [2, 0, 0, 0], &[q, q]), "FORMERR header"),
        ("two answers", packet(0, [1, 2, 0, 0], &[q, address, address]), "FORMERR header"),
        ("three additional", packet(0, [1, 0, 0, 3], &[q, OPT, OPT, OPT]), "FORMERR header"),
        ("NOTIFY", packet(0x2000, [1, 0, 0, 0], &[q]), "NOTIMP header"),
        ("UPDATE", packet(0x2800, [1, 0, 0, 0], &[q]), "NOTIMP header"),
        ("STATUS without a question", packet(0x1000, [0, 0, 0, 0], &[]), "NOTIMP header"),
        ("a response", packet(0x8000, [1, 0, 0, 0], &[q]), "silence"),
        ("half a header", packet(0, [1, 0, 0, 0], &[])[..11].to_vec(), "silence"),
    ];
    for (what, packet, expected) in table {
        assert_eq!(shown(&packet), expected, "{what}");
    }
}
