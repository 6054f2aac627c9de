//! All that is wrong with a Corefile, not only what would stop a start.
//!
//! In: a Corefile. Out: its problems, in the order of their places. The setup of a plugin ends at the first
//! thing that is wrong with it. So that is taken out of the Corefile, and what is left is looked at again, until
//! nothing more is found.

use std::collections::HashSet;

use super::instance::Instance;
use crate::corefile::{Corefile, Diagnostic, Directive, Line, Position, ServerBlock};

/// What is wrong with a Corefile, each thing once.
pub fn all(corefile: &Corefile) -> Vec<Diagnostic> {
    let mut rest = corefile.clone();
    let mut cuts = Cuts::default();
    let mut found = Instance::problems(&rest);
    let mut new = found.clone();
    while !new.is_empty() {
        new.iter().for_each(|problem| cuts.cut(&mut rest, &problem.at));
        new = Instance::problems(&rest);
        new.retain(|problem| !found.contains(problem) && cuts.hid(&rest, &problem.at));
        found.extend_from_slice(&new);
    }
    let file = |at: &Position| corefile.files.iter().position(|file| **file == *at.file);
    found.sort_by_key(|problem| (file(&problem.at), problem.at.line));
    // A snippet is wrong once, wherever it is imported.
    found.dedup();
    found
}

/// What was taken out of a Corefile.
#[derive(Default)]
struct Cuts {
    /// The plugins that it was taken from, by the number of their block.
    plugins: HashSet<(usize, String)>,
    /// Where the directives begin that lost a line.
    shortened: HashSet<Position>,
}

impl Cuts {
    /// Takes the line out that is there, or the directive that begins there.
    fn cut(&mut self, corefile: &mut Corefile, at: &Position) {
        for (number, block) in corefile.blocks.iter_mut().enumerate() {
            let ServerBlock { directives, .. } = block;
            for directive in directives.iter_mut().filter(|directive| has(directive, at)) {
                if !begins(directive, at) {
                    self.shortened.insert(directive.name.at.clone());
                }
                self.plugins.insert((number, directive.name.text.clone()));
                if let Some(lines) = &mut directive.block {
                    lines.retain(|line| !is_at(line, at));
                }
            }
            directives.retain(|directive| !begins(directive, at));
        }
    }

    /// Whether what is wrong there was hidden by what was taken out: a line, or the beginning of a directive
    /// whose plugin lost another one. Other directives are wrong for the lack of it.
    fn hid(&self, corefile: &Corefile, at: &Position) -> bool {
        corefile.blocks.iter().enumerate().any(|(number, block)| {
            block.directives.iter().filter(|directive| has(directive, at)).any(|directive| {
                !begins(directive, at)
                    || self.plugins.contains(&(number, directive.name.text.clone()))
                        && !self.shortened.contains(&directive.name.at)
            })
        })
    }
}

/// Whether it is on the first line of the directive.
fn begins(directive: &Directive, at: &Position) -> bool {
    directive.name.at == *at || directive.args.iter().any(|word| word.at == *at)
}

fn has(directive: &Directive, at: &Position) -> bool {
    begins(directive, at) || directive.lines().iter().any(|line| is_at(line, at))
}

fn is_at(line: &Line, at: &Position) -> bool {
    line.words.iter().any(|word| word.at == *at)
        || line.block.iter().flatten().any(|inner| is_at(inner, at))
}
