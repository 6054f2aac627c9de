//! Words as numbers and moments.

/// A decimal number that so many octets hold.
pub fn number(word: &[u8], octets: usize) -> Option<u32> {
    if word.is_empty() || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value: u64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    u32::try_from(value).ok().filter(|_| value >> (8 * octets) == 0)
}

/// Seconds since 1970 of `YYYYMMDDHHMMSS`, in 32 bits of serial arithmetic (RFC 1982).
pub fn date(word: &[u8]) -> Option<u32> {
    if word.len() != 14 || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let part = |from: usize, to: usize| -> i64 {
        word[from..to].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'))
    };
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let (hour, minute, second) = (part(8, 10), part(10, 12), part(12, 14));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days of the civil calendar, in years that begin in March, so that leap days come last.
    let shifted = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * shifted + shifted.div_euclid(4) - shifted.div_euclid(100)
        + shifted.div_euclid(400)
        + day_of_year
        - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    // The low 32 bits are what counts.
    Some(seconds as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds() {
        for (word, expected) in [
            ("19700101000000", Some(0)),
            ("20170427114545", Some(1_493_293_545)),
            ("20000229235959", Some(951_868_799)),
            ("20010229000000", None),
            ("20171301000000", None),
            ("1493293545", None),
        ] {
            assert_eq!(date(word.as_bytes()), expected, "{word}");
        }
    }

    #[test]
    fn numbers_fit_their_octets() {
        for (word, octets, expected) in [
            ("255", 1, Some(255)),
            ("256", 1, None),
            ("65536", 2, None),
            ("4294967295", 4, Some(u32::MAX)),
            ("+1", 2, None),
            ("", 2, None),
        ] {
            assert_eq!(number(word.as_bytes(), octets), expected, "{word}");
        }
    }
}
