//! `sentinel`: suffixes whose every name answers with fixed addresses.
//!
//! In: a question. Out: what [`crate::zone::sentinel`] says to it; names elsewhere go to the next
//! plugin.

use async_trait::async_trait;
use hickory_proto::op::ResponseCode;

use super::setup::{Setup, refuse};
use super::{Failure, Next, Outcome, Plugin, Reply, Request, names};
use crate::corefile::{Diagnostic, Directive, Token, parse_ip, parse_number};
use crate::zone::answer::Answer;
use crate::zone::name::WireName;
use crate::zone::sentinel::{Sentinel as Zones, Suffix, Verdict};

const NAME: &str = "sentinel";
/// Seconds that answers may be kept without `ttl`: what Istio's proxies use.
const DEFAULT_TTL: u32 = 30;
const OPTIONS: &[&str] = &["answer", "ttl", "except"];
const NOT_YET: &[&str] = &["pool", "guard", "serviceentries"];

/// The plugin: all suffixes of a server block.
pub struct Sentinel {
    zones: Zones,
}

#[async_trait]
impl Plugin for Sentinel {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let mut answer = Answer::default();
        let name = names::wire(request.qname());
        match self.zones.answer(&name, request.qtype().into(), &mut answer) {
            Verdict::Answered => Reply::message(answer.message(request.reply())),
            Verdict::Refused => Err(Failure::code(ResponseCode::Refused)),
            Verdict::Elsewhere => next.run(NAME, request).await,
        }
    }
}

/// Reads every `sentinel SUFFIX... { answer ADDRESS...; ttl SECONDS; except NAME... }` of a block.
///
/// # Errors
/// A line that is wrong, a suffix that is there twice, that no key of the block leads to, or that would
/// take names of a Kubernetes zone.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut zones = Zones::default();
    // Where each suffix stands.
    let mut words: Vec<&Token> = Vec::new();
    for directive in directives {
        let suffixes = read(directive)?;
        for (word, suffix) in directive.args.iter().zip(suffixes) {
            reachable(setup, word, &suffix.name)?;
            apart_from_kubernetes(setup, word, &suffix.name)?;
            let same = zones.suffixes.iter().position(|other| other.name == suffix.name);
            if let Some(before) = same.and_then(|index| words.get(index)) {
                return Err(word.error(
                    format!("the suffix {word} has a sentinel already, at {}", before.at),
                    "give each suffix one sentinel in a server block",
                ));
            }
            words.push(word);
            zones.suffixes.push(suffix);
        }
    }
    setup.push(Sentinel { zones });
    Ok(())
}

fn read(directive: &Directive) -> Result<Vec<Suffix>, Diagnostic> {
    let words = directive.args_within(1.., "sentinel SUFFIX...")?;
    let mut addresses = Vec::new();
    let mut except: Vec<(Token, WireName)> = Vec::new();
    let mut ttl = DEFAULT_TTL;
    for line in directive.lines() {
        match line.name().text.as_str() {
            "answer" => {
                for word in line.args_within(1.., "answer ADDRESS...")? {
                    addresses.push(parse_ip(word)?.to_canonical());
                }
            }
            "ttl" => {
                ttl = parse_number(line.one_arg("ttl SECONDS")?, "TTL in seconds", 0..=604_800)?
            }
            "except" => {
                for word in line.args_within(1.., "except NAME...")? {
                    except.push((word.clone(), name(word)?));
                }
            }
            _ => return Err(refuse(NAME, line, OPTIONS, NOT_YET)),
        }
    }
    if addresses.is_empty() {
        return Err(directive.name.error(
            "sentinel has no address to answer with",
            "add `answer ADDRESS...`, e.g. answer 240.0.0.1",
        ));
    }
    let mut suffixes = Vec::new();
    for word in words {
        let name = name(word)?;
        let mine = except.iter().filter(|(_, except)| except.left_of(&name).is_some());
        let except = mine.map(|(_, except)| except.clone()).collect();
        suffixes.push(Suffix { name, addresses: addresses.clone(), ttl, except });
    }
    let outside = |except: &&(Token, WireName)| {
        suffixes.iter().all(|suffix| except.1.left_of(&suffix.name).is_none_or(|left| left == 0))
    };
    if let Some((word, _)) = except.iter().find(outside) {
        return Err(word.error(
            format!("{word} is below none of this sentinel's suffixes"),
            format!("write names below {}", words[0]),
        ));
    }
    Ok(suffixes)
}

/// A suffix or name: one domain name, not the root.
fn name(word: &Token) -> Result<WireName, Diagnostic> {
    let problem = match names::zones(std::slice::from_ref(word))?.as_slice() {
        [name] if !name.is_root() => return Ok(names::wire(name)),
        [_] => format!("{word} is the root, below which every name is"),
        _ => format!("{word} is a network of several zones"),
    };
    Err(word.error(problem, "write a domain name, e.g. remote"))
}

/// A question for a name below the suffix must be able to come here.
fn reachable(setup: &Setup<'_>, word: &Token, suffix: &WireName) -> Result<(), Diagnostic> {
    let mut keys = setup.block.keys.iter().filter_map(|key| WireName::parse(&key.zone));
    let related = |key: WireName| suffix.left_of(&key).is_some() || key.left_of(suffix).is_some();
    if keys.any(related) {
        return Ok(());
    }
    Err(word.error(
        format!("no question for {word} comes to this server block"),
        format!("add {word} to the keys of the block, or move the sentinel to a block for it"),
    ))
}

/// A suffix must not be, contain or lie in the `svc` or `pod` of a Kubernetes zone.
fn apart_from_kubernetes(
    setup: &Setup<'_>,
    word: &Token,
    suffix: &WireName,
) -> Result<(), Diagnostic> {
    for kubernetes in setup.directives("kubernetes") {
        let named = names::zones(&kubernetes.args)?;
        let keys = || setup.zones().iter().filter_map(|zone| names::parse(zone)).collect();
        let zones = if named.is_empty() { keys() } else { named };
        for zone in zones.iter().map(names::wire) {
            for part in ["svc", "pod"] {
                let Some(mut names) = WireName::parse(part) else { continue };
                if names.extend(&zone).is_none() || crate::zone::reverse::is_reverse(&zone) {
                    continue;
                }
                if suffix.left_of(&names).is_some() || names.left_of(suffix).is_some() {
                    return Err(word.error(
                        format!("the suffix {word} would take names of {names}, a Kubernetes zone"),
                        "choose a suffix that neither contains that zone nor lies in it",
                    ));
                }
            }
        }
    }
    Ok(())
}
