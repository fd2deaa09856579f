//! `keyfob map apply`: what a mapping makes of objects.

use std::{cell::RefCell, collections::HashMap, path::PathBuf};

use keyfob_core::{
    Collation, CompareKey, Dialect, Object, Resource, ResourceType, SmolStr, json, message::PatchRequest,
    render::Printable, validate,
};
use keyfob_expression::{Environment, Source};
use keyfob_filter::{CompareOp, Filter, Literal};
use keyfob_mapping::{
    ApplyError, ApplyErrorKind, Change, Lookup, Mapper, MappingError, ObjectMapping,
    graph::{GraphObject, TargetType},
};
use serde_json::{Value as Json, json};

use super::{
    evaluating::{Attributes, Evaluating},
    mapping::MappingFile,
    objects,
};
use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob map apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    mapping: MappingFile,
    #[command(flatten)]
    attributes: Attributes,
    /// The resources that the objects have already: a JSON object, an array, or NDJSON; `-` is standard input. Of several
    /// the matching attributes of the mapping say whose each is
    #[arg(long, value_name = "FILE")]
    existing: Option<PathBuf>,
    /// The resources of objects: a JSON object of the source's ids and the resources' ids. References to other objects are left
    /// out, and an object is found among the existing resources by it, also one that is gone. By default references keep the
    /// source's ids
    #[arg(long, value_name = "FILE")]
    references: Option<PathBuf>,
    #[command(flatten)]
    evaluating: Evaluating,
}

/// Prints the resource that an object is to have, or the PATCH that brings the one that it has up to date.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let file = &arguments.mapping.mapping;
    input::one_standard_input(
        ["--mapping", "--source", "--existing", "--references", "--taken"],
        [
            Some(file),
            arguments.attributes.attrs.as_ref(),
            arguments.existing.as_ref(),
            arguments.references.as_ref(),
            arguments.evaluating.taken(),
        ],
    )?;
    let text = input::read(file)?;
    let held = match &arguments.existing {
        None => None,
        Some(file) => Some((file, input::read(file)?)),
    };
    let named = match &held {
        Some((_, text)) => objects::type_name(text),
        None => None,
    };
    let select = arguments.mapping.target.select(&text, named.as_deref());
    let (loaded, target) = select.map_err(|error| error.within(file))?;
    let mapper = Mapper::compile(
        &loaded.mapping,
        &target.resource_type,
        &arguments.evaluating.options(),
    )
    .map_err(|error| Unusable::rendered(told(&error, &loaded.mapping)).within(file))?;
    let existing = match &held {
        None => Vec::new(),
        Some((file, text)) => {
            objects::resources(text, &target.resource_type).map_err(|error| error.within(file))?
        }
    };
    if arguments.attributes.attrs.is_none() && arguments.attributes.attr.is_empty() {
        return Err(Unusable::new("give the object by --source or --attr"));
    }
    let text = objects::text(&arguments.attributes)?;
    let within = |error| objects::within(&arguments.attributes, error);
    let mut objects = objects::Reading::new(&text, &arguments.attributes).map_err(within)?;
    // The first two tell whether it is one object or a list.
    let first = objects.next().transpose().map_err(within)?;
    let second = objects.next().transpose().map_err(within)?;
    if let (Some(columns), Some(first)) = (objects.columns(), &first) {
        check_columns(columns, first, &mapper).map_err(within)?;
    }
    let references: Option<HashMap<String, String>> = match &arguments.references {
        None => None,
        Some(file) => Some(
            serde_json::from_slice(&input::read(file)?)
                .map_err(|error| Unusable::from(error).within(file))?,
        ),
    };
    let surroundings = arguments.evaluating.surroundings()?;
    let taken = |_: &str, value: &str| {
        let value = CompareKey::new(Collation::Caseless, value);
        let mut taken = surroundings.taken.iter();
        taken.any(|taken| value.is_of(Collation::Caseless, taken))
    };
    let resolve = |_: &str, id: &str| {
        references
            .as_ref()
            .and_then(|references| references.get(id).map(SmolStr::from))
    };
    let mut lookup = Lookup::new().with_taken(&taken);
    if references.is_some() {
        lookup = lookup.with_references(&resolve);
    }
    let run = Run {
        mapper: &mapper,
        mapping: &loaded.mapping,
        target: &target,
        references: references.as_ref(),
        environment: surroundings.environment(),
        lookup,
    };
    let answer = match (&first, existing.as_slice()) {
        (Some(object), [] | [_]) if objects.is_single() => run.one(object, existing.first()),
        _ => {
            let read = [first, second].into_iter().flatten().map(Ok);
            run.many(read.chain(objects), &existing, held.is_some())
        }
    };
    match answer {
        Ok(answer) => Ok(answer),
        Err(Refused::Negative(told)) => {
            output::report_lines(&told);
            Ok(Answer::Negative)
        }
        Err(Refused::Unusable(error)) => Err(within(error)),
    }
}

/// Refuses a file of CSV without a column by which resources are matched.
fn check_columns(columns: &[SmolStr], first: &GraphObject, mapper: &Mapper) -> Result<(), Unusable> {
    let is_there =
        |name: &str| columns.iter().any(|column| column == name) || first.source.get(name).is_some();
    let mut matching = mapper.matching_reads().peekable();
    let missing = matching.clone().find(|name| !is_there(name));
    if let (Some(name), true) = (missing, matching.peek().is_some() && !matching.any(is_there)) {
        return Err(Unusable::new(format!(
            "line 1: there is no column `{name}`, by which resources are matched; there are {}",
            columns
                .iter()
                .map(|column| format!("`{column}`"))
                .collect::<Vec<_>>()
                .join(", ")
        )));
    }
    Ok(())
}

/// Why nothing is printed.
enum Refused {
    /// Exit code 1.
    Negative(String),
    /// Exit code 2.
    Unusable(Unusable),
}

impl<E: Into<Unusable>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Unusable(error.into())
    }
}

struct Run<'r> {
    mapper: &'r Mapper,
    mapping: &'r ObjectMapping,
    target: &'r TargetType,
    references: Option<&'r HashMap<String, String>>,
    environment: Environment<'r>,
    lookup: Lookup<'r>,
}

impl Run<'_> {
    fn change(&self, object: &GraphObject, existing: Option<&Resource>) -> Result<Change, Refused> {
        let kind = object.kind.as_ref();
        if let Some(other) = kind.filter(|kind| !kind.eq_ignore_ascii_case(&self.mapping.source)) {
            return Err(Refused::Unusable(Unusable::new(format!(
                "line {}: this is a {other}, and the mapping takes objects of the kind `{}`; choose another with --type",
                object.line, self.mapping.source
            ))));
        }
        let change = self
            .mapper
            .apply_with(&object.source, existing, &self.environment, &self.lookup);
        if let (Ok(Change::Create(_)), Some(missing)) = (&change, self.unmatched(object)) {
            return Err(Refused::Unusable(Unusable::new(format!(
                "line {}: `{}`: there is no `{missing}`, by which the resource is found again; give objects that have it, or \
                 choose the mapping for this kind of object with --type",
                object.line,
                Printable(object.name())
            ))));
        }
        change.map_err(|error| {
            let told = apply_error(&error, self.mapping);
            let told = format!("line {}: `{}`: {told}", object.line, Printable(object.name()));
            // An expression that can't be evaluated is unusable, a value that the target doesn't take is refused.
            match error {
                ApplyError::Attribute { kind, .. } if !matches!(kind, ApplyErrorKind::Evaluate(_)) => {
                    Refused::Negative(told)
                }
                _ => Refused::Unusable(Unusable::rendered(told)),
            }
        })
    }

    /// Returns the first attribute that resources are matched by, where the object has none of them. Such an object would
    /// get another resource with every run.
    fn unmatched(&self, object: &GraphObject) -> Option<&str> {
        let mut reads = self.mapper.matching_reads();
        let first = reads.clone().next()?;
        let has = |name: &str| object.source.get(name).is_some_and(|value| !value.is_empty());
        (!reads.any(has)).then_some(first)
    }

    fn one(&self, object: &GraphObject, existing: Option<&Resource>) -> Result<Answer, Refused> {
        let change = self.change(object, existing)?;
        let reason = match change {
            Change::Create(resource) => {
                output::json(self.to_json(&resource))?;
                self.warn(resource);
                return Ok(Answer::Done);
            }
            Change::Update(request) | Change::Disable(request) => {
                output::json(json::object_to_vec(&request.to_object()))?;
                return Ok(Answer::Done);
            }
            Change::UpToDate => {
                output::report("the resource is up to date");
                output::json(json::object_to_vec(&PatchRequest::new(Vec::new()).to_object()))?;
                return Ok(Answer::Done);
            }
            other => self.reason(&other, &object.source)?,
        };
        output::report(&reason);
        Ok(Answer::Negative)
    }

    /// Prints a line for each object: the resource, or where there are existing ones the operation of a bulk request
    /// (RFC 7644 section 3.7). All of them are made before anything is printed.
    fn many(
        &self,
        objects: impl Iterator<Item = Result<GraphObject, Unusable>>,
        existing: &[Resource],
        is_update: bool,
    ) -> Result<Answer, Refused> {
        let index = Index::new(&self.target.resource_type, existing);
        let mut lines = Vec::new();
        let mut others = Vec::new();
        for object in objects {
            let object = &object?;
            let held = index.find(self, object)?;
            let change = self.change(object, held)?;
            match (change, held) {
                (Change::Create(resource), _) if !is_update => lines.extend(self.to_json(&resource)),
                (Change::Create(resource), _) => {
                    let data: Object = json::object_from_slice(&self.to_json(&resource))?;
                    lines.extend(self.operation("POST", None, Some(data), object));
                }
                (Change::Update(request) | Change::Disable(request), held) => {
                    lines.extend(self.operation("PATCH", held, Some(request.to_object()), object));
                }
                (Change::Delete, held) => lines.extend(self.operation("DELETE", held, None, object)),
                (Change::UpToDate, _) => continue,
                (other, _) => {
                    let reason = self.reason(&other, &object.source)?;
                    others.push(format!("line {}: `{}`: {reason}", object.line, object.name()));
                    continue;
                }
            }
            lines.push(b'\n');
        }
        output::json_lines(&lines)?;
        for other in &others {
            output::report(other);
        }
        Ok(Answer::Done)
    }

    fn operation(
        &self,
        method: &str,
        held: Option<&Resource>,
        data: Option<Object>,
        object: &GraphObject,
    ) -> Vec<u8> {
        let mut operation = Object::new();
        let endpoint = self.target.resource_type.endpoint();
        operation.insert("method", method);
        if let Some(id) = held.and_then(Resource::id) {
            operation.insert("path", format!("{endpoint}/{id}").as_str());
        } else {
            operation.insert("bulkId", object.name());
            operation.insert("path", endpoint);
        }
        if let Some(data) = data {
            operation.insert("data", data);
        }
        json::object_to_vec(&operation)
    }

    /// Why nothing is sent.
    fn reason(&self, change: &Change, source: &Source) -> Result<String, Unusable> {
        Ok(match change {
            Change::Delete => "the object is out of scope or gone: its resource is deleted".into(),
            Change::OutOfScope if source.get("@removed").is_some() => {
                "the object is gone, and no existing resource is known to be its own; --references can name it".into()
            }
            Change::OutOfScope => {
                let decision = self.mapper.scope().decide(source)?;
                format!("the object is out of scope: {decision}")
            }
            Change::Skipped { target } => {
                format!("the expression for `{target}` leaves the object out of the flow")
            }
            _ => "the mapping doesn't allow what would have to be done".into(),
        })
    }

    /// The resource as JSON, for an application that speaks no SCIM without what SCIM alone has.
    fn to_json(&self, resource: &Resource) -> Vec<u8> {
        if self.target.is_scim {
            return resource.to_json();
        }
        let mut resource = resource.clone();
        resource.schemas_mut().clear();
        resource.to_json()
    }

    fn warn(&self, resource: Resource) {
        if self.target.is_scim
            && let Err(error) = validate::create(resource, &self.target.resource_type, Dialect::strict())
        {
            output::report(&format!(
                "warning: a service provider will refuse this resource: {error}"
            ));
        }
    }
}

/// The existing resources, found as a provider finds them.
struct Index<'r> {
    existing: &'r [Resource],
    resource_type: &'r ResourceType,
    by_id: HashMap<String, &'r Resource>,
    /// By the path that a filter compares, the resources by what they have there.
    by_path: RefCell<HashMap<String, HashMap<CompareKey, Vec<&'r Resource>>>>,
}

impl<'r> Index<'r> {
    fn new(resource_type: &'r ResourceType, existing: &'r [Resource]) -> Self {
        let by_id = existing
            .iter()
            .filter_map(|resource| Some((resource.id()?.as_str().to_owned(), resource)));
        Self {
            existing,
            resource_type,
            by_id: by_id.collect(),
            by_path: RefCell::default(),
        }
    }

    /// The resource of an object: the one that it is known to have, or else the first filter that finds any decides, and more
    /// than one is refused.
    fn find(&self, run: &Run<'_>, object: &GraphObject) -> Result<Option<&'r Resource>, Unusable> {
        if self.existing.is_empty() {
            return Ok(None);
        }
        // Of an object that is gone nothing but its id is known.
        if let (Some(references), Some(id)) = (run.references, object.source.get("objectId"))
            && let Some(known) = references.get(id.to_text().as_str())
            && let Some(resource) = self.by_id.get(known)
        {
            return Ok(Some(resource));
        }
        let refuse = |told: String| {
            let name = object.name();
            Unusable::rendered(format!("line {}: `{}`: {told}", object.line, Printable(name)))
        };
        let filters = run.mapper.matching(&object.source, &run.environment);
        for filter in filters.map_err(|error| refuse(apply_error(&error, run.mapping)))? {
            let predicate = filter.compile(self.resource_type, Dialect::strict())?;
            let mut found = self.candidates(&filter);
            found.retain(|resource| predicate.matches(resource));
            match found.as_slice() {
                [] => {}
                [one] => return Ok(Some(one)),
                several => {
                    let count = several.len();
                    return Err(refuse(format!("{count} resources match `{filter}`")));
                }
            }
        }
        Ok(None)
    }

    /// The resources that a filter may match: of a comparison of a single text those with that text in any case.
    fn candidates(&self, filter: &Filter) -> Vec<&'r Resource> {
        let Filter::Compare(path, CompareOp::Eq, Literal::String(text)) = filter else {
            return self.existing.iter().collect();
        };
        if path.schema().is_some() || path.sub().is_some() {
            return self.existing.iter().collect();
        }
        let mut by_path = self.by_path.borrow_mut();
        let index = by_path.entry(path.to_string()).or_insert_with(|| {
            let mut index: HashMap<CompareKey, Vec<&Resource>> = HashMap::new();
            for resource in self.existing {
                if let Some(text) = resource.core().get_str(path.name().as_str()) {
                    let key = CompareKey::new(Collation::Caseless, text);
                    index.entry(key).or_default().push(resource);
                }
            }
            index
        });
        let found = index.get(&CompareKey::new(Collation::Caseless, text));
        found.cloned().unwrap_or_default()
    }
}

/// The faults of a mapping, with each expression and the place of its fault.
pub(super) fn told(error: &MappingError, mapping: &ObjectMapping) -> String {
    let faults = error.faults.iter().map(|fault| fault.display_in(mapping));
    faults.collect::<Vec<_>>().join("\n")
}

/// Why a mapping can't be applied to an object, with the expression and the place of its fault.
pub(super) fn apply_error(error: &ApplyError, mapping: &ObjectMapping) -> String {
    let ApplyError::Attribute { target, kind } = error else {
        return Printable(error).to_string();
    };
    let attributes = mapping.attributes.iter();
    let expression = attributes
        .filter(|attribute| attribute.target.eq_ignore_ascii_case(target))
        .find_map(|attribute| attribute.expression.as_deref());
    match (kind, expression) {
        (ApplyErrorKind::Evaluate(error), Some(text)) => {
            format!("`{}`: {}", Printable(target), error.display_with(text))
        }
        (_, Some(text)) => format!("{}\n  {}", Printable(error), Printable(text)),
        _ => Printable(error).to_string(),
    }
}

/// A change as programs read it.
pub(super) fn change_to_json(change: &Change) -> Json {
    let word = match change {
        Change::Create(resource) => {
            let resource: Json = serde_json::from_slice(&resource.to_json()).unwrap_or_default();
            return json!({"outcome": "create", "resource": resource});
        }
        Change::Update(request) | Change::Disable(request) => {
            let patch = json::object_to_vec(&request.to_object());
            let patch: Json = serde_json::from_slice(&patch).unwrap_or_default();
            let outcome = if matches!(change, Change::Update(_)) {
                "update"
            } else {
                "disable"
            };
            return json!({"outcome": outcome, "patch": patch});
        }
        Change::Delete => "delete",
        Change::UpToDate => "upToDate",
        Change::OutOfScope => "outOfScope",
        Change::Skipped { .. } => "skipped",
        _ => "notAllowed",
    };
    json!({"outcome": word})
}
