//! Sessions: who has signed in, and which forms they were given.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use keyfob_admin::Administrator;
use sha2::{Digest, Sha256};

/// A session ends so long after it was used last.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// And so long after it began, however much it is used.
const LONGEST: Duration = Duration::from_secs(8 * 60 * 60);
/// Sessions that there are at once.
const SESSIONS: usize = 1000;
/// Forms that a session has at once; each page has some.
const FORMS: usize = 400;
/// Failed attempts to sign in within a minute, after which further ones are told to stop.
const FAILURES: usize = 30;

/// The sessions of a console, in memory: signing in again is all that a restart costs.
#[derive(Default)]
pub(crate) struct Sessions {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By the digest of their cookie, so that a copy of the memory's table opens nothing.
    sessions: HashMap<[u8; 32], Session>,
    failures: VecDeque<Instant>,
}

struct Session {
    administrator: Administrator,
    began: Instant,
    used: Instant,
    /// The forms that were given out and not sent, the oldest first.
    forms: VecDeque<String>,
    /// The forms that were sent.
    sent: VecDeque<String>,
}

/// The stage of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// It is sent for the first time.
    Fresh,
    /// It was sent before.
    Sent,
    /// It is none of the session.
    Unknown,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session and returns the value of its cookie; none without randomness.
    pub(crate) fn begin(&self, administrator: Administrator) -> Option<String> {
        let secret = random()?;
        let now = Instant::now();
        let mut inner = self.lock();
        inner.sessions.retain(|_, session| session.is_open(now));
        if inner.sessions.len() >= SESSIONS {
            let oldest = inner.sessions.iter().min_by_key(|(_, session)| session.used);
            if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
                inner.sessions.remove(&oldest);
            }
        }
        let session = Session {
            administrator,
            began: now,
            used: now,
            forms: VecDeque::new(),
            sent: VecDeque::new(),
        };
        inner.sessions.insert(digest(&secret), session);
        Some(secret)
    }

    /// Returns who has signed in with a cookie.
    pub(crate) fn find(&self, cookie: &str) -> Option<Administrator> {
        let now = Instant::now();
        let mut inner = self.lock();
        let session = inner.sessions.get_mut(&digest(cookie))?;
        if !session.is_open(now) {
            inner.sessions.remove(&digest(cookie));
            return None;
        }
        session.used = now;
        Some(session.administrator.clone())
    }

    /// Ends a session.
    pub(crate) fn end(&self, cookie: &str) {
        self.lock().sessions.remove(&digest(cookie));
    }

    /// Gives a session a key for a form that is sent once.
    pub(crate) fn give(&self, cookie: &str) -> String {
        let key = random().unwrap_or_default();
        if let Some(session) = self.lock().sessions.get_mut(&digest(cookie)) {
            session.forms.push_back(key.clone());
            if session.forms.len() > FORMS {
                session.forms.pop_front();
            }
        }
        key
    }

    /// Takes the key of a form that is sent.
    pub(crate) fn take(&self, cookie: &str, key: &str) -> Form {
        let mut inner = self.lock();
        let Some(session) = inner.sessions.get_mut(&digest(cookie)) else {
            return Form::Unknown;
        };
        if session.sent.iter().any(|sent| sent == key) {
            return Form::Sent;
        }
        let Some(place) = session.forms.iter().position(|given| given == key) else {
            return Form::Unknown;
        };
        session.forms.remove(place);
        session.sent.push_back(key.to_owned());
        if session.sent.len() > FORMS {
            session.sent.pop_front();
        }
        Form::Fresh
    }

    /// Notes a failed attempt to sign in, and returns true where there are many.
    pub(crate) fn fails_often(&self) -> bool {
        let mut inner = self.lock();
        let failures = &mut inner.failures;
        failures.retain(|at| at.elapsed() < Duration::from_secs(60));
        let is_often = failures.len() >= FAILURES;
        if !is_often {
            failures.push_back(Instant::now());
        }
        is_often
    }
}

impl Session {
    fn is_open(&self, now: Instant) -> bool {
        now.duration_since(self.used) < IDLE && now.duration_since(self.began) < LONGEST
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Returns 256 random bits as text.
fn random() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_taken_once_and_by_its_own_session() {
        let sessions = Sessions::default();
        let one = sessions.begin(Administrator::new("ada", "token")).unwrap();
        let other = sessions.begin(Administrator::new("bob", "token")).unwrap();
        let key = sessions.give(&one);
        assert_eq!(sessions.take(&other, &key), Form::Unknown);
        assert_eq!(sessions.take(&one, &key), Form::Fresh);
        assert_eq!(sessions.take(&one, &key), Form::Sent);
        assert_eq!(sessions.take(&one, ""), Form::Unknown);
        sessions.end(&one);
        assert!(sessions.find(&one).is_none());
        assert_eq!(sessions.find(&other).unwrap().id, "bob");
        for _ in 0..FAILURES {
            assert!(!sessions.fails_often());
        }
        assert!(sessions.fails_often());
    }
}
