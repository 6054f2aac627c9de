//! Where a name is in a zone.
//!
//! In: a zone's [`Data`] and a name in it. Out: a [`Place`]. The name is looked for from the zone down: a cut or
//! a DNAME on the way ends the search, and so does the name itself; without it a wildcard stands in, unless a
//! name in between exists.

use hickory_proto::rr::Name;

use super::tree::{DNAME, Node, Tree};
use super::zone::Data;
use crate::zone::rtype;

/// Where a name is in a zone.
#[derive(Debug)]
pub enum Place<'z> {
    /// At or below a zone cut.
    Cut(&'z Node),
    /// Below a DNAME.
    Below(&'z Node),
    Here(&'z Node),
    /// A wildcard has records for it.
    Wildcard(&'z Node),
    /// A wildcard that is an empty non-terminal has none.
    EmptyWildcard,
    Nowhere,
}

/// Finds a name, from the zone down.
pub fn place<'z>(data: &'z Data, name: &Name, rtype: u16) -> Place<'z> {
    let tree = &data.tree;
    let mut wildcard: Option<(Name, Option<&Node>)> = None;
    let mut last = None;
    for part in downwards(data, name) {
        last = tree.get(&part);
        let Some(node) = last else {
            if let Some(stand_in) = sibling(&part) {
                match tree.get(&stand_in) {
                    Some(node) => wildcard = Some((stand_in, Some(node))),
                    None if tree.has_below(&stand_in) => wildcard = Some((stand_in, None)),
                    None => {}
                }
            }
            continue;
        };
        if !node.of(DNAME).is_empty() && node.name != *name {
            return Place::Below(node);
        }
        if is_cut(node, name, rtype) {
            return Place::Cut(node);
        }
    }
    match (last, wildcard) {
        (Some(node), _) => Place::Here(node),
        (None, Some((stand_in, node))) if !closer_exists(tree, name, &stand_in) => {
            node.map_or(Place::EmptyWildcard, Place::Wildcard)
        }
        _ => Place::Nowhere,
    }
}

/// Whether a name is a zone cut for a question. At the cut itself, DS is the parent's (RFC 4035 §3.1.4.1).
pub fn is_cut(node: &Node, name: &Name, rtype: u16) -> bool {
    let of_parent = rtype == rtype::DS && node.name == *name;
    !of_parent && !node.of(rtype::NS).is_empty()
}

/// The zone cut that a name below the zone is at or below.
pub fn cut<'z>(data: &'z Data, name: &Name, rtype: u16) -> Option<&'z Node> {
    let below = downwards(data, name).skip(1);
    below.filter_map(|part| data.tree.get(&part)).find(|node| is_cut(node, name, rtype))
}

/// The zone, then the name's ends with one label more each, to the whole name.
fn downwards<'a>(data: &'a Data, name: &'a Name) -> impl Iterator<Item = Name> + 'a {
    let zone = data.origin.iter().len();
    let below = (zone + 1..=name.iter().len()).map(|labels| name.trim_to(labels));
    std::iter::once(data.origin.clone()).chain(below)
}

/// Whether a name between a wildcard's parent and this one exists, being empty: then the wildcard does
/// not stand for this one (RFC 4592 §3.3.1).
fn closer_exists(tree: &Tree, name: &Name, wildcard: &Name) -> bool {
    let above = parent(wildcard);
    let mut closer = parent(name);
    while closer.iter().len() > above.iter().len() {
        if tree.has_below(&closer) {
            return true;
        }
        closer = parent(&closer);
    }
    false
}

/// The last name on the way down that is there.
pub fn closest_encloser<'z>(data: &'z Data, name: &Name) -> Option<&'z Node> {
    // The last label alone is not looked for.
    let ends = (2..=name.iter().len()).rev().map(|labels| name.trim_to(labels));
    let closest = ends.filter_map(|end| data.tree.get(&end)).next();
    closest.or_else(|| data.tree.get(&data.origin))
}

fn parent(name: &Name) -> Name {
    name.trim_to(name.iter().len().saturating_sub(1))
}

/// The wildcard beside a name; the root has none.
fn sibling(name: &Name) -> Option<Name> {
    if name.is_root() { None } else { asterisk(&parent(name)) }
}

/// The wildcard below a name; `None` where it would be too long.
pub fn asterisk(parent: &Name) -> Option<Name> {
    parent.prepend_label(&b"*"[..]).ok()
}
