//! Any packet in, over UDP and TCP: a well-formed response or silence out, never a panic.

#![no_main]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use fleetdns::corefile::{self, ParseOptions};
use fleetdns::plugin::setup::Process;
use fleetdns::plugin::{Transport, names, order};
use fleetdns::server::site::{Block, Ends, Site};
use hickory_proto::op::Message;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

/// Octets of a header.
const HEADER: usize = 12;

struct World {
    runtime: Runtime,
    site: Arc<Site>,
}

/// A server over the manifests beside this file, as the first question finds it.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join("world/Corefile");
    let text = std::fs::read_to_string(&path).expect("the Corefile of the fuzzed server");
    let text = text.replace("WORLD", &folder.join("world").display().to_string());
    let options = ParseOptions { default_port: 53, env: &|_| None };
    let corefile = corefile::parse(&path, &text, &options).expect("a Corefile that is right");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut process = Process::default();
    let blocks = corefile.blocks.iter().flat_map(|block| {
        let chain = order::chain(block, &mut process).unwrap_or_else(|error| panic!("{error}"));
        let plugins: Arc<[_]> = chain.plugins.into();
        let of_key = |key: &corefile::Key| Block {
            zone: names::wire(&names::parse(&key.zone).expect("a zone")),
            text: key.zone.as_str().into(),
            chain: plugins.clone(),
            max_payload: chain.max_payload,
            view: chain.view.clone(),
            stacktrace: chain.stacktrace,
        };
        block.keys.iter().map(of_key).collect::<Vec<_>>()
    });
    let site = Arc::new(Site::new("dns://:53", blocks.collect(), Arc::default()));
    runtime.block_on(async { process.views.start() });
    World { runtime, site }
});

fuzz_target!(|packet: &[u8]| {
    let World { runtime, site } = &*WORLD;
    for (transport, client) in [(Transport::Udp, "192.0.2.7:4000"), (Transport::Tcp, "[::1]:4000")]
    {
        let client = client.parse().expect("an address");
        let ends = Ends { client, local: "192.0.2.53:53".parse().expect("an address") };
        let Some(reply) = runtime.block_on(site.answer(packet, ends, transport)) else {
            continue;
        };
        let message = Message::from_vec(&reply).expect("a well-formed message");
        assert!(packet.len() >= HEADER && packet[2] & 0x80 == 0, "an answer to no question");
        assert!(reply[..2] == packet[..2] && reply[2] & 0x80 != 0, "no answer to this question");
        let room = message.edns.as_ref().map_or(512, |edns| edns.max_payload().max(512));
        let room = if transport == Transport::Udp { usize::from(room) } else { 65_535 };
        assert!(reply.len() <= room, "{} octets where {room} are allowed", reply.len());
    }
});
