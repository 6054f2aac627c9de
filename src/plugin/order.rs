//! The order of execution, which is the program's and not the Corefile's, and which of CoreDNS's
//! plugins are built in. The list is CoreDNS 1.15.0's plugin.cfg (core/dnsserver/zdirectives.go) with
//! `fleet`, which extends `kubernetes`, and `sentinel`, which stands just before `template`.

use super::setup::{Chain, Process, Setup};
use super::{
    acl, bind, bufsize, errors, fleet, forward, health, hosts, kubernetes, log, metadata, nsid,
    prometheus, ready, sentinel, transfer, view,
};
use crate::corefile::{Diagnostic, Directive, ServerBlock, Token, nearest};

/// Reads the directives of one plugin in one server block.
pub type SetupFn = fn(&mut Setup<'_>, &[&Directive]) -> Result<(), Diagnostic>;

/// Whether a plugin can be used.
#[derive(Clone, Copy)]
pub enum Standing {
    Built(SetupFn),
    /// A plugin of CoreDNS that fleetdns does not have.
    NotBuiltIn,
}

use Standing::{Built, NotBuiltIn};

/// Every directive of a Corefile, first to last.
pub const ORDER: &[(&str, Standing)] = &[
    ("root", NotBuiltIn),
    ("metadata", Built(metadata::setup)),
    ("geoip", NotBuiltIn),
    ("cancel", NotBuiltIn),
    ("proxyproto", NotBuiltIn),
    ("quic", NotBuiltIn),
    ("grpc_server", NotBuiltIn),
    ("https", NotBuiltIn),
    ("https3", NotBuiltIn),
    ("timeouts", NotBuiltIn),
    ("multisocket", NotBuiltIn),
    ("reload", NotBuiltIn),
    ("nsid", Built(nsid::setup)),
    ("bufsize", Built(bufsize::setup)),
    ("bind", Built(bind::setup)),
    ("debug", NotBuiltIn),
    ("trace", NotBuiltIn),
    ("ready", Built(ready::setup)),
    ("health", Built(health::setup)),
    ("pprof", NotBuiltIn),
    ("shed", NotBuiltIn),
    ("prometheus", Built(prometheus::setup)),
    ("errors", Built(errors::setup)),
    ("log", Built(log::setup)),
    ("dnstap", NotBuiltIn),
    ("local", NotBuiltIn),
    ("dns64", NotBuiltIn),
    ("siit", NotBuiltIn),
    ("any", NotBuiltIn),
    ("chaos", NotBuiltIn),
    ("loadbalance", NotBuiltIn),
    ("tsig", NotBuiltIn),
    ("rewrite", NotBuiltIn),
    ("autopath", NotBuiltIn),
    ("acl", Built(acl::setup)),
    ("cache", NotBuiltIn),
    ("header", NotBuiltIn),
    ("dnssec", NotBuiltIn),
    ("tls", NotBuiltIn),
    ("minimal", NotBuiltIn),
    ("sentinel", Built(sentinel::setup)),
    ("template", NotBuiltIn),
    ("transfer", Built(transfer::setup)),
    ("dynupdate", NotBuiltIn),
    ("hosts", Built(hosts::setup)),
    ("route53", NotBuiltIn),
    ("azure", NotBuiltIn),
    ("clouddns", NotBuiltIn),
    ("k8s_external", NotBuiltIn),
    ("fleet", Built(fleet::setup)),
    ("kubernetes", Built(kubernetes::setup)),
    ("file", NotBuiltIn),
    ("auto", NotBuiltIn),
    ("secondary", NotBuiltIn),
    ("etcd", NotBuiltIn),
    ("loop", NotBuiltIn),
    ("forward", Built(forward::setup)),
    ("grpc", NotBuiltIn),
    ("erratic", NotBuiltIn),
    ("whoami", NotBuiltIn),
    ("on", NotBuiltIn),
    ("sign", NotBuiltIn),
    ("view", Built(view::setup)),
    ("nomad", NotBuiltIn),
];

/// Sets up the plugins of one of the server blocks, in the order of execution.
///
/// # Errors
/// The first thing in the block that is wrong. No socket has been opened and nothing was started.
pub fn chain(
    blocks: &[ServerBlock],
    block: &ServerBlock,
    process: &mut Process,
) -> Result<Chain, Diagnostic> {
    for directive in &block.directives {
        check(&directive.name)?;
    }
    let mut chain = Chain::default();
    for (name, standing) in ORDER {
        let directives: Vec<&Directive> =
            block.directives.iter().filter(|directive| directive.name.text == *name).collect();
        if let (Standing::Built(setup), false) = (standing, directives.is_empty()) {
            setup(&mut Setup { blocks, block, chain: &mut chain, process }, &directives)?;
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
        Some((_, NotBuiltIn)) => Err(name.error(
            format!("the CoreDNS plugin {} is not built in", name.text),
            format!("remove it; fleetdns has {}", list()),
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
