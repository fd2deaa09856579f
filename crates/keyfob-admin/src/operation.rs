//! The operations of administrators, as data.

use crate::{act::Action, administrator::Permission, view::ViewType};

/// One thing that an administrator can do: the same over HTTP, on the command line and in pages.
///
/// [`OPERATIONS`](crate::OPERATIONS) holds all of them. An adapter reads the table and knows no operation by name.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Operation {
    /// The name, in camel case.
    pub name: &'static str,
    /// A summary, a sentence without a full stop.
    pub about: &'static str,
    /// The permission that it takes.
    pub permission: Permission,
    /// The consequence of doing it by mistake.
    pub risk: Risk,
    /// The method of HTTP.
    pub method: Method,
    /// The path of the route, with its parameters in braces.
    pub path: &'static str,
    /// The words of the command after `keyfob admin`.
    pub verb: &'static str,
    /// Another last word for the command, if there is one.
    pub alias: Option<&'static str>,
    /// The parameters.
    pub parameters: &'static [Parameter],
    /// The shape of the answer.
    pub returns: Returns,
    pub(crate) action: Action,
}

/// The consequence of doing something by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Risk {
    /// Nothing is changed.
    Read,
    /// The operation of this name takes it back. It may be the same one with the values of before.
    Reversible {
        /// The name of the inverse.
        inverse: &'static str,
    },
    /// What is lost doesn't come back: the operation shows a preview first, and is done only for whoever repeats the digest
    /// of the preview.
    Confirmed,
    /// Nothing of the organization changes: a message is sent, and doing it again sends another one.
    Harmless,
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an adapter routes every one")]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Method {
    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The form of an operation's answer.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "an adapter shows every one")]
pub enum Returns {
    /// It is done, and there is nothing to show.
    Nothing,
    /// One view.
    One(&'static ViewType),
    /// A page of views.
    Page(&'static ViewType),
    /// A view that holds a secret, which is shown this once.
    Secret(&'static ViewType),
}

impl Returns {
    /// Returns the type of the views, if there are any.
    #[must_use]
    pub fn view(self) -> Option<&'static ViewType> {
        match self {
            Self::Nothing => None,
            Self::One(view) | Self::Page(view) | Self::Secret(view) => Some(view),
        }
    }

    /// Returns the names of the fields that are shown once, the one to copy first.
    pub fn secrets(self) -> impl Iterator<Item = &'static str> {
        let fields = self.view().map_or(&[][..], |view| view.fields);
        fields
            .iter()
            .filter(|field| field.is_secret())
            .map(|field| field.name)
    }
}

/// Something that an operation is given.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// The name, in camel case: of the path's segment, of the query's parameter and of the body's member.
    pub name: &'static str,
    /// The form of its value.
    pub kind: Kind,
    /// The part of a request that holds it.
    pub place: Place,
    /// How it is given on the command line.
    pub argument: Argument,
    /// True if it has to be given.
    pub is_required: bool,
    /// A description, without a full stop.
    pub about: &'static str,
}

/// The form of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an adapter reads every one")]
pub enum Kind {
    /// A text.
    Text,
    /// Texts, each given on its own.
    Texts,
    /// True or false.
    Flag,
    /// A number from 0 on.
    Number,
    /// An instant of RFC 3339.
    Instant,
    /// A stretch of time such as `90d`, `72h` or `30m`.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// The part of a request that holds a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an adapter reads every one")]
pub enum Place {
    /// A segment of the path.
    Path,
    /// The query.
    Query,
    /// A member of the JSON body.
    Body,
}

/// How a parameter is given on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an adapter reads every one")]
pub enum Argument {
    /// By its place.
    Positional,
    /// By an option of this name.
    Option(&'static str),
    /// By the global option `--org`.
    Organization,
}

impl Parameter {
    /// A segment of the path.
    pub(crate) const fn path(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Text,
            place: Place::Path,
            argument: Argument::Positional,
            is_required: true,
            about,
        }
    }

    /// A member of the body that has to be given, by its place.
    pub(crate) const fn body(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            place: Place::Body,
            argument: Argument::Positional,
            is_required: true,
            about,
        }
    }

    /// A member of the body that may be given, by an option.
    pub(crate) const fn option(
        name: &'static str,
        option: &'static str,
        kind: Kind,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            place: Place::Body,
            argument: Argument::Option(option),
            is_required: false,
            about,
        }
    }

    /// A parameter of the query, by an option.
    pub(crate) const fn query(
        name: &'static str,
        option: &'static str,
        kind: Kind,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            place: Place::Query,
            argument: Argument::Option(option),
            is_required: false,
            about,
        }
    }

    pub(crate) const fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }

    pub(crate) const fn in_query(self) -> Self {
        Self {
            place: Place::Query,
            ..self
        }
    }
}

/// The organization of an operation.
pub(crate) const ORG: Parameter = Parameter {
    argument: Argument::Organization,
    ..Parameter::path("org", "The organization, by its name or id")
};

/// The number of views on a page.
pub(crate) const LIMIT: Parameter = Parameter::query(
    "limit",
    "limit",
    Kind::Number,
    "How many at most: 1 to 200, 50 where nothing is said",
);

/// The end of the page before.
pub(crate) const AFTER: Parameter =
    Parameter::query("after", "after", Kind::Text, "The `next` of the page before");
