//! The base URL of a server.

use std::{ops::RangeInclusive, time::Duration};

use http::Uri;
use keyfob_core::SmolStr;
use thiserror::Error;

/// The base URL, without a slash at its end.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    url: SmolStr,
    origin: Origin,
}

/// Scheme, host and port, which together say who is talked to (RFC 6454 section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// The error when a text can't be the base URL of a server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The text is no absolute `http` or `https` URL.
    #[error("`{0}` is no URL such as `https://app.example/scim/v2`")]
    Malformed(SmolStr),
    /// The URL holds a user name or a password.
    #[error("the URL holds credentials; give them apart from it")]
    Credentials,
    /// The URL has a query or a fragment.
    #[error("the base URL ends with its path: `{0}` has a query or a fragment")]
    Query(SmolStr),
    /// The scheme is `http` and the host another machine: names of people and the token would be readable on the way.
    #[error("`{0}` is not encrypted; use `https`, or allow it expressly")]
    PlainText(SmolStr),
    /// A header's name or value can't be sent.
    #[error("the header `{0}` can't be sent")]
    Header(SmolStr),
    /// The time for a request is one in which none is answered, or longer than anybody waits.
    #[error("{}", timeout_text(*.0))]
    Timeout(Duration),
}

/// The shortest and the longest time for a request. A longer one would overflow the clocks of transports.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(24 * 60 * 60);

/// Returns the time for a request if it is one.
pub(crate) fn check_timeout(timeout: Duration) -> Result<Duration, UrlError> {
    if TIMEOUTS.contains(&timeout) {
        Ok(timeout)
    } else {
        Err(UrlError::Timeout(timeout))
    }
}

fn timeout_text(timeout: Duration) -> String {
    format!("a request can't end after {timeout:?}: the time is from 1 millisecond to 24 hours")
}

impl Base {
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let malformed = || UrlError::Malformed(shown(text));
        if text.contains('#') || text.contains('?') {
            return Err(UrlError::Query(shown(text)));
        }
        let text = text.trim().trim_end_matches('/');
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        if uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'))
        {
            return Err(UrlError::Credentials);
        }
        let origin = Origin::of(&uri).ok_or_else(malformed)?;
        Ok(Self {
            url: text.into(),
            origin,
        })
    }

    /// Returns true if nobody on the way can read along: the scheme is `https` or the host this machine.
    pub(crate) fn is_private(&self) -> bool {
        let host = self.origin.host.trim_start_matches('[').trim_end_matches(']');
        let address: Option<std::net::IpAddr> = host.parse().ok();
        self.origin.scheme == "https"
            || host == "localhost"
            || address.is_some_and(|address| address.is_loopback())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.url
    }

    /// Returns where a redirect of a request to `from` leads, if that is on the same server.
    pub(crate) fn follow(&self, from: &Uri, location: &str) -> Option<Uri> {
        let absolute = if location.starts_with('/') && !location.starts_with("//") {
            format!("{}://{}{location}", from.scheme_str()?, from.authority()?)
        } else {
            location.to_owned()
        };
        let uri: Uri = absolute.parse().ok()?;
        (Origin::of(&uri)? == self.origin).then_some(uri)
    }
}

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let default = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(default);
        Some(Self { scheme, host, port })
    }
}

/// A text for messages: not its query, and not all of a long one.
pub(crate) fn shown(text: &str) -> SmolStr {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_absolute_and_nothing_but_scheme_host_and_path() {
        for (text, expected) in [
            ("https://app.example/scim/v2", Ok("https://app.example/scim/v2")),
            ("https://app.example/scim/v2//", Ok("https://app.example/scim/v2")),
            ("http://localhost:8080", Ok("http://localhost:8080")),
            ("app.example/scim", Err("is no URL")),
            ("/scim/v2", Err("is no URL")),
            ("ftp://app.example", Err("is no URL")),
            ("https://", Err("is no URL")),
            ("", Err("is no URL")),
            ("https://me:secret@app.example", Err("holds credentials")),
            ("https://app.example/scim?tenant=1", Err("has a query")),
            ("https://app.example/scim#v2", Err("has a query")),
        ] {
            match (Base::parse(text), expected) {
                (Ok(base), Ok(url)) => assert_eq!(base.as_str(), url),
                (Err(error), Err(message)) => {
                    assert!(error.to_string().contains(message), "{text}: {error}");
                    assert!(!error.to_string().contains("secret"));
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn only_this_machine_may_be_talked_to_without_encryption() {
        for (text, private) in [
            ("https://app.example", true),
            ("http://127.0.0.1:80", true),
            ("http://[::1]:8080/scim", true),
            ("http://LOCALHOST", true),
            ("http://app.example", false),
            ("http://127.0.0.1.example", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(Base::parse(text).unwrap().is_private(), private, "{text}");
        }
    }

    #[test]
    fn a_redirect_is_followed_on_the_same_server_alone() {
        let base = Base::parse("https://app.example/scim/v2").unwrap();
        let from: Uri = "https://app.example/scim/v2/Users".parse().unwrap();
        for (location, expected) in [
            ("/scim/v3/Users", Some("https://app.example/scim/v3/Users")),
            ("https://app.example:443/x", Some("https://app.example:443/x")),
            ("HTTPS://APP.example/x", Some("https://APP.example/x")),
            ("https://app.example@evil.example/x", None),
            ("https://evil.example/x", None),
            ("http://app.example/x", None),
            ("https://app.example:8443/x", None),
            ("//evil.example/x", None),
            ("Users", None),
            ("", None),
        ] {
            let found = base.follow(&from, location).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expected, "{location}");
        }
    }
}
