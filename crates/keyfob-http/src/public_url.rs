//! The address at which clients reach the service, with which every address in an answer starts.

use std::{fmt, str::FromStr};

use http::{
    HeaderMap, Uri, header,
    request::Parts,
    uri::{Authority, Scheme},
};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

/// The address at which clients reach a server, without the path under which it serves SCIM: an origin such as
/// `https://id.example.com`, with a path where a proxy in front puts one before all others.
///
/// The service adds its base path, or the path at which a router nests it. A path that ends in just that isn't
/// lengthened again, so that `https://id.example.com/scim/v2` means the same with the base path `/scim/v2`.
///
/// ```
/// use keyfob_http::PublicUrl;
///
/// let url: PublicUrl = "https://id.example.com/".parse()?;
/// assert_eq!(url.as_str(), "https://id.example.com");
/// assert_eq!(url.with_base_path("/scim/v2"), "https://id.example.com/scim/v2");
/// assert!("id.example.com".parse::<PublicUrl>().is_err());
/// # Ok::<(), keyfob_http::PublicUrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    text: SmolStr,
    /// How much of the text is the origin.
    origin: usize,
}

impl PublicUrl {
    /// The address, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address of what is served under a base path, such as `/scim/v2`.
    #[must_use]
    pub fn with_base_path(&self, base_path: &str) -> SmolStr {
        let path = self.text.get(self.origin..).unwrap_or_default();
        if path.ends_with(base_path) {
            self.text.clone()
        } else {
            format_smolstr!("{}{base_path}", self.text)
        }
    }

    /// Checks that it is plain how the address goes on to a base path: it ends before the base path or with the whole
    /// of it. `https://id.example.com/scim` and `/scim/v2` may mean `/scim/v2` or `/scim/scim/v2`.
    ///
    /// # Errors
    /// [`PublicUrlError::BasePath`] for an address that ends with a part of the base path, or goes on after it.
    pub fn check_base_path(&self, base_path: &str) -> Result<(), PublicUrlError> {
        let path = self.text.get(self.origin..).unwrap_or_default();
        let mut starts = base_path.match_indices('/').skip(1).map(|(end, _)| end);
        let ends_with_part = starts.any(|end| base_path.get(..end).is_some_and(|part| path.ends_with(part)));
        let goes_on = !base_path.is_empty() && path.contains(&*format_smolstr!("{base_path}/"));
        if !path.ends_with(base_path) && (ends_with_part || goes_on) {
            return Err(PublicUrlError::BasePath);
        }
        Ok(())
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The error when a text is no [`PublicUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PublicUrlError {
    /// The text is no address, or one of another scheme.
    #[error("a public URL is like `https://id.example.com`")]
    NotHttp,
    /// It holds a name or a password.
    #[error("a public URL holds no user name and no password")]
    UserInfo,
    /// It holds a query or a fragment.
    #[error("a public URL ends with its path, without `?` and `#`")]
    NotAPath,
    /// Its path has a part that is empty, `.` or `..`.
    #[error("the path of a public URL has no empty part, no `.` and no `..`")]
    Segment,
    /// It ends with a part of the base path, or goes on after it.
    #[error("a public URL ends before the base path or with the whole of it")]
    BasePath,
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte);
        if !text.bytes().all(is_plain) {
            return Err(PublicUrlError::NotHttp);
        }
        if text.contains(['?', '#']) {
            return Err(PublicUrlError::NotAPath);
        }
        let uri: Uri = text.parse().map_err(|_| PublicUrlError::NotHttp)?;
        let scheme = uri
            .scheme()
            .filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme))
            .ok_or(PublicUrlError::NotHttp)?;
        let authority = uri.authority().ok_or(PublicUrlError::NotHttp)?;
        if authority.as_str().contains('@') {
            return Err(PublicUrlError::UserInfo);
        }
        let port = authority
            .as_str()
            .strip_prefix(authority.host())
            .unwrap_or_default();
        if authority.host().is_empty() || (!port.is_empty() && authority.port_u16().is_none()) {
            return Err(PublicUrlError::NotHttp);
        }
        let path = uri.path().trim_end_matches('/');
        if path
            .split('/')
            .skip(1)
            .any(|segment| ["", ".", ".."].contains(&segment))
        {
            return Err(PublicUrlError::Segment);
        }
        let origin = format_smolstr!("{scheme}://{authority}");
        Ok(Self {
            text: format_smolstr!("{origin}{path}"),
            origin: origin.len(),
        })
    }
}

/// Where the address comes from.
#[derive(Debug)]
pub(crate) enum AddressSource {
    /// It is not known: addresses are paths on whatever host the client talks to.
    Path,
    /// From the configuration.
    Fixed(PublicUrl),
    /// From the host that the request names.
    Host,
    /// From what a proxy in front has noted in `X-Forwarded-Proto` and `X-Forwarded-Host`.
    Forwarded,
}

impl AddressSource {
    /// The address for the answer to a request, without a slash at its end.
    pub(crate) fn of(&self, request: &Parts, base_path: &str) -> SmolStr {
        let forwarded = |name| {
            matches!(self, Self::Forwarded)
                .then(|| first(&request.headers, name))
                .flatten()
        };
        match self {
            Self::Path => base_path.into(),
            Self::Fixed(url) => url.with_base_path(base_path),
            Self::Host | Self::Forwarded => {
                let host = forwarded("x-forwarded-host").or_else(|| host(request));
                let Some(host) = host.filter(|host| is_host(host)) else {
                    return base_path.into();
                };
                let scheme = match forwarded("x-forwarded-proto") {
                    Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
                    Some(scheme) if scheme.eq_ignore_ascii_case("http") => "http",
                    _ if request.uri.scheme_str() == Some("https") => "https",
                    _ => "http",
                };
                format_smolstr!("{scheme}://{host}{base_path}")
            }
        }
    }
}

fn host(request: &Parts) -> Option<&str> {
    match request.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => first(&request.headers, header::HOST.as_str()),
    }
}

/// The first element of a list; proxies append to it.
fn first<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim)
}

fn is_host(text: &str) -> bool {
    !text.contains('@') && text.parse::<Authority>().is_ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn the_address_comes_from_where_the_application_says() {
        let fixed = |url: &str| AddressSource::Fixed(url.parse().unwrap());
        let all = &[
            ("host", "internal:8080"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "id.example.com, proxy.internal"),
        ][..];
        for (source, uri, headers, expected) in [
            (AddressSource::Path, "/", all, "/v2"),
            (
                fixed("https://id.example.com"),
                "/",
                all,
                "https://id.example.com/v2",
            ),
            (
                fixed("https://id.example.com/scim"),
                "/",
                all,
                "https://id.example.com/scim/v2",
            ),
            (
                fixed("https://id.example.com/v2/"),
                "/",
                all,
                "https://id.example.com/v2",
            ),
            (AddressSource::Host, "/", all, "http://internal:8080/v2"),
            (
                AddressSource::Host,
                "https://other.example/",
                all,
                "https://other.example/v2",
            ),
            (AddressSource::Host, "/", &[], "/v2"),
            (AddressSource::Host, "/", &[("host", "a b")], "/v2"),
            (AddressSource::Host, "/", &[("host", "me@evil.example")], "/v2"),
            (
                AddressSource::Host,
                "/",
                &[("host", "[::1]:80")],
                "http://[::1]:80/v2",
            ),
            (AddressSource::Forwarded, "/", all, "https://id.example.com/v2"),
            (
                AddressSource::Forwarded,
                "/",
                &[("host", "a.example")],
                "http://a.example/v2",
            ),
            (
                AddressSource::Forwarded,
                "/",
                &[("host", "a.example"), ("x-forwarded-proto", "javascript")],
                "http://a.example/v2",
            ),
        ] {
            let mut request = Request::builder().uri(uri);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(source.of(&parts, "/v2"), expected, "{source:?} {uri} {headers:?}");
        }
    }

    #[test]
    fn a_public_url_is_an_address_of_http_and_nothing_else() {
        for (text, expected) in [
            ("https://id.example.com", "https://id.example.com"),
            ("HTTPS://id.example.com/", "https://id.example.com"),
            ("http://127.0.0.1:8080/scim//", "http://127.0.0.1:8080/scim"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().as_str(), expected);
        }
        for (text, expected) in [
            ("", PublicUrlError::NotHttp),
            ("notaurl", PublicUrlError::NotHttp),
            ("/scim/v2", PublicUrlError::NotHttp),
            ("id.example.com:443", PublicUrlError::NotHttp),
            ("ftp://id.example.com", PublicUrlError::NotHttp),
            ("javascript:alert(1)", PublicUrlError::NotHttp),
            ("https://", PublicUrlError::NotHttp),
            ("https://:80", PublicUrlError::NotHttp),
            ("https://id.example.com:99999", PublicUrlError::NotHttp),
            ("https://h\r\nX-Evil: 1", PublicUrlError::NotHttp),
            ("https://h/\u{1b}[2J", PublicUrlError::NotHttp),
            ("https://h/ä", PublicUrlError::NotHttp),
            ("https://h/<script>", PublicUrlError::NotHttp),
            ("https://user:pw@h/", PublicUrlError::UserInfo),
            ("https://h/?a=b", PublicUrlError::NotAPath),
            ("https://h/#a", PublicUrlError::NotAPath),
            ("https://h//scim", PublicUrlError::Segment),
            ("https://h/a/../scim", PublicUrlError::Segment),
            ("https://h/./scim", PublicUrlError::Segment),
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn an_address_that_goes_half_into_the_base_path_or_beyond_it_is_refused() {
        for (url, base_path, is_plain) in [
            ("https://h", "/scim/v2", true),
            ("https://h", "", true),
            ("https://h/scim", "", true),
            ("https://h/t/acme", "/scim/v2", true),
            ("https://h/scim/v2", "/scim/v2", true),
            ("https://h/scim/t/acme", "/scim/v2", true),
            ("https://h/v2", "/scim/v2", true),
            ("https://h/myscim", "/scim/v2", true),
            ("https://scim", "/scim/v2", true),
            ("https://h/scim", "/scim/v2", false),
            ("https://h/t/scim/", "/scim/v2", false),
            ("https://h/a/b", "/a/b/c", false),
            ("https://h/scim/v2/Users", "/scim/v2", false),
        ] {
            let url: PublicUrl = url.parse().unwrap();
            assert_eq!(
                url.check_base_path(base_path).is_ok(),
                is_plain,
                "{url} {base_path}"
            );
        }
    }

    #[test]
    fn a_base_path_is_appended_once() {
        for (url, base_path, expected) in [
            ("https://h", "", "https://h"),
            ("https://h", "/scim/v2", "https://h/scim/v2"),
            ("https://h/scim/v2", "/scim/v2", "https://h/scim/v2"),
            (
                "https://h/t/acme/scim/v2/",
                "/scim/v2",
                "https://h/t/acme/scim/v2",
            ),
            ("https://h/scim", "/scim/v2", "https://h/scim/scim/v2"),
            // The host is no path.
            ("https://v2", "/v2", "https://v2/v2"),
        ] {
            let url: PublicUrl = url.parse().unwrap();
            assert_eq!(url.with_base_path(base_path), expected, "{url}");
        }
    }
}
