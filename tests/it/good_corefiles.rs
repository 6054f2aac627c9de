//! Corefiles as large ones are written: snippets, imports, variables, networks, several keys.

use std::fs;

use crate::harness::{FLEETDNS, Question, objects, scratch};

const SNIPPETS: &str = "(common) {
    bind 127.0.0.1
    errors
}
";

const COREFILE: &str = "import FOLDER/snippets.conf
(suffix) {
    sentinel {$SUFFIX} {
        answer {%SENTINEL%}
    }
}
.:{PORT}, example.org:{OTHER_PORT} {
    import common
    import suffix
    import FOLDER/conf.d/*.conf
}
10.96.0.0/15:{PORT} {
    import common # a comment
    kubernetes \"cluster.local\" 10.96.0.0/15 {
        manifests FOLDER/{$CLUSTER}
    }
}
";

#[tokio::test]
async fn what_large_corefiles_are_made_of_is_read() {
    let folder = scratch::folder("good-corefile");
    for name in ["conf.d", "east"] {
        fs::create_dir(folder.join(name)).expect("make a folder");
    }
    let web = serde_json::json!({"clusterIP": "10.97.0.7", "ports": [{"port": 80}]});
    let shop = objects::namespace("shop") + &objects::service_of("shop", "web", &web);
    for (file, text) in [
        ("snippets.conf", SNIPPETS),
        ("east/shop.yaml", &shop),
        ("conf.d/1.conf", "kubernetes cluster.local {\n    manifests FOLDER/{$CLUSTER}\n}\n"),
        ("conf.d/2.conf", "hosts FOLDER/none {\n    192.0.2.1 www.example.org\n    fallthrough\n}"),
        ("conf.d/not-read", "nonsense\n"),
    ] {
        let text = text.replace("FOLDER", &folder.to_string_lossy());
        fs::write(folder.join(file), text).expect("write a file");
    }
    let dns = FLEETDNS
        .with(&COREFILE.replace("FOLDER", &folder.to_string_lossy()))
        .env("SUFFIX", "mesh.example.org")
        .env("SENTINEL", "240.0.0.7")
        .env("CLUSTER", "east")
        .start()
        .await;
    dns.comes_to_say("web.shop.svc.cluster.local A", "NOERROR 10.97.0.7").await;
    dns.must_say(&[
        ("www.example.org A", "NOERROR 192.0.2.1"),
        ("any.mesh.example.org A", "NOERROR 240.0.0.7"),
    ])
    .await;
    // The network is two zones, one for each value of its second octet that counts.
    dns.comes_to_say("7.0.97.10.in-addr.arpa PTR", "NOERROR web.shop.svc.cluster.local.").await;
    dns.must_say(&[("7.0.96.10.in-addr.arpa PTR", "NXDOMAIN 96.10.in-addr.arpa. 5")]).await;
    // The same block on its other key, which is for one zone.
    let other = dns.addr("OTHER_PORT");
    for (name, expected) in [("www.example.org", 1), ("web.shop.svc.cluster.local", 0)] {
        let reply = Question::new(name, hickory_proto::rr::RecordType::A).ask(other).await;
        assert_eq!(reply.expect("a reply").answers.len(), expected, "{name}");
    }
}
