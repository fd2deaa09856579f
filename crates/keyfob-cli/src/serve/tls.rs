//! TLS for the connections of both ports.

mod certificate;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use rustls::{ServerConfig, crypto::ring};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use self::certificate::{CertificateFiles, Watch};
use super::{stop::HangUp, stream::Timed};
use crate::Unusable;

/// A client that takes longer for the handshake is cut off.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The time between two looks at the files. A change is taken over at the second look that finds it, so that no pair is used of
/// which one file is still being written.
const LOOK: Duration = Duration::from_secs(2);

/// HTTP/2 by the name that it has in a handshake (RFC 9113 section 3.2).
const HTTP_2: &[u8] = b"h2";
/// HTTP/1.1 by the name that it has in a handshake (RFC 7301 section 6).
const HTTP_1_1: &[u8] = b"http/1.1";

/// The files of the server's certificate.
#[derive(Debug, clap::Args)]
pub(crate) struct TlsArguments {
    /// A file with the server's certificate and those that lead to its authority (PEM): both ports speak TLS with it. The
    /// server reads both files again when they change, and when it is sent SIGHUP
    #[arg(long = "tls-certificate", value_name = "FILE", env = "KEYFOB_TLS_CERTIFICATE")]
    certificate: Option<PathBuf>,
    /// A file with the private key of `--tls-certificate` (PEM)
    #[arg(long = "tls-key", value_name = "FILE", env = "KEYFOB_TLS_KEY")]
    key: Option<PathBuf>,
}

impl TlsArguments {
    /// Returns the two files, where they are given.
    fn files(&self) -> Result<Option<CertificateFiles>, Unusable> {
        match (&self.certificate, &self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(CertificateFiles {
                certificate: certificate.clone(),
                key: key.clone(),
            })),
            (Some(_), None) => Err(Unusable::new("`--tls-certificate` needs its `--tls-key`")),
            (None, Some(_)) => Err(Unusable::new("`--tls-key` needs its `--tls-certificate`")),
        }
    }

    /// Refuses a certificate without its key, and a key without its certificate. No file is read.
    pub(super) fn check(&self) -> Result<(), Unusable> {
        self.files().map(|_| ())
    }

    /// Reads the certificate and its key, where they are given.
    pub(super) fn read(&self) -> Result<Option<Tls>, Unusable> {
        self.files()?.map(Tls::new).transpose()
    }
}

/// The server's side of TLS.
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    watch: Watch,
}

/// A connection after its handshake, at the protocol on which client and server agreed.
pub(super) enum Secured {
    Http1(TlsStream<Timed<TcpStream>>),
    Http2(TlsStream<Timed<TcpStream>>),
}

/// The error of a handshake.
pub(super) enum HandshakeError {
    /// The client speaks HTTP without TLS. It has its connection still.
    Plain(TcpStream),
    /// The handshake failed, or took too long.
    Failed(io::Error),
}

impl Tls {
    fn new(files: CertificateFiles) -> Result<Self, Unusable> {
        let provider = Arc::new(ring::default_provider());
        let (watch, certificate) = Watch::start(files, Arc::clone(&provider))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            watch,
        })
    }

    /// Returns what shakes hands, after it has begun to look for new certificates.
    pub(super) fn start(self, hang_up: HangUp) -> Handshakes {
        tokio::spawn(self.watch.keep(LOOK, hang_up));
        Handshakes(self.acceptor)
    }
}

/// Shakes hands with clients.
#[derive(Clone)]
pub(super) struct Handshakes(TlsAcceptor);

impl Handshakes {
    /// Shakes hands within 10 s.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        timed: impl FnOnce(TcpStream) -> Timed<TcpStream>,
    ) -> Result<Secured, HandshakeError> {
        let shaken = timeout(HANDSHAKE_TIMEOUT, async {
            let mut first = [0];
            stream.peek(&mut first).await.map_err(HandshakeError::Failed)?;
            // A method. A handshake begins with 22.
            if first.iter().all(u8::is_ascii_uppercase) {
                return Err(HandshakeError::Plain(stream));
            }
            self.0.accept(timed(stream)).await.map_err(HandshakeError::Failed)
        });
        let stream = match shaken.await {
            Ok(shaken) => shaken?,
            Err(_) => return Err(HandshakeError::Failed(io::ErrorKind::TimedOut.into())),
        };
        if stream.get_ref().1.alpn_protocol() == Some(HTTP_2) {
            Ok(Secured::Http2(stream))
        } else {
            Ok(Secured::Http1(stream))
        }
    }
}
