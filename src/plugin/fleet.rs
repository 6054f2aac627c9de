//! `fleet`: the other clusters of the `kubernetes` zones in the same server block.
//!
//! In: its lines in the Corefile. Out: [`Lines`], which [`super::kubernetes`] builds its clusters from.
//! It answers no questions itself.

pub mod admin;
mod expose;
mod reach;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::setup::Setup;
use crate::cluster::kinds::Merge;
use crate::cluster::{Allowed, ClusterId, Expose, MemberSource, PerMember, STALE};
use crate::corefile::{
    Diagnostic, Directive, Line, Token, parse_duration, parse_ip, parse_network,
};
use crate::zone::choice::Reach;
use crate::zone::overlap::Overlap;

const NAME: &str = "fleet";
const OPTIONS: &[&str] = &[
    "local",
    "members",
    "reach",
    "cidrs",
    "overlap",
    "expose",
    "merge",
    "clusterset",
    "per_cluster",
    "stale",
    "kubeconfig_allow",
    "admin",
];
/// The member of a `reach` line that stands for all that have none of their own.
const OTHERS: &str = "*";

/// What a `fleet` says.
#[derive(Clone, Debug)]
pub struct Lines {
    pub local: ClusterId,
    pub members: Vec<MemberSource>,
    /// Where each of them stands.
    pub words: Vec<Token>,
    pub reach: PerMember<Reach>,
    /// The same in the words of the Corefile.
    pub ways: PerMember<String>,
    pub expose: PerMember<Expose>,
    /// Namespaces of members that are answered though they are named like top-level domains.
    pub top_level: PerMember<expose::Names>,
    /// The ranges of the local cluster's Services and pods.
    pub cidrs: Vec<IpNet>,
    pub overlap: Overlap,
    pub merge: Merge,
    /// Zones of the Services that any cluster exports.
    pub clusterset: Vec<Token>,
    /// Zones below which each cluster has one of its own.
    pub per_cluster: Vec<Token>,
    /// How long what a lost member said is answered.
    pub stale: Duration,
    /// What the kubeconfigs of members may do besides.
    pub allowed: Allowed,
    /// Where the status pages are, and the word that says so.
    pub admin: Option<(Token, SocketAddr)>,
}

impl Lines {
    /// One cluster and no members.
    pub fn alone(local: ClusterId) -> Self {
        Lines {
            local,
            members: Vec::new(),
            words: Vec::new(),
            reach: PerMember::default(),
            ways: PerMember::all("direct".to_owned()),
            expose: PerMember::default(),
            top_level: PerMember::default(),
            cidrs: Vec::new(),
            overlap: Overlap::default(),
            merge: Merge::default(),
            clusterset: Vec::new(),
            per_cluster: Vec::new(),
            stale: STALE,
            allowed: Allowed::default(),
            admin: None,
        }
    }
}

/// Checks that `fleet` has a `kubernetes` to extend, whose setup reads the lines.
///
/// # Errors
/// It has none, or stands twice in the block.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    directive.no_args()?;
    if setup.directives("kubernetes").is_empty() {
        return Err(directive.name.error(
            "fleet extends the kubernetes zones of its server block, and there are none",
            "add `kubernetes cluster.local` to this block, or move fleet to the block that has it",
        ));
    }
    Ok(())
}

/// Reads the lines of a `fleet`.
///
/// # Errors
/// The first line that is wrong, or that the local cluster has no ID.
pub fn read(directive: &Directive) -> Result<Lines, Diagnostic> {
    let mut local = None;
    let mut lines = Lines::alone(ClusterId::new(""));
    let mut reached: HashMap<String, Token> = HashMap::new();
    let mut exposed = expose::Lines::default();
    for line in directive.lines() {
        match line.name().text.as_str() {
            "local" => {
                let id = line.one_arg("local ID")?;
                if let Some(before) = local.replace(id.clone()) {
                    return Err(id.error(
                        format!("the local cluster has an ID already, {before}, at {}", before.at),
                        "keep one local line",
                    ));
                }
                lines.local = ClusterId::new(id.text.as_str());
            }
            "members" => {
                lines.members.push(members(line)?);
                lines.words.push(line.name().clone());
            }
            "reach" => {
                let (member, reach) = reach::read(line)?;
                if let Some(before) = reached.insert(member.text.clone(), member.clone()) {
                    return Err(member.error(
                        format!("how {member} is reached is said already at {}", before.at),
                        "keep one reach line for each member",
                    ));
                }
                let way: Vec<&str> =
                    line.args()[1..].iter().map(|word| word.text.as_str()).collect();
                let way = way.join(" ");
                match member.text.as_str() {
                    OTHERS => (lines.reach.others, lines.ways.others) = (reach, way),
                    id => {
                        lines.reach.named.insert(ClusterId::new(id), reach);
                        lines.ways.named.insert(ClusterId::new(id), way);
                    }
                }
            }
            "expose" => exposed.read(line)?,
            "cidrs" => {
                for word in line.args_within(1.., "cidrs NETWORK...")? {
                    lines.cidrs.push(parse_network(word)?);
                }
            }
            "merge" => {
                let word = line.one_arg("merge local-first | union | failover")?;
                let ways = Merge::ALL.map(|(name, _)| name);
                let unknown = || word.unknown("way to merge", &ways);
                lines.merge = Merge::parse(&word.text).ok_or_else(unknown)?;
            }
            "clusterset" => {
                let words = line.args_within(1.., "clusterset ZONE...")?;
                lines.clusterset.extend(words.iter().cloned());
            }
            "per_cluster" => {
                let words = line.args_within(1.., "per_cluster ZONE...")?;
                lines.per_cluster.extend(words.iter().cloned());
            }
            "stale" => lines.stale = parse_duration(line.one_arg("stale DURATION")?)?,
            "kubeconfig_allow" => allow(line, &mut lines.allowed)?,
            "overlap" => lines.overlap = overlap(line)?,
            "admin" => lines.admin = Some(admin::read(line, lines.admin.as_ref())?),
            _ => return Err(line.unknown(NAME, OPTIONS)),
        }
    }
    let Some(local) = local else {
        return Err(directive.name.error(
            "fleet does not say which cluster is the local one",
            "add `local ID`, the ID under which the other clusters know this one",
        ));
    };
    if let Some(word) = reached.get(&local.text) {
        return Err(word.error(
            format!("{word} is the local cluster, which is always reached directly"),
            "remove the line, or name another member",
        ));
    }
    if let Some(word) = exposed.names(&local.text) {
        return Err(word.error(
            format!("{word} is the local cluster, all of which is answered"),
            "remove the line, or name another member",
        ));
    }
    let named = reached.values().chain(exposed.members());
    if let Some(error) = nobody(&lines.members, named.collect()) {
        return Err(error);
    }
    lines.expose = exposed.exposed();
    lines.top_level = exposed.top_level();
    Ok(lines)
}

/// A line about a member that there is not, where the Corefile says all that there are: without a word the
/// real one would be reached and exposed as the others are.
fn nobody(members: &[MemberSource], mut named: Vec<&Token>) -> Option<Diagnostic> {
    let id = |source: &MemberSource| match source {
        MemberSource::Manifests { id, .. } => Some(id.to_string()),
        MemberSource::Secrets { .. } | MemberSource::Kubeconfigs { .. } => None,
    };
    let all: Vec<String> = members.iter().map(id).collect::<Option<_>>()?;
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    named.sort_by_key(|word| word.at.line);
    let is_unknown = |word: &&&Token| word.text != OTHERS && !all.contains(&&*word.text);
    let word = named.iter().find(is_unknown).filter(|_| !all.is_empty())?;
    Some(word.unknown("member", &all))
}

fn members(line: &Line) -> Result<MemberSource, Diagnostic> {
    const USAGE: &str = "members secrets NAMESPACE | kubeconfig GLOB | manifests ID DIRECTORY";
    let args = line.args_within(2..=3, USAGE)?;
    let wanted = |count: usize, usage: &str| {
        if args.len() == count {
            return Ok(());
        }
        let problem = match args.len() {
            2 => format!("members {} has the argument '{}' alone", args[0], args[1]),
            _ => format!("members {} has one argument too many, '{}'", args[0], args[2]),
        };
        Err(args[0].error(problem, usage))
    };
    match args[0].text.as_str() {
        "secrets" => {
            wanted(2, "write `members secrets NAMESPACE`")?;
            Ok(MemberSource::Secrets { namespace: args[1].text.clone() })
        }
        "kubeconfig" => {
            wanted(2, "write `members kubeconfig GLOB`")?;
            let pattern = args[1].text.clone();
            if let Err(error) = glob::Pattern::new(&pattern) {
                return Err(args[1].error(
                    format!("'{pattern}' is no pattern of file names: {error}"),
                    "write e.g. /etc/fleetdns/members/*.yaml",
                ));
            }
            Ok(MemberSource::Kubeconfigs { pattern })
        }
        "manifests" => {
            wanted(3, "write `members manifests ID DIRECTORY`")?;
            Ok(MemberSource::Manifests {
                id: ClusterId::new(args[1].text.as_str()),
                directory: PathBuf::from(&args[2].text),
            })
        }
        _ => Err(args[0].unknown("source of members", &["secrets", "kubeconfig", "manifests"])),
    }
}

fn allow(line: &Line, allowed: &mut Allowed) -> Result<(), Diagnostic> {
    for word in line.args_within(1.., "kubeconfig_allow proxy-url | impersonate ...")? {
        match word.text.as_str() {
            "proxy-url" => allowed.proxy = true,
            "impersonate" => allowed.impersonation = true,
            _ => return Err(word.unknown("thing to allow", &["proxy-url", "impersonate"])),
        }
    }
    Ok(())
}

fn overlap(line: &Line) -> Result<Overlap, Diagnostic> {
    const WAYS: [&str; 3] = ["nodata", "sentinel", "allow"];
    let args = line.args_within(1.., "overlap nodata | sentinel ADDRESS... | allow")?;
    let (way, rest) = (&args[0], &args[1..]);
    match (way.text.as_str(), rest.first()) {
        ("sentinel", None) => Err(way.error(
            "overlap sentinel has no address to answer with",
            "write `overlap sentinel ADDRESS...`",
        )),
        ("sentinel", Some(_)) => {
            let addresses = rest.iter().map(|word| Ok(parse_ip(word)?.to_canonical()));
            Ok(Overlap::Sentinel(addresses.collect::<Result<_, Diagnostic>>()?))
        }
        ("nodata", None) => Ok(Overlap::NoData),
        ("allow", None) => Ok(Overlap::Allow),
        ("nodata" | "allow", Some(word)) => Err(word.error(
            format!("overlap {way} takes no address"),
            format!("write `overlap {way}`, or `overlap sentinel ADDRESS...`"),
        )),
        _ => Err(way.unknown("way to treat overlapping addresses", &WAYS)),
    }
}
