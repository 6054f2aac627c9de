//! Sockets and messages: what stands between the network and the chains.
//!
//! In: packets. Out: packets. [`query`] reads a packet and refuses what is no question, [`site`] finds
//! the server block of a question and runs its chain, [`reply`] makes a message of what the chain said,
//! as long as the client can take. [`udp`], over [`datagram`], [`stream`] over TCP and TLS, which [`accept`]
//! takes in, [`https`] and [`quic`] carry them. [`instance`] puts a Corefile's blocks together, and
//! [`problems`] says all that is wrong with them. A [`listener`] is open for each [`place`] of them and leads
//! through a [`door`] to its site, and [`running`] starts, changes and ends it all.
//!
//! The loops are our own over hickory-proto's codec. hickory-server 0.26.3 ends a TCP listener for ever,
//! without a word, when an accept fails with ECONNABORTED; it answers the questions of a connection one
//! after the other; it puts its own size into OPT, and copies every question into fresh memory; it has one
//! time limit for all, and knows no HTTP/1.1, and no sockets that outlive a reload.

pub mod accept;
mod batch;
pub mod datagram;
pub mod door;
pub mod edns;
pub mod endpoints;
pub mod explain;
pub mod fast;
pub mod https;
pub mod instance;
pub mod listen;
pub mod listener;
mod mirror;
pub mod panics;
pub mod place;
pub mod problems;
pub mod query;
pub mod quic;
pub mod reloading;
pub mod reply;
pub mod running;
pub mod site;
pub mod stream;
pub mod udp;

#[cfg(test)]
mod tests;
