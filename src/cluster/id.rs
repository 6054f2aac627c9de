//! The IDs of clusters.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The ID of a member cluster, as the operator wrote it: the data key of an Istio Secret, the stem of
/// a kubeconfig file, or the word in the Corefile. It need not be a DNS label.
///
/// Each question compares some of them. So there is one text of each in the process, and whether two are the
/// same is told by where it is.
#[derive(Clone, Debug)]
pub struct ClusterId(Arc<str>);

/// The texts of all IDs that somebody has.
static TEXTS: LazyLock<Mutex<HashSet<Arc<str>>>> = LazyLock::new(Mutex::default);

impl ClusterId {
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        let id = id.into();
        // Nothing panics while it is locked but for want of memory, which leaves it whole.
        let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = texts.get(&id) {
            return Self(known.clone());
        }
        // Who has one got it here, or from another who has it: of those that are here alone nobody will.
        texts.retain(|text| Arc::strong_count(text) > 1);
        texts.insert(id.clone());
        Self(id)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for ClusterId {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ClusterId {}

/// By their texts, so that every replica has the same order.
impl Ord for ClusterId {
    fn cmp(&self, other: &Self) -> Ordering {
        if self == other { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl PartialOrd for ClusterId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for ClusterId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_the_same_id() {
        let [one, same, other] = ["id-test-a", "id-test-a", "id-test-b"].map(ClusterId::new);
        assert_eq!((&one, one.cmp(&same)), (&same, Ordering::Equal));
        assert_ne!(one, other);
        assert!(one < other && other > same);
        let all: HashSet<_> = [&one, &same, &other].into();
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn texts_that_nobody_has_are_forgotten() {
        let has = |id: &str| TEXTS.lock().unwrap().contains(id);
        let kept = ClusterId::new("id-test-kept");
        drop(ClusterId::new("id-test-gone"));
        // Other tests make IDs, too; what is forgotten at the next new one may be forgotten before.
        let next = ClusterId::new("id-test-next");
        assert_eq!(
            (has(kept.as_str()), has("id-test-gone"), has(next.as_str())),
            (true, false, true)
        );
    }

    #[test]
    fn threads_that_make_the_same_at_once_have_the_same() {
        let make = |number: u32| {
            (0..100).map(move |turn| ClusterId::new(format!("id-test-{}", (turn + number) % 7)))
        };
        let threads =
            [0, 1, 2, 3].map(|number| std::thread::spawn(move || make(number).collect::<Vec<_>>()));
        let mut all: Vec<ClusterId> =
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 7);
    }
}
