//! The order of messages that SORT asks for (RFC 5256 §3, RFC 5957 §3).

use super::address::addresses;
use super::dates::sent_date;
use super::decode::{fold, header_text};
use super::header::field;
use super::mime::Part;
use super::subject::base_subject;
use std::cmp::Ordering;

/// A sort key, without REVERSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKey {
    /// INTERNALDATE.
    Arrival,
    /// The mailbox of the first Cc address.
    Cc,
    /// The Date field, or INTERNALDATE where there is none (RFC 5256 §2.2).
    Date,
    /// The mailbox of the first From address.
    From,
    /// RFC822.SIZE.
    Size,
    /// The base subject.
    Subject,
    /// The mailbox of the first To address.
    To,
    /// The name of the first From address, or the address itself (RFC 5957).
    DisplayFrom,
    /// The name of the first To address, or the address itself (RFC 5957).
    DisplayTo,
}

/// What is compared of a message. All texts are folded (see [`fold`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sortable {
    /// Its sequence number, which decides among equals.
    pub(crate) number: u32,
    /// Its UID; carried along for the caller.
    pub(crate) uid: u32,
    /// INTERNALDATE, seconds since 1970.
    pub(crate) arrival: i64,
    /// When it was sent, seconds since 1970.
    pub(crate) sent: i64,
    /// Octets.
    pub(crate) size: u64,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) cc: String,
    pub(crate) display_from: String,
    pub(crate) display_to: String,
    pub(crate) subject: String,
}

/// Orders messages by the keys, each with whether it is reversed. Equals keep the order of their sequence numbers, also
/// where keys are reversed (RFC 5256 §3).
pub(crate) fn sort(messages: &mut [Sortable], keys: &[(SortKey, bool)]) {
    messages.sort_by(|a, b| {
        let mut by_keys = keys.iter().map(|&(key, reverse)| {
            let order = compare(key, a, b);
            if reverse { order.reverse() } else { order }
        });
        by_keys.find(|order| order.is_ne()).unwrap_or_else(|| a.number.cmp(&b.number))
    });
}

fn compare(key: SortKey, a: &Sortable, b: &Sortable) -> Ordering {
    match key {
        SortKey::Arrival => a.arrival.cmp(&b.arrival),
        SortKey::Cc => a.cc.cmp(&b.cc),
        SortKey::Date => a.sent.cmp(&b.sent),
        SortKey::From => a.from.cmp(&b.from),
        SortKey::Size => a.size.cmp(&b.size),
        SortKey::Subject => a.subject.cmp(&b.subject),
        SortKey::To => a.to.cmp(&b.to),
        SortKey::DisplayFrom => a.display_from.cmp(&b.display_from),
        SortKey::DisplayTo => a.display_to.cmp(&b.display_to),
    }
}

/// Reads what is compared of a message. `arrival` is its INTERNALDATE in seconds since 1970, `size` its RFC822.SIZE.
pub(crate) fn sortable(number: u32, uid: u32, bytes: &[u8], arrival: i64, size: u64) -> Sortable {
    let header = &bytes[Part::header_of(bytes)];
    let text = |name: &str| field(header, name).map(|value| header_text(&value)).unwrap_or_default();
    let (from, display_from) = first_address(header, "From");
    let (to, display_to) = first_address(header, "To");
    let (cc, _) = first_address(header, "Cc");
    Sortable {
        number,
        uid,
        arrival,
        sent: sent_date(&text("Date")).unwrap_or(arrival),
        size,
        from,
        to,
        cc,
        display_from,
        display_to,
        subject: fold(&base_subject(&text("Subject")).0),
    }
}

/// The mailbox and the display form of the first address in a field; empty if there is none. The first may be a group:
/// its name is both (RFC 5957 §3; in ENVELOPE the name of a group stands in the place of a mailbox, too).
fn first_address(header: &[u8], name: &str) -> (String, String) {
    let Some(first) = field(header, name).and_then(|value| addresses(&value).into_iter().next()) else {
        return Default::default();
    };
    let mailbox = first.mailbox.unwrap_or_default();
    let host = first.host.as_deref().filter(|h| !h.is_empty());
    let display = match first.name.filter(|n| !n.is_empty()) {
        Some(name) => name,
        None => [&mailbox[..], if host.is_some() { b"@" } else { b"" }, host.unwrap_or_default()].concat(),
    };
    (fold(&header_text(&mailbox)), fold(&header_text(&display)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(header: &str) -> Sortable {
        let bytes = format!("{header}\r\n\r\nbody\r\n");
        sortable(1, 1, bytes.as_bytes(), 1000, bytes.len() as u64)
    }

    #[test]
    fn what_is_compared() {
        let of = |field: &str| {
            let m = message(field);
            [m.from, m.to, m.cc, m.display_from, m.display_to, m.subject].join("/")
        };
        for (field, expected) in [
            ("From: Ben <maria@example.org>, x@y", "MARIA///BEN//"),
            ("From: zoe@Example.org", "ZOE///ZOE@EXAMPLE.ORG//"),
            ("From: \"\" <zoe@x>", "ZOE///ZOE@X//"),
            ("To: =?utf-8?Q?J=C3=B6rg?= <j@x>", "/J///JO\u{308}RG/"),
            ("To: Friends: a@b;", "/FRIENDS///FRIENDS/"),
            ("Cc: \"a b\"@x", "//A B///"),
            ("Subject: Re: [list] =?utf-8?Q?Gr=C3=BC=C3=9Fe?= (fwd)", "/////GRU\u{308}SSE"),
            ("From:", "/////"),
            ("X: y", "/////"),
        ] {
            assert_eq!(of(field), expected, "{field}");
        }
        assert_eq!(message("Date: 1 Jan 1970 00:00:05 +0000").sent, 5);
        assert_eq!(message("Date: never").sent, 1000);
        assert_eq!(message("X: y").sent, 1000);
    }

    #[test]
    fn orders() {
        let headers = [
            "From: zoe@a\r\nTo: Q <y@b>\r\nCc: c@d\r\nSubject: Re: budget\r\nDate: Mon, 02 Mar 2020 12:00:00 +0000",
            "From: adam@a\r\nTo: zara@b\r\nSubject: budget\r\nDate: Mon, 02 Mar 2020 13:00:00 +0200",
            "From: Ben <maria@a>\r\nTo: x@b\r\nCc: b@d\r\nSubject: Apples\r\nDate: Mon, 02 Mar 2020 13:00:00 +0000",
            "From: kim@a\r\nTo: walt@b\r\nSubject: Fwd: [list] Budget (fwd)\r\nDate: Tue, 03 Mar 2020 12:00:00 +0000",
        ];
        let all: Vec<Sortable> = (1_u32..)
            .zip(headers)
            .map(|(n, h)| sortable(n, n + 100, h.as_bytes(), 2000 - i64::from(n), u64::from(n % 3)))
            .collect();
        use SortKey::*;
        for (keys, expected) in [
            (&[(Subject, false)][..], [3, 1, 2, 4]),
            (&[(Subject, true)], [1, 2, 4, 3]),
            (&[(Subject, false), (Date, true)], [3, 4, 1, 2]),
            (&[(Date, false)], [2, 1, 3, 4]),
            (&[(From, false)], [2, 4, 3, 1]),
            (&[(To, false)], [4, 3, 1, 2]),
            (&[(Cc, false)], [2, 4, 3, 1]),
            (&[(DisplayFrom, false)], [2, 3, 4, 1]),
            (&[(DisplayTo, false)], [1, 4, 3, 2]),
            (&[(Arrival, false)], [4, 3, 2, 1]),
            (&[(Size, false)], [3, 1, 4, 2]),
            (&[(Size, true), (Arrival, false)], [2, 4, 1, 3]),
            (&[], [1, 2, 3, 4]),
        ] {
            let mut messages = all.clone();
            messages.reverse();
            sort(&mut messages, keys);
            assert_eq!(messages.iter().map(|m| m.number).collect::<Vec<_>>(), expected, "{keys:?}");
            assert!(messages.iter().all(|m| m.uid == m.number + 100));
        }
    }
}
