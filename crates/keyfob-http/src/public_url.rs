//! The address at which clients reach the service, with which every address in an answer starts.

use http::{HeaderMap, header, request::Parts, uri::Authority};
use smol_str::{SmolStr, format_smolstr};

/// Where the address comes from.
#[derive(Debug)]
pub(crate) enum PublicUrl {
    /// It is not known: addresses are paths on whatever host the client talks to.
    Path,
    /// From the configuration, base path included.
    Fixed(SmolStr),
    /// From the host that the request names.
    Host,
    /// From what a proxy in front has noted in `X-Forwarded-Proto` and `X-Forwarded-Host`.
    Forwarded,
}

impl PublicUrl {
    /// The address for the answer to a request, without a slash at its end.
    pub(crate) fn of(&self, request: &Parts, base_path: &str) -> SmolStr {
        let forwarded = |name| {
            matches!(self, Self::Forwarded)
                .then(|| first(&request.headers, name))
                .flatten()
        };
        match self {
            Self::Path => base_path.into(),
            Self::Fixed(url) => url.clone(),
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
        let fixed = || PublicUrl::Fixed("https://id.example.com/scim".into());
        let all = &[
            ("host", "internal:8080"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "id.example.com, proxy.internal"),
        ][..];
        for (source, uri, headers, expected) in [
            (PublicUrl::Path, "/", all, "/v2"),
            (fixed(), "/", all, "https://id.example.com/scim"),
            (PublicUrl::Host, "/", all, "http://internal:8080/v2"),
            (
                PublicUrl::Host,
                "https://other.example/",
                all,
                "https://other.example/v2",
            ),
            (PublicUrl::Host, "/", &[], "/v2"),
            (PublicUrl::Host, "/", &[("host", "a b")], "/v2"),
            (PublicUrl::Host, "/", &[("host", "me@evil.example")], "/v2"),
            (
                PublicUrl::Host,
                "/",
                &[("host", "[::1]:80")],
                "http://[::1]:80/v2",
            ),
            (PublicUrl::Forwarded, "/", all, "https://id.example.com/v2"),
            (
                PublicUrl::Forwarded,
                "/",
                &[("host", "a.example")],
                "http://a.example/v2",
            ),
            (
                PublicUrl::Forwarded,
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
}
