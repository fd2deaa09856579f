//! What a run found.

mod har;
mod html;
mod json;
mod junit;
mod text;

use std::{fmt, time::Duration};

use bytes::Bytes;
use keyfob_core::{DateTime, SmolStr};

use crate::simulate::scenario::Evidence;

/// How a step went for the provider. The worst of its objects decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "programs act on each of them")]
pub enum Verdict {
    /// As the provider expects.
    Ok,
    /// It was not done, because something that it depends on is missing.
    Skipped,
    /// The provider puts up with what it got.
    Tolerated,
    /// The provider tries again later; until then the object is not what it should be.
    Retries,
    /// The provider gives up: somebody has to do something.
    Stops,
    /// The server's state is not what the provider now believes, and nobody notices.
    Damage,
}

impl Verdict {
    /// All of them, the best first.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::Skipped,
        Self::Tolerated,
        Self::Retries,
        Self::Stops,
        Self::Damage,
    ];

    /// Returns its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Tolerated => "tolerated",
            Self::Retries => "retries",
            Self::Stops => "stops",
            Self::Damage => "damage",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a run of a scenario found.
///
/// Texts of the server stand in it as they came; [`Report::text`], [`Report::json`], [`Report::junit`] and
/// [`Report::html`] escape them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The provider, such as `okta`.
    pub provider: SmolStr,
    /// The provider as people write it.
    pub title: SmolStr,
    /// The variant, if the scenario has any.
    pub variant: Option<SmolStr>,
    /// The base URL of the server.
    pub url: SmolStr,
    /// The name of the run, with which the names of its objects start.
    pub run: SmolStr,
    /// The seed of what was made up.
    pub seed: u64,
    /// The steps, in the order in which they were done.
    pub steps: Vec<StepReport>,
    /// What the run left at the server although it should have been removed, such as `/Users/48af`.
    pub left: Vec<SmolStr>,
    /// Why nothing else was sent, if the run ended early.
    pub ended: Option<SmolStr>,
    /// Every request with its answer, in the order in which they were sent.
    pub transcript: Vec<Exchanged>,
}

impl Report {
    /// Returns the worst verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.steps.iter().map(|step| step.verdict);
        verdicts.max().unwrap_or(Verdict::Ok)
    }

    /// Returns the number of steps with this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.steps.iter().filter(|step| step.verdict == verdict).count()
    }

    /// Returns true if the provider would go on and the server has what it believes: no damage, and nothing stops.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.verdict() < Verdict::Stops
    }

    /// Returns a sentence of how many steps came to what.
    #[must_use]
    pub fn summary(&self) -> String {
        let counts: Vec<String> = Verdict::ALL
            .iter()
            .rev()
            .map(|verdict| (self.count(*verdict), verdict))
            .filter(|(count, _)| *count > 0)
            .map(|(count, verdict)| format!("{count} {verdict}"))
            .collect();
        format!("{} steps: {}", self.steps.len(), counts.join(", "))
    }

    /// Returns the provider with its variant.
    fn subject(&self) -> String {
        match &self.variant {
            Some(variant) => format!("{} ({variant})", self.title),
            None => self.title.to_string(),
        }
    }
}

/// What a step came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StepReport {
    /// The phase, such as `initial`; of one that is repeated with the number of the cycle.
    pub phase: SmolStr,
    /// The name of the step.
    pub name: SmolStr,
    /// What is done in it.
    pub title: SmolStr,
    /// The facts that it rests on.
    pub evidence: Vec<Evidence>,
    /// How it went.
    pub verdict: Verdict,
    /// The number of objects with which it was done.
    pub objects: usize,
    /// The number of requests of the provider, without those that read back.
    pub requests: usize,
    /// When it began, on the provider's clock since the beginning of the run.
    pub at: Duration,
    /// What there is to say, at least one of every verdict but `ok`.
    pub findings: Vec<Finding>,
}

impl StepReport {
    /// Returns the ids of its facts with the letters of their classes, such as `E1 D C`.
    #[must_use]
    pub fn evidence_text(&self) -> String {
        let one = |fact: &Evidence| {
            let letters: Vec<&str> = fact.classes.iter().map(|class| class.letter()).collect();
            format!("{} {}", fact.id, letters.join(" "))
        };
        self.evidence.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Returns a warning for each fact that neither the provider says nor anybody saw.
    pub fn doubts(&self) -> impl Iterator<Item = String> {
        self.evidence.iter().filter(|fact| fact.is_weak()).map(|fact| {
            let classes: Vec<&str> = fact.classes.iter().map(|class| class.as_str()).collect();
            format!(
                "{} is {}, not the provider's own word",
                fact.id,
                classes.join(" and ")
            )
        })
    }
}

/// Something that a step found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub verdict: Verdict,
    /// The object, by its name.
    pub object: SmolStr,
    /// The request that showed it, such as `GET /Users/48af`, if any did.
    pub request: Option<String>,
    /// The status of its answer, if there was one.
    pub status: Option<u16>,
    /// What is wrong.
    pub says: String,
    /// What the provider does then.
    pub consequence: Option<SmolStr>,
    /// The facts that say so.
    pub evidence: Vec<Evidence>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.object.is_empty() {
            write!(f, "{}: ", self.object)?;
        }
        if let Some(request) = &self.request {
            f.write_str(request)?;
            match self.status {
                Some(status) => write!(f, " -> {status}: ")?,
                None => f.write_str(": ")?,
            }
        }
        f.write_str(&self.says)?;
        if let Some(consequence) = &self.consequence {
            write!(f, "; {consequence}")?;
        }
        if !self.evidence.is_empty() {
            let ids: Vec<&str> = self.evidence.iter().map(|fact| fact.id.as_str()).collect();
            write!(f, " ({})", ids.join(", "))?;
        }
        Ok(())
    }
}

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a run has these parts")]
pub enum Sender {
    /// The provider.
    Provider,
    /// The run, which reads back what the server has.
    ReadBack,
    /// The run, which removes what it created.
    CleanUp,
}

impl Sender {
    /// Returns it in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::ReadBack => "read back",
            Self::CleanUp => "clean up",
        }
    }
}

/// A request and what was answered. The token is not in it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Exchanged {
    /// The phase and the step.
    pub step: SmolStr,
    /// Who sent it.
    pub sender: Sender,
    /// When it was sent.
    pub started: DateTime,
    /// How long the answer took.
    pub took: Duration,
    /// The method.
    pub method: SmolStr,
    /// The absolute address.
    pub url: String,
    /// The headers in order; where a token stood in one, `[redacted]` stands.
    pub headers: Vec<(SmolStr, String)>,
    /// The body; empty if there was none.
    pub body: Bytes,
    /// The answer, or why there was none.
    pub answer: Result<Answered, String>,
}

/// Shows neither the query nor the bodies: they hold names of people.
impl fmt::Debug for Exchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanged")
            .field("step", &self.step)
            .field("method", &self.method)
            .field("status", &self.answer.as_ref().ok().map(|answer| answer.status))
            .finish_non_exhaustive()
    }
}

/// An answer of the server.
#[derive(Clone)]
#[non_exhaustive]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The headers in order.
    pub headers: Vec<(SmolStr, String)>,
    /// The body.
    pub body: Bytes,
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Returns a time on the provider's clock for people, such as `40m` or `6h`.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match (
        seconds / 86_400,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    ) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, _) => format!("{minutes}m"),
        (0, hours, 0, _) => format!("{hours}h"),
        (0, hours, minutes, _) => format!("{hours}h{minutes}m"),
        (days, 0, ..) => format!("{days}d"),
        (days, hours, ..) => format!("{days}d{hours}h"),
    }
}
