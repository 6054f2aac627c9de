//! Aliases: ExternalNames and endpoints that are domain names, as far as they lead.

use std::iter;

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

/// Names out of the zone that aliases lead to, of which nothing is known yet.
pub(super) type Wanted = Vec<WireName>;

impl Look<'_> {
    /// Writes the CNAME to `target` and the addresses it leads to. One that leads to nothing in this
    /// zone, to itself or too far is not written at all, as in CoreDNS. One that leads out of the zone
    /// stands whatever is said there, as long as anything is.
    pub(super) fn follow(
        &self,
        target: &WireName,
        qtype: u16,
        wanted: &mut Wanted,
        out: &mut Answer,
    ) {
        let loops = target == self.name || self.targets().any(|before| before == target);
        if loops || self.targets().count() > MAX_CHAIN {
            return;
        }
        let zone = self.spelled_zone();
        if let Some(left) = target.left_of(&zone) {
            let start = out.mark();
            self.cname(target, out);
            let alone = out.mark();
            let next = Look { from: Some(self), ..self.of(target, left) };
            next.anything(qtype, wanted, out);
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
            None if wanted.contains(target) => {}
            None => wanted.push(target.clone()),
        }
    }

    /// The targets of the aliases that led here, the last one first.
    fn targets(&self) -> impl Iterator<Item = &WireName> {
        let looks = iter::successors(Some(self), |look| look.from);
        looks.take_while(|look| look.from.is_some()).map(|look| look.name)
    }

    pub(super) fn cname(&self, target: &WireName, out: &mut Answer) {
        let (owner, ttl) = (self.name.wire(), self.ttl());
        out.name(Section::Answer, owner, rtype::CNAME, ttl, target.wire());
    }

    /// The addresses at any name of the zone.
    fn anything(&self, qtype: u16, wanted: &mut Wanted, out: &mut Answer) {
        match self.asked {
            Asked::Service { .. } => {
                self.addresses(qtype, wanted, out);
            }
            _ => {
                self.forward(qtype, wanted, out);
            }
        }
    }
}
