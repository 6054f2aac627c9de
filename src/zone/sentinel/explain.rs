//! Why a name is answered, or not, by a sentinel.
//!
//! In: a question. Out: the rules that were tried, each with what it says, by the functions that answer.

use super::{Asked, Rule, Sentinel};
use crate::zone::explain::{Steps, list};
use crate::zone::name::WireName;

impl Sentinel {
    /// Explains a name.
    pub fn explain(&self, asked: &Asked<'_>, steps: &mut Steps) {
        let name = asked.name;
        let Some((left, suffix)) = self.longest(name, 0) else {
            let not = if self.is_excepted(name) {
                "`except` takes the name out of the suffix that it is in"
            } else {
                "the name is in no suffix; of a pool's reverse names, those in use are answered"
            };
            return steps.add("sentinel", not);
        };
        steps.add("sentinel", format!("the longest suffix of the name is {}", suffix.name));
        if self.is_artefact(name, left, suffix) {
            return steps.add("guard", GUARDED);
        }
        let declares = self.declares(suffix) || matches!(suffix.rule, Rule::Pass);
        if let Some(viewer) = asked.viewer.as_ref().filter(|_| declares) {
            match viewer.addresses(name) {
                Some(given) => {
                    let says = format!("a host of a ServiceEntry: {}", list(&given.addresses));
                    return steps.add("serviceentries", says);
                }
                None => {
                    steps.add("serviceentries", "no ServiceEntry that the client sees declares it")
                }
            }
        }
        self.explain_rule(name, steps);
    }

    fn explain_rule(&self, name: &WireName, steps: &mut Steps) {
        match self.giving(name).map(|suffix| &suffix.rule) {
            Some(Rule::Answer(addresses)) => {
                steps.add("answer", format!("all names have {}", list(addresses)));
            }
            Some(Rule::Pools(pools)) => {
                for pool in pools {
                    let address = pool.pool.address(name);
                    steps.add("pool", format!("{address}, its own in {}", pool.pool));
                }
            }
            Some(Rule::Pass) => {
                steps.add("sentinel", "the suffix gives no address: the next plugin")
            }
            None => steps.add("sentinel", "the suffix itself has no address"),
        }
    }
}

const GUARDED: &str =
    "left of the suffix the name lies in a zone that search lists put there: it does not exist";
