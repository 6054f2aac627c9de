//! Plugins beside the real CoreDNS, as data: `drop_in/PLUGIN/` has files of cases, and each file is played on
//! CoreDNS and on fleetdns. Their answers must be the same, and what they counted, what they logged and what
//! they asked their upstreams. A new file is found by itself, a new folder is a line in [`drop_in!`].
//!
//! A file is made of parts, each begun by a line `== WORD`; lines before the first are comments:
//!
//! ```text
//! == Corefile               as tests start any server: {PORT} is the port, {METRICS_PORT} that of `prometheus`,
//! == upstream B             the Corefile of a CoreDNS that both have one of, at {B_PORT}, {B_TLS_PORT}...
//! == file db.example        a file beside the Corefile, which FOLDER stands for in all Corefiles
//! == counters coredns_a_    how the counters begin that are compared, instead of all
//! == ask                    steps, one a line
//! ```
//!
//! PKI stands for the folder of the tests' certificates: `ca.pem`, `cert.pem` and `key.pem` of a server that
//! is 127.0.0.1 and `localhost`, `client-cert.pem` and `client-key.pem`.
//!
//! | Step | |
//! |---|---|
//! | `NAME TYPE [WORD...]` | Asks. Words: `tcp`, `edns=SIZE`, `do`, `nsid`, `tsig` (without EDNS, which would come behind it), `cd`, `ad`, `nord`, `class=CH`, `from=127.0.0.2`, `times=3`; `ordered` compares the order of records too; `silence` says that no answer comes, and so is asked together with a name that has one: `silence=NAME`; `anyport` compares no ports of SRV records. |
//! | `@pass SECONDS` | Time passes. |
//! | `@write FILE OTHER` | A file gets what the other has, at once. |
//! | `@until NAME TYPE TEXT` | Asks both again and again, until their answers have the text. Only counters may tell. |
//! | `@http PORT METHOD PATH [bodiless]` | Asks for a page, at the port of this placeholder: status, some headers and body. |
//! | `@becomes PORT PATH STATUS` | A page gets this status; `refused` says that nobody listens any more. |
//! | `@signal NAME` | Sends `TERM`, `INT`, `HUP`, `QUIT` or `USR1`. |
//! | `@logged TIMES TEXT` | The log has the text so often. |
//! | `@told UPSTREAM TIMES TEXT` | The log of an upstream has it. |
//! | `@corefile FILE` | The Corefile becomes what the file says. |
//! | `@ends` | Both processes have ended, with the same code. |
//! | `@connection PORT TIMES NAME TYPE` | Asks on one connection over TCP, and waits until that is closed. |
//! | `@silence PORT AFTER` | Is silent on a connection to a page until that is closed, after `nothing`, `half` a header or a whole `request`. |
//! | `@dig PORT WORD...` | Asks as dig does, for TLS and HTTPS. |
//!
//! Counters are compared where the Corefile has `{METRICS_PORT}`, after all steps and unless the servers have
//! ended. Where `@until` is among them, no counters and lines are.

mod around;
mod case;
mod play;
mod traces;

use std::fs;
use std::path::PathBuf;

use futures::StreamExt;

use case::Case;

/// A test for each folder, and the least number of questions that it has.
macro_rules! drop_in {
    ($($plugin:ident $least:literal,)*) => {
        $(#[tokio::test]
        async fn $plugin() {
            run(stringify!($plugin), $least).await;
        })*

        #[test]
        fn every_folder_is_run() {
            let mut there: Vec<_> = fs::read_dir(folder(""))
                .expect("the folder")
                .map(|entry| entry.expect("an entry"))
                .filter(|entry| entry.path().is_dir())
                .map(|entry| entry.file_name().into_string().expect("UTF-8"))
                .collect();
            there.sort();
            assert_eq!(there, [$(stringify!($plugin)),*]);
        }
    };
}

drop_in! {
    acl 15,
    any 10,
    autopath 15,
    bind 5,
    bufsize 5,
    cache 200,
    cancel 8,
    debug 10,
    dns64 20,
    errors 15,
    file 250,
    forward 80,
    header 15,
    health 40,
    hosts 80,
    import 9,
    loadbalance 20,
    local 30,
    log 15,
    loops 5,
    metadata 5,
    minimal 15,
    multisocket 40,
    nsid 5,
    prometheus 25,
    ready 25,
    reload 20,
    rewrite 120,
    root 6,
    template 150,
    timeouts 17,
    tls 28,
    transfer 15,
    whoami 9,
}

/// Files that are played at a time.
const AT_ONCE: usize = 3;

async fn run(plugin: &str, least: usize) {
    let mut files: Vec<PathBuf> = fs::read_dir(folder(plugin))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let cases: Vec<Case> = files
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a file of cases");
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Case::read(&format!("{plugin}/{name}"), &text)
        })
        .collect();
    let asked: usize = cases.iter().map(Case::questions).sum();
    assert!(asked >= least, "only {asked} questions of {plugin}");
    let mut playing = futures::stream::iter(cases.iter().map(play::play)).buffer_unordered(AT_ONCE);
    let mut wrong = Vec::new();
    while let Some(found) = playing.next().await {
        wrong.extend(found);
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n\n"));
}

fn folder(plugin: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/drop_in").join(plugin)
}
