//! The file of weights, and how the first address is drawn by them.
//!
//! ```text
//! # a name alone, then its addresses with weights from 1 to 255
//! www.example.org
//! 192.0.2.1 3
//! 2001:db8::1 1
//! ```

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use arc_swap::ArcSwap;
use hickory_proto::rr::Record;
use thiserror::Error;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{error, info};

use super::Sorted;

/// Weights by names as they are spelled, with their final dot. An address without one has a weight of 1.
type Weights = HashMap<String, HashMap<IpAddr, u8>>;

/// Why a file cannot be used, in CoreDNS's words.
#[derive(Debug, Error)]
pub(super) enum WeightError {
    #[error("weight file open error")]
    Open,
    #[error("{0}")]
    Read(io::Error),
    #[error("wrong domain name:\"{0}\" in weight file {1}. (Maybe a missing weight value?)")]
    Name(String, String),
    #[error("wrong IP address:\"{0}\" in weight file {1}")]
    Address(String, String),
    #[error("wrong weight value:\"{0}\" in weight file {1}")]
    Weight(String, String),
    #[error("missing domain name in weight file {0}")]
    NoName(String),
    #[error("could not parse weight line:\"{0}\" in weight file {1}")]
    Line(String, String),
}

/// A file of weights, and what it said when it last could be read.
#[derive(Clone, Debug)]
pub(super) struct WeightFile(Arc<State>);

#[derive(Debug)]
struct State {
    path: PathBuf,
    weights: ArcSwap<Weights>,
    /// What stood in the file at the last look.
    text: Mutex<Option<Vec<u8>>>,
}

impl WeightFile {
    /// A file that was not read yet: all weights are 1.
    pub fn new(path: PathBuf) -> Self {
        let (weights, text) = (ArcSwap::default(), Mutex::default());
        WeightFile(Arc::new(State { path, weights, text }))
    }

    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Reads the file if it has changed. A wrong one is reported once, and leaves the weights as they were.
    pub fn read(&self) -> Result<(), WeightError> {
        let state = &self.0;
        let file = fs::File::open(&state.path).map_err(|_| WeightError::Open)?;
        let text = io::read_to_string(file).map_err(WeightError::Read)?;
        // The value is replaced whole.
        let mut last = state.text.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_deref() == Some(text.as_bytes()) {
            return Ok(());
        }
        *last = Some(text.clone().into_bytes());
        drop(last);
        let path = state.path.display().to_string();
        state.weights.store(Arc::new(parse(&text, &path)?));
        info!("Successfully reloaded weight file {path}");
        Ok(())
    }

    /// Draws which address of a section stands first, and lets the others be; a section without addresses
    /// stays as it is.
    pub fn draw(&self, records: &mut Vec<Record>) {
        if !records.iter().any(|record| record.data.ip_addr().is_some()) {
            return;
        }
        let mut sorted = Sorted::of(std::mem::take(records));
        let all = self.0.weights.load();
        let weight = |record: &Record| {
            let weights = all.get(&record.name.to_ascii());
            let address = record.data.ip_addr();
            let known = weights.and_then(|weights| weights.get(&address?.to_canonical()));
            u32::from(known.copied().unwrap_or(1))
        };
        let weights: Vec<u32> = sorted.addresses.iter().map(weight).collect();
        let drawn = rand::random_range(0..weights.iter().sum());
        sorted.addresses.swap(0, index(&weights, drawn));
        *records = sorted.joined();
    }
}

/// In whose share a number below the sum of all weights lies.
fn index(weights: &[u32], number: u32) -> usize {
    let ends = weights.iter().scan(0, |end, weight| {
        *end += weight;
        Some(*end)
    });
    ends.take_while(|end| *end <= number).count()
}

/// Reads the file again and again.
pub(super) async fn poll(file: WeightFile, pause: Duration) {
    let mut ticks = interval_at(Instant::now() + pause, pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let file = file.clone();
        // The task fails only where the runtime ends.
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || file.read()).await {
            error!("{error}");
        }
    }
}

fn parse(text: &str, path: &str) -> Result<Weights, WeightError> {
    let mut all = Weights::new();
    let mut name = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let path = || path.to_owned();
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [word] if word.parse::<IpAddr>().is_ok() => {
                return Err(WeightError::Name(word.into(), path()));
            }
            [word] => {
                let dot = if word.ends_with('.') { "" } else { "." };
                let word = format!("{word}{dot}");
                all.entry(word.clone()).or_default();
                name = Some(word);
            }
            [address, weight] => {
                let address: IpAddr =
                    address.parse().map_err(|_| WeightError::Address(address.into(), path()))?;
                let weight = weight.parse().ok().filter(|weight| *weight > 0);
                let weight = weight.ok_or_else(|| {
                    let word = line.split_whitespace().last().unwrap_or_default();
                    WeightError::Weight(word.into(), path())
                })?;
                let name = name.as_ref().ok_or_else(|| WeightError::NoName(path()))?;
                // Of two weights the first counts.
                let weights = all.entry(name.clone()).or_default();
                weights.entry(address.to_canonical()).or_insert(weight);
            }
            _ => return Err(WeightError::Line(line.into(), path())),
        }
    }
    Ok(all)
}

#[cfg(test)]
#[path = "weights_tests.rs"]
mod tests;
