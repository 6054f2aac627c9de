//! The lines of `kubernetes` in the Corefile.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::rr::Name;

use super::lines::Lines;
use super::overlaps::Overlaps;
use super::search;
use super::{Kubernetes, NAME, Served, View, Zones};
use crate::admin::one_address;
use crate::cluster::kinds::Keep;
use crate::cluster::{ClusterId, FleetSpec, Selection, Source, SourceError};
use crate::corefile::{Diagnostic, Directive, ServerBlock, Token};
use crate::plugin::bind::Bound;
use crate::plugin::fleet::{self, Lines as FleetLines};
use crate::plugin::setup::{Setup, named};
use crate::plugin::{names, sentinel};
use crate::zone::choice::{Fleet, Reach};
use crate::zone::kubernetes::Pods;
use crate::zone::name::WireName;
use crate::zone::reverse;

/// The local cluster's ID in a block without `fleet`; no name is made of it.
const ALONE: &str = "local";

/// A `kubernetes` and the `fleet` beside it, read.
struct Described {
    zones: Vec<WireName>,
    multicluster: Vec<WireName>,
    clusterset: Vec<WireName>,
    per_cluster: Vec<WireName>,
    lines: Lines,
    fleet: FleetLines,
    spec: FleetSpec,
    /// Where the source of the local cluster stands.
    at: Token,
}

/// Reads `kubernetes [ZONES...] { ... }` and the `fleet` beside it.
///
/// # Errors
/// A line that is wrong or not supported, or a cluster whose description cannot be used.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let described = describe(setup.blocks, setup.block, directive)?;
    let Described { lines, fleet, spec, at, .. } = &described;
    let checked = match spec.source.check() {
        // Whoever checks a Corefile is seldom in the cluster that it is for.
        Err(SourceError::NotInCluster(_)) if setup.process.is_checked => Ok(()),
        checked => checked,
    };
    checked.map_err(|error| {
        let at = match (&error, &lines.tls_at) {
            (SourceError::Tls { .. }, Some(tls)) => tls,
            _ => at,
        };
        at.error(error.to_string(), error.remedy())
    })?;
    for (index, word) in fleet.words.iter().enumerate() {
        let checked = spec.check_member(index);
        checked.map_err(|error| word.error(error.to_string(), error.remedy()))?;
    }
    let view = setup.process.views.share(spec.clone(), lines.startup);
    let ready = view.clone();
    let has_members = !fleet.members.is_empty();
    let awaited = move || if has_members { ready.awaited() } else { Vec::new() };
    let ready = view.clone();
    let waits = move || (!ready.ready()).then(&awaited);
    setup.process.readiness.register(NAME, Arc::new(waits));
    if let Some((word, address)) = &fleet.admin {
        one_address(word, setup.process.admin, *address)?;
        setup.process.admin = Some(*address);
    }
    let zones = Arc::new(described.made(&setup.chain.bind));
    let Described { lines, fleet, .. } = described;
    let port = setup.block.keys.first().map_or(0, |key| key.port);
    setup.process.kubernetes.push(Served {
        zones: zones.clone(),
        view: view.clone(),
        ways: fleet.ways,
        at: (setup.chain.bind.first().copied(), port),
    });
    setup.push(Kubernetes {
        zones,
        view,
        overlaps: Overlaps::new(setup.process.metrics.clone()),
        fallthrough: lines.fallthrough.iter().map(names::wire).collect(),
        search: search::of_machine(),
    });
    Ok(())
}

/// The clusters of a `kubernetes`.
pub struct Clusters {
    pub view: Arc<View>,
    /// What its lines say of names.
    pub zones: Arc<Zones>,
    pub local: ClusterId,
    /// Whether the local cluster's Pods are known.
    pub knows_pods: bool,
}

/// The clusters of a block's `kubernetes`; `None` where it has none. The block's own setup checks them.
///
/// # Errors
/// As [`setup`], of what the lines say.
pub fn clusters(
    setup: &mut Setup<'_>,
    block: &ServerBlock,
) -> Result<Option<Clusters>, Diagnostic> {
    let Some(directive) = named(block, NAME).next() else { return Ok(None) };
    let described = describe(setup.blocks, block, directive)?;
    let zones = Arc::new(described.made(&setup.chain.bind));
    let Described { lines, fleet, spec, .. } = described;
    let knows_pods = spec.selection.pods;
    let view = setup.process.views.share(spec, lines.startup);
    Ok(Some(Clusters { view, zones, local: fleet.local, knows_pods }))
}

impl Described {
    /// What the lines say of names, in a block that is bound to these addresses.
    fn made(&self, bind: &[Bound]) -> Zones {
        let Described { zones, lines, fleet, .. } = self;
        Zones {
            primary: primary(zones),
            zones: zones.clone(),
            ttl: lines.ttl,
            pods: lines.pods,
            namespaces: lines.namespaces.clone(),
            multicluster: self.multicluster.clone(),
            clusterset: self.clusterset.clone(),
            per_cluster: self.per_cluster.clone(),
            zonal: lines.zonal.is_some(),
            ignore_empty: lines.ignore_empty,
            fleet: Fleet {
                local: fleet.local.clone(),
                reach: fleet.reach.clone(),
                top_level: fleet.top_level.clone(),
                resolved: Default::default(),
                cidrs: fleet.cidrs.clone(),
                overlap: fleet.overlap.clone(),
                merge: fleet.merge,
                knows_endpoints: lines.watching.selection().endpoints,
            },
            own_addresses: own_addresses(bind),
        }
    }
}

fn describe(
    blocks: &[ServerBlock],
    block: &ServerBlock,
    directive: &Directive,
) -> Result<Described, Diagnostic> {
    let zones = zones(block, directive)?;
    let lines = Lines::read(directive)?;
    let fleet = match named(block, "fleet").next() {
        Some(directive) => fleet::read(directive)?,
        None => FleetLines::alone(ClusterId::new(ALONE)),
    };
    let (source, at) = match lines.source.clone() {
        Some((source, at)) => (source, at),
        None => (Source::InCluster, directive.name.clone()),
    };
    let multicluster = multicluster(&lines.multicluster, &zones)?;
    not_both(&fleet.clusterset, &multicluster)?;
    let clusterset = apart(block, "clusterset", &fleet.clusterset, &[&zones], "clusterset.local")?;
    let others = [zones.as_slice(), &clusterset];
    let per_cluster = apart(block, "per_cluster", &fleet.per_cluster, &others, "clusters.local")?;
    let keep = Keep { pod_names: lines.pod_names, zones: lines.zonal.is_some() };
    let spec = FleetSpec {
        local: fleet.local.clone(),
        source,
        members: fleet.members.clone(),
        selection: Selection {
            keep,
            pods: lines.pods == Pods::Verified,
            imports: !multicluster.is_empty(),
            exports: !clusterset.is_empty(),
            // The same for all, so that equal blocks share one set of watches.
            entries: sentinel::any_line(blocks, "serviceentries"),
            ranges: sentinel::any_line(blocks, "pool") || !fleet.members.is_empty(),
            ..lines.watching.selection()
        },
        replaced: fleet.reach.map(|reach| matches!(reach, Reach::Instead(_))),
        gateways: fleet.reach.map(|reach| match reach {
            Reach::Instead(gateway) => gateway.service.clone(),
            Reach::Direct | Reach::Endpoints => None,
        }),
        expose: fleet.expose.clone(),
        stale: fleet.stale,
        allowed: fleet.allowed,
        member_ranges: sentinel::any_line(blocks, "pool"),
        limits: lines.watching.limits(),
    };
    Ok(Described { zones, multicluster, clusterset, per_cluster, lines, fleet, spec, at })
}

/// The Kubernetes zones of a block that has a `kubernetes`, with those of the set.
///
/// # Errors
/// A word that is no zone.
pub fn zones_of(block: &ServerBlock) -> Result<Vec<WireName>, Diagnostic> {
    let Some(directive) = named(block, NAME).next() else { return Ok(Vec::new()) };
    let mut all = zones(block, directive)?;
    let lines = named(block, "fleet").flat_map(Directive::lines);
    for line in lines.filter(|line| line.name().text == "clusterset") {
        all.extend(names::zones(line.args())?.iter().map(names::wire));
    }
    Ok(all)
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

/// A zone is made of ServiceImports, or of ServiceExports.
fn not_both(clusterset: &[Token], multicluster: &[WireName]) -> Result<(), Diagnostic> {
    for word in clusterset {
        for zone in names::zones(std::slice::from_ref(word))? {
            if multicluster.contains(&names::wire(&zone)) {
                return Err(word.error(
                    format!("the zone {zone} is of multicluster, too, which reads what a controller wrote"),
                    "keep clusterset, and take the zone out of kubernetes and multicluster; or keep those",
                ));
            }
        }
    }
    Ok(())
}

/// The zones of an option of `fleet`, which must be apart from the others, for a name has one zone, and be
/// asked for in this block.
fn apart(
    block: &ServerBlock,
    option: &str,
    words: &[Token],
    others: &[&[WireName]],
    example: &str,
) -> Result<Vec<WireName>, Diagnostic> {
    let mut all: Vec<WireName> = Vec::new();
    for word in words {
        for zone in names::zones(std::slice::from_ref(word))? {
            let zone = names::wire(&zone);
            if reverse::is_reverse(&zone) {
                return Err(word.error(
                    format!("{zone} is a zone of addresses, and {option} has names of Services"),
                    format!("write a domain name, e.g. {example}"),
                ));
            }
            let mut keys = block.keys.iter().filter_map(|key| WireName::parse(&key.zone));
            if !keys.any(|key| zone.left_of(&key).is_some() || key.left_of(&zone).is_some()) {
                return Err(word.error(
                    format!("no question for {word} comes to this server block"),
                    format!("add {word} to the keys of the block"),
                ));
            }
            let touches =
                |other: &&WireName| zone.left_of(other).is_some() || other.left_of(&zone).is_some();
            let mut before = others.iter().copied().flatten().chain(&all);
            if let Some(other) = before.find(touches) {
                if *other == zone {
                    return Err(word.error(
                        format!("{zone} is a zone of this kubernetes already"),
                        format!("name it in one place: {option} is enough"),
                    ));
                }
                return Err(word.error(
                    format!("the zone {zone} of {option} touches {other}, another zone of this kubernetes"),
                    format!("choose a zone that neither contains that one nor lies in it, e.g. {example}"),
                ));
            }
            all.push(zone);
        }
    }
    Ok(all)
}

/// The addresses that `ns.dns` says: all of this machine's but its loopbacks, and none where `bind` chose
/// some, as in CoreDNS (plugin/kubernetes/local.go).
fn own_addresses(bind: &[Bound]) -> Vec<IpAddr> {
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
fn zones(block: &ServerBlock, directive: &Directive) -> Result<Vec<WireName>, Diagnostic> {
    let named = names::zones(&directive.args)?;
    let zones: Vec<Name> = if named.is_empty() {
        block.keys.iter().filter_map(|key| names::parse(&key.zone)).collect()
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
