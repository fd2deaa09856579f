//! Servers at which users may be created without asking: those on this machine and at private addresses.

use std::net::IpAddr;

use http::Uri;

use crate::Unusable;

/// Refuses a server that may be one that people work with.
pub(crate) fn check(url: &str) -> Result<(), Unusable> {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    if is_private(host) {
        return Ok(());
    }
    Err(Unusable::new(format_args!(
        "`{host}` is neither this machine nor a private address, and a run creates, changes and deletes users and groups there; \
         --yes allows it"
    )))
}

/// Returns true for a host that nobody reaches from elsewhere: an address of this machine or of a private network (RFC 1918,
/// RFC 4193), or a name that is none of the public names (RFC 6761, RFC 6762, RFC 8375).
fn is_private(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        Err(_) => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            let special = ["localhost", "local", "test", "internal", "home.arpa"];
            special.iter().any(|special| {
                name.strip_suffix(special)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_hosts_are_those_that_nobody_reaches_from_elsewhere() {
        for (host, private) in [
            ("127.0.0.1", true),
            ("[::1]", true),
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("[fd00::1]", true),
            ("[fe80::1]", true),
            ("[::ffff:10.0.0.1]", true),
            ("[::ffff:8.8.8.8]", false),
            ("8.8.8.8", false),
            ("[2001:db8::1]", false),
            ("localhost", true),
            ("LOCALHOST.", true),
            ("app.localhost", true),
            ("printer.local", true),
            ("scim.test", true),
            ("notlocalhost", false),
            ("localhost.example", false),
            ("app.example", false),
            ("127.0.0.1.example", false),
            ("", false),
        ] {
            assert_eq!(is_private(host), private, "{host}");
        }
    }
}
