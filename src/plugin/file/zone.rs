//! One zone: the file that it is read from, and what was last read from it.
//!
//! A file is taken whole or not at all. It must have the zone's SOA, and no other; signatures with
//! NSEC3 are refused, as nothing could be denied with them (plugin/file/file.go).

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use hickory_proto::rr::{Name, RData, Record};
use thiserror::Error;

use super::master::{self, Entry};
use super::record::{fold, record, serial};
use super::tree::{self, HTTPS, RRSIG, SVCB, Tree};
use crate::plugin::transfer::{Contents, piece};
use crate::telemetry::mnemonic;
use crate::zone::rtype;

const NSEC3: u16 = 50;
const NSEC3PARAM: u16 = 51;

/// Why a file is not taken, in CoreDNS's words.
#[derive(Debug, Error)]
pub enum Refused {
    #[error("open {path}: {}", words(.error))]
    Open { path: String, error: io::Error },
    #[error("failed to parse file {file:?} for origin {origin} with error {mistake}")]
    Mistake { file: String, origin: String, mistake: Box<master::Mistake> },
    #[error("file {file:?} has SOA owner {owner} that does not match origin {origin}")]
    OtherSoa { file: String, owner: String, origin: String },
    #[error("NSEC3 zone is not supported, dropping RR: {owner} for zone: {origin}")]
    Nsec3 { owner: String, origin: String },
    #[error("file {file:?} has no SOA record for origin {origin}")]
    NoSoa { file: String, origin: String },
    /// Not an error: it has the serial that it had.
    #[error("no change in SOA serial")]
    SameSerial,
}

/// A zone that is served.
#[derive(Debug)]
pub struct Zone {
    pub name: Name,
    /// The name in the Corefile's words, with its final dot.
    pub text: String,
    pub path: PathBuf,
    /// Nothing until the file was there once.
    data: ArcSwapOption<Data>,
}

/// What a file says.
#[derive(Debug)]
pub struct Data {
    pub origin: Name,
    pub soa: Record,
    soa_signatures: Vec<Record>,
    ns: Vec<Record>,
    ns_signatures: Vec<Record>,
    /// All but the SOA, and the NS records of the zone itself.
    pub tree: Tree,
}

impl Zone {
    pub fn new(name: Name, text: String, path: PathBuf) -> Self {
        Zone { name, text, path: clean(&path), data: ArcSwapOption::empty() }
    }

    /// What the file said when it was last taken.
    pub fn data(&self) -> Option<Arc<Data>> {
        self.data.load_full()
    }

    /// Takes what was read.
    pub fn replace(&self, data: Data) {
        self.data.store(Some(Arc::new(data)));
    }

    /// When the file was changed.
    pub fn changed(&self) -> io::Result<SystemTime> {
        fs::metadata(&self.path)?.modified()
    }

    /// Reads the file.
    ///
    /// # Errors
    /// It is not there, or not taken. [`Refused::SameSerial`] if its serial is `known`.
    pub fn read(&self, known: Option<u32>) -> Result<Data, Refused> {
        let path = self.path.display().to_string();
        let text = fs::read(&self.path).map_err(|error| Refused::Open { path, error })?;
        self.parse(&text, known)
    }

    fn parse(&self, text: &[u8], known: Option<u32>) -> Result<Data, Refused> {
        let mut parts = Parts::default();
        let mut refused = None;
        let mut each = |entry| match self.add(entry, &mut parts, known) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                refused = Some(error);
                ControlFlow::Break(())
            }
        };
        let read = master::read(text, &self.path, &self.name, &mut each);
        let (file, origin) = (self.file(), self.text.clone());
        match (refused, read) {
            (Some(refused), _) => return Err(refused),
            (None, Err(mistake)) => {
                let mistake = Box::new(mistake);
                return Err(Refused::Mistake { file, origin, mistake });
            }
            (None, Ok(())) => {}
        }
        let soa = parts.soa.ok_or(Refused::NoSoa { file, origin })?;
        Ok(Data {
            origin: self.name.clone(),
            soa,
            soa_signatures: parts.soa_signatures,
            ns: parts.ns,
            ns_signatures: parts.ns_signatures,
            tree: parts.tree,
        })
    }

    /// Puts a record in its place. Names are lower case, but for the owners of SRV records and what
    /// most types hold.
    fn add(&self, mut entry: Entry, parts: &mut Parts, known: Option<u32>) -> Result<(), Refused> {
        if entry.rtype == rtype::SOA {
            if entry.owner != self.name {
                let owner = mnemonic::name(&entry.owner);
                let (file, origin) = (self.file(), self.text.clone());
                return Err(Refused::OtherSoa { file, owner, origin });
            }
            let serial = serial(&entry.rdata);
            if parts.soa.is_none() && serial.is_some() && serial == known {
                return Err(Refused::SameSerial);
            }
        }
        if entry.rtype != rtype::SRV {
            entry.owner = entry.owner.to_lowercase();
        }
        match entry.rtype {
            rtype::NS | rtype::CNAME => drop(fold(&mut entry.rdata, 0)),
            rtype::MX | SVCB | HTTPS => drop(fold(&mut entry.rdata, 2)),
            rtype::SOA => {
                let second = fold(&mut entry.rdata, 0);
                fold(&mut entry.rdata, second);
            }
            NSEC3 | NSEC3PARAM => {
                let owner = mnemonic::name(&entry.owner);
                return Err(Refused::Nsec3 { owner, origin: self.text.clone() });
            }
            _ => {}
        }
        let (kind, record) = (entry.rtype, record(entry));
        match (kind, tree::covers(&record)) {
            (rtype::SOA, _) => parts.soa = Some(record),
            (rtype::NS, _) if record.name == self.name => parts.ns.push(record),
            (RRSIG, Some(rtype::SOA)) => parts.soa_signatures.push(record),
            (RRSIG, Some(rtype::NS)) if record.name == self.name => {
                parts.ns_signatures.push(record);
            }
            _ => parts.tree.add(record),
        }
        Ok(())
    }

    fn file(&self) -> String {
        self.path.display().to_string()
    }
}

#[derive(Default)]
struct Parts {
    soa: Option<Record>,
    soa_signatures: Vec<Record>,
    ns: Vec<Record>,
    ns_signatures: Vec<Record>,
    tree: Tree,
}

impl Data {
    pub fn serial(&self) -> u32 {
        match &self.soa.data {
            RData::SOA(soa) => soa.serial,
            _ => 0,
        }
    }

    /// The SOA, and where `dnssec` asks for them its signatures.
    pub fn soa(&self, dnssec: bool) -> Vec<Record> {
        let signatures = self.soa_signatures.iter().filter(|_| dnssec);
        std::iter::once(&self.soa).chain(signatures).cloned().collect()
    }

    /// The zone's name servers, likewise.
    pub fn ns(&self, dnssec: bool) -> Vec<Record> {
        let signatures = self.ns_signatures.iter().filter(|_| dnssec);
        self.ns.iter().chain(signatures).cloned().collect()
    }

    /// All of it, for a transfer: the apex, then the names in canonical order.
    ///
    /// # Errors
    /// A record that does not fit the wire.
    pub fn contents(self: Arc<Self>) -> Result<Contents, hickory_proto::ProtoError> {
        let apex = self.soa_signatures.iter().chain(&self.ns).chain(&self.ns_signatures);
        let apex = apex.cloned().collect();
        let mut pieces = vec![piece(apex)?];
        for node in self.tree.nodes() {
            pieces.push(piece(node.all().cloned().collect())?);
        }
        let soa = piece(vec![self.soa.clone()])?;
        let records = Box::new(pieces.into_iter());
        Ok(Contents { serial: self.serial(), newer_is_known: false, soa, records })
    }
}

/// A path without `.` and `..`, by its words alone, as Go's filepath.Clean.
pub fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match (part, out.components().next_back()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => drop(out.pop()),
            (Component::ParentDir, Some(Component::RootDir)) => {}
            (part, _) => out.push(part),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

/// An error of the file system in Go's words, where logs are searched for them.
pub fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[path = "zone_tests.rs"]
mod tests;
