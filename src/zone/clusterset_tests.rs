//! The rules of the set that do not depend on a zone. Those of names are in `kubernetes/set_tests.rs`.

use std::slice;

use super::*;
use crate::cluster::kinds::Protocol::{self, Tcp, Udp};

/// Name, protocol and number of a port.
type Short = (&'static str, Protocol, u16);

#[test]
fn ports_are_joined_by_name_and_by_number() {
    let port = |(name, protocol, number): &Short| Port {
        name: (*name).into(),
        protocol: *protocol,
        number: Some(*number),
    };
    let cases: [(&[Short], &[usize]); 6] = [
        (&[("http", Tcp, 80), ("http", Tcp, 80)], &[0]),
        (&[("http", Tcp, 80), ("http", Tcp, 8080)], &[0]),
        (&[("http", Tcp, 80), ("http", Udp, 81)], &[0]),
        (&[("http", Tcp, 80), ("web", Tcp, 80)], &[0]),
        (&[("dns", Udp, 53), ("dns-tcp", Tcp, 53), ("metrics", Tcp, 9153)], &[0, 1, 2]),
        (&[("", Tcp, 80), ("", Tcp, 81), ("http", Tcp, 82)], &[0, 2]),
    ];
    for (all, kept) in cases {
        let all: Vec<Port> = all.iter().map(port).collect();
        let kept: Vec<Port> = kept.iter().map(|index| all[*index].clone()).collect();
        assert_eq!(*merged(all.iter().map(slice::from_ref)), *kept);
        assert_eq!(*merged([&all[..], &all[..]].into_iter()), *kept);
    }
}

#[test]
fn ids_that_are_labels() {
    let long = "a".repeat(63);
    for (id, is_label) in [
        ("west", true),
        ("West-2", true),
        ("2", true),
        (&long, true),
        (&(long.clone() + "a"), false),
        ("", false),
        ("eu.west", false),
        ("eu_west", false),
        ("-west", false),
        ("west-", false),
    ] {
        assert_eq!(label_of(&ClusterId::new(id)).is_some(), is_label, "{id}");
    }
}
