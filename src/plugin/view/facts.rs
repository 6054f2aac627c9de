//! What an expression can ask of a question (CoreDNS, plugin/pkg/expression).

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use expr::{Context, ContextProvider, Environment, Error, Value};
use ipnet::IpNet;

use crate::plugin::Request;
use crate::plugin::metadata::Values;
use crate::telemetry::mnemonic;

/// What a function gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Text,
    Number,
    Truth,
}

/// A function, with its parameters as a message shows them.
#[derive(Clone, Copy)]
pub struct Function {
    pub name: &'static str,
    pub parameters: &'static [&'static str],
    pub gives: Kind,
}

/// A function without parameters.
struct Fact {
    /// Its call, under which the context has its value: no name of an expression is so spelled.
    call: &'static str,
    gives: Kind,
    value: fn(&Request) -> Value,
}

const fn fact(call: &'static str, gives: Kind, value: fn(&Request) -> Value) -> Fact {
    Fact { call, gives, value }
}

impl Fact {
    fn name(&self) -> &'static str {
        self.call.trim_end_matches("()")
    }
}

const FACTS: [Fact; 13] = [
    fact("type()", Kind::Text, |request| mnemonic::record_type(request.qtype()).as_ref().into()),
    fact("name()", Kind::Text, |request| mnemonic::name(request.qname()).into()),
    fact("class()", Kind::Text, |request| {
        mnemonic::class(request.query().query_class()).as_ref().into()
    }),
    fact("proto()", Kind::Text, |request| request.transport.label().into()),
    // A question is no longer than 64 KiB.
    fact("size()", Kind::Number, |request| Value::Integer(request.size as i64)),
    fact("client_ip()", Kind::Text, |request| address(request.client)),
    fact("port()", Kind::Text, |request| request.client.port().to_string().into()),
    fact("id()", Kind::Number, |request| Value::Integer(request.message.metadata.id.into())),
    fact("opcode()", Kind::Number, |request| {
        Value::Integer(u8::from(request.message.metadata.op_code).into())
    }),
    fact("do()", Kind::Truth, |request| {
        let edns = request.message.edns.as_ref();
        edns.is_some_and(|edns| edns.flags().dnssec_ok).into()
    }),
    fact("bufsize()", Kind::Number, |request| Value::Integer(request.buffer_size().into())),
    fact("server_ip()", Kind::Text, |request| address(request.local)),
    fact("server_port()", Kind::Text, |request| request.local.port().to_string().into()),
];

fn address(of: SocketAddr) -> Value {
    of.ip().to_canonical().to_string().into()
}

const METADATA: Function = Function { name: "metadata", parameters: &["LABEL"], gives: Kind::Text };
const INCIDR: Function =
    Function { name: "incidr", parameters: &["IP", "CIDR"], gives: Kind::Truth };

/// All functions that are not of the language itself.
pub fn functions() -> impl Iterator<Item = Function> {
    let plain = |fact: &Fact| Function { name: fact.name(), parameters: &[], gives: fact.gives };
    FACTS.iter().map(plain).chain([METADATA, INCIDR])
}

/// The functions of the language, and those above. They find the question in the context.
pub static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// A new environment with those functions, for who has more of them.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    for fact in &FACTS {
        environment.add_function(fact.name(), |call| {
            call.ctx.get(fact.call).cloned().ok_or_else(|| failed("there is no question"))
        });
    }
    environment.add_function(METADATA.name, |call| match call.args.as_slice() {
        [Value::String(label)] => {
            let value = call.ctx.get(&format!("{LABEL}{label}"));
            Ok(value.cloned().unwrap_or_else(|| "".into()))
        }
        _ => Err(failed("metadata takes a label")),
    });
    environment.add_function(INCIDR.name, |call| match call.args.as_slice() {
        [Value::String(address), Value::String(network)] => {
            let address = address.parse::<IpAddr>().map_err(|_| failed("no IP address"))?;
            let network = parse_network(network).ok_or_else(|| failed("no network"))?;
            Ok(network.contains(&address.to_canonical()).into())
        }
        _ => Err(failed("incidr takes an address and a network")),
    });
    environment
}

/// A network as Go reads it: one of IPv4 may be written in IPv6.
pub fn parse_network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok()?;
    match (network, network.addr().to_canonical()) {
        (IpNet::V6(six), IpAddr::V4(four)) if six.prefix_len() >= 96 => {
            IpNet::new(IpAddr::V4(four), six.prefix_len() - 96).ok()
        }
        _ => Some(network),
    }
}

fn failed(why: &str) -> Error {
    Error::ExprError(why.to_owned())
}

/// Before the label of a value of metadata as a key of the context. Others that find a text by its name
/// have it under `FUNCTION()/NAME` too.
const LABEL: &str = "metadata()/";

/// A question as the context of expressions: what they ask for is made once, when they ask.
pub struct Facts<'a> {
    request: &'a Request,
    metadata: &'a dyn Fn() -> Values,
    made: [OnceCell<Value>; FACTS.len()],
    values: OnceCell<BTreeMap<String, Value>>,
}

impl<'a> Facts<'a> {
    pub fn new(request: &'a Request, metadata: &'a dyn Fn() -> Values) -> Self {
        Facts { request, metadata, made: Default::default(), values: OnceCell::new() }
    }

    fn values(&self) -> &BTreeMap<String, Value> {
        self.values.get_or_init(|| {
            let values = (self.metadata)().into_iter();
            values.map(|(label, value)| (label, value.into())).collect()
        })
    }
}

impl ContextProvider for Facts<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        if let Some(label) = key.strip_prefix(LABEL) {
            return self.values().get(label);
        }
        let at = FACTS.iter().position(|fact| fact.call == key)?;
        Some(self.made[at].get_or_init(|| (FACTS[at].value)(self.request)))
    }

    fn to_context(&self) -> Context {
        Context::default()
    }
}

/// Some question, to try an expression on.
pub struct Sample;

/// Every text is a number too, so that none is found fault with for what it says.
static SAMPLES: LazyLock<[Value; 3]> =
    LazyLock::new(|| ["1".into(), Value::Integer(1), true.into()]);

impl ContextProvider for Sample {
    fn get(&self, key: &str) -> Option<&Value> {
        let [text, number, truth] = &*SAMPLES;
        if key.contains("()/") {
            return Some(text);
        }
        Some(match FACTS.iter().find(|fact| fact.call == key)?.gives {
            Kind::Text => text,
            Kind::Number => number,
            Kind::Truth => truth,
        })
    }

    fn to_context(&self) -> Context {
        Context::default()
    }
}
