//! Names of top-level domains.
//!
//! Clients with `ndots:5` ask for `github.com.svc.cluster.local` before they ask for `github.com`: whoever
//! makes a namespace `com` with a Service `github` in some cluster would answer for it in all.

use psl::{List, Psl, Type};

/// Names that are no top-level domains of the root zone and stand last in names all the same: of the
/// special-use domain names (RFC 6761, and `internal`, which ICANN reserved for private use) those that
/// hosts have.
const SPECIAL: [&[u8]; 4] = [b"internal", b"local", b"localhost", b"onion"];

/// Whether a label is a top-level domain, by the public suffix list.
pub fn is_top_level(label: &[u8]) -> bool {
    // Namespaces have lower-case names; some of a manifest may not.
    if label.iter().any(u8::is_ascii_uppercase) {
        return is_top_level(&label.to_ascii_lowercase());
    }
    // A name that the list does not have is a suffix by its rule `*`, of no type.
    SPECIAL.contains(&label)
        || List.suffix(label).is_some_and(|suffix| suffix.typ() == Some(Type::Icann))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_level_domains_and_other_words() {
        for label in ["com", "Net", "de", "io", "arpa", "pay", "shop", "app", "dev", "xn--p1ai"] {
            assert!(is_top_level(label.as_bytes()), "{label}");
        }
        for label in ["internal", "local", "localhost"] {
            assert!(is_top_level(label.as_bytes()), "{label}");
        }
        for label in
            ["", "default", "kube-system", "monitoring", "billing", "ledger", "team-com", "com-x"]
        {
            assert!(!is_top_level(label.as_bytes()), "{label}");
        }
    }
}
