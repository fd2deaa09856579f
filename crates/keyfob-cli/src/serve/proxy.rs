//! The proxies that are believed what they say of a request.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use http::{HeaderMap, HeaderName};

/// Addresses of proxies.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies(Vec<Network>);

impl Proxies {
    pub(super) fn new(networks: &[Network]) -> Self {
        Self(networks.to_vec())
    }

    /// Returns true for the address of a proxy.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }

    /// Returns the address of the client: that of the connection, or where a proxy has it, the last one in `X-Forwarded-For` that
    /// isn't a proxy's. What stands before it a client may have written.
    pub(super) fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        // As bytes: what is no text ends the walk like any other name that is no address, instead of being passed over.
        let mut named = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        while self.contain(client)
            && let Some(before) = named.next().and_then(address)
        {
            client = before;
        }
        client
    }
}

/// The header in which proxies name who has connected to them, each behind those before it.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Reads an address, beside which some proxies write a port.
fn address(name: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(name).ok()?.trim();
    let alone = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    alone.unwrap_or(text).parse().ok().or_else(with_port)
}

/// A range of addresses, such as `10.0.0.0/8` or `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a proxy is an address or a network, like `10.0.0.7`, `10.0.0.0/8` or `fd00::/8`";
        let (address, prefix) = text
            .split_once('/')
            .map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| FORM)?;
        let longest: u32 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), str::parse).map_err(|_| FORM)?;
        if prefix > longest {
            return Err(FORM);
        }
        // Addresses are compared in the shorter one of their two forms.
        match (address.to_canonical(), prefix.checked_sub(96)) {
            (canonical @ IpAddr::V4(_), Some(prefix)) if address.is_ipv6() => Ok(Self {
                address: canonical,
                prefix,
            }),
            _ => Ok(Self { address, prefix }),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_client_is_who_has_connected_to_the_outermost_proxy_that_is_trusted() {
        let proxies = Proxies::new(&["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
        for (peer, forwarded, client) in [
            // Nobody else is believed.
            ("192.0.2.1", &["203.0.113.9"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("::1", &["203.0.113.9"], "203.0.113.9"),
            // What a client writes stands before what the proxy does.
            ("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["10.9.9.9, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9:443"], "203.0.113.9"),
            ("10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            // No line is passed over for one that a client wrote before it.
            (
                "10.0.0.1",
                &["198.51.100.1", "\u{ff}, 203.0.113.9"],
                "203.0.113.9",
            ),
            ("10.0.0.1", &["198.51.100.1, \u{ff}, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1", "\u{ff}"], "10.0.0.1"),
            (
                "10.0.0.1",
                &["198.51.100.1", "203.0.113.9, \u{ff}, 10.0.0.2"],
                "10.0.0.2",
            ),
        ] {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                // Each character a byte, so that lines can hold what is no text.
                let line: Vec<u8> = line
                    .chars()
                    .map(|character| u8::try_from(character).unwrap())
                    .collect();
                headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(&line).unwrap());
            }
            let found = proxies.client_of(peer.parse().unwrap(), &headers);
            assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_network_holds_the_addresses_of_its_prefix() {
        for (network, address, is_held) in [
            ("10.0.0.0/8", "10.255.1.2", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
            ("10.0.0.7", "::ffff:10.0.0.7", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "fd00::1", true),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::1", "::1", true),
            ("::ffff:10.0.0.7", "10.0.0.7", true),
            ("::ffff:10.0.0.7", "10.0.0.8", false),
            ("::ffff:10.0.0.0/104", "::ffff:10.255.1.2", true),
            ("::ffff:10.0.0.0/104", "11.0.0.1", false),
        ] {
            let proxies = Proxies::new(&[network.parse().unwrap()]);
            assert_eq!(
                proxies.contain(address.parse().unwrap()),
                is_held,
                "{network} {address}"
            );
        }
        assert!(!Proxies::default().contain("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "proxy.example",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/x",
            "10.0.0/8",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
