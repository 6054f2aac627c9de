//! What a template can ask of a question: the dot of CoreDNS's `templateData`.

use std::collections::BTreeMap;
use std::sync::Arc;

use hickory_proto::op::{Message, MessageType, Query};

use super::language::{List, Map, Method, Object, Value};
use crate::plugin::metadata::Known;
use crate::telemetry::mnemonic;

/// A question that a template takes.
#[derive(Debug)]
pub struct Data {
    /// The zone of the template that the name is in.
    pub zone: Arc<str>,
    /// In lower case.
    pub name: String,
    /// The pattern that matched.
    pub pattern: String,
    /// What the whole and each group of it matched.
    pub matched: Vec<String>,
    /// The same by number and name.
    pub groups: BTreeMap<String, String>,
    pub class: String,
    pub rtype: String,
    pub message: Arc<Message>,
    /// The client's address.
    pub remote: String,
    pub variables: BTreeMap<String, Value>,
    pub metadata: Option<Arc<Known>>,
}

impl Object for Data {
    fn type_name(&self) -> &'static str {
        "*template.templateData"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Zone" => (*self.zone).into(),
            "Name" => self.name.as_str().into(),
            "Regex" => self.pattern.as_str().into(),
            "Match" => Value::texts(self.matched.iter().cloned()),
            "Group" => {
                let groups = self.groups.iter();
                let values = groups.map(|(name, text)| (name.clone(), text.as_str().into()));
                Value::Map(Map { values: Arc::new(values.collect()), of: "string" })
            }
            "Class" => self.class.as_str().into(),
            "Type" => self.rtype.as_str().into(),
            "Message" => Value::Object(Arc::new(AsMessage(self.message.clone()))),
            "Question" => {
                let query = self.message.queries[0].clone();
                Value::Object(Arc::new(AsQuestion { query, is_pointer: true }))
            }
            "Remote" => self.remote.as_str().into(),
            "Var" => {
                let values = Arc::new(self.variables.clone());
                Value::Map(Map { values, of: "any" })
            }
            _ => return None,
        })
    }

    fn method(&self, name: &str) -> Option<Method<'_>> {
        (name == "Meta").then(|| {
            Method::OfText(Box::new(|label| {
                let known = self.metadata.as_ref().and_then(|known| known.get(label));
                known.unwrap_or_default().into()
            }))
        })
    }
}

/// A message with the names that miekg/dns gives to its parts.
#[derive(Debug)]
struct AsMessage(Arc<Message>);

impl Object for AsMessage {
    fn type_name(&self) -> &'static str {
        "*dns.Msg"
    }

    fn field(&self, name: &str) -> Option<Value> {
        let message = &self.0;
        let header = &message.metadata;
        Some(match name {
            "Id" => header.id.into(),
            "Response" => (header.message_type == MessageType::Response).into(),
            "Opcode" => Value::Int(u8::from(header.op_code).into()),
            "Authoritative" => header.authoritative.into(),
            "Truncated" => header.truncation.into(),
            "RecursionDesired" => header.recursion_desired.into(),
            "RecursionAvailable" => header.recursion_available.into(),
            "AuthenticatedData" => header.authentic_data.into(),
            "CheckingDisabled" => header.checking_disabled.into(),
            "Rcode" => Value::Int(u16::from(header.response_code).into()),
            "Question" => {
                let questions = message.queries.iter().cloned();
                let object = |query| {
                    let question = AsQuestion { query, is_pointer: false };
                    Value::Object(Arc::new(question) as Arc<dyn Object>)
                };
                Value::List(List { values: questions.map(object).collect(), of: "dns.Question" })
            }
            // A question holds no records but an OPT record.
            "Answer" | "Ns" => Value::List(List { values: Arc::new([]), of: "dns.RR" }),
            "Extra" => {
                let edns = message.edns.is_some().then(|| self.edns());
                Value::List(List { values: edns.into_iter().collect(), of: "dns.RR" })
            }
            _ => return None,
        })
    }

    fn method(&self, name: &str) -> Option<Method<'_>> {
        match name {
            "IsEdns0" => Some(Method::Gives(match self.0.edns {
                Some(_) => self.edns(),
                None => Value::Missing,
            })),
            _ => None,
        }
    }
}

impl AsMessage {
    fn edns(&self) -> Value {
        Value::Object(Arc::new(AsOpt(self.0.clone())))
    }
}

/// The OPT record of a message that has one.
#[derive(Debug)]
struct AsOpt(Arc<Message>);

impl Object for AsOpt {
    fn type_name(&self) -> &'static str {
        "*dns.OPT"
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<Method<'_>> {
        let edns = self.0.edns.as_ref()?;
        Some(Method::Gives(match name {
            "UDPSize" => edns.max_payload().into(),
            "Do" => edns.flags().dnssec_ok.into(),
            "Version" => Value::Uint(edns.version().into(), "uint8"),
            _ => return None,
        }))
    }
}

/// A question; what it is as a whole is `;NAME CLASS TYPE`, as dig shows it.
#[derive(Debug)]
struct AsQuestion {
    query: Query,
    is_pointer: bool,
}

impl Object for AsQuestion {
    fn type_name(&self) -> &'static str {
        if self.is_pointer { "*dns.Question" } else { "dns.Question" }
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Name" => mnemonic::spelled(self.query.name()).into(),
            "Qtype" => u16::from(self.query.query_type()).into(),
            "Qclass" => u16::from(self.query.query_class()).into(),
            _ => return None,
        })
    }

    fn method(&self, name: &str) -> Option<Method<'_>> {
        let text = || self.text().unwrap_or_default().into();
        (name == "String").then(|| Method::Gives(text()))
    }

    fn text(&self) -> Option<String> {
        let name = mnemonic::spelled(self.query.name());
        let class = mnemonic::class(self.query.query_class());
        let rtype = mnemonic::record_type(self.query.query_type());
        Some(format!(";{name}\t{class}\t {rtype}"))
    }
}
