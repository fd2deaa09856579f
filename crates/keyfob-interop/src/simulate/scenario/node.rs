//! Values of a scenario with the path at which they stand, for messages.

use std::time::Duration;

use keyfob_core::{AttrName, Object, SmolStr, Value, name::closest, render::with_suggestion};

use crate::simulate::error::ScenarioError;

type Read<T> = Result<T, ScenarioError>;

/// A value and its path.
pub(super) struct Node<'v> {
    pub(super) path: String,
    pub(super) value: &'v Value,
}

/// The members of an object, all of which are known.
pub(super) struct Members<'v> {
    path: String,
    object: &'v Object,
}

impl<'v> Node<'v> {
    pub(super) fn root(value: &'v Value) -> Self {
        Self {
            path: String::new(),
            value,
        }
    }

    pub(super) fn wrong(&self, expected: &str) -> ScenarioError {
        ScenarioError::at(
            self.path.as_str(),
            format_args!("it is {} and not {expected}", self.value.type_name()),
        )
    }

    /// Returns the members, if there are none but these.
    pub(super) fn members(&self, known: &[&str]) -> Read<Members<'v>> {
        let object = self.object()?;
        for (name, _) in object.iter() {
            if !known.contains(&name.as_str()) {
                let near = closest(name.as_str(), known.iter().copied());
                let message = format!("there is no such member; there are {}", known.join(", "));
                let message = with_suggestion(message, near.as_deref());
                return Err(ScenarioError::at(within(&self.path, name.as_str()), message));
            }
        }
        Ok(Members {
            path: self.path.clone(),
            object,
        })
    }

    fn object(&self) -> Read<&'v Object> {
        self.value.as_object().ok_or_else(|| self.wrong("an object"))
    }

    /// Returns the members of an object whose names are free.
    pub(super) fn entries(&self) -> Read<Vec<(&'v AttrName, Node<'v>)>> {
        let entry = |(name, value): (&'v AttrName, &'v Value)| {
            let path = within(&self.path, name.as_str());
            (name, Node { path, value })
        };
        Ok(self.object()?.iter().map(entry).collect())
    }

    pub(super) fn list(&self) -> Read<Vec<Node<'v>>> {
        let Value::Array(values) = self.value else {
            return Err(self.wrong("an array"));
        };
        let node = |(index, value)| Node {
            path: format!("{}[{index}]", self.path),
            value,
        };
        Ok(values.iter().enumerate().map(node).collect())
    }

    pub(super) fn text(&self) -> Read<&'v str> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    pub(super) fn texts(&self) -> Read<Vec<SmolStr>> {
        let texts = self.list()?;
        texts.iter().map(|text| text.text().map(SmolStr::new)).collect()
    }

    pub(super) fn boolean(&self) -> Read<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong("a boolean"))
    }

    pub(super) fn number(&self, least: usize, most: usize) -> Read<usize> {
        let number = self.value.as_integer().and_then(|number| number.try_into().ok());
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| {
                ScenarioError::at(
                    &*self.path,
                    format_args!("it is no number from {least} to {most}"),
                )
            })
    }

    pub(super) fn status(&self) -> Read<u16> {
        let number = self.number(100, 599)?;
        u16::try_from(number).map_err(|_| self.wrong("a status"))
    }

    /// Reads a time such as `250ms`, `40m` or `6h`.
    pub(super) fn time(&self) -> Read<Duration> {
        let text = self.text()?;
        let unknown = || {
            ScenarioError::at(
                &*self.path,
                format_args!("`{text}` is no time; write a number and ms, s, m, h or d, such as 40m"),
            )
        };
        let end = text.find(|character: char| !character.is_ascii_digit());
        let (number, unit) = end
            .and_then(|end| text.split_at_checked(end))
            .ok_or_else(unknown)?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(unknown()),
        };
        let number: u32 = number.parse().map_err(|_| unknown())?;
        Ok(Duration::from_millis(u64::from(number) * millis))
    }

    /// Returns what a keyword stands for.
    pub(super) fn keyword<T: Copy>(&self, known: &[(&str, T)]) -> Read<T> {
        let text = self.text()?;
        let found = known.iter().find(|(name, _)| *name == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let message = format!("`{text}` is none of {}", names.join(", "));
            ScenarioError::at(&*self.path, message)
        })
    }
}

impl<'v> Members<'v> {
    pub(super) fn get(&self, name: &str) -> Option<Node<'v>> {
        let value = self.object.get(name)?;
        let path = within(&self.path, name);
        Some(Node { path, value })
    }

    pub(super) fn required(&self, name: &str) -> Read<Node<'v>> {
        self.get(name)
            .ok_or_else(|| ScenarioError::at(within(&self.path, name), "it is missing"))
    }
}

fn within(path: &str, name: &str) -> String {
    let is_plain = name
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || "$_-".contains(character));
    match (path.is_empty(), is_plain) {
        (true, true) => name.to_owned(),
        (false, true) => format!("{path}.{name}"),
        (_, false) => format!("{path}[\"{name}\"]"),
    }
}
