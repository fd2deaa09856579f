//! Sums of numbers, exactly.

use keyfob_expression::{Decimal, Value};

use super::{error::EvaluateError, evaluate::type_error, node::Sign};

/// The number that a value is.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    match value.reveal() {
        Value::Integer(number) => Some(Decimal::from(*number)),
        Value::Decimal(number) => Some(number.clone()),
        _ => None,
    }
}

/// One number and another that is added to it or taken from it.
pub(super) fn sum(left: &Value, sign: Sign, right: &Value) -> Result<Value, EvaluateError> {
    let function = match sign {
        Sign::Plus => "+",
        Sign::Minus => "-",
    };
    let number = |value| decimal(value).ok_or_else(|| type_error(function, "numbers", value));
    let (left, right) = (number(left)?, number(right)?);
    let sum = (|| {
        let scale = fraction(&left).max(fraction(&right));
        let (left, right) = (scaled(&left, scale)?, scaled(&right, scale)?);
        let sum = match sign {
            Sign::Plus => left.checked_add(right)?,
            Sign::Minus => left.checked_sub(right)?,
        };
        unscaled(sum, scale)
    })();
    let sum = sum.ok_or(EvaluateError::OutOfRange { function })?;
    Ok(sum.into())
}

/// Returns how many digits stand behind the dot.
fn fraction(number: &Decimal) -> usize {
    number
        .as_str()
        .split_once('.')
        .map_or(0, |(_, digits)| digits.len())
}

/// The number times ten to the power of `scale`, which leaves no fraction.
fn scaled(number: &Decimal, scale: usize) -> Option<i128> {
    let digits = number.as_str().replace('.', "");
    let zeros = u32::try_from(scale - fraction(number)).ok()?;
    digits
        .parse::<i128>()
        .ok()?
        .checked_mul(10_i128.checked_pow(zeros)?)
}

fn unscaled(number: i128, scale: usize) -> Option<Decimal> {
    let width = scale + 1;
    let digits = format!("{:0width$}", number.unsigned_abs());
    let (whole, fraction) = digits.split_at_checked(digits.len() - scale)?;
    let sign = if number < 0 { "-" } else { "" };
    let dot = if fraction.is_empty() { "" } else { "." };
    Decimal::parse(&format!("{sign}{whole}{dot}{fraction}"))
}

/// The nearest integer; what lies half-way goes up, as Java rounds.
pub(super) fn round(number: &Decimal) -> Option<i64> {
    let doubled = scaled(number, fraction(number))?.checked_mul(2)?;
    let unit = 10_i128.checked_pow(u32::try_from(fraction(number)).ok()?)?;
    let nearest = doubled.checked_add(unit)?.div_euclid(unit.checked_mul(2)?);
    i64::try_from(nearest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Decimal::parse(text).unwrap().into()
    }

    #[test]
    fn sums_are_exact() {
        for (left, sign, right, expected) in [
            ("1", Sign::Plus, "2", "3"),
            ("0.1", Sign::Plus, "0.2", "0.3"),
            ("1", Sign::Minus, "1.05", "-0.05"),
            ("-2.5", Sign::Plus, "2.5", "0"),
            ("9223372036854775807", Sign::Plus, "1", "9223372036854775808"),
        ] {
            assert_eq!(
                sum(&value(left), sign, &value(right)),
                Ok(value(expected)),
                "{left} {sign:?} {right}"
            );
        }
    }

    #[test]
    fn numbers_round_to_the_nearest_and_halves_go_up() {
        for (text, expected) in [
            ("123.4", 123),
            ("123.6", 124),
            ("0.5", 1),
            ("-0.5", 0),
            ("-1.5", -1),
            ("-1.6", -2),
            ("7", 7),
        ] {
            assert_eq!(round(&Decimal::parse(text).unwrap()), Some(expected), "{text}");
        }
    }
}
