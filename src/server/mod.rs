//! Sockets and messages: what stands between the network and the chains.
//!
//! In: packets. Out: packets. [`query`] reads a packet and refuses what is no question, [`site`] finds
//! the server block of a question and runs its chain, [`reply`] makes a message of what the chain said,
//! as long as the client can take. [`udp`], over [`datagram`], [`stream`] over TCP and TLS, which [`accept`]
//! takes in, [`https`] and [`quic`] carry them. [`instance`] puts a Corefile's blocks together, and
//! [`problems`] says all that is wrong with them. A [`listener`] is open for each [`place`] of them and leads
//! through a [`door`] to its site, and [`running`] starts, changes and ends it all.
//!
//! # Whose the parts are
//!
//! The codec is hickory-proto's, TLS rustls's, HTTP hyper's and QUIC quinn's. The loops are our own, instead of
//! hickory-server's (0.26.3). What they do is shown by the tests in `tests/it/connections.rs`, or in the file that
//! is named:
//!
//! | Part | What is ours in it, and why |
//! |---|---|
//! | [`accept`] | An accept that fails, for want of file descriptors (EMFILE) or because the client is gone again (ECONNABORTED), ends nothing; hickory-server's listener ends for ever at the second, without a word. Connections beyond a limit wait to be accepted. The handshake has a time limit, and holds up nobody. For TCP, TLS and HTTPS alike. |
//! | [`stream`] | Answers overtake those that wait (RFC 7766 §6.2.1.1); hickory-server answers one question of a connection after the other. Silence, reading a question and writing an answer have limits of their own, as in CoreDNS, instead of one for all (`lifecycle.rs`, `drop_in/timeouts`); a connection has so many questions on their way and no more, and who takes no answers is left. For TCP and TLS alike. |
//! | [`https`] | HTTP/1.1 beside HTTP/2, and plain HTTP behind a proxy (`transports.rs`). |
//! | [`door`] | Sockets and connections outlive a reload (`reloads.rs`). |
//! | [`edns`], [`reply`] | OPT records and truncation are CoreDNS's (`edns.rs`); hickory-server puts its own size into OPT. |
//! | [`udp`] | Many packets at a time, answered where they came in, without copies ([`fast`]; `fast_path.rs`). Others have their turn after each (`abuse.rs`). hickory-server copies every question into fresh memory. |

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
