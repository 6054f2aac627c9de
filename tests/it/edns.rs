//! EDNS as CoreDNS has it, packet by packet: sizes, DO, options, versions, `bufsize` and `nsid`.

use hickory_proto::rr::RecordType;

use crate::harness::client::{exchange_tcp, exchange_udp};
use crate::harness::{ControlPlane, Question};
use crate::oracle::{LARGE, Pair, large_objects};

const SIZES: [u16; 11] = [0, 1, 511, 512, 513, 1099, 1100, 1101, 1232, 1233, 4096];
/// None, NSID, NSID with something in it, a cookie, padding, and one that nobody knows beside NSID.
const OPTIONS: [&[u8]; 6] = [
    b"",
    b"\x00\x03\x00\x00",
    b"\x00\x03\x00\x02hi",
    b"\x00\x0a\x00\x08abcdefgh",
    b"\x00\x0c\x00\x04\x00\x00\x00\x00",
    b"\xfd\xe9\x00\x02hi\x00\x03\x00\x00",
];
/// DO, nothing, and the bits beside DO, of which the upper ones are mirrored.
const FLAGS: [u16; 4] = [0x8000, 0, 0x7fff, 0xffff];

/// A question with an OPT record.
fn packet(
    name: &str,
    kind: RecordType,
    size: u16,
    version: u8,
    flags: u16,
    options: &[u8],
) -> Vec<u8> {
    let question = Question::new(name, kind).edit(|message| message.metadata.id = 7);
    let mut packet = question.packet();
    packet[11] = 1;
    packet.extend(b"\x00\x00\x29");
    packet.extend(size.to_be_bytes());
    packet.extend([0, version]);
    packet.extend(flags.to_be_bytes());
    packet.extend((options.len() as u16).to_be_bytes());
    packet.extend(options);
    packet
}

#[tokio::test]
async fn packets_are_those_of_coredns() {
    ControlPlane::shared().await.east.apply(&large_objects()).await;
    let short = "10-45-0-1.big.large.svc.cluster.local.";
    for lines in ["", "bufsize", "bufsize 1100", "nsid", "nsid of the fleet\nbufsize 600"] {
        let corefile = format!(
            "cluster.local:{{PORT}} {{\nbind 127.0.0.1\n{lines}\nkubernetes {{\nkubeconfig KUBECONFIG\n}}\n}}"
        );
        let pair = Pair::start(&corefile, LARGE).await;
        let mut asked = 0;
        for (first, (name, kind)) in [
            (LARGE, RecordType::A),
            (LARGE, RecordType::SRV),
            (short, RecordType::A),
            ("gone.large.svc.cluster.local.", RecordType::AAAA),
            // Refused by the server itself.
            ("example.org.", RecordType::A),
        ]
        .into_iter()
        .enumerate()
        {
            for (size, version) in SIZES.map(|size| (size, 0)).into_iter().chain([(1232, 1)]) {
                let all = FLAGS.iter().flat_map(|flags| OPTIONS.map(|options| (*flags, options)));
                // Every fifth of the pairs, another one for each size: 24 of them have no factor in common.
                for (flags, options) in all.skip((first + usize::from(size)) % 5).step_by(5) {
                    let packet = packet(name, kind, size, version, flags, options);
                    let (coredns, fleetdns) = both(&pair, &packet).await;
                    asked += 1;
                    assert!(
                        coredns == fleetdns,
                        "{lines:?}: {name} {kind} size {size} version {version} flags {flags:x} {options:02x?}\n\
                         {coredns:02x?}\n{fleetdns:02x?}"
                    );
                }
            }
            let plain = Question::new(name, kind).packet();
            let (coredns, fleetdns) = both(&pair, &plain).await;
            assert!(coredns == fleetdns, "{lines:?}: {name} {kind} without EDNS");
            // Over TCP glue is left out without TC, which README lists.
            if kind != RecordType::SRV {
                let packet = packet(name, kind, 1232, 0, 0x8000, b"\x00\x03\x00\x00");
                let (coredns, fleetdns) = pair.addresses();
                let coredns = exchange_tcp(coredns, &packet, None).await.expect("a reply");
                let fleetdns = exchange_tcp(fleetdns, &packet, None).await.expect("a reply");
                let same = without_serial(coredns) == without_serial(fleetdns);
                assert!(same, "{lines:?}: {name} {kind} over TCP");
            }
        }
        println!("{lines:?}: {asked} packets");
    }
}

/// What both say, but for the serial: each server's time of the last change.
async fn both(pair: &Pair, packet: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (coredns, fleetdns) = pair.exchange(packet).await;
    (without_serial(coredns), without_serial(fleetdns))
}

fn without_serial(mut packet: Vec<u8>) -> Vec<u8> {
    // REFRESH and RETRY of every SOA, which the serial stands before.
    let timers = b"\x00\x00\x1c\x20\x00\x00\x07\x08";
    if let Some(at) = packet.windows(timers.len()).position(|octets| octets == timers) {
        packet[at - 4..at].fill(0);
    }
    packet
}

/// A padded question longer than 512 octets is answered: CoreDNS reads no more of it and says FORMERR.
#[tokio::test]
async fn long_questions_are_read_whole() {
    ControlPlane::shared().await.east.apply(&large_objects()).await;
    let corefile =
        "cluster.local:{PORT} {\nbind 127.0.0.1\nkubernetes {\nkubeconfig KUBECONFIG\n}\n}";
    let pair = Pair::start(corefile, LARGE).await;
    let padding = [&b"\x00\x0c\x02\x58"[..], &[0; 600]].concat();
    let packet = packet(LARGE, RecordType::A, 1232, 0, 0, &padding);
    let (_, fleetdns) = pair.addresses();
    let reply = exchange_udp(fleetdns, &packet, None).await.expect("a reply");
    assert_eq!((reply[3] & 15, reply[7]), (0, 73), "{reply:02x?}");
}
