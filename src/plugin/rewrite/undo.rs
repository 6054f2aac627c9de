//! What becomes of a reply, because of a rule that was for its question.

use std::sync::Arc;

use hickory_proto::op::{Edns, Metadata, ResponseCode};
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::cname::CnameRule;
use super::draft::{BadName, change_options};
use super::pattern::Renaming;
use crate::plugin::names;
use crate::telemetry::mnemonic;
use crate::zone::name::WireName;

/// One change. Each is made for each record of the reply in turn.
#[derive(Clone, Debug)]
pub enum Undo {
    /// Of the owners of records.
    Owner(Arc<Renaming>),
    /// Of the names that records lead to.
    Value(Arc<Renaming>),
    /// Seconds, at least and at most.
    Ttl {
        least: u32,
        most: u32,
    },
    Rcode {
        from: u16,
        to: u16,
    },
    /// The first option of that code is taken away.
    Remove {
        code: u16,
    },
    /// The first option of that code is what it was.
    Restore {
        code: u16,
        old: EdnsOption,
    },
    /// An alias leads elsewhere.
    Cname(Arc<CnameRule>),
}

impl Undo {
    /// Changes a record. Its OPT record is none: TTLs, which there are flags, are not written into it.
    ///
    /// # Errors
    /// A new name is none.
    pub fn record(&self, record: &mut Record) -> Result<(), BadName> {
        match self {
            Undo::Owner(renaming) => rename(renaming, &mut record.name),
            Undo::Value(renaming) => match &mut record.data {
                RData::Unknown { code: RecordType::DNAME, rdata } => dname(renaming, rdata),
                data => value(data).map_or(Ok(()), |name| rename(renaming, name)),
            },
            Undo::Ttl { least, most } => {
                // A least above the most cannot be written.
                record.ttl = record.ttl.max(*least).min(*most);
                Ok(())
            }
            Undo::Rcode { .. } | Undo::Remove { .. } | Undo::Restore { .. } | Undo::Cname(_) => {
                Ok(())
            }
        }
    }

    /// Changes what is not of a record.
    pub fn message(&self, head: &mut Metadata, edns: Option<&mut Edns>) {
        if let Undo::Rcode { from, to } = self
            && u16::from(head.response_code) == *from
        {
            head.response_code = ResponseCode::from((to >> 4) as u8, (to & 15) as u8);
        }
        if let Some(edns) = edns {
            self.options(edns);
        }
    }

    /// Whether it is about an option of the question, too.
    pub fn is_of_options(&self) -> bool {
        matches!(self, Undo::Remove { .. } | Undo::Restore { .. })
    }

    /// Changes the options.
    pub fn options(&self, edns: &mut Edns) {
        let (Undo::Remove { code } | Undo::Restore { code, .. }) = self else { return };
        change_options(edns, |options| {
            let Some(at) = options.iter().position(|(other, _)| u16::from(*other) == *code) else {
                return;
            };
            match self {
                Undo::Restore { old, .. } => options[at].1 = old.clone(),
                _ => drop(options.remove(at)),
            }
        });
    }
}

/// The name that a record leads to.
fn value(data: &mut RData) -> Option<&mut Name> {
    Some(match data {
        RData::SRV(srv) => &mut srv.target,
        RData::MX(mx) => &mut mx.exchange,
        RData::CNAME(cname) => &mut cname.0,
        RData::NS(ns) => &mut ns.0,
        RData::NAPTR(naptr) => &mut naptr.replacement,
        RData::SOA(soa) => &mut soa.mname,
        RData::PTR(ptr) => &mut ptr.0,
        _ => return None,
    })
}

fn rename(renaming: &Renaming, name: &mut Name) -> Result<(), BadName> {
    if let Some(text) = renaming.of(&mnemonic::spelled(name)) {
        *name = names::parse(&text).ok_or(BadName(text))?;
    }
    Ok(())
}

/// The codec does not read these.
fn dname(renaming: &Renaming, rdata: &mut NULL) -> Result<(), BadName> {
    let Some((wire, _)) = WireName::read(&rdata.anything) else { return Ok(()) };
    let mut name = names::name(&wire);
    rename(renaming, &mut name)?;
    *rdata = NULL::with(names::wire(&name).wire().to_vec());
    Ok(())
}
