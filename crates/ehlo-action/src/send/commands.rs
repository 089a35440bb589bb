//! What MAIL and RCPT say, held against what the server offers.

use super::message::{Measured, Message};
use super::options::{BodyKind, SendOptions, SizeWish, Wish};
use ehlo_core::facts::CapabilityFacts;
use ehlo_core::send::SendRemark;
use ehlo_wire::smtp::xtext_encode;

/// What MAIL and RCPT say besides the address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) mail: Vec<String>,
    pub(super) rcpt: Vec<String>,
    pub(super) reply_each: bool,
}

/// What a server offers, or is taken to offer where nobody is asked.
pub(super) enum Offer<'a> {
    /// What it lists.
    Listed(&'a CapabilityFacts),
    /// All that is wanted.
    Everything,
}

impl Offer<'_> {
    pub(super) fn has(&self, keyword: &str) -> bool {
        match self {
            Offer::Listed(list) => list.has(keyword),
            Offer::Everything => true,
        }
    }

    fn largest(&self) -> Option<u64> {
        match self {
            Offer::Listed(list) => list.get("SIZE")?.args.first()?.parse().ok().filter(|size| *size > 0),
            Offer::Everything => None,
        }
    }

    /// A number in LIMITS (RFC 9422 §3).
    pub(super) fn limit(&self, name: &str) -> Option<u64> {
        let Offer::Listed(list) = self else { return None };
        let words = &list.get("LIMITS")?.args;
        let value = |word: &String| {
            let (key, value) = word.split_once('=')?;
            key.eq_ignore_ascii_case(name).then(|| value.parse().ok()).flatten()
        };
        words.iter().find_map(value).filter(|limit| *limit > 0)
    }
}

/// The parameters for a message to `recipients`, or why it cannot be sent as it is wanted.
pub(super) fn said(
    options: &SendOptions,
    offer: &Offer<'_>,
    message: &Message,
    measured: &Measured,
    recipients: &[String],
) -> Result<Said, SendRemark> {
    let wanted = &options.parameters;
    let mut said = Said::default();
    let missing = |keyword: &str| {
        let lacks = !options.force && !offer.has(keyword);
        lacks.then(|| SendRemark::new("not-offered", &[("what", keyword.to_owned())]))
    };
    macro_rules! want {
        ($keyword:expr) => {
            if let Some(problem) = missing($keyword) {
                return Err(problem);
            }
        };
    }
    if options.chunk.is_some() {
        want!("CHUNKING");
    }
    if let Some(limit) = offer.largest().filter(|limit| measured.octets > *limit && !options.force) {
        return Err(too_large(message, measured, limit));
    }
    match wanted.size {
        SizeWish::Auto if offer.has("SIZE") => said.mail.push(format!("SIZE={}", measured.octets)),
        SizeWish::Value(size) => {
            want!("SIZE");
            said.mail.push(format!("SIZE={size}"));
        }
        SizeWish::Auto | SizeWish::Off => {}
    }
    match wanted.body {
        // Raw data are what their sender makes of them.
        BodyKind::Auto if measured.eight_bit && !options.raw => {
            want!("8BITMIME");
            if offer.has("8BITMIME") {
                said.mail.push("BODY=8BITMIME".into());
            }
        }
        BodyKind::Auto | BodyKind::Off => {}
        BodyKind::SevenBit => {
            want!("8BITMIME");
            said.mail.push("BODY=7BIT".into());
        }
        BodyKind::EightBit => {
            want!("8BITMIME");
            said.mail.push("BODY=8BITMIME".into());
        }
        BodyKind::Binary => {
            want!("BINARYMIME");
            said.mail.push("BODY=BINARYMIME".into());
        }
    }
    let addresses = !options.sender.is_ascii() || recipients.iter().any(|r| !r.is_ascii());
    let needs_utf8 = addresses || (measured.header_eight_bit && !options.raw);
    if wanted.utf8 == Wish::On || (wanted.utf8 == Wish::Auto && needs_utf8) {
        want!("SMTPUTF8");
        said.mail.push("SMTPUTF8".into());
    }
    let dsn = [&wanted.ret, &wanted.envelope_id, &wanted.notify].into_iter().any(Option::is_some);
    if dsn || wanted.original.is_some() {
        want!("DSN");
    }
    said.mail.extend(wanted.ret.as_ref().map(|ret| format!("RET={ret}")));
    said.mail.extend(wanted.envelope_id.as_ref().map(|id| format!("ENVID={}", xtext_encode(id.as_bytes()))));
    said.rcpt.extend(wanted.notify.as_ref().map(|notify| format!("NOTIFY={notify}")));
    if let Some((kind, address)) = &wanted.original {
        said.rcpt.push(format!("ORCPT={kind};{}", xtext_encode(address.as_bytes())));
    }
    if wanted.require_tls {
        want!("REQUIRETLS");
        said.mail.push("REQUIRETLS".into());
    }
    if let Some(by) = &wanted.deliver_by {
        want!("DELIVERBY");
        said.mail.push(format!("BY={by}"));
    }
    if let Some(priority) = wanted.priority {
        want!("MT-PRIORITY");
        said.mail.push(format!("MT-PRIORITY={priority}"));
    }
    if wanted.hold_for.is_some() || wanted.hold_until.is_some() {
        want!("FUTURERELEASE");
    }
    said.mail.extend(wanted.hold_for.map(|seconds| format!("HOLDFOR={seconds}")));
    said.mail.extend(wanted.hold_until.as_ref().map(|date| format!("HOLDUNTIL={date}")));
    if wanted.reply_each {
        want!("PRDR");
        said.mail.push("PRDR".into());
        said.reply_each = recipients.len() > 1;
    }
    said.mail.extend(wanted.mail.iter().cloned());
    said.rcpt.extend(wanted.rcpt.iter().cloned());
    Ok(said)
}

/// Why a message is too large, with the sum: base64 makes four characters of three octets, and line ends come on top.
fn too_large(message: &Message, measured: &Measured, limit: u64) -> SendRemark {
    let (files, encoded) = message.attached;
    let id = if files > 0 { "too-large-attached" } else { "too-large" };
    SendRemark::new(
        id,
        &[
            ("octets", measured.octets.to_string()),
            ("limit", limit.to_string()),
            ("files", files.to_string()),
            ("encoded", encoded.to_string()),
            ("rest", measured.octets.saturating_sub(encoded).to_string()),
            // What fits: three quarters of what is left, less two of 78 characters for line ends.
            ("fits", (limit.saturating_sub(measured.octets.saturating_sub(encoded)) / 78 * 57).to_string()),
        ],
    )
}

/// `NAME=value …` of XCLIENT and XFORWARD, the values as xtext (RFC 1891 §5, as Postfix wants it).
pub(super) fn attributes(verb: &str, given: &[(String, String)]) -> String {
    let mut line = verb.to_owned();
    for (name, value) in given {
        line.push_str(&format!(" {name}={}", xtext_encode(value.as_bytes())));
    }
    line
}

/// The recipients as the server takes them at once (RFC 9422 §4.2, §4.3).
pub(super) fn groups(recipients: &[String], offer: &Offer<'_>) -> Vec<Vec<String>> {
    let most = offer.limit("RCPTMAX").map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let domains =
        offer.limit("RCPTDOMAINMAX").map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut ordered: Vec<&String> = recipients.iter().collect();
    if domains < usize::MAX {
        ordered.sort_by_key(|r| super::domain(r).to_ascii_lowercase());
    }
    for recipient in ordered {
        let domain = super::domain(recipient).to_ascii_lowercase();
        let full = groups.last().is_none_or(|g| g.len() >= most)
            || (!seen.contains(&domain) && seen.len() >= domains);
        if full {
            groups.push(Vec::new());
            seen.clear();
        }
        if !seen.contains(&domain) {
            seen.push(domain);
        }
        if let Some(group) = groups.last_mut() {
            group.push(recipient.clone());
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_core::facts::{Capability, Moment};
    use ehlo_core::{Evidence, Side, Span, TranscriptId};

    fn list(lines: &[&str]) -> CapabilityFacts {
        let at = Evidence::bytes(TranscriptId(0), Span::new(Side::Server, 0, 0));
        let list = lines
            .iter()
            .map(|line| {
                let mut words = line.split(' ').map(str::to_owned);
                Capability { name: words.next().unwrap(), args: words.collect(), at }
            })
            .collect();
        CapabilityFacts {
            moment: Moment::Plain,
            unasked: false,
            list,
            refused: None,
            host: None,
            helo_only: false,
            at,
        }
    }

    #[test]
    fn recipients_are_grouped_as_the_server_takes_them() {
        let to: Vec<String> = ["a@x", "b@y", "c@x", "d@z"].map(str::to_owned).to_vec();
        let of = |limits: &str| groups(&to, &Offer::Listed(&list(&[limits])));
        assert_eq!(of("SIZE"), std::slice::from_ref(&to));
        assert_eq!(of("LIMITS RCPTMAX=3"), [to[..3].to_vec(), to[3..].to_vec()]);
        assert_eq!(
            of("LIMITS MAILMAX=1 RCPTDOMAINMAX=1"),
            [vec!["a@x".to_owned(), "c@x".into()], vec!["b@y".into()], vec!["d@z".into()]]
        );
        // A limit of nothing is none.
        assert_eq!(of("LIMITS RCPTMAX=0 rcptdomainmax=x"), std::slice::from_ref(&to));
    }

    #[test]
    fn attributes_are_xtext() {
        let given = [("NAME".to_owned(), "a b+c".to_owned()), ("ADDR".to_owned(), "192.0.2.1".to_owned())];
        assert_eq!(attributes("XCLIENT", &given), "XCLIENT NAME=a+20b+2Bc ADDR=192.0.2.1");
    }
}
