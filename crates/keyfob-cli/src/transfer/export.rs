//! `keyfob export`.

use std::path::PathBuf;

use keyfob_core::{AttrSet, ResourceType, schema::RelationKind};
use keyfob_engine::{Paging, Query, Selection, Store as _, StoreExt as _, Stored, Visibility};
use keyfob_store::Total;

use super::{Opened, Place, file::Destination};
use crate::{Answer, Unusable, output};

/// The number of resources that are read at once.
const PAGE: usize = 200;

/// The number of members with which a resource is read along with others. One with more is read alone.
const MEMBERS: usize = 1_000;

/// The arguments of `keyfob export`.
///
/// Deleted users, who can be brought back, are not exported; `keyfob backup` copies everything.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file to write, which must not exist; its owner alone may read it. `-` is standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Writes the resources of an organization, and tells people how many there are.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let opened = arguments.place.open().await?;
        let mut destination = Destination::create(&arguments.file)?;
        let mut counts = Vec::new();
        let mut deleted = 0;
        for resource_type in opened.resource_types() {
            let count = opened.export_type(resource_type, &mut destination).await?;
            counts.push(format!("{}: {count}", resource_type.name()));
            deleted += opened.deleted(resource_type).await?;
        }
        destination.finish()?;
        let mut told = format!("exported {}", counts.join(", "));
        if deleted > 0 {
            let left_out = format!("; {deleted} deleted, which can be brought back, are not exported");
            told.push_str(&left_out);
        }
        output::report(&told);
        Ok(Answer::Done)
    })
}

impl Opened {
    /// Writes the resources of a type in the order of their creation, and returns their number.
    async fn export_type(
        &self,
        resource_type: &ResourceType,
        destination: &mut Destination,
    ) -> Result<u64, Unusable> {
        let (store, cx) = (self.provisioner.store(), self.cx.reading());
        let mut owned = AttrSet::default();
        for relation in resource_type.relations() {
            if relation.kind == RelationKind::Owned {
                owned.insert(relation.attribute.id);
            }
        }
        let whole = Selection::of(owned.clone());
        let query = Query::all().with_selection(whole.clone().with_relation_limit(MEMBERS));
        let (mut after, mut count) = (None, 0);
        loop {
            let paging = Paging::Cursor { after, count: PAGE };
            let query = query.clone().with_paging(paging);
            let page = store.query(&cx, resource_type, &query).await?;
            for stored in page.resources {
                let Some(stored) = (match (is_whole(&stored, resource_type, &owned), stored.resource.id()) {
                    (false, Some(id)) => store.get_one(&cx, resource_type, &id, &whole).await?,
                    _ => Some(stored),
                }) else {
                    // It was removed since its page was read.
                    continue;
                };
                if stored.is_hidden() {
                    continue;
                }
                destination.line(&stored.resource.to_json())?;
                count += 1;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }

    /// Counts the resources of a type that are deleted and can be brought back.
    async fn deleted(&self, resource_type: &ResourceType) -> Result<usize, Unusable> {
        let query = Query::first(0)
            .with_visibility(Visibility::Hidden)
            .with_total(Total::Exact);
        let store = self.provisioner.store();
        let page = store.query(&self.cx.reading(), resource_type, &query).await?;
        Ok(page.total.unwrap_or_default())
    }
}

/// Returns true if the members were read, and not left out for their number.
fn is_whole(stored: &Stored, resource_type: &ResourceType, owned: &AttrSet) -> bool {
    let relations = resource_type.relations().iter();
    let mut owned = relations.filter(|relation| owned.contains(relation.attribute.id));
    owned.all(|relation| {
        stored
            .resource
            .relation(relation.attribute.name.as_str())
            .is_some()
    })
}
