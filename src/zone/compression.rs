//! Where names stand in a message, so that others can point there (RFC 1035 §4.1.4).
//!
//! In: the ends of names, as they are written. Out: where the same octets stand already. The message itself
//! holds the names, so that nothing is copied, and the room is used again for the next message.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Pointers reach no further: they have 14 bits.
const REACH: usize = 1 << 14;
/// What the first octet of a pointer has more than that of a label.
const POINTER: u8 = 0xc0;

/// The names of one message. Clear and use it again.
#[derive(Default)]
pub struct Names {
    /// The hash of the end of a name, and where it stands.
    places: HashTable<(u64, u16)>,
    state: RandomState,
}

impl Names {
    pub fn clear(&mut self) {
        self.places.clear();
    }

    /// Where the end of a name, with its root, stands in `message` as it is spelled here.
    pub(super) fn find(&self, message: &[u8], end: &[u8]) -> Option<u16> {
        let hash = self.hash(end);
        let is_it = |&(other, at): &(u64, u16)| other == hash && stands_at(message, at, end);
        self.places.find(hash, is_it).map(|(_, at)| *at)
    }

    /// Notes that the end of a name is written at `at`, unless no pointer reaches there.
    pub(super) fn note(&mut self, end: &[u8], at: usize) {
        if let Some(at) = u16::try_from(at).ok().filter(|at| usize::from(*at) < REACH) {
            let hash = self.hash(end);
            self.places.insert_unique(hash, (hash, at), |(hash, _)| *hash);
        }
    }

    fn hash(&self, end: &[u8]) -> u64 {
        self.state.hash_one(end)
    }
}

/// Whether the name at this place, which may go on elsewhere, is these octets.
fn stands_at(message: &[u8], at: u16, mut end: &[u8]) -> bool {
    let mut at = usize::from(at);
    loop {
        match message.get(at..) {
            Some([high @ POINTER..=u8::MAX, low, ..]) => {
                let to = usize::from(u16::from_be_bytes([high - POINTER, *low]));
                // What was written before: so this ends, whatever a question was made of.
                if to >= at {
                    return false;
                }
                at = to;
            }
            Some(rest @ [length, ..]) => {
                let length = 1 + usize::from(*length);
                let (Some(label), Some(same)) = (rest.get(..length), end.get(..length)) else {
                    return false;
                };
                if label != same {
                    return false;
                }
                if length == 1 {
                    return end.len() == 1;
                }
                (at, end) = (at + length, &end[length..]);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_where_it_goes_on_elsewhere() {
        let message = b"..\x01a\x01b\0\x01c\xc0\x04";
        let mut names = Names::default();
        for (end, at) in [(&b"\x01a\x01b\0"[..], 2), (b"\x01b\0", 4), (b"\x01c\x01b\0", 7)] {
            assert_eq!(names.find(message, end), None);
            names.note(end, at);
            assert_eq!(names.find(message, end).map(usize::from), Some(at));
        }
        for other in [&b"\x01A\x01b\0"[..], b"\x01a\0", b"\x01c\x01b\x01b\0", b"\0"] {
            assert_eq!(names.find(message, other), None, "{other:?}");
        }
        names.note(b"\x01d\0", REACH);
        assert_eq!(names.find(message, b"\x01d\0"), None);
        names.clear();
        assert_eq!(names.find(message, b"\x01b\0"), None);
    }

    #[test]
    fn what_is_no_name_is_not_found_in_it() {
        for message in [&b""[..], b"\x05a", b"\xc0", b"\xc0\0", b"\x01a", b"\x01a\xc0\x02"] {
            assert!(!stands_at(message, 0, b"\x01a\x01b\0"), "{message:?}");
        }
    }
}
