//! What the servers on the way wrote into the header: `Received` (RFC 5321 §4.4) and `Authentication-Results`
//! (RFC 8601). Anybody on the way can write anything there, so it is told and not believed.

use super::fields::{RawField, split};
use ehlo_core::escape;
use ehlo_core::trip::{Hop, HopOddity};
use mail_parser::DateTime;

/// More hops are a loop, and nobody reads them (RFC 5321 §6.3 takes a hundred for one).
const MOST_HOPS: usize = 200;
/// Dates are in whole seconds, so that two clocks that agree may differ by one.
const ROUNDING: i64 = 1;

/// The hops of a message, the first server first. `known`: so many `Received` fields were there when it was sent. `sent`
/// and `seen` (seconds since 1970) are when it was sent and when it was seen.
pub fn hops(message: &[u8], known: usize, sent: i64, seen: i64) -> Vec<Hop> {
    let (fields, _) = split(message);
    let received: Vec<&RawField> = fields.iter().filter(|field| field.is("Received")).collect();
    let new = received.len().saturating_sub(known);
    let mut before = sent;
    let mut hops = Vec::new();
    // The last that handled it stands on top.
    for field in received[..new].iter().rev().take(MOST_HOPS) {
        let mut hop = hop(&field.unfolded());
        if let Some(at) = hop.at {
            let delay = at.saturating_sub(before);
            hop.delay_s = Some(if (-ROUNDING..0).contains(&delay) { 0 } else { delay });
            if delay < -ROUNDING {
                hop.oddity = Some(HopOddity::ClockBehind);
            } else if at > seen.saturating_add(ROUNDING) {
                hop.oddity = Some(HopOddity::ClockAhead);
            }
            before = at;
        }
        hops.push(hop);
    }
    hops
}

/// What receivers wrote about who sent it, as they wrote it, the last receiver first. What the sender wrote himself is
/// nothing of theirs: `sent` is the message as it was.
pub fn authentication_results(message: &[u8], sent: &[u8]) -> Vec<String> {
    let results = |message: &[u8]| -> Vec<RawField> {
        let is = |f: &RawField| f.is("Authentication-Results") || f.is("ARC-Authentication-Results");
        split(message).0.into_iter().filter(is).collect()
    };
    let own: Vec<Vec<u8>> = results(sent).iter().map(RawField::unfolded).collect();
    results(message)
        .iter()
        .filter(|field| !own.contains(&field.unfolded()))
        .take(MOST_HOPS)
        .map(RawField::shown)
        .collect()
}

fn hop(value: &[u8]) -> Hop {
    let value = &value[..value.len().min(4000)];
    let (words, date) = read(value);
    let behind = |keyword: &str| {
        let at = words.iter().position(|word| word.eq_ignore_ascii_case(keyword.as_bytes()))?;
        // A keyword that follows at once leaves its place empty.
        words.get(at + 1).map(|word| escape(word))
    };
    let at = date.as_deref().and_then(moment);
    let oddity = match (&date, at) {
        (None, _) => Some(HopOddity::NoDate),
        (Some(_), None) => Some(HopOddity::BadDate),
        _ => None,
    };
    Hop {
        from: behind("from"),
        by: behind("by"),
        with: behind("with"),
        id: behind("id"),
        date: date.as_deref().map(escape),
        at,
        delay_s: None,
        oddity,
    }
}

/// The words in front of the date, and the date; what stands in parentheses is for people.
fn read(value: &[u8]) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
    let mut depth = 0u32;
    let mut escaped = false;
    let mut bare: Vec<u8> = Vec::with_capacity(value.len());
    for &byte in value {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if depth > 0 => escaped = true,
            b'(' => depth += 1,
            b')' if depth > 0 => {
                depth -= 1;
                bare.push(b' ');
            }
            _ if depth == 0 => bare.push(byte),
            _ => {}
        }
    }
    let semicolon = bare.iter().rposition(|&b| b == b';');
    let (front, date) = match semicolon {
        Some(at) => (&bare[..at], Some(bare[at + 1..].trim_ascii().to_vec()).filter(|d| !d.is_empty())),
        None => (&bare[..], None),
    };
    let words = front.split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty());
    (words.map(<[u8]>::to_vec).collect(), date)
}

/// A date of RFC 5322 in seconds since 1970.
fn moment(date: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(date).ok()?;
    let parsed = DateTime::parse_rfc822(text)?;
    (parsed.is_valid() && parsed.year > 0).then(|| parsed.to_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: i64 = 1_795_500_000; // Tue, 24 Nov 2026 06:00:00 +0000

    fn message(received: &[&str]) -> Vec<u8> {
        let fields: String = received.iter().map(|value| format!("Received: {value}\r\n")).collect();
        format!("{fields}Subject: x\r\n\r\nbody\r\n").into_bytes()
    }

    #[test]
    fn every_hop_has_its_delay_whatever_its_time_zone() {
        let bytes = message(&[
            "from b.example (b.example [192.0.2.1]) by c.example\r\n\t(Postfix (x)) with LMTP id 17; Tue, 24 Nov 2026 08:00:09 +0200",
            "from client by b.example with ESMTPSA id 1AB for <a@b>; Tue, 24 Nov 2026 06:00:02 +0000 (UTC)",
        ]);
        let found = hops(&bytes, 0, SENT, SENT + 10);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].from.as_deref(), Some("client"));
        assert_eq!(found[0].by.as_deref(), Some("b.example"));
        assert_eq!(found[0].with.as_deref(), Some("ESMTPSA"));
        assert_eq!(found[0].id.as_deref(), Some("1AB"));
        assert_eq!(found[0].delay_s, Some(2));
        assert_eq!((found[1].delay_s, found[1].with.as_deref()), (Some(7), Some("LMTP")));
        assert!(found.iter().all(|hop| hop.oddity.is_none()), "{found:?}");
        // What was there before is no hop of this trip.
        assert_eq!(hops(&bytes, 1, SENT, SENT + 10).len(), 1);
    }

    #[test]
    fn clocks_that_disagree_are_told() {
        let of = |date: &str| hops(&message(&[&format!("by x; {date}")]), 0, SENT, SENT + 10)[0].clone();
        let behind = of("Tue, 24 Nov 2026 05:59:00 +0000");
        assert_eq!((behind.delay_s, behind.oddity), (Some(-60), Some(HopOddity::ClockBehind)));
        let ahead = of("Tue, 24 Nov 2026 07:00:00 +0000");
        assert_eq!((ahead.delay_s, ahead.oddity), (Some(3600), Some(HopOddity::ClockAhead)));
        // One second is rounding.
        let rounded = of("Tue, 24 Nov 2026 05:59:59 +0000");
        assert_eq!((rounded.delay_s, rounded.oddity), (Some(0), None));
    }

    #[test]
    fn dates_that_are_none_are_told_and_not_guessed() {
        for (value, oddity) in [
            ("by x", HopOddity::NoDate),
            ("by x;", HopOddity::NoDate),
            ("by x (; Tue, 24 Nov 2026 06:00:00 +0000)", HopOddity::NoDate),
            ("by x; yesterday", HopOddity::BadDate),
            ("by x; Tue, 99 Nov 2026 06:00:00 +0000", HopOddity::BadDate),
            ("by x; Tue, 24 Nov 2026 06:99:00 +0000", HopOddity::BadDate),
            ("by x; \u{1b}[31m", HopOddity::BadDate),
        ] {
            let found = hops(&message(&[value]), 0, SENT, SENT + 10);
            assert_eq!((found[0].oddity, found[0].delay_s), (Some(oddity), None), "{value}");
            assert!(found[0].date.as_deref().is_none_or(ehlo_core::is_escaped));
        }
        for hostile in ["((((((", "\\", "; ; ;", "from", "from by with id", ")", "from \0 by \u{7}; 1"] {
            assert_eq!(hops(&message(&[hostile]), 0, SENT, SENT).len(), 1);
        }
    }

    #[test]
    fn results_of_receivers_are_told_as_they_stand() {
        let received = b"Authentication-Results: mx.example;\r\n\tspf=pass smtp.mailfrom=a@b\r\nAuthentication-Results: forged; spf=pass\r\n\r\n";
        let sent = b"Authentication-Results: forged; spf=pass\r\n\r\n";
        assert_eq!(authentication_results(received, sent), ["mx.example; spf=pass smtp.mailfrom=a@b"]);
    }
}
