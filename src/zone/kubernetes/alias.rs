//! Aliases: ExternalNames and endpoints that are domain names, as far as they lead.

use super::Look;
use crate::zone::answer::{Answer, Section};
use crate::zone::name::WireName;
use crate::zone::rtype;
use crate::zone::schema::Asked;

/// An alias is followed while no more CNAMEs than this lead to it (CoreDNS, plugin/backend_lookup.go).
const MAX_CHAIN: usize = 10;

/// What the rest of the server says of names that aliases point to, out of the zone. The zone asks
/// nobody: it says which names it wants to know ([`super::Verdict::Chase`]), and is asked again with them.
#[derive(Default)]
pub struct Elsewhere {
    said: Vec<(WireName, Option<Answer>)>,
}

impl Elsewhere {
    /// Notes what was said of a name; `None` where nobody said anything.
    pub fn tell(&mut self, name: WireName, said: Option<Answer>) {
        self.said.push((name, said));
    }

    fn of(&self, name: &WireName) -> Option<&Option<Answer>> {
        self.said.iter().find(|(known, _)| known == name).map(|(_, said)| said)
    }
}

/// The way from the question to where an alias was found.
#[derive(Default)]
pub(super) struct Trail {
    /// The targets of the CNAMEs so far.
    targets: Vec<WireName>,
    /// Names out of the zone that nothing is known of yet.
    pub wanted: Vec<WireName>,
}

impl Look<'_> {
    /// Writes the CNAME to `target` and the addresses it leads to. One that leads to nothing in this
    /// zone, to itself or too far is not written at all, as in CoreDNS. One that leads out of the zone
    /// stands whatever is said there, as long as anything is.
    pub(super) fn follow(
        &self,
        target: &WireName,
        qtype: u16,
        trail: &mut Trail,
        out: &mut Answer,
    ) {
        let loops = target == self.name || trail.targets.contains(target);
        if loops || trail.targets.len() > MAX_CHAIN {
            return;
        }
        let zone = self.spelled_zone();
        if let Some(left) = target.left_of(&zone) {
            let start = out.mark();
            self.cname(target, out);
            let alone = out.mark();
            trail.targets.push(target.clone());
            Look { name: target, left, ..*self }.anything(qtype, trail, out);
            trail.targets.pop();
            if out.mark() == alone {
                out.rewind(start);
            }
            return;
        }
        match self.elsewhere.of(target) {
            Some(Some(said)) => {
                self.cname(target, out);
                out.append(Section::Answer, said);
                out.truncated |= said.truncated;
            }
            Some(None) => {}
            None if trail.wanted.contains(target) => {}
            None => trail.wanted.push(target.clone()),
        }
    }

    pub(super) fn cname(&self, target: &WireName, out: &mut Answer) {
        let (owner, ttl) = (self.name.wire(), self.ttl());
        out.name(Section::Answer, owner, rtype::CNAME, ttl, target.wire());
    }

    /// The addresses at any name of the zone.
    fn anything(&self, qtype: u16, trail: &mut Trail, out: &mut Answer) {
        match self.asked() {
            Asked::Service { .. } => {
                self.addresses(qtype, trail, out);
            }
            _ => {
                self.forward(qtype, trail, out);
            }
        }
    }
}
