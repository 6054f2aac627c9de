//! Which build this is, for `-version`, the banner and `coredns_build_info`.

/// Version of the crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Commit that was built, where the build said so in `FLEETDNS_REVISION`; else empty.
pub const REVISION: &str = match option_env!("FLEETDNS_REVISION") {
    Some(revision) => revision,
    None => "",
};

/// Oldest Rust that builds this crate: the compiler's own version is not known to the code.
pub const TOOLCHAIN: &str = concat!("rust", env!("CARGO_PKG_RUST_VERSION"));

/// The two lines of `-version`, as CoreDNS prints them: name and version, then platform and build.
pub fn version_text() -> String {
    let revision = if REVISION.is_empty() { "unknown" } else { REVISION };
    format!("fleetdns-{VERSION}\n{}, {TOOLCHAIN}, {revision}\n", platform())
}

/// Operating system and processor in Go's words, which CoreDNS prints: `linux/amd64`.
fn platform() -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{}/{arch}", std::env::consts::OS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_version_and_platform() {
        let text = version_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("fleetdns-{VERSION}"));
        assert!(lines[1].starts_with(std::env::consts::OS), "{text}");
        assert_eq!(lines.len(), 2);
    }
}
