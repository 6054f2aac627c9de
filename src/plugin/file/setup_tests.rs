use std::fs;

use super::*;
use crate::plugin::testing;

const DB: &str = "$TTL 60\n@ SOA ns host 7 1 2 3 4\n@ NS ns\n";

/// The zones of some lines, in which FOLDER has a file `db`.
fn set_up(lines: &str) -> Result<(String, String), String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("db"), DB).unwrap();
    let here = folder.path().display().to_string();
    let lines = lines.replace("FOLDER", &here);
    let file = |chain: &crate::plugin::setup::Chain| chain.plugins.len().to_string();
    match testing::setup_in("a.test b.test", &lines, NAME, setup) {
        Ok((chain, _)) => Ok((file(&chain), here)),
        Err(error) => Err(error.to_string().replace(&here, "FOLDER")),
    }
}

#[test]
fn reads_its_words() {
    for (lines, expected) in [
        ("file FOLDER/db", None),
        ("file FOLDER/db c.test 10.0.0.0/24", None),
        ("file FOLDER/db {\nreload 0\n}\nfile FOLDER/db c.test", None),
        ("file FOLDER/db {\nreload 30s\nreload_by_mtime\nfallthrough a.test\nupstream\n}", None),
        ("file FOLDER/none", None),
        ("file", Some("Corefile:2 - file names no zone file; write `file DBFILE [ZONES...]`")),
        (
            "file FOLDER/none {\nreload 0\n}",
            Some("open FOLDER/none: no such file or directory; give the path of a readable file"),
        ),
        ("file FOLDER/db {\nreload\n}", Some("Corefile:3 - 'reload' has no argument")),
        ("file FOLDER/db {\nreload soon\n}", Some("'soon' is no duration")),
        ("file FOLDER/db {\nreload_by_time\n}", Some("did you mean 'reload_by_mtime'?")),
        ("file FOLDER/db a..b", Some("a..b")),
    ] {
        match (set_up(lines), expected) {
            (Ok(_), None) => {}
            (Err(error), Some(expected)) => assert!(error.contains(expected), "{lines}: {error}"),
            (found, _) => panic!("{lines}: {found:?}"),
        }
    }
}

#[test]
fn durations_are_shown_as_by_go() {
    for (millis, expected) in [
        (0, "0s"),
        (1, "1ms"),
        (1_500, "1.5s"),
        (30_000, "30s"),
        (60_000, "1m0s"),
        (90_500, "1m30.5s"),
        (3_600_000, "1h0m0s"),
        (90_061_000, "25h1m1s"),
    ] {
        assert_eq!(shown(Duration::from_millis(millis)), expected);
    }
    assert_eq!(shown(Duration::from_nanos(1_500)), "1.5\u{b5}s");
    assert_eq!(shown(Duration::from_nanos(7)), "7ns");
}
