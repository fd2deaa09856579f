//! An administrator at work on one organization, or on the service.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use keyfob_access::{Access, AccessError};
use keyfob_core::{Collation, CompareKey, name::closest};
use keyfob_engine::{Context, Feeds, Maintenance};
use keyfob_provisioning::{Admin, Organization, Provisioner, Seek};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    administration::Administration,
    administrator::Administrator,
    answer::{Answer, Page},
    input::{Input, binding},
    problem::Problem,
    view::View,
};

/// An administrator at work on one organization, or on the service.
pub(crate) struct Session<'a, S> {
    pub(crate) administration: &'a Administration<S>,
    pub(crate) administrator: &'a Administrator,
    /// The provisioner of the organization's profile.
    pub(crate) provisioner: &'a Provisioner<S>,
    /// The organization; none for what is the service's.
    pub(crate) organization: Option<Organization>,
    pub(crate) cx: Context,
    /// True if phone numbers and card numbers are not shown.
    pub(crate) masks: bool,
}

impl<S: Feeds + Maintenance> Session<'_, S> {
    pub(crate) fn admin(&self) -> Admin<'_, S> {
        self.provisioner.admin()
    }

    pub(crate) fn access(&self) -> Result<Access<'_, S>, Problem> {
        Access::new(self.provisioner).map_err(|error| AccessError::from(error).into())
    }

    /// Returns the organization. An operation on one has a parameter for it, so there is one.
    pub(crate) fn organization(&self) -> Result<&Organization, Problem> {
        let missing = || Problem::new("failed", 500, "the service failed");
        self.organization.as_ref().ok_or_else(missing)
    }

    /// Adds what was probably meant to a refusal of something that is not there.
    pub(crate) async fn explained(&self, problem: Problem, error: &AccessError) -> Problem {
        let AccessError::NotFound { resource_type, name } = error else {
            return problem;
        };
        let names = self.names(resource_type).await.unwrap_or_default();
        let is_of_few =
            ["Door", "AccessLevel", "AccessGroup", "Unit", "Role"].contains(&resource_type.as_str());
        if problem.fix.is_some() || !is_of_few {
            return problem;
        }
        if names.is_empty() {
            return problem.with_fix("there are none yet");
        }
        match closest(name, names.iter().map(SmolStr::as_str)) {
            Some(known) => problem.with_fix(format_smolstr!("did you mean `{known}`?")),
            None => problem.with_fix(listed(resource_type, &names)),
        }
    }

    /// Returns the names of what an organization has few of.
    async fn names(&self, resource_type: &str) -> Result<Vec<SmolStr>, Problem> {
        let (access, cx) = (self.access()?, &self.cx);
        Ok(match resource_type {
            "Door" => access
                .doors(cx)
                .await?
                .into_iter()
                .map(|door| door.name)
                .collect(),
            "AccessLevel" => access
                .levels(cx)
                .await?
                .into_iter()
                .map(|level| level.name)
                .collect(),
            "AccessGroup" => access
                .access_groups(cx)
                .await?
                .into_iter()
                .map(|group| group.name)
                .collect(),
            "Unit" => access
                .units(cx)
                .await?
                .into_iter()
                .map(|unit| unit.name)
                .collect(),
            "Role" => access
                .roles(cx)
                .await?
                .into_iter()
                .map(|role| role.name)
                .collect(),
            _ => Vec::new(),
        })
    }
}

/// Names the first of what there is.
fn listed(resource_type: &str, names: &[SmolStr]) -> SmolStr {
    const SHOWN: usize = 20;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > SHOWN { " and others" } else { "" };
    format_smolstr!("there is {resource_type} {}{more}", shown.join(", "))
}

/// Cuts a page out of a list that is at hand: of what an organization has few of.
pub(crate) fn cut<V: View>(
    input: &Input,
    operation: &str,
    all: Vec<V>,
    id: impl Fn(&V) -> &str,
    name: impl Fn(&V) -> &str,
) -> Result<Answer, Problem> {
    let (views, next) = cut_of(input, operation, all, id, name)?;
    Ok(Answer::Page(Page::new(
        views.iter().map(View::to_object).collect(),
        next,
    )))
}

/// As [`cut`], of what is no view yet.
pub(crate) fn cut_of<T>(
    input: &Input,
    operation: &str,
    all: Vec<T>,
    id: impl Fn(&T) -> &str,
    name: impl Fn(&T) -> &str,
) -> Result<(Vec<T>, Option<SmolStr>), Problem> {
    let limit = input.limit()?;
    let wanted = input.maybe("q").map(folded);
    let bound = binding(operation, &[wanted.as_deref().unwrap_or_default()]);
    let matching = all.into_iter().filter(|of_all| {
        wanted
            .as_ref()
            .is_none_or(|wanted| folded(name(of_all)).contains(wanted.as_str()))
    });
    let mut matching: Vec<T> = matching.collect();
    if let Some(after) = input.maybe("after") {
        let last = unmark(after, &bound)?;
        let place = matching.iter().position(|one| id(one).as_bytes() == last);
        let place = place.ok_or_else(|| {
            let detail = "what the page before ended with is gone";
            Problem::new("invalidCursor", 400, detail)
                .of_field("after")
                .with_fix("begin again without `after`")
        })?;
        matching.drain(..=place);
    }
    let has_more = matching.len() > limit;
    matching.truncate(limit);
    let next = matching.last().filter(|_| has_more);
    let next = next.map(|last| mark(id(last).as_bytes(), &bound));
    Ok((matching, next))
}

/// Returns a text in the form in which people look for it.
fn folded(text: &str) -> String {
    CompareKey::new(Collation::Caseless, text).as_str().to_owned()
}

/// Writes the end of a page down, for the list to which it belongs.
pub(crate) fn mark(bytes: &[u8], bound: &str) -> SmolStr {
    let mut text = bound.as_bytes().to_vec();
    text.extend_from_slice(bytes);
    BASE64_URL_SAFE_NO_PAD.encode(text).into()
}

/// Reads the end of a page of a list.
pub(crate) fn unmark(text: &str, bound: &str) -> Result<Vec<u8>, Problem> {
    let foreign = || {
        Problem::new(
            "invalidCursor",
            400,
            "`after` is not the end of a page of this list",
        )
        .of_field("after")
        .with_fix("begin again without `after`")
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| foreign())?;
    let rest = bytes.strip_prefix(bound.as_bytes()).ok_or_else(foreign)?;
    Ok(rest.to_vec())
}

/// Reads the end of a page of what a store lists.
pub(crate) fn seek_of(input: &Input, bound: &str) -> Result<Option<Seek>, Problem> {
    let after = input.maybe("after");
    after
        .map(|after| Ok(Seek::new(unmark(after, bound)?)))
        .transpose()
}
