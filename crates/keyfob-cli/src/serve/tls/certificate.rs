//! The certificate of the server, and what becomes of it when its files change.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use keyfob_core::{SystemClock, context::Clock as _};
use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use x509_cert::der::Decode as _;

use crate::{Unusable, serve::stop::HangUp};

/// The certificate that is shown to clients.
#[derive(Debug)]
pub(super) struct Certificate(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

/// The milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;
/// The days before its end from which on a certificate is warned of, each day once: those who renew do it earlier.
const WARNED_DAYS: i64 = 14;

/// The instant at which a certificate ends, in milliseconds since 1970; none for one that isn't understood, which clients judge.
fn end_of(certified: &CertifiedKey) -> Option<i64> {
    let certificate = x509_cert::Certificate::from_der(certified.end_entity_cert().ok()?).ok()?;
    let end = certificate.tbs_certificate.validity.not_after.to_unix_duration();
    i64::try_from(end.as_millis()).ok()
}

/// The files of a certificate and of its key.
#[derive(Clone)]
pub(super) struct CertificateFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The texts of the two files.
#[derive(Clone, PartialEq, Eq)]
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl CertificateFiles {
    /// Reads both files. The error is a sentence.
    fn read(&self) -> Result<Pair, String> {
        let read = |path: &Path| {
            fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
        };
        Ok(Pair {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
        })
    }

    /// Makes a certificate of what the files hold. The error is a sentence, in which nothing of the key stands.
    fn certify(&self, pair: &Pair, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&pair.certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| format!("`{certificate}` is no PEM"))?;
        if chain.is_empty() {
            return Err(format!("`{certificate}` holds no certificate (PEM)"));
        }
        let private = PrivateKeyDer::from_pem_slice(&pair.key)
            .map_err(|_| format!("`{key}` holds no private key (PEM, and not encrypted)"))?;
        CertifiedKey::from_der(chain, private, provider)
            .map_err(|error| format!("the certificate `{certificate}` with the key `{key}`: {error}"))
    }

    /// Warns of a key that everybody on the machine may read.
    fn warn_of_readers(&self) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;

            let mode = fs::metadata(&self.key).map(|metadata| metadata.permissions().mode());
            if mode.is_ok_and(|mode| mode & 0o007 != 0) {
                tracing::warn!(
                    key = %self.key.display(),
                    "everybody on this machine may read the private key: take the rights of others away (`chmod o-rwx`)"
                );
            }
        }
    }
}

/// The outcome of a look at the files.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// The files hold what they held, or what was refused already, or are being written.
    Unchanged,
    /// There is another certificate from now on.
    Renewed,
    /// The files hold something that can't be used, for this reason. The certificate stays.
    Refused(String),
}

/// Looks at the files of a certificate from time to time.
pub(super) struct Watch {
    files: CertificateFiles,
    provider: Arc<CryptoProvider>,
    certificate: Arc<Certificate>,
    /// The texts of which the certificate is made.
    used: Pair,
    /// The outcome of reading the files at the last look.
    seen: Result<Pair, String>,
    /// If true, what was seen was taken over or refused.
    is_judged: bool,
    /// The instant at which the certificate ends, in milliseconds since 1970.
    end: Option<i64>,
    /// The days that it had left when that was said last.
    told_days: Option<i64>,
}

impl Watch {
    /// Reads the certificate for the first time.
    pub(super) fn start(
        files: CertificateFiles,
        provider: Arc<CryptoProvider>,
    ) -> Result<(Self, Arc<Certificate>), Unusable> {
        let pair = files.read().map_err(Unusable::new)?;
        let certified = files.certify(&pair, &provider).map_err(Unusable::new)?;
        files.warn_of_readers();
        let end = end_of(&certified);
        let certificate = Arc::new(Certificate(RwLock::new(Arc::new(certified))));
        let watch = Self {
            files,
            provider,
            certificate: Arc::clone(&certificate),
            used: pair.clone(),
            seen: Ok(pair),
            is_judged: true,
            end,
            told_days: None,
        };
        Ok((watch, certificate))
    }

    /// Looks at the files at intervals, and at once when the signal asks for it, for as long as the server runs.
    pub(super) async fn keep(mut self, interval: Duration, mut hang_up: HangUp) {
        let clock = SystemClock::default();
        loop {
            match self.days_to_tell(clock.now().unix_millis()) {
                Some(days @ ..0) => {
                    tracing::error!(days = -days, "the TLS certificate has ended: clients refuse it");
                }
                Some(days) => tracing::warn!(days, "the TLS certificate ends soon"),
                None => {}
            }
            let is_asked = tokio::select! {
                () = tokio::time::sleep(interval) => false,
                () = hang_up.received() => true,
            };
            let looked = tokio::task::spawn_blocking(move || {
                let look = self.look(is_asked);
                (self, look)
            });
            let Ok((watch, look)) = looked.await else {
                return;
            };
            self = watch;
            match look {
                Look::Unchanged if is_asked => tracing::info!("the TLS certificate is the same as before"),
                Look::Unchanged => {}
                Look::Renewed => tracing::info!("there is a new TLS certificate"),
                Look::Refused(reason) => {
                    tracing::warn!(%reason, "the new TLS certificate can't be used, the one before stays");
                }
            }
        }
    }

    /// Returns the days that the certificate has left, if they are few and were not said today; fewer than none where it has ended.
    fn days_to_tell(&mut self, now: i64) -> Option<i64> {
        let days = self.end?.saturating_sub(now).div_euclid(DAY);
        if days >= WARNED_DAYS || self.told_days == Some(days) {
            return None;
        }
        self.told_days = Some(days);
        Some(days)
    }

    /// Looks at the files. Whoever asks gets an answer at once; otherwise what was written has to be the same twice.
    fn look(&mut self, is_asked: bool) -> Look {
        let found = self.files.read();
        if found != self.seen {
            self.seen.clone_from(&found);
            self.is_judged = false;
            if !is_asked {
                return Look::Unchanged;
            }
        }
        if self.is_judged && !is_asked {
            return Look::Unchanged;
        }
        self.is_judged = true;
        let certified = found.and_then(|pair| {
            let certified = self.files.certify(&pair, &self.provider)?;
            Ok((pair, certified))
        });
        match certified {
            Ok((pair, _)) if pair == self.used => Look::Unchanged,
            Ok((pair, certified)) => {
                self.used = pair;
                (self.end, self.told_days) = (end_of(&certified), None);
                *self.certificate.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
                self.files.warn_of_readers();
                Look::Renewed
            }
            Err(reason) => Look::Refused(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring;
    use tempfile::TempDir;

    use super::*;

    fn write(folder: &TempDir, certificate: &str, key: &str) {
        fs::write(folder.path().join("certificate.pem"), certificate).unwrap();
        fs::write(folder.path().join("key.pem"), key).unwrap();
    }

    /// A certificate and its key, as PEM.
    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["scim.example.com".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn files(folder: &TempDir) -> CertificateFiles {
        CertificateFiles {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
        }
    }

    fn start(folder: &TempDir) -> Result<Watch, String> {
        let started = Watch::start(files(folder), Arc::new(ring::default_provider()));
        started
            .map(|(watch, _)| watch)
            .map_err(|error| error.message().to_owned())
    }

    fn shown(watch: &Watch) -> Vec<u8> {
        let certificate = watch.certificate.0.read().unwrap();
        certificate.cert[0].to_vec()
    }

    #[test]
    fn a_change_is_taken_over_when_it_was_seen_twice_or_is_asked_for() {
        let folder = TempDir::new().unwrap();
        let (first, second, third) = (made(), made(), made());
        write(&folder, &first.0, &first.1);
        let mut watch = start(&folder).unwrap();
        let before = shown(&watch);
        assert_eq!(watch.look(false), Look::Unchanged);
        assert_eq!(watch.look(true), Look::Unchanged);
        // A certificate whose key is not written yet.
        write(&folder, &second.0, &first.1);
        assert_eq!(watch.look(false), Look::Unchanged);
        write(&folder, &second.0, &second.1);
        assert_eq!(watch.look(false), Look::Unchanged);
        assert_eq!(shown(&watch), before);
        assert_eq!(watch.look(false), Look::Renewed);
        assert_ne!(shown(&watch), before);
        assert_eq!(watch.look(false), Look::Unchanged);
        write(&folder, &third.0, &third.1);
        assert_eq!(watch.look(true), Look::Renewed);
    }

    #[test]
    fn a_pair_that_cannot_be_used_is_refused_once_and_leaves_the_one_before() {
        let folder = TempDir::new().unwrap();
        let (first, second) = (made(), made());
        write(&folder, &first.0, &first.1);
        let mut watch = start(&folder).unwrap();
        let before = shown(&watch);
        for (certificate, key, reason) in [
            (&*second.0, &*first.1, "with the key"),
            ("", &*first.1, "holds no certificate"),
            ("-----BEGIN CERTIFICATE-----\n", &*first.1, "is no PEM"),
            (&*first.0, "", "holds no private key"),
            (&*first.0, &*first.0, "holds no private key"),
        ] {
            write(&folder, certificate, key);
            assert_eq!(watch.look(false), Look::Unchanged);
            let Look::Refused(told) = watch.look(false) else {
                panic!("{reason}: the pair is not refused");
            };
            assert!(told.contains(reason), "{told}");
            // Said once, and again to whoever asks.
            assert_eq!(watch.look(false), Look::Unchanged);
            assert_eq!(watch.look(true), Look::Refused(told));
            assert_eq!(shown(&watch), before);
        }
        fs::remove_file(folder.path().join("key.pem")).unwrap();
        let Look::Refused(told) = watch.look(true) else {
            panic!("a missing file is not refused");
        };
        assert!(told.contains("key.pem"), "{told}");
        write(&folder, &first.0, &first.1);
        assert_eq!(watch.look(true), Look::Unchanged);
        assert_eq!(shown(&watch), before);
    }

    #[test]
    fn a_certificate_that_ends_soon_is_told_of_once_a_day() {
        let folder = TempDir::new().unwrap();
        let ending = |year| {
            let mut parameters = rcgen::CertificateParams::new(["scim.example.com".to_owned()]).unwrap();
            parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = parameters.self_signed(&key).unwrap();
            write(&folder, &certificate.pem(), &key.serialize_pem());
        };
        ending(2030);
        let mut watch = start(&folder).unwrap();
        // 2030-01-01T00:00:00Z
        let end = 1_893_456_000_000;
        for (left, expected) in [
            (100 * DAY, None),
            (14 * DAY, None),
            (14 * DAY - 1, Some(13)),
            (14 * DAY - 2, None),
            (13 * DAY, None),
            (13 * DAY - 1, Some(12)),
            (1, Some(0)),
            (0, None),
            (-1, Some(-1)),
            (-2, None),
            (-DAY - 1, Some(-2)),
        ] {
            assert_eq!(watch.days_to_tell(end - left), expected, "{left}");
        }
        ending(2040);
        assert_eq!(watch.look(true), Look::Renewed);
        assert_eq!(watch.days_to_tell(end), None);
    }

    #[test]
    fn what_makes_no_certificate_is_told_with_its_file() {
        let folder = TempDir::new().unwrap();
        let told = start(&folder).err().unwrap();
        assert!(
            told.contains("cannot read") && told.contains("certificate.pem"),
            "{told}"
        );
        let (certificate, _) = made();
        let (_, key) = made();
        write(&folder, &certificate, &key);
        let told = start(&folder).err().unwrap();
        assert!(
            told.contains("certificate.pem") && told.contains("key.pem"),
            "{told}"
        );
    }
}
