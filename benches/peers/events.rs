//! From a change at the API server to the answer that shows it.
//!
//! In: two servers that watch one cluster and keep no answers. Out: how long after the API's reply each said what
//! was new. One runs at a time: two would take the core from each other, and an API server tells the one that
//! began to watch last before it replies to whoever made the change, and the others after that.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use hickory_proto::rr::RecordType::A;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::cluster::{Cluster, make, make_namespace, service_of, slice_of};
use super::harness::{COREDNS, FLEETDNS, Question};
use super::report::{Report, Time};
use super::servers::{self, Server};
use super::single::Single;
use super::{Sizes, cores, names};

/// The namespace of what changes.
const SPACE: &str = "events";
/// Headless Services whose endpoint is replaced, each in its turn.
const HEADLESS: usize = 50;
/// Requests at the API server at once, where there are many.
const AT_ONCE: usize = 16;
/// After this a change is lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures changes one after the other, and then many at once, in each round.
pub async fn measure(cluster: &Cluster, sizes: &Sizes, report: &mut Report) {
    let mut changes = Changes::prepare(cluster, sizes).await;
    let mut programs = [FLEETDNS, COREDNS];
    for _ in 0..sizes.rounds {
        for program in programs {
            let server = &servers::plain(program, cluster);
            // The way is open, and has been gone once.
            changes.told(server, 1, 1).await;
            for _ in 0..sizes.events {
                report.times(server.name, Time::Change, changes.told(server, 1, 1).await);
            }
            let told = changes.told(server, sizes.events, AT_ONCE).await;
            report.times(server.name, Time::Changes, told);
        }
        programs.reverse();
    }
}

/// Changes of a cluster, each of which makes a name have an address that nothing had before.
struct Changes {
    client: Client,
    /// Services that were there before.
    services: usize,
    next: usize,
}

/// A change that the API server has replied to.
struct Change {
    replied: Instant,
    packet: Vec<u8>,
    address: Ipv4Addr,
}

impl Changes {
    async fn prepare(cluster: &Cluster, sizes: &Sizes) -> Self {
        let client = cluster.server.client().await;
        make_namespace(&client, SPACE).await;
        for index in 0..HEADLESS {
            let name = format!("headless-{index}");
            let services = Api::<Service>::namespaced(client.clone(), SPACE);
            make(services, service_of(&name, "None")).await;
            let slices = Api::<EndpointSlice>::namespaced(client.clone(), SPACE);
            make(slices, slice_of(&name, &[Ipv4Addr::new(10, 192, 0, 0)])).await;
        }
        Changes { client, services: sizes.services, next: 1 }
    }

    /// Makes some changes, so many at once, and says how long after each the server knew of it.
    async fn told(&mut self, server: &Server, count: usize, at_once: usize) -> Vec<Duration> {
        let numbers = self.next..self.next + count;
        self.next = numbers.end;
        let (sender, changes) = mpsc::channel();
        let at = server.at;
        let seen = tokio::task::spawn_blocking(move || seen(at, &changes));
        let sent = self.make(numbers, at_once).map(|change| sender.send(change));
        sent.for_each(async |sent| sent.expect("somebody asks")).await;
        drop(sender);
        seen.await.expect("all changes are seen")
    }

    fn make(&self, numbers: Range<usize>, at_once: usize) -> impl futures::Stream<Item = Change> {
        stream::iter(numbers).map(|number| self.one(number)).buffer_unordered(at_once)
    }

    /// A new Service or, every other time, a new endpoint of one that is there.
    async fn one(&self, number: usize) -> Change {
        let (name, address) = match number % 2 {
            0 => {
                let name = format!("new-{number}");
                let address = names::address(self.services + number);
                let services = Api::<Service>::namespaced(self.client.clone(), SPACE);
                make(services, service_of(&name, &address.to_string())).await;
                (name, address)
            }
            _ => {
                let name = format!("headless-{}", number / 2 % HEADLESS);
                let first = u32::from(Ipv4Addr::new(10, 192, 0, 0));
                let address = Ipv4Addr::from(first + u32::try_from(number).expect("few"));
                let slices = Api::<EndpointSlice>::namespaced(self.client.clone(), SPACE);
                let patch = Patch::Merge(json!({"endpoints": [{"addresses": [address]}]}));
                let slice = format!("{name}-1");
                let patched = slices.patch(&slice, &PatchParams::default(), &patch).await;
                patched.expect("a changed EndpointSlice");
                (name, address)
            }
        };
        let replied = Instant::now();
        let name = format!("{name}.{SPACE}.svc.cluster.local.");
        Change { replied, packet: Question::new(&name, A).packet(), address }
    }
}

/// Asks for all that has changed, in turns and without a pause, until it is answered: how long each took.
fn seen(at: SocketAddr, changes: &Receiver<Change>) -> Vec<Duration> {
    cores::pin(cores::CLIENT);
    let mut single = Single::to(at);
    let (mut took, mut waiting) = (Vec::new(), Vec::new());
    loop {
        if waiting.is_empty() {
            let Ok(change) = changes.recv() else { return took };
            waiting.push(change);
        }
        waiting.extend(changes.try_iter());
        waiting.retain(|Change { replied, packet, address }| {
            let answer = single.ask(packet);
            let time = replied.elapsed();
            // The one record's data is the end of the answer.
            let is_new = answer.is_some_and(|answer| answer.ends_with(&address.octets()));
            assert!(is_new || time < PATIENCE, "a change is lost");
            if is_new {
                took.push(time);
            }
            !is_new
        });
    }
}
