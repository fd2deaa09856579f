//! `keyfob admin explain`: the cost of a query.

use keyfob_core::{
    Object, Value,
    json::object_to_vec,
    message::{SearchRequest, SortOrder},
};
use keyfob_engine::{Context, EngineError, QueryExplanation};
use keyfob_store::{Counted, Explanation, PageOrder, Reads};

use super::{command::Globals, local};
use crate::{Answer, Unusable, output, profile::NamedProfile, service::named_organization};

/// Prints how the store would answer a query: which indexes, what is read, how the page gets its order and its total
///
/// With `--store` alone, of what is stored now. Nothing is written, and no resource is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The filter; without one all resources match
    filter: Option<String>,
    /// The resources' type
    #[arg(long = "type", value_name = "TYPE", default_value = "User")]
    resource_type: String,
    /// The attribute by which the page is sorted
    #[arg(long, value_name = "ATTRIBUTE")]
    sort_by: Option<String>,
    /// Sorts from the largest value on
    #[arg(long, requires = "sort_by")]
    descending: bool,
    /// The number of resources on the page; by default that of the server
    #[arg(long, value_name = "N")]
    count: Option<u32>,
}

/// Explains the query and prints the explanation.
pub(super) async fn run(globals: &Globals, query: &Arguments) -> Result<Answer, Unusable> {
    if globals.server.is_some() {
        return Err(Unusable::new(
            "a server doesn't tell how its store answers; give `--store` in place of `--server`",
        ));
    }
    let provisioners = local::provisioners(globals, false).await?;
    let organization = named_organization(provisioners.any(), &globals.org).await?;
    let engine = provisioners.of(NamedProfile::of(&organization)?).engine();
    let registry = engine.registry();
    let found = registry.resource_type(&query.resource_type);
    let Some(resource_type) = found.filter(|resource_type| resource_type.is_exposed()) else {
        let exposed = registry.resource_types().iter();
        let exposed = exposed.filter(|resource_type| resource_type.is_exposed());
        let names: Vec<&str> = exposed
            .map(|resource_type| resource_type.name().as_str())
            .collect();
        return Err(Unusable::new(format!(
            "there is no type `{}`; there are {}",
            query.resource_type,
            names.join(", ")
        )));
    };
    let mut request = SearchRequest::default();
    request.filter = query.filter.as_deref().map(Into::into);
    request.sort_by = query.sort_by.as_deref().map(Into::into);
    request.count = query.count.map(i64::from);
    if query.descending {
        request.sort_order = SortOrder::Descending;
    }
    let cx = Context::new(organization.tenant.clone());
    let filter = query.filter.as_deref().unwrap_or_default();
    let explanation = match engine.explain(&cx, resource_type, &request).await {
        Err(EngineError::FilterSyntax(error)) => return Err(Unusable::rendered(error.display_with(filter))),
        Err(EngineError::Filter(error)) => return Err(Unusable::rendered(error.display_with(filter))),
        explained => explained?,
    };
    if globals.json {
        output::json(object_to_vec(&to_json(&explanation)))?;
    } else {
        output::lines(&to_text(&explanation))?;
    }
    Ok(Answer::Done)
}

fn to_text(explanation: &QueryExplanation) -> String {
    let Some(by_store) = &explanation.by_store else {
        return "the filter matches nothing, whatever is stored: the store isn't asked".to_owned();
    };
    match explanation.sort_limit {
        None => by_store.to_string(),
        Some(limit) => format!(
            "{by_store}\nsorted:     by the server, once all that match are read; more than {limit} are refused"
        ),
    }
}

fn to_json(explanation: &QueryExplanation) -> Object {
    let mut object = Object::new();
    let Some(by_store) = &explanation.by_store else {
        object.insert("asksStore", false);
        return object;
    };
    let Explanation {
        resource_type,
        is_index_current,
        searches,
        decided,
        candidates,
        reads,
        order,
        total,
    } = by_store;
    let texts = |texts: &[String]| {
        let texts = texts.iter().map(|text| Value::from(text.as_str()));
        Value::Array(texts.collect())
    };
    object.insert("asksStore", true);
    object.insert("resourceType", resource_type.as_str());
    object.insert("indexIsCurrent", *is_index_current);
    object.insert("searches", texts(searches));
    object.insert("decided", texts(decided));
    object.insert("candidates", i64::try_from(*candidates).unwrap_or(i64::MAX));
    let reads = match reads {
        Reads::Page => "page",
        Reads::Candidates => "candidates",
    };
    object.insert("reads", reads);
    let order = match order {
        _ if explanation.sort_limit.is_some() => "server",
        PageOrder::Index => "index",
        PageOrder::Sorted => "sorted",
        PageOrder::Database => "database",
    };
    object.insert("order", order);
    let total = match total {
        Counted::Not => "none",
        Counted::Kept => "kept",
        Counted::Index => "index",
        Counted::Read => "read",
    };
    object.insert("total", total);
    if let Some(limit) = explanation.sort_limit {
        object.insert("sortLimit", i64::try_from(limit).unwrap_or(i64::MAX));
    }
    object
}
