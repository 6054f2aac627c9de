//! Rules about EDNS options of the question (CoreDNS, plugin/rewrite/edns0.go).
//!
//! Where a rule is `revert`, the reply has the option as the question had it before. A rule makes an OPT
//! record where there is none, even if it then finds nothing to replace or to take away.

use std::net::IpAddr;

use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};

use super::draft::{Draft, change_options};
use super::undo::Undo;
use crate::plugin::Request;
use crate::telemetry::mnemonic;

/// Options: NSID (RFC 5001), client subnet (RFC 7871).
const NSID: u16 = 3;
const SUBNET: u16 = 8;
/// Options that miekg/dns knows by their own types, so that no `local` finds them.
const TYPED: [u16; 15] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 18, 19];

/// What becomes of the option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Set,
    Append,
    Replace,
    Unset,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct EdnsRule {
    pub action: Action,
    pub kind: Kind,
    pub revert: bool,
}

/// Which option, and its data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    Local {
        code: u16,
        data: Vec<u8>,
    },
    Variable {
        code: u16,
        variable: Variable,
    },
    Nsid,
    /// The bits of the client's address that are told, of each family.
    Subnet {
        v4: u8,
        v6: u8,
    },
}

/// Data that each question has its own of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Variable {
    Qname,
    Qtype,
    ClientIp,
    ClientPort,
    Protocol,
    ServerIp,
    ServerPort,
    /// A label of metadata.
    Metadata(String),
}

impl Kind {
    fn code(&self) -> u16 {
        match self {
            Kind::Local { code, .. } | Kind::Variable { code, .. } => *code,
            Kind::Nsid => NSID,
            Kind::Subnet { .. } => SUBNET,
        }
    }

    /// Whether an option of the question is this one.
    fn is_found(&self, code: u16) -> bool {
        let is_local = matches!(self, Kind::Local { .. } | Kind::Variable { .. });
        code == self.code() && !(is_local && TYPED.contains(&code))
    }

    /// `None` where there is nothing to say.
    fn data(&self, draft: &Draft<'_>) -> Option<Vec<u8>> {
        match self {
            Kind::Local { data, .. } => Some(data.clone()),
            Kind::Variable { variable, .. } => variable.data(draft),
            Kind::Nsid => Some(Vec::new()),
            Kind::Subnet { v4, v6 } => {
                Some(subnet(draft.request.client.ip().to_canonical(), *v4, *v6))
            }
        }
    }
}

impl Variable {
    fn data(&self, draft: &Draft<'_>) -> Option<Vec<u8>> {
        let Request { client, local, .. } = draft.request;
        Some(match self {
            Variable::Qname => mnemonic::spelled(draft.question().name()).into_bytes(),
            Variable::Qtype => u16::from(draft.question().query_type()).to_be_bytes().into(),
            Variable::ClientIp => octets(client.ip().to_canonical()),
            Variable::ClientPort => client.port().to_be_bytes().into(),
            Variable::Protocol => draft.request.transport.label().into(),
            Variable::ServerIp => octets(local.ip().to_canonical()),
            Variable::ServerPort => local.port().to_be_bytes().into(),
            Variable::Metadata(label) => {
                let value = draft.request.metadata.as_ref()?.get(label)?;
                (!value.is_empty()).then(|| value.into_bytes())?
            }
        })
    }
}

impl EdnsRule {
    /// Changes the question; what then becomes of replies. `None` where it is not for this question.
    pub fn apply(&self, draft: &mut Draft<'_>) -> Option<Vec<Undo>> {
        let code = self.kind.code();
        if self.action == Action::Unset {
            change_options(draft.edns(), |options| {
                options.retain(|(other, _)| u16::from(*other) != code);
            });
            return Some(Vec::new());
        }
        let data = self.kind.data(draft)?;
        let option = (EdnsCode::from(code), EdnsOption::Unknown(code, data));
        let mut undone = None;
        change_options(draft.edns(), |options| {
            let found = options.iter().position(|(other, _)| self.kind.is_found(u16::from(*other)));
            undone = match (self.action, found) {
                (Action::Set | Action::Replace, Some(at)) => {
                    let (_, old) = std::mem::replace(&mut options[at], option);
                    Some(Undo::Restore { code, old })
                }
                (Action::Append, Some(_)) if !self.appends_again() => None,
                (Action::Set | Action::Append, _) => {
                    options.push(option);
                    Some(Undo::Remove { code })
                }
                (Action::Replace | Action::Unset, _) => None,
            };
        });
        undone.map(|undo| if self.revert { vec![undo] } else { Vec::new() })
    }

    /// Whether an option that is there is appended a second time, as CoreDNS does with some.
    fn appends_again(&self) -> bool {
        matches!(self.kind, Kind::Local { .. } | Kind::Nsid)
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

/// The data of the option: family, lengths, and as many octets of the address as the bits need
/// (RFC 7871 §6).
fn subnet(client: IpAddr, v4: u8, v6: u8) -> Vec<u8> {
    let (family, bits) = if client.is_ipv4() { (1, v4) } else { (2, v6) };
    let mut data = vec![0, family, bits, 0];
    let mut left = bits;
    for octet in octets(client) {
        if left == 0 {
            break;
        }
        let kept = left.min(8);
        data.push(octet & (0xff_u16 << (8 - kept)) as u8);
        left -= kept;
    }
    data
}
