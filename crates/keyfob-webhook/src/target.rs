//! Addresses and types of events, as administrators give them.

use std::net::IpAddr;

use http::Uri;
use keyfob_client::is_public;
use smol_str::SmolStr;

use crate::error::WebhookError;

/// The length of an address, in bytes.
const MAX_URL: usize = 2_048;

/// The number of types of events that a webhook takes, and the length of one.
const MAX_EVENTS: usize = 100;
const MAX_EVENT: usize = 128;

/// Returns an address if messages may be sent there.
///
/// This tells a person what is wrong. Whether a connection is made is decided when the name is resolved, by the transport.
pub(crate) fn check_url(text: &str, allows_loopback: bool) -> Result<SmolStr, WebhookError> {
    let shown = || {
        let end = text.find(['?', '#']).unwrap_or(text.len());
        let shown = text.get(..end).unwrap_or_default();
        let start = shown.rfind('@').map_or(0, |at| at + 1);
        let shown = shown.get(start..).unwrap_or_default();
        shown.chars().take(200).collect()
    };
    let wrong = |reason| WebhookError::Url { url: shown(), reason };
    if text.len() > MAX_URL {
        return Err(wrong("it is longer than 2048 bytes"));
    }
    if text.contains('#') {
        return Err(wrong("it has a fragment"));
    }
    let uri: Uri = text.parse().map_err(|_| wrong("it is no URL"))?;
    let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("it holds credentials; the signature tells who sends"));
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let address: Option<IpAddr> = host.parse().ok();
    let is_loopback = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    match uri.scheme_str() {
        _ if is_loopback && !allows_loopback => Err(wrong("it is an address of this machine")),
        _ if !is_loopback && address.is_some_and(|address| !is_public(address)) => {
            Err(wrong("it is an address of a private network"))
        }
        Some("https") => Ok(text.into()),
        Some("http") if is_loopback => Ok(text.into()),
        Some("http") => Err(wrong("it is not encrypted; use `https`")),
        _ => Err(wrong("it is no `https` URL")),
    }
}

/// Returns types of events if they are some.
pub(crate) fn check_events(events: &[&str]) -> Result<Vec<SmolStr>, WebhookError> {
    if events.len() > MAX_EVENTS {
        return Err(WebhookError::TooMany {
            limit: MAX_EVENTS,
            what: "types of events",
        });
    }
    let check = |event: &&str| {
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        };
        let parts = event.split_once('.').filter(|_| event.len() <= MAX_EVENT);
        match parts {
            Some((resource_type, name)) if is_name(resource_type) && (name == "*" || is_name(name)) => {
                Ok(SmolStr::new(event))
            }
            _ => Err(WebhookError::Event(event.chars().take(MAX_EVENT).collect())),
        }
    };
    events.iter().map(check).collect()
}

/// Returns true if a webhook takes events of a type.
pub(crate) fn takes(events: &[SmolStr], resource_type: &str, name: &str) -> bool {
    events.is_empty()
        || events.iter().any(|event| {
            event
                .split_once('.')
                .is_some_and(|(of, named)| of == resource_type && (named == "*" || named == name))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_encrypted_and_of_the_public_internet() {
        for (url, loopback, expected) in [
            ("https://hooks.example.com/users?tenant=1", false, ""),
            ("https://93.184.216.34:8443/", false, ""),
            ("http://hooks.example.com/", false, "not encrypted"),
            ("http://127.0.0.1:8080/", false, "this machine"),
            ("http://127.0.0.1:8080/", true, ""),
            ("http://localhost/", true, ""),
            ("http://[::1]/", true, ""),
            ("https://localhost/", false, "this machine"),
            ("https://10.0.0.1/", true, "private network"),
            ("https://[fd00::1]/", true, "private network"),
            (
                "https://169.254.169.254/latest/meta-data",
                false,
                "private network",
            ),
            ("https://me:secret@hooks.example.com/", false, "holds credentials"),
            ("https://hooks.example.com/#x", false, "a fragment"),
            ("ftp://hooks.example.com/", false, "no `https` URL"),
            ("hooks.example.com/x", false, "no URL"),
            ("/x", false, "no host"),
            ("", false, "no URL"),
        ] {
            match check_url(url, loopback) {
                Ok(found) => assert_eq!((found.as_str(), ""), (url, expected)),
                Err(error) => {
                    let error = error.to_string();
                    assert!(!expected.is_empty() && error.contains(expected), "{url}: {error}");
                    assert!(!error.contains("secret"), "{error}");
                }
            }
        }
    }

    #[test]
    fn types_of_events_are_a_resource_type_and_a_name_or_all_names() {
        let events = check_events(&["User.created", "Group.*"]).unwrap();
        for (resource_type, name, expected) in [
            ("User", "created", true),
            ("User", "changed", false),
            ("Group", "changed", true),
            ("Groups", "changed", false),
        ] {
            assert_eq!(
                takes(&events, resource_type, name),
                expected,
                "{resource_type}.{name}"
            );
        }
        assert!(takes(&[], "User", "created"));
        for wrong in [
            "User",
            "User.",
            ".created",
            "*",
            "*.created",
            "User.cre ated",
            "User.a.b",
            "",
        ] {
            assert!(
                matches!(check_events(&[wrong]), Err(WebhookError::Event(_))),
                "{wrong}"
            );
        }
    }
}
