//! `keyfob import`.

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::RandomState},
    fs::File,
    hash::BuildHasher as _,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use keyfob_core::{
    MemberSet, Resource, ResourceId, ResourceType, SmolStr, ToErrorBody as _, Value, json::JsonError,
};
use keyfob_engine::{
    Context, DynStore, Engine, EngineError, ImportEffect, ImportTarget, Imported, Incoming, Limits,
    StoreError,
};

use super::{
    Opened, Place, has_members,
    lines::{Line, Lines, MAX_BYTES},
    note::Notes,
    pending::{Entry, Pending, PendingReader},
    target::{Found, Name, mentions, names},
};
use crate::{Answer, Unusable, output};

/// The number of lines, and about of their bytes, that are written at once.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 4 << 20;

/// The number of members in the lines that are written at once. The engine writes a line with more in slices.
const MEMBERS: usize = Engine::<DynStore>::MEMBERS_AT_ONCE;

/// The time for one batch: nobody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// The arguments of `keyfob import`.
///
/// A line is about the resource with its `id`. If there is none, it is about the user with its `userName`; a line without an
/// `id` is about the resource with its `externalId`, then about the user with its `userName` or the group with its
/// `displayName`. That resource is replaced. If there is none either, it is created, with the `id` of the line. Members are named by `id` and
/// may stand anywhere in the input. A second import of the same input changes nothing.
///
/// The resources are checked as those of the provider are, and belong to the provider that the organization is linked to. A
/// line that is refused is reported with its number; the exit code is then 1.
///
/// Servers that run on the store go on meanwhile. A group with more than 5,000 members is written first without them and gets
/// them 5,000 at a time. If that fails on the way, the group keeps those that it has, and another import adds the others.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file to read, as `keyfob export` writes it or as any SCIM server shows its resources. `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Writes nothing after the first line that is refused. Lines are then written one by one, which takes longer
    #[arg(long)]
    stop_on_error: bool,
    #[command(flatten)]
    place: Place,
}

/// Writes the resources of a file to an organization.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let input = open(&arguments.file)?;
    runtime.block_on(async {
        let opened = arguments.place.open().await?;
        let mut import = Import::new(&opened, arguments.stop_on_error);
        let outcome = import.run(input, &arguments.file).await;
        if outcome.is_ok() || import.lines > 0 {
            import.report()?;
        }
        outcome?;
        Ok(if import.refused == 0 {
            Answer::Done
        } else {
            Answer::Negative
        })
    })
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Unusable> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let failed = |error: io::Error| unreadable(path, &error);
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}

fn unreadable(path: &Path, error: &io::Error) -> Unusable {
    Unusable::new(format!("cannot read `{}`: {error}", path.display()))
}

/// The digest of an id: as many ids as a large organization has take little memory. It is keyed, so that nobody makes two ids of
/// one digest.
type Digest = (u64, u64);

/// An import that is under way.
struct Import<'o> {
    opened: &'o Opened,
    cx: Context,
    stops_on_error: bool,
    hashers: [RandomState; 2],
    /// The type of the line before, which the next one probably has too.
    likely: Option<&'o ResourceType>,
    /// The lines of one type that are written next.
    batch: Batch<'o>,
    /// The lines by which resources were written, by the digests of their ids.
    written: HashMap<Digest, u64>,
    /// The ids of lines whose resources have another one.
    renamed: HashMap<ResourceId, ResourceId>,
    stage: Stage,
    /// The digests of the ids of lines with members that are still to be written.
    waiting: HashSet<Digest>,
    /// Lines that wait for members once more.
    deferred: Vec<Entry>,
    /// The effects on resources that were written and are written again with more members.
    earlier: HashMap<Digest, ImportEffect>,
    lines: u64,
    finished: u64,
    refused: u64,
    effects: BTreeMap<SmolStr, [u64; 3]>,
    notes: Notes,
}

/// The stage of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Resources without members are written, and the others put aside.
    First,
    /// Resources with members are written, but for those of which a member is still to be written.
    Members,
    /// Resources that are to be members of one another are created without their members.
    Bare,
    /// They get their members.
    Last,
}

/// Lines of one type that are written at once, each about another resource as far as the lines themselves say it.
#[derive(Default)]
struct Batch<'o> {
    items: Vec<Item<'o>>,
    bytes: usize,
    members: usize,
    ids: HashSet<ResourceId>,
    names: HashSet<Name>,
}

/// A line that is to be written.
struct Item<'o> {
    line: u64,
    resource_type: &'o ResourceType,
    id: Option<ResourceId>,
    /// The names that say which resource it is.
    names: Vec<Name>,
    /// All its names.
    mentions: Vec<Name>,
    body: Resource,
    /// The number of members.
    members: usize,
    /// The line among those that were put aside.
    entry: Option<Entry>,
}

/// A line and the resource to which it is written.
struct Write<'o> {
    item: Item<'o>,
    target: ImportTarget,
    /// True if the resource is deleted, so that clients may not see it.
    is_deleted: bool,
}

impl<'o> Import<'o> {
    fn new(opened: &'o Opened, stops_on_error: bool) -> Self {
        let engine = &opened.provisioner;
        let limits = Limits {
            time: PATIENCE,
            ..*engine.limits()
        };
        let request = engine.next_request_id();
        Self {
            opened,
            cx: opened.cx.clone().with_limits(limits).with_request(request),
            stops_on_error,
            hashers: [RandomState::new(), RandomState::new()],
            likely: None,
            batch: Batch::default(),
            written: HashMap::new(),
            renamed: HashMap::new(),
            stage: Stage::First,
            waiting: HashSet::new(),
            deferred: Vec::new(),
            earlier: HashMap::new(),
            lines: 0,
            finished: 0,
            refused: 0,
            effects: BTreeMap::new(),
            notes: Notes::default(),
        }
    }

    async fn run(&mut self, input: Box<dyn BufRead>, path: &Path) -> Result<(), Unusable> {
        let mut lines = Lines::new(input, MAX_BYTES);
        let (mut pending, mut entries) = (Pending::new()?, Vec::new());
        while let Some(line) = lines.next().map_err(|error| unreadable(path, &error))? {
            self.lines += 1;
            let (number, text) = (line.number, line.text.unwrap_or_default());
            match self.parse(&line) {
                Err(reason) => self.refuse(number, None, &reason),
                Ok(item) if has_members(item.resource_type) => {
                    let digest = item.id.as_ref().map(|id| self.digest(id));
                    self.waiting.extend(digest);
                    entries.push(pending.push(number, text)?);
                }
                Ok(item) => self.add(item, text.len()).await?,
            }
            if self.stops() {
                return Ok(());
            }
        }
        self.flush().await?;
        let mut reader = pending.into_reader()?;
        self.stage = Stage::Members;
        while !entries.is_empty() && !self.stops() {
            let before = (self.finished, self.waiting.len());
            self.pass(&mut reader, &entries).await?;
            entries = std::mem::take(&mut self.deferred);
            if (self.finished, self.waiting.len()) == before {
                for stage in [Stage::Bare, Stage::Last] {
                    self.stage = stage;
                    self.pass(&mut reader, &entries).await?;
                }
                break;
            }
        }
        Ok(())
    }

    /// Writes lines that were put aside.
    async fn pass(&mut self, reader: &mut PendingReader, entries: &[Entry]) -> Result<(), Unusable> {
        for entry in entries {
            let text = reader.read(*entry)?;
            let line = Line {
                number: entry.line,
                text: Some(&text),
                is_open: false,
            };
            match self.parse(&line) {
                Err(reason) => self.refuse(entry.line, None, &reason),
                Ok(item) => {
                    let entry = Some(*entry);
                    self.add(Item { entry, ..item }, text.len()).await?;
                }
            }
            if self.stops() {
                return Ok(());
            }
        }
        self.flush().await
    }

    fn stops(&self) -> bool {
        self.stops_on_error && self.refused > 0
    }

    /// Reads a line.
    fn parse(&mut self, line: &Line<'_>) -> Result<Item<'o>, String> {
        let Some(text) = line.text else {
            return Err(format!("a line has at most {MAX_BYTES} bytes"));
        };
        let malformed = |error: JsonError| {
            let told = format!("{} at column {}", error.message, error.column);
            if line.is_open {
                return format!("{told}; the input ends within the line, as if it was cut off");
            }
            told
        };
        // The decoder would repeat what stands there.
        if text.trim_ascii_start().first() != Some(&b'{') {
            return Err("a line holds a SCIM resource, which is a JSON object".to_owned());
        }
        let opened: &'o Opened = self.opened;
        let registry = opened.provisioner.registry();
        let likely = self.likely.or_else(|| registry.resource_types().first());
        let likely = likely.ok_or("there are no resource types")?;
        let mut body = Resource::from_json(text, likely).map_err(malformed)?;
        let named = registry.resource_type_of(body.schemas());
        let Some(resource_type) = named.filter(|resource_type| resource_type.is_exposed()) else {
            let types = self.opened.resource_types();
            let uris: Vec<&str> = types.iter().map(|known| known.schema().id.as_str()).collect();
            return Err(format!("`schemas` names none of {}", uris.join(", ")));
        };
        if resource_type.name() != likely.name() {
            body = Resource::from_json(text, resource_type).map_err(malformed)?;
        }
        self.likely = Some(resource_type);
        let id = match body.core_mut().remove("id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(ResourceId::new(id)),
            Some(_) => return Err("`id` takes a text".to_owned()),
        };
        body.core_mut().remove("meta");
        let mentions = mentions(resource_type, &body);
        Ok(Item {
            line: line.number,
            resource_type,
            names: names(&mentions, id.as_ref()),
            mentions,
            id,
            members: body.relations().iter().map(|(_, members)| members.len()).sum(),
            body,
            entry: None,
        })
    }

    /// Adds a line to those that are written next. They are written before it where it may be about one of their resources.
    async fn add(&mut self, item: Item<'o>, bytes: usize) -> Result<(), Unusable> {
        let limit = if self.stops_on_error { 1 } else { BATCH };
        let batch = &self.batch;
        let is_full = batch.items.len() >= limit
            || batch.bytes + bytes > BATCH_BYTES
            || batch.members + item.members > MEMBERS;
        let mut types = batch.items.iter().map(|before| before.resource_type.name());
        let is_alike = types.next().is_none_or(|name| name == item.resource_type.name());
        let is_known = item.id.as_ref().is_some_and(|id| batch.ids.contains(id))
            || item.names.iter().any(|name| batch.names.contains(name));
        if !batch.items.is_empty() && (is_full || !is_alike || is_known) {
            self.flush().await?;
            if self.stops() {
                return Ok(());
            }
        }
        let batch = &mut self.batch;
        batch.bytes += bytes;
        batch.members += item.members;
        batch.ids.extend(item.id.clone());
        batch.names.extend(item.mentions.iter().cloned());
        batch.items.push(item);
        if self.stops_on_error {
            self.flush().await?;
        }
        Ok(())
    }

    /// Writes the lines of the batch.
    async fn flush(&mut self) -> Result<(), Unusable> {
        let mut items = std::mem::take(&mut self.batch).items;
        while let Some(first) = items.first() {
            let lines: Vec<_> = items
                .iter()
                .map(|item| (item.id.as_ref(), item.names.as_slice(), &item.body))
                .collect();
            let found = self.opened.find(first.resource_type, &lines).await?;
            let (mut writes, mut rest) = (Vec::with_capacity(items.len()), Vec::new());
            let mut targets = HashSet::new();
            for (item, found) in items.into_iter().zip(found) {
                // Two lines of which only the store says that they are about one resource are written one after the other.
                let target = match &found {
                    Found::Deleted(id)
                    | Found::Target(ImportTarget::Existing(id) | ImportTarget::NewAs(id)) => Some(id),
                    Found::Several(_) | Found::Target(ImportTarget::New) => None,
                };
                if !rest.is_empty() || target.is_some_and(|id| !targets.insert(id.clone())) {
                    rest.push(item);
                    continue;
                }
                writes.extend(self.write_of(item, found));
            }
            self.write(writes).await?;
            items = rest;
        }
        Ok(())
    }

    /// Returns the write of a line, or refuses the line.
    fn write_of(&mut self, item: Item<'o>, found: Found) -> Option<Write<'o>> {
        let kind = item.resource_type.name().clone();
        let (target, is_deleted) = match found {
            Found::Target(target) => (target, false),
            Found::Deleted(id) => (ImportTarget::Existing(id), true),
            Found::Several(attribute) => {
                let reason =
                    format!("there are several {kind} resources with this `{attribute}`; give its `id`");
                self.refuse(item.line, item.id.as_ref(), &reason);
                return None;
            }
        };
        // What is written in slices waits until all of it can be written.
        if self.stage == Stage::Members && item.members > MEMBERS && self.waits_for_members(&item.body) {
            self.deferred.extend(item.entry);
            return None;
        }
        // What is there keeps its members until it gets others.
        if self.stage == Stage::Bare && matches!(target, ImportTarget::Existing(_)) {
            return None;
        }
        if let ImportTarget::Existing(id) | ImportTarget::NewAs(id) = &target
            && let Some(line) = self.written.get(&self.digest(id)).copied()
            && line != item.line
        {
            let reason = format!("it is about the same {kind} as line {line}");
            self.refuse(item.line, item.id.as_ref(), &reason);
            return None;
        }
        Some(Write {
            item,
            target,
            is_deleted,
        })
    }

    /// Returns true if a member of a body is still to be written.
    fn waits_for_members(&self, body: &Resource) -> bool {
        let mut relations = body.relations().iter();
        relations.any(|(_, members)| {
            let mut members = members.iter();
            members.any(|(id, _)| self.waiting.contains(&self.digest(id)))
        })
    }

    async fn write(&mut self, writes: Vec<Write<'o>>) -> Result<(), Unusable> {
        let opened: &'o Opened = self.opened;
        let provisioner = &opened.provisioner;
        let mut writes = writes;
        while !writes.is_empty() {
            let provisioning = provisioner.provisioning(&self.cx).await?;
            let cx = self.cx.clone().with_fact(Arc::new(provisioning));
            let incoming: Vec<Incoming<'o>> = writes
                .iter_mut()
                .map(|write| Incoming {
                    resource_type: write.item.resource_type,
                    body: self.body_of(write),
                    target: write.target.clone(),
                })
                .collect();
            let outcomes = provisioner.import(&cx, incoming).await;
            let mut again = Vec::new();
            for (write, outcome) in std::mem::take(&mut writes).into_iter().zip(outcomes) {
                match outcome {
                    Ok(imported) => self.written(write.item, &imported),
                    // To clients there is no such resource, so that it is a new one, as in a POST.
                    Err(EngineError::NotFound { .. }) if write.is_deleted => again.push(Write {
                        target: ImportTarget::New,
                        is_deleted: false,
                        ..write
                    }),
                    Err(error) => self.not_written(&write.item, error)?,
                }
            }
            writes = again;
        }
        Ok(())
    }

    /// Returns the body of a line with the ids that its members have here.
    fn body_of(&self, write: &mut Write<'o>) -> Resource {
        let mut body = if write.is_deleted {
            write.item.body.clone()
        } else {
            std::mem::take(&mut write.item.body)
        };
        if self.stage == Stage::Bare {
            body.relations_mut().clear();
        }
        for (_, members) in body.relations_mut() {
            if !members.iter().any(|(id, _)| self.renamed.contains_key(id)) {
                continue;
            }
            let renamed = std::mem::take(members).into_iter().map(|(id, member)| {
                let id = self.renamed.get(&id).cloned().unwrap_or(id);
                (id, member)
            });
            *members = renamed.collect::<MemberSet>();
        }
        body
    }

    /// Notes what a line came to.
    fn written(&mut self, item: Item<'o>, imported: &Imported) {
        let digest = self.digest(&imported.id);
        self.written.insert(digest, item.line);
        if let Some(id) = &item.id {
            self.waiting.remove(&self.digest(id));
        }
        let waits = |id: &ResourceId| self.waiting.contains(&self.digest(id));
        let is_partial =
            self.stage == Stage::Bare || self.stage == Stage::Members && imported.left_out.iter().any(waits);
        if let Some(id) = item.id
            && id != imported.id
        {
            self.renamed.insert(id, imported.id.clone());
        }
        // What is written a second time is known by what it came to first.
        let effect = match self.earlier.get(&digest) {
            Some(earlier @ (ImportEffect::Created | ImportEffect::Changed)) => *earlier,
            Some(ImportEffect::Unchanged) | None => imported.effect,
        };
        if is_partial {
            self.earlier.insert(digest, effect);
            if self.stage == Stage::Members {
                self.deferred.extend(item.entry);
            }
            return;
        }
        self.notes.add(item.line, imported);
        self.finished += 1;
        let counts = self.effects.entry(item.resource_type.name().clone()).or_default();
        let [created, changed, unchanged] = counts;
        *match effect {
            ImportEffect::Created => created,
            ImportEffect::Changed => changed,
            ImportEffect::Unchanged => unchanged,
        } += 1;
    }

    /// Puts a line aside that waits for members, or refuses it. A store that fails ends the import.
    fn not_written(&mut self, item: &Item<'o>, error: EngineError) -> Result<(), Unusable> {
        let cause = match &error {
            EngineError::Partly { error, .. } => error,
            error => error,
        };
        match cause {
            EngineError::UnknownMembers { members }
                if self.stage == Stage::Members
                    && members.iter().any(|id| self.waiting.contains(&self.digest(id))) =>
            {
                self.deferred.extend(item.entry);
                return Ok(());
            }
            EngineError::Store(StoreError::Exhausted(_) | StoreError::Refused(_)) => {}
            EngineError::Store(_) => return Err(error.into()),
            // The next stage says it.
            _ if self.stage == Stage::Bare => return Ok(()),
            _ => {}
        }
        let mut reason = error.to_error_body().detail.to_string();
        let is_there = |id: &ResourceId| self.earlier.contains_key(&self.digest(id));
        let is_partly = matches!(error, EngineError::Partly { .. });
        if !is_partly && item.id.as_ref().is_some_and(is_there) {
            reason.push_str("; it was created without its members");
        }
        self.refuse(item.line, item.id.as_ref(), &reason);
        Ok(())
    }

    fn refuse(&mut self, line: u64, id: Option<&ResourceId>, reason: &str) {
        if let Some(id) = id {
            self.waiting.remove(&self.digest(id));
        }
        output::report(&format!("line {line}: {reason}"));
        self.refused += 1;
        self.finished += 1;
    }

    fn digest(&self, id: &ResourceId) -> Digest {
        let [first, second] = &self.hashers;
        (first.hash_one(id), second.hash_one(id))
    }

    /// Tells what the import came to.
    fn report(&self) -> io::Result<()> {
        self.notes.report();
        output::line(&format!("lines: {}, refused: {}", self.lines, self.refused))?;
        for (name, [created, changed, unchanged]) in &self.effects {
            output::line(&format!(
                "{name}: {created} created, {changed} changed, {unchanged} unchanged"
            ))?;
        }
        Ok(())
    }
}
