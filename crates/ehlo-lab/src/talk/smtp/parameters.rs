//! The parameters of MAIL and RCPT (RFC 5321 §4.1.1.11).

use super::envelope::Refusal;
use super::{LONGEST_HOLD, Smtp};
use crate::context::Context;
use ehlo_core::escape;
use ehlo_wire::smtp::xtext_decode;

type Given = [(String, Option<Vec<u8>>)];

/// What a client asks for with MAIL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MailParameters {
    /// BODY=BINARYMIME (RFC 3030 §3): line ends are no matter.
    pub(super) binary: bool,
    /// SMTPUTF8 (RFC 6531).
    pub(super) utf8: bool,
    /// RET (RFC 3461 §4.3).
    pub(super) ret: Option<Ret>,
    /// ENVID, decoded (RFC 3461 §4.4).
    pub(super) envelope_id: Option<String>,
    /// MT-PRIORITY (RFC 6710 §4).
    pub(super) priority: Option<i8>,
    /// When it may be delivered, in seconds since 1970 (RFC 4865).
    pub(super) hold_until: Option<i64>,
    /// PRDR: a reply for each recipient.
    pub(super) reply_for_each: bool,
}

/// How much of a message comes back with a report (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ret {
    /// All.
    Full,
    /// The header.
    Headers,
}

/// What a client asks for with RCPT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RcptParameters {
    /// NOTIFY (RFC 3461 §4.1).
    pub(super) notify: Notify,
    /// ORCPT: type and address, decoded (RFC 3461 §4.2).
    pub(super) original: Option<(String, String)>,
}

/// When a sender wants to be told (RFC 3461 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Notify {
    pub(super) success: bool,
    pub(super) failure: bool,
}

impl Default for Notify {
    /// RFC 3461 §4.1: without the parameter, of failures (and delays, of which there are none here).
    fn default() -> Self {
        Notify { success: false, failure: true }
    }
}

/// Reads the parameters of MAIL.
pub(super) fn mail(given: &Given, smtp: &Smtp, cx: &Context<'_>) -> Result<MailParameters, Refusal> {
    let mut found = MailParameters::default();
    let mut by: Option<(i64, bool)> = None;
    let holds = cx.settings.future_release;
    check(given, smtp.extended)?;
    for (name, value) in given {
        let value = value.as_deref();
        match (name.as_str(), value) {
            ("SIZE", Some(size)) => {
                let size = number(size, 20).ok_or_else(|| syntax("SIZE is not a number"))?;
                if size > cx.settings.largest_message as u128 {
                    return Err(Refusal::new(552, "5.3.4", "the message is too large"));
                }
            }
            ("BODY", Some(kind)) => {
                found.binary = kind.eq_ignore_ascii_case(b"BINARYMIME");
                if !found.binary
                    && !kind.eq_ignore_ascii_case(b"7BIT")
                    && !kind.eq_ignore_ascii_case(b"8BITMIME")
                {
                    return Err(syntax("BODY is 7BIT, 8BITMIME or BINARYMIME"));
                }
            }
            ("SMTPUTF8", None) => found.utf8 = true,
            ("RET", Some(kind)) => {
                found.ret = Some(match kind.to_ascii_uppercase().as_slice() {
                    b"FULL" => Ret::Full,
                    b"HDRS" => Ret::Headers,
                    _ => return Err(syntax("RET is FULL or HDRS")),
                });
            }
            ("ENVID", Some(text)) => {
                // RFC 3461 §4.4: up to 100 characters, which stand for printable ASCII.
                let id = (text.len() <= 100).then(|| xtext_decode(text)).flatten().and_then(printable);
                found.envelope_id = Some(id.ok_or_else(|| syntax("ENVID is no xtext of up to 100 octets"))?);
            }
            ("AUTH", Some(who)) if cx.settings.auth => {
                // RFC 4954 §5. Who wrote it first is nothing that we could check.
                if who != b"<>" && xtext_decode(who).is_none() {
                    return Err(syntax("AUTH is no address in xtext"));
                }
            }
            ("REQUIRETLS", None) if cx.tls.is_some() => {}
            ("BY", Some(text)) => {
                by = Some(deliver_by(text).ok_or_else(|| syntax("BY is seconds;N or seconds;R"))?);
            }
            ("MT-PRIORITY", Some(text)) => {
                // RFC 6710 §6: neither a plus sign nor a zero in front.
                let priority = (-9..=9).find(|p: &i8| p.to_string().as_bytes() == text);
                found.priority = Some(priority.ok_or_else(|| syntax("MT-PRIORITY is -9 to 9"))?);
            }
            ("HOLDFOR" | "HOLDUNTIL", Some(text)) if holds => {
                if found.hold_until.is_some() {
                    return Err(syntax("HOLDFOR and HOLDUNTIL exclude each other"));
                }
                found.hold_until = Some(hold(name, text, cx.now)?);
            }
            ("PRDR", None) if !smtp.is_lmtp() => found.reply_for_each = true,
            ("SMTPUTF8" | "PRDR", Some(_)) => return Err(syntax("the parameter takes no value")),
            ("REQUIRETLS", Some(_)) if cx.tls.is_some() => {
                return Err(syntax("the parameter takes no value"));
            }
            ("SIZE" | "BODY" | "RET" | "ENVID" | "BY" | "MT-PRIORITY", None) => {
                return Err(syntax("the parameter needs a value"));
            }
            ("HOLDFOR" | "HOLDUNTIL", None) if holds => {
                return Err(syntax("the parameter needs a value"));
            }
            _ => return Err(unknown(name)),
        }
    }
    if let (Some((by, true)), Some(until)) = (by, found.hold_until)
        && cx.now + by < until
    {
        // RFC 4865 §5: it cannot be delivered by then and held until then.
        return Err(syntax("BY ends before the message may be delivered"));
    }
    Ok(found)
}

/// Reads the parameters of RCPT.
pub(super) fn rcpt(given: &Given, extended: bool) -> Result<RcptParameters, Refusal> {
    let mut found = RcptParameters::default();
    check(given, extended)?;
    for (name, value) in given {
        match (name.as_str(), value.as_deref()) {
            ("NOTIFY", Some(text)) => {
                found.notify = notify(text)
                    .ok_or_else(|| syntax("NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY"))?;
            }
            ("ORCPT", Some(text)) => {
                found.original = Some(original(text).ok_or_else(|| syntax("ORCPT is type;xtext"))?);
            }
            ("NOTIFY" | "ORCPT", None) => return Err(syntax("the parameter needs a value")),
            _ => return Err(unknown(name)),
        }
    }
    Ok(found)
}

fn check(given: &Given, extended: bool) -> Result<(), Refusal> {
    for (at, (name, _)) in given.iter().enumerate() {
        if !extended {
            return Err(unknown(name));
        }
        if given[..at].iter().any(|(before, _)| before == name) {
            return Err(syntax("a parameter is given twice"));
        }
    }
    Ok(())
}

fn syntax(text: &'static str) -> Refusal {
    Refusal::new(501, "5.5.4", text)
}

fn unknown(name: &str) -> Refusal {
    Refusal::new(555, "5.5.4", format!("parameter {} is not supported", escape(name.as_bytes())))
}

fn number(text: &[u8], digits: usize) -> Option<u128> {
    let good = (1..=digits).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    good.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

fn printable(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok().filter(|t| t.bytes().all(|b| (b' '..=b'~').contains(&b)))
}

/// `by-time;by-mode[by-trace]` (RFC 2852 §4): the seconds, and whether it is to come back if it is late.
fn deliver_by(text: &[u8]) -> Option<(i64, bool)> {
    let text = std::str::from_utf8(text).ok()?.to_ascii_uppercase();
    let (time, mode) = text.split_once(';')?;
    let digits = time.strip_prefix('-').unwrap_or(time);
    number(digits.as_bytes(), 9)?;
    let seconds: i64 = time.parse().ok()?;
    match mode {
        "N" | "NT" => Some((seconds, false)),
        // RFC 2852 §4: with R the time is positive.
        "R" | "RT" if seconds > 0 => Some((seconds, true)),
        _ => None,
    }
}

fn hold(name: &str, text: &[u8], now: i64) -> Result<i64, Refusal> {
    let until = if name == "HOLDFOR" {
        let seconds = number(text, 9).filter(|s| *s > 0).ok_or_else(|| syntax("HOLDFOR is seconds"))?;
        now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX))
    } else {
        std::str::from_utf8(text)
            .ok()
            .filter(|t| t.ends_with(['Z', 'z']))
            .and_then(crate::dates::parse_rfc3339)
            .ok_or_else(|| syntax("HOLDUNTIL is a time such as 2026-11-24T12:00:00Z"))?
    };
    if until - now > LONGEST_HOLD {
        return Err(syntax("no message is held that long"));
    }
    Ok(until)
}

fn notify(text: &[u8]) -> Option<Notify> {
    if text.eq_ignore_ascii_case(b"NEVER") {
        return Some(Notify { success: false, failure: false });
    }
    let mut notify = Notify { success: false, failure: false };
    for word in text.split(|&b| b == b',') {
        match word.to_ascii_uppercase().as_slice() {
            b"SUCCESS" => notify.success = true,
            b"FAILURE" => notify.failure = true,
            // Nothing is ever delayed here.
            b"DELAY" => {}
            _ => return None,
        }
    }
    Some(notify)
}

fn original(text: &[u8]) -> Option<(String, String)> {
    let at = text.iter().position(|&b| b == b';')?;
    let (kind, address) = (&text[..at], &text[at + 1..]);
    let good_kind = !kind.is_empty() && kind.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    if !good_kind || text.len() > 500 + 12 || address.is_empty() {
        return None;
    }
    let kind = String::from_utf8_lossy(kind).into_owned();
    // RFC 6533 §3: addresses of the type utf-8 may stand as they are.
    let address = if kind.eq_ignore_ascii_case("utf-8") && !address.is_ascii() {
        String::from_utf8(address.to_vec()).ok()?
    } else {
        printable(xtext_decode(address)?)?
    };
    Some((kind, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_to_deliver() {
        for (text, expected) in [
            ("120;R", Some((120, true))),
            ("120;rt", Some((120, true))),
            ("-5;N", Some((-5, false))),
            ("0;NT", Some((0, false))),
            ("0;R", None),
            ("-1;R", None),
            ("1234567890;N", None),
            ("120", None),
            (";N", None),
            ("120;X", None),
        ] {
            assert_eq!(deliver_by(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn whom_to_notify() {
        for (text, expected) in [
            ("never", Some((false, false))),
            ("SUCCESS,delay", Some((true, false))),
            ("FAILURE,SUCCESS", Some((true, true))),
            ("DELAY", Some((false, false))),
            ("NEVER,FAILURE", None),
            ("", None),
            ("SUCCESS,", None),
        ] {
            let read = notify(text.as_bytes()).map(|n| (n.success, n.failure));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn original_recipients() {
        let read = |t: &str| original(t.as_bytes());
        assert_eq!(read("rfc822;some+2Bone@x.test"), Some(("rfc822".into(), "some+one@x.test".into())));
        assert_eq!(read("utf-8;jörg@x.test"), Some(("utf-8".into(), "jörg@x.test".into())));
        for bad in ["someone", "rfc822;", ";a@b", "rfc822;a+zz@b", "rfc822;a+0D+0Ab", "rfc822;jörg@x"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn holding_has_an_end() {
        let now = 1_800_000_000;
        assert_eq!(hold("HOLDFOR", b"60", now), Ok(now + 60));
        assert_eq!(hold("HOLDUNTIL", b"2027-01-15T08:00:01Z", now), Ok(now + 1));
        for (name, bad) in [
            ("HOLDFOR", "0"),
            ("HOLDFOR", "999999999"),
            ("HOLDFOR", "-1"),
            ("HOLDUNTIL", "2027-01-15T08:00:01+01:00"),
            ("HOLDUNTIL", "soon"),
            ("HOLDUNTIL", "2099-01-01T00:00:00Z"),
        ] {
            assert_eq!(hold(name, bad.as_bytes(), now).unwrap_err().code, 501, "{bad}");
        }
    }
}
