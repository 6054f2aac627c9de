//! What API servers write, cut into pieces in every way.

use kube::api::WatchEvent as Event;
use proptest::prelude::*;

use super::messages::*;
use super::*;
use crate::cluster::guarded::Guarded;
use crate::cluster::kinds::{Endpoint, EndpointSlice as Slice, EndpointSliceObject};

/// What the API server of Kubernetes 1.36 said to a watch with bookmarks of one EndpointSlice that came, was
/// changed and went.
const SAID: &[u8] = include_bytes!("said.pb");

fn framed(kind: &str, object_kind: &str, object: &impl Message) -> Vec<u8> {
    let type_meta = TypeMeta { api_version: "v1".into(), kind: object_kind.into() };
    let unknown = Unknown { type_meta: Some(type_meta), raw: object.encode_to_vec() };
    let raw = [MAGIC, &unknown.encode_to_vec()].concat();
    let event = WatchEvent { kind: kind.into(), object: Some(RawExtension { raw }) };
    let event = event.encode_to_vec();
    [&(event.len() as u32).to_be_bytes()[..], &event].concat()
}

/// The lines that come of a body in pieces.
fn read(pieces: &[&[u8]]) -> String {
    let mut reading = Reading::of(b"application/vnd.kubernetes.protobuf;stream=watch", true);
    let lines = pieces.iter().filter_map(|piece| reading.take(Bytes::copy_from_slice(piece)));
    String::from_utf8(lines.flatten().collect()).unwrap()
}

fn slices(text: &str) -> Vec<Event<Guarded<EndpointSliceObject>>> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_an_api_server_said() {
    let text = read(&[SAID]);
    let slim = |object: Guarded<EndpointSliceObject>| Slice::from(object.0.unwrap());
    let mut events = slices(&text).into_iter();
    let Some(Event::Added(object)) = events.next() else { panic!("{text}") };
    let created = object.0.as_ref().unwrap().metadata.creation_timestamp.clone();
    assert!(created.is_some_and(|time| time.0.as_second() > 1_700_000_000), "{text}");
    let slice = slim(object);
    assert_eq!(slice.key.to_string(), "default/web-1");
    assert_eq!(slice.service.as_deref(), Some("web"));
    let endpoint =
        |ip: &str, hostname: &str| Endpoint::new(ip.parse().unwrap(), Some(hostname.into()), None);
    // That which is not ready is not there.
    assert_eq!(*slice.endpoints, [endpoint("10.1.2.3", "a")]);
    assert_eq!((&*slice.ports[0].name, slice.ports[0].number), ("http", Some(8080)));
    let Some(Event::Modified(object)) = events.next() else { panic!("{text}") };
    assert_eq!(*slim(object).endpoints, [endpoint("10.1.2.4", "b")]);
    assert!(matches!(events.next(), Some(Event::Deleted(_))), "{text}");
    assert!(events.next().is_none());
}

#[test]
fn a_bookmark_and_a_failure_are_what_kube_knows() {
    let metadata = ObjectMeta { resource_version: "7".into(), ..ObjectMeta::default() };
    let slice = EndpointSlice { metadata: Some(metadata), ..EndpointSlice::default() };
    let gone = Status {
        status: "Failure".into(),
        message: "too old resource version: 1 (2)".into(),
        reason: "Expired".into(),
        code: 410,
    };
    let text =
        read(&[&framed("BOOKMARK", "EndpointSlice", &slice), &framed("ERROR", "Status", &gone)]);
    match slices(&text).as_slice() {
        [Event::Bookmark(bookmark), Event::Error(status)] => {
            assert_eq!(bookmark.metadata.resource_version, "7");
            assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn why_a_watch_was_refused_is_said_in_json() {
    let forbidden = Status {
        status: "Failure".into(),
        message: "services is forbidden".into(),
        reason: "Forbidden".into(),
        code: 403,
    };
    let event = framed("ERROR", "Status", &forbidden);
    let begin = event.windows(4).position(|octets| octets == MAGIC).unwrap();
    let mut reading = Reading::of(CONTENT_TYPE.as_bytes(), false);
    assert_eq!(reading.take(Bytes::copy_from_slice(&event[begin..])), None);
    let json = reading.end().unwrap();
    let status: kube::core::Status = serde_json::from_slice(&json).unwrap();
    assert_eq!((status.code, status.message.as_str()), (403, "services is forbidden"));
    assert_eq!(reading.end(), None);
}

#[test]
fn what_nobody_understands_is_no_event_and_the_last_thing_read() {
    let good = framed("ADDED", "Namespace", &Namespace::default());
    let node = framed("ADDED", "Node", &Namespace::default());
    let text = read(&[&good, &node, &good]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[1].ends_with("an object of the kind \"Node\", which was not asked for"),
        "{text}"
    );
    assert!(serde_json::from_str::<Event<Guarded<EndpointSliceObject>>>(lines[1]).is_err());
    assert_eq!(read(&[&u32::MAX.to_be_bytes()]), "an event of 4294967295 octets\n");
    assert_eq!(read(&[&[0, 0, 0, 0]]), "no object of the API\n");
}

#[test]
fn json_stays_as_it_is() {
    let mut reading = Reading::of(b"application/json", true);
    assert_eq!(reading.take(Bytes::from_static(b"{}")), Some(Bytes::from_static(b"{}")));
    assert_eq!(reading.end(), None);
    assert!(is_spoken("/k8s/clusters/c-1/api/v1/namespaces/shop/services"));
    assert!(!is_spoken("/apis/networking.istio.io/v1/serviceentries"));
}

proptest! {
    #[test]
    fn pieces_are_put_together(mut cuts in prop::collection::vec(0..SAID.len(), 0..6)) {
        cuts.sort_unstable();
        let (mut pieces, mut from) = (Vec::new(), 0);
        for to in cuts.into_iter().chain([SAID.len()]) {
            pieces.push(&SAID[from..to]);
            from = to;
        }
        prop_assert_eq!(read(&pieces), read(&[SAID]));
    }

    #[test]
    fn garbage_does_no_harm(pieces in prop::collection::vec(any::<Vec<u8>>(), 0..6), at in 0..SAID.len(), octet: u8) {
        read(&pieces.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let mut said = SAID.to_vec();
        said[at] = octet;
        read(&[&said]);
    }
}
