//! Bulk operations (RFC 7644 section 3.7).

mod order;
mod reference;
mod step;

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use keyfob_core::{
    EntityTag, ErrorBody, Projection, Resource, ResourceId, ResourceType, ScimType, ToErrorBody,
    json::JsonError,
    message::{BulkJob, BulkMethod, BulkResponse, BulkResult, MessageError, PatchRequest},
};
use keyfob_store::{Change, Commit, Ids, NewEvent, OnRefusal, Selection, Store, When};
use smol_str::{SmolStr, format_smolstr};

use self::{
    order::order,
    step::{Class, Key, Plan, Step},
};
use super::{
    BulkOutcomes, Engine, EngineError, Precondition,
    batch::{Batch, Operation, Operations},
    transact::explained,
    view::select_shown,
};
use crate::{authentication::Renewal, context::Context, event, feature::Feature};

/// The number of operations whose commits are handed over together at most.
const WAVE: usize = 256;

/// The number of times that a cycle is planned. A second time is needed where a POST brings back a resource that has an id
/// already.
const PLANS: usize = 3;

/// The result of an operation that succeeded.
struct Done {
    id: ResourceId,
    location: SmolStr,
    tag: Option<EntityTag>,
    status: u16,
}

/// Returns what is answered where an operation failed. The cause of a failure is for the log; what a client did wrong is for the
/// client alone.
fn answered(cx: &Context, failure: &EngineError) -> ErrorBody {
    let body = failure.to_error_body();
    if matches!(body.status, 500 | 502..=599) {
        let request_id = cx.request().as_str();
        tracing::error!(status = body.status, request_id, cause = ?failure, "an operation failed");
    }
    body
}

/// An operation with everything that it needs.
struct Request<'r> {
    method: BulkMethod,
    resource_type: &'r ResourceType,
    /// The resource; none for a POST.
    id: Option<ResourceId>,
    precondition: Precondition,
    body: Cow<'r, [u8]>,
}

/// The outcomes of the operations so far.
struct Progress {
    /// The name of the request.
    transaction: SmolStr,
    results: Vec<Option<BulkResult>>,
    /// The resources that POSTs created, with their addresses.
    created: Vec<Option<(ResourceId, SmolStr)>>,
    errors: u64,
    fail_on_errors: Option<u64>,
}

/// The operations of a circle up to their commits.
#[derive(Default)]
struct Circle {
    ids: Vec<ResourceId>,
    commits: Vec<Arc<Commit>>,
}

/// Operations that don't depend on one another: they decide on what each of them reads, and not on what another one does.
///
/// They are of one kind and one resource type, of different resources, and give unique attributes different values. So
/// whatever one of them does to what another one has read, the store finds out when it commits the other.
#[derive(Default)]
struct Wave {
    numbers: Vec<usize>,
    kind: Option<(Class, SmolStr)>,
    ids: HashSet<ResourceId>,
    keys: HashSet<Key>,
}

impl<S: Store> Engine<S> {
    /// The number of operations that may refer to one another in a circle.
    pub const MAX_BULK_CYCLE: usize = 200;

    /// Does the operations of a bulk request (RFC 7644 section 3.7).
    ///
    /// The result is that of the same requests one by one, in their order, except that an operation is done before another
    /// one that refers to it by its `bulkId`. POSTs that refer to one another in a circle are one commit: the resources
    /// are created without their relations, and then get them; where that fails, and where there are more than
    /// [`MAX_BULK_CYCLE`](Self::MAX_BULK_CYCLE) of them, nothing of the circle is done and each is answered 409.
    ///
    /// A `bulkId` is replaced in paths and in the values of attributes that refer to resources, those in the paths and
    /// values of a PATCH among them; any other text stays as it is (section 3.7.2). An operation is an error of its own,
    /// and nothing else, where it can't be read, or refers to a POST that there isn't (400) or that failed (409). The
    /// `version` of a PUT, PATCH or DELETE is its precondition, as `If-Match` is.
    ///
    /// The results come in the order of the operations. With `failOnErrors` they are those of the operations that were done
    /// until so many of them had failed. A PATCH is answered as one that names nothing but `id`
    /// in `attributes`.
    ///
    /// # Complexity
    /// The commits of operations that don't depend on one another wait for the disk together: runs of one kind over one
    /// resource type.
    pub async fn bulk(&self, cx: &Context, job: &BulkJob<'_>) -> BulkResponse {
        self.bulk_renewed(cx, cx, job).await
    }

    /// As [`bulk`](Self::bulk), and asks before each run of operations who sends the request: of a credential that ended
    /// meanwhile nothing more is taken, as of the same requests one by one. The answers are then those of `renewal`.
    pub async fn bulk_renewed(
        &self,
        cx: &Context,
        renewal: &impl Renewal,
        job: &BulkJob<'_>,
    ) -> BulkResponse {
        let outcomes = self
            .bulk_outcomes(cx, renewal, job, self.next_transaction())
            .await;
        BulkResponse::new(outcomes.into_results())
    }

    /// As [`bulk_renewed`](Self::bulk_renewed), under the name of a [transaction](Self::next_transaction), with which the events
    /// of each operation name it. The outcomes tell which operations were not done.
    pub async fn bulk_outcomes(
        &self,
        cx: &Context,
        renewal: &impl Renewal,
        job: &BulkJob<'_>,
        transaction: SmolStr,
    ) -> BulkOutcomes {
        let limits = self.limits_of(cx);
        let cx = &limits.begin(cx, limits.bulk_time);
        let plan = Plan::new(self.registry(), self.profile(), job);
        let mut progress = Progress::new(transaction, plan.steps.len(), job.fail_on_errors);
        let mut wave = Wave::default();
        let references: Vec<Vec<usize>> = plan.steps.iter().map(|step| step.references.clone()).collect();
        for group in order(&references) {
            let number = match &*group {
                [number]
                    if !references
                        .get(*number)
                        .is_some_and(|refers| refers.contains(number)) =>
                {
                    *number
                }
                circle => {
                    self.run_wave(cx, renewal, &plan, &mut wave, &mut progress).await;
                    if progress.is_over() {
                        break;
                    }
                    self.run_circle(cx, renewal, &plan, circle, &mut progress).await;
                    if progress.is_over() {
                        break;
                    }
                    continue;
                }
            };
            let Some(step) = plan.steps.get(number) else {
                continue;
            };
            if !wave.takes(step, &progress) {
                self.run_wave(cx, renewal, &plan, &mut wave, &mut progress).await;
                if progress.is_over() {
                    break;
                }
            }
            match progress.fault(&plan, step) {
                Some(fault) => {
                    // Errors are counted in the order of the operations.
                    if progress.fail_on_errors.is_some() {
                        self.run_wave(cx, renewal, &plan, &mut wave, &mut progress).await;
                    }
                    if progress.is_over() {
                        break;
                    }
                    progress.record(cx, &plan, number, Err(fault));
                    if progress.is_over() {
                        break;
                    }
                }
                None => wave.push(number, step, &progress),
            }
        }
        if !progress.is_over() {
            self.run_wave(cx, renewal, &plan, &mut wave, &mut progress).await;
        }
        BulkOutcomes {
            results: progress.results,
        }
    }

    async fn run_wave(
        &self,
        cx: &Context,
        renewal: &impl Renewal,
        plan: &Plan<'_>,
        wave: &mut Wave,
        progress: &mut Progress,
    ) {
        let Wave { numbers, mut ids, .. } = std::mem::take(wave);
        if numbers.is_empty() {
            return;
        }
        let cx = &match renewal.renew().await {
            Ok(caller) => cx.renewed(caller),
            Err(fault) => {
                for number in numbers {
                    progress.record(cx, plan, number, Err(fault.clone()));
                }
                return;
            }
        };
        let requests = numbers.iter().filter_map(|number| {
            let step = plan.steps.get(*number)?;
            Some((*number, step.request(plan, &progress.created)?))
        });
        let requests: Vec<(usize, Request<'_>)> = requests.collect();
        let outcomes = match <[_; 1]>::try_from(requests) {
            Ok([(number, request)]) => {
                let cx = progress.operation(cx, number);
                vec![(number, Some(self.perform(&cx, request).await))]
            }
            Err(requests) => {
                let numbers: Vec<usize> = requests.iter().map(|(number, _)| *number).collect();
                let operations = |batch: &Arc<Batch>| {
                    let placed = requests.into_iter().enumerate();
                    let operations = placed.map(|(place, (number, request))| {
                        let cx = progress.operation(cx, number).in_batch(batch.place(place, None));
                        Box::pin(async move { self.perform(&cx, request).await }) as Operation<'_, _>
                    });
                    operations.collect()
                };
                let outcomes = self
                    .run_together(cx.tenant(), ids.drain().collect(), numbers.len(), operations)
                    .await;
                numbers.into_iter().zip(outcomes).collect()
            }
        };
        for (number, outcome) in outcomes {
            let outcome = outcome.unwrap_or_else(|| Err(EngineError::Contention.to_error_body()));
            progress.record(cx, plan, number, outcome);
        }
    }

    /// Does one operation.
    async fn perform(&self, cx: &Context, request: Request<'_>) -> Result<Done, ErrorBody> {
        let performed = self.try_perform(cx, request).await;
        performed.map_err(|failure| answered(cx, &failure))
    }

    async fn try_perform(&self, cx: &Context, request: Request<'_>) -> Result<Done, EngineError> {
        let Request {
            method,
            resource_type,
            id,
            precondition,
            body,
        } = request;
        let dialect = self.profile().dialect;
        // Nothing of the resource but its tag is told.
        let projection = Projection::parse(Some("id"), None, dialect).unwrap_or_default();
        let known = || id.clone().unwrap_or_else(|| ResourceId::new(""));
        let (written, status) = match method {
            BulkMethod::Post => {
                let resource = Resource::from_json(&body, resource_type).map_err(malformed)?;
                (self.create(cx, resource_type, resource, &projection).await?, 201)
            }
            BulkMethod::Put => {
                let id = known();
                let read = Resource::from_json(&body, resource_type).map_err(malformed);
                let resource = self.or_gone(cx, resource_type, &id, read).await?;
                let replaced = self.replace(cx, resource_type, &id, resource, &precondition, &projection);
                (replaced.await?, 200)
            }
            BulkMethod::Patch => {
                let id = known();
                let read = PatchRequest::from_json_with(&body, dialect).map_err(EngineError::from);
                let request = self.or_gone(cx, resource_type, &id, read).await?;
                let patched = self.patch(cx, resource_type, &id, request, &precondition, &projection);
                let patched = patched.await?;
                let status = if patched.resource.is_some() { 200 } else { 204 };
                (patched, status)
            }
            BulkMethod::Delete => {
                let id = known();
                self.delete(cx, resource_type, &id, &precondition).await?;
                return Ok(Done {
                    location: Self::location(cx, resource_type, id.as_str()),
                    id,
                    tag: None,
                    status: 204,
                });
            }
        };
        Ok(Done {
            id: written.id,
            location: written.location,
            tag: self.offers(cx, Feature::Etag).then_some(written.tag),
            status,
        })
    }

    /// Returns what a body holds. A resource that is gone comes before what is wrong with the body.
    async fn or_gone<T: Send>(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        read: Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        if read.is_err() {
            self.check_exists(cx, resource_type, id).await?;
        }
        read
    }

    /// Does POSTs that refer to one another in a circle, as one commit.
    async fn run_circle(
        &self,
        cx: &Context,
        renewal: &impl Renewal,
        plan: &Plan<'_>,
        circle: &[usize],
        progress: &mut Progress,
    ) {
        let outcomes = match renewal.renew().await {
            Ok(caller) => self.circle(&cx.renewed(caller), plan, circle, progress).await,
            Err(fault) => Circle::refused(circle.len(), &fault),
        };
        for (number, outcome) in circle.iter().zip(outcomes) {
            progress.record(cx, plan, *number, outcome);
        }
    }

    /// Does the operations of a circle, all or none.
    async fn circle(
        &self,
        cx: &Context,
        plan: &Plan<'_>,
        circle: &[usize],
        progress: &Progress,
    ) -> Vec<Result<Done, ErrorBody>> {
        let steps: Vec<&Step<'_>> = circle
            .iter()
            .filter_map(|number| plan.steps.get(*number))
            .collect();
        let first = steps.first().and_then(|step| step.bulk_id.clone());
        let first = first.unwrap_or_default();
        let conflict = |detail: SmolStr| Circle::refused(steps.len(), &ErrorBody::new(409, detail));
        if circle.len() > Self::MAX_BULK_CYCLE {
            return conflict(format_smolstr!(
                "{} operations refer to one another in a circle, `{first}` among them; at most {} may",
                circle.len(),
                Self::MAX_BULK_CYCLE
            ));
        }
        if self.store().capabilities().ids == Ids::Assigned {
            return conflict(format_smolstr!(
                "operation `{first}` refers to itself through others, and its id is given to it when it is done"
            ));
        }
        let faults = steps
            .iter()
            .map(|step| progress.fault_outside(plan, step, circle));
        if let Err(refused) = Circle::check(faults.collect()) {
            return refused;
        }
        let mut ids: Vec<ResourceId> = steps.iter().map(|_| self.next_id()).collect();
        for _ in 0..PLANS {
            let planned = match self.plan_circle(cx, plan, circle, &ids, progress).await {
                Ok(planned) => planned,
                Err(refused) => return refused,
            };
            if planned.ids != ids {
                ids = planned.ids;
                continue;
            }
            let commit = Arc::new(self.commit_of_circle(cx, &planned.commits));
            if let Err(error) = self.commit(cx, Arc::clone(&commit)).await {
                return match explained(&commit, error) {
                    // The store failed, which says nothing of the operations.
                    error @ EngineError::Store(_) => Circle::refused(steps.len(), &answered(cx, &error)),
                    error => {
                        let detail = format_smolstr!(
                            "the operations that refer to one another in a circle, `{first}` among them, can't be done together: {error}"
                        );
                        let refusal = ErrorBody::new(409, detail);
                        let refusal = match error {
                            EngineError::Uniqueness { .. } => refusal.with_scim_type(ScimType::Uniqueness),
                            _ => refusal,
                        };
                        Circle::refused(steps.len(), &refusal)
                    }
                };
            }
            let mut done = Vec::with_capacity(steps.len());
            for (step, id) in steps.iter().zip(ids) {
                let Some((resource_type, _)) = &step.target else {
                    continue;
                };
                done.push(Ok(Done {
                    location: Self::location(cx, resource_type, id.as_str()),
                    tag: self.tag(cx, resource_type, &id).await,
                    id,
                    status: 201,
                }));
            }
            return done;
        }
        conflict("other requests change the same resources at the same time".into())
    }

    /// Lets the operations of a circle decide as if their resources had these ids, up to their commits.
    async fn plan_circle(
        &self,
        cx: &Context,
        plan: &Plan<'_>,
        circle: &[usize],
        ids: &[ResourceId],
        progress: &Progress,
    ) -> Result<Circle, Vec<Result<Done, ErrorBody>>> {
        let mut created = progress.created.clone();
        for (number, id) in circle.iter().zip(ids) {
            let target = plan.steps.get(*number).and_then(|step| step.target.as_ref());
            if let (Some(place), Some((resource_type, _))) = (created.get_mut(*number), target) {
                *place = Some((id.clone(), Self::location(cx, resource_type, id.as_str())));
            }
        }
        let batch = Batch::new(circle.len());
        let mut operations: Vec<Operation<'_, _>> = Vec::with_capacity(circle.len());
        for (place, (number, id)) in circle.iter().zip(ids).enumerate() {
            let request = plan
                .steps
                .get(*number)
                .and_then(|step| step.request(plan, &created));
            let Some(request) = request else { continue };
            let cx = progress
                .operation(cx, *number)
                .in_batch(batch.place(place, Some(id.clone())));
            operations.push(Box::pin(async move { self.perform(&cx, request).await }));
        }
        let mut operations = Operations::new(operations);
        batch.settle(&mut operations).await;
        let mut waiting: BTreeMap<usize, Arc<Commit>> = batch.take_waiting().into_iter().collect();
        let mut planned = Circle::default();
        let mut faults = Vec::with_capacity(ids.len());
        for (place, (output, id)) in operations.into_outputs().into_iter().zip(ids).enumerate() {
            let (actual, fault) = match (output, waiting.remove(&place)) {
                (Some(Ok(done)), _) => (done.id, None),
                (Some(Err(fault)), _) => (id.clone(), Some(fault)),
                (None, commit) => {
                    // A POST may bring back a resource, which has an id already.
                    let first = commit.as_ref().and_then(|commit| commit.changes.first());
                    let subject = first.and_then(Change::subject);
                    let actual = subject.map_or_else(|| id.clone(), |(_, id)| id.clone());
                    planned.commits.extend(commit);
                    (actual, None)
                }
            };
            planned.ids.push(actual);
            faults.push(fault);
        }
        Circle::check(faults)?;
        Ok(planned)
    }

    /// Reads the tag of a resource; none where it is gone by now, or can't be read.
    async fn tag(&self, cx: &Context, resource_type: &ResourceType, id: &ResourceId) -> Option<EntityTag> {
        if !self.offers(cx, Feature::Etag) {
            return None;
        }
        let mut shown = keyfob_core::AttrSet::default();
        select_shown(&mut shown, resource_type);
        let loaded = self.load(cx, resource_type, id, &Selection::of(shown)).await;
        Some(loaded.ok()??.tag(resource_type))
    }

    /// Puts the commits of a circle together: all resources are created without their relations, and then get them.
    fn commit_of_circle(&self, cx: &Context, commits: &[Arc<Commit>]) -> Commit {
        let (mut changes, mut related) = (Vec::new(), Vec::new());
        for commit in commits {
            let offset = changes.len();
            let mut published = commit.changes.iter().filter_map(|change| match change {
                Change::Publish { event, .. } => event.data.get(event::TRANSACTION).cloned(),
                _ => None,
            });
            let transaction = published.next();
            for change in &commit.changes {
                let mut change = change.clone();
                match &mut change {
                    Change::Publish {
                        event,
                        when: When::Changed(number),
                    } => {
                        if let Some(Change::Create { relations, .. }) = commit.changes.get(*number) {
                            let is_later = |name: &SmolStr| {
                                let mut later = relations.iter();
                                later.any(|delta| delta.attribute.is(name))
                            };
                            Arc::make_mut(event).attributes.retain(|name| !is_later(name));
                        }
                        *number += offset;
                    }
                    Change::Publish {
                        when: When::Skipped(number),
                        ..
                    } => *number += offset,
                    Change::Create {
                        resource_type,
                        id,
                        relations,
                        members,
                        ..
                    } if !relations.is_empty() => {
                        let relations = std::mem::take(relations);
                        let transaction = transaction.clone();
                        related.push((
                            resource_type.clone(),
                            id.clone(),
                            relations,
                            *members,
                            transaction,
                        ));
                    }
                    _ => {}
                }
                changes.push(change);
            }
        }
        for (resource_type, id, relations, members, transaction) in related {
            let mut event = NewEvent::new(event::CHANGED, resource_type.name().clone(), id.clone());
            event.attributes = relations
                .iter()
                .map(|delta| delta.attribute.as_str().into())
                .collect();
            if let Some(transaction) = transaction {
                event.data.insert(event::TRANSACTION, transaction);
            }
            let number = changes.len();
            changes.push(Change::Update {
                resource_type,
                id,
                document: None,
                state: None,
                visibility: None,
                relations,
                members,
                unique: None,
                precondition: None,
                on_refusal: OnRefusal::Fail,
            });
            changes.push(Change::publish(event, number));
        }
        self.commit_of(cx, "create", changes, None)
    }
}

fn malformed(error: JsonError) -> EngineError {
    MessageError::from(error).into()
}

impl Circle {
    /// Returns the same refusal for each operation of a circle.
    fn refused(operations: usize, fault: &ErrorBody) -> Vec<Result<Done, ErrorBody>> {
        let faults = std::iter::repeat_n(fault, operations);
        faults.map(|fault| Err(fault.clone())).collect()
    }

    /// Refuses all operations of a circle where one has a fault.
    fn check(faults: Vec<Option<ErrorBody>>) -> Result<(), Vec<Result<Done, ErrorBody>>> {
        if faults.iter().all(Option::is_none) {
            return Ok(());
        }
        let others = ErrorBody::new(
            409,
            "an operation failed to which this one refers, and which refers to it",
        );
        let faults = faults.into_iter();
        Err(faults
            .map(|fault| Err(fault.unwrap_or_else(|| others.clone())))
            .collect())
    }
}

impl Progress {
    fn new(transaction: SmolStr, operations: usize, fail_on_errors: Option<u64>) -> Self {
        Self {
            transaction,
            results: vec![None; operations],
            created: vec![None; operations],
            errors: 0,
            // To accept no error is to stop at the first.
            fail_on_errors: fail_on_errors.map(|errors| errors.max(1)),
        }
    }

    /// Returns the call of an operation, which its events name by the request and its number (RFC 9967 section 2.5.1.2).
    fn operation(&self, cx: &Context, number: usize) -> Context {
        let transaction = format_smolstr!("{}:{number}", self.transaction);
        cx.clone().in_transaction(transaction)
    }

    fn is_over(&self) -> bool {
        self.fail_on_errors.is_some_and(|limit| self.errors >= limit)
    }

    /// Returns the number of operations that can be done before the request may be over.
    fn room(&self) -> usize {
        let left = self.fail_on_errors.map(|limit| limit.saturating_sub(self.errors));
        left.map_or(WAVE, |left| usize::try_from(left).unwrap_or(WAVE).min(WAVE))
    }

    /// Returns why an operation can't be done. What it refers to has been done, or has failed.
    fn fault(&self, plan: &Plan<'_>, step: &Step<'_>) -> Option<ErrorBody> {
        self.fault_outside(plan, step, &[])
    }

    /// As [`fault`](Self::fault), without a look at those operations of a circle.
    fn fault_outside(&self, plan: &Plan<'_>, step: &Step<'_>, circle: &[usize]) -> Option<ErrorBody> {
        if let Some(fault) = &step.fault {
            return Some(fault.clone());
        }
        let mut references = step.references.iter().filter(|number| !circle.contains(number));
        let failed = references.find(|number| !matches!(self.created.get(**number), Some(Some(_))))?;
        let failed = plan.steps.get(*failed).and_then(|step| step.bulk_id.as_ref());
        let failed = failed.map_or("", SmolStr::as_str);
        let detail = format_smolstr!("the operation refers to `bulkId:{failed}`, whose operation failed");
        Some(ErrorBody::new(409, detail))
    }

    fn record(&mut self, cx: &Context, plan: &Plan<'_>, number: usize, outcome: Result<Done, ErrorBody>) {
        let Some(step) = plan.steps.get(number) else {
            return;
        };
        let mut result = BulkResult::new(0);
        result.method = step.method;
        result.bulk_id.clone_from(&step.bulk_id);
        match outcome {
            Ok(done) => {
                result.status = done.status;
                result.version = done.tag.map(|tag| format_smolstr!("{tag}"));
                result.location = Some(done.location.clone());
                if let Some(place) = self.created.get_mut(number) {
                    *place = (step.method == Some(BulkMethod::Post)).then_some((done.id, done.location));
                }
            }
            Err(fault) => {
                self.errors += 1;
                result.status = fault.status;
                result.response = Some(fault.to_object());
                result.location = step.location(cx.base_url(), &self.created);
            }
        }
        if let Some(place) = self.results.get_mut(number) {
            *place = Some(result);
        }
    }
}

impl Wave {
    /// Returns true if an operation doesn't depend on those in the wave.
    fn takes(&self, step: &Step<'_>, progress: &Progress) -> bool {
        let is_free = |number: &usize| !self.numbers.contains(number);
        self.numbers.is_empty()
            || (self.numbers.len() < progress.room()
                && step.kind().is_some_and(|kind| self.kind.as_ref() == Some(&kind))
                && step.references.iter().all(is_free)
                && step
                    .known_id(&progress.created)
                    .is_none_or(|id| !self.ids.contains(id))
                && step.keys.is_disjoint(&self.keys))
    }

    fn push(&mut self, number: usize, step: &Step<'_>, progress: &Progress) {
        self.numbers.push(number);
        self.kind = step.kind();
        self.ids.extend(step.known_id(&progress.created).cloned());
        self.keys.extend(step.keys.iter().cloned());
    }
}
