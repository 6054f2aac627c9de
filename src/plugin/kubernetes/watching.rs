//! The lines of `kubernetes` that say what is watched, and how much is asked of the API servers.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::cluster::{LabelSelector, Limits, Rate, Selection};
use crate::corefile::{Diagnostic, Line, Token, parse_number};

/// Requests per second where only `apiserver_burst` is given, and the burst where only
/// `apiserver_qps` is (client-go, rest/config.go, `DefaultQPS` and `DefaultBurst`).
const DEFAULT_RATE: f64 = 5.0;
const DEFAULT_BURST: u32 = 10;
/// One request in a quarter of an hour; less could not be told from a server that hangs.
const LEAST_RATE: f64 = 0.001;

/// What the lines said.
#[derive(Default)]
pub struct Watching {
    labels: LabelSelector,
    namespace_labels: Option<(LabelSelector, Token)>,
    noendpoints: bool,
    rate: Option<f64>,
    burst: Option<NonZeroU32>,
    in_flight: Option<NonZeroU32>,
}

impl Watching {
    /// Takes a line if it is one of these.
    pub fn read(&mut self, line: &Line) -> Result<bool, Diagnostic> {
        match line.name().text.as_str() {
            "labels" => self.labels = selector(line)?,
            "namespace_labels" => {
                self.namespace_labels = Some((selector(line)?, line.name().clone()));
            }
            "noendpoints" => {
                line.no_args()?;
                self.noendpoints = true;
            }
            // Zero is the default for all three, as in CoreDNS (plugin/kubernetes/kubernetes.go).
            "apiserver_qps" => self.rate = rate(line.one_arg("apiserver_qps NUMBER")?)?,
            "apiserver_burst" => {
                self.burst = count(line.one_arg("apiserver_burst NUMBER")?, "requests at once")?;
            }
            "apiserver_max_inflight" => {
                let word = line.one_arg("apiserver_max_inflight NUMBER")?;
                self.in_flight = count(word, "requests in flight")?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `namespaces` stands beside, at this word.
    pub fn with_namespaces(&self, namespaces: &Token) -> Result<(), Diagnostic> {
        match &self.namespace_labels {
            None => Ok(()),
            Some((_, word)) => Err(word.error(
                format!("namespace_labels stands beside namespaces of {}", namespaces.at),
                "choose the namespaces once: by name or by label",
            )),
        }
    }

    /// `zonal` stands beside, at this word.
    pub fn with_zonal(&self, zonal: &Token) -> Result<(), Diagnostic> {
        if !self.noendpoints {
            return Ok(());
        }
        Err(zonal.error(
            "zonal stands beside noendpoints, and its names are names of endpoints",
            "take one of them out",
        ))
    }

    pub fn selection(&self) -> Selection {
        let namespace_labels = self.namespace_labels.as_ref();
        Selection {
            labels: self.labels.clone(),
            namespace_labels: namespace_labels
                .map(|(labels, _)| labels.clone())
                .unwrap_or_default(),
            endpoints: !self.noendpoints,
            ..Selection::default()
        }
    }

    pub fn limits(&self) -> Limits {
        let is_limited = self.rate.is_some() || self.burst.is_some();
        let rate = is_limited.then(|| Rate {
            every: Duration::from_secs_f64(self.rate.unwrap_or(DEFAULT_RATE).recip()),
            burst: self.burst.map_or(DEFAULT_BURST, NonZeroU32::get),
        });
        Limits { rate, in_flight: self.in_flight.map(NonZeroU32::get) }
    }
}

/// The words of a line as one label selector.
fn selector(line: &Line) -> Result<LabelSelector, Diagnostic> {
    labels(line.args_within(1.., &format!("{} SELECTOR", line.name()))?)
}

/// Words as one label selector; there is one at least.
///
/// # Errors
/// They are none.
pub fn labels(words: &[Token]) -> Result<LabelSelector, Diagnostic> {
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    text.parse().map_err(|error| {
        words[0].error(
            format!("'{text}' is no label selector: {error}"),
            "write e.g. app=web, 'tier in (web, api)' or !legacy, joined by commas",
        )
    })
}

fn rate(word: &Token) -> Result<Option<f64>, Diagnostic> {
    let number = word.text.parse::<f64>().ok().filter(|number| number.is_finite());
    match number {
        Some(0.0) => Ok(None),
        Some(number) if number >= LEAST_RATE => Ok(Some(number)),
        _ => Err(word.error(
            format!("'{word}' is no number of requests per second"),
            format!("write a number from {LEAST_RATE}, or 0 for the default"),
        )),
    }
}

fn count(word: &Token, what: &str) -> Result<Option<NonZeroU32>, Diagnostic> {
    let what = format!("number of {what}");
    parse_number(word, &what, 0..=i32::MAX.unsigned_abs()).map(NonZeroU32::new)
}
