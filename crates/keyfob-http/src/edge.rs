//! The demands of HTTP on a server that clients reach directly (RFC 9112 section 3.2, RFC 9113 section 8.3.1, RFC 9110 section
//! 10.1.1, RFC 6585 section 5).

use http::{
    HeaderMap, Version, header,
    request::Parts,
    uri::{Authority, Scheme},
};

use crate::error::HttpError;

/// The length of the longest target, in bytes: a filter of a thousand terms fits, and `/.search` takes more.
const MAX_TARGET: usize = 32 << 10;

/// The number of header fields.
const MAX_FIELDS: usize = 100;

/// Checks a request that no proxy has checked.
///
/// # Errors
/// [`HttpError::Target`] for a target that is too long, [`HttpError::HeaderFields`] for too many header fields,
/// [`HttpError::Host`] for a request that names no host, several, or two different ones, [`HttpError::Expectation`] for an
/// expectation other than `100-continue`.
pub(crate) fn check(request: &Parts) -> Result<(), HttpError> {
    let target = request
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > MAX_TARGET {
        return Err(HttpError::Target { limit: MAX_TARGET });
    }
    if request.headers.len() > MAX_FIELDS {
        return Err(HttpError::HeaderFields { limit: MAX_FIELDS });
    }
    if !names_one_host(request) {
        return Err(HttpError::Host);
    }
    check_expectation(&request.headers)
}

fn names_one_host(request: &Parts) -> bool {
    let authority = request.uri.authority();
    if authority.is_some_and(names_user) {
        return false;
    }
    let mut hosts = request.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(|host| match authority {
            // RFC 9113 section 8.3.1: a `Host` beside `:authority` says the same.
            Some(authority) if request.version == Version::HTTP_2 => host
                .parse()
                .is_ok_and(|host| is_same(authority, &host, request.uri.scheme())),
            Some(_) if host.is_empty() => true,
            _ => host.parse::<Authority>().is_ok_and(|host| !names_user(&host)),
        }),
        // HTTP/1.0 has none, HTTP/2 has `:authority`.
        (None, _) => match request.version {
            Version::HTTP_11 => false,
            Version::HTTP_2 => authority.is_some(),
            _ => true,
        },
        (Some(_), Some(_)) => false,
    }
}

/// Returns true for an authority with a user before the host, which none of HTTP has (RFC 9110 section 4.2.4, RFC 9113 section
/// 8.3.1).
fn names_user(authority: &Authority) -> bool {
    authority.as_str().contains('@')
}

/// Returns true for two authorities of the same host and port, which may be left out where it is that of the scheme (RFC 9110
/// section 4.2.3).
fn is_same(one: &Authority, other: &Authority, scheme: Option<&Scheme>) -> bool {
    let usual = match scheme {
        Some(scheme) if *scheme == Scheme::HTTPS => Some(443),
        Some(scheme) if *scheme == Scheme::HTTP => Some(80),
        _ => None,
    };
    // A port that is no number is that of nothing.
    let port = |authority: &Authority| match authority.as_str().strip_prefix(authority.host())? {
        "" | ":" => usual,
        port => port.strip_prefix(':')?.parse::<u16>().ok(),
    };
    one.as_str().eq_ignore_ascii_case(other.as_str())
        || one.host().eq_ignore_ascii_case(other.host()) && port(one).is_some() && port(one) == port(other)
}

fn check_expectation(headers: &HeaderMap) -> Result<(), HttpError> {
    let is_known = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(header::EXPECT).iter().all(is_known) {
        Ok(())
    } else {
        Err(HttpError::Expectation)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    fn status(version: Version, headers: &[(&'static str, &'static str)]) -> Option<u16> {
        status_at("/Users", version, headers)
    }

    fn status_at(target: &str, version: Version, headers: &[(&'static str, &'static str)]) -> Option<u16> {
        let mut request = Request::builder().version(version).uri(target).body(()).unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .append(*name, HeaderValue::from_static(value));
        }
        check(&request.into_parts().0).err().map(|error| error.status())
    }

    #[test]
    fn rfc_9112_3_2_an_http_1_1_request_names_one_host() {
        for (version, headers, expected) in [
            (Version::HTTP_11, &[("host", "a.example")][..], None),
            (Version::HTTP_11, &[("host", "[::1]:8080")], None),
            (Version::HTTP_11, &[], Some(400)),
            (Version::HTTP_11, &[("host", "")], Some(400)),
            (Version::HTTP_11, &[("host", "a b")], Some(400)),
            (Version::HTTP_11, &[("host", "ann@a.example")], Some(400)),
            (
                Version::HTTP_11,
                &[("host", "a.example"), ("host", "a.example")],
                Some(400),
            ),
            (
                Version::HTTP_11,
                &[("host", "a.example"), ("host", "b.example")],
                Some(400),
            ),
            (Version::HTTP_10, &[], None),
            (
                Version::HTTP_10,
                &[("host", "a.example"), ("host", "b.example")],
                Some(400),
            ),
            (Version::HTTP_2, &[], Some(400)),
            (Version::HTTP_2, &[("host", "a.example")], None),
        ] {
            assert_eq!(status(version, headers), expected, "{version:?} {headers:?}");
        }
    }

    #[test]
    fn rfc_9113_8_3_1_a_host_beside_an_authority_says_the_same() {
        for (version, headers, expected) in [
            (Version::HTTP_2, &[][..], None),
            (Version::HTTP_2, &[("host", "A.example")], None),
            (Version::HTTP_2, &[("host", "b.example")], Some(400)),
            (Version::HTTP_2, &[("host", "")], Some(400)),
            // RFC 9110 section 4.2.3: 443 is the port of `https`.
            (Version::HTTP_2, &[("host", "a.example:443")], None),
            (Version::HTTP_2, &[("host", "a.example:")], None),
            (Version::HTTP_2, &[("host", "a.example:80")], Some(400)),
            (Version::HTTP_2, &[("host", "a.example:99999")], Some(400)),
            (Version::HTTP_2, &[("host", "ann@a.example")], Some(400)),
            // RFC 9112 section 3.2.2: the target counts, not the header.
            (Version::HTTP_11, &[("host", "b.example")], None),
            (Version::HTTP_11, &[("host", "")], None),
            (Version::HTTP_11, &[], Some(400)),
        ] {
            let answered = status_at("https://a.example/Users", version, headers);
            assert_eq!(answered, expected, "{version:?} {headers:?}");
        }
        for (target, host, expected) in [
            ("https://a.example:443/Users", "a.example", None),
            ("http://a.example:80/Users", "a.example", None),
            ("http://a.example/Users", "a.example:443", Some(400)),
            ("https://[::1]:443/Users", "[::1]", None),
            ("https://a.example:8443/Users", "a.example", Some(400)),
            ("https://ann@a.example/Users", "ann@a.example", Some(400)),
        ] {
            let answered = status_at(target, Version::HTTP_2, &[("host", host)]);
            assert_eq!(answered, expected, "{target} {host}");
        }
    }

    #[test]
    fn rfc_9110_10_1_1_an_expectation_that_is_not_known_is_417() {
        for (sent, expected) in [
            ("100-continue", None),
            ("100-Continue", None),
            ("banana", Some(417)),
            ("100-continue, banana", Some(417)),
            ("", Some(417)),
        ] {
            let headers = [("host", "a.example"), ("expect", sent)];
            assert_eq!(status(Version::HTTP_11, &headers), expected, "{sent:?}");
        }
    }

    #[test]
    fn a_target_and_header_fields_have_limits() {
        let of_length = |length: usize| {
            let target = format!("/{}", "a".repeat(length - 1));
            let request = Request::builder().uri(target).header("host", "a.example");
            let request = request.body(()).unwrap().into_parts().0;
            check(&request).err().map(|error| error.status())
        };
        assert_eq!(
            (of_length(32 << 10), of_length((32 << 10) + 1)),
            (None, Some(414))
        );
        let with_fields = |number: usize| {
            let mut request = Request::builder()
                .uri("/")
                .header("host", "a.example")
                .body(())
                .unwrap();
            for _ in 1..number {
                request.headers_mut().append("x", HeaderValue::from_static("1"));
            }
            check(&request.into_parts().0).err().map(|error| error.status())
        };
        assert_eq!((with_fields(100), with_fields(101)), (None, Some(431)));
    }
}
