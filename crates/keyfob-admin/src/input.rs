//! The values that an operation is given, checked against its parameters.

use keyfob_core::{DateTime, Object, Value, name::closest};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    operation::{Kind, Operation, Parameter},
    problem::Problem,
};

/// The number of bytes that a text may have.
const TEXT: usize = 4096;

/// The number of values that a list may have.
const VALUES: usize = 1000;

/// The values of an operation's parameters: each is known, of its kind, and there if it has to be.
#[derive(Debug)]
pub(crate) struct Input(Object);

impl Operation {
    /// Checks what the operation is given.
    pub(crate) fn check(&self, given: &Object) -> Result<Input, Problem> {
        for (name, _) in given.iter() {
            let name = name.as_str();
            if !self.parameters.iter().any(|parameter| parameter.name == name) {
                let known = self.parameters.iter().map(|parameter| parameter.name);
                let fix = closest(name, known).map(|known| format_smolstr!("did you mean `{known}`?"));
                let problem =
                    Problem::malformed(name, format_args!("`{name}` is no parameter of {}", self.name));
                return Err(Problem { fix, ..problem });
            }
        }
        let mut values = Object::new();
        for parameter in self.parameters {
            match given.get(parameter.name) {
                None | Some(Value::Null) if parameter.is_required => {
                    let detail = format_args!("`{}` is missing: {}", parameter.name, parameter.about);
                    return Err(Problem::malformed(parameter.name, detail));
                }
                None | Some(Value::Null) => {}
                Some(value) => {
                    values.insert(parameter.name, parameter.read(value)?);
                }
            }
        }
        Ok(Input(values))
    }
}

impl Parameter {
    fn read(&self, value: &Value) -> Result<Value, Problem> {
        let wrong = |what: &str| Problem::malformed(self.name, format_args!("`{}` is not {what}", self.name));
        let text = || {
            let text = value.as_str().ok_or_else(|| wrong("a text"))?;
            if text.len() > TEXT {
                return Err(wrong("a text of at most 4096 bytes"));
            }
            Ok(text)
        };
        match self.kind {
            Kind::Text => Ok(text()?.into()),
            Kind::Texts => {
                let values = match value {
                    Value::String(_) => std::slice::from_ref(value),
                    Value::Array(values) => values,
                    _ => return Err(wrong("a list of texts")),
                };
                let are_texts = values
                    .iter()
                    .all(|value| value.as_str().is_some_and(|text| text.len() <= TEXT));
                if !are_texts || values.len() > VALUES {
                    return Err(wrong("a list of at most 1000 texts"));
                }
                Ok(values.to_vec().into())
            }
            Kind::Flag => match (value, value.as_str()) {
                (Value::Bool(flag), _) => Ok((*flag).into()),
                (_, Some("true" | "on")) => Ok(true.into()),
                (_, Some("false" | "off")) => Ok(false.into()),
                _ => Err(wrong("true or false")),
            },
            Kind::Number => {
                let number = value
                    .as_integer()
                    .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
                let number = number.filter(|number: &i64| *number >= 0);
                number.map(Value::from).ok_or_else(|| wrong("a number from 0 on"))
            }
            Kind::Instant => {
                let text = text()?;
                text.parse::<DateTime>().map_err(|error| {
                    Problem::malformed(self.name, format_args!("`{text}` is no instant: {error}"))
                })?;
                Ok(text.into())
            }
            Kind::Duration => {
                let text = text()?;
                millis_of(text).ok_or_else(|| {
                    let detail = format_args!("`{text}` is no stretch of time such as `90d`, `72h` or `30m`");
                    Problem::malformed(self.name, detail)
                })?;
                Ok(text.into())
            }
            Kind::Choice(words) => {
                let text = text()?;
                let word = words.iter().find(|word| **word == text);
                let word = word.ok_or_else(|| {
                    let listed: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                    let detail = format_args!("`{text}` is none of {}", listed.join(", "));
                    let fix = closest(text, words.iter().copied())
                        .map(|known| format_smolstr!("did you mean `{known}`?"));
                    Problem {
                        fix,
                        ..Problem::malformed(self.name, detail)
                    }
                })?;
                Ok((*word).into())
            }
        }
    }
}

/// Returns the milliseconds of `90d`, `72h` or `30m`: at most a hundred years.
fn millis_of(text: &str) -> Option<i64> {
    const LIMIT: i64 = 100 * 366 * 24 * 60 * 60 * 1000;
    let unit = text.chars().next_back()?;
    let number = text.strip_suffix(unit)?;
    let minutes = match unit {
        'd' => 24 * 60,
        'h' => 60,
        'm' => 1,
        _ => return None,
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = is_number.then(|| number.parse().ok())??;
    let millis = number.checked_mul(minutes * 60_000)?;
    (millis > 0 && millis <= LIMIT).then_some(millis)
}

impl Input {
    /// Returns a text that has to be given.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.maybe(name).unwrap_or_default()
    }

    /// Returns a text that may be given.
    pub(crate) fn maybe(&self, name: &str) -> Option<&str> {
        self.0.get_str(name)
    }

    /// Returns the texts of a list, none where nothing is given.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        let values = self.0.get(name).map(Value::as_elements).unwrap_or_default();
        values.iter().filter_map(Value::as_str).collect()
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let number = self.0.get(name).and_then(Value::as_integer)?;
        u64::try_from(number).ok()
    }

    pub(crate) fn instant(&self, name: &str) -> Option<DateTime> {
        self.maybe(name)?.parse().ok()
    }

    /// Returns the instant so long after another.
    pub(crate) fn later(&self, name: &str, than: DateTime) -> Option<DateTime> {
        let millis = millis_of(self.maybe(name)?)?;
        Some(DateTime::from_unix_millis(
            than.unix_millis().saturating_add(millis),
        ))
    }

    /// Returns the number of views on a page.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        match self.number("limit") {
            None => Ok(50),
            Some(limit @ 1..=200) => Ok(usize::try_from(limit).unwrap_or(200)),
            Some(_) => Err(Problem::malformed("limit", "`limit` is a number from 1 to 200")),
        }
    }
}

/// The text that tells the marks of one list from those of another.
pub(crate) fn binding(operation: &str, parts: &[&str]) -> SmolStr {
    use sha2::{Digest, Sha256};
    let mut digest = Sha256::new();
    for text in std::iter::once(&operation).chain(parts) {
        digest.update(text.len().to_be_bytes());
        digest.update(text.as_bytes());
    }
    crate::answer::hex(digest.finalize().get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_time_are_days_hours_and_minutes() {
        assert_eq!(millis_of("1d"), Some(86_400_000));
        assert_eq!(millis_of("72h"), Some(259_200_000));
        assert_eq!(millis_of("30m"), Some(1_800_000));
        for text in [
            "",
            "d",
            "1",
            "-1d",
            "+1d",
            "1.5d",
            "0d",
            "1D",
            "1w",
            "99999999999999999999d",
            "40000d",
            "１d",
            "1dd",
        ] {
            assert_eq!(millis_of(text), None, "{text}");
        }
    }
}
