//! The fast path: questions that are answered where they came in.
//!
//! In: a packet. Out: the packet that answers it, octet for octet what the chain would have said; or nothing
//! said and nothing counted, and the chain is asked ([`super::site`]). Only plain questions are looked at:
//! one question of class IN for a usual type, with an OPT record without options or none. Only blocks are
//! asked whose plugins all say how they stand to it ([`crate::plugin::fast`]), and only what is known
//! at this moment is said. Nothing is allocated and nothing waits; what the registry knows is read without a
//! lock, and elsewhere none is held but that of one entry while it is read.

use std::mem;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::edns::{Edns, FIXED};
use super::reply::Asked;
use super::site::{Block, Site};
use crate::plugin::Transport;
use crate::plugin::fast::{Counts, Fast, From, Question};
use crate::telemetry::metrics::tally::{Labels, Seen, Tally};
use crate::zone::answer::Answer;
use crate::zone::compression::Names;
use crate::zone::flag::{AA, AD, CD, QR, RA, RD};
use crate::zone::name::WireName;
use crate::zone::write::{self, HEADER};
use crate::zone::{rcode, rtype};

/// Bits of the flags that a plain question may have.
const PLAIN: u16 = RD | AD | CD;
/// From here on types are no data but what is done with them (RFC 6895 §3.1), until 255.
const META: u16 = 128;

/// What answers the questions of one socket, or of the connections of a listener.
pub struct Worker {
    site: Arc<Site>,
    transport: Transport,
    /// Of each block, for each zone that it counts by.
    tallies: Vec<Vec<Tally>>,
    /// Of the question at hand, as is its answer.
    name: WireName,
    answer: Answer,
    names: Names,
    /// When the first question of this turn was taken, and how many were answered since.
    begun: Option<Instant>,
    answered: u32,
}

/// What a plain question has beside its name.
struct Plain {
    qtype: u16,
    /// Octets of the question section.
    length: usize,
    edns: Option<Edns>,
}

impl Worker {
    pub fn new(site: Arc<Site>, transport: Transport) -> Self {
        let blocks = site.blocks().iter();
        let tallies = blocks.map(|block| tallies(&site, transport, block)).collect();
        let (name, answer, names) = (WireName::root(), Answer::default(), Names::default());
        Worker { site, transport, tallies, name, answer, names, begun: None, answered: 0 }
    }

    /// Whether it answers for this site.
    pub fn is_of(&self, site: &Arc<Site>) -> bool {
        Arc::ptr_eq(&self.site, site)
    }

    /// Counts the time of this turn, of which each question that was answered has its part: to read the clock
    /// for each would cost as much as to find its name.
    pub fn end(&mut self) {
        let (begun, answered) = (self.begun.take(), mem::take(&mut self.answered));
        if let Some(mean) = begun.and_then(|begun| begun.elapsed().checked_div(answered)) {
            self.tallies.iter_mut().flatten().for_each(|tally| tally.took(mean));
        }
    }

    /// Writes the answer to a packet to `out`, which is cleared first. Says whether it did: else the chain is
    /// to be asked, which counts and tells what panics.
    pub fn answer(&mut self, packet: &[u8], client: SocketAddr, out: &mut Vec<u8>) -> bool {
        catch_unwind(AssertUnwindSafe(|| self.write(packet, client, out))).unwrap_or_default()
    }

    fn write(&mut self, packet: &[u8], client: SocketAddr, out: &mut Vec<u8>) -> bool {
        let Worker { site, transport, tallies, name, answer, names, begun, answered } = self;
        let now = *begun.get_or_insert_with(Instant::now);
        let Some(Plain { qtype, length, mut edns }) = read(packet, name) else { return false };
        let name = &*name;
        let Some((number, block, fast)) = site.fast(name) else { return false };
        let client = client.ip().to_canonical();
        let id = u16::from_be_bytes([packet[0], packet[1]]);
        let header = u16::from_be_bytes([packet[2], packet[3]]);
        let question = Question {
            name,
            qtype,
            id,
            now,
            client,
            has_edns: edns.is_some(),
            dnssec_ok: edns.is_some_and(Edns::dnssec_ok),
            checking_disabled: header & CD != 0,
            authentic_data: header & AD != 0,
        };
        answer.clear();
        let Some(from) = fast.answer(&question, answer) else { return false };
        if answer.truncated || !Tally::has(answer.code) {
            return false;
        }
        if let (Some(edns), Some(most)) = (&mut edns, block.max_payload) {
            edns.size = edns.size.min(most);
        }
        if fast.shuffles && answer.code == rcode::NOERROR && answer.mark() > 1 {
            answer.shuffle(rand::random);
        }
        let (ipv6, transport) = (client.is_ipv6(), *transport);
        let asked = Asked { packet, question: length, edns, transport, ipv6 };
        let opt = edns.map_or([0; FIXED], |edns| edns.bare_record(answer.code));
        let opt = if edns.is_some() { &opt[..] } else { &[] };
        let said = [
            (AA, answer.authoritative),
            (RA, answer.recursion_available),
            (AD, answer.authentic_data),
        ];
        let said =
            said.into_iter().filter(|(_, is_said)| *is_said).map(|(bit, _)| bit).sum::<u16>();
        let flags = QR | said | header & (RD | CD) | answer.code & 15;
        let frame = asked.frame(flags, opt);
        // Which records are left of one that is cut is the chain's to choose.
        if write::message(&frame, answer, names, out) {
            return false;
        }
        let tally = match &fast.counts {
            Some(counts) => counts.zones.iter().position(|(zone, _)| name.left_of(zone).is_some()),
            None => Some(0),
        };
        *answered += 1;
        let Some(tally) = tally.and_then(|tally| tallies[number].get_mut(tally)) else {
            return true;
        };
        match from {
            From::Plugin { missed: true } => tally.missed(),
            From::Plugin { missed: false } => {}
            From::Cache(kept) => tally.hit(kept),
        }
        if fast.counts.is_some() {
            tally.count(&Seen {
                ipv6,
                qtype,
                dnssec_ok: question.dnssec_ok,
                request_size: packet.len(),
                response_size: write::uncompressed(&frame, answer) - opt.len(),
                code: answer.code,
            });
        }
        true
    }
}

/// The numbers of a block: one for each zone that `prometheus` has, or one for what else counts.
fn tallies(site: &Site, transport: Transport, block: &Block) -> Vec<Tally> {
    let Some(Fast { counts, keeps, .. }) = &block.fast else { return Vec::new() };
    let tally = |zone: &Arc<str>, plugin| {
        site.metrics().tally(Labels {
            server: site.label().into(),
            proto: transport.label(),
            zone: zone.clone(),
            view: block.view.as_ref().map(|view| view.name.clone()),
            plugin,
            cache: keeps.as_ref().map_or_else(|| Arc::from(""), |keeps| keeps.label.clone()),
        })
    };
    match (counts, keeps) {
        (Some(Counts { zones, next }), _) => {
            zones.iter().map(|(_, zone)| tally(zone, next)).collect()
        }
        (None, Some(_)) => vec![tally(&block.text, "")],
        (None, None) => Vec::new(),
    }
}

/// Reads a packet that is a plain question and nothing else, whose name it puts into `name`.
fn read(packet: &[u8], name: &mut WireName) -> Option<Plain> {
    let (header, rest) = packet.split_at_checked(HEADER)?;
    let word = |index: usize| u16::from_be_bytes([header[2 * index], header[2 * index + 1]]);
    let is_plain = word(1) & !PLAIN == 0 && (word(2), word(3), word(4)) == (1, 0, 0);
    if !is_plain || word(5) > 1 {
        return None;
    }
    let length = name.replace(rest)?;
    let (fixed, rest) = rest[length..].split_at_checked(4)?;
    let (qtype, class) =
        (u16::from_be_bytes([fixed[0], fixed[1]]), u16::from_be_bytes([fixed[2], fixed[3]]));
    let is_usual =
        (1..META).contains(&qtype) && !matches!(qtype, rtype::HINFO | rtype::OPT | rtype::DS);
    let edns = match word(5) {
        0 if rest.is_empty() => None,
        1 => Some(Edns::bare(rest)?),
        _ => return None,
    };
    let length = length + fixed.len();
    (is_usual && class == rtype::IN).then_some(Plain { qtype, length, edns })
}

#[cfg(test)]
#[path = "fast_tests.rs"]
mod tests;
