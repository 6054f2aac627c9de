use super::*;

#[test]
fn the_base_is_the_deepest_plain_directory() {
    let cases = [
        ("/etc/members/*.yaml", "/etc/members", false),
        ("/etc/members/*/kubeconfig", "/etc/members", true),
        ("/etc/m[ab]/x/*.yaml", "/etc", true),
        ("/etc/members/west.yaml", "/etc/members", false),
        ("*.yaml", ".", false),
        ("members/west?", "members", false),
    ];
    for (pattern, directory, is_deep) in cases {
        assert_eq!(base(pattern), (PathBuf::from(directory), is_deep), "{pattern}");
    }
}

#[test]
fn a_pattern_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |rest: &str| format!("{}/{rest}", folder.path().display());
    check(&in_folder("*.yaml")).unwrap();
    assert!(matches!(check(&in_folder("[")), Err(SourceError::Pattern { .. })));
    assert!(matches!(check(&in_folder("none/*.yaml")), Err(SourceError::Unreadable { .. })));
    assert!(matches!(check("/"), Err(SourceError::Pattern { .. })));
}
