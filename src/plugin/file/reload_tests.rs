use std::fs;
use std::time::UNIX_EPOCH;

use super::*;
use crate::plugin::names;

fn text(serial: u32, address: &str) -> String {
    format!("$TTL 60\n@ SOA ns host {serial} 1 2 3 4\na A {address}\n")
}

/// A zone that was not read yet.
fn zone(folder: &tempfile::TempDir) -> Zone {
    Zone::new(names::parse("z.test").unwrap(), "z.test.".into(), folder.path().join("db"))
}

fn address(zone: &Zone) -> String {
    let data = zone.data().unwrap();
    data.tree.nodes().flat_map(|node| node.all()).map(|record| record.data.to_string()).collect()
}

#[test]
fn takes_files_of_another_serial() {
    let folder = tempfile::tempdir().unwrap();
    let zone = zone(&folder);
    let write = |text: &str| fs::write(folder.path().join("db"), text).unwrap();
    let looks = || look(&zone, false, &mut None);
    assert!(!looks(), "there is no file");
    write(&text(0, "192.0.2.1"));
    assert!(looks(), "it came");
    for (text, taken, expected) in [
        (text(0, "192.0.2.2"), false, "192.0.2.1"),
        (text(2, "192.0.2.2"), true, "192.0.2.2"),
        (text(1, "192.0.2.3"), true, "192.0.2.3"),
        (text(3, "wrong"), false, "192.0.2.3"),
        (text(3, "192.0.2.4").replace('@', "b"), false, "192.0.2.3"),
        (text(3, "192.0.2.4"), true, "192.0.2.4"),
    ] {
        write(&text);
        assert_eq!(looks(), taken, "{text}");
        assert_eq!(address(&zone), expected, "{text}");
    }
    fs::remove_file(folder.path().join("db")).unwrap();
    assert!(!looks(), "it went");
    assert_eq!(address(&zone), "192.0.2.4");
}

#[test]
fn takes_files_of_another_time() {
    let folder = tempfile::tempdir().unwrap();
    let zone = zone(&folder);
    let write = |text: &str, seconds: u64| {
        let path = folder.path().join("db");
        fs::write(&path, text).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    };
    let mut read = None;
    for (text, seconds, taken, expected) in [
        (text(7, "192.0.2.1"), 100, true, "192.0.2.1"),
        (text(8, "192.0.2.2"), 100, false, "192.0.2.1"),
        (text(7, "192.0.2.3"), 101, true, "192.0.2.3"),
        (text(7, "192.0.2.4"), 99, false, "192.0.2.3"),
        (text(7, "wrong"), 102, false, "192.0.2.3"),
        (text(7, "192.0.2.5"), 102, true, "192.0.2.5"),
    ] {
        write(&text, seconds);
        assert_eq!(look(&zone, true, &mut read), taken, "{text}");
        assert_eq!(address(&zone), expected, "{text}");
    }
}
