//! The lines of `template` (CoreDNS, plugin/template/setup.go).

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Name;

use super::expressions::{Expressions, scope};
use super::{NAME, Pattern, Template, Templates, language};
use crate::corefile::{Diagnostic, Directive, Line, Regexp, Token, parse_number, parse_regexp};
use crate::plugin::names::{self, Zones};
use crate::plugin::setup::Setup;
use crate::plugin::view::check::{self, Wrong};
use crate::plugin::view::scope::Scope;
use crate::telemetry::mnemonic;

const USAGE: &str = "template CLASS TYPE [ZONE...]";
const OPTIONS: [&str; 10] = [
    "match",
    "var",
    "expr",
    "answer",
    "additional",
    "authority",
    "rcode",
    "ederror",
    "fallthrough",
    "upstream",
];
/// Octets of the longest pattern, as in CoreDNS.
const LONGEST_PATTERN: usize = 10_000;

/// Reads `template CLASS TYPE [ZONE...] { ... }`, which may stand several times.
///
/// # Errors
/// A class, type, code, pattern, expression or template is none, or a line is of no option.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut all = Vec::new();
    let mut templates = Vec::new();
    for directive in directives {
        let words = directive.args_within(2.., USAGE)?;
        let zones = match &words[2..] {
            [] => setup.zones(),
            zones => crate::corefile::parse_zones(zones)?,
        };
        let named: Vec<Name> = zones.iter().filter_map(|zone| names::parse(zone)).collect();
        all.extend(named);
        templates.push(template(directive, &words[0], &words[1], &zones)?);
    }
    let metrics = setup.process.metrics.clone();
    setup.push(Templates { zones: all, templates, metrics });
    Ok(())
}

fn template(
    directive: &Directive,
    class: &Token,
    qtype: &Token,
    zones: &[String],
) -> Result<Template, Diagnostic> {
    let mut template = Template {
        zones: Zones::new(zones),
        class: mnemonic::parse_class(class).ok_or_else(|| {
            class.error(format!("'{class}' is no class"), "write IN, or ANY for every class")
        })?,
        qtype: mnemonic::parse_record_type(qtype).ok_or_else(|| {
            qtype.error(format!("'{qtype}' is no type"), "write e.g. A, or ANY for every type")
        })?,
        patterns: Vec::new(),
        expressions: Expressions::default(),
        code: ResponseCode::NoError,
        answers: Vec::new(),
        additionals: Vec::new(),
        authorities: Vec::new(),
        error: None,
        fallthrough: Vec::new(),
    };
    let mut scope = scope();
    for line in directive.lines() {
        template.read(line, &mut scope)?;
    }
    if template.patterns.is_empty() {
        template.patterns.push(everything(directive)?);
    }
    Ok(template)
}

/// The pattern of a template without one.
fn everything(directive: &Directive) -> Result<Pattern, Diagnostic> {
    let text = ".*".to_owned();
    // It is a regular expression.
    let regexp = Regexp::new(&text).map_err(|why| directive.name.error(why, USAGE))?;
    Ok(Pattern { text, regexp })
}

impl Template {
    fn read(&mut self, line: &Line, scope: &mut Scope) -> Result<(), Diagnostic> {
        match line.name().text.as_str() {
            "match" => {
                for word in line.args_within(1.., "match REGEX...")? {
                    self.patterns.push(pattern(word)?);
                }
            }
            "answer" => self.answers.extend(templates(line, "answer")?),
            "additional" => self.additionals.extend(templates(line, "additional")?),
            "authority" => self.authorities.extend(templates(line, "authority")?),
            "var" => self.variable(line, scope)?,
            "expr" => {
                let words = line.args_within(1.., "expr EXPRESSION")?;
                let program = check::compile_in(&joined(words), scope);
                self.expressions.conditions.push(program.map_err(wrong(line))?);
            }
            "rcode" => {
                let word = line.one_arg("rcode CODE")?;
                self.code = mnemonic::parse_rcode(word).ok_or_else(|| {
                    let problem = format!("'{word}' is no response code");
                    word.error(problem, "write e.g. NXDOMAIN, REFUSED or NOERROR")
                })?;
            }
            "ederror" => {
                let words = line.args_within(1..=2, "ederror CODE [REASON]")?;
                let code = parse_number(&words[0], "code of an Extended DNS Error", 0..=u16::MAX)?;
                let reason = words.get(1).map(|word| word.text.clone()).unwrap_or_default();
                self.error = Some((code, reason));
            }
            "fallthrough" => self.fallthrough = names::zones_or_all(line.args_within(.., "")?)?,
            // CoreDNS reads it, and always asks itself.
            "upstream" => {
                line.args_within(.., "")?;
            }
            _ => return Err(line.unknown(NAME, &OPTIONS)),
        }
        Ok(())
    }

    fn variable(&mut self, line: &Line, scope: &mut Scope) -> Result<(), Diagnostic> {
        let words = line.args_within(2.., "var NAME EXPRESSION")?;
        let name = &words[0];
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.text.chars().all(letters) || name.text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(name.error(
                format!("'{name}' is no name of a variable"),
                "write letters, digits and underscores, with no digit first",
            ));
        }
        if check::is_reserved(name, scope) {
            return Err(name.error(
                format!("'{name}' is a word or a function of expressions"),
                "give the variable another name",
            ));
        }
        let program = check::compile_in(&joined(&words[1..]), scope).map_err(wrong(line))?;
        scope.declare(name, &program);
        self.expressions.variables.push((name.text.clone(), program));
        Ok(())
    }
}

fn wrong(line: &Line) -> impl Fn(Wrong) -> Diagnostic {
    |wrong| line.name().error(wrong.problem, wrong.remedy)
}

fn joined(words: &[Token]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn pattern(word: &Token) -> Result<Pattern, Diagnostic> {
    if word.text.len() > LONGEST_PATTERN {
        return Err(word.error(
            format!("a pattern has {} letters", word.text.len()),
            format!("write one of at most {LONGEST_PATTERN}"),
        ));
    }
    Ok(Pattern { text: word.text.clone(), regexp: parse_regexp(word)? })
}

/// The templates of a line, each a record of the section.
fn templates(line: &Line, section: &'static str) -> Result<Vec<language::Template>, Diagnostic> {
    let words = line.args_within(1.., &format!("{section} RECORD"))?;
    let read = |word: &Token| {
        language::Template::parse(section, word).map_err(|wrong| {
            let problem = format!("'{word}' is no template: {wrong}");
            word.error(problem, "write e.g. \"{{ .Name }} 60 IN A 192.0.2.1\"")
        })
    };
    words.iter().map(read).collect()
}
