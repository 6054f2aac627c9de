//! Members from kubeconfig files.
//!
//! In: the files that match a pattern; the stem of each is a cluster's ID. Out: [`Claim`]s, all of
//! them at each change. The files are the operator's, but they get the same treatment as those of
//! Secrets: one rule for what a member's kubeconfig may hold.

use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::claim::Claim;
use super::directory::Directory;
use super::id::ClusterId;
use super::kubeconfig::Allowed;
use super::source::{SourceError, check_directory};

/// Follows the files of a pattern until dropped.
pub async fn follow(pattern: &str, allowed: Allowed, mut publish: impl FnMut(Vec<Claim>)) {
    let (base, is_deep) = base(pattern);
    let mut directory = Directory::watch(&base, is_deep);
    let mut claims: Vec<Claim> = Vec::new();
    let mut is_first = true;
    loop {
        let (pattern, before) = (pattern.to_owned(), claims);
        let scanned =
            tokio::task::spawn_blocking(move || (scan(&pattern, allowed, &before), before));
        // The blocking pool ends with the runtime, and then so does this.
        let Ok((found, before)) = scanned.await else { return };
        if std::mem::take(&mut is_first) || differ(&before, &found) {
            publish(found.clone());
        }
        claims = found;
        directory.changed().await;
    }
}

/// Checks a pattern before anything is started. The files may come later; their folder must exist,
/// for a mistyped one would be a fleet without members.
pub fn check(pattern: &str) -> Result<(), SourceError> {
    let wrong = |reason: &str| SourceError::Pattern {
        pattern: pattern.to_owned(),
        reason: reason.to_owned(),
    };
    Pattern::new(pattern).map_err(|error| wrong(error.msg))?;
    if Path::new(pattern).file_name().is_none() {
        return Err(wrong("it must name files, as in /etc/fleetdns/members/*.yaml"));
    }
    check_directory(&base(pattern).0)
}

/// All files that match, in the order of their paths. Blocks.
fn scan(pattern: &str, allowed: Allowed, before: &[Claim]) -> Vec<Claim> {
    // Hidden folders hold the data behind the links of a Secret or ConfigMap volume.
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::default() };
    let paths = glob::glob_with(pattern, options).into_iter().flatten();
    let mut claims = Vec::new();
    // Directories that cannot be read hold no files that could be.
    for path in paths.flatten().filter(|path| !path.is_dir()) {
        let Some(id) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let id = ClusterId::new(id);
        let origin = format!("kubeconfig {}", path.display());
        claims.push(match std::fs::read(&path) {
            Ok(bytes) => Claim::kubeconfig(id, origin, &bytes, allowed, before),
            Err(error) => Claim::unreadable(id, origin, error.kind()),
        });
    }
    claims
}

fn differ(before: &[Claim], found: &[Claim]) -> bool {
    before.len() != found.len()
        || before.iter().zip(found).any(|(old, new)| {
            old.id != new.id || old.origin != new.origin || old.content != new.content
        })
}

/// The deepest directory of a pattern without wildcards, and whether wildcards stand for
/// directories too.
fn base(pattern: &str) -> (PathBuf, bool) {
    let components: Vec<Component> = Path::new(pattern).components().collect();
    let is_wild =
        |component: &Component| component.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    let last = components.len().saturating_sub(1);
    let plain = components.iter().position(is_wild).unwrap_or(last).min(last);
    let base: PathBuf = components[..plain].iter().collect();
    let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
    (base, plain < last)
}

#[cfg(test)]
#[path = "kubeconfigs_tests.rs"]
mod tests;
