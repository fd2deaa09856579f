//! Differences between two mapping sets.

use std::fmt;

use smol_str::{SmolStr, format_smolstr};

use super::{Actions, AttributeMapping, ObjectMapping};
use crate::scope::ScopingFilter;

/// A difference between two mappings of the same objects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The target path; none where it is about the mapping as a whole.
    pub target: Option<SmolStr>,
    /// The part that differs: `mapping`, `expression`, `default`, `apply`, `matching`, `scope`, `actions`, `enabled`, `order`.
    pub member: &'static str,
    /// The text in the first; none where there is nothing.
    pub before: Option<SmolStr>,
    /// The text in the second; none where there is nothing.
    pub after: Option<SmolStr>,
}

impl ObjectMapping {
    /// Returns what differs between this mapping and another one, which is taken for the later.
    ///
    /// Attribute mappings are found by their targets. Nothing is said of the order in which they stand.
    ///
    /// ```
    /// use keyfob_mapping::{AttributeMapping, ObjectMapping};
    ///
    /// let mut before = ObjectMapping::new("User", "User");
    /// before.attributes = vec![AttributeMapping::new("title", "[jobTitle]")];
    /// let mut after = before.clone();
    /// after.attributes = vec![AttributeMapping::new("title", "PCase([jobTitle])")];
    /// let differences = before.differences(&after);
    /// assert_eq!(differences[0].to_string(), "`title`: expression: `[jobTitle]` becomes `PCase([jobTitle])`");
    /// ```
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = Findings(Vec::new());
        found.compare(None, "enabled", &self.enabled, &other.enabled, |enabled| {
            Some(format_smolstr!("{enabled}"))
        });
        found.compare(None, "actions", &self.actions, &other.actions, |actions| {
            Some(actions_of(*actions))
        });
        found.compare(None, "scope", &self.scope, &other.scope, scope_of);
        for attribute in &self.attributes {
            let target = Some(&attribute.target);
            let Some(later) = find(&other.attributes, attribute) else {
                found.add(target, "mapping", Some(shown(attribute)), None);
                continue;
            };
            found.compare(
                target,
                "expression",
                &attribute.expression,
                &later.expression,
                Clone::clone,
            );
            found.compare(
                target,
                "default",
                &attribute.default,
                &later.default,
                Clone::clone,
            );
            found.compare(target, "apply", &attribute.apply, &later.apply, |apply| {
                Some(apply.as_str().into())
            });
            found.compare(
                target,
                "matching",
                &attribute.matching,
                &later.matching,
                |matching| matching.map(|precedence| format_smolstr!("{precedence}")),
            );
        }
        for attribute in &other.attributes {
            if find(&self.attributes, attribute).is_none() {
                found.add(Some(&attribute.target), "mapping", None, Some(shown(attribute)));
            }
        }
        found.0
    }
}

struct Findings(Vec<Difference>);

impl Findings {
    fn compare<T: PartialEq>(
        &mut self,
        target: Option<&SmolStr>,
        member: &'static str,
        before: &T,
        after: &T,
        shown: impl Fn(&T) -> Option<SmolStr>,
    ) {
        if before != after {
            self.add(target, member, shown(before), shown(after));
        }
    }

    fn add(
        &mut self,
        target: Option<&SmolStr>,
        member: &'static str,
        before: Option<SmolStr>,
        after: Option<SmolStr>,
    ) {
        self.0.push(Difference {
            target: target.cloned(),
            member,
            before,
            after,
        });
    }
}

fn find<'m>(attributes: &'m [AttributeMapping], like: &AttributeMapping) -> Option<&'m AttributeMapping> {
    attributes
        .iter()
        .find(|attribute| attribute.target == like.target)
}

fn shown(attribute: &AttributeMapping) -> SmolStr {
    match (&attribute.expression, &attribute.default) {
        (Some(expression), _) => expression.clone(),
        (None, Some(default)) => format_smolstr!("the default \"{default}\""),
        (None, None) => "nothing".into(),
    }
}

fn actions_of(actions: Actions) -> SmolStr {
    let Actions {
        create,
        update,
        delete,
    } = actions;
    let words = [(create, "create"), (update, "update"), (delete, "delete")];
    let words = words
        .iter()
        .filter(|(allowed, _)| *allowed)
        .map(|(_, word)| *word);
    words.collect::<Vec<_>>().join(", ").into()
}

fn scope_of(filter: &ScopingFilter) -> Option<SmolStr> {
    let groups = filter.groups.iter().map(|group| {
        let clauses = group.clauses.iter().map(ToString::to_string);
        clauses.collect::<Vec<_>>().join(" and ")
    });
    let groups: Vec<String> = groups.collect();
    (!groups.is_empty()).then(|| groups.join(" or ").into())
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(target) = &self.target {
            write!(f, "`{target}`: ")?;
        }
        match (self.member, &self.before, &self.after) {
            ("mapping", None, Some(after)) => write!(f, "added, with `{after}`"),
            ("mapping", Some(before), None) => write!(f, "removed, which had `{before}`"),
            (member, before, after) => {
                let shown = |value: &Option<SmolStr>| {
                    value
                        .as_ref()
                        .map_or_else(|| "nothing".into(), |value| format_smolstr!("`{value}`"))
                };
                write!(f, "{member}: {} becomes {}", shown(before), shown(after))
            }
        }
    }
}
