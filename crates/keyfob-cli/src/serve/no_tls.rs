//! The place of TLS in a command that is built without it: there is none.

use super::stop::HangUp;
use crate::Unusable;

/// The options of TLS, of which there are none.
#[derive(Debug, clap::Args)]
pub(crate) struct TlsArguments {}

/// The server's side of TLS.
pub(super) enum Tls {}

/// Shakes hands with clients.
#[derive(Clone)]
pub(super) enum Handshakes {}

impl TlsArguments {
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "as where there are files"
    )]
    pub(super) fn check(&self) -> Result<(), Unusable> {
        Ok(())
    }

    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "as where the files are read"
    )]
    pub(super) fn read(&self) -> Result<Option<Tls>, Unusable> {
        Ok(None)
    }
}

impl Tls {
    pub(super) fn start(self, _: HangUp) -> Handshakes {
        match self {}
    }
}
