//! The operations of a bulk request before they are done.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use keyfob_core::{
    CompareKey, Dialect, ErrorBody, Object, Registry, ResourceId, ResourceType, ScimType, ToErrorBody, json,
    message::{BulkJob, BulkJobOperation, BulkMethod},
    schema::Uniqueness,
};
use percent_encoding::percent_decode_str;
use smol_str::{SmolStr, format_smolstr};

use super::{
    Request,
    reference::{Leaf, each_in_patch, each_in_resource},
};
use crate::{
    engine::{EntityTags, Precondition},
    profile::Profile,
};

/// The value of a unique attribute that an operation mentions.
pub(super) type Key = (SmolStr, CompareKey);

/// The kind of an operation. Operations of one kind depend on one another only through their resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Create,
    Change,
    Delete,
}

/// The resource that an operation is about.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// One that it creates.
    New,
    /// One that was there before.
    Known(ResourceId),
    /// One that the POST of this number creates.
    Created(usize),
}

/// The operations of a request.
pub(super) struct Plan<'p> {
    pub(super) steps: Vec<Step<'p>>,
    /// The numbers of the POSTs by their `bulkId`.
    posts: HashMap<SmolStr, usize>,
    dialect: Dialect,
}

/// One operation.
pub(super) struct Step<'p> {
    pub(super) method: Option<BulkMethod>,
    pub(super) bulk_id: Option<SmolStr>,
    pub(super) target: Option<(&'p ResourceType, Subject)>,
    precondition: Precondition,
    text: &'p [u8],
    /// The body, where it refers to resources that the request creates.
    referring: Option<Object>,
    /// The numbers of the operations that it refers to, each once.
    pub(super) references: Vec<usize>,
    /// The values of unique attributes that it mentions.
    pub(super) keys: HashSet<Key>,
    /// The error for which it isn't done.
    pub(super) fault: Option<ErrorBody>,
    path: SmolStr,
}

impl<'p> Plan<'p> {
    /// Reads the operations.
    ///
    /// # Complexity
    /// Linear in the bodies.
    pub(super) fn new(registry: &'p Registry, profile: &Profile, job: &'p BulkJob<'p>) -> Self {
        let mut plan = Self {
            steps: Vec::with_capacity(job.operations.len()),
            posts: HashMap::new(),
            dialect: profile.dialect,
        };
        let methods = job.operations.iter().map(|operation| operation.method.as_deref());
        let methods: Vec<Option<BulkMethod>> = methods.map(|method| BulkMethod::named(method?)).collect();
        let mut repeated = HashSet::new();
        for (number, (operation, method)) in job.operations.iter().zip(&methods).enumerate() {
            if let (Some(BulkMethod::Post), Some(bulk_id)) = (method, &operation.bulk_id)
                && *plan.posts.entry(bulk_id.clone()).or_insert(number) != number
            {
                repeated.insert(number);
            }
        }
        for (number, (operation, method)) in job.operations.iter().zip(methods).enumerate() {
            let mut step = Step {
                method,
                bulk_id: operation.bulk_id.clone(),
                target: None,
                precondition: Precondition::None,
                text: operation.data.unwrap_or_default(),
                referring: None,
                references: Vec::new(),
                keys: HashSet::new(),
                fault: None,
                path: operation.path.clone().unwrap_or_default(),
            };
            let read = plan.read(&mut step, operation, registry, profile);
            step.fault = match read {
                Ok(()) if repeated.contains(&number) => {
                    let bulk_id = step.bulk_id.as_deref().unwrap_or_default();
                    let detail = format_smolstr!("another POST of the request has the `bulkId` `{bulk_id}`");
                    Some(ErrorBody::bad_request(ScimType::InvalidValue, detail))
                }
                read => read.err(),
            };
            if step.fault.is_some() {
                // It isn't done, so that it depends on nothing.
                step.references.clear();
            }
            plan.steps.push(step);
        }
        plan
    }

    fn read(
        &self,
        step: &mut Step<'p>,
        operation: &BulkJobOperation<'_>,
        registry: &'p Registry,
        profile: &Profile,
    ) -> Result<(), ErrorBody> {
        if let Some(fault) = &operation.fault {
            return Err(fault.to_error_body());
        }
        let syntax = |detail: &str| ErrorBody::bad_request(ScimType::InvalidSyntax, detail);
        let method = step
            .method
            .ok_or_else(|| syntax("`method` is none of `POST`, `PUT`, `PATCH` and `DELETE`"))?;
        let path = operation
            .path
            .as_deref()
            .ok_or_else(|| syntax("`path` is missing"))?;
        if method == BulkMethod::Post && step.bulk_id.as_deref().unwrap_or_default().is_empty() {
            return Err(syntax("a POST needs a `bulkId`"));
        }
        let (resource_type, id) = split(path, registry)?;
        let subject = match (method, id) {
            (BulkMethod::Post, None) => Subject::New,
            (BulkMethod::Post, Some(_)) => {
                let detail = "the `path` of a POST is that of a resource type, such as `/Users`";
                return Err(ErrorBody::bad_request(ScimType::InvalidPath, detail));
            }
            (_, None) => {
                let detail =
                    "the `path` of a PUT, PATCH or DELETE is that of a resource, such as `/Users/2819c223`";
                return Err(ErrorBody::bad_request(ScimType::InvalidPath, detail));
            }
            (_, Some(Id::Known(id))) => Subject::Known(id),
            (_, Some(Id::Reference(names))) => {
                let found = names.iter().find_map(|name| self.posts.get(name.as_str()));
                let number = *found.ok_or_else(|| unknown(names.first().map_or("", SmolStr::as_str)))?;
                step.references.push(number);
                Subject::Created(number)
            }
        };
        step.target = Some((resource_type, subject));
        if method != BulkMethod::Post
            && let Some(version) = &operation.version
        {
            step.precondition = precondition(version)?;
        }
        if method == BulkMethod::Delete {
            return Ok(());
        }
        if operation.data.is_none() {
            return Err(syntax("`data` is missing"));
        }
        self.read_body(step, method, resource_type, profile)
    }

    fn read_body(
        &self,
        step: &mut Step<'p>,
        method: BulkMethod,
        resource_type: &ResourceType,
        profile: &Profile,
    ) -> Result<(), ErrorBody> {
        // What can't be read is told when the operation is done, as of a single request.
        let Ok(mut body) = json::object_from_slice(step.text) else {
            return Ok(());
        };
        let mut unknown_id = None;
        let mut refers = false;
        visit(method, &mut body, resource_type, self.dialect, &mut |leaf| {
            if let Some(reference) = leaf.reference() {
                refers = true;
                match self.posts.get(reference.bulk_id) {
                    Some(number) => step.references.push(*number),
                    None => {
                        unknown_id.get_or_insert_with(|| SmolStr::new(reference.bulk_id));
                    }
                }
            } else if leaf.sub.is_none()
                && profile.uniqueness_in(leaf.schema, leaf.attribute) != Uniqueness::None
            {
                let key = leaf.attribute.compare_key(leaf.text);
                step.keys.insert((leaf.attribute.name.as_str().into(), key));
            }
        });
        if let Some(bulk_id) = unknown_id {
            return Err(unknown(&bulk_id));
        }
        step.references.sort_unstable();
        step.references.dedup();
        step.referring = refers.then_some(body);
        Ok(())
    }
}

impl<'p> Step<'p> {
    /// Returns what the operation has in common with others; none if it can't be done.
    pub(super) fn kind(&self) -> Option<(Class, SmolStr)> {
        let class = match self.method? {
            BulkMethod::Post => Class::Create,
            BulkMethod::Put | BulkMethod::Patch => Class::Change,
            BulkMethod::Delete => Class::Delete,
        };
        let (resource_type, _) = self.target.as_ref()?;
        Some((class, resource_type.name().clone()))
    }

    /// Returns the id of the resource that the operation is about, if it is there.
    pub(super) fn known_id<'i>(
        &'i self,
        created: &'i [Option<(ResourceId, SmolStr)>],
    ) -> Option<&'i ResourceId> {
        match self.target.as_ref()? {
            (_, Subject::New) => None,
            (_, Subject::Known(id)) => Some(id),
            (_, Subject::Created(number)) => created.get(*number)?.as_ref().map(|(id, _)| id),
        }
    }

    /// Returns the operation with everything that it needs.
    pub(super) fn request<'r>(
        &'r self,
        plan: &'r Plan<'p>,
        created: &[Option<(ResourceId, SmolStr)>],
    ) -> Option<Request<'r>> {
        let method = self.method?;
        let (resource_type, _) = self.target.as_ref()?;
        let body = match &self.referring {
            None => Cow::Borrowed(self.text),
            Some(body) => {
                let mut body = body.clone();
                visit(method, &mut body, resource_type, plan.dialect, &mut |leaf| {
                    let number = leaf
                        .reference()
                        .and_then(|reference| plan.posts.get(reference.bulk_id));
                    if let Some(Some((id, address))) = number.and_then(|number| created.get(*number)) {
                        leaf.resolve(id.as_str(), address);
                    }
                });
                Cow::Owned(json::object_to_vec(&body))
            }
        };
        Some(Request {
            method,
            resource_type,
            id: self.known_id(created).cloned(),
            precondition: self.precondition.clone(),
            body,
        })
    }

    /// Returns the address of the resource of an operation that failed; none for a POST, nor for an operation on what a POST
    /// was to create that failed too (RFC 7644 section 3.7): there is no such resource.
    pub(super) fn location(
        &self,
        base_url: &str,
        created: &[Option<(ResourceId, SmolStr)>],
    ) -> Option<SmolStr> {
        let is_post = matches!(self.method, None | Some(BulkMethod::Post));
        if is_post || self.path.is_empty() {
            return None;
        }
        match (self.known_id(created), &self.target) {
            (Some(id), Some((resource_type, _))) => Some(resource_type.address(base_url, id.as_str())),
            _ if names_post(&self.path) => None,
            _ => Some(format_smolstr!(
                "{base_url}/{}",
                self.path.trim_start_matches('/')
            )),
        }
    }
}

fn visit(
    method: BulkMethod,
    body: &mut Object,
    resource_type: &ResourceType,
    dialect: Dialect,
    each: &mut dyn FnMut(Leaf<'_>),
) {
    if method == BulkMethod::Patch {
        each_in_patch(body, resource_type, dialect, each);
    } else {
        each_in_resource(body, resource_type, dialect, each);
    }
}

fn unknown(bulk_id: &str) -> ErrorBody {
    let detail = format_smolstr!("no POST of the request has the `bulkId` `{bulk_id}`");
    ErrorBody::bad_request(ScimType::InvalidValue, detail)
}

/// The last part of a path.
enum Id {
    Known(ResourceId),
    /// A `bulkId`: as written, and percent-decoded.
    Reference(Vec<SmolStr>),
}

/// Splits the path of an operation into the resource type of its endpoint and what follows.
fn split<'r>(path: &str, registry: &'r Registry) -> Result<(&'r ResourceType, Option<Id>), ErrorBody> {
    let no_endpoint = || {
        let detail =
            "there is no such endpoint; an operation has the `path` of a resource type or of a resource";
        ErrorBody::new(404, detail)
    };
    let decode = |text: &str| -> Result<SmolStr, ErrorBody> {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded.map(SmolStr::from).map_err(|_| no_endpoint())
    };
    if path.contains(['?', '#']) {
        let detail = "the `path` of an operation has no query and no fragment";
        return Err(ErrorBody::bad_request(ScimType::InvalidPath, detail));
    }
    let path = path.trim_start_matches('/');
    let (endpoint, rest) = path.split_once('/').unwrap_or((path, ""));
    let endpoint = decode(endpoint)?;
    let mut exposed = registry.resource_types().iter();
    let resource_type = exposed
        .find(|resource_type| {
            resource_type.is_exposed() && resource_type.endpoint().strip_prefix('/') == Some(&*endpoint)
        })
        .ok_or_else(no_endpoint)?;
    if let Some(bulk_id) = rest.strip_prefix("bulkId:") {
        let names = vec![SmolStr::new(bulk_id), decode(bulk_id)?];
        return Ok((resource_type, Some(Id::Reference(names))));
    }
    let rest = rest.trim_matches('/');
    if rest.contains('/') {
        return Err(no_endpoint());
    }
    let id = decode(rest)?;
    // The colon may be encoded.
    let id = match id.strip_prefix("bulkId:") {
        _ if id.is_empty() => None,
        Some(bulk_id) => Some(Id::Reference(vec![bulk_id.into()])),
        None => Some(Id::Known(ResourceId::new(id))),
    };
    Ok((resource_type, id))
}

/// Returns true for the path of a resource that a POST of the request is to create.
fn names_post(path: &str) -> bool {
    let below = path.trim_start_matches('/').split_once('/');
    let id = below.map(|(_, id)| percent_decode_str(id).decode_utf8_lossy());
    id.is_some_and(|id| id.starts_with("bulkId:"))
}

/// Reads the `version` of an operation as the value of `If-Match`.
fn precondition(version: &str) -> Result<Precondition, ErrorBody> {
    let tags = EntityTags::parse([version]).ok_or_else(|| {
        let detail = "`version` is neither `*` nor an entity tag, such as `W/\"3\"`";
        ErrorBody::bad_request(ScimType::InvalidValue, detail)
    })?;
    Ok(Precondition::new(Some(tags), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_types_and_resources() {
        let registry = Registry::rfc();
        let told = |path: &str| match split(path, registry) {
            Ok((resource_type, None)) => format!("{}", resource_type.name()),
            Ok((resource_type, Some(Id::Known(id)))) => format!("{} {id}", resource_type.name()),
            Ok((resource_type, Some(Id::Reference(names)))) => format!("{} {names:?}", resource_type.name()),
            Err(error) => format!("{}", error.status),
        };
        for (path, expected) in [
            ("/Users", "User"),
            ("Users", "User"),
            ("/Users/", "User"),
            ("/Users/2819c223", "User 2819c223"),
            ("Groups/a%2Fb", "Group a/b"),
            ("/Users/bulkId:a", "User [\"a\", \"a\"]"),
            ("/Users/bulkId:a/b", "User [\"a/b\", \"a/b\"]"),
            ("/Users/bulkId:a%2Fb", "User [\"a%2Fb\", \"a/b\"]"),
            ("/Users/bulkId%3Aa", "User [\"a\"]"),
            ("/Users/a/b", "404"),
            ("/users", "404"),
            ("/Bulk", "404"),
            ("/Me", "404"),
            ("/Schemas", "404"),
            ("", "404"),
            ("/", "404"),
            ("/Users/%ff", "404"),
            ("/Users?count=1", "400"),
            ("https://example.com/Users/1", "404"),
        ] {
            assert_eq!(told(path), expected, "{path}");
        }
    }

    #[test]
    fn rfc_7644_3_7_a_version_is_an_entity_tag() {
        let tags = |numbers: &[u64]| {
            let tags = numbers
                .iter()
                .map(|number| keyfob_core::Version::new(*number).into());
            Precondition::if_match(tags.collect())
        };
        for (version, expected) in [
            ("W/\"3\"", Some(tags(&[3]))),
            ("\"3\"", Some(tags(&[3]))),
            ("W/\"theirs\"", Some(tags(&[]))),
            ("3", None),
            ("", None),
            ("W/3", None),
            ("W/\"3\", W/\"4\"", Some(tags(&[3, 4]))),
        ] {
            assert_eq!(precondition(version).ok(), expected, "{version}");
        }
    }
}
