//! The lines of `kubernetes` in the Corefile.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::Name;

use super::watching::Watching;
use super::{Kubernetes, NAME, Zones};
use crate::cluster::kinds::Keep;
use crate::cluster::{ClusterId, FleetSpec, Replaced, Selection, Source, SourceError, TlsFiles};
use crate::corefile::{Diagnostic, Directive, Line, Token, parse_duration, parse_number};
use crate::plugin::fleet::{self, Lines as FleetLines};
use crate::plugin::names;
use crate::plugin::setup::Setup;
use crate::zone::choice::{Fleet, Reach};
use crate::zone::kubernetes::Pods;
use crate::zone::name::WireName;
use crate::zone::reverse;

/// Seconds that answers may be kept without `ttl` (plugin/kubernetes/kubernetes.go).
const DEFAULT_TTL: u32 = 5;
/// How long questions wait for the first sync without `startup_timeout`.
const DEFAULT_STARTUP: Duration = Duration::from_secs(5);
/// The local cluster's ID in a block without `fleet`; no name is made of it.
const ALONE: &str = "local";

const OPTIONS: &[&str] = &[
    "endpoint",
    "tls",
    "kubeconfig",
    "manifests",
    "namespaces",
    "namespace_labels",
    "labels",
    "noendpoints",
    "apiserver_qps",
    "apiserver_burst",
    "apiserver_max_inflight",
    "pods",
    "endpoint_pod_names",
    "ttl",
    "fallthrough",
    "ignore",
    "multicluster",
    "zonal",
    "startup_timeout",
];

/// What the lines said.
struct Lines {
    source: Option<(Source, Token)>,
    tls: Option<TlsFiles>,
    tls_at: Option<Token>,
    namespaces: Option<BTreeSet<Box<[u8]>>>,
    namespaces_at: Option<Token>,
    watching: Watching,
    pods: Pods,
    pod_names: bool,
    ttl: u32,
    fallthrough: Vec<Name>,
    ignore_empty: bool,
    multicluster: Vec<Token>,
    zonal: Option<Token>,
    startup: Duration,
}

/// Reads `kubernetes [ZONES...] { ... }` and the `fleet` beside it.
///
/// # Errors
/// A line that is wrong or not supported, or a cluster whose description cannot be used.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let zones = zones(setup, directive)?;
    let lines = read(directive)?;
    let fleet = match setup.directives("fleet").first() {
        Some(directive) => fleet::read(directive)?,
        None => FleetLines::alone(ClusterId::new(ALONE)),
    };
    let (source, at) = match lines.source {
        Some((source, at)) => (source, at),
        None => (Source::InCluster, directive.name.clone()),
    };
    let multicluster = multicluster(&lines.multicluster, &zones)?;
    let keep = Keep { pod_names: lines.pod_names, zones: lines.zonal.is_some() };
    let pods = lines.pods == Pods::Verified;
    let imports = !multicluster.is_empty();
    let spec = FleetSpec {
        local: fleet.local.clone(),
        source,
        members: fleet.members,
        selection: Selection { keep, pods, imports, ..lines.watching.selection() },
        replaced: replaced(&fleet.reach, &fleet.others),
        limits: lines.watching.limits(),
    };
    spec.source.check().map_err(|error| {
        let at = match (&error, &lines.tls_at) {
            (SourceError::Tls { .. }, Some(tls)) => tls,
            _ => &at,
        };
        at.error(error.to_string(), error.remedy())
    })?;
    for (index, word) in fleet.words.iter().enumerate() {
        let checked = spec.check_member(index);
        checked.map_err(|error| word.error(error.to_string(), error.remedy()))?;
    }
    let view = setup.process.views.share(spec, lines.startup);
    let ready = view.clone();
    setup.process.readiness.register(NAME, Arc::new(move || ready.ready()));
    setup.push(Kubernetes {
        zones: Arc::new(Zones {
            primary: primary(&zones),
            zones,
            ttl: lines.ttl,
            pods: lines.pods,
            namespaces: lines.namespaces,
            multicluster,
            zonal: lines.zonal.is_some(),
            ignore_empty: lines.ignore_empty,
            fleet: Fleet { local: fleet.local, reach: fleet.reach, others: fleet.others },
            own_addresses: own_addresses(&setup.chain.bind),
        }),
        view,
        fallthrough: lines.fallthrough,
    });
    Ok(())
}

/// The zones of ServiceImports, which must be zones of the plugin.
fn multicluster(words: &[Token], zones: &[WireName]) -> Result<Vec<WireName>, Diagnostic> {
    let mut all = Vec::new();
    for word in words {
        for zone in names::zones(std::slice::from_ref(word))? {
            let zone = names::wire(&zone);
            if !zones.contains(&zone) {
                return Err(word.error(
                    format!("the multicluster zone {zone} is no zone of this kubernetes"),
                    format!("add it, e.g. kubernetes cluster.local {word}"),
                ));
            }
            all.push(zone);
        }
    }
    Ok(all)
}

/// Whose endpoints are of no use.
fn replaced(reach: &HashMap<ClusterId, Reach>, others: &Reach) -> Replaced {
    let is_replaced = |reach: &Reach| *reach != Reach::Direct;
    let named = reach.iter().map(|(member, reach)| (member.clone(), is_replaced(reach)));
    Replaced { named: named.collect(), others: is_replaced(others) }
}

/// The addresses that `ns.dns` says: all of this machine's but its loopbacks, and none where `bind` chose
/// some, as in CoreDNS (plugin/kubernetes/local.go).
fn own_addresses(bind: &[IpAddr]) -> Vec<IpAddr> {
    if !bind.is_empty() {
        return Vec::new();
    }
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => {
            let others = interfaces.iter().filter(|interface| !interface.is_loopback());
            others.map(if_addrs::Interface::ip).collect()
        }
        Err(error) => {
            tracing::warn!(%error, "the addresses of this machine cannot be read: no NS records");
            Vec::new()
        }
    }
}

/// The zones of the directive, or else of the server block.
fn zones(setup: &Setup<'_>, directive: &Directive) -> Result<Vec<WireName>, Diagnostic> {
    let named = names::zones(&directive.args)?;
    let zones: Vec<Name> = if named.is_empty() {
        setup.zones().iter().filter_map(|zone| names::parse(zone)).collect()
    } else {
        named
    };
    let zones: Vec<WireName> = zones.iter().map(names::wire).collect();
    if zones.iter().all(below_reverse) {
        return Err(directive.name.error(
            "kubernetes has only reverse zones, and no zone for the names they point to",
            "add the cluster's domain, e.g. kubernetes cluster.local in-addr.arpa ip6.arpa",
        ));
    }
    Ok(zones)
}

/// Below `in-addr.arpa` or `ip6.arpa`, which themselves CoreDNS takes for forward zones here.
fn below_reverse(zone: &WireName) -> bool {
    zone.labels() > 2 && reverse::is_reverse(zone)
}

fn primary(zones: &[WireName]) -> WireName {
    zones.iter().find(|zone| !below_reverse(zone)).cloned().unwrap_or_else(WireName::root)
}

fn read(directive: &Directive) -> Result<Lines, Diagnostic> {
    let mut lines = Lines {
        source: None,
        tls: None,
        tls_at: None,
        namespaces: None,
        namespaces_at: None,
        watching: Watching::default(),
        pods: Pods::default(),
        pod_names: false,
        ttl: DEFAULT_TTL,
        fallthrough: Vec::new(),
        ignore_empty: false,
        multicluster: Vec::new(),
        zonal: None,
        startup: DEFAULT_STARTUP,
    };
    for line in directive.lines() {
        lines.read(line)?;
    }
    lines.finish()
}

impl Lines {
    fn read(&mut self, line: &Line) -> Result<(), Diagnostic> {
        match line.name().text.as_str() {
            "endpoint" => {
                let words = line.args_within(1.., "endpoint URL")?;
                if let [first, second, ..] = words {
                    // As CoreDNS, where a list of them is deprecated.
                    tracing::warn!(
                        "{}: of several endpoints only {first} is used, not {second}",
                        second.at
                    );
                }
                let url = words[0].text.clone();
                self.source(line, Source::Endpoint { url, tls: None })?;
            }
            "tls" => {
                let args = line.args_within(3..=3, "tls CERT KEY CACERT")?;
                let [cert, key, ca] = [0, 1, 2].map(|index| PathBuf::from(&args[index].text));
                self.tls = Some(TlsFiles { cert, key, ca });
                self.tls_at = Some(line.name().clone());
            }
            "kubeconfig" => {
                let args = line.args_within(1..=2, "kubeconfig FILE [CONTEXT]")?;
                let context = args.get(1).map(|word| word.text.clone());
                let file = PathBuf::from(&args[0].text);
                self.source(line, Source::Kubeconfig { file, context })?;
            }
            "manifests" => {
                let directory = PathBuf::from(&line.one_arg("manifests DIRECTORY")?.text);
                self.source(line, Source::Manifests(directory))?;
            }
            "namespaces" => {
                let args = line.args_within(1.., "namespaces NAMESPACE...")?;
                let names = args.iter().map(|word| word.text.to_ascii_lowercase().into_bytes());
                self.namespaces.get_or_insert_default().extend(names.map(Into::into));
                self.namespaces_at = Some(line.name().clone());
            }
            "pods" => {
                let word = line.one_arg("pods disabled|insecure|verified")?;
                self.pods = match word.text.as_str() {
                    "disabled" => Pods::Disabled,
                    "insecure" => Pods::Insecure,
                    "verified" => Pods::Verified,
                    _ => {
                        let modes = ["disabled", "insecure", "verified"];
                        return Err(word.unknown("mode of pods", &modes));
                    }
                };
            }
            "endpoint_pod_names" => {
                line.no_args()?;
                self.pod_names = true;
            }
            "ttl" => {
                let word = line.one_arg("ttl SECONDS")?;
                self.ttl = parse_number(word, "TTL in seconds", 0..=3600)?;
            }
            "fallthrough" => self.fallthrough = names::zones_or_all(line.args())?,
            "ignore" => {
                let word = line.one_arg("ignore empty_service")?;
                if word.text != "empty_service" {
                    return Err(word.unknown("thing to ignore", &["empty_service"]));
                }
                self.ignore_empty = true;
            }
            "multicluster" => {
                self.multicluster = line.args_within(1.., "multicluster ZONE...")?.to_vec();
            }
            "zonal" => {
                line.no_args()?;
                self.zonal = Some(line.name().clone());
            }
            "startup_timeout" => {
                self.startup = parse_duration(line.one_arg("startup_timeout DURATION")?)?;
            }
            _ if self.watching.read(line)? => {}
            _ => return Err(line.unknown(NAME, OPTIONS)),
        }
        Ok(())
    }

    fn source(&mut self, line: &Line, source: Source) -> Result<(), Diagnostic> {
        if let Some((_, before)) = &self.source {
            return Err(line.name().error(
                format!("{} stands beside {} of {}", line.name(), before, before.at),
                "name the cluster once: by endpoint, kubeconfig or manifests",
            ));
        }
        self.source = Some((source, line.name().clone()));
        Ok(())
    }

    /// Joins `tls` with the `endpoint` it is for.
    fn finish(mut self) -> Result<Self, Diagnostic> {
        self.namespaces_at.as_ref().map_or(Ok(()), |word| self.watching.with_namespaces(word))?;
        self.zonal.as_ref().map_or(Ok(()), |word| self.watching.with_zonal(word))?;
        let (Some(files), Some(at)) = (self.tls.take(), &self.tls_at) else { return Ok(self) };
        match &mut self.source {
            Some((Source::Endpoint { tls, .. }, _)) => {
                *tls = Some(files);
                Ok(self)
            }
            _ => Err(at.error(
                "tls is for an endpoint, and there is none",
                "add `endpoint URL`, or remove tls: a kubeconfig has its own certificates",
            )),
        }
    }
}
