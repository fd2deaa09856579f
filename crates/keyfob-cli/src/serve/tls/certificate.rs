//! The certificate of the server, and what becomes of it when its files change.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use keyfob_core::{DateTime, SystemClock, context::Clock as _};
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

/// The time in which clients take a certificate (RFC 5280 section 4.1.2.5), in milliseconds since 1970.
#[derive(Clone, Copy)]
struct Validity {
    begin: i64,
    end: i64,
}

impl Validity {
    /// Returns the validity of a certificate; none for one that isn't understood, which clients judge.
    fn of(certified: &CertifiedKey) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(certified.end_entity_cert().ok()?).ok()?;
        let validity = certificate.tbs_certificate.validity;
        let millis = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_millis()).ok();
        Some(Self {
            begin: millis(validity.not_before)?,
            end: millis(validity.not_after)?,
        })
    }

    fn contains(self, now: i64) -> bool {
        (self.begin..=self.end).contains(&now)
    }
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

/// The size of the largest file that is read: far more than any chain has.
const LARGEST: u64 = 1 << 20;

/// Reads a file within bounds. The error is a sentence.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error| format!("cannot read `{}`: {error}", path.display());
    // A pipe would hold up all looks that follow, and a device may have no end.
    if !fs::metadata(path).map_err(told)?.is_file() {
        return Err(format!("`{}` is no regular file", path.display()));
    }
    let mut text = Vec::new();
    let mut file = File::open(path).map_err(told)?.take(LARGEST + 1);
    let length = file.read_to_end(&mut text).map_err(told)?;
    if u64::try_from(length).is_ok_and(|length| length <= LARGEST) {
        Ok(text)
    } else {
        Err(format!("`{}` is larger than 1 MiB", path.display()))
    }
}

impl CertificateFiles {
    /// Reads both files. The error is a sentence.
    fn read(&self) -> Result<Pair, String> {
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
}

/// Warns of a key that everybody on the machine may read.
#[cfg(unix)]
fn warn_of_readers(key: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = fs::metadata(key).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o007 != 0) {
        tracing::warn!(
            key = %key.display(),
            "everybody on this machine may read the private key: take the rights of others away (`chmod o-rwx`)"
        );
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path) {}

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
    /// The instant from which on what was seen is to be taken over or refused, in milliseconds since 1970; none where it was.
    judged_from: Option<i64>,
    validity: Option<Validity>,
    /// If true, it was said that the certificate isn't valid yet.
    told_begin: bool,
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
        warn_of_readers(&files.key);
        let validity = Validity::of(&certified);
        let certificate = Arc::new(Certificate(RwLock::new(Arc::new(certified))));
        let watch = Self {
            files,
            provider,
            certificate: Arc::clone(&certificate),
            used: pair.clone(),
            seen: Ok(pair),
            judged_from: None,
            validity,
            told_begin: false,
            told_days: None,
        };
        Ok((watch, certificate))
    }

    /// Looks at the files at intervals, and at once when the signal asks for it, for as long as the server runs.
    pub(super) async fn keep(mut self, interval: Duration, mut hang_up: HangUp) {
        let clock = SystemClock::default();
        loop {
            let now = clock.now().unix_millis();
            if let Some(begin) = self.begin_to_tell(now) {
                tracing::error!(begin, "the TLS certificate is not valid yet: clients refuse it");
            }
            match self.days_to_tell(now) {
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
            let now = clock.now().unix_millis();
            let looked = tokio::task::spawn_blocking(move || {
                let look = self.look(is_asked, now);
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

    /// Returns the day on which the certificate begins, once, if that is to come.
    fn begin_to_tell(&mut self, now: i64) -> Option<String> {
        let begin = self.validity?.begin;
        if begin <= now || self.told_begin {
            return None;
        }
        self.told_begin = true;
        Some(instant(begin))
    }

    /// Returns the days that the certificate has left, if they are few and were not said today; fewer than none where it has ended.
    fn days_to_tell(&mut self, now: i64) -> Option<i64> {
        let days = self.validity?.end.saturating_sub(now).div_euclid(DAY);
        if days >= WARNED_DAYS || self.told_days == Some(days) {
            return None;
        }
        self.told_days = Some(days);
        Some(days)
    }

    /// Looks at the files. Whoever asks gets an answer at once; otherwise what was written has to be the same twice.
    ///
    /// A certificate that isn't valid now doesn't take the place of one that is: one that begins later does when it begins.
    fn look(&mut self, is_asked: bool, now: i64) -> Look {
        let found = self.files.read();
        if found != self.seen {
            self.seen.clone_from(&found);
            // At the next look, whatever becomes of the clock.
            self.judged_from = Some(i64::MIN);
            if !is_asked {
                return Look::Unchanged;
            }
        }
        if !is_asked && self.judged_from.is_none_or(|from| now < from) {
            return Look::Unchanged;
        }
        self.judged_from = None;
        let certified = found.and_then(|pair| {
            let certified = self.files.certify(&pair, &self.provider)?;
            Ok((pair, certified))
        });
        match certified {
            Ok((pair, _)) if pair == self.used => Look::Unchanged,
            Ok((pair, certified)) => {
                let validity = Validity::of(&certified);
                if let Some(validity) = validity.filter(|validity| !validity.contains(now))
                    && self.validity.is_none_or(|used| used.contains(now))
                {
                    return Look::Refused(self.put_off(validity, now));
                }
                self.used = pair;
                (self.validity, self.told_begin, self.told_days) = (validity, false, None);
                *self.certificate.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
                warn_of_readers(&self.files.key);
                Look::Renewed
            }
            Err(reason) => Look::Refused(reason),
        }
    }

    /// Returns why a certificate isn't used that isn't valid now, and has one that begins later looked at again then.
    fn put_off(&mut self, validity: Validity, now: i64) -> String {
        let certificate = self.files.certificate.display();
        if now < validity.begin {
            self.judged_from = Some(validity.begin);
            format!(
                "`{certificate}` is not valid before {}, and is taken over then",
                instant(validity.begin)
            )
        } else {
            format!("`{certificate}` has ended on {}", instant(validity.end))
        }
    }
}

fn instant(millis: i64) -> String {
    DateTime::from_unix_millis(millis).to_string()
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring;
    use tempfile::TempDir;

    use super::*;

    /// 2026-01-01T00:00:00Z
    const NOW: i64 = 1_767_225_600_000;

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
        assert_eq!(watch.look(false, NOW), Look::Unchanged);
        assert_eq!(watch.look(true, NOW), Look::Unchanged);
        // A certificate whose key is not written yet.
        write(&folder, &second.0, &first.1);
        assert_eq!(watch.look(false, NOW), Look::Unchanged);
        write(&folder, &second.0, &second.1);
        assert_eq!(watch.look(false, NOW), Look::Unchanged);
        assert_eq!(shown(&watch), before);
        assert_eq!(watch.look(false, NOW), Look::Renewed);
        assert_ne!(shown(&watch), before);
        assert_eq!(watch.look(false, NOW), Look::Unchanged);
        write(&folder, &third.0, &third.1);
        assert_eq!(watch.look(true, NOW), Look::Renewed);
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
            assert_eq!(watch.look(false, NOW), Look::Unchanged);
            let Look::Refused(told) = watch.look(false, NOW) else {
                panic!("{reason}: the pair is not refused");
            };
            assert!(told.contains(reason), "{told}");
            // Said once, and again to whoever asks.
            assert_eq!(watch.look(false, NOW), Look::Unchanged);
            assert_eq!(watch.look(true, NOW), Look::Refused(told));
            assert_eq!(shown(&watch), before);
        }
        fs::remove_file(folder.path().join("key.pem")).unwrap();
        let Look::Refused(told) = watch.look(true, NOW) else {
            panic!("a missing file is not refused");
        };
        assert!(told.contains("key.pem"), "{told}");
        write(&folder, &first.0, &first.1);
        assert_eq!(watch.look(true, NOW), Look::Unchanged);
        assert_eq!(shown(&watch), before);
    }

    /// Writes a certificate that is valid from the first day of a year to that of another one.
    fn write_valid(folder: &TempDir, (begin, end): (i32, i32)) {
        let mut parameters = rcgen::CertificateParams::new(["scim.example.com".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(begin, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(end, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        write(folder, &certificate.pem(), &key.serialize_pem());
    }

    #[test]
    fn rfc_5280_4_1_2_5_a_certificate_that_is_not_valid_takes_the_place_of_no_valid_one() {
        let folder = TempDir::new().unwrap();
        write_valid(&folder, (2020, 2028));
        let mut watch = start(&folder).unwrap();
        let before = shown(&watch);
        for (validity, reason) in [
            ((2020, 2025), "has ended on 2025-01-01T00:00:00.000Z"),
            ((2027, 2040), "is not valid before 2027-01-01T00:00:00.000Z"),
        ] {
            write_valid(&folder, validity);
            let Look::Refused(told) = watch.look(true, NOW) else {
                panic!("{validity:?}: the certificate is not refused");
            };
            assert!(
                told.contains("certificate.pem") && told.contains(reason),
                "{told}"
            );
            assert_eq!(watch.look(false, NOW), Look::Unchanged);
            assert_eq!(shown(&watch), before);
        }
        // 2027-01-01T00:00:00Z
        let begin = 1_798_761_600_000;
        assert_eq!(watch.look(false, begin - 1), Look::Unchanged);
        assert_eq!(watch.look(false, begin), Look::Renewed);
        assert_ne!(shown(&watch), before);
        assert_eq!(watch.look(false, begin), Look::Unchanged);
    }

    #[test]
    fn a_certificate_that_is_not_valid_gives_way_to_any_and_is_told_of() {
        let folder = TempDir::new().unwrap();
        write_valid(&folder, (2020, 2025));
        let mut watch = start(&folder).unwrap();
        assert_eq!(watch.begin_to_tell(NOW), None);
        assert!(watch.days_to_tell(NOW).unwrap() < 0);
        write_valid(&folder, (2027, 2040));
        assert_eq!(watch.look(true, NOW), Look::Renewed);
        assert_eq!(
            watch.begin_to_tell(NOW).as_deref(),
            Some("2027-01-01T00:00:00.000Z")
        );
        assert_eq!(watch.begin_to_tell(NOW), None);
        write_valid(&folder, (2020, 2040));
        assert_eq!(watch.look(true, NOW), Look::Renewed);
        assert_eq!(watch.begin_to_tell(NOW), None);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_or_has_no_end_is_refused_and_holds_up_no_look() {
        let folder = TempDir::new().unwrap();
        let (certificate, key) = made();
        write(&folder, &certificate, &key);
        let mut watch = start(&folder).unwrap();
        let path = folder.path().join("key.pem");
        let mut refused = |reason: &str| {
            let Look::Refused(told) = watch.look(true, NOW) else {
                panic!("{reason}: the key is not refused");
            };
            assert!(told.contains("key.pem") && told.contains(reason), "{told}");
            let told = start(&folder).err().unwrap();
            assert!(told.contains("key.pem") && told.contains(reason), "{told}");
        };
        fs::remove_file(&path).unwrap();
        // Nobody ever writes to it.
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        refused("is no regular file");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        refused("is no regular file");
        fs::remove_file(&path).unwrap();
        fs::write(&path, vec![b' '; (1 << 20) + 1]).unwrap();
        refused("is larger than 1 MiB");
        write(&folder, &certificate, &key);
        assert_eq!(watch.look(true, NOW), Look::Unchanged);
    }

    #[test]
    fn a_certificate_that_ends_soon_is_told_of_once_a_day() {
        let folder = TempDir::new().unwrap();
        write_valid(&folder, (2020, 2030));
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
        write_valid(&folder, (2020, 2040));
        assert_eq!(watch.look(true, NOW), Look::Renewed);
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
