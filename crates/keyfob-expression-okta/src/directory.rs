//! Okta's directory: users and groups beside the profiles that an expression reads.

use keyfob_expression::{Source, SourceError, Value};
use smol_str::SmolStr;

/// Other profiles of the user, other users and groups, for the functions that ask for them.
///
/// Anything that is missing in it is answered as Okta answers where there is none: with null, `false` or no group.
///
/// | name | what stands there | for |
/// |---|---|---|
/// | `directoryUser` | the user's profile in Active Directory, or a list of them | `hasDirectoryUser`, `findDirectoryUser` |
/// | `workdayUser` | the user's profile in Workday, or a list of them | `hasWorkdayUser`, `findWorkdayUser` |
/// | `manager` | by the source of the relation, the manager's profile | `getManagerUser` |
/// | `managerApp` | by the source and then by the app, the manager's profile there | `getManagerAppUser` |
/// | `assistant`, `assistantApp` | the same of the assistant | `getAssistantUser`, `getAssistantAppUser` |
/// | `linked` | by the name of the relation, the linked user's profile | `user.getLinkedObject` |
/// | `groups` | the groups the user is in | `isMemberOf…`, `getFilteredGroups`, `user.getGroups`, `Groups.…` |
///
/// A group has an `id`, a `name`, a `type` such as `OKTA_GROUP`, a `source` with an `id`, and as `app` what
/// `Groups.…` call it by: `OKTA`, or the type or instance of the app that it comes from.
///
/// ```
/// use keyfob_expression::Source;
/// use keyfob_expression_okta::{Context, Directory, Expression};
///
/// let directory = Directory::from_json(
///     br#"{
///         "manager": {"active_directory": {"firstName": "Ann"}},
///         "groups": [{"id": "00g1", "name": "Sales EMEA", "type": "OKTA_GROUP"}]
///     }"#,
/// )?;
/// let source = Source::new();
/// let cx = Context::new(&source, "2026-01-01T00:00:00Z".parse()?).with_directory(&directory);
/// let expression = Expression::parse(
///     r#"isMemberOfGroupNameStartsWith("Sales") ? getManagerUser("active_directory").firstName : null"#,
/// )?;
/// assert_eq!(expression.evaluate(&cx)?, "Ann".into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory(Source);

impl Directory {
    /// Reads a directory in the shape that the table gives.
    ///
    /// # Errors
    /// [`SourceError`], where it is no JSON object or nests too deep.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SourceError> {
        Source::from_json(bytes).map(Self)
    }

    /// All that stands under a name.
    pub(super) fn all(&self, name: &str) -> &[Value] {
        match self.0.get(name) {
            None | Some(Value::Null) => &[],
            Some(Value::List(values)) => values,
            Some(single) => std::slice::from_ref(single),
        }
    }

    /// Returns what stands under a name and the names within it.
    pub(super) fn profile(&self, name: &str, within: &[SmolStr]) -> Option<&Value> {
        within
            .iter()
            .try_fold(self.0.get(name)?, |value, key| value.reveal().member(key))
    }
}

impl From<Source> for Directory {
    /// The directory that stands in a source in the shape that the table gives.
    fn from(source: Source) -> Self {
        Self(source)
    }
}
