//! What is wrong with a claim, so that it leads to no member.

use std::fmt;

use super::id::ClusterId;

/// A claim that is not used. Holds no credential.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Complaint {
    /// The cluster that is claimed.
    pub id: ClusterId,
    /// Where the claim is written: a Secret and key, a file, a directory.
    pub origin: String,
    pub fault: Fault,
}

/// Why a claim is not used.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// It is the local cluster's ID.
    Local,
    /// Another source had the ID first.
    Taken {
        /// Where that claim is written.
        by: String,
    },
    /// It cannot be read, or is refused, for this reason. A member that runs by an earlier version of the
    /// claim goes on.
    Unusable(String),
}

impl Fault {
    /// Whether it is about who has the ID.
    pub fn is_conflict(&self) -> bool {
        !matches!(self, Fault::Unusable(_))
    }

    /// One word for machines to tell them apart.
    pub fn name(&self) -> &'static str {
        match self {
            Fault::Local => "local",
            Fault::Taken { .. } => "taken",
            Fault::Unusable(_) => "unusable",
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Complaint { id, origin, fault } = self;
        match fault {
            Fault::Local => {
                write!(f, "{origin}: {id} is the local cluster's own ID and is not used")
            }
            Fault::Taken { by } => {
                write!(f, "{origin}: {id} is a member already, by {by}; the first one keeps the ID")
            }
            Fault::Unusable(why) => write!(f, "{origin}: {why}"),
        }
    }
}
