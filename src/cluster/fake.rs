//! A small API server that misbehaves on demand: list with `continue`, watch, bookmarks, 410, 503,
//! and silence at every place where a server can fall silent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::sync::watch;

pub use super::fake_objects::*;

use super::client::Timing;
use super::source::Source;

pub const SERVICES: &str = "/api/v1/services";
pub const SLICES: &str = "/apis/discovery.k8s.io/v1/endpointslices";
pub const NAMESPACES: &str = "/api/v1/namespaces";
pub const PODS: &str = "/api/v1/pods";
pub const ENDPOINTS: &str = "/api/v1/endpoints";
pub const NODES: &str = "/api/v1/nodes";
/// The group of ServiceImports and ServiceExports.
pub const IMPORTS: &str = "/apis/multicluster.x-k8s.io";
/// The group of ServiceEntries.
pub const ENTRIES: &str = "/apis/networking.istio.io";
/// The group of ServiceCIDRs.
pub const CIDRS: &str = "/apis/networking.k8s.io";
/// The groups whose kinds a server may not have, each with the kinds.
const GROUPS: [(&str, &[&str]); 3] = [
    (IMPORTS, &["serviceimports", "serviceexports"]),
    (ENTRIES, &["serviceentries"]),
    (CIDRS, &["servicecidrs"]),
];

/// What the server does to every request until told otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Answers with this status.
    Status(u16),
    /// Answers watches, and only them, with this status.
    WatchStatus(u16),
    /// Sends no headers.
    NoHeaders,
    /// Sends the headers of a list and half of its body.
    HalfList,
    /// Watches, also those that are open, say nothing and do not end.
    SilentWatch,
    /// Ends each watch as soon as it begins.
    ShortWatch,
    /// Sends the first page of a list, and says that the next one has expired.
    ExpiredContinue,
    /// Ends each watch in the middle of its first event.
    HalfEvent,
    /// Falls silent in the middle of the first event of a watch.
    HalfEventSilent,
    /// Sends something else in place of each event of a watch.
    Garbage,
}

/// The time limits for tests: short, for they are waited out.
pub fn timing() -> Timing {
    Timing {
        connect: Duration::from_secs(5),
        headers: Duration::from_millis(1000),
        silence: Duration::from_millis(2000),
        watch_seconds: 1,
        pace: Duration::from_millis(20),
        retry_min: Duration::from_millis(10),
        retry_max: Duration::from_millis(50),
        rights: Duration::from_millis(100),
        discovery: Duration::from_millis(100),
        renewal: Duration::from_millis(50),
    }
}

/// A running server. Dropping it closes the port and cuts the connections.
pub struct Fake {
    url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    store: Mutex<Store>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Store {
    revision: u64,
    /// Path of the collection and `namespace/name` to object.
    objects: BTreeMap<(String, String), Value>,
    /// What watches replay: revision, path of the collection, event.
    log: Vec<(u64, String, Value)>,
    /// Watches from an older revision are told 410, or [`Store::refusal`].
    oldest: u64,
    refusal: Option<u16>,
    /// Counts up to end all open watches.
    cut: u64,
    page: Option<usize>,
    fault: Option<Fault>,
    /// Paths of collections that may not be listed nor watched.
    forbidden: BTreeSet<String>,
    /// The versions of a group that are served, the preferred one first.
    groups: BTreeMap<&'static str, Vec<&'static str>>,
    /// Path and query of each request.
    requests: Vec<String>,
}

impl Fake {
    pub async fn start() -> Fake {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Fake { url, shared, task }
    }

    pub fn source(&self) -> Source {
        Source::Endpoint { url: self.url.clone(), tls: None }
    }

    /// A member's kubeconfig. `note` makes its bytes another's without changing what it says.
    pub fn kubeconfig(&self, note: &str) -> String {
        format!(
            "# {note}\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: k}}}}]\n\
             clusters: [{{name: k, cluster: {{server: \"{}\"}}}}]\n",
            self.url
        )
    }

    pub fn put(&self, collection: &str, mut object: Value) {
        self.edit(|store| {
            store.revision += 1;
            object["metadata"]["resourceVersion"] = json!(store.revision.to_string());
            let slot = (collection.to_owned(), key(&object));
            let kind = if store.objects.contains_key(&slot) { "MODIFIED" } else { "ADDED" };
            let event = json!({"type": kind, "object": object});
            store.log.push((store.revision, collection.to_owned(), event));
            store.objects.insert(slot, object);
        });
    }

    pub fn delete(&self, collection: &str, key: &str) {
        self.edit(|store| {
            store.revision += 1;
            let mut object = store.objects.remove(&(collection.into(), key.into())).unwrap();
            object["metadata"]["resourceVersion"] = json!(store.revision.to_string());
            let event = json!({"type": "DELETED", "object": object});
            store.log.push((store.revision, collection.to_owned(), event));
        });
    }

    /// Deletes without an event, and makes all watches begin anew with 410: what was missed can only
    /// be learnt from a list.
    pub fn forget(&self, collection: &str, key: &str) {
        self.edit(|store| {
            store.objects.remove(&(collection.into(), key.into())).unwrap();
            store.revision += 1;
            store.oldest = store.revision;
        });
    }

    /// Forgets all events until now, as compaction does: whoever has not seen them is told 410.
    pub fn expire(&self) {
        self.edit(|store| store.oldest = store.revision);
    }

    /// Makes the cluster anew: it is empty, and counts its versions from the start. Watches that go on from
    /// later versions hear nothing, as from an API server.
    pub fn make_anew(&self) {
        self.edit(|store| {
            (store.revision, store.oldest) = (0, 0);
            store.objects.clear();
            store.log.clear();
            store.cut += 1;
        });
    }

    /// Refuses all watches that begin before now, with an error of this code inside the stream.
    pub fn refuse_watches(&self, code: u16) {
        self.edit(|store| {
            store.revision += 1;
            store.oldest = store.revision;
            store.refusal = Some(code);
        });
    }

    /// Begins or ends a fault. Open watches end, but for a [`Fault::SilentWatch`] which keeps them.
    pub fn fault(&self, fault: Option<Fault>) {
        self.edit(|store| {
            store.fault = fault;
            if fault != Some(Fault::SilentWatch) {
                store.cut += 1;
            }
        });
    }

    /// Takes the right to list and watch a collection. Open watches go on, as in an API server.
    pub fn forbid(&self, collection: &str) {
        self.edit(|store| store.forbidden.extend([collection.to_owned()]));
    }

    /// Gives the right back.
    pub fn allow(&self, collection: &str) {
        self.edit(|store| store.forbidden.retain(|path| path != collection));
    }

    /// Installs the CRD of a group with these versions, or takes it away.
    pub fn serve(&self, group: &'static str, versions: &[&'static str]) {
        self.edit(|store| {
            store.groups.insert(group, versions.to_vec());
            store.cut += 1;
        });
    }

    pub fn page(&self, size: usize) {
        self.edit(|store| store.page = Some(size));
    }

    /// The version of the last change.
    pub fn revision(&self) -> u64 {
        self.shared.store().revision
    }

    pub fn requests(&self) -> Vec<String> {
        self.shared.store().requests.clone()
    }

    /// Waits for a number of requests that match.
    pub async fn asked(&self, count: usize, matches: impl Fn(&str) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        let enough = |requests: &[String]| requests.iter().filter(|r| matches(r)).count() >= count;
        while !enough(&self.requests()) {
            let wait = tokio::time::timeout(Duration::from_secs(30), changed.changed()).await;
            wait.expect("the requests never came").unwrap();
        }
    }

    fn edit(&self, edit: impl FnOnce(&mut Store)) {
        edit(&mut self.shared.store());
        self.shared.changed.send_modify(|count| *count += 1);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
        self.edit(|store| store.cut += 1);
    }
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let fault = {
        let mut store = shared.store();
        store.requests.push(format!("{path}?{query}"));
        if store.forbidden.contains(&path) { Some(Fault::Status(403)) } else { store.fault }
    };
    shared.changed.send_modify(|count| *count += 1);
    for (group, kinds) in GROUPS {
        if let (None, Some(rest)) = (fault, path.strip_prefix(group)) {
            let versions = shared.store().groups.get(group).cloned().unwrap_or_default();
            if let Some(response) = discovery(&versions, kinds, rest) {
                return response;
            }
        }
    }
    let is_watch = parameter(&query, "watch").is_some();
    match fault {
        Some(Fault::NoHeaders) => futures::future::pending::<Response>().await,
        Some(Fault::Status(code)) => failure(code),
        Some(Fault::WatchStatus(code)) if is_watch => failure(code),
        Some(Fault::ExpiredContinue) if parameter(&query, "continue").is_some() => failure(410),
        _ if is_watch => watch(shared, path, &query),
        _ => list(&shared, &path, &query, fault == Some(Fault::HalfList)),
    }
}

/// What is served below the group of kinds; `None` for the objects themselves.
fn discovery(versions: &[&str], kinds: &[&str], rest: &str) -> Option<Response> {
    let offered = |version: &&str| json!({"groupVersion": version, "version": version});
    let mut parts = rest.split('/').skip(1);
    let document = match (parts.next(), parts.next()) {
        (None, _) if versions.is_empty() => return Some(failure(404)),
        (None, _) => {
            json!({"name": "g", "versions": versions.iter().map(offered).collect::<Vec<_>>(),
            "preferredVersion": offered(&versions[0])})
        }
        (Some(version), _) if !versions.contains(&version) => return Some(failure(404)),
        (Some(version), None) => {
            let resource = |kind: &&str| json!({"name": kind, "singularName": "", "namespaced": true, "kind": "x", "verbs": []});
            let resources: Vec<_> = kinds.iter().map(resource).collect();
            json!({"groupVersion": version, "resources": resources})
        }
        _ => return None,
    };
    Some(document.to_string().into_response())
}

fn list(shared: &Shared, path: &str, query: &str, half: bool) -> Response {
    let store = shared.store();
    let limit: usize = parameter(query, "limit").map_or(500, |text| text.parse().unwrap());
    let limit = store.page.unwrap_or(limit);
    let from: usize = parameter(query, "continue").map_or(0, |text| text.parse().unwrap());
    let all: Vec<&Value> =
        store.objects.iter().filter(|((in_path, _), _)| in_path == path).map(|(_, o)| o).collect();
    let items: Vec<&Value> = all.iter().skip(from).take(limit).copied().collect();
    let next = from + items.len();
    let metadata = json!({
        "resourceVersion": store.revision.to_string(),
        "continue": if next < all.len() { next.to_string() } else { String::new() },
    });
    let text = json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items});
    let text = text.to_string();
    if half {
        let piece = text.as_bytes()[..text.len() / 2].to_vec();
        let stream = futures::stream::once(async move { Ok::<_, std::io::Error>(piece) });
        return Body::from_stream(stream.chain(futures::stream::pending())).into_response();
    }
    text.into_response()
}

/// How a watch goes on.
enum Place {
    After(u64),
    Silence,
    End,
}

fn watch(shared: Arc<Shared>, path: String, query: &str) -> Response {
    let after: u64 = parameter(query, "resourceVersion").unwrap().parse().unwrap();
    let seconds: u64 = parameter(query, "timeoutSeconds").unwrap().parse().unwrap();
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    let cut = shared.store().cut;
    let events = futures::stream::unfold(Place::After(after), move |place| {
        let (shared, path) = (shared.clone(), path.clone());
        async move {
            let after = match place {
                Place::After(after) => Some(after),
                Place::Silence => None,
                Place::End => return None,
            };
            let mut changed = shared.changed.subscribe();
            loop {
                let is_late = tokio::time::Instant::now() >= end;
                let (is_silent, said) = {
                    let store = shared.store();
                    if store.cut != cut || store.fault == Some(Fault::ShortWatch) {
                        return None;
                    }
                    match (after, store.fault) {
                        (None, _) | (_, Some(Fault::SilentWatch)) => (true, None),
                        (Some(after), fault) => (false, say(&store, &path, after, fault, is_late)),
                    }
                };
                if let Some((line, place)) = said {
                    return Some((Ok::<_, std::io::Error>(line), place));
                }
                let end = end + Duration::from_secs(if is_silent { 3600 } else { 0 });
                if let Ok(waited) = tokio::time::timeout_at(end, changed.changed()).await {
                    waited.ok()?;
                }
            }
        }
    });
    Body::from_stream(events).into_response()
}

/// What a watch says next, if anything: an event, or at its end a bookmark of all that was seen.
fn say(
    store: &Store,
    path: &str,
    after: u64,
    fault: Option<Fault>,
    is_late: bool,
) -> Option<(Vec<u8>, Place)> {
    if after < store.oldest {
        let object = status(store.refusal.unwrap_or(410), "Expired", "too old resource version");
        return Some((line(&json!({"type": "ERROR", "object": object})), Place::End));
    }
    let event = store.log.iter().find(|(revision, at, _)| *revision > after && at == path);
    let Some((revision, _, event)) = event else {
        if after > store.revision {
            return is_late.then_some((Vec::new(), Place::End));
        }
        // The server ends a watch at the time that was asked for.
        let meta = json!({"resourceVersion": store.revision.to_string()});
        let object = json!({"kind": "x", "apiVersion": "v1", "metadata": meta});
        let bookmark = line(&json!({"type": "BOOKMARK", "object": object}));
        return is_late.then_some((bookmark, Place::End));
    };
    let whole = line(event);
    let half = whole[..whole.len() / 2].to_vec();
    Some(match fault {
        Some(Fault::HalfEvent) => (half, Place::End),
        Some(Fault::HalfEventSilent) => (half, Place::Silence),
        Some(Fault::Garbage) => (b"<html>\n".to_vec(), Place::After(*revision)),
        _ => (whole, Place::After(*revision)),
    })
}

fn line(event: &Value) -> Vec<u8> {
    format!("{event}\n").into_bytes()
}

fn failure(code: u16) -> Response {
    let code = axum::http::StatusCode::from_u16(code).unwrap();
    (code, status(code.as_u16(), "Fault", "told to fail").to_string()).into_response()
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code})
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

fn key(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().unwrap();
    object["metadata"]["namespace"].as_str().map_or(name.into(), |space| format!("{space}/{name}"))
}
