//! Options for what Microsoft leaves open, and limits.

use crate::function::{Definition, Function};

/// The options of reading and evaluating. The default is what the service most likely does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The limits of size and work.
    pub limits: Limits,
    /// The functions that expressions may call.
    pub functions: Functions,
    /// The value of `IIF` where an attribute in its condition has no value.
    pub null_condition: NullCondition,
    /// If true, `NormalizeDiacritics` strips the marks of letters, too, that the service's table lacks.
    pub extended_diacritics: bool,
}

/// The functions that expressions may call: a set of Microsoft's, and those that an application adds.
///
/// ```
/// use keyfob_expression::Functions;
///
/// assert!(Functions::entra().find("Trim").is_none());
/// assert!(Functions::cloud_sync().find("trim").is_some());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Functions {
    set: FunctionSet,
    more: Vec<Function>,
}

impl Functions {
    /// Takes the functions of Entra ID's app provisioning.
    #[must_use]
    pub fn entra() -> Self {
        FunctionSet::Entra.into()
    }

    /// Takes those of cloud sync, too.
    #[must_use]
    pub fn cloud_sync() -> Self {
        FunctionSet::CloudSync.into()
    }

    /// Adds a function of the application, which comes before one of Microsoft's with the same name.
    #[must_use]
    pub fn with(mut self, definition: &'static Definition) -> Self {
        self.more.insert(0, Function::of(definition));
        self
    }

    /// Finds a function by its name, in its own case or else in any.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Function> {
        let mut more = self.more.iter().copied();
        more.find(|function| function.name().eq_ignore_ascii_case(name))
            .or_else(|| Function::in_any_case(name, self.set))
    }

    /// Returns all of them.
    pub fn all(&self) -> impl Iterator<Item = Function> {
        self.more.iter().copied().chain(Function::all(self.set))
    }
}

impl From<FunctionSet> for Functions {
    fn from(set: FunctionSet) -> Self {
        Self {
            set,
            more: Vec::new(),
        }
    }
}

/// The functions of one of Microsoft's services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FunctionSet {
    /// Those of Entra ID's app provisioning.
    #[default]
    Entra,
    /// Those of cloud sync, too: `Trim`, `Prepend`, `IsNothing`, `ConvertFromBase64`, `StringFromSid`,
    /// `DNComponent` and `Error`.
    CloudSync,
}

/// The value of `IIF` where an attribute that its condition reads is null or empty.
///
/// The function reference of Microsoft calls a condition on such an attribute unsupported, and says only that the
/// "check fails". Microsoft's own default mappings guard with such conditions and expect them to be evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NullCondition {
    /// No value.
    Null,
    /// The value for a condition that does not hold.
    False,
    /// The value of the condition, in which null is compared as the empty text.
    #[default]
    Natural,
}

/// The limits of an expression, checked before the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The length of the text in UTF-16 code units; the service takes 10,000.
    pub characters: usize,
    /// The deepest nesting of calls. An expression as deep as the default is read, printed, evaluated and dropped within a stack
    /// of 512 KiB.
    pub depth: usize,
    /// The work that one evaluation may do: about the bytes of text that it reads and makes, and eight for each step of
    /// a regular expression.
    pub work: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            characters: 10_000,
            depth: 64,
            work: 16 * 1024 * 1024,
        }
    }
}
