//! In which order upstreams are tried.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::seq::SliceRandom;

/// The value of `policy`.
#[derive(Debug)]
pub(super) enum Policy {
    /// Another order each time.
    Random,
    /// Each in turn first, then the others as they stand; holds how many questions there were.
    RoundRobin(AtomicUsize),
    /// As they stand.
    Sequential,
}

impl Policy {
    pub const NAMES: [&str; 3] = ["random", "round_robin", "sequential"];

    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "random" => Policy::Random,
            "round_robin" => Policy::RoundRobin(AtomicUsize::new(0)),
            "sequential" => Policy::Sequential,
            _ => return None,
        })
    }

    /// The places of `count` upstreams in the order in which one question tries them.
    pub fn order(&self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        match self {
            Policy::Random => order.shuffle(&mut rand::rng()),
            Policy::RoundRobin(asked) if count > 0 => {
                // CoreDNS counts before it takes, so the second is the first. The counter guards
                // nothing but itself.
                let turn = asked.fetch_add(1, Ordering::Relaxed).wrapping_add(1) % count;
                order[..=turn].rotate_right(1);
            }
            Policy::RoundRobin(_) | Policy::Sequential => {}
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_coredns_does() {
        let sequential = Policy::named("sequential").unwrap();
        assert_eq!(sequential.order(3), [0, 1, 2]);
        let turns = Policy::named("round_robin").unwrap();
        assert_eq!(turns.order(3), [1, 0, 2]);
        assert_eq!(turns.order(3), [2, 0, 1]);
        assert_eq!(turns.order(3), [0, 1, 2]);
        let random = Policy::named("random").unwrap();
        let mut seen = [false; 3];
        while seen.contains(&false) {
            let mut order = random.order(3);
            seen[order[0]] = true;
            order.sort();
            assert_eq!(order, [0, 1, 2]);
        }
        assert!(Policy::named("best").is_none());
    }
}
