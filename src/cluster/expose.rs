//! Which Services of a member other clusters may know, by the Corefile's words.

use std::collections::BTreeSet;

use super::labels::LabelSelector;

/// What a member exposes. What it does not is not watched, if that can be said to its API server.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub enum Expose {
    #[default]
    All,
    /// Services with these labels.
    Labels(LabelSelector),
    /// What is in these namespaces.
    Namespaces(BTreeSet<String>),
    /// Services that have a ServiceExport. Others are watched, and let go at once.
    ServiceExports,
}
