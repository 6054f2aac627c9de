//! The lines of `sentinel`, read.

use std::net::IpAddr;

use super::NAME;
use crate::corefile::{
    Diagnostic, Directive, ServerBlock, Token, parse_ip, parse_network, parse_number,
};
use crate::plugin::names;
use crate::plugin::setup::{Setup, named};
use crate::zone::name::WireName;
use crate::zone::pool::Pool;
use crate::zone::sentinel::{Rule, Suffix};

/// Seconds that answers may be kept without `ttl`: what Istio's proxies use.
const DEFAULT_TTL: u32 = 30;
const OPTIONS: &[&str] = &["answer", "pool", "ttl", "except", "guard", "serviceentries"];

/// What the lines said.
pub(super) struct Lines {
    suffixes: Vec<WireName>,
    answer: Vec<IpAddr>,
    /// At most one of each family, each with its word.
    pub pools: Vec<(Pool, Token)>,
    ttl: Option<u32>,
    except: Vec<WireName>,
    guard: Vec<WireName>,
    entries: bool,
}

/// Whether a sentinel of any block has such a line.
pub fn any_line(blocks: &[ServerBlock], name: &str) -> bool {
    let mut lines = blocks.iter().flat_map(|block| named(block, NAME)).flat_map(Directive::lines);
    lines.any(|line| line.name().text == name)
}

/// Reads one `sentinel SUFFIX... { ... }`.
///
/// # Errors
/// The first line that is wrong, or two that do not go together.
pub(super) fn read(directive: &Directive) -> Result<Lines, Diagnostic> {
    let words = directive.args_within(1.., "sentinel SUFFIX...")?;
    let mut lines = Lines {
        suffixes: Vec::new(),
        answer: Vec::new(),
        pools: Vec::new(),
        ttl: None,
        except: Vec::new(),
        guard: Vec::new(),
        entries: false,
    };
    let mut except: Vec<(Token, WireName)> = Vec::new();
    // Where a word stands that the root cannot have.
    let mut ruled: Option<Token> = None;
    for line in directive.lines() {
        match line.name().text.as_str() {
            "answer" => {
                for word in line.args_within(1.., "answer ADDRESS...")? {
                    lines.address(word)?;
                }
                ruled = Some(line.name().clone());
            }
            "pool" => {
                for word in line.args_within(1.., "pool NETWORK...")? {
                    lines.pool(word)?;
                }
                ruled = Some(line.name().clone());
            }
            "ttl" => {
                let word = line.one_arg("ttl SECONDS")?;
                let ttl = parse_number(word, "TTL in seconds", 0..=604_800)?;
                if let Some(before) = lines.ttl.replace(ttl) {
                    return Err(word.error(
                        format!("the TTL is {before} already"),
                        "keep one ttl line in each sentinel",
                    ));
                }
            }
            "except" => {
                for word in line.args_within(1.., "except NAME...")? {
                    except.push((word.clone(), name(word)?));
                }
            }
            "guard" => {
                for word in line.args_within(1.., "guard ZONE...")? {
                    lines.guard.push(if word.text == "." { WireName::root() } else { name(word)? });
                }
                ruled.get_or_insert(line.name().clone());
            }
            "serviceentries" => {
                line.no_args()?;
                lines.entries = true;
            }
            _ => return Err(line.unknown(NAME, OPTIONS)),
        }
    }
    for word in words {
        lines.suffixes.push(suffix(word, ruled.as_ref())?);
    }
    lines.check(directive)?;
    let outside = |except: &&(Token, WireName)| {
        let above = |suffix: &WireName| except.1.left_of(suffix).is_none_or(|left| left == 0);
        lines.suffixes.iter().all(above)
    };
    if let Some((word, _)) = except.iter().find(outside) {
        return Err(word.error(
            format!("{word} is below none of this sentinel's suffixes"),
            format!("write names below {}", words[0]),
        ));
    }
    lines.except = except.into_iter().map(|(_, name)| name).collect();
    Ok(lines)
}

impl Lines {
    fn address(&mut self, word: &Token) -> Result<(), Diagnostic> {
        let address = parse_ip(word)?.to_canonical();
        let problem = if address.is_unspecified() || address.is_multicast() {
            format!("nothing connects to {word}")
        } else if self.answer.contains(&address) {
            format!("{word} is there twice")
        } else {
            self.answer.push(address);
            return Ok(());
        };
        Err(word.error(problem, "write each address once that a sidecar captures, e.g. 240.0.0.1"))
    }

    fn pool(&mut self, word: &Token) -> Result<(), Diagnostic> {
        let network = parse_network(word)?;
        let beside = |pool: Pool| pool.beside(self.pools.iter().map(|(other, _)| other));
        let pool = Pool::new(network)
            .and_then(beside)
            .map_err(|error| word.error(error.to_string(), error.remedy()))?;
        self.pools.push((pool, word.clone()));
        Ok(())
    }

    fn check(&self, directive: &Directive) -> Result<(), Diagnostic> {
        let wrong = |problem: &str, remedy: &str| Err(directive.name.error(problem, remedy));
        let is_nothing = self.guard.iter().any(WireName::is_root);
        if is_nothing && (self.entries || !self.answer.is_empty() || !self.pools.is_empty()) {
            return wrong(
                "`guard .` says that no name exists, and other lines of this sentinel what they answer",
                "keep `guard .` alone, or take it out",
            );
        }
        match (self.answer.is_empty(), self.pools.is_empty()) {
            (false, false) => wrong(
                "sentinel has both an answer and a pool",
                "keep `answer` for one address that all names share, or `pool` for one of each name",
            ),
            // No name below it exists, so there is none to have an address.
            (true, true) if is_nothing => Ok(()),
            (true, true) if !self.entries => wrong(
                "sentinel has no address to answer with",
                "add `answer ADDRESS...`, e.g. answer 240.0.0.1, or `pool NETWORK...` or `serviceentries`",
            ),
            (true, true) if !self.guard.is_empty() => wrong(
                "guard is for names that a suffix has an answer for, and it has none",
                "take guard out, or add `answer ADDRESS...` or `pool NETWORK...`",
            ),
            _ => Ok(()),
        }
    }

    /// The suffixes, in the order of their words.
    ///
    /// # Errors
    /// A pool has a part in common with that of another sentinel.
    pub fn suffixes(&self, setup: &mut Setup<'_>) -> Result<Vec<Suffix>, Diagnostic> {
        let mut pools = Vec::new();
        for (pool, word) in &self.pools {
            pools.push(setup.process.pools.share(*pool, word)?);
        }
        let rule = match pools.is_empty() {
            false => Rule::Pools(pools),
            true if self.answer.is_empty() && self.guard.is_empty() => Rule::Pass,
            true => Rule::Answer(self.answer.clone()),
        };
        let suffix = |name: &WireName| Suffix {
            name: name.clone(),
            rule: rule.clone(),
            ttl: self.ttl.unwrap_or(DEFAULT_TTL),
            except: self.except.iter().filter(|of| of.left_of(name).is_some()).cloned().collect(),
            guard: self.guard.clone(),
            entries: self.entries,
        };
        Ok(self.suffixes.iter().map(suffix).collect())
    }
}

/// A suffix, or the root where nothing but ServiceEntries is answered.
fn suffix(word: &Token, ruled: Option<&Token>) -> Result<WireName, Diagnostic> {
    match (word.text.as_str(), ruled) {
        (".", None) => Ok(WireName::root()),
        (".", Some(line)) => Err(word.error(
            format!(". is the root, below which every name is, and {line} would take all of them"),
            "write a domain name, e.g. remote; at the root only `serviceentries` can be answered",
        )),
        _ => name(word),
    }
}

/// One domain name, not the root.
fn name(word: &Token) -> Result<WireName, Diagnostic> {
    if let Some(rest) = word.text.strip_prefix("*.") {
        return Err(word.error(
            format!("{word} is one name, whose first label is a star"),
            format!("write {rest}, which has all names below it"),
        ));
    }
    let problem = match names::zones(std::slice::from_ref(word))?.as_slice() {
        [name] if !name.is_root() => return Ok(names::wire(name)),
        [_] => format!("{word} is the root, below which every name is"),
        _ => format!("{word} is a network of several zones"),
    };
    Err(word.error(problem, "write a domain name, e.g. remote"))
}
