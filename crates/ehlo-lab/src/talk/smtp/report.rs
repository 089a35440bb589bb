//! Delivery status notifications (RFC 3461, RFC 3464).

use super::envelope::{Done, Envelope, Recipient, Refusal};
use super::parameters::Ret;
use super::transaction::owner;
use crate::context::Context;
use crate::dates::rfc5322;
use crate::{Delivered, StoreError};
use memchr::memmem;

/// One recipient of whom a report tells.
pub(super) struct Told<'a> {
    recipient: &'a Recipient,
    outcome: &'a Result<Done, Refusal>,
}

/// The recipients of whom the sender is to be told: of those who got it, if he wants to know; of those who did not, if
/// the client does not learn it by a reply (`untold`), unless he does not want to know.
pub(super) fn of<'a>(
    mail: &'a Envelope,
    outcomes: &'a [Result<Done, Refusal>],
    untold: bool,
) -> Vec<Told<'a>> {
    let asked = |recipient: &Recipient, outcome: &Result<Done, Refusal>| match outcome {
        Ok(Done::Delivered | Done::Relayed) => recipient.parameters.notify.success,
        Ok(Done::Discarded | Done::Held) => false,
        Err(_) => untold && recipient.parameters.notify.failure,
    };
    mail.recipients
        .iter()
        .zip(outcomes)
        .filter(|(recipient, outcome)| asked(recipient, outcome))
        .map(|(recipient, outcome)| Told { recipient, outcome })
        .collect()
}

/// Puts a report into the inbox of the sender. If the sender is elsewhere, news of a failure is kept where the first
/// account keeps mail for other domains, and of success nothing is said.
pub(super) fn send(
    mail: &Envelope,
    id: &str,
    delivered: &Delivered,
    told: &[Told<'_>],
    cx: &Context<'_>,
) -> Result<(), StoreError> {
    // RFC 3461 §6.1: the null path has nobody behind it.
    let Some((local_part, domain)) = mail.from.rsplit_once('@') else { return Ok(()) };
    let failure = told.iter().any(|t| t.outcome.is_err());
    let report = Delivered {
        from: String::new(),
        to: vec![mail.from.clone()],
        message: write(mail, id, delivered, told, cx),
        received: format!("by {} (ehlo lab) id {}", cx.settings.host_name, cx.lab.queue_id()),
        at: cx.now,
    };
    let here = domain.eq_ignore_ascii_case(cx.lab.host_name()) || cx.lab.accounts().accepts_any();
    match here.then(|| owner(local_part.trim_matches('"'), cx)).flatten() {
        Some(account) => crate::delivery::deliver(cx, &account, &report),
        None if !failure => Ok(()),
        None => {
            let account = owner("postmaster", cx).ok_or(StoreError::NoAccount)?;
            cx.lab.store().keep_outbound(&account, std::slice::from_ref(&mail.from), &report)
        }
    }
}

fn write(mail: &Envelope, id: &str, delivered: &Delivered, told: &[Told<'_>], cx: &Context<'_>) -> Vec<u8> {
    let host = &cx.settings.host_name;
    let date = rfc5322(cx.now);
    let failure = told.iter().any(|t| t.outcome.is_err());
    let boundary = boundary(id, &delivered.message);
    // RFC 6533 §4: a report about a message with addresses in UTF-8 has parts of its own kinds.
    let (status, whole, header) = match mail.parameters.utf8 {
        true => ("message/global-delivery-status", "message/global", "message/global-headers"),
        false => ("message/delivery-status", "message/rfc822", "text/rfc822-headers"),
    };
    let subject = if failure { "Your message was not delivered" } else { "Your message was delivered" };
    let mut lines = vec![
        format!("From: Mail Delivery System <MAILER-DAEMON@{host}>"),
        format!("To: <{}>", mail.from),
        format!("Subject: {subject}"),
        format!("Date: {date}"),
        format!("Message-ID: <{id}.report@{host}>"),
        "Auto-Submitted: auto-replied".into(),
        "MIME-Version: 1.0".into(),
        format!("Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\""),
        String::new(),
        format!("--{boundary}"),
        "Content-Type: text/plain; charset=utf-8".into(),
        "Content-Transfer-Encoding: 8bit".into(),
        String::new(),
    ];
    for told in told {
        lines.push(match told.outcome {
            Ok(Done::Relayed) => format!("<{}>: kept for another domain", told.recipient.address),
            Ok(_) => format!("<{}>: delivered", told.recipient.address),
            Err(refusal) => format!("<{}>: {}", told.recipient.address, refusal.text),
        });
    }
    lines.extend([
        String::new(),
        format!("--{boundary}"),
        format!("Content-Type: {status}"),
        String::new(),
        format!("Reporting-MTA: dns; {host}"),
    ]);
    if let Some(id) = &mail.parameters.envelope_id {
        lines.push(format!("Original-Envelope-Id: {id}"));
    }
    lines.push(format!("Arrival-Date: {}", rfc5322(delivered.at)));
    for told in told {
        lines.extend(fields(told, mail.parameters.utf8));
    }
    // RFC 3461 §4.3: RET is about failures; with good news comes the header alone.
    let full = failure && mail.parameters.ret != Some(Ret::Headers);
    lines.extend([
        String::new(),
        format!("--{boundary}"),
        format!("Content-Type: {}", if full { whole } else { header }),
        String::new(),
        String::new(),
    ]);
    let head = memmem::find(&delivered.message, b"\r\n\r\n").map_or(delivered.message.len(), |at| at + 2);
    let returned = if full { &delivered.message[..] } else { &delivered.message[..head] };
    let end = format!("\r\n--{boundary}--\r\n");
    [lines.join("\r\n").as_bytes(), returned, end.as_bytes()].concat()
}

/// The fields of one recipient (RFC 3464 §2.3), behind an empty line.
fn fields(told: &Told<'_>, utf8: bool) -> Vec<String> {
    let mut fields = vec![String::new()];
    if let Some((kind, address)) = &told.recipient.parameters.original {
        fields.push(format!("Original-Recipient: {kind}; {address}"));
    }
    let kind = if utf8 && !told.recipient.address.is_ascii() { "utf-8" } else { "rfc822" };
    fields.push(format!("Final-Recipient: {kind}; {}", told.recipient.address));
    match told.outcome {
        Ok(done) => {
            let action = if *done == Done::Relayed { "relayed" } else { "delivered" };
            fields.extend([format!("Action: {action}"), "Status: 2.0.0".into()]);
        }
        Err(refusal) => {
            let code = refusal.code;
            fields.extend([
                "Action: failed".into(),
                // What was a reason to try again for a client is final here: nobody tries again.
                format!("Status: {}", refusal.enhanced),
                format!("Diagnostic-Code: smtp; {code} {} {}", refusal.enhanced, refusal.text),
            ]);
        }
    }
    fields
}

/// A boundary that stands nowhere in the message.
fn boundary(id: &str, message: &[u8]) -> String {
    let mut boundary = format!("=_{id}");
    while memmem::find(message, boundary.as_bytes()).is_some() {
        boundary.push('_');
    }
    boundary
}
