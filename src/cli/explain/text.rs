//! An explained answer as text.

use std::fmt::Write;

use crate::cli::whom::Said;
use crate::plugin::explain::Told;
use crate::server::explain::{Answered, Explained, Explaining};
use crate::zone::explain::Step;

/// The question, the block, the plugins with their steps, and the answer.
pub fn text(said: &Said<Explained>) -> String {
    let mut text = String::new();
    if let Some(reason) = &said.offline {
        // A String takes all that is written.
        let _ = writeln!(text, "Offline ({}): this is what this process knows.\n", plain(reason));
    }
    let explained = &said.page;
    let _ = writeln!(text, "{} {}", plain(&explained.name), plain(&explained.qtype));
    match &explained.block {
        Some(block) => {
            let _ = writeln!(text, "server block {}", plain(block));
        }
        None => text.push_str("no server block is for this name\n"),
    }
    explained.plugins.iter().for_each(|plugin| one(plugin, &mut text));
    answer(&explained.answer, &mut text);
    text
}

fn one(plugin: &Explaining, text: &mut String) {
    let verdict = match plugin.verdict {
        Told::Answers => "answers",
        Told::Passes => "hands on",
        Told::MayAnswer => "may answer",
    };
    let _ = writeln!(text, "\n{}: {verdict}", plain(&plugin.plugin));
    let rules = plugin.steps.iter().map(rule).collect::<Vec<_>>();
    let width = rules.iter().map(|rule| rule.chars().count()).max().unwrap_or_default();
    for (rule, step) in rules.iter().zip(&plugin.steps) {
        let _ = writeln!(text, "  {rule:width$}  {}", plain(&step.says));
    }
}

fn rule(step: &Step) -> String {
    match &step.cluster {
        Some(cluster) => format!("{} {}", plain(&step.rule), plain(cluster)),
        None => plain(&step.rule),
    }
}

fn answer(answer: &Answered, text: &mut String) {
    let rcode = if answer.rcode.is_empty() { "no reply" } else { &answer.rcode };
    let aa = if answer.authoritative { ", authoritative" } else { "" };
    let _ = writeln!(text, "\n{}{aa}", plain(rcode));
    for (section, records) in [
        ("", &answer.answer),
        ("authority: ", &answer.authority),
        ("additional: ", &answer.additional),
    ] {
        for record in records {
            let _ = writeln!(text, "  {section}{}", plain(record));
        }
    }
    if let Some((code, words)) = &answer.extended_error {
        let _ = writeln!(text, "  extended error {code}: {}", plain(words));
    }
    if let Some(failure) = &answer.failure {
        let _ = writeln!(text, "  {}", plain(failure));
    }
}

/// What a cluster or a client wrote must not shape the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
