//! From what a file says to records of the codec.

use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{
    BinDecodable, BinDecoder, BinEncodable, BinEncoder, NameEncoding,
};

use super::master::Entry;
use super::tree::{DNAME, RRSIG};

/// A record of the codec. What that would write otherwise than it was read is kept as octets, and so are
/// signatures, of which it has none without its own DNSSEC.
pub fn record(entry: Entry) -> Record {
    let Entry { owner, rtype, class, ttl, rdata } = entry;
    let typed = match rtype {
        RRSIG | DNAME => None,
        _ => decoded(&owner, rtype, &rdata).filter(|data| octets(data) == Some(rdata.clone())),
    };
    let code = RecordType::from(rtype);
    let data = typed.unwrap_or_else(|| RData::Unknown { code, rdata: NULL::with(rdata) });
    let mut record = Record::from_rdata(owner, ttl, data);
    record.dns_class = DNSClass::from(class);
    record
}

fn decoded(owner: &Name, rtype: u16, rdata: &[u8]) -> Option<RData> {
    let mut wire = owner.to_bytes().ok()?;
    wire.extend(rtype.to_be_bytes());
    wire.extend([0, 1, 0, 0, 0, 0]);
    wire.extend(u16::try_from(rdata.len()).ok()?.to_be_bytes());
    wire.extend(rdata);
    Some(Record::read(&mut BinDecoder::new(&wire)).ok()?.data)
}

fn octets(data: &RData) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = BinEncoder::new(&mut out);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).ok()?;
    Some(out)
}

/// Lower-cases the name that begins at an octet, and says where it ends. Length octets are no letters.
pub fn fold(rdata: &mut [u8], from: usize) -> usize {
    let mut at = from;
    while let Some(length) = rdata.get(at).copied().filter(|length| *length > 0) {
        at += 1 + usize::from(length);
    }
    let end = (at + 1).min(rdata.len());
    rdata[from.min(end)..end].make_ascii_lowercase();
    end
}

/// The serial of an SOA's rdata, which ends in five numbers of four octets.
pub fn serial(rdata: &[u8]) -> Option<u32> {
    let numbers = rdata.len().checked_sub(20)?;
    rdata[numbers..].first_chunk().map(|octets| u32::from_be_bytes(*octets))
}
