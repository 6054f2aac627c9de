//! Steps beside the questions: pages, signals, the Corefile, connections. Each shows a text on each server, and
//! the two must be the same.

use std::fs;
use std::io;
use std::net::SocketAddr;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::play::Side;
use crate::harness::web::{Page, request};
use crate::harness::{Connection, LONG, Question, dig, eventually};

/// Headers that are compared.
const HEADERS: [&str; 5] =
    ["allow", "cache-control", "content-type", "location", "x-content-type-options"];

/// What clients of pages write before they are silent.
const SILENCES: [(&str, &str); 3] = [
    ("nothing", ""),
    ("half", "GET /health HTTP/1.1\r\nHost: loc"),
    ("request", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"),
];

pub enum Around {
    /// Asks for a page.
    Page {
        port: String,
        method: String,
        path: String,
        bodiless: bool,
    },
    /// Waits until a page has this status, or until nobody listens.
    Becomes {
        port: String,
        path: String,
        status: String,
    },
    Signal(Signal),
    /// Waits until the log has the text so often: that of an upstream, or of the server itself.
    Logged {
        of: Option<String>,
        times: usize,
        text: String,
    },
    /// The Corefile becomes that of a file.
    Corefile(String),
    /// Waits until the process has ended.
    Ends,
    /// Asks so often on one connection, and waits until that is closed.
    Connection {
        port: String,
        times: usize,
        question: Question,
    },
    /// Writes this to the port of a page, and waits until the connection is closed.
    Silence {
        port: String,
        text: &'static str,
    },
    /// Asks by dig.
    Dig {
        port: String,
        how: String,
    },
}

impl Around {
    /// Reads a line, if it is one of these.
    pub fn read(
        line: &str,
        question: impl Fn(&str, &str) -> Result<Question, String>,
    ) -> Option<Result<Self, String>> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let rest = |word: &str| {
            let (_, rest) = line.split_once(word).unwrap_or_default();
            rest.trim().to_owned()
        };
        let number = |text: &str| text.parse::<usize>().map_err(|error| format!("{text}: {error}"));
        Some(Ok(match words[..] {
            ["@http", port, method, path, ref how @ ..] => Around::Page {
                port: port.into(),
                method: method.into(),
                path: path.into(),
                bodiless: how == ["bodiless"],
            },
            ["@becomes", port, path, status] => {
                Around::Becomes { port: port.into(), path: path.into(), status: status.into() }
            }
            ["@signal", name] => match name {
                "TERM" => Around::Signal(Signal::TERM),
                "INT" => Around::Signal(Signal::INT),
                "HUP" => Around::Signal(Signal::HUP),
                "QUIT" => Around::Signal(Signal::QUIT),
                "USR1" => Around::Signal(Signal::USR1),
                _ => return Some(Err(format!("no signal {name}"))),
            },
            ["@logged", times, _, ..] => match number(times) {
                Ok(n) => Around::Logged { of: None, times: n, text: rest(times) },
                Err(error) => return Some(Err(error)),
            },
            ["@told", upstream, times, _, ..] => match number(times) {
                Ok(n) => Around::Logged { of: Some(upstream.into()), times: n, text: rest(times) },
                Err(error) => return Some(Err(error)),
            },
            ["@corefile", file] => Around::Corefile(file.into()),
            ["@ends"] => Around::Ends,
            ["@connection", port, times, name, kind] => {
                match (number(times), question(name, kind)) {
                    (Ok(times), Ok(question)) => {
                        Around::Connection { port: port.into(), times, question }
                    }
                    (Err(error), _) | (_, Err(error)) => return Some(Err(error)),
                }
            }
            ["@silence", port, after] => match SILENCES.iter().find(|(name, _)| *name == after) {
                Some((_, text)) => Around::Silence { port: port.into(), text },
                None => return Some(Err(format!("no silence after {after}"))),
            },
            ["@dig", port, _, ..] => Around::Dig { port: port.into(), how: rest(port) },
            _ => return None,
        }))
    }

    /// Does it on one server.
    pub async fn show(&self, side: &mut Side) -> String {
        match self {
            Around::Page { port, method, path, bodiless } => {
                let page = request(side.server.addr(port), method, path, &[]).await;
                page.map_or_else(failed, |page| shown(page, !bodiless))
            }
            Around::Becomes { port, path, status } => {
                eventually(&format!("{path} to become {status}"), LONG, async || {
                    let found = match request(side.server.addr(port), "GET", path, &[]).await {
                        Ok(page) => page.status.to_string(),
                        Err(error) => failed(error),
                    };
                    if found == *status { Ok(()) } else { Err(found) }
                })
                .await;
                status.clone()
            }
            Around::Signal(signal) => {
                side.server.process.signal(*signal);
                String::new()
            }
            Around::Logged { of, times, text } => {
                let server = match of {
                    None => &side.server,
                    Some(name) => side.upstream(name),
                };
                eventually(&format!("{times} times {text:?} in the log"), LONG, async || {
                    let logs = server.logs();
                    if logs.matches(text).count() >= *times { Ok(()) } else { Err(logs) }
                })
                .await;
                String::new()
            }
            Around::Corefile(file) => {
                let text = fs::read_to_string(side.folder.join(file)).expect("a file of the case");
                let text = side.filled(&text);
                side.server.write_corefile(&text);
                String::new()
            }
            Around::Ends => format!("{:?}", side.server.process.wait().await.code()),
            Around::Connection { port, times, question } => {
                let mut connection =
                    Connection::open(side.server.addr(port)).await.expect("a connection");
                let mut answered = 0;
                for _ in 0..*times {
                    if connection.send(question).await.is_err() {
                        break;
                    }
                    match connection.receive().await {
                        Ok(Some(_)) => answered += 1,
                        _ => break,
                    }
                }
                let is_open = match connection.receive().await {
                    Ok(reply) => reply.is_some(),
                    Err(error) => error.kind() == io::ErrorKind::TimedOut,
                };
                format!("{answered} answered, then {}", if is_open { "open" } else { "closed" })
            }
            Around::Silence { port, text } => {
                let at = side.server.addr(port);
                silence(at, text).await.unwrap_or_else(|error| format!("{error}, and open"))
            }
            Around::Dig { port, how } => {
                let how = side.filled(how);
                let reply = dig(side.server.addr(port), &format!("+tries=1 +nocookie {how}")).await;
                let mut answer = reply.answer.clone();
                answer.sort();
                let (status, flags) = (reply.status, reply.flags);
                format!("{status} {flags:?} {:?} {answer:?} {:?}", reply.edns, reply.authority)
            }
        }
    }
}

/// The status lines that come until a connection is closed on which nothing follows the text.
///
/// # Errors
/// It is not closed.
async fn silence(at: SocketAddr, text: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(at).await?;
    stream.write_all(text.as_bytes()).await?;
    let mut said = Vec::new();
    match timeout(LONG, stream.read_to_end(&mut said)).await? {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => return Err(error),
        _ => {}
    }
    let said = String::from_utf8_lossy(&said);
    let lines = said.lines().filter(|line| line.starts_with("HTTP/"));
    Ok(lines.chain(["closed"]).collect::<Vec<_>>().join(", "))
}

fn failed(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused".into(),
        _ => error.to_string(),
    }
}

fn shown(page: Page, with_body: bool) -> String {
    let mut text = format!("{}\n", page.status);
    for (name, value) in &page.headers {
        if HEADERS.contains(&name.as_str()) {
            text += &format!("{name}: {value}\n");
        }
    }
    if with_body {
        text += &format!("\n{}\n", page.body);
    }
    text
}
