//! What the process tells about itself: log lines and metrics.
//!
//! In: events of `tracing` and observations of questions. Out: lines on standard output and the page
//! `/metrics`, both in the words of CoreDNS, so that log pipelines and dashboards keep working.

pub mod acl;
mod autopath;
pub mod buckets;
pub mod build;
pub mod cache;
mod dns64;
pub mod encrypted;
mod exposition;
mod fleet;
pub mod forward;
pub mod health;
pub mod histogram;
mod hosts;
pub mod kubernetes;
mod local;
pub mod log;
#[cfg(test)]
pub mod memory;
pub mod metrics;
pub mod mnemonic;
mod process;
pub mod reload;
mod sentinel;
mod size;
mod surplus;
pub mod template;

pub use fleet::ClusterSample;
pub use metrics::Metrics;
pub use size::{all_surplus, uncompressed_len};
