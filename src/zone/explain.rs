//! What is said of how an answer came about.

use serde::{Deserialize, Serialize};

use crate::cluster::ClusterId;

/// One rule that was tried, and what it said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// What decides: mostly a word of the Corefile.
    pub rule: String,
    /// The cluster that it is about, if it is one.
    pub cluster: Option<String>,
    /// For people.
    pub says: String,
}

/// The rules that were tried, in their order.
#[derive(Default)]
pub struct Steps(pub Vec<Step>);

impl Steps {
    pub fn add(&mut self, rule: &str, says: impl Into<String>) {
        self.0.push(Step { rule: rule.to_owned(), cluster: None, says: says.into() });
    }

    pub fn of(&mut self, rule: &str, cluster: &ClusterId, says: impl Into<String>) {
        let cluster = Some(cluster.to_string());
        self.0.push(Step { rule: rule.to_owned(), cluster, says: says.into() });
    }
}

/// Several things in words.
pub fn list<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}
