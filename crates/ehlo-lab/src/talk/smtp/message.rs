//! DATA, BDAT, and what becomes of a message.

use super::envelope::{Done, Envelope, Refusal, Target};
use super::report::{self, Told};
use super::transaction::obey;
use super::{Smtp, refuse, reply};
use crate::context::Context;
use crate::memory::Memory;
use crate::rules::{Facts, RuleAction};
use crate::settings::{BareLineEnds, Relays};
use crate::{Delivered, Lab, Point, Service, StoreError};
use ehlo_wire::server::encode_reply;
use memchr::{memchr2_iter, memmem};
use std::collections::VecDeque;

type Outcome = Result<Done, Refusal>;

/// A message that waits for its time.
pub(crate) struct Held {
    mail: Envelope,
    delivered: Delivered,
    id: String,
    service: Service,
    due: i64,
}

impl Smtp {
    pub(super) fn data(&mut self, cx: &mut Context<'_>) {
        match self.may_send(false) {
            Err(refusal) => refuse(cx, "DATA", &refusal),
            Ok(()) => {
                self.server.expect_data();
                cx.send(
                    Point::Reply,
                    "DATA",
                    encode_reply(354, None, &["end with a line that holds a dot alone"]),
                );
            }
        }
    }

    fn may_send(&self, chunk: bool) -> Result<(), Refusal> {
        let out_of_order = |text| Err(Refusal::new(503, "5.5.1", text));
        match &self.mail {
            None => out_of_order("say MAIL first"),
            Some(mail) if mail.recipients.is_empty() && self.is_lmtp() => {
                // RFC 2033 §4.2: in LMTP it is 503.
                out_of_order("no valid recipients")
            }
            Some(mail) if mail.recipients.is_empty() => {
                Err(Refusal::new(554, "5.5.1", "no valid recipients"))
            }
            // RFC 3030 §2, §3
            Some(mail) if !chunk && mail.chunks => out_of_order("DATA and BDAT do not mix"),
            Some(mail) if !chunk && mail.parameters.binary => out_of_order("BINARYMIME goes with BDAT"),
            Some(mail) if chunk && mail.spoilt => out_of_order("a chunk was refused: say RSET"),
            Some(_) => Ok(()),
        }
    }

    pub(super) fn chunk_announced(&mut self) {
        if self.may_send(true).is_ok() {
            self.server.keep_chunk();
            if let Some(mail) = &mut self.mail {
                mail.chunks = true;
            }
        }
    }

    /// A chunk is here, and there are more to come.
    pub(super) fn chunk(&mut self, oversize: bool, cx: &mut Context<'_>) {
        if !oversize {
            return reply(cx, "BDAT", 250, "2.0.0", "go on");
        }
        if let Some(mail) = &mut self.mail {
            mail.spoilt = true;
        }
        self.server.drop_chunks();
        reply(cx, "BDAT", 552, "5.3.4", "the message is too large");
    }

    /// A chunk was read that nobody wanted.
    pub(super) fn chunk_dropped(&mut self, cx: &mut Context<'_>) {
        if let Err(refusal) = self.may_send(true) {
            if let Some(mail) = &mut self.mail {
                mail.spoilt = true;
                mail.chunks = true;
            }
            refuse(cx, "BDAT", &refusal);
        }
    }

    /// A message has ended; without one it was too large.
    pub(super) fn message(&mut self, message: Option<Vec<u8>>, cx: &mut Context<'_>) {
        let Some(mut mail) = self.mail.take() else { return };
        // LMTP answers for each recipient (RFC 2033 §4.2).
        let answers = if self.is_lmtp() { mail.recipients.len() } else { 1 };
        if cx.intercepted_for(".", "", None, answers) {
            return;
        }
        let id = cx.lab.queue_id();
        let whole = message
            .filter(|m| m.len() <= cx.settings.largest_message)
            .ok_or_else(|| Refusal::new(552, "5.3.4", "the message is too large"))
            .and_then(|message| fit(&mail, message, cx.settings.bare_line_ends));
        let (outcomes, delivered) = match whole {
            Err(refusal) => (vec![Err(refusal); mail.recipients.len()], None),
            Ok(message) => {
                let mut outcomes = self.ask_rules(&mut mail, &message, cx);
                let mut delivered = Delivered {
                    from: mail.from.clone(),
                    to: Vec::new(),
                    message,
                    received: self.received(&mail, &id, cx),
                    at: cx.now,
                };
                let delivered = match mail.parameters.hold_until.filter(|due| *due > cx.now) {
                    Some(due) => {
                        self.hold(&mail, delivered, &id, due, &mut outcomes, cx);
                        None
                    }
                    None => {
                        transfer(&mail, &mut delivered, &mut outcomes, cx);
                        Some(delivered)
                    }
                };
                (outcomes, delivered)
            }
        };
        self.answer(&mail, &id, &outcomes, delivered.as_ref(), cx);
    }

    /// What the rules make of each recipient.
    fn ask_rules(&self, mail: &mut Envelope, message: &[u8], cx: &mut Context<'_>) -> Vec<Outcome> {
        let mut outcomes = vec![Ok(Done::Delivered); mail.recipients.len()];
        if cx.lab.rules().is_empty() {
            return outcomes;
        }
        let mut waited = false;
        for (recipient, outcome) in mail.recipients.iter_mut().zip(&mut outcomes) {
            let facts = Facts {
                service: self.scheme,
                sender: &mail.from,
                recipient: Some(&recipient.address),
                message: Some(message),
            };
            match obey(cx, &facts, recipient.delayed || waited) {
                // One wait for all: the reply is one.
                Ok(now) => waited |= now && !recipient.delayed,
                Err(refusal) => *outcome = Err(refusal),
            }
            match (cx.lab.rules().decide(&facts), &mut recipient.target) {
                (Some(RuleAction::Discard), target) => *target = Target::Discard,
                (Some(RuleAction::Deliver(into)), Target::Local { mailbox, .. }) => mailbox.clone_from(into),
                _ => {}
            }
        }
        outcomes
    }

    fn hold(
        &self,
        mail: &Envelope,
        delivered: Delivered,
        id: &str,
        due: i64,
        outcomes: &mut [Outcome],
        cx: &Context<'_>,
    ) {
        let mut mail = mail.clone();
        let mut refused = outcomes.iter().map(Result::is_err);
        mail.recipients.retain(|_| refused.next() != Some(true));
        if mail.recipients.is_empty() {
            return;
        }
        let held = Held { mail, delivered, id: id.to_owned(), service: cx.service, due };
        let result = match cx.lab.queue().hold(held) {
            true => Ok(Done::Held),
            false => Err(Refusal::new(452, "4.3.1", "too many messages wait already")),
        };
        for outcome in outcomes.iter_mut().filter(|o| o.is_ok()) {
            *outcome = result.clone();
        }
    }

    /// The trace field (RFC 5321 §4.4), without its name and its date.
    fn received(&self, mail: &Envelope, id: &str, cx: &Context<'_>) -> String {
        // RFC 3848 and RFC 6531 §4.3: how the message came, in one word.
        let mut with = String::new();
        with.push_str(match (mail.parameters.utf8, self.is_lmtp()) {
            (true, true) => "UTF8LMTP",
            (true, false) => "UTF8SMTP",
            (false, true) => "LMTP",
            (false, false) => "ESMTP",
        });
        if cx.tls.is_some() {
            with.push('S');
        }
        if mail.user.is_some() {
            with.push('A');
        }
        let tls = cx.tls.map_or(String::new(), |tls| format!("\r\n\t(using {tls})"));
        // RFC 6710 §4.1
        let priority = mail.parameters.priority.map_or(String::new(), |p| format!("\r\n\tPRIORITY {p}"));
        format!(
            "from {}{tls}\r\n\tby {} (ehlo lab) with {with} id {id}{priority}",
            self.client.trace(cx.peer),
            cx.settings.host_name
        )
    }

    fn answer(
        &self,
        mail: &Envelope,
        id: &str,
        outcomes: &[Outcome],
        delivered: Option<&Delivered>,
        cx: &mut Context<'_>,
    ) {
        let good = |address: Option<&str>, done: Done| {
            let who = address.map_or("OK:".to_owned(), |a| format!("<{a}>"));
            let how = if done == Done::Held { "held as" } else { "queued as" };
            format!("{who} {how} {id}")
        };
        let for_each = self.is_lmtp() || (mail.parameters.reply_for_each && outcomes.len() > 1);
        let any = outcomes.iter().find_map(|o| o.as_ref().ok().copied());
        let failed = outcomes.iter().find_map(|o| o.as_ref().err());
        // Whoever gets one reply for all can be told of some who did not get it by a report only.
        let untold = !for_each && any.is_some();
        let empty = Delivered {
            from: String::new(),
            to: Vec::new(),
            message: Vec::new(),
            received: String::new(),
            at: cx.now,
        };
        let told = report::of(mail, outcomes, untold);
        let reported = match told.is_empty() {
            true => Ok(()),
            false => report::send(mail, id, delivered.unwrap_or(&empty), &told, cx),
        };
        if for_each {
            if !self.is_lmtp() {
                cx.send(Point::Reply, ".", encode_reply(353, None, &["a reply for each recipient follows"]));
            }
            for (recipient, outcome) in mail.recipients.iter().zip(outcomes) {
                match outcome {
                    Ok(done) => reply(cx, ".", 250, "2.0.0", &good(Some(&recipient.address), *done)),
                    Err(refusal) => reply(cx, ".", refusal.code, &refusal.enhanced, &refusal.text),
                }
            }
            if self.is_lmtp() {
                return;
            }
        }
        match (any, failed, reported) {
            // The sender would never learn of it, so he must not be told that all is well.
            (Some(_), Some(_), Err(error)) if untold => {
                refuse(cx, ".", &Refusal::of_store(&error));
            }
            (Some(done), _, _) => reply(cx, ".", 250, "2.0.0", &good(None, done)),
            (None, Some(failed), _) => refuse(cx, ".", failed),
            (None, None, _) => reply(cx, ".", 554, "5.5.1", "no valid recipients"),
        }
    }
}

impl Held {
    /// When its time has come, in seconds since 1970.
    pub(crate) fn due(&self) -> i64 {
        self.due
    }

    /// How many bytes it has.
    pub(crate) fn size(&self) -> usize {
        self.delivered.message.len()
    }

    /// Delivers it. Who was not reached is reported: nobody waits for a reply any more.
    pub(crate) fn deliver(mut self, lab: &Lab, now: i64) {
        let (mut actions, mut stopped) = (VecDeque::new(), false);
        let mut memory = Memory::without_client(lab, self.service);
        let settings = lab.settings(self.service);
        let cx = Context {
            lab,
            service: self.service,
            settings: &settings,
            peer: "",
            memory: &mut memory,
            tls: None,
            bindings: &[],
            certificate: None,
            now,
            actions: &mut actions,
            stopped: &mut stopped,
        };
        let mut outcomes = vec![Ok(Done::Delivered); self.mail.recipients.len()];
        transfer(&self.mail, &mut self.delivered, &mut outcomes, &cx);
        let told: Vec<Told<'_>> = report::of(&self.mail, &outcomes, true);
        if !told.is_empty() {
            // If the report cannot be kept either, there is nobody left to tell.
            let _ = report::send(&self.mail, &self.id, &self.delivered, &told, &cx);
        }
    }
}

/// Puts a message where it belongs, for those recipients that nothing stands against.
fn transfer(mail: &Envelope, delivered: &mut Delivered, outcomes: &mut [Outcome], cx: &Context<'_>) {
    // Two addresses of one account make one message.
    let mut kept: Vec<(&Target, Outcome)> = Vec::new();
    for (at, recipient) in mail.recipients.iter().enumerate() {
        if outcomes[at].is_err() {
            continue;
        }
        let target = &recipient.target;
        outcomes[at] = match kept.iter().find(|(t, _)| *t == target) {
            Some((_, outcome)) => outcome.clone(),
            None => {
                delivered.to = mail
                    .recipients
                    .iter()
                    .zip(&*outcomes)
                    .filter(|(r, outcome)| r.target == *target && outcome.is_ok())
                    .map(|(r, _)| r.address.clone())
                    .collect();
                let outcome = keep(mail, target, delivered, cx);
                kept.push((target, outcome.clone()));
                outcome
            }
        };
    }
}

fn keep(mail: &Envelope, target: &Target, delivered: &mut Delivered, cx: &Context<'_>) -> Outcome {
    let of_target = mail.recipients.iter().filter(|r| r.target == *target);
    delivered.to = of_target.map(|r| r.address.clone()).collect();
    let (kept, done) = match target {
        Target::Local { account, mailbox: None } => {
            (crate::delivery::deliver(cx, account, delivered), Done::Delivered)
        }
        Target::Local { account, mailbox: Some(mailbox) } => {
            (crate::delivery::deliver_into(cx, account, mailbox, delivered), Done::Delivered)
        }
        Target::Foreign => {
            // A stranger's mail is relayed only by a fault, and then there is nobody to keep it for, but by another.
            let kept = match mail.user.as_deref() {
                Some(user) => cx.lab.store().keep_outbound(user, &delivered.to, delivered),
                None if cx.settings.relays == Relays::Arriving => arrive(delivered, cx),
                None => Ok(()),
            };
            (kept, Done::Relayed)
        }
        Target::Discard => (Ok(()), Done::Discarded),
    };
    kept.map(|()| done).map_err(|error| Refusal::of_store(&error))
}

/// The lab is the rest of the world as well: what is for somebody elsewhere comes to the account of that name.
fn arrive(delivered: &Delivered, cx: &Context<'_>) -> Result<(), StoreError> {
    let names = delivered.to.iter().filter_map(|address| address.split(['@', '%']).next());
    let accounts: std::collections::BTreeSet<String> =
        names.filter_map(|name| cx.lab.account_of(name.trim_matches('"'))).collect();
    accounts.iter().try_for_each(|account| crate::delivery::deliver(cx, account, delivered))
}

/// Whether the message is as it may be.
fn fit(mail: &Envelope, message: Vec<u8>, bare: BareLineEnds) -> Result<Vec<u8>, Refusal> {
    // RFC 5321 §2.3.8: CR and LF only together; anything else is how messages are smuggled. In chunks of BINARYMIME
    // the sizes say where the message ends (RFC 3030 §3).
    let message = match bare {
        _ if mail.parameters.binary || !has_bare_line_ends(&message) => message,
        BareLineEnds::Refused => return Err(Refusal::new(554, "5.6.0", "CR or LF without the other")),
        BareLineEnds::Normalised => with_whole_line_ends(&message),
        BareLineEnds::Kept => message,
    };
    let header = &message[..memmem::find(&message, b"\r\n\r\n").unwrap_or(message.len())];
    if !header.is_ascii() {
        // RFC 6531 §3.1, §3.6: such a header needs the parameter, and is in UTF-8.
        if !mail.parameters.utf8 {
            return Err(Refusal::new(550, "5.6.7", "the header is not in ASCII: say SMTPUTF8"));
        }
        if std::str::from_utf8(header).is_err() {
            return Err(Refusal::new(550, "5.6.7", "the header is not in UTF-8"));
        }
    }
    Ok(message)
}

/// Each CR and each LF that stands alone is made CR LF.
fn with_whole_line_ends(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    let mut bytes = message.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                out.extend_from_slice(b"\r\n");
            }
            b'\n' => out.extend_from_slice(b"\r\n"),
            other => out.push(other),
        }
    }
    out
}

fn has_bare_line_ends(message: &[u8]) -> bool {
    let mut paired = None;
    memchr2_iter(b'\r', b'\n', message).any(|at| match message[at] {
        b'\r' => {
            paired = Some(at + 1);
            message.get(at + 1) != Some(&b'\n')
        }
        _ => paired != Some(at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_come_in_pairs() {
        assert!(!has_bare_line_ends(b"a\r\nb\r\n"));
        assert!(!has_bare_line_ends(b""));
        for bad in [&b"a\nb"[..], b"a\rb", b"a\r\r\n", b"a\r", b"\n", b"a\r\n\n"] {
            assert!(has_bare_line_ends(bad), "{bad:?}");
        }
    }
}
