//! Decimal numbers as they are written.

use std::{cmp::Ordering, fmt};

use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

/// A decimal number, exactly: no number is rounded on its way through a mapping.
///
/// ```
/// use keyfob_expression::Decimal;
///
/// assert_eq!(Decimal::parse("1.50").unwrap().to_string(), "1.5");
/// assert!(Decimal::parse("-2") < Decimal::parse("-1.5"));
/// assert_eq!(Decimal::parse("1e3"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal(SmolStr);

impl Decimal {
    /// Reads `digits` or `digits.digits`, perhaps after a `-`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (digits, ""),
        };
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        Some(Self::of_parts(is_negative, whole, fraction))
    }

    /// Reads a number of JSON (RFC 8259 section 6), of whose form the caller is sure; `None` where its exponent is
    /// beyond what anybody writes out.
    #[must_use]
    pub fn of_json(text: &str) -> Option<Self> {
        /// More than the largest and the smallest number of double precision need.
        const MAX_EXPONENT: usize = 400;
        let Some((number, exponent)) = text.split_once(['e', 'E']) else {
            return Self::parse(text);
        };
        let exponent: i32 = exponent.parse().ok()?;
        let shift = usize::try_from(exponent.unsigned_abs()).ok()?;
        if shift > MAX_EXPONENT {
            return None;
        }
        let Self(number) = Self::parse(number)?;
        let digits = number.strip_prefix('-');
        let is_negative = digits.is_some();
        let digits = digits.unwrap_or(&number);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let padding = "0".repeat(shift);
        let (whole, fraction) = if exponent < 0 {
            let all = padding + whole;
            let (whole, moved) = all.split_at_checked(all.len() - shift)?;
            (whole.to_owned(), moved.to_owned() + fraction)
        } else {
            let all = fraction.to_owned() + &padding;
            let (moved, fraction) = all.split_at_checked(shift)?;
            (whole.to_owned() + moved, fraction.to_owned())
        };
        Some(Self::of_parts(is_negative, &whole, &fraction))
    }

    /// The number of these digits, in its only spelling.
    fn of_parts(is_negative: bool, whole: &str, fraction: &str) -> Self {
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            trimmed => trimmed,
        };
        let fraction = fraction.trim_end_matches('0');
        let sign = if is_negative && (whole != "0" || !fraction.is_empty()) {
            "-"
        } else {
            ""
        };
        Self(if fraction.is_empty() {
            format_smolstr!("{sign}{whole}")
        } else {
            format_smolstr!("{sign}{whole}.{fraction}")
        })
    }

    /// The number, if it is an integer of 64 bits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// Its digits, as [`Display`](fmt::Display) writes them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Splits the number into its sign, true below zero, its whole digits and those of its fraction.
    fn parts(&self) -> (bool, &str, &str) {
        let digits = self.0.strip_prefix('-');
        let is_negative = digits.is_some();
        let digits = digits.unwrap_or(&self.0);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        (is_negative, whole, fraction)
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self(number.to_smolstr())
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let (is_negative, whole, fraction) = self.parts();
        let (other_is_negative, other_whole, other_fraction) = other.parts();
        let by_size = || {
            let by_whole = whole.len().cmp(&other_whole.len()).then(whole.cmp(other_whole));
            by_whole.then(fraction.cmp(other_fraction))
        };
        match (is_negative, other_is_negative) {
            (false, false) => by_size(),
            (true, true) => by_size().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        for (text, expected) in [
            ("007", Some("7")),
            ("-0.0", Some("0")),
            ("1.50", Some("1.5")),
            ("99999999999999999999.10", Some("99999999999999999999.1")),
            ("1.", None),
            (".5", None),
            ("+1", None),
            ("--1", None),
            ("", None),
            ("1.2.3", None),
        ] {
            let number = Decimal::parse(text);
            assert_eq!(number.as_ref().map(Decimal::as_str), expected, "{text}");
        }
    }

    #[test]
    fn numbers_of_json_keep_every_digit() {
        for (text, expected) in [
            ("9223372036854775808", Some("9223372036854775808")),
            ("1.5e1", Some("15")),
            ("12.5E-3", Some("0.0125")),
            ("-1e+2", Some("-100")),
            ("1e999", None),
        ] {
            let number = Decimal::of_json(text);
            assert_eq!(number.as_ref().map(Decimal::as_str), expected, "{text}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_size_and_not_by_their_text() {
        let ordered = ["-10", "-9.5", "-9", "0", "0.05", "0.5", "9", "10", "10.1", "100"];
        for pair in ordered.windows(2) {
            assert!(Decimal::parse(pair[0]) < Decimal::parse(pair[1]), "{pair:?}");
        }
    }
}
