//! The signals to a server: to stop, and to read its certificate again.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, which from here on no longer end the process by themselves.
#[cfg(unix)]
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

#[cfg(unix)]
impl StopSignals {
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGHUP, which from here on no longer ends the process: it asks the server to read its certificate again.
#[cfg(unix)]
pub(crate) struct HangUp(Signal);

#[cfg(unix)]
impl HangUp {
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    pub(super) async fn received(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// No signal, where there are none of Unix.
#[cfg(not(unix))]
pub(crate) struct HangUp;

#[cfg(not(unix))]
impl HangUp {
    #[expect(clippy::unnecessary_wraps, reason = "as where signals have to be caught")]
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn received(&mut self) {
        std::future::pending::<()>().await;
    }
}

impl HangUp {
    /// Tells whoever sends the signal that nothing is read again, where the server has no certificate.
    pub(crate) async fn decline(mut self) {
        loop {
            self.received().await;
            tracing::warn!(
                "SIGHUP: there is no TLS certificate to read again, and settings are read at the start alone"
            );
        }
    }
}

/// Ctrl-C, where signals are not those of Unix.
#[cfg(not(unix))]
pub(crate) struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    #[expect(clippy::unnecessary_wraps, reason = "as where signals have to be caught")]
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn received(&mut self) {
        // Where it can't be caught it ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
