//! What was compared, and every difference that should not be.

use std::collections::BTreeMap;

use crate::harness::compare::render;

use super::difference::{Facts, expected_difference};
use super::pair::Pair;
use super::questions::Asked;

/// Enough to see every order of a few slices.
const DRAWS: usize = 200;

/// The outcome of one list of questions.
#[derive(Debug)]
pub struct Report {
    title: String,
    asked: usize,
    /// How often which difference of README was due.
    rows: BTreeMap<&'static str, usize>,
    /// How often CoreDNS said what.
    codes: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Report {
    pub fn new(title: &str) -> Self {
        let (rows, codes) = (BTreeMap::new(), BTreeMap::new());
        Self { title: title.into(), asked: 0, rows, codes, wrong: Vec::new() }
    }

    /// Asks both, and keeps the difference if there is one that should not be.
    pub async fn compare(&mut self, pair: &Pair, facts: &Facts, asked: &Asked) {
        let (coredns, fleetdns) = tokio::join!(pair.coredns(asked), pair.fleetdns(asked));
        self.asked += 1;
        let code = coredns.metadata.response_code.to_string();
        *self.codes.entry(code).or_default() += 1;
        let (what, due) = match expected_difference(facts, &asked.name, asked.kind, &coredns) {
            None => ("CoreDNS".to_owned(), coredns),
            Some(expected) => {
                *self.rows.entry(expected.row).or_default() += 1;
                let mut due = pair.coredns(&asked.of_type(expected.like)).await;
                for query in &mut due.queries {
                    query.set_query_type(asked.kind);
                }
                (format!("due instead of CoreDNS's answer ({})", expected.row), due)
            }
        };
        let truncated = due.metadata.truncation && fleetdns.metadata.truncation;
        let (mut due, found) = (render(&due), render(&fleetdns));
        // What is left of a long answer depends on the order of its slices, which CoreDNS draws anew for
        // every question: one of its answers must be ours.
        let mut draws = if truncated { DRAWS } else { 0 };
        while due != found && draws > 0 {
            due = render(&pair.coredns(asked).await);
            draws -= 1;
        }
        if due != found {
            self.wrong.push(format!("### {asked}\n--- {what}\n{due}--- fleetdns\n{found}"));
        }
    }

    /// Shows all differences, and fails the test if there are any.
    pub fn finish(self) {
        println!("{}: {} questions, {:?}", self.title, self.asked, self.codes);
        println!("differences that README lists: {:?}", self.rows);
        for wrong in &self.wrong {
            println!("{wrong}");
        }
        let (wrong, asked) = (self.wrong.len(), self.asked);
        assert!(asked >= 300, "only {asked} questions");
        assert_eq!(wrong, 0, "of {asked} questions so many are answered wrong ({})", self.title);
    }
}
