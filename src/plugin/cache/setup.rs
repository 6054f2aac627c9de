//! The words of `cache`.

use std::time::Duration;

use super::{Bounds, Cache, NAME, Options, Prefetch, Shared, Stale, Verify};
use crate::corefile::{self, Diagnostic, Directive, Line, Token, parse_duration, parse_number};
use crate::plugin::names;
use crate::plugin::setup::Setup;

/// Entries of a store.
const CAPACITY: usize = 10_000;
const LEAST_TTL: Duration = Duration::from_secs(5);
const MOST_TTL: Duration = Duration::from_secs(3600);
const MOST_TTL_OF_DENIALS: Duration = Duration::from_secs(1800);
const SERVFAIL: Duration = Duration::from_secs(5);
/// The longest that failures are kept (RFC 2308 §7.1), and that a refresh is not tried again.
const MOST_OF_FAILURES: Duration = Duration::from_secs(300);
const STALE: Duration = Duration::from_secs(3600);
const PAUSE: Duration = Duration::from_secs(60);
const PERCENTAGE: u32 = 10;

const SUPPORTED: [&str; 8] = [
    "success",
    "denial",
    "prefetch",
    "serve_stale",
    "serve_stale_policy",
    "servfail",
    "disable",
    "keepttl",
];
const IMMEDIATE: &str = "immediate";
const VERIFY: &str = "verify";
const PREFER_POSITIVE: &str = "prefer_positive";
const SERVE_STALE: &str =
    "serve_stale [DURATION] [immediate [TTL [RECHECK]] | verify [TIMEOUT [TTL [RECHECK]]]]";

/// Reads `cache [TTL] [ZONES...] { success CAPACITY [TTL] [MINTTL]; denial CAPACITY [TTL] [MINTTL]; prefetch
/// AMOUNT [DURATION] [PERCENTAGE%]; serve_stale ...; serve_stale_policy prefer_positive; servfail DURATION;
/// disable success|denial [ZONES...]; keepttl }`. Of an option that is there twice the last counts.
///
/// # Errors
/// A wrong word.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let (ttl, words) = match directive.args.as_slice() {
        [first, zones @ ..] if first.text.parse::<i64>().is_ok() => (Some(ttl(first)?), zones),
        zones => (None, zones),
    };
    let named = corefile::parse_zones(words)?;
    let zones = if words.is_empty() { setup.zones() } else { named };
    let bounds = |most| Bounds {
        capacity: CAPACITY,
        least_ttl: LEAST_TTL,
        most_ttl: ttl.unwrap_or(most),
        except: Vec::new(),
    };
    let mut options = Options {
        // What no question can be for is left out.
        zones: zones.iter().filter_map(|zone| names::parse(zone)).collect(),
        label: zones.join(",").into(),
        success: bounds(MOST_TTL),
        denial: bounds(MOST_TTL_OF_DENIALS),
        servfail: SERVFAIL,
        prefetch: None,
        stale: None,
        keep_ttl: false,
    };
    let (mut stale, mut policy) = (None, None);
    for line in directive.lines() {
        match line.name().text.as_str() {
            "success" => capacity(&mut options.success, line)?,
            "denial" => capacity(&mut options.denial, line)?,
            "prefetch" => options.prefetch = prefetch(line)?,
            "serve_stale" => stale = Some(serve_stale(line)?),
            "serve_stale_policy" => prefer_positive(line, &mut policy)?,
            "servfail" => {
                let word = line.one_arg("servfail DURATION")?;
                options.servfail = of_failures(word, "SERVFAIL is kept")?;
            }
            "disable" => disable(&mut options, line)?,
            "keepttl" => {
                line.no_args()?;
                options.keep_ttl = true;
            }
            _ => return Err(line.unknown(NAME, &SUPPORTED)),
        }
    }
    options.stale = match (stale, policy) {
        (None, Some(policy)) => {
            return Err(policy.error(
                "serve_stale_policy without serve_stale",
                "add `serve_stale`, or take the line out",
            ));
        }
        (None, None) => None,
        (Some((up_to, stale)), policy) => {
            (!up_to.is_zero()).then_some(Stale { prefer_positive: policy.is_some(), ..stale })
        }
    };
    let metrics = setup.process.metrics.clone();
    setup.push(Cache(Shared::new(options, metrics).into()));
    Ok(())
}

fn ttl(word: &Token) -> Result<Duration, Diagnostic> {
    parse_number(word, "TTL in seconds", 1..=u32::MAX).map(|ttl| Duration::from_secs(ttl.into()))
}

/// `success|denial CAPACITY [TTL] [MINTTL]`.
fn capacity(bounds: &mut Bounds, line: &Line) -> Result<(), Diagnostic> {
    let usage = format!("{} CAPACITY [TTL] [MINTTL]", line.name());
    let words = line.args_within(1..=3, &usage)?;
    bounds.capacity = parse_number(&words[0], "number of answers", 0..=u32::MAX as usize)?;
    if let Some(word) = words.get(1) {
        bounds.most_ttl = ttl(word)?;
    }
    if let Some(word) = words.get(2) {
        let least = parse_number(word, "TTL in seconds", 0..=u32::MAX)?;
        bounds.least_ttl = Duration::from_secs(least.into());
    }
    Ok(())
}

/// `prefetch AMOUNT [DURATION] [PERCENTAGE%]`; an amount of 0 is none.
fn prefetch(line: &Line) -> Result<Option<Prefetch>, Diagnostic> {
    let words = line.args_within(1..=3, "prefetch AMOUNT [DURATION] [PERCENTAGE%]")?;
    let amount = parse_number(&words[0], "number of questions", 0..=u32::MAX)?;
    let pause = words.get(1).map_or(Ok(PAUSE), parse_duration)?;
    let percentage = match words.get(2) {
        None => PERCENTAGE,
        Some(word) => {
            let number = word.text.strip_suffix('%').and_then(|number| number.parse().ok());
            number.filter(|number| (10..=90).contains(number)).ok_or_else(|| {
                word.error(
                    format!("'{word}' is no percentage to prefetch at"),
                    "write one from 10% to 90%, with its sign",
                )
            })?
        }
    };
    Ok((amount > 0).then_some(Prefetch { amount, pause, percentage }))
}

/// For how long entries are given that have ended, and how.
fn serve_stale(line: &Line) -> Result<(Duration, Stale), Diagnostic> {
    let words = line.args_within(..=5, SERVE_STALE)?;
    let up_to = words.first().map_or(Ok(STALE), parse_duration)?;
    let mut stale = Stale {
        up_to: up_to.as_secs(),
        verify: None,
        ttl: 0,
        recheck: Duration::ZERO,
        prefer_positive: false,
    };
    let rest = match words.get(1) {
        None => &[],
        Some(mode) if mode.text.eq_ignore_ascii_case(IMMEDIATE) => {
            line.args_within(..=4, SERVE_STALE)?;
            &words[2..]
        }
        Some(mode) if mode.text.eq_ignore_ascii_case(VERIFY) => {
            let timeout = words.get(2).map(parse_duration).transpose()?;
            stale.verify = Some(Verify { timeout: timeout.filter(|timeout| !timeout.is_zero()) });
            words.get(3..).unwrap_or_default()
        }
        Some(mode) => return Err(mode.unknown("mode of serve_stale", &[IMMEDIATE, VERIFY])),
    };
    if let Some(word) = rest.first() {
        stale.ttl = stale_ttl(word)?;
    }
    if let Some(word) = rest.get(1) {
        stale.recheck = of_failures(word, "a refresh waits after a failure")?;
    }
    Ok((up_to, stale))
}

fn stale_ttl(word: &Token) -> Result<u32, Diagnostic> {
    let ttl = parse_duration(word)?;
    let seconds = u32::try_from(ttl.as_secs()).ok().filter(|_| ttl.subsec_nanos() == 0);
    seconds.ok_or_else(|| {
        word.error(format!("'{word}' is no TTL"), "write whole seconds, below 2^32, e.g. 30s")
    })
}

/// A duration that failures must not last longer than.
fn of_failures(word: &Token, what: &str) -> Result<Duration, Diagnostic> {
    let duration = parse_duration(word)?;
    if duration > MOST_OF_FAILURES {
        return Err(word.error(
            format!("{what} for {word}, which is too long"),
            "write 5m at most (RFC 2308, RFC 8767)",
        ));
    }
    Ok(duration)
}

/// `serve_stale_policy prefer_positive`, once.
fn prefer_positive(line: &Line, policy: &mut Option<Token>) -> Result<(), Diagnostic> {
    if let Some(first) = policy {
        return Err(line.name().error(
            "serve_stale_policy is used twice in this cache",
            format!("take it out here, or at {}", first.at),
        ));
    }
    let word = line.one_arg("serve_stale_policy prefer_positive")?;
    if !word.text.eq_ignore_ascii_case(PREFER_POSITIVE) {
        return Err(word.unknown("policy of serve_stale_policy", &[PREFER_POSITIVE]));
    }
    *policy = Some(line.name().clone());
    Ok(())
}

/// `disable success|denial [ZONES...]`.
fn disable(options: &mut Options, line: &Line) -> Result<(), Diagnostic> {
    let words = line.args_within(1.., "disable success|denial [ZONES...]")?;
    let bounds = match words[0].text.as_str() {
        "success" => &mut options.success,
        "denial" => &mut options.denial,
        _ => return Err(words[0].unknown("store of cache", &["success", "denial"])),
    };
    bounds.except = names::zones_or_all(&words[1..])?;
    Ok(())
}
