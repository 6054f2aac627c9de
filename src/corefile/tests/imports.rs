use std::{fs, path::Path};

use tempfile::TempDir;

use super::{parsed, parsed_at, shown};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Parses `Corefile` in `folder`; the folder's path is taken out of the error.
fn read(folder: &Path, text: &str) -> Result<String, String> {
    let prefix = format!("{}/", folder.display());
    parsed_at(&folder.join("Corefile"), text)
        .map(|corefile| shown(&corefile))
        .map_err(|error| error.replace(&prefix, ""))
}

#[test]
fn snippets() {
    for (text, expected) in [
        (
            "(s) {\n errors\n log\n}\n. {\n import s\n whoami\n import s\n}",
            "dns://.:1053 { errors; log; whoami; errors; log; }",
        ),
        ("(s) { errors\n}\n. {\n whoami\n import s\n}", "dns://.:1053 { whoami; errors; }"),
        ("(s) {\n}\n. {\n import s\n}", "dns://.:1053 { }"),
        ("(s) { errors }\n. { import s\n}", "dns://.:1053 { errors; }"),
        // In the block of a plugin, and from another snippet.
        (
            "(a) {\n 1.2.3.4 a\n}\n(b) {\n import a\n 1.2.3.5 b\n}\n. {\n hosts {\n import b\n ttl 5\n }\n}",
            "dns://.:1053 { hosts { 1.2.3.4 a; 1.2.3.5 b; ttl 5; }; }",
        ),
        // Whole server blocks, also with a snippet inside.
        ("(s) {\n a {\n whoami\n }\n}\nimport s\n", "dns://a.:1053 { whoami; }"),
        ("(s) {\n (t) {\n log\n }\n}\nimport s\n. {\n import t\n}", "dns://.:1053 { log; }"),
        ("(s) {\n log\n}\n. {\n import {$SNIPPET}\n}", "dns://.:1053 { log; }"),
        // Variables are replaced where it is used.
        ("(s) {\n log {$TWO}\n}\n. {\n import s\n}", "dns://.:1053 { log \"a b\"; }"),
        // Not at the beginning of a line, it is a word like any other.
        (". {\n log import s\n}", "dns://.:1053 { log import s; }"),
    ] {
        let got = parsed(text).map(|corefile| shown(&corefile));
        assert_eq!(got.as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn imports_that_fail() {
    let folder = folder(&[
        ("open", "errors {\n"),
        ("stray", "errors\n}\n. {\n"),
        ("quote", "\n\"errors"),
        ("self", "import self\n"),
        ("ping", "log\nimport pong\n"),
        ("pong", "import ping\n"),
        ("cycle/a.conf", "import *.conf\n"),
        ("empty/x/y", ""),
    ]);
    for (text, expected) in [
        (
            ". {\n import\n}",
            "Corefile:2 - import without a name; write `import NAME` on a line of its own",
        ),
        (". {\n import a b\n}", "Corefile:2 - import takes one name, but 'b' follows"),
        (". {\n import a {\n }\n}", "Corefile:2 - import takes one name, but '{' follows"),
        (". {\n import {$UNSET}\n}", "Corefile:2 - import of an empty name"),
        (
            ". {\n import missing\n}",
            "Corefile:2 - there is no snippet (missing), and missing cannot be imported: No such file",
        ),
        (
            ". {\n import s\n}\n(s) {\n log\n}",
            "Corefile:2 - the snippet (s) is used before its definition at Corefile:4",
        ),
        (". {\n import empty/*\n}", "Corefile:2 - cannot import empty/x: Is a directory"),
        (". {\n import */*\n}", "Corefile:2 - the pattern '*/*' has more than one wildcard"),
        (". {\n import [ab]\n}", "Corefile:2 - the pattern '[ab]' has more than one wildcard"),
        (". {\n import a[\n}", "Corefile:2 - the pattern 'a[' is not valid"),
        (". {\n import open\n}\n}", "open:1 - the block that this '{' opens is never closed"),
        (". {\n import stray\n}", "stray:2 - this '}' closes no block"),
        (". {\n import quote\n}", "quote:2 - the quote before 'errors' is never closed"),
        // Cycles.
        (
            "(s) {\n import s\n}\n. {\n import s\n}",
            "Corefile:2 - the import of 's' leads back to itself",
        ),
        (
            "(a) {\n import b\n}\n(b) {\n import a\n}\n. {\n import b\n}",
            "Corefile:2 - the import of 'b' leads back to itself",
        ),
        (". {\n import self\n}", "self:1 - the import of 'self' leads back to itself"),
        (". {\n import ping\n}", "pong:1 - the import of 'ping' leads back to itself"),
        (". {\n import cycle/*\n}", "cycle/a.conf:1 - the import of '*.conf' leads back to itself"),
    ] {
        let error = read(folder.path(), text).expect_err(text);
        assert!(error.starts_with(expected), "{text}\n{error}");
    }
}

#[test]
fn snippets_multiply_only_so_often() {
    let mut text = "(s0) {\n log\n}\n".to_owned();
    for i in 1..40 {
        let before = i - 1;
        text += &format!("(s{i}) {{\n import s{before}\n import s{before}\n}}\n");
    }
    text += ". {\n import s39\n}\n";
    let error = parsed(&text).unwrap_err();
    assert!(error.contains("more than 10000 imports"), "{error}");
}

#[test]
fn files_and_patterns() {
    let folder = folder(&[
        ("one", "errors\nlog a"),
        ("sub/two", "import three\nimport ../one"),
        ("sub/three", "loop"),
        ("conf/b.override", "log b\n"),
        ("conf/a.override", "log a\n"),
        ("conf/.c.override", "log c\n"),
        ("conf/z.server", "z {\n whoami\n}\n"),
        ("conf/empty.server", "# nothing\n"),
        ("hosts", "1.2.3.4 a\n1.2.3.5 b"),
        ("snippets", "(s) {\n whoami\n}\n"),
        ("zones", "a b,\nc"),
    ]);
    for (text, expected) in [
        (". {\n import one\n whoami\n}", "dns://.:1053 { errors; log a; whoami; }"),
        (". {\n import sub/two\n}", "dns://.:1053 { loop; errors; log a; }"),
        (". {\n import one\n import one\n}", "dns://.:1053 { errors; log a; errors; log a; }"),
        (
            ". {\n hosts {\n import hosts\n ttl 5\n }\n}",
            "dns://.:1053 { hosts { 1.2.3.4 a; 1.2.3.5 b; ttl 5; }; }",
        ),
        ("import snippets\n. {\n import s\n}", "dns://.:1053 { whoami; }"),
        ("import zones\n{\n}", "dns://a.:1053 dns://b.:1053 dns://c.:1053 { }"),
        // In the order of their names; files that begin with a dot too.
        (". {\n import conf/*.override\n}", "dns://.:1053 { log c; log a; log b; }"),
        (". {\n import conf/?.override\n}", "dns://.:1053 { log a; log b; }"),
        (". {\n}\nimport conf/*.server", "dns://.:1053 { } dns://z.:1053 { whoami; }"),
        (". {\n import conf/*.nothing\n whoami\n}", "dns://.:1053 { whoami; }"),
    ] {
        assert_eq!(read(folder.path(), text).as_deref(), Ok(expected), "{text}");
    }
    let absolute = format!(". {{\n import {}/one\n}}", folder.path().display());
    assert!(read(Path::new("/nowhere"), &absolute).is_ok());
}

#[test]
fn the_folder_is_no_pattern() {
    let folder = folder(&[("we[i]rd*/a.conf", "log\n")]);
    let weird = folder.path().join("we[i]rd*");
    assert_eq!(read(&weird, ". {\n import *.conf\n}").as_deref(), Ok("dns://.:1053 { log; }"));
    assert_eq!(read(&weird, ". {\n import a.conf\n}").as_deref(), Ok("dns://.:1053 { log; }"));
}

#[test]
fn a_pattern_without_files_is_a_warning() {
    let corefile = parsed("import *.none-such\n").unwrap();
    assert!(corefile.blocks.is_empty());
    let warning = corefile.warnings[0].to_string();
    let expected = "Corefile:1 - no file matches the pattern '*.none-such'; ";
    assert!(warning.starts_with(expected), "{warning}");
}

#[test]
fn every_file_is_listed_once_and_named_in_positions() {
    let folder = folder(&[("a", "log\nimport ./x/../b"), ("b", "whoami {$UNSET}")]);
    let main = folder.path().join("Corefile");
    let corefile = parsed_at(&main, ". {\n import a\n import b\n}").unwrap();
    assert_eq!(corefile.warnings.len(), 1);
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    assert_eq!(corefile.files, [main, a, b.clone()]);
    let at = &corefile.blocks[0].directives[1].name.at;
    assert_eq!((at.file.as_ref(), at.line), (b.as_path(), 1));
}
