//! The body of an answer: at hand, or made while it is sent.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use keyfob_engine::{MemberPages, PageError, Store};
use thiserror::Error;
use tracing::Span;

/// The body of an answer.
///
/// That of most is at hand, with its length. That of a resource of many members is made while it is sent, a page of members at a
/// time: it has no length, and its client costs no more than one page, however slowly it reads. Such a body ends with an
/// [error](AnswerCut) if the resource changes meanwhile, so that no client takes a mixture of two states for one; servers
/// close the connection then without the end of the body.
pub struct AnswerBody(Kind);

enum Kind {
    Whole(Full<Bytes>),
    /// A body of which something is left to be made.
    Waiting(Box<dyn Source>, Span),
    /// A body whose next piece is being made.
    Making(Making, Span),
    Over,
}

/// The error when a body is cut: what was sent of it must not be used.
#[derive(Debug, Error)]
#[error("the answer was cut: {0}")]
#[non_exhaustive]
pub struct AnswerCut(#[from] pub(crate) PageError);

/// Something that makes a body in pieces, each when it is asked for.
pub(crate) trait Source: Send + 'static {
    /// Makes the next piece, which isn't empty; with it comes what is left. None at the end.
    fn next(self: Box<Self>) -> Making;
}

pub(crate) type Making = Pin<Box<dyn Future<Output = Result<Made, AnswerCut>> + Send>>;

pub(crate) type Made = Option<(Bytes, Box<dyn Source>)>;

impl AnswerBody {
    /// The body that a source makes. What goes wrong is told in the present span.
    pub(crate) fn of(source: impl Source) -> Self {
        Self(Kind::Waiting(Box::new(source), Span::current()))
    }

    /// Puts another source in place of the one that makes the body, if one does.
    #[cfg(feature = "gzip")]
    pub(crate) fn map_source(self, map: impl FnOnce(Box<dyn Source>) -> Box<dyn Source>) -> Self {
        match self.0 {
            Kind::Waiting(source, span) => Self(Kind::Waiting(map(source), span)),
            kind => Self(kind),
        }
    }

    /// Returns true if the body is made while it is sent.
    #[must_use]
    pub fn is_made_while_sent(&self) -> bool {
        matches!(self.0, Kind::Waiting(..) | Kind::Making(..))
    }
}

impl Default for AnswerBody {
    fn default() -> Self {
        Full::default().into()
    }
}

impl From<Full<Bytes>> for AnswerBody {
    fn from(body: Full<Bytes>) -> Self {
        Self(Kind::Whole(body))
    }
}

impl From<Bytes> for AnswerBody {
    fn from(body: Bytes) -> Self {
        Full::new(body).into()
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerBody")
            .field("is_made_while_sent", &self.is_made_while_sent())
            .finish_non_exhaustive()
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = AnswerCut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerCut>>> {
        if let Kind::Whole(body) = &mut self.0 {
            return Pin::new(body).poll_frame(cx).map_err(|never| match never {});
        }
        let (mut making, span) = match std::mem::replace(&mut self.0, Kind::Over) {
            Kind::Waiting(source, span) => (source.next(), span),
            Kind::Making(making, span) => (making, span),
            Kind::Whole(_) | Kind::Over => return Poll::Ready(None),
        };
        let made = {
            let _entered = span.enter();
            making.as_mut().poll(cx)
        };
        match made {
            Poll::Pending => {
                self.0 = Kind::Making(making, span);
                Poll::Pending
            }
            Poll::Ready(Ok(None)) => Poll::Ready(None),
            Poll::Ready(Ok(Some((piece, left)))) => {
                self.0 = Kind::Waiting(left, span);
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Poll::Ready(Err(error)) => {
                span.in_scope(|| tracing::warn!(cause = %error.0, "an answer was cut"));
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(body) => body.is_end_stream(),
            Kind::Waiting(..) | Kind::Making(..) => false,
            Kind::Over => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(body) => body.size_hint(),
            Kind::Waiting(..) | Kind::Making(..) => SizeHint::default(),
            Kind::Over => SizeHint::with_exact(0),
        }
    }
}

/// The text of a resource, of which some relations are read while it is sent.
pub(crate) struct InPages<S>(VecDeque<Part<S>>);

enum Part<S> {
    Text(Bytes),
    Members(Box<MemberPages<S>>),
}

impl<S> InPages<S> {
    /// Puts further members between the parts of a text, one more than there are relations with further members.
    pub(crate) fn new(text: Vec<Vec<u8>>, pages: Vec<MemberPages<S>>) -> Self {
        let mut pages = pages.into_iter();
        let mut parts = VecDeque::new();
        for text in text {
            parts.push_back(Part::Text(text.into()));
            parts.extend(pages.next().map(|pages| Part::Members(Box::new(pages))));
        }
        Self(parts)
    }
}

impl<S: Store> Source for InPages<S> {
    fn next(mut self: Box<Self>) -> Making {
        Box::pin(async move {
            while let Some(part) = self.0.pop_front() {
                match part {
                    Part::Text(text) => return Ok(Some((text, self as Box<dyn Source>))),
                    Part::Members(mut pages) => {
                        if let Some(members) = pages.next().await? {
                            self.0.push_front(Part::Members(pages));
                            return Ok(Some((members.to_further_json().into(), self)));
                        }
                    }
                }
            }
            Ok(None)
        })
    }
}
