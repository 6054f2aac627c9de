//! Members that fail in every way: what becomes of their names, and that nobody else's suffer.
//!
//! In each, a server answers for three clusters: the local one and `west`, whose names are asked for all the
//! while, and `south`, which fails.

mod certificates;
mod late;
mod outages;
mod refused;
mod stale;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hickory_proto::rr::rdata::opt::EdnsOption;
use tokio::sync::OnceCell;

use crate::harness::objects::{namespace, service};
use crate::harness::says::{brief, parse};
use crate::harness::{
    ApiServer, ControlPlane, DnsServer, FLEETDNS, LONG, Question, eventually, scratch,
};

/// How often the names of the others are asked for: often enough to see a gap of a second.
const PACE: Duration = Duration::from_millis(20);
/// The TTL of what is known for sure, and of what is not.
const FRESH: u32 = 30;
const SHORT: u32 = 5;

/// The cluster that fails, for those tests that only break the way to it.
async fn south() -> &'static ApiServer {
    static SHARED: OnceCell<ApiServer> = OnceCell::const_new();
    let start = async || {
        let south = ControlPlane::cluster("south", "10.98.0.0/16").await;
        south.process().share();
        south
    };
    SHARED.get_or_init(start).await
}

/// A server, and what the clusters have that it answers for.
struct Stage {
    server: DnsServer,
    /// The namespace of this test, in all clusters.
    space: &'static str,
    /// Kubeconfigs of the members.
    folder: PathBuf,
    /// Questions for names of the others, and what is due.
    others: Vec<(String, String)>,
    /// What `far`, the Service of the member that fails, is answered with.
    far: String,
}

/// All that a client learns of a name.
#[derive(Debug)]
struct Learnt {
    said: String,
    /// Seconds that the answer may be kept; 0 without one.
    ttl: u32,
    /// The Extended DNS Error.
    why: String,
}

impl Stage {
    /// Fills the clusters, starts a server whose local API server is reached by `local` and whose member
    /// `south` by `way`, both kubeconfigs, and waits until it knows all. `lines` are more of its `fleet`.
    async fn start_with(
        space: &'static str,
        local: &str,
        fails: &ApiServer,
        way: &str,
        lines: &str,
    ) -> Self {
        let stage = Self::launch(space, local, fails, Some(way), lines).await;
        stage.server.comes_to_say(&stage.question("far"), &stage.far).await;
        stage
    }

    /// The same, where only the member may fail.
    async fn start(space: &'static str, fails: &ApiServer, way: &str, lines: &str) -> Self {
        let east = &ControlPlane::shared().await.east;
        Self::start_with(space, &east.kubeconfig_yaml(), fails, way, lines).await
    }

    /// The same, without waiting for the member that fails.
    async fn launch(
        space: &'static str,
        local: &str,
        fails: &ApiServer,
        way: Option<&str>,
        lines: &str,
    ) -> Self {
        let ControlPlane { east, west } = ControlPlane::shared().await;
        let answer = async |cluster: &ApiServer, name: &str| {
            cluster.apply(&(namespace(space) + &service(space, name))).await;
            format!("NOERROR {}", cluster.cluster_ips(space, name).await[0])
        };
        let (near, there, far) =
            tokio::join!(answer(east, "near"), answer(west, "there"), answer(fails, "far"));
        let (here, folder) = (scratch::folder("local"), scratch::folder("members"));
        fs::write(here.join("east.yaml"), local).expect("write a kubeconfig");
        fs::write(folder.join("west.yaml"), west.kubeconfig_yaml()).expect("write a kubeconfig");
        if let Some(way) = way {
            fs::write(folder.join("south.yaml"), way).expect("write a kubeconfig");
        }
        let corefile = format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                kubernetes cluster.local {{
                    kubeconfig {}/east.yaml
                    ttl {FRESH}
                }}
                fleet {{
                    local east
                    members kubeconfig {}/*.yaml
                    {lines}
                }}
            }}",
            here.display(),
            folder.display()
        );
        let server = FLEETDNS.start(&corefile).await;
        let name = |name: &str| format!("{name}.{space}.svc.cluster.local.");
        let others = vec![
            (format!("{} A", name("near")), near),
            (format!("{} AAAA", name("near")), format!("NODATA cluster.local. {FRESH}")),
            (format!("{} A", name("there")), there),
        ];
        let stage = Stage { server, space, folder, others, far };
        for (question, expected) in &stage.others {
            stage.server.comes_to_say(question, expected).await;
        }
        stage
    }

    /// The question for the addresses of a Service of this test.
    fn question(&self, service: &str) -> String {
        format!("{service}.{}.svc.cluster.local. A", self.space)
    }

    /// Replaces the kubeconfig of the member that fails.
    fn rewrite(&self, way: &str) {
        fs::write(self.folder.join("south.yaml"), way).expect("write a kubeconfig");
    }

    /// Fails the test unless all names of the others are answered as is due while `future` runs, and no name
    /// that a search list makes is anything but missing.
    async fn meanwhile<T>(&self, future: impl Future<Output = T>) -> T {
        let search = [
            format!("www.example.com.{}.svc.cluster.local. A", self.space),
            format!("near.{}.svc.cluster.local.svc.cluster.local. A", self.space),
        ];
        let asking = async {
            loop {
                for (question, expected) in &self.others {
                    assert_eq!(self.server.says(question).await, *expected, "to {question}");
                }
                for question in &search {
                    let said = self.server.says(question).await;
                    assert!(said.starts_with("NXDOMAIN cluster.local. "), "{question}: {said}");
                }
                tokio::time::sleep(PACE).await;
            }
        };
        tokio::select! {
            value = future => value,
            never = asking => never,
        }
    }

    /// What a client with EDNS learns.
    async fn learn(&self, question: &str) -> Learnt {
        let (name, kind) = parse(question);
        let reply = Question::new(name, kind).edns(1232).ask(self.server.dns_addr()).await;
        let reply = reply.unwrap_or_else(|why| panic!("{question}: {why}"));
        let ttl = reply.answers.first().map_or(0, |record| record.ttl);
        let options = reply.edns.as_ref().map(|edns| edns.options().as_ref());
        let explained = options.into_iter().flatten().find_map(|(_, option)| match option {
            EdnsOption::Unknown(15, data) => Some(String::from_utf8_lossy(data).into_owned()),
            _ => None,
        });
        Learnt { said: brief(&reply), ttl, why: explained.unwrap_or_default() }
    }

    /// Waits until a name of the lost member is answered for a short time, and with the reason.
    async fn comes_to_be_stale(&self) {
        let question = self.question("far");
        eventually("a stale answer", LONG, async || {
            let Learnt { said, ttl, why } = self.learn(&question).await;
            // It is never gone, whenever it is looked at.
            assert_eq!(said, self.far);
            // 3: Stale Answer (RFC 8914 §4.4).
            let is_stale = ttl == SHORT && why == "\0\u{3}south is out of reach; it said this last";
            if is_stale { Ok(()) } else { Err(format!("{said} {ttl} {why:?}")) }
        })
        .await;
    }

    /// Waits until the name is answered as that of a member that is well.
    async fn comes_to_be_fresh(&self, service: &str, expected: &str) {
        let question = self.question(service);
        eventually("a fresh answer", LONG, async || {
            let learnt = self.learn(&question).await;
            let is_fresh = learnt.said == expected && learnt.ttl == FRESH && learnt.why.is_empty();
            if is_fresh { Ok(()) } else { Err(format!("{learnt:?}")) }
        })
        .await;
    }

    /// Waits until the member is answered again, and tells how long that took. While it was away its cluster
    /// got the Service `new` and lost `old`.
    async fn comes_back(&self, fault: &str, new: &str) {
        let begin = Instant::now();
        self.server.comes_to_say(&self.question("new"), new).await;
        println!("{fault}: answered again after {:.1} s", begin.elapsed().as_secs_f32());
        self.comes_to_be_fresh("new", new).await;
        self.comes_to_be_fresh("far", &self.far).await;
        let missing = format!("NXDOMAIN cluster.local. {FRESH}");
        self.server.comes_to_say(&self.question("old"), &missing).await;
    }

    /// Lets the cluster that failed lose `old` and get `new`, and returns the answer for that.
    async fn change(&self, cluster: &ApiServer) -> String {
        cluster.delete(&service(self.space, "old")).await;
        cluster.apply(&service(self.space, "new")).await;
        format!("NOERROR {}", cluster.cluster_ips(self.space, "new").await[0])
    }

    /// Makes the Service `old` and waits until it is answered.
    async fn with_old(&self, cluster: &ApiServer) {
        cluster.apply(&service(self.space, "old")).await;
        let old = format!("NOERROR {}", cluster.cluster_ips(self.space, "old").await[0]);
        self.server.comes_to_say(&self.question("old"), &old).await;
    }
}
