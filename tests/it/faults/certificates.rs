//! Certificates of another time than now: the log says so, and nobody else is hurt.

use tokio::join;

use super::{Stage, south};
use crate::harness::api_server::ADMIN;
use crate::harness::pki::{Issued, Pki, Valid, base64};
use crate::harness::{ControlPlane, Proxy};

/// A server whose member `south` is reached by this kubeconfig, from which it cannot learn anything yet.
async fn launch(space: &'static str, way: &str) -> Stage {
    let east = ControlPlane::shared().await.east.kubeconfig_yaml();
    Stage::launch(space, &east, south().await, Some(way), "").await
}

/// A server's certificate is wrong, and then it is right.
async fn serving(space: &'static str, valid: Valid, log: &str) {
    let south = south().await;
    let proxy = Proxy::with_certificate(south, valid).await;
    let stage = launch(space, &proxy.lead(&south.kubeconfig_yaml())).await;
    let mended = async {
        stage.server.comes_to_log(log).await;
        stage.server.comes_to_say(&stage.question("far"), "NXDOMAIN cluster.local. 5").await;
        let good = Proxy::before(south).await;
        stage.rewrite(&good.lead(&south.kubeconfig_yaml()));
        stage.comes_to_be_fresh("far", &stage.far).await;
    };
    stage.meanwhile(mended).await;
}

/// The same of the client's.
async fn showing(space: &'static str, valid: Valid, log: &str) {
    let south = south().await;
    let of_user = |valid| {
        let Issued { cert, key } = Pki::shared().client(space, valid);
        let (cert, key) = (base64(&cert), base64(&key));
        let inline = format!("client-certificate-data: {cert}, client-key-data: {key}");
        south.kubeconfig_yaml().replace(&format!("token: {ADMIN}"), &inline)
    };
    let stage = launch(space, &of_user(valid)).await;
    let mended = async {
        stage.server.comes_to_log(log).await;
        stage.server.comes_to_say(&stage.question("far"), "NXDOMAIN cluster.local. 5").await;
        stage.rewrite(&of_user(Valid::Now));
        stage.comes_to_be_fresh("far", &stage.far).await;
    };
    stage.meanwhile(mended).await;
}

#[tokio::test]
async fn a_certificate_of_another_time_is_named_in_the_log() {
    const EXPIRED: &str = "invalid peer certificate: certificate expired";
    const NOT_YET: &str = "invalid peer certificate: certificate not valid yet";
    join!(
        serving("faults-server-expired", Valid::NoMore, EXPIRED),
        serving("faults-server-early", Valid::NotYet, NOT_YET),
        showing(
            "faults-client-expired",
            Valid::NoMore,
            "HTTP 401 Unauthorized (its credential is not accepted): the client certificate has expired",
        ),
        showing("faults-client-early", Valid::NotYet, "the client certificate is not valid yet"),
    );
}
