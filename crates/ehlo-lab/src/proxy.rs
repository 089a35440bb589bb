//! The PROXY header of HAProxy, versions 1 and 2: what a proxy says in front of everything about the client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 1, its line end included.
const LONGEST_LINE: usize = 107;
/// What follows the fixed part of version 2: addresses and whatever a proxy adds; no proxy needs more.
const LONGEST_REST: usize = 4096;

/// What stands at the beginning of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// Not whole yet.
    Incomplete,
    /// No header: the connection is to be closed.
    Bad,
    /// A header of so many octets, and the client it names; none if it names none.
    Whole(usize, Option<IpAddr>),
}

/// Reads a header.
pub(crate) fn parse(bytes: &[u8]) -> Header {
    if bytes.starts_with(SIGNATURE) {
        binary(bytes)
    } else if SIGNATURE.starts_with(bytes) || b"PROXY ".starts_with(bytes) {
        Header::Incomplete
    } else if bytes.starts_with(b"PROXY ") {
        line(bytes)
    } else {
        Header::Bad
    }
}

fn line(bytes: &[u8]) -> Header {
    let window = &bytes[..bytes.len().min(LONGEST_LINE)];
    let Some(end) = memchr::memmem::find(window, b"\r\n") else {
        return if bytes.len() < LONGEST_LINE { Header::Incomplete } else { Header::Bad };
    };
    let Ok(text) = std::str::from_utf8(&bytes[..end]) else { return Header::Bad };
    let words: Vec<&str> = text.split(' ').collect();
    let port = |word: &str| word.parse::<u16>().is_ok();
    match words[1..] {
        ["UNKNOWN", ..] => Header::Whole(end + 2, None),
        ["TCP4", from, to, a, b] if port(a) && port(b) => match (from.parse(), to.parse::<Ipv4Addr>()) {
            (Ok(from), Ok(_)) => Header::Whole(end + 2, Some(IpAddr::V4(from))),
            _ => Header::Bad,
        },
        ["TCP6", from, to, a, b] if port(a) && port(b) => match (from.parse(), to.parse::<Ipv6Addr>()) {
            (Ok(from), Ok(_)) => Header::Whole(end + 2, Some(IpAddr::V6(from))),
            _ => Header::Bad,
        },
        _ => Header::Bad,
    }
}

fn binary(bytes: &[u8]) -> Header {
    let Some(&[version, family, high, low]) = bytes.get(12..16).and_then(|b| b.first_chunk::<4>()) else {
        return Header::Incomplete;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if version >> 4 != 2 || version & 15 > 1 || length > LONGEST_REST {
        return Header::Bad;
    }
    let Some(rest) = bytes.get(16..16 + length) else { return Header::Incomplete };
    let client = match (version & 15, family >> 4) {
        // LOCAL: the proxy itself, e.g. to see whether we are alive.
        (0, _) => None,
        (_, 1) => match rest.first_chunk::<4>() {
            Some(&octets) if length >= 12 => Some(IpAddr::from(octets)),
            _ => return Header::Bad,
        },
        (_, 2) => match rest.first_chunk::<16>() {
            Some(&octets) if length >= 36 => Some(IpAddr::from(octets)),
            _ => return Header::Bad,
        },
        (_, 0 | 3) => None,
        _ => return Header::Bad,
    };
    Header::Whole(16 + length, client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let read = |t: &str| parse(t.as_bytes());
        let client = Some("192.0.2.9".parse().unwrap());
        assert_eq!(read("PROXY TCP4 192.0.2.9 192.0.2.1 5 25\r\nEHLO"), Header::Whole(37, client));
        let client = Some("2001:db8::9".parse().unwrap());
        assert_eq!(read("PROXY TCP6 2001:db8::9 ::1 5 25\r\n"), Header::Whole(33, client));
        assert_eq!(read("PROXY UNKNOWN whatever\r\n"), Header::Whole(24, None));
        for part in ["", "P", "PROXY", "PROXY TCP4 1", "\r\n\r\n"] {
            assert_eq!(read(part), Header::Incomplete, "{part}");
        }
        for bad in [
            "EHLO x\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP4 192.0.2.9 192.0.2.1 5\r\n",
            "PROXY TCP4 192.0.2.9 192.0.2.1 5 99999\r\n",
            "PROXY \r\n",
            &format!("PROXY {}", "x".repeat(200)),
        ] {
            assert_eq!(read(bad), Header::Bad, "{bad}");
        }
    }

    #[test]
    fn octets() {
        let header = |version: u8, family: u8, rest: &[u8]| {
            let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
            [SIGNATURE, &[version, family], &length, rest].concat()
        };
        let four = header(0x21, 0x11, &[192, 0, 2, 9, 192, 0, 2, 1, 0, 5, 0, 25, 4, 0, 0]);
        assert_eq!(parse(&four), Header::Whole(31, Some("192.0.2.9".parse().unwrap())));
        for end in 0..four.len() {
            assert_eq!(parse(&four[..end]), Header::Incomplete, "{end}");
        }
        let six = header(0x21, 0x21, &[1; 36]);
        assert!(matches!(parse(&six), Header::Whole(52, Some(IpAddr::V6(_)))));
        assert_eq!(parse(&header(0x20, 0, b"")), Header::Whole(16, None));
        for bad in [header(0x11, 0x11, &[0; 12]), header(0x22, 0, b""), header(0x21, 0x11, &[0; 5])] {
            assert_eq!(parse(&bad), Header::Bad, "{bad:?}");
        }
        assert_eq!(parse(&[SIGNATURE, &[0x21, 0x11, 255, 255]].concat()), Header::Bad);
    }
}
