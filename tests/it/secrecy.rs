//! No credential is ever told: not in the log, not in a metric, not on a page, whatever is wrong with it.
//!
//! Each case has a word of its own where a credential could stand. Afterwards none of them may be found in
//! anything that the server has said, nor the base64 of one.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::harness::api_server::ADMIN;
use crate::harness::objects::{namespace, remote_secret, service};
use crate::harness::pki::base64;
use crate::harness::proxy::{Answer, response, silent_watch};
use crate::harness::{
    ApiServer, ControlPlane, DnsServer, FLEETDNS, Proxy, dig, get, parts, scratch,
};

const SPACE: &str = "secrecy";

/// A word that is nowhere else.
fn word(case: &str) -> String {
    format!("hush{}hush", case.replace('-', ""))
}

/// Kubeconfigs with a word where it does not belong, or where it does, in something that is wrong otherwise.
fn broken(good: &str) -> Vec<(&'static str, String)> {
    let user = |fields: &str| good.replace("token: ", &format!("{fields}, token: "));
    let own = format!("token: {ADMIN}");
    let token = |word: &str| good.replace(&own, &format!("token: {word}"));
    let server = |url: &str| {
        let begin = good.find("https://").expect("a URL");
        let end = begin + good[begin..].find('\n').expect("a line");
        format!("{}{url}{}", &good[..begin], &good[end..])
    };
    let case = |case: &'static str, make: &dyn Fn(&str) -> String| (case, make(&word(case)));
    vec![
        case("wrong", &|word| token(word)),
        case("cut", &|word| {
            let whole = token(word);
            whole[..whole.find(word).expect("the word") + word.len()].to_owned()
        }),
        case("alone", &|word| word.to_owned()),
        case("list", &|word| format!("[{word}]")),
        case("bare", &|word| format!("{}\n{word}", token("x"))),
        case("tab", &|word| token(&format!("\t{word}: {{"))),
        case("newline", &|word| token(&format!("\"{word}\\n\""))),
        case("of-list", &|word| token(&format!("[{word}]"))),
        case("context", &|word| {
            good.replace("current-context: ", &format!("current-context: {word}"))
        }),
        case("user", &|word| good.replace("user: west }", &format!("user: {word} }}"))),
        case("cluster", &|word| good.replace("cluster: west,", &format!("cluster: {word},"))),
        case("exec", &|word| user(&format!("exec: {{ command: {word}, apiVersion: v1 }}"))),
        case("exec-env", &|word| {
            user(&format!(
                "exec: {{ command: sh, apiVersion: v1, env: [{{ name: TOKEN, value: {word} }}] }}"
            ))
        }),
        case("provider", &|word| {
            user(&format!("auth-provider: {{ name: oidc, config: {{ id-token: {word} }} }}"))
        }),
        case("token-file", &|word| user(&format!("tokenFile: /{word}"))),
        case("as", &|word| user(&format!("as: {word}"))),
        case("as-groups", &|word| user(&format!("as-groups: {word}"))),
        case("key", &|word| {
            user(&format!("client-key-data: {word}, client-certificate-data: AAAA"))
        }),
        case("key-base64", &|word| {
            user(&format!(
                "client-key-data: {}, client-certificate-data: {}",
                base64(word),
                base64(word)
            ))
        }),
        case("ca", &|word| good.replace("authority-data: ", &format!("authority-data: {word}"))),
        case("password", &|word| good.replace(&own, &format!("username: a, password: {word}"))),
        case("url-user", &|word| server(&format!("https://a:{word}@127.0.0.1:1"))),
        case("url-query", &|word| server(&format!("https://127.0.0.1:1/?token={word}"))),
        case("url-path", &|word| server(&format!("https://127.0.0.1:1/{word}"))),
        case("url", &|word| server(&format!("\"{word} {word}\""))),
        case("plain", &|word| token(word).replace("https:", "http:")),
        case("proxy", &|word| {
            good.replace(
                "    server:",
                &format!("    proxy-url: http://a:{word}@127.0.0.1:1\n    server:"),
            )
        }),
        case("proxy-scheme", &|word| {
            good.replace(
                "    server:",
                &format!("    proxy-url: socks5://a:{word}@127.0.0.1:1\n    server:"),
            )
        }),
        case("unreachable", &|word| {
            server("https://127.0.0.1:1").replace(&own, &format!("token: {word}"))
        }),
    ]
}

/// API servers that say what they were told in whatever they can say, each in its way.
fn liars() -> Vec<(&'static str, Answer)> {
    /// The credential of a request.
    fn told(request: &str) -> &str {
        let of_it = |line: &str| line.to_lowercase().starts_with("authorization:");
        request.lines().find(|line| of_it(line)).unwrap_or("nothing")
    }
    fn status(request: &str, code: u16) -> String {
        let word = told(request);
        let body = serde_json::json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Failure", "message": format!("no such user: {word}"), "reason": word,
            "details": {"name": word, "causes": [{"message": word}]}, "code": code});
        let whole = response(code, &body.to_string());
        whole.replacen(
            "\r\n",
            &format!("\r\nWWW-Authenticate: {word}\r\nWarning: 299 - \"{word}\"\r\n"),
            1,
        )
    }
    fn listed(request: &str, item: serde_json::Value) -> String {
        let list = serde_json::json!({"kind": "List", "apiVersion": "v1", "items": [item],
            "metadata": {"resourceVersion": "7"}});
        match request.contains("watch=") {
            true => silent_watch(),
            false => response(200, &list.to_string()),
        }
    }
    vec![
        ("liar-401", Arc::new(|request: &str| status(request, 401))),
        ("liar-403", Arc::new(|request: &str| status(request, 403))),
        ("liar-500", Arc::new(|request: &str| status(request, 500))),
        ("liar-page", Arc::new(|request: &str| response(502, told(request)))),
        ("liar-text", Arc::new(|request: &str| response(200, told(request)))),
        (
            "liar-json",
            Arc::new(|request: &str| {
                response(200, &serde_json::json!({"items": told(request)}).to_string())
            }),
        ),
        (
            "liar-object",
            Arc::new(|request: &str| {
                let metadata = serde_json::json!({"name": "a", "namespace": "b"});
                listed(
                    request,
                    serde_json::json!({"metadata": metadata, "spec": told(request),
                "endpoints": told(request), "ports": told(request), "addressType": told(request)}),
                )
            }),
        ),
        ("liar-http", Arc::new(|request: &str| format!("{}\r\n\r\n", told(request)))),
        (
            "liar-event",
            Arc::new(|request: &str| match request.contains("watch=") {
                true => {
                    let line = serde_json::json!({"type": "ERROR", "object": {"kind": "Status",
                    "code": 500, "message": told(request), "reason": told(request)}});
                    response(200, &format!("{line}\n{}\n", told(request)))
                }
                false => listed(
                    request,
                    serde_json::json!({"metadata": {"name": "a", "namespace": "b"}}),
                ),
            }),
        ),
    ]
}

/// A server whose members come from Secrets and from files, and which logs from this level on.
async fn start(
    east: &ApiServer,
    secrets: &str,
    folder: &Path,
    lines: &str,
    level: &str,
) -> DnsServer {
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            errors
            log
            ready 127.0.0.1:{{READY_PORT}}
            health 127.0.0.1:{{HEALTH_PORT}}
            prometheus 127.0.0.1:{{METRICS_PORT}}
            kubernetes cluster.local in-addr.arpa {{
                kubeconfig {}
            }}
            fleet {{
                local east
                members secrets {secrets}
                members kubeconfig {}/*.yaml
                admin 127.0.0.1:{{ADMIN_PORT}}
                {lines}
            }}
        }}",
        east.kubeconfig().display(),
        folder.display()
    );
    FLEETDNS.with(&corefile).env("RUST_LOG", level).start().await
}

#[tokio::test]
async fn no_credential_is_told() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let secrets = "secrecy-secrets";
    west.apply(&(namespace(SPACE) + &service(SPACE, "web"))).await;
    let good = west.kubeconfig_yaml();
    let broken = broken(&good);
    let mut words: Vec<String> = broken.iter().map(|(case, _)| word(case)).collect();
    words.push(ADMIN.to_owned());
    let mut liars_there = Vec::new();
    let mut lying = Vec::new();
    for (case, answer) in liars() {
        let proxy = Proxy::answering(Duration::ZERO, answer).await;
        let kubeconfig = west.kubeconfig_yaml_of(&word(case));
        let (from, to) = (format!(":{}\n", west.port()), format!(":{}\n", proxy.port()));
        lying.push((case, kubeconfig.replacen(&from, &to, 1)));
        words.push(word(case));
        liars_there.push(proxy);
    }
    let all: Vec<(&str, &str)> =
        broken.iter().chain(&lying).map(|(case, text)| (*case, text.as_str())).collect();
    let folder = scratch::folder("members");
    for (case, text) in &all {
        fs::write(folder.join(format!("file-{case}.yaml")), text).expect("write a kubeconfig");
    }
    let joins = remote_secret(secrets, "west", &[("west", &good)]);
    east.apply(&(namespace(secrets) + &remote_secret(secrets, "all", &all) + &joins)).await;
    let (strict, lax) = tokio::join!(
        start(east, secrets, &folder, "", "info"),
        start(east, secrets, &folder, "kubeconfig_allow proxy-url impersonate", "debug"),
    );
    let web = format!("NOERROR {}", west.cluster_ips(SPACE, "web").await[0]);
    for server in [&strict, &lax] {
        server.comes_to_say(&format!("web.{SPACE}.svc.cluster.local A"), &web).await;
        for (case, _) in &lying {
            server.comes_to_log(&format!("cluster={case} kind=")).await;
            server.comes_to_log(&format!("cluster=file-{case} kind=")).await;
        }
        for (case, _) in &broken {
            let logs = async |text: String| server.comes_to_log(&text).await;
            // Those that can be used as they are fail later.
            match *case {
                "wrong" | "password" | "url-path" | "unreachable" => {
                    logs(format!("cluster={case} kind=")).await;
                }
                "as" | "proxy" if std::ptr::eq(server, &lax) => {
                    logs(format!("cluster={case} ")).await;
                }
                _ => logs(format!("key {case}: the kubeconfig is refused")).await,
            }
        }
        is_silent_on(server, &words).await;
    }
}

/// Looks for the words in all that the server says.
async fn is_silent_on(server: &DnsServer, words: &[String]) {
    let question = format!("missing.{SPACE}.svc.cluster.local A");
    let mut said =
        vec![("log", server.logs()), ("dig", dig(server.dns_addr(), &question).await.text)];
    for (port, path) in [
        ("METRICS_PORT", "/metrics"),
        ("READY_PORT", "/ready"),
        ("HEALTH_PORT", "/health"),
        ("HEALTH_PORT", "/"),
        ("ADMIN_PORT", "/clusters"),
        ("ADMIN_PORT", "/"),
    ] {
        let (_, page) = get(server.addr(port), path).await.expect("a page");
        said.push((path, page));
    }
    for place in ["--conf", "--offline --conf", "-o json --offline --conf"] {
        let mut command = Command::new(parts::fleetdns());
        command.arg("clusters").args(place.split(' ')).arg(server.corefile());
        // Those that lie to it are tasks of this thread.
        let run = spawn_blocking(move || command.output().expect("run fleetdns")).await;
        let run = run.expect("the output");
        assert!(run.status.success() && !run.stdout.is_empty(), "{run:?}");
        let text = [run.stdout, run.stderr].concat();
        said.push((place, String::from_utf8_lossy(&text).into_owned()));
    }
    for word in words {
        // Inside of a longer text its base64 looks in three ways, of which the middle is its own.
        let forms = ["", "a", "aa"].map(|before| {
            let whole = base64(&format!("{before}{word}"));
            whole[4..whole.len() - 4].to_owned()
        });
        for (place, text) in &said {
            let found = forms.iter().chain([word]).find(|form| text.contains(form.as_str()));
            assert_eq!(found, None, "of {word} in {place}: {text}");
        }
    }
    assert!(!said[0].1.contains("panicked"), "{}", said[0].1);
}
