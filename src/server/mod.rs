//! Sockets and messages: what stands between the network and the chains.
//!
//! In: packets. Out: packets. [`query`] reads a packet and refuses what is no question, [`site`] finds
//! the server block of a question and runs its chain, [`reply`] makes a message of what the chain said,
//! as long as the client can take. [`udp`], over [`datagram`], and [`stream`] carry them. [`instance`] puts
//! a Corefile's blocks together and starts and ends it all.
//!
//! The loops are our own over hickory-proto's codec. hickory-server 0.26.3 ends a TCP listener for ever,
//! without a word, when an accept fails with ECONNABORTED; it answers the questions of a connection one
//! after the other; it puts its own size into OPT, and copies every question into fresh memory. It will
//! carry TLS, HTTPS and QUIC, where framing is the work.

pub mod datagram;
pub mod edns;
pub mod explain;
pub mod instance;
pub mod listen;
pub mod query;
pub mod reply;
pub mod site;
pub mod stream;
pub mod udp;

#[cfg(test)]
mod tests;
