//! Functions that make what was not there, and those that speak of the flow.

use std::borrow::Cow;

use super::{Definition, Kind, Role, optional, required};
use crate::{
    evaluate::{Call, EvaluateError, EvaluateErrorKind, Evaluated},
    value::Value,
};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new("Guid", &[], Kind::Text, guid),
    Definition::new(
        "RandomString",
        &[
            required("Length", Kind::Integer),
            required("MinimumNumbers", Kind::Integer),
            required("MinimumSpecialCharacters", Kind::Integer),
            required("MinimumCapital", Kind::Integer),
            required("MinimumLowerCase", Kind::Integer),
            optional("CharactersToAvoid", Kind::Text),
        ],
        Kind::Text,
        random_string,
    ),
    Definition::new("Redact", &[required("expression", Kind::Any)], Kind::Any, redact),
    Definition::new(
        "SelectUniqueValue",
        &[required("uniqueValueRule", Kind::Any)],
        Kind::Any,
        select_unique_value,
    )
    .repeating(1, 2)
    .meaning(Role::Candidates),
];

fn guid<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let mut bytes = [0; 16];
    fill(call, &mut bytes)?;
    call.made(guid_of(bytes).as_str())
}

/// A UUID of version 4 (RFC 9562 section 5.4) made of random bytes.
fn guid_of(bytes: [u8; 16]) -> String {
    let mut bits = u128::from_be_bytes(bytes);
    for (mark, place, width) in [(0b0100_u128, 76, 4), (0b10, 62, 2)] {
        let mask = ((1_u128 << width) - 1) << place;
        bits = (bits & !mask) | (mark << place);
    }
    let digits = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (place, digit) in digits.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

fn fill(call: &Call<'_, '_>, buffer: &mut [u8]) -> Result<(), EvaluateError> {
    call.environment()
        .entropy
        .fill(buffer)
        .map_err(|error| call.fail(error))
}

const DIGITS: &str = "0123456789";
const SPECIALS: &str = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/";
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SMALL: &str = "abcdefghijklmnopqrstuvwxyz";
const MAX_RANDOM: i64 = 256;

/// Characters that the minima leave open is filled from the classes of which any is asked for; from all, where none is.
fn random_string<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let length = call.integer(0)?.unwrap_or_default();
    let fail = |reason| call.fail(EvaluateErrorKind::Random { length, reason });
    let avoided = call.text(5)?.unwrap_or_default();
    let mut wanted = Vec::with_capacity(4);
    let mut least = 0_i64;
    for (place, class) in (1..).zip([DIGITS, SPECIALS, CAPITALS, SMALL]) {
        let minimum = call.integer(place)?.unwrap_or_default();
        if minimum < 0 {
            return Err(fail("a minimum is negative"));
        }
        least = least.saturating_add(minimum);
        let class: Vec<char> = class
            .chars()
            .filter(|character| !avoided.contains(*character))
            .collect();
        wanted.push((minimum, class));
    }
    if !(0..=MAX_RANDOM).contains(&length) {
        return Err(fail("the length is 0 to 256"));
    }
    if least > length {
        return Err(fail("the minima add up to more"));
    }
    if wanted
        .iter()
        .any(|(minimum, class)| *minimum > 0 && class.is_empty())
    {
        return Err(fail("all characters of a class are to be avoided"));
    }
    let any: Vec<char> = (wanted.iter())
        .filter(|(minimum, _)| least == 0 || *minimum > 0)
        .flat_map(|(_, class)| class)
        .copied()
        .collect();
    if any.is_empty() && length > 0 {
        return Err(fail("all characters are to be avoided"));
    }
    let mut dice = Dice::new(call);
    let mut characters: Vec<char> = Vec::new();
    wanted.push((length - least, any));
    for (count, class) in &wanted {
        for _ in 0..*count {
            characters.extend(class.get(dice.below(class.len())?));
        }
    }
    for last in (1..characters.len()).rev() {
        characters.swap(last, dice.below(last + 1)?);
    }
    call.made(characters.into_iter().collect::<String>())
}

/// Even choices among fewer than 256.
struct Dice<'c, 'e, 'v> {
    call: &'c Call<'e, 'v>,
    bytes: [u8; 64],
    used: usize,
}

impl<'c, 'e, 'v> Dice<'c, 'e, 'v> {
    fn new(call: &'c Call<'e, 'v>) -> Self {
        let bytes = [0; 64];
        let used = bytes.len();
        Self { call, bytes, used }
    }

    /// A number below `bound`, each as likely as the others: bytes that would favour the lower ones are thrown away.
    fn below(&mut self, bound: usize) -> Result<usize, EvaluateError> {
        let bound = bound.max(1);
        let fair = 256 - 256 % bound;
        loop {
            let Some(byte) = self.bytes.get(self.used) else {
                fill(self.call, &mut self.bytes)?;
                self.used = 0;
                continue;
            };
            self.used += 1;
            if usize::from(*byte) < fair {
                return Ok(usize::from(*byte) % bound);
            }
        }
    }
}

fn redact<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let value = call.value(0)?.reveal().clone();
    Ok(Cow::Owned(Value::Redacted(Box::new(value))))
}

/// The program gives out the arguments; this is the first of them.
fn select_unique_value<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    call.value(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_9562_5_4_a_guid_has_its_version_and_its_variant_whatever_the_bytes() {
        assert_eq!(guid_of([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(guid_of([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let counted = std::array::from_fn(|place| u8::try_from(place).unwrap());
        assert_eq!(guid_of(counted), "00010203-0405-4607-8809-0a0b0c0d0e0f");
    }
}
