//! What is said of members: of some by their IDs, and of all others at once.

use std::collections::BTreeMap;

use super::id::ClusterId;

/// A value for each member.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct PerMember<T> {
    pub named: BTreeMap<ClusterId, T>,
    /// For the members that are not named.
    pub others: T,
}

impl<T> PerMember<T> {
    /// The same for all.
    pub fn all(others: T) -> Self {
        PerMember { named: BTreeMap::new(), others }
    }

    pub fn get(&self, member: &ClusterId) -> &T {
        self.named.get(member).unwrap_or(&self.others)
    }

    /// All values.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.named.values().chain([&self.others])
    }

    /// What `make` makes of each value.
    pub fn map<U>(&self, make: impl Fn(&T) -> U) -> PerMember<U> {
        let named = self.named.iter().map(|(member, value)| (member.clone(), make(value)));
        PerMember { named: named.collect(), others: make(&self.others) }
    }
}
