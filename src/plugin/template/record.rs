//! From the text of a template to a record (RFC 1035 §5, as `NewRR` of miekg/dns reads it).

use hickory_proto::rr::Record;
use hickory_proto::serialize::binary::{
    BinDecodable, BinDecoder, BinEncodable, BinEncoder, NameEncoding,
};
use thiserror::Error;

use crate::plugin::file::master::{self, Mistake};

/// The TTL of records without one, in seconds.
const TTL: u32 = 3600;

/// A text is no record.
#[derive(Debug, Error)]
pub enum NoRecord {
    #[error(transparent)]
    Mistake(#[from] Mistake),
    #[error("the template makes no record")]
    Empty,
    #[error("the record is too long")]
    TooLong,
    #[error("the record cannot be written: {0}")]
    Written(#[from] hickory_proto::ProtoError),
    #[error("the record is none of its type: {0}")]
    Read(#[from] hickory_proto::serialize::binary::DecodeError),
}

/// Reads the first record of a text. Names without a final dot are below the root.
///
/// # Errors
/// There is none, or it cannot be understood.
pub fn read(text: &str) -> Result<Record, NoRecord> {
    // miekg/dns ends a text with a newline, too.
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    let first = master::read_record(format!("{text}{newline}").as_bytes(), TTL)?;
    let entry = first.ok_or(NoRecord::Empty)?;
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    entry.owner.emit(&mut encoder)?;
    bytes.extend_from_slice(&entry.rtype.to_be_bytes());
    bytes.extend_from_slice(&entry.class.to_be_bytes());
    bytes.extend_from_slice(&entry.ttl.to_be_bytes());
    let length = u16::try_from(entry.rdata.len()).map_err(|_| NoRecord::TooLong)?;
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&entry.rdata);
    Ok(Record::read(&mut BinDecoder::new(&bytes))?)
}
