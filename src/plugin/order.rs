//! The order of execution, which is the program's and not the Corefile's, and which of CoreDNS's
//! plugins are built in. The list is CoreDNS 1.15.0's plugin.cfg (core/dnsserver/zdirectives.go) with
//! `fleet`, which extends `kubernetes`, and `sentinel`, which stands just before `template`.

use super::setup::{Chain, Process, Setup};
use super::{
    acl, any, autopath, bind, bufsize, cache, cancel, crowds, debug, dns64, errors, file, fleet,
    forward, header, health, hosts, k8s_external, kubernetes, loadbalance, local, log, r#loop,
    metadata, minimal, multisocket, nsid, prometheus, ready, reload, rewrite, root, sentinel,
    template, timeouts, tls, transfer, view, whoami,
};
use crate::corefile::{Diagnostic, Directive, ServerBlock, Token, nearest};

/// Reads the directives of one plugin in one server block.
pub type SetupFn = fn(&mut Setup<'_>, &[&Directive]) -> Result<(), Diagnostic>;

/// Whether a plugin can be used.
#[derive(Clone, Copy)]
pub enum Standing {
    Built(SetupFn),
    /// A plugin of CoreDNS that fleetdns does not have, and what to do instead.
    NotBuiltIn(&'static str),
}

use Standing::{Built, NotBuiltIn};

/// Every directive of a Corefile, first to last.
pub const ORDER: &[(&str, Standing)] = &[
    ("root", Built(root::setup)),
    ("metadata", Built(metadata::setup)),
    ("geoip", NotBuiltIn("choose by `incidr(client_ip(), ...)` in a `view`")),
    ("cancel", Built(cancel::setup)),
    (
        "proxyproto",
        NotBuiltIn(
            "have the load balancer keep the clients' addresses (externalTrafficPolicy: Local)",
        ),
    ),
    ("quic", Built(crowds::quic)),
    ("grpc_server", NotBuiltIn("serve DNS over TLS, `tls://`, or HTTPS, `https://`")),
    ("https", Built(crowds::https)),
    ("https3", NotBuiltIn("serve DNS over HTTPS, `https://`, or QUIC, `quic://`")),
    ("timeouts", Built(timeouts::setup)),
    ("multisocket", Built(multisocket::setup)),
    ("reload", Built(reload::setup)),
    ("nsid", Built(nsid::setup)),
    ("bufsize", Built(bufsize::setup)),
    ("bind", Built(bind::setup)),
    ("debug", Built(debug::setup)),
    ("trace", NotBuiltIn("count with `prometheus`, and see single questions with `log`")),
    ("ready", Built(ready::setup)),
    ("health", Built(health::setup)),
    ("pprof", NotBuiltIn("profile the process from outside, with perf")),
    ("shed", NotBuiltIn("limit what waits for upstreams with `max_concurrent` of `forward`")),
    ("prometheus", Built(prometheus::setup)),
    ("errors", Built(errors::setup)),
    ("log", Built(log::setup)),
    ("dnstap", NotBuiltIn("see questions and answers with `log`")),
    ("local", Built(local::setup)),
    ("dns64", Built(dns64::setup)),
    ("siit", NotBuiltIn("make IPv6 addresses of IPv4 ones with `dns64`")),
    ("any", Built(any::setup)),
    (
        "chaos",
        NotBuiltIn("answer CH TXT version.bind by no server, or by a `template` of class CH"),
    ),
    ("loadbalance", Built(loadbalance::setup)),
    ("tsig", NotBuiltIn("let trusted networks alone ask for transfers, with `acl`")),
    ("rewrite", Built(rewrite::setup)),
    ("autopath", Built(autopath::setup)),
    ("acl", Built(acl::setup)),
    ("cache", Built(cache::setup)),
    ("header", Built(header::setup)),
    ("dnssec", NotBuiltIn("sign the zone beforehand and serve it with `file`")),
    ("tls", Built(tls::setup)),
    ("minimal", Built(minimal::setup)),
    ("sentinel", Built(sentinel::setup)),
    ("template", Built(template::setup)),
    ("transfer", Built(transfer::setup)),
    (
        "dynupdate",
        NotBuiltIn("write the zone to a file, and serve it with `file`, which reads it again"),
    ),
    ("hosts", Built(hosts::setup)),
    ("route53", NotBuiltIn("ask the zone's name servers with `forward`")),
    ("azure", NotBuiltIn("ask the zone's name servers with `forward`")),
    ("clouddns", NotBuiltIn("ask the zone's name servers with `forward`")),
    ("k8s_external", Built(k8s_external::setup)),
    ("fleet", Built(fleet::setup)),
    ("kubernetes", Built(kubernetes::setup)),
    ("file", Built(file::setup)),
    ("auto", NotBuiltIn("name each zone's file with `file`")),
    ("secondary", NotBuiltIn("ask the primary with `forward`, or copy the zone to a `file`")),
    (
        "etcd",
        NotBuiltIn(
            "write the names to a `hosts` file, or ask a CoreDNS that has etcd with `forward`",
        ),
    ),
    ("loop", Built(r#loop::setup)),
    ("forward", Built(forward::setup)),
    ("grpc", NotBuiltIn("ask the upstream with `forward`, over TLS if need be")),
    ("erratic", NotBuiltIn("use it in a CoreDNS beside: it is for tests")),
    ("whoami", Built(whoami::setup)),
    (
        "on",
        NotBuiltIn(
            "start the command from outside: as init container, or by the kubelet's lifecycle hooks",
        ),
    ),
    ("sign", NotBuiltIn("sign the zone beforehand and serve it with `file`")),
    ("view", Built(view::setup)),
    ("nomad", NotBuiltIn("ask a CoreDNS that has nomad with `forward`")),
];

/// What becomes of a problem: it ends the set-up, or it is noted and the set-up goes on.
pub type Found<'a> = dyn FnMut(Diagnostic) -> Result<(), Diagnostic> + 'a;

/// Sets up the plugins of one of the server blocks, in the order of execution.
///
/// # Errors
/// What `found` says. No socket has been opened and nothing was started.
pub fn chain(
    blocks: &[ServerBlock],
    block: &ServerBlock,
    process: &mut Process,
    found: &mut Found<'_>,
) -> Result<Chain, Diagnostic> {
    for directive in &block.directives {
        check(&directive.name).or_else(&mut *found)?;
    }
    let mut chain = Chain::default();
    for (name, standing) in ORDER {
        let directives: Vec<&Directive> =
            block.directives.iter().filter(|directive| directive.name.text == *name).collect();
        if let (Standing::Built(setup), false) = (standing, directives.is_empty()) {
            let mut seen = Setup { blocks, block, chain: &mut chain, process };
            setup(&mut seen, &directives).or_else(&mut *found)?;
        }
    }
    Ok(chain)
}

/// The names of the plugins that are built in, in the order of execution.
pub fn built_in() -> impl Iterator<Item = &'static str> {
    ORDER.iter().filter(|(_, standing)| matches!(standing, Built(_))).map(|(name, _)| *name)
}

/// Whether a directive may stand in a server block.
///
/// # Errors
/// It is a plugin of CoreDNS that is not built in, or no plugin at all.
pub fn check(name: &Token) -> Result<(), Diagnostic> {
    match ORDER.iter().find(|(known, _)| *known == name.text) {
        Some((_, Built(_))) => Ok(()),
        Some((_, NotBuiltIn(instead))) => Err(name.error(
            format!("the CoreDNS plugin {} is not built in", name.text),
            format!("remove it; {instead}"),
        )),
        None => {
            let names: Vec<&str> = built_in().collect();
            let remedy = match nearest(&name.text, &names) {
                Some(meant) => format!("did you mean '{meant}'?"),
                None => format!("a server block holds plugins, one a line: {}", list()),
            };
            Err(name.error(format!("unknown directive '{}'", name.text), remedy))
        }
    }
}

fn list() -> String {
    built_in().collect::<Vec<_>>().join(" ")
}
