//! `root`: the folder that relative paths of other plugins are relative to (CoreDNS, plugin/root). It is no
//! link of the chain.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use tracing::warn;

use super::setup::Setup;
use crate::corefile::{Diagnostic, Directive};

const USAGE: &str = "root PATH";

/// Reads `root PATH`; of several the last counts. Plugins find it by [`Setup::path`].
///
/// # Errors
/// It has not one argument, or the folder cannot be looked at. One that is not there may come later.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    for directive in directives {
        directive.one_arg(USAGE)?;
        directive.no_block()?;
    }
    let Some(word) = directives.last().and_then(|directive| directive.args.first()) else {
        return Ok(());
    };
    let root = PathBuf::from(&word.text);
    match fs::metadata(&root) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            warn!("Root path does not exist: {}", root.display());
        }
        Err(error) => {
            return Err(word.error(
                format!("cannot access the folder '{word}': {error}"),
                "give the path of a folder that can be read",
            ));
        }
    }
    setup.chain.root = Some(root);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corefile::Token;
    use crate::plugin::setup::{Chain, Process};
    use crate::plugin::testing;

    #[test]
    fn reads_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().display().to_string();
        fs::write(folder.path().join("file"), "").unwrap();
        for (lines, expected) in [
            (format!("root {there}"), Ok(there.clone())),
            (format!("root /x\nroot {there}"), Ok(there.clone())),
            ("root nowhere/at/all".to_owned(), Ok("nowhere/at/all".to_owned())),
            ("root".to_owned(), Err("'root' has no argument; write `root PATH`")),
            ("root a b".to_owned(), Err("write `root PATH`")),
            ("root a {\nb\n}".to_owned(), Err("'root' takes no block")),
            (format!("root {there}/file/x"), Err("cannot access the folder")),
        ] {
            let expected = expected.as_deref().map_err(|error| *error);
            testing::check(&lines, "root", setup, expected, |chain, _| {
                assert!(chain.plugins.is_empty());
                chain.root.as_ref().unwrap().display().to_string()
            });
        }
    }

    #[test]
    fn leads_relative_paths() {
        let (mut chain, mut process) = (Chain::default(), Process::default());
        let corefile = testing::parsed(".", "whoami").unwrap();
        let path = |chain: &mut Chain, process: &mut Process, text: &str| {
            let word =
                Token { text: text.to_owned(), ..corefile.blocks[0].directives[0].name.clone() };
            let (blocks, block) = (&corefile.blocks, &corefile.blocks[0]);
            Setup { blocks, block, chain, process }.path(&word).display().to_string()
        };
        assert_eq!(path(&mut chain, &mut process, "a/b"), "a/b");
        chain.root = Some("/x".into());
        assert_eq!(path(&mut chain, &mut process, "a/b"), "/x/a/b");
        assert_eq!(path(&mut chain, &mut process, "/a"), "/a");
    }
}
