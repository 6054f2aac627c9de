//! Which server block serves which zone on which listener: no two may serve the same.

use std::collections::HashMap;

use super::{Diagnostic, Key, Position, Scheme};

/// The zones that are taken, by listener. Blocks are claimed once the addresses of their `bind` are known.
#[derive(Debug, Default)]
pub struct Claims {
    /// For each zone and port the addresses it is taken on; "" means all.
    taken: HashMap<(Scheme, String, u16), Vec<(String, Position)>>,
}

impl Claims {
    /// Claims `key` on `address` (of `bind`; "" for all addresses). With `shared` (a block with a
    /// `view`, which answers some queries only) others may claim the same.
    ///
    /// # Errors
    /// If the same zone is already served there, or on all addresses where now one is asked for, or
    /// the reverse.
    pub fn claim(&mut self, key: &Key, address: &str, shared: bool) -> Result<(), Diagnostic> {
        let zone = (key.scheme, key.zone.clone(), key.port);
        let others = self.taken.entry(zone).or_default();
        if let Some((_, before)) = others.iter().find(|(other, _)| other == address) {
            if shared {
                return Ok(());
            }
            return Err(Diagnostic::new(
                key.at.clone(),
                format!("cannot serve {} - it is already defined at {before}", on(key, address)),
                "take one of the two out, or give them different ports or `bind` addresses",
            ));
        }
        let overlap = match address {
            "" => others.last(),
            _ => others.iter().find(|(other, _)| other.is_empty()),
        };
        if let Some((other, before)) = overlap {
            return Err(Diagnostic::new(
                key.at.clone(),
                format!(
                    "cannot serve {} - it overlaps with {} at {before}",
                    on(key, address),
                    on(key, other)
                ),
                "give both a `bind` with different addresses, or different ports",
            ));
        }
        if !shared {
            others.push((address.to_owned(), key.at.clone()));
        }
        Ok(())
    }
}

fn on(key: &Key, address: &str) -> String {
    match address {
        "" => key.to_string(),
        address => format!("{key} on {address}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn takes_each_zone_once_for_each_listener() {
        let at = Position::new(Path::new("Corefile").into(), 1);
        let key = |zone: &str, port| Key {
            scheme: Scheme::Dns,
            zone: zone.to_owned(),
            port,
            at: at.clone(),
        };
        type Step = (&'static str, u16, &'static str, bool, &'static str);
        let cases: [&[Step]; 6] = [
            &[
                (".", 53, "", false, ""),
                (".", 54, "", false, ""),
                ("a.", 53, "", false, ""),
                (".", 53, "", false, "dns://.:53 - it is already defined at Corefile:1"),
            ],
            &[
                (".", 53, "", false, ""),
                (".", 53, "::1", false, "dns://.:53 on ::1 - it overlaps with dns://.:53 at"),
            ],
            &[
                (".", 53, "127.0.0.1", false, ""),
                (".", 53, "127.0.0.2", false, ""),
                (".", 53, "127.0.0.1", false, "dns://.:53 on 127.0.0.1 - it is already defined"),
                (".", 53, "", false, "dns://.:53 - it overlaps with dns://.:53 on 127.0.0.2"),
            ],
            &[(".", 53, "", true, ""), (".", 53, "", false, ""), (".", 53, "", true, "")],
            &[(".", 53, "", false, ""), (".", 53, "::1", true, "it overlaps")],
            &[(".", 53, "::1", true, ""), (".", 53, "", false, "")],
        ];
        for steps in cases {
            let mut claims = Claims::default();
            for (zone, port, address, shared, expected) in steps {
                match claims.claim(&key(zone, *port), address, *shared) {
                    Ok(()) => assert_eq!(*expected, "", "{steps:?}"),
                    Err(error) => assert!(
                        !expected.is_empty() && error.to_string().contains(expected),
                        "{error} in {steps:?}"
                    ),
                }
            }
        }
    }
}
