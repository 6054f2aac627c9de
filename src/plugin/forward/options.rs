//! The lines in the block of `forward`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Name;
use http::Method;
use rustls::pki_types::ServerName;

use super::policy::Policy;
use super::pool::Lifetime;
use super::tls::{self, Credentials};
use crate::corefile::{Diagnostic, Directive, Line, Token, parse_duration, parse_ip, parse_number};
use crate::plugin::names;
use crate::telemetry::mnemonic;

/// The names of the lines.
const NAMES: [&str; 21] = [
    "doh_method",
    "except",
    "expire",
    "failfast_all_unhealthy_upstreams",
    "failover",
    "force_tcp",
    "health_check",
    "max_age",
    "max_concurrent",
    "max_connect_attempts",
    "max_fails",
    "max_idle_conns",
    "next",
    "next_on_nodata",
    "policy",
    "prefer_udp",
    "read_timeout",
    "resolver",
    "source_address",
    "tls",
    "tls_servername",
];

/// What the lines say.
#[derive(Debug)]
pub(super) struct Options {
    pub except: Vec<Name>,
    pub policy: Policy,
    pub force_tcp: bool,
    pub prefer_udp: bool,
    /// How many questions may be open; 0 is no limit.
    pub max_concurrent: usize,
    /// How many failed checks an upstream is forgiven; 0 means all, and no checks.
    pub max_fails: u32,
    /// How often upstreams are asked for one question, 0 for no limit; twice each without it.
    pub max_connect_attempts: Option<u32>,
    /// Whether questions are refused where every upstream is down.
    pub failfast: bool,
    /// Codes for which another upstream is asked.
    pub failover: Vec<ResponseCode>,
    /// Codes for which the next `forward` is asked.
    pub next: Vec<ResponseCode>,
    pub next_on_nodata: bool,
    pub read_timeout: Duration,
    pub lifetime: Lifetime,
    pub health: Health,
    pub source: Option<IpAddr>,
    /// Servers that know the addresses of upstreams; the system's without any.
    pub resolver: Vec<SocketAddr>,
    pub doh_method: Method,
    pub credentials: Credentials,
    /// Whom the certificates of upstreams must be for, and how the Corefile spells it.
    pub server_name: Option<(ServerName<'static>, String)>,
}

/// How upstreams are checked.
#[derive(Debug)]
pub(super) struct Health {
    pub interval: Duration,
    pub recursion_desired: bool,
    pub domain: Name,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            except: Vec::new(),
            policy: Policy::Random,
            force_tcp: false,
            prefer_udp: false,
            max_concurrent: 0,
            max_fails: 2,
            max_connect_attempts: None,
            failfast: false,
            failover: Vec::new(),
            next: Vec::new(),
            next_on_nodata: false,
            read_timeout: Duration::from_secs(2),
            lifetime: Lifetime {
                expire: Duration::from_secs(10),
                max_age: Duration::ZERO,
                max_idle: 0,
            },
            health: Health {
                interval: Duration::from_millis(500),
                recursion_desired: true,
                domain: Name::root(),
            },
            source: None,
            resolver: Vec::new(),
            doh_method: Method::POST,
            credentials: Credentials::default(),
            server_name: None,
        }
    }
}

impl Options {
    /// Reads the block of a directive; `path` is the file that a word names.
    ///
    /// # Errors
    /// A line that is none, or that is wrong, and a `max_age` below `expire`.
    pub fn read(
        directive: &Directive,
        path: &dyn Fn(&Token) -> PathBuf,
    ) -> Result<Self, Diagnostic> {
        let mut options = Options::default();
        for line in directive.lines() {
            options.line(line, path)?;
        }
        let Lifetime { expire, max_age, .. } = options.lifetime;
        if !max_age.is_zero() && max_age < expire {
            let lines = directive.lines().iter();
            let at = lines.map(Line::name).find(|name| name.text == "max_age");
            return Err(at.unwrap_or(&directive.name).error(
                format!("max_age ({max_age:?}) is less than expire ({expire:?})"),
                "connections that are used are not to end before idle ones: write a longer max_age",
            ));
        }
        Ok(options)
    }

    fn line(&mut self, line: &Line, path: &dyn Fn(&Token) -> PathBuf) -> Result<(), Diagnostic> {
        let duration = || parse_duration(line.one_arg(&usage(line, "DURATION"))?);
        match line.name().text.as_str() {
            "except" => {
                let words = line.args_within(1.., "except ZONES...")?;
                self.except.extend(names::zones(words)?);
            }
            "force_tcp" => self.force_tcp = flag(line)?,
            "prefer_udp" => self.prefer_udp = flag(line)?,
            "failfast_all_unhealthy_upstreams" => self.failfast = flag(line)?,
            "next_on_nodata" => self.next_on_nodata = flag(line)?,
            "max_concurrent" => {
                self.max_concurrent = number(line, "number of queries", u32::MAX as usize)?;
            }
            "max_fails" => self.max_fails = number(line, "number of failed checks", u32::MAX)?,
            "max_connect_attempts" => {
                self.max_connect_attempts = Some(number(line, "number of attempts", u32::MAX)?);
            }
            "max_idle_conns" => {
                self.lifetime.max_idle = number(line, "number of connections", u32::MAX as usize)?;
            }
            "expire" => self.lifetime.expire = duration()?,
            "max_age" => self.lifetime.max_age = duration()?,
            "read_timeout" => {
                self.read_timeout = duration()?;
                if self.read_timeout.is_zero() {
                    let word = line.one_arg("read_timeout DURATION")?;
                    return Err(word.error("nothing can be read in no time", "write e.g. 2s"));
                }
            }
            "health_check" => self.health = health(line)?,
            "policy" => {
                let word = line.one_arg("policy POLICY")?;
                let policy = Policy::named(&word.text);
                self.policy = policy.ok_or_else(|| word.unknown("policy", &Policy::NAMES))?;
            }
            "next" => self.next.extend(codes(line)?),
            "failover" => {
                let codes = codes(line)?;
                if let Some(at) = codes.iter().position(|code| *code == ResponseCode::NoError) {
                    return Err(line.args()[at].error(
                        "NOERROR is no failure",
                        "write e.g. SERVFAIL or REFUSED; for answers without records there is next_on_nodata",
                    ));
                }
                self.failover.extend(codes);
            }
            "source_address" => {
                self.source = Some(parse_ip(line.one_arg("source_address IP")?)?);
            }
            "resolver" => {
                let words = line.args_within(1.., "resolver IP[:PORT]...")?;
                self.resolver = words.iter().map(resolver).collect::<Result<_, _>>()?;
            }
            "doh_method" => {
                let word = line.one_arg("doh_method GET|POST")?;
                self.doh_method = match word.text.as_str() {
                    "GET" => Method::GET,
                    "POST" => Method::POST,
                    _ => return Err(word.unknown("method", &["GET", "POST"])),
                };
            }
            "tls" => self.credentials = credentials(line, path)?,
            "tls_servername" => {
                let word = line.one_arg("tls_servername NAME")?;
                self.server_name = Some((server_name(word, &word.text)?, word.text.clone()));
            }
            _ => return Err(line.unknown(super::NAME, &NAMES)),
        }
        Ok(())
    }
}

fn usage(line: &Line, what: &str) -> String {
    format!("{} {what}", line.name().text)
}

fn flag(line: &Line) -> Result<bool, Diagnostic> {
    line.no_args().map(|()| true)
}

fn number<T>(line: &Line, what: &str, most: T) -> Result<T, Diagnostic>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display + Default,
{
    parse_number(line.one_arg(&usage(line, "NUMBER"))?, what, T::default()..=most)
}

/// `health_check DURATION [no_rec] [domain FQDN]`.
fn health(line: &Line) -> Result<Health, Diagnostic> {
    const USAGE: &str = "health_check DURATION [no_rec] [domain FQDN]";
    let [interval, words @ ..] = line.args_within(1..=4, USAGE)? else {
        return Err(line.name().error("health_check has no duration", format!("write `{USAGE}`")));
    };
    let mut health = Options::default().health;
    health.interval = parse_duration(interval)?;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "no_rec" => health.recursion_desired = false,
            "domain" => {
                let name = words.next().ok_or_else(|| {
                    word.error("'domain' of health_check has no name", format!("write `{USAGE}`"))
                })?;
                health.domain = names::parse(&name.text).ok_or_else(|| {
                    name.error(
                        format!("'{}' is no domain name", name.text),
                        "write e.g. example.org, or `.`",
                    )
                })?;
            }
            _ => return Err(word.unknown("word of health_check", &["domain", "no_rec"])),
        }
    }
    Ok(health)
}

fn codes(line: &Line) -> Result<Vec<ResponseCode>, Diagnostic> {
    let words = line.args_within(1.., &usage(line, "RCODE..."))?;
    let code = |word: &Token| {
        mnemonic::parse_rcode(&word.text.to_ascii_uppercase()).ok_or_else(|| {
            word.error(
                format!("'{}' is no response code", word.text),
                "write e.g. NXDOMAIN, SERVFAIL or REFUSED",
            )
        })
    };
    words.iter().map(code).collect()
}

fn resolver(word: &Token) -> Result<SocketAddr, Diagnostic> {
    let alone = || word.text.parse().map(|address: IpAddr| SocketAddr::new(address, 53));
    word.text.parse().or_else(|_| alone()).map_err(|_| {
        word.error(
            format!("'{}' is no address of a resolver", word.text),
            "write IP or IP:PORT, e.g. 192.0.2.1 or [2001:db8::1]:53",
        )
    })
}

/// `tls [CERT KEY] [CA]`.
fn credentials(line: &Line, path: &dyn Fn(&Token) -> PathBuf) -> Result<Credentials, Diagnostic> {
    let words = line.args_within(0..=3, "tls [CERT KEY] [CA]")?;
    let (client, authority) = match words {
        [] => (None, None),
        [authority] => (None, Some(authority)),
        [cert, key] => (Some((cert, key)), None),
        [cert, key, authority, ..] => (Some((cert, key)), Some(authority)),
    };
    let wrong = |word: &Token, error: &tls::Wrong| {
        word.error(error.to_string(), "write the paths of PEM files: `tls [CERT KEY] [CA]`")
    };
    let certificates =
        |word: &Token| tls::certificates(&path(word)).map_err(|error| wrong(word, &error));
    let client = match client {
        None => None,
        Some((cert, key)) => {
            let found = tls::key(&path(key)).map_err(|error| wrong(key, &error))?;
            Some((certificates(cert)?, found))
        }
    };
    let credentials = Credentials { authorities: authority.map(certificates).transpose()?, client };
    // That certificate and key belong together.
    credentials.config(&[]).map_err(|error| wrong(line.name(), &error))?;
    Ok(credentials)
}

/// Whom a certificate can be for.
///
/// # Errors
/// It is neither a name nor an address.
pub(super) fn server_name(word: &Token, text: &str) -> Result<ServerName<'static>, Diagnostic> {
    ServerName::try_from(text.to_owned()).map_err(|_| {
        word.error(
            format!("'{text}' is no name that a certificate can be for"),
            "write the server's name, e.g. dns.example.org",
        )
    })
}
