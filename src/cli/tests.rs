use super::*;

fn parsed(line: &str) -> Result<Command, UsageError> {
    parse(line.split_whitespace().map(OsString::from))
}

fn serve(conf: Option<&str>, port: u16, quiet: bool) -> Command {
    Command::Serve(ServeOptions {
        conf: conf.unwrap_or("Corefile").into(),
        explicit: conf.is_some(),
        port,
        quiet,
        pid_file: None,
        log_format: LogFormat::Text,
    })
}

#[test]
fn reads_flags_as_go_does() {
    for (line, expected) in [
        ("", serve(None, 53, false)),
        ("-conf /etc/coredns/Corefile", serve(Some("/etc/coredns/Corefile"), 53, false)),
        ("--conf x", serve(Some("x"), 53, false)),
        ("-conf=x", serve(Some("x"), 53, false)),
        ("--conf=x -conf y", serve(Some("y"), 53, false)),
        ("-conf -x", serve(Some("-x"), 53, false)),
        ("-conf -- -quiet", serve(Some("--"), 53, true)),
        ("-dns.port 1053", serve(None, 1053, false)),
        ("-p 1053", serve(None, 1053, false)),
        ("--p=1053 -quiet", serve(None, 1053, true)),
        ("-p 1 -dns.port 2", serve(None, 2, false)),
        ("-dns.port 2 -p 1", serve(None, 1, false)),
        ("-quiet=true", serve(None, 53, true)),
        ("-quiet -quiet=false", serve(None, 53, false)),
        ("-quiet=T", serve(None, 53, true)),
        ("-quiet=0", serve(None, 53, false)),
        ("-conf=", serve(None, 53, false)),
        ("--", serve(None, 53, false)),
        ("-version", Command::Version),
        ("-plugins -version", Command::Version),
        ("-plugins", Command::Plugins),
    ] {
        assert_eq!(parsed(line), Ok(expected), "{line}");
    }
    for line in ["-help", "--help", "-h", "-help -version"] {
        let Ok(Command::Help(text)) = parsed(line) else { panic!("{line}") };
        assert!(text.contains("-conf FILE"), "{text}");
    }
}

#[test]
fn says_what_is_wrong_and_the_usage() {
    for (line, expected, exit_code) in [
        ("-conf", "the flag -conf needs a value", 2),
        ("-bogus", "unexpected argument '-bogus'", 2),
        ("-p many", "'many'", 1),
        ("-p 65536", "65536", 1),
        ("-dns.port=x", "'x'", 1),
        ("-quiet=perhaps", "perhaps", 2),
        ("Corefile", "'Corefile' is no flag", 1),
        ("-quiet extra", "'extra' is no flag", 1),
        ("-- extra", "'extra' is no flag", 1),
        ("-", "'-' is no flag", 1),
        ("-pidfile", "the flag -pidfile needs a value", 2),
        ("-log-format=xml", "'xml'", 1),
        ("-log-format JSON", "'JSON'", 1),
    ] {
        let error = parsed(line).unwrap_err();
        assert_eq!(error.exit_code, exit_code, "{line}");
        let error = error.to_string();
        let (first, usage) = error.split_once('\n').unwrap();
        assert!(first.contains(expected), "{line}: {first}");
        assert!(usage.starts_with("Usage: fleetdns"), "{line}: {usage}");
    }
}

#[test]
fn reads_the_process_s_file_and_the_form_of_the_log() {
    for (line, pid_file, log_format) in [
        ("-pidfile /run/x -log-format json", Some("/run/x"), LogFormat::Json),
        ("-pidfile= --log-format=text", None, LogFormat::Text),
    ] {
        let Ok(Command::Serve(options)) = parsed(line) else { panic!("{line}") };
        assert_eq!(options.pid_file, pid_file.map(PathBuf::from), "{line}");
        assert_eq!(options.log_format, log_format, "{line}");
    }
}

#[cfg(unix)]
#[test]
fn keeps_paths_that_are_no_text() {
    use std::os::unix::ffi::OsStringExt as _;
    let path = OsString::from_vec(vec![b'x', 0xff]);
    let Ok(Command::Serve(options)) = parse(["-conf".into(), path.clone()]) else { panic!() };
    assert_eq!(options.conf, PathBuf::from(path));
}
