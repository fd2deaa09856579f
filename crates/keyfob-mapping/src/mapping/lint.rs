//! Lints of mappings.

use std::collections::HashMap;

use keyfob_core::ResourceType;
use keyfob_expression::{Expression, Lint, Options, Program, lint};
use smol_str::{SmolStr, format_smolstr};

use super::{Apply, AttributeMapping, MappingKind, ObjectMapping, target::Target};
use crate::graph::ObjectDefinition;

/// A lint, and the attribute mapping that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappingLint {
    /// The target path of the attribute mapping; none where it is about the mapping as a whole.
    pub target: Option<SmolStr>,
    /// The remark; its span, where it has one, is in the attribute mapping's expression.
    pub lint: Lint,
}

impl ObjectMapping {
    /// Returns the remarks on each expression, and on attribute mappings that don't go well together. What
    /// can't be read has no lints; [`Mapper::compile`](super::Mapper::compile) says what is wrong with it.
    ///
    /// | id | |
    /// |---|---|
    /// | `W-SOURCE-TWICE` | two targets take one attribute of the source as it is |
    /// | `W-DEFAULT-ON-UPDATE` | a default for an expression that also flows on updates, where it does not count |
    /// | `W-UNIQUE-PLACE` | `SelectUniqueValue` where resources are matched by it, or not on create alone |
    /// | `W-NO-MATCH` | no attribute finds existing resources |
    /// | `W-MATCH-TWICE` | two attributes with the same matching precedence |
    /// | `W-SECRET-ALWAYS` | an attribute that nobody can read is written again with every update |
    /// | `W-SAME-ELEMENT` | two filters may select the same value |
    /// | `W-UNIQUE-TWICE` | one attribute of the source feeds two targets that have to be unique |
    ///
    /// ```
    /// use keyfob_core::Registry;
    /// use keyfob_expression::Options;
    /// use keyfob_mapping::{AttributeMapping, ObjectMapping};
    ///
    /// let mut mapping = ObjectMapping::new("User", "User");
    /// mapping.attributes = vec![
    ///     AttributeMapping::new("userName", "[userPrincipalName]").matching(1),
    ///     AttributeMapping::new("externalId", "[extensionAttribute1]"),
    ///     AttributeMapping::new("title", "[extensionAttribute1]"),
    /// ];
    /// let user = Registry::rfc().resource_type("User").unwrap();
    /// let lints = mapping.lints(user, &Options::default());
    /// assert_eq!(lints[0].lint.id, "W-SOURCE-TWICE");
    /// assert_eq!(lints[0].target.as_deref(), Some("title"));
    /// ```
    #[must_use]
    pub fn lints(&self, resource_type: &ResourceType, options: &Options) -> Vec<MappingLint> {
        let mut found = Findings::default();
        for attribute in &self.attributes {
            found.look_at_attribute(attribute, options);
        }
        found.look_at_sources(&self.attributes);
        found.look_at_matching(&self.attributes);
        found.look_at_targets(&self.attributes, resource_type);
        found.lints
    }

    /// Returns the targets that the directory of the target doesn't define: `W-UNKNOWN-TARGET`. The service refuses such
    /// a mapping (`SchemaInvalid`).
    #[must_use]
    pub fn unknown_targets(&self, definition: &ObjectDefinition) -> Vec<MappingLint> {
        let mut found = Findings::default();
        for AttributeMapping { target, .. } in &self.attributes {
            if definition.attribute(target).is_none() {
                let names = definition.attributes.iter().map(|known| known.name.as_str());
                let fix = match keyfob_core::name::closest(target, names) {
                    Some(meant) => format_smolstr!("write `{meant}`; names are compared exactly"),
                    None => "add the attribute to the target's definition".into(),
                };
                let object = &definition.name;
                let sentence = format_smolstr!("`{object}` has no attribute `{target}` in the target");
                found.add(Some(target), Lint::new("W-UNKNOWN-TARGET", sentence, fix));
            }
        }
        found.lints
    }

    /// The attributes of the source that the mapping reads and its directory doesn't have: `W-UNKNOWN-SOURCE`. The
    /// service refuses such a mapping (`SchemaInvalid`); here they have no value.
    #[must_use]
    pub fn unknown_sources(&self, definition: &ObjectDefinition, options: &Options) -> Vec<MappingLint> {
        let mut found = Findings::default();
        for attribute in &self.attributes {
            for name in reads(attribute, options) {
                if definition.attribute(&name).is_none() {
                    let names = definition.attributes.iter().map(|known| known.name.as_str());
                    let fix = match keyfob_core::name::closest(&name, names) {
                        Some(meant) => format_smolstr!("write `[{meant}]`; names are compared exactly"),
                        None => "add the attribute to the source's definition, or read another".into(),
                    };
                    let object = &definition.name;
                    let sentence = format_smolstr!("`{object}` has no attribute `{name}` in the source");
                    found.add(
                        Some(&attribute.target),
                        Lint::new("W-UNKNOWN-SOURCE", sentence, fix),
                    );
                }
            }
        }
        found.lints
    }
}

#[derive(Default)]
struct Findings {
    lints: Vec<MappingLint>,
}

impl Findings {
    fn add(&mut self, target: Option<&SmolStr>, lint: Lint) {
        self.lints.push(MappingLint {
            target: target.cloned(),
            lint,
        });
    }

    fn look_at_attribute(&mut self, attribute: &AttributeMapping, options: &Options) {
        let target = Some(&attribute.target);
        let Some(text) = &attribute.expression else {
            return;
        };
        for lint in lint::expression(text, options).unwrap_or_default() {
            self.add(target, lint);
        }
        let has_default = attribute
            .default
            .as_ref()
            .is_some_and(|default| !default.is_empty());
        if has_default && attribute.apply != Apply::OnCreate {
            self.add(
                target,
                Lint::new(
                    "W-DEFAULT-ON-UPDATE",
                    "the default counts when a resource is created; on updates a null leaves the attribute as it is",
                    "if it is meant for updates too, let the expression say it, as in `Coalesce([jobTitle], \"None\")`",
                ),
            );
        }
        if calls_unique(text, options) {
            self.look_at_unique(attribute);
        }
    }

    fn look_at_unique(&mut self, attribute: &AttributeMapping) {
        let target = Some(&attribute.target);
        if attribute.matching.is_some() {
            let sentence = "resources can't be matched by what is made to be unique";
            let fix = "match by another attribute";
            self.add(target, Lint::new("W-UNIQUE-PLACE", sentence, fix));
        }
        if attribute.apply != Apply::OnCreate {
            let sentence = "`SelectUniqueValue` flows when a resource is created and at no other time";
            let fix = "let the attribute flow on create only";
            self.add(target, Lint::new("W-UNIQUE-PLACE", sentence, fix));
        }
    }

    fn look_at_sources(&mut self, attributes: &[AttributeMapping]) {
        let mut first: HashMap<&str, &SmolStr> = HashMap::new();
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.kind() == MappingKind::Direct)
        {
            let Some(source) = attribute.expression.as_deref() else {
                continue;
            };
            if let Some(other) = first.get(source.trim()) {
                let sentence = format_smolstr!("`{other}` takes the value of `{}` too", source.trim());
                let fix = "let one of them take another attribute, unless both are to hold the same";
                self.add(
                    Some(&attribute.target),
                    Lint::new("W-SOURCE-TWICE", sentence, fix),
                );
            } else {
                first.insert(source.trim(), &attribute.target);
            }
        }
    }

    fn look_at_matching(&mut self, attributes: &[AttributeMapping]) {
        let mut matched: HashMap<_, &SmolStr> = HashMap::new();
        for attribute in attributes {
            let Some(precedence) = attribute.matching else {
                continue;
            };
            if let Some(other) = matched.get(&precedence) {
                let sentence = format_smolstr!("`{other}` has the matching precedence {precedence} too");
                let lint = Lint::new("W-MATCH-TWICE", sentence, "give each a precedence of its own");
                self.add(Some(&attribute.target), lint);
            } else {
                matched.insert(precedence, &attribute.target);
            }
        }
        if matched.is_empty() && !attributes.is_empty() {
            let sentence = "no attribute has a matching precedence, so that no existing resource is found";
            let fix = "give a precedence of 1 to an attribute that tells resources apart, such as `userName`";
            self.add(None, Lint::new("W-NO-MATCH", sentence, fix));
        }
    }

    fn look_at_targets(&mut self, attributes: &[AttributeMapping], resource_type: &ResourceType) {
        let mut earlier: Vec<(&AttributeMapping, Target)> = Vec::new();
        for attribute in attributes {
            let Ok(target) = Target::compile(&attribute.target, resource_type) else {
                continue;
            };
            if target.is_secret() && attribute.apply != Apply::OnCreate {
                let sentence = "nobody can read the attribute back, so that every update writes it again";
                let fix = "let the attribute flow on create only";
                self.add(
                    Some(&attribute.target),
                    Lint::new("W-SECRET-ALWAYS", sentence, fix),
                );
            }
            if let Some((other, _)) = earlier.iter().find(|(_, other)| target.may_select_as(other)) {
                let sentence = format_smolstr!(
                    "the filter may select the same value as the one of `{}`",
                    other.target
                );
                let fix = "let both say what tells the values apart, such as their `type`";
                self.add(
                    Some(&attribute.target),
                    Lint::new("W-SAME-ELEMENT", sentence, fix),
                );
            }
            if target.is_unique()
                && let Some(source) = attribute.expression.as_deref()
                && attribute.kind() == MappingKind::Direct
                && let Some((other, _)) = earlier.iter().find(|(other, earlier)| {
                    earlier.is_unique() && other.expression.as_deref().map(str::trim) == Some(source.trim())
                })
            {
                let sentence = format_smolstr!(
                    "`{}` is unique too and takes the value of `{}`: one object that loses it loses both",
                    other.target,
                    source.trim()
                );
                let fix = "let one of them take an attribute that never changes, such as `[objectId]`";
                self.add(
                    Some(&attribute.target),
                    Lint::new("W-UNIQUE-TWICE", sentence, fix),
                );
            }
            earlier.push((attribute, target));
        }
    }
}

/// Returns true if an expression is a call of `SelectUniqueValue`.
fn calls_unique(text: &str, options: &Options) -> bool {
    matches!(
        Expression::parse_with(text, options),
        Ok(Expression::Call { function, .. }) if function.name() == "SelectUniqueValue"
    )
}

/// The attributes of the source that an attribute mapping reads.
fn reads(attribute: &AttributeMapping, options: &Options) -> Vec<SmolStr> {
    let text = attribute.expression.as_deref();
    match text.map(|text| Program::read(text, options)) {
        Some(Ok(program)) => program.reads().to_vec(),
        _ => Vec::new(),
    }
}
