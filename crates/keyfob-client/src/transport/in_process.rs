//! A transport without a network: a tower service in the same process.

use std::{error::Error as StdError, fmt, future::poll_fn, pin::pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::Response;
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use super::{Request, Transport, TransportError};

/// Sends requests to a [`Service`] in the same process, such as a server under test.
///
/// There is no network, so [`Request::timeout`] does not apply, and waiting takes no time:
/// [`on_wait`](Self::on_wait) tells a test how long the client would have waited.
#[derive(Clone)]
pub struct InProcess<S> {
    service: S,
    on_wait: Arc<dyn Fn(Duration) + Send + Sync>,
}

impl<S> InProcess<S> {
    /// Creates a transport to the service.
    #[must_use]
    pub fn new(service: S) -> Self {
        Self {
            service,
            on_wait: Arc::new(|_| {}),
        }
    }

    /// Calls the function instead of waiting.
    #[must_use]
    pub fn on_wait(self, on_wait: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self {
            on_wait: Arc::new(on_wait),
            ..self
        }
    }
}

impl<S> fmt::Debug for InProcess<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}

impl<S, B> Transport for InProcess<S>
where
    S: Service<http::Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync,
    S::Future: Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    async fn send(&self, request: Request) -> Result<Response<Bytes>, TransportError> {
        let mut service = self.service.clone();
        poll_fn(|cx| service.poll_ready(cx))
            .await
            .map_err(TransportError::not_sent)?;
        let answer = service
            .call(request.http.map(Full::new))
            .await
            .map_err(TransportError::interrupted)?;
        let (head, body) = answer.into_parts();
        let body = read(body, request.max_body).await?;
        Ok(Response::from_parts(head, body))
    }

    async fn wait(&self, duration: Duration) {
        (self.on_wait)(duration);
    }
}

/// Reads a body up to the limit.
async fn read<B>(body: B, limit: usize) -> Result<Bytes, TransportError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut body = pin!(body);
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(TransportError::interrupted)?;
        let Ok(data) = frame.into_data() else { continue };
        size += data.len();
        if size > limit {
            return Err(TransportError::too_large(limit));
        }
        // Most bodies are one piece, which needs no copy.
        match first.take() {
            None if rest.is_empty() => first = Some(data),
            None => rest.extend_from_slice(&data),
            Some(before) => {
                rest.extend_from_slice(&before);
                rest.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| rest.freeze()))
}
