//! Member clusters: where they come from, and one client and watch set for each.
//!
//! In: the Corefile's words about where clusters are ([`FleetSpec`]), and what their API servers (or
//! manifest folders) say. Out: [`Change`]s, handed in order to a [`Sink`] (the registry), and the
//! state of each member, which readiness and the zone's SERVFAIL rule read ([`Fleet`]).
//!
//! ```text
//! secrets  kubeconfigs             who is a member: claims
//!       \  /
//!      roster                      the first claim of an ID runs a member, and its successor
//!        |
//! fleet  member                    one cluster: client, state, gate to the sink
//!        |     \
//!     watches  manifests           all kinds of an API | a directory
//!        |         \
//!      watch     directory         one kind | file events
//!        |
//!      client                      limits that kube lacks
//! ```
//!
//! Nothing in here knows of DNS.

mod backoff;
mod claim;
mod client;
mod complaint;
mod condition;
mod directory;
mod either;
pub mod event;
mod exported;
mod expose;
mod failure;
mod fleet;
mod from_endpoints;
mod gate;
mod guarded;
mod held;
mod id;
mod identity;
pub mod kinds;
mod kubeconfig;
mod kubeconfigs;
mod labels;
mod limits;
mod manifests;
mod member;
mod optional;
mod parts;
mod per_member;
mod pods;
mod protobuf;
mod rights;
mod roster;
mod secrets;
mod selection;
mod source;
mod spaces;
mod trigger;
mod watch;
mod watches;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod fake_objects;
#[cfg(test)]
mod logged;
#[cfg(test)]
mod record;
#[cfg(test)]
mod running;

pub use complaint::{Complaint, Fault};
pub use condition::{MemberState, MemberStatus};
pub use event::{Change, Sink, Trigger, Update};
pub use expose::Expose;
pub use fleet::{Fleet, FleetSpec, FleetState, MemberSource, STALE};
pub use id::ClusterId;
pub use kubeconfig::Allowed;
pub use labels::{LabelError, LabelSelector};
pub use limits::{Limits, Rate};
pub use per_member::PerMember;
pub use selection::{Kind, Selection};
pub use source::{Source, SourceError, TlsFiles};
