//! From Go's spelling of flags to clap's: `-conf x`, `--conf x` and `-conf=x` all become `--conf=x`.

use std::ffi::OsString;

use super::UsageError;

/// One word for each flag, its value behind `=`. `with_value` are the flags that take the next word, as
/// it is, where they have no `=`.
///
/// # Errors
/// A word is no flag, or a flag has no value.
pub(super) fn normalise(
    args: impl IntoIterator<Item = OsString>,
    with_value: &[&str],
) -> Result<Vec<OsString>, UsageError> {
    let mut words = args.into_iter();
    let mut flags = Vec::new();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "--" {
            match words.next() {
                Some(extra) => return Err(no_flag(&extra)),
                None => break,
            }
        }
        let name =
            text.strip_prefix("--").or(text.strip_prefix('-')).filter(|name| !name.is_empty());
        let Some(name) = name else { return Err(no_flag(&word)) };
        if with_value.contains(&name) {
            let value = words
                .next()
                .ok_or_else(|| UsageError::flag(format!("the flag -{name} needs a value")))?;
            let mut flag = OsString::from(format!("--{name}="));
            flag.push(value);
            flags.push(flag);
        } else if text.starts_with("--") {
            flags.push(word);
        } else {
            let mut flag = OsString::from("-");
            flag.push(word);
            flags.push(flag);
        }
    }
    Ok(flags)
}

fn no_flag(word: &OsString) -> UsageError {
    UsageError::late(format!("'{}' is no flag", word.to_string_lossy()))
}
