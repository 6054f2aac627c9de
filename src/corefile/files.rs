//! The files that an `import` names, and their text.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use super::{Diagnostic, Position, Token, diagnostics::quote};

/// The files that `name` means, in the order of their names, relative to the file that it stands in.
/// Whether a plain file exists shows when it is read; a pattern without any is warned about, as in
/// CoreDNS.
pub(super) fn find(
    name: &Token,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Vec<PathBuf>, Diagnostic> {
    let importer =
        std::path::absolute(&name.at.file).unwrap_or_else(|_| name.at.file.to_path_buf());
    let folder = importer.parent().unwrap_or(Path::new("/"));
    if !name.text.contains(['*', '?', '[']) {
        return Ok(vec![clean(&folder.join(&name.text))]);
    }
    let count = |c: char| name.text.matches(c).count();
    if count('*') > 1 || count('?') > 1 || (count('[') > 0 && count(']') > 0) {
        return Err(name.error(
            format!("the pattern {} has more than one wildcard", quote(name)),
            "use a single * or ?",
        ));
    }
    // Only what the Corefile says is a pattern, not the folder that it happens to be in.
    let folder = glob::Pattern::escape(&folder.to_string_lossy());
    let pattern = clean(&Path::new(&folder).join(&name.text));
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: false,
    };
    let found = glob::glob_with(&pattern.to_string_lossy(), options).map_err(|error| {
        name.error(
            format!("the pattern {} is not valid: {}", quote(name), error.msg),
            "use a single * or ?",
        )
    })?;
    let mut warn = |problem| {
        let remedy = "check the pattern if files were meant to be there; nothing is imported";
        warnings.push(name.error(problem, remedy));
    };
    let mut paths = Vec::new();
    for path in found {
        match path {
            Ok(path) => paths.push(path),
            Err(error) => warn(format!("cannot look for {}: {error}", quote(name))),
        }
    }
    if paths.is_empty() {
        warn(format!("no file matches the pattern {}", quote(name)));
    }
    Ok(paths)
}

/// `path` without `.` and `..`, for messages and for telling files apart.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                cleaned.pop();
            }
            component => cleaned.push(component),
        }
    }
    cleaned
}

/// The text of a file. Bytes that are no UTF-8 become U+FFFD, as in CoreDNS: they may be in a comment.
pub(super) fn read(path: &Path, warnings: &mut Vec<Diagnostic>) -> io::Result<String> {
    String::from_utf8(std::fs::read(path)?).or_else(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        warnings.push(Diagnostic::new(
            Position::new(path.into(), u32::try_from(line).unwrap_or(u32::MAX)),
            "the text is not UTF-8",
            "save the file as UTF-8; the bad bytes are read as \u{fffd}",
        ));
        Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
    })
}
