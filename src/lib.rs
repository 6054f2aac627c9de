//! fleetdns is the DNS server of a fleet of Kubernetes clusters.
//!
//! It takes CoreDNS's place in a cluster (same Corefile, ports, metrics and answers), answers
//! `cluster.local` from the Services of all member clusters, and custom suffixes such as `*.remote` with
//! a *sentinel*: an address that nobody has, which a client's sidecar captures and routes by HTTP
//! authority or TLS server name.
//!
//! # The house
//!
//! Data flows one way. A room uses the rooms above it, and never one below.
//!
//! ```text
//!   API servers, manifest folders
//!        |
//!   cluster/    member clusters: where they come from, one client and watch set each
//!        |        Change: upsert, delete or reset, of one cluster
//!   registry/   what exists: slim objects, one shard for each cluster, one merged index
//!        |        ServiceName: the owners of one service.namespace
//!   zone/       which names exist and what they say: pure, no I/O
//!        |        Answer: records as wire bytes
//!   plugin/     the chain of a server block, under CoreDNS's names and in its order
//!        |        Outcome: a message, a zone, silence or a response code
//!   server/     sockets, messages, EDNS, truncation, start and end
//!        |
//!   clients
//!
//!   side rooms: corefile/   the configuration, with a place for every word of it
//!               telemetry/  metrics and log lines
//!               admin/      serving HTTP: /health, /ready, /metrics, status pages
//!               tls/        certificates and keys, and what is asked of clients
//!               cli/        flags, and commands that ask a running server
//! ```
//!
//! A question goes the other way: [`server::query`] reads the packet, [`server::site`] finds the server
//! block, [`plugin::Next`] runs its chain, [`zone`] says what the name says by looking into the
//! [`registry`], and [`server::reply`] makes the packet. Most questions take a shorter way, which leads
//! through the same [`zone`]: [`server::fast`].
//!
//! What is to be said of a name is decided in [`zone`] alone, in wire form, so that an answer can go
//! from the registry to a socket without a codec's records; the plugin chain, which works on hickory's
//! types, converts at its edge.

// But for the system calls of `server::batch`.
#![deny(unsafe_code)]

pub mod admin;
pub mod cli;
pub mod cluster;
pub mod corefile;
pub mod plugin;
pub mod registry;
pub mod server;
pub mod telemetry;
pub mod tls;
pub mod zone;
