//! `$GENERATE FIRST-LAST[/STEP] LINE`: the line for every number, which stands where `$` does.
//!
//! `$` may be followed by `{OFFSET[,WIDTH[,BASE]]}`, with base `d`, `o`, `x` or `X`; `$$` and `\$` are a
//! dollar (miekg/dns, generate.go).

use std::fmt::Write as _;

use super::Bad;
use super::lexer::{Kind, Lexer, Place, Token};

/// Most steps of one directive.
const STEPS: i64 = 65_535;
/// Largest number that an offset may lead to.
const LARGEST: i64 = i32::MAX as i64;

/// The lines that a directive stands for. `range` was read, the rest of its line is still to come.
pub fn generate(range: &Token, lexer: &mut Lexer<'_>) -> Result<Vec<u8>, Bad> {
    let wrong = |what: &str| Bad::new(format!("bad {what} in $GENERATE range"), range.clone());
    let text = String::from_utf8_lossy(&range.text).into_owned();
    let (span, step) = match text.split_once('/') {
        Some((span, step)) => {
            let step = step.parse::<i64>().ok().filter(|step| *step > 0);
            (span, step.ok_or_else(|| wrong("step"))?)
        }
        None => (text.as_str(), 1),
    };
    let (first, last) = span.split_once('-').ok_or_else(|| wrong("start-stop"))?;
    let first: i64 = first.parse().map_err(|_| wrong("start"))?;
    let last: i64 = last.parse().map_err(|_| wrong("stop"))?;
    if first < 0 || last < first || (last - first) / step > STEPS {
        return Err(wrong("range"));
    }
    let blank = lexer.next();
    if blank.kind != Kind::Blank {
        return Err(Bad::new("garbage after $GENERATE range", blank));
    }
    let mut line = Vec::new();
    loop {
        let token = lexer.next();
        match token.kind {
            Kind::Newline | Kind::End => break,
            Kind::Wrong(_) => return Err(Bad::new("bad data in $GENERATE directive", token)),
            _ => line.extend(token.text),
        }
    }
    let pieces = pieces(&line, first, last).map_err(|Wrong { what, from, upto }| {
        let at = Place { column: blank.at.column + from + 1, ..blank.at };
        Bad::new(what, Token { text: line[from..upto].to_vec(), at, ..blank })
    })?;
    let mut out = Vec::new();
    for number in (first..=last).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
        pieces.iter().for_each(|piece| piece.write(number, &mut out));
        out.push(b'\n');
    }
    Ok(out)
}

/// A part of the line.
enum Piece {
    Octet(u8),
    Number { offset: i64, width: usize, base: u8 },
}

impl Piece {
    fn write(&self, number: i64, out: &mut Vec<u8>) {
        match *self {
            Piece::Octet(byte) => out.push(byte),
            Piece::Number { offset, width, base } => {
                let number = number + offset;
                let mut text = String::new();
                // Writing to a String cannot fail.
                let _ = match base {
                    b'o' => write!(text, "{number:0width$o}"),
                    b'x' => write!(text, "{number:0width$x}"),
                    b'X' => write!(text, "{number:0width$X}"),
                    _ => write!(text, "{number:0width$}"),
                };
                out.extend(text.into_bytes());
            }
        }
    }
}

/// What is wrong, and where in the line.
struct Wrong {
    what: &'static str,
    from: usize,
    upto: usize,
}

fn pieces(line: &[u8], first: i64, last: i64) -> Result<Vec<Piece>, Wrong> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            // Of an escape only dollar and backslash stay.
            (b'\\', [escaped, after @ ..]) => {
                if matches!(escaped, b'$' | b'\\') {
                    pieces.push(Piece::Octet(*escaped));
                }
                rest = after;
            }
            (b'\\', []) => {}
            (b'$', [b'$', after @ ..]) => {
                pieces.push(Piece::Octet(b'$'));
                rest = after;
            }
            (b'$', [b'{', after @ ..]) => {
                let from = line.len() - after.len() - 2;
                let Some(end) = after.iter().position(|byte| *byte == b'}') else {
                    let (what, upto) = ("bad modifier in $GENERATE", line.len());
                    return Err(Wrong { what, from, upto });
                };
                let upto = from + 2 + end + 1;
                let piece = number(&after[..end], first, last);
                pieces.push(piece.map_err(|what| Wrong { what, from, upto })?);
                rest = &after[end + 1..];
            }
            (b'$', _) => pieces.push(Piece::Number { offset: 0, width: 0, base: b'd' }),
            (byte, _) => pieces.push(Piece::Octet(*byte)),
        }
    }
    Ok(pieces)
}

/// The words between the braces.
fn number(words: &[u8], first: i64, last: i64) -> Result<Piece, &'static str> {
    let words = std::str::from_utf8(words).map_err(|_| "bad offset in $GENERATE")?;
    let words: Vec<&str> = words.split(',').collect();
    if words.len() > 3 {
        return Err("bad modifier in $GENERATE");
    }
    let base = match words.get(2) {
        None | Some(&"d") => b'd',
        Some(&"o") => b'o',
        Some(&"x") => b'x',
        Some(&"X") => b'X',
        Some(_) => return Err("bad base in $GENERATE"),
    };
    let offset: i64 = words[0].parse().map_err(|_| "bad offset in $GENERATE")?;
    let width: u8 = match words.get(1) {
        Some(width) => width.parse().map_err(|_| "bad width in $GENERATE")?,
        None => 0,
    };
    let within = |number: i64| {
        let sum = number.checked_add(offset);
        sum.is_some_and(|sum| (0..=LARGEST).contains(&sum))
    };
    if !within(first) || !within(last) {
        return Err("bad offset in $GENERATE");
    }
    Ok(Piece::Number { offset, width: width.into(), base })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(text: &str) -> Result<String, String> {
        let mut lexer = Lexer::new(text.as_bytes());
        lexer.next();
        lexer.next();
        let range = lexer.next();
        match generate(&range, &mut lexer) {
            Ok(made) => Ok(String::from_utf8(made).unwrap()),
            Err(bad) => Err(bad.what),
        }
    }

    #[test]
    fn writes_a_line_for_each_number() {
        for (text, expected) in [
            ("$GENERATE 1-2 a$ A 10.0.0.$\n", Ok("a1 A 10.0.0.1\na2 A 10.0.0.2\n")),
            ("$GENERATE 0-4/2 $ PTR h$.\n", Ok("0 PTR h0.\n2 PTR h2.\n4 PTR h4.\n")),
            ("$GENERATE 9-10 h${1,3} A 10.0.0.$\n", Ok("h010 A 10.0.0.9\nh011 A 10.0.0.10\n")),
            ("$GENERATE 10-10 h${0,4,x}-${0,0,X} A 1.2.3.4\n", Ok("h000a-A A 1.2.3.4\n")),
            ("$GENERATE 1-1 a TXT \"$$ \\$\"\n", Ok("a TXT \"$ $\"\n")),
            ("$GENERATE 8-8 ${0,0,o} A 10.0.0.${-8}\n", Ok("10 A 10.0.0.0\n")),
            ("$GENERATE 1 a A 10.0.0.$\n", Err("bad start-stop in $GENERATE range")),
            ("$GENERATE 2-1 a A 10.0.0.$\n", Err("bad range in $GENERATE range")),
            ("$GENERATE 0-65536 a A 10.0.0.$\n", Err("bad range in $GENERATE range")),
            ("$GENERATE 1-2/0 a A 10.0.0.$\n", Err("bad step in $GENERATE range")),
            ("$GENERATE 1-2 a A ${-2}\n", Err("bad offset in $GENERATE")),
            ("$GENERATE 1-2 a A ${0,0,b}\n", Err("bad base in $GENERATE")),
            ("$GENERATE 1-2 a A ${0,300}\n", Err("bad width in $GENERATE")),
            ("$GENERATE 1-2 a A ${0\n", Err("bad modifier in $GENERATE")),
        ] {
            let found = generated(text);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
