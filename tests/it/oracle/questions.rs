//! The questions: names by types, each asked plainly and in one more way.

use std::fmt;

use hickory_proto::rr::RecordType;

use crate::harness::Question;

/// The names, a line each.
const NAMES: &str = include_str!("names");
/// The zone of the names that have no final dot.
const ZONE: &str = "cluster.local.";

/// Every name is asked for each of these.
pub const TYPES: [RecordType; 15] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::SRV,
    RecordType::PTR,
    RecordType::CNAME,
    RecordType::TXT,
    RecordType::MX,
    RecordType::NS,
    RecordType::SOA,
    RecordType::HTTPS,
    RecordType::ANY,
    RecordType::HINFO,
    RecordType::DS,
    RecordType::AXFR,
    RecordType::Unknown(65_280),
];

/// What a client may choose besides name and type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// UDP, RD, no EDNS.
    Plain,
    /// The letters of the name in changing case.
    OddCase,
    Tcp,
    Edns(u16),
    DnssecOk,
    TcpDnssecOk,
    /// Without RD, with CD and AD.
    OtherFlags,
}

/// The ways that are tried in turn, besides the plain one.
const WAYS: [Way; 8] = [
    Way::OddCase,
    Way::Tcp,
    Way::Edns(1232),
    Way::DnssecOk,
    Way::OtherFlags,
    Way::Edns(100),
    Way::TcpDnssecOk,
    Way::Edns(4096),
];

/// One question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Absolute.
    pub name: String,
    pub kind: RecordType,
    pub way: Way,
}

impl Asked {
    /// Asked plainly.
    pub fn plain(name: &str, kind: RecordType) -> Self {
        Self { name: name.into(), kind, way: Way::Plain }
    }

    /// The same question for another type.
    pub fn of_type(&self, kind: RecordType) -> Self {
        Self { kind, ..self.clone() }
    }

    /// As the harness asks it.
    pub fn question(&self) -> Question {
        let plain = Question::new(&self.spelled(), self.kind);
        match self.way {
            Way::Plain | Way::OddCase => plain,
            Way::Tcp => plain.tcp(),
            Way::Edns(size) => plain.edns(size),
            Way::DnssecOk => plain.edns(1232).dnssec_ok(),
            Way::TcpDnssecOk => plain.edns(512).dnssec_ok().tcp(),
            Way::OtherFlags => plain.edit(|message| {
                message.metadata.recursion_desired = false;
                message.metadata.checking_disabled = true;
                message.metadata.authentic_data = true;
            }),
        }
    }

    /// The name as it is spelled in the question.
    fn spelled(&self) -> String {
        if self.way != Way::OddCase {
            return self.name.clone();
        }
        let odd = |(index, letter): (usize, char)| match index % 2 {
            0 => letter.to_ascii_uppercase(),
            _ => letter.to_ascii_lowercase(),
        };
        self.name.chars().enumerate().map(odd).collect()
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.spelled(), self.kind, self.way)
    }
}

/// The names of the data file, absolute.
pub fn names() -> Vec<String> {
    let lines = NAMES.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(absolute).collect()
}

/// Every name by every type, plainly and in one more way.
pub fn product(names: &[String]) -> Vec<Asked> {
    let mut all = Vec::new();
    for name in names {
        for kind in TYPES {
            let plain = Asked::plain(name, kind);
            // The number of types and of ways have no common factor: all pairs come about.
            let way = WAYS[all.len() / 2 % WAYS.len()];
            all.extend([plain.clone(), Asked { way, ..plain }]);
        }
    }
    all
}

fn absolute(name: &str) -> String {
    if name.ends_with('.') { name.to_owned() } else { format!("{name}.{ZONE}") }
}
