//! Scenarios: what a provider sends, as data.

mod node;
mod read;

use std::time::Duration;

use http::Method;
use keyfob_core::{Object, SmolStr, Value, json::object_from_slice_within};
use keyfob_mapping::ObjectMapping;

use self::node::Node;
pub(crate) use self::read::same_header;
use crate::simulate::{
    error::ScenarioError,
    report::Verdict,
    template::{Text, Tree},
};

/// What a provider sends, and what it makes of the answers: a file in JSON.
///
/// The scenarios that come with the crate are those of [`Scenario::built_in`]; others are read from texts of the same
/// form, which the README describes.
///
/// ```
/// use keyfob_interop::Scenario;
///
/// let okta = Scenario::built_in("okta").ok_or("there is no such scenario")?;
/// assert_eq!(okta.title(), "Okta");
/// let names: Vec<&str> = okta.variants().map(|(name, _)| name).collect();
/// assert_eq!(names, ["wizard", "catalogue"]);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(crate) provider: SmolStr,
    pub(crate) title: SmolStr,
    pub(crate) variants: Vec<(SmolStr, SmolStr)>,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) http: Http,
    /// The attributes of the provider's own users and groups.
    pub(crate) objects: Kinds<Vec<(SmolStr, Text)>>,
    /// The resources that the provider believes to be at the server.
    pub(crate) believes: Kinds<Tree>,
    pub(crate) failures: Vec<Failure>,
    /// How the provider's engine works, for the steps that are whole cycles.
    pub(crate) engine: Option<Engine>,
    pub(crate) phases: Vec<Phase>,
}

/// The engine of a provider, which decides what is sent in a cycle: that of keyfob-sync, with the wire form of the provider.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    /// The mapping of users.
    pub(crate) mapping: ObjectMapping,
    /// The object of a user in the source.
    pub(crate) source: Tree,
    /// The form of a PATCH, by variant.
    pub(crate) patch: Vec<(SmolStr, PatchForm)>,
}

/// How a provider writes the operations of a PATCH.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PatchForm {
    /// If true, `op` begins with a large letter.
    pub(crate) titles: bool,
    /// If true, booleans are the texts `True` and `False`.
    pub(crate) texts: bool,
    /// If true, values without a filter in their path come in one operation without a path.
    pub(crate) pathless: bool,
}

/// A cycle of the engine in place of the requests of a step.
#[derive(Clone, Debug)]
pub(crate) struct SyncCycle {
    pub(crate) given: Given,
    /// What every user has in the source, whatever it had.
    pub(crate) set: Vec<(SmolStr, Value)>,
    /// The number of deletions above which all are held back.
    pub(crate) threshold: Option<u64>,
    /// If true, an administrator has allowed what was held back.
    pub(crate) allow: bool,
    /// If true, an administrator has restarted the job.
    pub(crate) restart: bool,
    /// The token that is sent in place of the right one.
    pub(crate) token: Option<SmolStr>,
    /// The status with which the run itself refuses each change, in the server's place.
    pub(crate) refuse: Option<u16>,
    /// The number of failures, and their share in percent, that put the job into quarantine.
    pub(crate) quarantine: Option<(u64, u64)>,
    pub(crate) expect: Expected,
}

/// The users that the source has in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    All,
    /// All but the step's own.
    Others,
    Nobody,
}

/// What a cycle has to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing fails.
    Done,
    /// Nothing fails, and nothing has to be changed.
    Quiet,
    /// Deletions are held back.
    Held,
    /// The job goes into quarantine.
    Quarantine,
}

/// Something for users and something for groups.
#[derive(Clone, Debug)]
pub(crate) struct Kinds<T> {
    pub(crate) user: T,
    pub(crate) group: T,
}

/// A fact about a provider, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// Its id, such as `E10`.
    pub id: SmolStr,
    /// How it is known; several where independent sources agree.
    pub classes: Vec<Class>,
    /// What is known.
    pub fact: SmolStr,
    /// Where it is published.
    pub source: SmolStr,
}

impl Evidence {
    /// Returns true if neither the provider says so nor anybody saw it: a third party or an inference does.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        !self
            .classes
            .iter()
            .any(|class| matches!(class, Class::Documented | Class::Captured))
    }
}

/// How a fact about a provider is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the ways to know something of a provider")]
pub enum Class {
    /// The provider's own text says so: `D`.
    Documented,
    /// Traffic that somebody captured shows it: `C`.
    Captured,
    /// A test or a guide of somebody else says so: `T`.
    ThirdParty,
    /// It is concluded from something else: `I`.
    Inferred,
}

impl Class {
    const ALL: [Self; 4] = [Self::Documented, Self::Captured, Self::ThirdParty, Self::Inferred];

    /// Returns its letter.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Documented => "D",
            Self::Captured => "C",
            Self::ThirdParty => "T",
            Self::Inferred => "I",
        }
    }

    /// Returns it in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented by the provider",
            Self::Captured => "captured traffic",
            Self::ThirdParty => "a third party's test or guide",
            Self::Inferred => "inferred",
        }
    }
}

/// How requests of a provider look on the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Http {
    /// The headers of every request.
    pub(crate) headers: Vec<(SmolStr, Text)>,
    /// Those of requests with a body, in addition.
    pub(crate) body_headers: Vec<(SmolStr, Text)>,
    /// Headers that the provider is known not to send.
    pub(crate) absent: Vec<SmolStr>,
    /// The query that the address of a variant ends with.
    pub(crate) address: Vec<(SmolStr, SmolStr)>,
    /// How a blank in a query is written.
    pub(crate) space: SmolStr,
    /// Characters of queries that are not percent-encoded, beside letters, digits and `-._~`.
    pub(crate) plain: SmolStr,
}

/// Steps that belong together, such as a cycle.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    pub(crate) name: SmolStr,
    /// If true, the phase runs as often as there are cycles.
    pub(crate) repeats: bool,
    pub(crate) steps: Vec<Step>,
}

/// Something that a provider does.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) name: SmolStr,
    pub(crate) title: SmolStr,
    pub(crate) evidence: Vec<SmolStr>,
    /// The variants that do it; all of them if empty.
    pub(crate) variants: Vec<SmolStr>,
    /// The steps that it depends on.
    pub(crate) needs: Vec<SmolStr>,
    /// The time since the step before.
    pub(crate) after: Duration,
    pub(crate) each: Each,
    /// The state of the objects with which it is done.
    pub(crate) state: ObjectState,
    /// The object with which it is done, counted from 1; all of them if there is none. Of members it is their group.
    pub(crate) pick: Option<usize>,
    /// The user of the members with which it is done, counted from 1.
    pub(crate) user: Option<usize>,
    /// If true, the step is not reported where there is nothing with which it could be done.
    pub(crate) optional: bool,
    /// The number of requests that are under way at the same time.
    pub(crate) parallel: usize,
    /// What changes in the provider's own objects before the requests.
    pub(crate) change: Vec<(Kind, SmolStr, Tree)>,
    pub(crate) assign: Option<Assign>,
    pub(crate) send: Vec<Send>,
    /// A whole cycle in place of requests.
    pub(crate) cycle: Option<SyncCycle>,
    pub(crate) then: Then,
    pub(crate) failures: Vec<Failure>,
}

impl Step {
    /// Returns true if the variant does it.
    pub(crate) fn is_of(&self, variant: Option<&str>) -> bool {
        is_of(&self.variants, variant)
    }
}

fn is_of(variants: &[SmolStr], variant: Option<&str>) -> bool {
    variants.is_empty() || variant.is_some_and(|variant| variants.iter().any(|of| of == variant))
}

/// The two kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    User,
    Group,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }

    /// Returns the path of its endpoint (RFC 7644 section 3.2).
    pub(crate) fn endpoint(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }

    /// Returns the attribute by which people know one.
    pub(crate) fn name_attribute(self) -> &'static str {
        match self {
            Self::User => "userName",
            Self::Group => "displayName",
        }
    }
}

/// With what a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Each {
    /// Once, with nothing.
    Once,
    Users,
    Groups,
    /// Each user of each group.
    Members,
}

/// The state of an object at the server, as the provider believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectState {
    Absent,
    Present,
    Deleted,
    /// The provider does not manage it any more.
    Released,
}

/// How the assignment of users to groups changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assign {
    /// The first user that is in the group leaves it.
    Shrink,
    /// The first user that is not in the group joins it.
    Grow,
    /// The first user that is in the group leaves it, and the first that is not joins it.
    Swap,
    /// All users leave the group.
    Clear,
}

/// What the provider believes after a step that succeeded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Then {
    pub(crate) user: Option<ObjectState>,
    pub(crate) group: Option<ObjectState>,
    pub(crate) members: Option<Membership>,
}

/// What the provider believes of the members of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    /// Those that are assigned.
    Assigned,
    /// The user whose assignment has changed has joined or left.
    Moved,
    /// The step's member has joined.
    Joined,
    /// The step's member has left.
    Left,
    /// Nobody is left.
    Nobody,
    /// The other group has joined.
    OtherJoined,
    /// The other group has left.
    OtherLeft,
    /// The step's user is in no group any more.
    LeftAll,
}

/// A request of a step.
#[derive(Clone, Debug)]
pub(crate) struct Send {
    pub(crate) method: Method,
    pub(crate) path: Text,
    /// The query; an empty one makes the address end in a bare `?`.
    pub(crate) query: Option<Vec<(SmolStr, Text)>>,
    pub(crate) headers: Vec<(SmolStr, Text)>,
    pub(crate) body: Option<Tree>,
    pub(crate) variants: Vec<SmolStr>,
    /// Sent only if this name is known.
    pub(crate) given: Option<SmolStr>,
    /// Sent only if this name is not known.
    pub(crate) unless: Option<SmolStr>,
    /// The statuses that the provider expects.
    pub(crate) expect: Vec<u16>,
    /// The statuses that it puts up with.
    pub(crate) tolerates: Vec<u16>,
    pub(crate) answer: Shape,
    /// The smallest number of resources that a list may hold.
    pub(crate) least: usize,
    /// The largest number of resources that a list may hold.
    pub(crate) most: Option<usize>,
    /// What is taken from the answer, and has to be there.
    pub(crate) save: Vec<(SmolStr, SmolStr)>,
    /// What is taken from the answer where it is there.
    pub(crate) finds: Vec<(SmolStr, SmolStr)>,
}

impl Send {
    pub(crate) fn is_of(&self, variant: Option<&str>) -> bool {
        is_of(&self.variants, variant)
    }
}

/// What the body of a successful answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Whatever it is, it is not looked at.
    Any,
    Resource,
    List,
}

/// What a provider does when a request fails.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) on: Vec<On>,
    pub(crate) verdict: Verdict,
    /// The times after the first failure at which it tries again.
    pub(crate) after: Vec<Duration>,
    /// If true, nothing else is sent.
    pub(crate) ends: bool,
    pub(crate) says: SmolStr,
    pub(crate) evidence: Vec<SmolStr>,
}

/// The failures that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Any,
    /// A status from the first up to the second.
    Status(u16, u16),
    /// There was no answer.
    NoAnswer,
    /// The body is no JSON.
    NotJson,
    /// The answer succeeded and is not what the provider needs.
    Unexpected,
}

macro_rules! built_in {
    ($($name:literal)*) => {
        const BUILT_IN: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../../scenarios/", $name, ".json"))),)*];
    };
}

built_in! { "entra" "okta" "onelogin" "jumpcloud" "google" }

/// Bodies of providers nest deeper within a scenario than on the wire.
const MAX_DEPTH: usize = 48;

impl Scenario {
    /// Returns the scenario of this provider that comes with the crate: `entra`, `okta`, `onelogin`, `jumpcloud` or
    /// `google`.
    #[must_use]
    pub fn built_in(provider: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == provider)?;
        Self::from_json(text).ok()
    }

    /// Returns the providers whose scenarios come with the crate.
    pub fn providers() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`] with the path of what is not understood: a member that nobody knows is not passed over, and neither
    /// is a name that no step saves, nor an evidence that is not listed.
    ///
    /// # Complexity
    /// Linear in the text.
    pub fn from_json(text: &[u8]) -> Result<Self, ScenarioError> {
        let object: Object = object_from_slice_within(text, MAX_DEPTH)?;
        read::scenario(&Node::root(&object.into()))
    }

    /// Returns the name of the provider, such as `okta`.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Returns the name of the provider as people write it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns the variants, each with what it stands for. The first one is the default.
    pub fn variants(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variants
            .iter()
            .map(|(name, title)| (name.as_str(), title.as_str()))
    }

    /// Returns the facts that the scenario rests on.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Returns the steps of a variant, in order: the name of the phase, that of the step, what it is, and the ids of its
    /// evidence.
    pub fn steps<'s>(
        &'s self,
        variant: Option<&'s str>,
    ) -> impl Iterator<Item = (&'s str, &'s str, &'s str, &'s [SmolStr])> {
        let steps = self
            .phases
            .iter()
            .flat_map(|phase| phase.steps.iter().map(move |step| (phase, step)));
        steps
            .filter(move |(_, step)| step.is_of(variant))
            .map(|(phase, step)| {
                (
                    phase.name.as_str(),
                    step.name.as_str(),
                    step.title.as_str(),
                    step.evidence.as_slice(),
                )
            })
    }

    pub(crate) fn facts(&self, ids: &[SmolStr]) -> Vec<Evidence> {
        let facts = self.evidence.iter().filter(|fact| ids.contains(&fact.id));
        facts.cloned().collect()
    }
}
