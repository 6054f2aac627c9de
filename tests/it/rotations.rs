//! A member whose Secret is rotated again and again: it is answered throughout, and nothing is left behind.
//!
//! ```sh
//! ROTATIONS=1000 tests/run --test it -- rotations --nocapture   # prints what the process holds
//! ```

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::json;

use crate::harness::objects::{namespace, remote_secret, service};
use crate::harness::pki::base64;
use crate::harness::{ControlPlane, FLEETDNS, LONG, eventually};

/// How often it is rotated where `ROTATIONS` does not say.
const ROTATIONS: usize = 200;

#[tokio::test]
async fn a_rotated_secret_leaves_nothing_behind() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let (secrets, space) = ("rotations-secrets", "rotations");
    west.apply(&(namespace(space) + &service(space, "web"))).await;
    let kubeconfigs = [west.kubeconfig_yaml(), format!("{}# again\n", west.kubeconfig_yaml())];
    let joins = remote_secret(secrets, "west", &[("west", &kubeconfigs[0])]);
    east.apply(&(namespace(secrets) + &joins)).await;
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            kubernetes cluster.local {{
                kubeconfig {}
            }}
            fleet {{
                local east
                members secrets {secrets}
            }}
        }}",
        east.kubeconfig().display()
    );
    let server = FLEETDNS.start(&corefile).await;
    let web = format!("web.{space}.svc.cluster.local A");
    let expected = format!("NOERROR {}", west.cluster_ips(space, "web").await[0]);
    server.comes_to_say(&web, &expected).await;

    // One client for all: it is the server under test that connects anew each time.
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Secret"));
    let api: Api<DynamicObject> = Api::namespaced_with(east.client().await, secrets, &kind);
    let total = std::env::var("ROTATIONS").ok().map(|text| text.parse().expect("a number"));
    let total: usize = total.unwrap_or(ROTATIONS);
    let warm = total / 5;
    let mut before = None;
    for turn in 1..=total {
        let kubeconfig = base64(&kubeconfigs[turn % 2]);
        let change = Patch::Merge(json!({"data": {"west": kubeconfig}}));
        api.patch("west", &PatchParams::default(), &change).await.expect("rotate the Secret");
        eventually("the rotated member", LONG, async || {
            assert_eq!(server.says(&web).await, expected);
            server.logs().matches("the member runs anew").count() == turn
        })
        .await;
        if turn == warm {
            before = Some(server.process.usage());
        }
    }
    let before = before.expect("more than four rotations");
    // What the last members held is given back in the background.
    let after = eventually("nothing to be left behind", LONG, async || {
        let after = server.process.usage();
        let is_flat = after.memory * 10 <= before.memory * 13
            && after.files <= before.files + 2
            && after.threads <= before.threads + 1;
        if is_flat { Ok(after) } else { Err(format!("{after:?} after {before:?}")) }
    })
    .await;
    println!("after {warm} rotations {before:?}, after {total} {after:?}");
    server.must_say(&[(&web, &expected)]).await;
}
