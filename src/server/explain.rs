//! How an answer comes about: what `fleetdns explain` shows.
//!
//! In: a name and a type. Out: an [`Explained`], which is also the form in which it travels as JSON: the
//! server block, what its plugins say of the name in their order, and the answer that the same chain gives.
//! The question is neither logged nor counted, and comes from the machine itself.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use axum::routing::get;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name, Record, RecordType};
use serde::{Deserialize, Serialize};

use super::site::Site;
use crate::admin::json;
use crate::plugin::explain::{EXPLANATION, Told};
use crate::plugin::request::Request;
use crate::plugin::{Next, Plugin, Reply, names};
use crate::telemetry::mnemonic;
use crate::zone::explain::{Step, Steps};

/// The path of the page, whose query has `name` and `type`.
const PATH: &str = "/explain";
/// Plugins at the head of a chain that only look on.
const ONLOOKERS: [&str; 6] = ["metadata", "prometheus", "errors", "log", "nsid", "bufsize"];

/// How one question is answered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Explained {
    pub name: String,
    #[serde(rename = "type")]
    pub qtype: String,
    /// Where the server block listens and its zone; `null` where no block is for the name.
    pub block: Option<String>,
    /// The plugins that may answer, in the order in which they are asked.
    pub plugins: Vec<Explaining>,
    pub answer: Answered,
}

/// What one plugin makes of the question.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Explaining {
    pub plugin: String,
    pub verdict: Told,
    pub steps: Vec<Step>,
}

/// The answer. Records are lines as in a zone file, with their TTLs.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Answered {
    /// The response code, such as `NOERROR`; empty where there is no reply.
    pub rcode: String,
    pub authoritative: bool,
    pub answer: Vec<String>,
    pub authority: Vec<String>,
    pub additional: Vec<String>,
    /// Extended DNS Error (RFC 8914): its code and text.
    pub extended_error: Option<(u16, String)>,
    /// What `errors` would log.
    pub failure: Option<String>,
}

impl Explained {
    fn nothing(name: &Name, qtype: RecordType) -> Self {
        let (name, qtype) = (mnemonic::name(name), mnemonic::record_type(qtype).into_owned());
        Explained { name, qtype, block: None, plugins: Vec::new(), answer: Answered::default() }
    }
}

impl Site {
    /// Explains a question that would be asked here.
    pub async fn explain(self: &Arc<Self>, name: &Name, qtype: RecordType) -> Explained {
        let request = self.own_request(name.clone(), qtype);
        let mut explained = Explained::nothing(name, qtype);
        let Some(block) = self.find(&request) else {
            explained.answer.rcode = "REFUSED".to_owned();
            return explained;
        };
        explained.block = Some(format!("{} {}", self.label(), block.text));
        let request = Request { zone: block.text.clone(), ..request };
        let watching =
            block.chain.iter().take_while(|plugin| ONLOOKERS.contains(&plugin.name())).count();
        let chain = &block.chain[watching..];
        let outcome = Next::all(chain).start(&request).await;
        explained.plugins = plugins(chain, &request);
        explained.answer = match outcome {
            Ok(Reply::Message(message)) => answered(&message),
            // A whole zone is not listed here.
            Ok(Reply::Messages(_)) => Answered { rcode: "NOERROR".into(), ..Answered::default() },
            Ok(Reply::Silence) => Answered::default(),
            Err(failure) => {
                let rcode = mnemonic(failure.code);
                Answered { rcode, failure: failure.cause, ..Answered::default() }
            }
        };
        explained
    }

    /// How many labels the zone of the block for a name has; `None` where there is no block.
    fn depth(self: &Arc<Self>, name: &Name, qtype: RecordType) -> Option<usize> {
        Some(self.find(&self.own_request(name.clone(), qtype))?.zone.labels())
    }
}

/// What the plugins say, until one says that it answers.
fn plugins(chain: &[Arc<dyn Plugin>], request: &Request) -> Vec<Explaining> {
    let mut all = Vec::new();
    let mut request = Cow::Borrowed(request);
    for plugin in chain {
        let mut steps = Steps::default();
        let verdict = plugin.explain(&request, &mut steps);
        all.push(Explaining { plugin: plugin.name().into(), verdict, steps: steps.0 });
        if verdict == Told::Answers {
            break;
        }
        if let Some(changed) = plugin.hands_on(&request) {
            request = Cow::Owned(changed);
        }
    }
    all
}

fn answered(message: &Message) -> Answered {
    let lines = |records: &[Record]| records.iter().map(ToString::to_string).collect();
    let options = message.edns.iter().flat_map(|edns| edns.options().as_ref());
    let error = options.filter_map(|(_, option)| match option {
        EdnsOption::Unknown(EXPLANATION, data) => {
            let (code, text) = data.split_first_chunk::<2>()?;
            Some((u16::from_be_bytes(*code), String::from_utf8_lossy(text).into_owned()))
        }
        _ => None,
    });
    Answered {
        rcode: mnemonic(message.metadata.response_code),
        authoritative: message.metadata.authoritative,
        answer: lines(&message.answers),
        authority: lines(&message.authorities),
        additional: lines(&message.additionals),
        extended_error: { error }.next(),
        failure: None,
    }
}

fn mnemonic(code: ResponseCode) -> String {
    mnemonic::rcode(code).map_or_else(|| u16::from(code).to_string(), str::to_owned)
}

/// Explains a question by the site whose block for the name has the longest zone, of several the first.
pub async fn explain(sites: &[Arc<Site>], name: &Name, qtype: RecordType) -> Explained {
    let mut best: Option<(&Arc<Site>, Option<usize>)> = None;
    for site in sites {
        let depth = site.depth(name, qtype);
        if best.is_none_or(|(_, known)| depth > known) {
            best = Some((site, depth));
        }
    }
    match best {
        Some((site, _)) => site.explain(name, qtype).await,
        // There is no server without a block.
        None => Explained::nothing(name, qtype),
    }
}

/// The path of the page on a question.
pub fn path(name: &Name, qtype: RecordType) -> String {
    let (name, qtype) = (mnemonic::name(name), mnemonic::record_type(qtype));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("name", &name).append_pair("type", &qtype);
    format!("{PATH}?{}", query.finish())
}

/// The page, as JSON.
pub fn router(sites: Vec<Arc<Site>>) -> Router {
    let page = async move |uri: Uri| {
        let value = |key: &str| {
            let mut pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
            pairs.find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
        };
        let name = value("name").unwrap_or_default();
        let (name, qtype) = match question(&name, value("type").as_deref()) {
            Ok(question) => question,
            Err(problem) => return (StatusCode::BAD_REQUEST, problem).into_response(),
        };
        json(&explain(&sites, &name, qtype).await)
    };
    Router::new().route(PATH, get(page))
}

/// A type by its name, or as `TYPE65535` (RFC 3597 §5).
fn record_type(text: &str) -> Option<RecordType> {
    let number = text.strip_prefix("TYPE").and_then(|number| number.parse::<u16>().ok());
    mnemonic::parse_record_type(text).or_else(|| number.map(RecordType::from))
}

/// A name and a type as people write them: a reverse name for an address, and no final dot.
///
/// # Errors
/// Which word is wrong.
pub fn question(name: &str, qtype: Option<&str>) -> Result<(Name, RecordType), String> {
    let address: Option<std::net::IpAddr> = name.parse().ok();
    let parsed = match address {
        Some(address) => Some(Name::from(address)),
        None => names::parse(name),
    };
    let parsed = parsed.ok_or_else(|| format!("'{name}' is no name"))?;
    let default = if address.is_some() { RecordType::PTR } else { RecordType::A };
    let qtype = match qtype {
        Some(text) => {
            record_type(&text.to_ascii_uppercase()).ok_or_else(|| format!("'{text}' is no type"))?
        }
        None => default,
    };
    Ok((parsed, qtype))
}
