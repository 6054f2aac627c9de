//! A file of cases, read.

use std::net::IpAddr;

use hickory_proto::op::Edns;
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};

use super::around::Around;
use crate::harness::Question;

/// Two servers with one Corefile, and what is done with both.
pub struct Case {
    /// The file, for messages.
    pub name: String,
    pub corefile: String,
    /// How the counters begin that are compared; all if there is none.
    pub counters: Vec<String>,
    /// Name and Corefile of each upstream.
    pub upstreams: Vec<(String, String)>,
    /// Name and contents of each file.
    pub files: Vec<(String, String)>,
    pub steps: Vec<Step>,
}

/// A line of `== ask`.
pub struct Step {
    /// The file and its line.
    pub place: String,
    pub does: Does,
}

pub enum Does {
    Ask(Box<Ask>),
    Pass(u64),
    Write { file: String, other: String },
    Until { question: Question, text: String },
    Around(Around),
}

pub struct Ask {
    pub question: Question,
    pub times: usize,
    pub ordered: bool,
    /// The ports of SRV records are not compared.
    pub anyport: bool,
    /// No answer comes, but one to this question that is sent after it.
    pub silence: Option<Question>,
}

impl Case {
    /// Reads a file; what it does not understand fails the test.
    pub fn read(name: &str, text: &str) -> Self {
        let mut case = Case {
            name: name.into(),
            corefile: String::new(),
            counters: Vec::new(),
            upstreams: Vec::new(),
            files: Vec::new(),
            steps: Vec::new(),
        };
        let mut part: Option<Vec<&str>> = None;
        for (index, line) in text.lines().enumerate() {
            if let Some(title) = line.strip_prefix("== ") {
                let words: Vec<&str> = title.split_whitespace().collect();
                match words[..] {
                    ["upstream", name] => case.upstreams.push((name.into(), String::new())),
                    ["file", name] => case.files.push((name.into(), String::new())),
                    ["counters", ref names @ ..] => {
                        case.counters = names.iter().map(|name| (*name).into()).collect();
                    }
                    ["Corefile"] | ["ask"] => {}
                    _ => panic!("{name}:{}: no part {title}", index + 1),
                }
                part = Some(words);
                continue;
            }
            let last = "a part was begun";
            match part.as_deref() {
                None => {}
                Some(["Corefile"]) => case.corefile += &format!("{line}\n"),
                Some(["upstream", _]) => {
                    case.upstreams.last_mut().expect(last).1 += &format!("{line}\n");
                }
                Some(["file", _]) => case.files.last_mut().expect(last).1 += &format!("{line}\n"),
                Some(_) if line.trim().is_empty() || line.starts_with('#') => {}
                Some(_) => {
                    let place = format!("{name}:{}", index + 1);
                    let does = step(line).unwrap_or_else(|why| panic!("{place}: {why}"));
                    case.steps.push(Step { place, does });
                }
            }
        }
        assert!(!case.corefile.is_empty(), "{name}: no Corefile");
        case
    }

    /// How many questions it asks, and pages.
    pub fn questions(&self) -> usize {
        let asked = |step: &Step| match &step.does {
            Does::Ask(ask) => ask.times,
            Does::Around(
                Around::Page { .. }
                | Around::Dig { .. }
                | Around::Connection { .. }
                | Around::Silence { .. },
            ) => 1,
            _ => 0,
        };
        self.steps.iter().map(asked).sum()
    }

    /// Whether how often it asks is left to chance.
    pub fn probes(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.does, Does::Until { .. }))
    }

    /// Whether the servers have ended after it.
    pub fn ends(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.does, Does::Around(Around::Ends)))
    }
}

fn step(line: &str) -> Result<Does, String> {
    if let Some(around) = Around::read(line, question) {
        return around.map(Does::Around);
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    Ok(match words[..] {
        ["@pass", seconds] => Does::Pass(seconds.parse().map_err(|e| format!("{e}"))?),
        ["@write", file, other] => Does::Write { file: file.into(), other: other.into() },
        ["@until", name, kind, ..] => {
            let text = line.split_once(kind).ok_or("no text")?.1.trim().to_owned();
            Does::Until { question: question(name, kind)?, text }
        }
        [name, kind, ref how @ ..] => Does::Ask(Box::new(ask(question(name, kind)?, how)?)),
        _ => return Err(format!("no step: {line}")),
    })
}

fn question(name: &str, kind: &str) -> Result<Question, String> {
    let kind = match kind.strip_prefix("TYPE") {
        Some(number) => RecordType::from(number.parse::<u16>().map_err(|e| e.to_string())?),
        None => kind.parse().map_err(|_| format!("no type {kind}"))?,
    };
    let name = if name.ends_with('.') { name.to_owned() } else { format!("{name}.") };
    Ok(Question::new(&name, kind))
}

fn ask(mut question: Question, how: &[&str]) -> Result<Ask, String> {
    let (mut times, mut ordered, mut anyport, mut silence) = (1, false, false, None);
    for word in how {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || value.parse::<u16>().map_err(|e| format!("{word}: {e}"));
        question = match key {
            "tcp" => question.tcp(),
            "do" => question.dnssec_ok(),
            "edns" => question.edns(number()?),
            "nsid" => question.edit(|m| {
                let options = m.edns.get_or_insert_with(Edns::new).options_mut();
                options.insert(EdnsOption::Unknown(EdnsCode::NSID.into(), Vec::new()));
            }),
            "tsig" => question.edit(|m| m.additionals.push(signature())),
            "cd" => question.edit(|m| m.metadata.checking_disabled = true),
            "ad" => question.edit(|m| m.metadata.authentic_data = true),
            "nord" => question.edit(|m| m.metadata.recursion_desired = false),
            "class" => question.class(class(value)?),
            "from" => {
                let from: IpAddr = value.parse().map_err(|e| format!("{word}: {e}"))?;
                question.from(from)
            }
            "times" | "ordered" | "anyport" | "silence" => question,
            _ => return Err(format!("no word {word}")),
        };
        match key {
            "times" => times = usize::from(number()?),
            "ordered" => ordered = true,
            "anyport" => anyport = true,
            "silence" => silence = Some(self::question(value, "A")?),
            _ => {}
        }
    }
    Ok(Ask { question, times, ordered, anyport, silence })
}

/// A signature by a key that nobody has (RFC 8945 §4.2).
fn signature() -> Record {
    let algorithm = b"\x0bhmac-sha256\0";
    let (time, fudge, length) = ([0, 0, 1, 2, 3, 4], [1, 44], [0, 32]);
    let id_error_other = [0; 6];
    let parts: [&[u8]; 6] = [algorithm, &time, &fudge, &length, &[7; 32], &id_error_other];
    let data = RData::Unknown { code: RecordType::TSIG, rdata: NULL::with(parts.concat()) };
    let mut record = Record::from_rdata("key.example.".parse().expect("a name"), 0, data);
    record.dns_class = DNSClass::ANY;
    record
}

fn class(name: &str) -> Result<DNSClass, String> {
    match name {
        "CH" => Ok(DNSClass::CH),
        "HS" => Ok(DNSClass::HS),
        "ANY" => Ok(DNSClass::ANY),
        _ => Err(format!("no class {name}")),
    }
}
