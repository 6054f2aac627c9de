//! What the tests share: real programs started on loopback, questions asked, answers compared.
//!
//! One file an idea, from the ground up: [`parts`] where the programs are, [`scratch`] files,
//! [`ports`], [`process`] with [`usage`], [`eventually`]; then [`pki`], [`etcd`], [`api_server`] with
//! [`manifests`], [`objects`], [`account`] and [`kubectl`], [`control_plane`]; [`dns_server`] for CoreDNS
//! and fleetdns alike, [`fleet`] for Corefiles of several clusters, [`outside`] for those that are written
//! for a pod, [`proxy`] for API servers that fail or lie, [`tunnel`] for those behind an HTTP proxy;
//! [`client`], [`connection`], [`dig`], [`compare`] and [`says`] for questions, [`told`] for
//! what no answer shows, [`upstream`] for what is forwarded and [`liar`] for what comes back; [`netns`], [`envoy`] and [`web`] for
//! the sidecar.
#![allow(dead_code, unused_imports, reason = "each test uses its part of it")]

pub mod account;
pub mod api_server;
pub mod client;
pub mod compare;
pub mod connection;
pub mod control_plane;
pub mod dig;
pub mod dns_server;
pub mod envoy;
pub mod etcd;
pub mod eventually;
pub mod fleet;
pub mod kubectl;
pub mod liar;
pub mod manifests;
pub mod netns;
pub mod objects;
pub mod outside;
pub mod parts;
pub mod pki;
pub mod ports;
pub mod process;
pub mod proxy;
pub mod says;
pub mod scratch;
pub mod told;
pub mod tunnel;
pub mod upstream;
pub mod usage;
pub mod web;

pub use api_server::ApiServer;
pub use client::{Question, ask};
pub use compare::same_answer;
pub use connection::Connection;
pub use control_plane::ControlPlane;
pub use dig::{DigReply, dig};
pub use dns_server::{COREDNS, DnsServer, FLEETDNS, Program};
pub use envoy::Envoy;
pub use etcd::Etcd;
pub use eventually::{LONG, eventually};
pub use liar::Liar;
pub use netns::Namespace;
pub use process::Process;
pub use proxy::{Pass, Proxy};
pub use told::Told;
pub use tunnel::Tunnel;
pub use upstream::Upstream;
pub use web::{Backend, get};
