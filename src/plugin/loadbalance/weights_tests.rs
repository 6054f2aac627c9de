use hickory_proto::rr::RData;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, TXT};

use super::*;
use crate::plugin::names;

fn record(name: &str, data: RData) -> Record {
    Record::from_rdata(names::parse(name).unwrap(), 30, data)
}

fn file(text: &str) -> (tempfile::TempDir, WeightFile) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    fs::write(&path, text).unwrap();
    (folder, WeightFile::new(path))
}

#[test]
fn reads_names_and_weights() {
    let text = "# a comment\n\nwww.test\n 192.0.2.1\t3 \n2001:db8::1 255\n192.0.2.1 9\nempty.test.\n\
                www.test.\n192.0.2.2 1\n";
    let weights = parse(text, "F").unwrap();
    let of = |address: &str| weights["www.test."].get(&address.parse::<IpAddr>().unwrap());
    assert_eq!(of("192.0.2.1"), Some(&3), "the first");
    assert_eq!(of("2001:db8::1"), Some(&255));
    assert_eq!(of("192.0.2.2"), Some(&1), "a name may stand twice");
    assert!(weights["empty.test."].is_empty());
    for (text, expected) in [
        (
            "192.0.2.1",
            "wrong domain name:\"192.0.2.1\" in weight file F. (Maybe a missing weight value?)",
        ),
        ("a\nb 1", "wrong IP address:\"b\" in weight file F"),
        ("a\n192.0.2.1 0", "wrong weight value:\"0\" in weight file F"),
        ("a\n192.0.2.1 256", "wrong weight value:\"256\" in weight file F"),
        ("192.0.2.1 1", "missing domain name in weight file F"),
        ("a\n192.0.2.1 1 2", "could not parse weight line:\"192.0.2.1 1 2\" in weight file F"),
    ] {
        assert_eq!(parse(text, "F").unwrap_err().to_string(), expected);
    }
}

#[test]
fn keeps_what_it_said_when_the_file_becomes_wrong() {
    let (folder, file) = file("a.test\n192.0.2.1 7\n");
    file.read().unwrap();
    let has = || file.0.weights.load().contains_key("a.test.");
    assert!(has());
    fs::write(file.path(), "wrong file here").unwrap();
    assert!(file.read().is_err());
    assert!(file.read().is_ok(), "it is reported once");
    assert!(has());
    drop(folder);
    assert!(matches!(file.read(), Err(WeightError::Open)));
    assert!(has());
}

#[test]
fn each_weight_is_a_share() {
    let weights = [3, 1, 2];
    let shares: Vec<usize> = (0..6).map(|number| index(&weights, number)).collect();
    assert_eq!(shares, [0, 0, 0, 1, 2, 2]);
}

#[test]
fn draws_the_first_address() {
    let (_folder, file) = file("www.test\n192.0.2.2 255\n2001:db8::1 255\n");
    file.read().unwrap();
    let address = |last| record("www.test", RData::A(A::new(192, 0, 2, last)));
    let alias = record("a.test", RData::CNAME(CNAME(names::parse("www.test").unwrap())));
    let text = record("www.test", RData::TXT(TXT::new(vec!["x".into()])));
    let six = record("www.test", RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)));
    let mut firsts = HashMap::<String, u32>::new();
    for _ in 0..2000 {
        let mut records = vec![text.clone(), address(1), address(2), six.clone(), alias.clone()];
        file.draw(&mut records);
        assert_eq!(
            records[..2],
            [alias.clone(), text.clone()],
            "aliases and all else stand before"
        );
        assert_eq!(records.len(), 5);
        *firsts.entry(records[2].data.to_string()).or_default() += 1;
    }
    // Of 511 parts one is the first's: some 4 of 2000.
    assert!(firsts.get("192.0.2.1").copied().unwrap_or_default() < 100, "{firsts:?}");
    assert!(firsts["192.0.2.2"] > 500 && firsts["2001:db8::1"] > 500, "{firsts:?}");
    let mut none = vec![text.clone(), alias.clone()];
    file.draw(&mut none);
    assert_eq!(none, [text, alias], "nothing to draw");
}
