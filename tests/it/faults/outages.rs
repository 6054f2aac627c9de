//! A member that is out of reach, one way or another: its names go stale, and are fresh again soon after it
//! is back. What changed meanwhile is known then.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Barrier;

use super::{Stage, south};
use crate::harness::objects::{namespace, service};
use crate::harness::proxy::{refusing, response};
use crate::harness::{ControlPlane, Etcd, LONG, Pass, Proxy, eventually};

/// A way to be out of reach, and what the log says of it.
struct Way {
    space: &'static str,
    pass: Pass,
    log: &'static str,
}

fn ways() -> Vec<Way> {
    let way = |space, pass, log| Way { space, pass, log };
    let html = || {
        let page = |_: &str| response(502, "<html>Bad Gateway</html>");
        Pass::Answer(Duration::ZERO, Arc::new(page))
    };
    let garbage = || {
        let page = |_: &str| response(200, "<html>Welcome</html>");
        Pass::Answer(Duration::ZERO, Arc::new(page))
    };
    vec![
        way("faults-refused", Pass::Refuse, "Connection refused"),
        way("faults-half-open", Pass::Deaf, "elapsed"),
        way("faults-dropped", Pass::Hole, "nothing received for 43s"),
        way("faults-503", refusing(503), "HTTP 503 Service Unavailable"),
        way("faults-410", refusing(410), "HTTP 410 Gone"),
        way("faults-404", refusing(404), "HTTP 404 Not Found"),
        way("faults-html", html(), "HTTP 502 Bad Gateway"),
        way("faults-garbage", garbage(), "does not decode"),
        way("faults-401", refusing(401), "HTTP 401 Unauthorized"),
    ]
}

#[tokio::test]
async fn names_go_stale_and_are_fresh_again_after_every_outage() {
    let ways = ways();
    // All are away for as long as the one that it takes longest to notice.
    let all_are_lost = Barrier::new(ways.len());
    let survive = join_all(ways.into_iter().map(|way| survives(way, &all_are_lost)));
    tokio::join!(survive, hangs_and_is_made_anew());
}

async fn survives(way: Way, all_are_lost: &Barrier) {
    let south = south().await;
    let proxy = Proxy::before(south).await;
    let stage = Stage::start(way.space, south, &proxy.lead(&south.kubeconfig_yaml()), "").await;
    stage.with_old(south).await;
    proxy.pass(way.pass);
    let outage = async {
        stage.comes_to_be_stale().await;
        stage.server.comes_to_log(way.log).await;
        all_are_lost.wait().await;
        let new = stage.change(south).await;
        stage.comes_to_be_stale().await;
        proxy.pass(Pass::Through);
        stage.comes_back(way.space, &new).await;
    };
    stage.meanwhile(outage).await;
}

/// The server itself hangs, and later comes back as another one: empty, on an etcd that counts its versions
/// from the start.
async fn hangs_and_is_made_anew() {
    let mut own = ControlPlane::cluster("faults-own", "10.99.0.0/16").await;
    let stage = Stage::start("faults-own", &own, &own.kubeconfig_yaml(), "").await;
    stage.with_old(&own).await;
    own.process().stop();
    stage.meanwhile(stage.comes_to_be_stale()).await;
    own.process().cont();
    let new = stage.change(&own).await;
    stage.meanwhile(stage.comes_back("faults-hung", &new)).await;

    own.kill();
    stage.meanwhile(stage.comes_to_be_stale()).await;
    let etcd = Etcd::start().await;
    let anew = async {
        own.restart_on(&etcd.url()).await;
        own.apply(&(namespace("faults-own") + &service("faults-own", "other"))).await;
        let other = format!("NOERROR {}", own.cluster_ips("faults-own", "other").await[0]);
        stage.comes_to_be_fresh("other", &other).await;
        for gone in ["far", "new"] {
            stage.server.comes_to_say(&stage.question(gone), "NXDOMAIN cluster.local. 30").await;
        }
    };
    stage.meanwhile(anew).await;
}

/// On and off, second by second: an address is there at every moment, and then all is well.
#[tokio::test]
async fn a_member_that_flaps() {
    let south = south().await;
    let proxy = Proxy::before(south).await;
    let stage =
        Stage::start("faults-flaps", south, &proxy.lead(&south.kubeconfig_yaml()), "").await;
    stage.with_old(south).await;
    let before = stage.server.process.usage();
    let mut ticks = tokio::time::interval(Duration::from_millis(1000));
    let flaps = async {
        for turn in 0..12 {
            ticks.tick().await;
            proxy.pass(match turn % 4 {
                0 => Pass::Refuse,
                2 => refusing(503),
                _ => Pass::Through,
            });
            assert_eq!(stage.learn(&stage.question("far")).await.said, stage.far);
        }
        proxy.pass(Pass::Refuse);
        let new = stage.change(south).await;
        proxy.pass(Pass::Through);
        stage.comes_back("faults-flaps", &new).await;
    };
    stage.meanwhile(flaps).await;
    eventually("all connections to be given back", LONG, async || {
        let after = stage.server.process.usage();
        if after.files <= before.files + 2 { Ok(()) } else { Err(format!("{after:?} {before:?}")) }
    })
    .await;
    // A line when it goes and one when it is back, for each watch, and no more.
    let lines = stage.server.logs().lines().filter(|line| line.contains("cluster=south")).count();
    assert!(lines < 100, "{}", stage.server.logs());
}
