//! Durations in the words of Go, which log lines of CoreDNS have: `1m30s`, `500ms`, `0s`.

use std::fmt;
use std::time::Duration;

/// A duration, displayed as Go's `time.Duration` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GoDuration(pub Duration);

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write!(f, "{}µs", Decimal(nanos, 1_000)),
            1_000_000..1_000_000_000 => write!(f, "{}ms", Decimal(nanos, 1_000_000)),
            _ => {
                let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write!(f, "{}s", Decimal(rest, 1_000_000_000))
            }
        }
    }
}

/// The first number in units of the second, which is a power of ten, without zeros at the end.
struct Decimal(u128, u128);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decimal(count, unit) = self;
        write!(f, "{}", count / unit)?;
        let digits = (unit.ilog10()) as usize;
        let fraction = format!("{:0digits$}", count % unit);
        match fraction.trim_end_matches('0') {
            "" => Ok(()),
            fraction => write!(f, ".{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_by_go() {
        for (nanos, expected) in [
            (0, "0s"),
            (999, "999ns"),
            (1_500, "1.5µs"),
            (100_000_000, "100ms"),
            (1_000_001, "1.000001ms"),
            (1_000_000_000, "1s"),
            (2_050_000_000, "2.05s"),
            (60_000_000_000, "1m0s"),
            (90_500_000_000, "1m30.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (90_061_000_000_000, "25h1m1s"),
        ] {
            assert_eq!(GoDuration(Duration::from_nanos(nanos)).to_string(), expected);
        }
    }
}
