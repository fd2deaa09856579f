//! Templates: texts and JSON in which `{{user.userName}}` stands for a value.

use keyfob_core::{Object, SmolStr, Value};

use crate::simulate::error::ScenarioError;

/// A text with values in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Plain(SmolStr),
    Name(SmolStr),
}

/// JSON with values in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    /// A value that is the same each time.
    Plain(Value),
    /// A text that is one name alone: the value in its own type, or nothing where nothing is known.
    Name(SmolStr),
    Text(Text),
    Array(Vec<Element>),
    /// Members whose value is nothing are left out, and so is an object of which nothing is left.
    Object(Vec<(SmolStr, Tree)>),
    /// Objects laid over each other: `$merge`.
    Merge(Vec<Tree>),
}

/// An element of an array.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Element {
    One(Tree),
    /// One for every user that is assigned to the group: `$each`.
    Members(Tree),
}

/// What is known when a template is filled.
pub(crate) trait Names {
    /// Returns the value of a name, or nothing where there is none.
    fn value(&mut self, name: &str) -> Option<Value>;

    /// Calls the function with each user that is assigned to the group as `member`.
    fn each_member(&mut self, fill: &mut dyn FnMut(&mut Self))
    where
        Self: Sized;
}

impl Text {
    /// Reads a text.
    pub(crate) fn parse(text: &str, path: &str) -> Result<Self, ScenarioError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else {
                return Err(ScenarioError::at(path, "`{{` has no `}}`"));
            };
            if !before.is_empty() {
                pieces.push(Piece::Plain(before.into()));
            }
            let is_name = |name: &str| {
                !name.is_empty()
                    && name
                        .chars()
                        .all(|character| character.is_ascii_alphanumeric() || ".-_$".contains(character))
            };
            if !is_name(name) {
                return Err(ScenarioError::at(
                    path,
                    format_args!("`{name}` is no name of a value"),
                ));
            }
            pieces.push(Piece::Name(name.into()));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Plain(rest.into()));
        }
        Ok(Self(pieces))
    }

    /// Returns the names in it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &SmolStr> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name),
            Piece::Plain(_) => None,
        })
    }

    /// Fills in the values, each as `written` writes it.
    ///
    /// # Errors
    /// The name of which nothing is known.
    pub(crate) fn fill(
        &self,
        names: &mut impl Names,
        written: impl Fn(&str) -> String,
    ) -> Result<String, SmolStr> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(text) => filled.push_str(text),
                Piece::Name(name) => match names.value(name) {
                    Some(Value::String(text)) => filled.push_str(&written(&text)),
                    Some(Value::Bool(value)) => filled.push_str(if value { "true" } else { "false" }),
                    Some(Value::Integer(number)) => filled.push_str(&number.to_string()),
                    _ => return Err(name.clone()),
                },
            }
        }
        Ok(filled)
    }

    /// Returns true for `{{run}}-` with anything after it.
    pub(crate) fn starts_with_run(&self) -> bool {
        matches!(self.0.as_slice(), [Piece::Name(name), Piece::Plain(after), ..] if name == "run" && after.starts_with('-'))
    }

    fn alone(&self) -> Option<&SmolStr> {
        match self.0.as_slice() {
            [Piece::Name(name)] => Some(name),
            _ => None,
        }
    }
}

impl Tree {
    /// Reads a template.
    pub(crate) fn parse(value: &Value, path: &str) -> Result<Self, ScenarioError> {
        Ok(match value {
            Value::String(text) => {
                let text = Text::parse(text, path)?;
                match text.alone() {
                    Some(name) => Self::Name(name.clone()),
                    None => Self::Text(text),
                }
            }
            Value::Array(values) => {
                let elements = values
                    .iter()
                    .enumerate()
                    .map(|(index, value)| Element::parse(value, &format!("{path}[{index}]")));
                Self::Array(elements.collect::<Result<_, _>>()?)
            }
            Value::Object(object) => {
                if let Some(parts) = object.get("$merge") {
                    let Value::Array(parts) = parts else {
                        return Err(ScenarioError::at(path, "`$merge` is an array of objects"));
                    };
                    if object.len() > 1 {
                        return Err(ScenarioError::at(path, "`$merge` stands alone in its object"));
                    }
                    let parts = parts
                        .iter()
                        .enumerate()
                        .map(|(index, part)| Self::parse(part, &format!("{path}.$merge[{index}]")));
                    return Ok(Self::Merge(parts.collect::<Result<_, _>>()?));
                }
                let members = object.iter().map(|(name, value)| {
                    let tree = Self::parse(value, &format!("{path}.{}", name.as_str()))?;
                    Ok((SmolStr::new(name.as_str()), tree))
                });
                Self::Object(members.collect::<Result<_, ScenarioError>>()?)
            }
            plain => Self::Plain(plain.clone()),
        })
    }

    /// Calls the function with every name in it.
    pub(crate) fn each_name(&self, found: &mut impl FnMut(&SmolStr)) {
        match self {
            Self::Plain(_) => {}
            Self::Name(name) => found(name),
            Self::Text(text) => text.names().for_each(found),
            Self::Array(elements) => {
                for element in elements {
                    let (Element::One(tree) | Element::Members(tree)) = element;
                    tree.each_name(found);
                }
            }
            Self::Object(members) => members.iter().for_each(|(_, tree)| tree.each_name(found)),
            Self::Merge(parts) => parts.iter().for_each(|part| part.each_name(found)),
        }
    }

    /// Fills in the values. Nothing is left of a name of which nothing is known.
    ///
    /// # Errors
    /// The name within a text of which nothing is known.
    pub(crate) fn fill(&self, names: &mut impl Names) -> Result<Option<Value>, SmolStr> {
        Ok(Some(match self {
            Self::Plain(value) => value.clone(),
            Self::Name(name) => return Ok(names.value(name)),
            Self::Text(text) => Value::String(text.fill(names, str::to_owned)?.into()),
            Self::Array(elements) => {
                let mut values = Vec::new();
                for element in elements {
                    match element {
                        Element::One(tree) => values.extend(tree.fill(names)?),
                        Element::Members(tree) => {
                            let mut failed = None;
                            names.each_member(&mut |names| match tree.fill(names) {
                                Ok(value) => values.extend(value),
                                Err(name) => failed = Some(name),
                            });
                            if let Some(name) = failed {
                                return Err(name);
                            }
                        }
                    }
                }
                Value::Array(values)
            }
            Self::Object(members) => {
                let mut object = Object::new();
                for (name, tree) in members {
                    if let Some(value) = tree.fill(names)? {
                        object.insert(name.as_str(), value);
                    }
                }
                if object.is_empty() && !members.is_empty() {
                    return Ok(None);
                }
                Value::Object(object)
            }
            Self::Merge(parts) => {
                let mut merged = Object::new();
                for part in parts {
                    if let Some(Value::Object(over)) = part.fill(names)? {
                        merge(&mut merged, over);
                    }
                }
                Value::Object(merged)
            }
        }))
    }
}

impl Element {
    fn parse(value: &Value, path: &str) -> Result<Self, ScenarioError> {
        let Some(each) = value.as_object().filter(|object| object.get("$each").is_some()) else {
            return Tree::parse(value, path).map(Self::One);
        };
        let over = each.get_str("$each");
        let item = each.get("item");
        match (over, item, each.len()) {
            (Some("members"), Some(item), 2) => Tree::parse(item, &format!("{path}.item")).map(Self::Members),
            _ => Err(ScenarioError::at(
                path,
                "`$each` is \"members\", and beside it stands `item` alone",
            )),
        }
    }
}

/// Lays an object over another one: objects in it over objects, and all else in their place.
fn merge(under: &mut Object, over: Object) {
    for (name, value) in over {
        match (under.get_mut(name.as_str()), value) {
            (Some(Value::Object(under)), Value::Object(over)) => merge(under, over),
            (_, value) => {
                under.insert(name, value);
            }
        }
    }
}
