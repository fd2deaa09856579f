//! `Convert.…` and `Iso3166Convert.…`.

use keyfob_expression::Value;

use super::{error::EvaluateError, function::Function, number, text};

/// The names that Okta's documentation prints for countries that ISO 3166 names differently.
const OKTA_NAMES: [(&str, &str); 1] = [("US", "United States")];

/// Calls a function that converts a value. Null stays null.
pub(super) fn call(function: Function, arguments: &[Value]) -> Result<Value, EvaluateError> {
    let name = function.name();
    let Some(value) = arguments.first() else {
        return Ok(Value::Null);
    };
    match function {
        Function::ToInt => {
            let Some(number) = text::number(name, value)? else {
                return Ok(Value::Null);
            };
            let rounded = number::round(&number).and_then(|number| i32::try_from(number).ok());
            rounded
                .map(|number| Value::Integer(number.into()))
                .ok_or(EvaluateError::OutOfRange { function: name })
        }
        Function::ToNum => Ok(text::number(name, value)?.map_or(Value::Null, Value::from)),
        _ => country(function, value),
    }
}

/// A country in the form that the function names. What is no code of a country becomes null.
fn country(function: Function, value: &Value) -> Result<Value, EvaluateError> {
    let Some(code) = text::text(function.name(), value)? else {
        return Ok(Value::Null);
    };
    let country = of_code(&code);
    let Some(country) = country else {
        return Ok(Value::Null);
    };
    Ok(match function {
        Function::ToAlpha2 => country.alpha2.into(),
        Function::ToAlpha3 => country.alpha3.into(),
        Function::ToNumeric => country.numeric_str().into(),
        _ => {
            let names = OKTA_NAMES.iter().find(|(alpha2, _)| *alpha2 == country.alpha2);
            names.map_or(country.name, |(_, name)| name).into()
        }
    })
}

/// The two letters of a country that is named or given by a code.
pub(super) fn alpha2(text: &str) -> Option<&'static str> {
    let named = |name: &str| {
        let okta = OKTA_NAMES
            .iter()
            .find(|(_, okta)| okta.eq_ignore_ascii_case(name));
        okta.map(|(alpha2, _)| *alpha2).or_else(|| {
            let mut all = rust_iso3166::ALL.iter();
            all.find(|country| country.name.eq_ignore_ascii_case(name))
                .map(|country| country.alpha2)
        })
    };
    of_code(text)
        .map(|country| country.alpha2)
        .or_else(|| named(text.trim()))
}

fn of_code(code: &str) -> Option<rust_iso3166::CountryCode> {
    let code = code.trim().to_ascii_uppercase();
    let is_numeric = code.bytes().all(|byte| byte.is_ascii_digit());
    match code.len() {
        1..=3 if is_numeric => code.parse().ok().and_then(rust_iso3166::from_numeric),
        2 => rust_iso3166::from_alpha2(&code),
        3 => rust_iso3166::from_alpha3(&code),
        _ => None,
    }
}
