//! How expressions are understood where Microsoft leaves it open, and what they may cost.

/// How expressions are read and evaluated. The default is what the service most likely does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// What an expression may hold and cost.
    pub limits: Limits,
    /// Which functions there are.
    pub functions: FunctionSet,
    /// What `IIF` gives where an attribute in its condition has no value.
    pub null_condition: NullCondition,
    /// Whether `NormalizeDiacritics` strips the marks of letters, too, that the service's table lacks.
    pub extended_diacritics: bool,
}

/// Which functions there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FunctionSet {
    /// Those of Entra ID's app provisioning.
    #[default]
    Entra,
    /// Those of cloud sync, too: `Trim`, `Prepend`, `IsNothing`, `ConvertFromBase64`, `DNComponent` and `Error`.
    CloudSync,
}

/// What `IIF` gives where an attribute that its condition reads is null or empty.
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
    /// What the condition says, in which null is compared as the empty text.
    #[default]
    Natural,
}

/// What an expression may hold and cost at most, checked before the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The length of the text in UTF-16 code units; the service takes 10,000.
    pub characters: usize,
    /// How deep calls may nest. What is as deep as the default is read, printed, evaluated and dropped within a stack
    /// of 512 KiB.
    pub depth: usize,
    /// How much work one evaluation may do: about the bytes of text that it reads and makes, those that a pattern is
    /// searched in counted 256 times.
    pub work: usize,
}

impl Options {
    /// With every function and no limit on the length, for what was read once within narrower ones.
    pub(crate) fn widest() -> Self {
        Self {
            limits: Limits {
                characters: usize::MAX,
                ..Limits::default()
            },
            functions: FunctionSet::CloudSync,
            ..Self::default()
        }
    }
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
