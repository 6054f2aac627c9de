//! Rdata of LOC (RFC 1876): a place on the earth.

use super::Bad;
use super::fields::Fields;
use super::lexer::Kind;
use super::values::number;

/// Thousandths of a second of arc in one degree and one minute.
const DEGREE: u32 = 3_600_000;
const MINUTE: u32 = 60_000;
/// The equator and the prime meridian.
const MIDDLE: u32 = 1 << 31;
/// Centimetres below which altitude is counted from.
const SEA_LEVEL: f64 = 10_000_000.0;
/// Size 1 m, precisions 10 km and 10 m, where they are not said.
const SIZES: [u8; 3] = [0x12, 0x16, 0x13];
const SIZE_FIELDS: [&str; 3] = ["Size", "HorizPre", "VertPre"];

/// `DEGREES [MINUTES [SECONDS]] N|S`, the same with E|W, altitude, and up to three sizes.
pub fn location(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    let latitude = angle(fields, "Latitude", 90, "North/South", [b'n', b's'])?;
    let longitude = angle(fields, "Longitude", 180, "East/West", [b'e', b'w'])?;
    let token = fields.word();
    let metres = metres(&token.text).and_then(|word| word.parse::<f64>().ok());
    let Some(metres) = metres else { return Err(fields.bad("Altitude", token)) };
    // What lies beyond the field is its end.
    let altitude = (metres * 100.0 + SEA_LEVEL + 0.5) as u32;
    let mut sizes = SIZES;
    let mut count = 0;
    while let Some(token) = fields.more() {
        if token.kind != Kind::Word {
            return Err(fields.bad("Size, HorizPre or VertPre", token));
        }
        if let Some(place) = sizes.get_mut(count) {
            *place = size(&token.text).ok_or_else(|| fields.bad(SIZE_FIELDS[count], token))?;
        }
        count += 1;
    }
    fields.out.push(0);
    fields.out.extend(sizes);
    for part in [latitude, longitude, altitude] {
        fields.push_number(part, 4);
    }
    Ok(())
}

/// An angle from the middle; the letters are the one that adds and the one that takes away.
fn angle(
    fields: &mut Fields<'_, '_>,
    field: &str,
    most: u32,
    directions: &str,
    letters: [u8; 2],
) -> Result<u32, Bad> {
    let token = fields.word();
    let degrees = number(&token.text, 4).filter(|degrees| *degrees <= most);
    let mut sum = degrees.ok_or_else(|| fields.bad(field, token))? * DEGREE;
    let turned = |word: &[u8], sum: u32| {
        let word = word.to_ascii_lowercase();
        match sum <= most * DEGREE {
            true if word == letters[..1] => Some(MIDDLE + sum),
            true if word == letters[1..] => Some(MIDDLE - sum),
            _ => None,
        }
    };
    let token = fields.word();
    if let Some(angle) = turned(&token.text, sum) {
        return Ok(angle);
    }
    let minutes = number(&token.text, 4).filter(|minutes| *minutes <= 59);
    sum += minutes.ok_or_else(|| fields.bad(&format!("{field} minutes"), token))? * MINUTE;
    let token = fields.word();
    let seconds = std::str::from_utf8(&token.text).ok().and_then(|word| word.parse::<f64>().ok());
    let seconds = seconds.filter(|seconds| (0.0..60.0).contains(seconds));
    let seconds = seconds.ok_or_else(|| fields.bad(&format!("{field} seconds"), token))?;
    // Less than a minute.
    sum += (seconds * 1000.0) as u32;
    let token = fields.word();
    turned(&token.text, sum).ok_or_else(|| fields.bad(&format!("{field} {directions}"), token))
}

/// A number of metres without its unit.
fn metres(word: &[u8]) -> Option<&str> {
    let word = std::str::from_utf8(word).ok()?;
    Some(word.strip_suffix(['m', 'M']).unwrap_or(word)).filter(|word| !word.is_empty())
}

/// A length as mantissa and power of ten, in centimetres.
fn size(word: &[u8]) -> Option<u8> {
    let text = metres(word)?;
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let hundredths = match number(part.as_bytes(), 4)? {
        digits if part.len() == 1 => digits * 10,
        digits if part.len() == 2 => digits,
        _ => return None,
    };
    let metres = match whole {
        "" if text.contains('.') => 0,
        whole => number(whole.as_bytes(), 4)?,
    };
    if metres > 90_000_000 || (metres == 90_000_000 && hundredths > 0) {
        return None;
    }
    // Centimetres are lost beside metres, as in miekg/dns.
    let (mut exponent, mut mantissa) = if metres > 0 { (2, metres) } else { (0, hundredths) };
    while mantissa >= 10 {
        exponent += 1;
        mantissa /= 10;
    }
    // Both are single digits.
    Some((mantissa << 4) as u8 | exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_digit() {
        for (word, expected) in [
            ("1m", Some(0x12)),
            ("10000m", Some(0x16)),
            ("10", Some(0x13)),
            ("0.05m", Some(0x50)),
            (".5m", Some(0x51)),
            ("0", Some(0)),
            ("90000000.00m", Some(0x99)),
            ("90000001m", None),
            ("1.234m", None),
            ("-1m", None),
        ] {
            assert_eq!(size(word.as_bytes()), expected, "{word}");
        }
    }
}
