//! The header of the PROXY protocol: what a proxy says in front of everything about who has connected to it.

use std::net::{IpAddr, SocketAddr};

/// A header that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// In the form of version 2, which is binary.
    pub binary: bool,
    /// Who is said to have connected, and to whom; none says that nobody knows.
    pub between: Option<(SocketAddr, SocketAddr)>,
}

/// What version 2 begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

impl Proxy {
    /// The header.
    pub fn header(&self) -> Vec<u8> {
        if self.binary { self.version_2() } else { self.version_1() }
    }

    fn version_1(&self) -> Vec<u8> {
        let Some((from, to)) = self.between else { return b"PROXY UNKNOWN\r\n".to_vec() };
        let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
        format!("PROXY {family} {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port()).into_bytes()
    }

    fn version_2(&self) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        let Some((from, to)) = self.between else {
            // LOCAL: the connection is the proxy's own.
            out.extend([0x20, 0, 0, 0]);
            return out;
        };
        let mut rest = Vec::new();
        for address in [from, to] {
            match address.ip() {
                IpAddr::V4(v4) => rest.extend(v4.octets()),
                IpAddr::V6(v6) => rest.extend(v6.octets()),
            }
        }
        rest.extend(from.port().to_be_bytes());
        rest.extend(to.port().to_be_bytes());
        // TCP over IPv4 or IPv6.
        out.extend([0x21, if from.is_ipv4() { 0x11 } else { 0x21 }, 0, rest.len() as u8]);
        out.extend(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(binary: bool, from: &str, to: &str) -> Vec<u8> {
        Proxy { binary, between: Some((from.parse().unwrap(), to.parse().unwrap())) }.header()
    }

    #[test]
    fn both_versions_as_they_are_specified() {
        assert_eq!(
            proxy(false, "192.0.2.1:1000", "198.51.100.2:25"),
            b"PROXY TCP4 192.0.2.1 198.51.100.2 1000 25\r\n"
        );
        let v2 = proxy(true, "[2001:db8::1]:1", "[2001:db8::2]:25");
        assert_eq!((&v2[12..16], v2.len()), (&[0x21, 0x21, 0, 36][..], 16 + 36));
        let v2 = proxy(true, "192.0.2.1:258", "198.51.100.2:25");
        assert_eq!(&v2[12..], [0x21, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100, 2, 1, 2, 0, 25]);
        assert_eq!(Proxy { binary: false, between: None }.header(), b"PROXY UNKNOWN\r\n");
        assert_eq!(Proxy { binary: true, between: None }.header().len(), 16);
    }
}
