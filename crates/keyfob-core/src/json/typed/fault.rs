//! The error of a value that doesn't fit its type, with its path.

use std::fmt::{self, Display};

/// The error when a value doesn't fit its type.
#[derive(Debug)]
pub(super) struct Fault {
    /// The path from the outermost object; empty where that itself is at fault.
    path: String,
    message: String,
}

impl Fault {
    pub(super) fn new(message: impl Display) -> Self {
        Self {
            path: String::new(),
            message: message.to_string(),
        }
    }

    /// Puts the name of an attribute before the path, on the way out of the attribute's value.
    pub(super) fn within(mut self, name: &str) -> Self {
        // serde's message shows the value, and what is shown ends up in logs.
        if name.eq_ignore_ascii_case("password") {
            return Self {
                path: name.into(),
                message: "the value doesn't fit the type".into(),
            };
        }
        if !self.path.is_empty() && !self.path.starts_with('[') {
            self.path.insert(0, '.');
        }
        self.path.insert_str(0, name);
        self
    }

    /// Puts the place of a value in an array, counted from 0, before the path.
    pub(super) fn at(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl serde::ser::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message)
    }
}

impl serde::de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message)
    }
}
