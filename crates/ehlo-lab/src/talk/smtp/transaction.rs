//! MAIL, RCPT, VRFY and EXPN.

use super::envelope::{Envelope, Recipient, Refusal, Target};
use super::{MOST_MESSAGES, MOST_RECIPIENTS, Smtp, parameters, refuse, reply};
use crate::Point;
use crate::context::{Action, Context};
use crate::rules::{Facts, RuleAction};
use crate::settings::Relays;
use ehlo_core::escape;
use ehlo_wire::server::encode_reply;
use ehlo_wire::smtp::{MailArgs, Path};
use std::time::Duration;

impl Smtp {
    pub(super) fn mail(&mut self, args: &MailArgs, cx: &mut Context<'_>) {
        if self.client.hello.is_none() {
            return reply(cx, "MAIL", 503, "5.5.1", "say EHLO first");
        }
        if cx.settings.auth_required && self.user.is_none() {
            return match cx.tls {
                None => reply(cx, "MAIL", 530, "5.7.0", "say STARTTLS first"),
                Some(_) => reply(cx, "MAIL", 530, "5.7.0", "log in first"),
            };
        }
        if self.mail.is_some() {
            return reply(cx, "MAIL", 503, "5.5.1", "there is a sender already");
        }
        if self.messages >= MOST_MESSAGES {
            let refusal = Refusal::new(421, "4.7.0", "no more messages in this session, closing");
            return refuse(cx, "MAIL", &refusal);
        }
        match self.begin(args, cx) {
            Ok(mail) => {
                self.mail = Some(mail);
                self.messages += 1;
                reply(cx, "MAIL", 250, "2.1.0", "OK");
            }
            Err(refusal) => refuse(cx, "MAIL", &refusal),
        }
    }

    fn begin(&self, args: &MailArgs, cx: &mut Context<'_>) -> Result<Envelope, Refusal> {
        if let Some(problem) = args.path.problem() {
            return Err(Refusal::new(501, "5.1.7", problem.text()));
        }
        if args.path.domain.is_empty() && !args.path.is_null() {
            return Err(Refusal::new(501, "5.1.7", "the address has no domain"));
        }
        let parameters = parameters::mail(&args.parameters, self, cx)?;
        let from = address(&args.path, parameters.utf8)?;
        if cx.settings.own_sender_only
            && let Some(user) = &self.user
            && !args.path.is_null()
            && !is_own(&args.path, user, cx)
        {
            return Err(Refusal::new(553, "5.7.1", "this address is not yours"));
        }
        let mut mail = Envelope {
            from,
            parameters,
            recipients: Vec::new(),
            user: self.user.clone(),
            chunks: false,
            spoilt: false,
            delayed: false,
        };
        let facts = Facts { service: self.scheme, sender: &mail.from, recipient: None, message: None };
        mail.delayed = obey(cx, &facts, false)?;
        Ok(mail)
    }

    pub(super) fn rcpt(&mut self, args: &MailArgs, cx: &mut Context<'_>) {
        let Some(mail) = &self.mail else {
            return reply(cx, "RCPT", 503, "5.5.1", "say MAIL first");
        };
        if mail.chunks {
            return reply(cx, "RCPT", 503, "5.5.1", "the message has begun");
        }
        if mail.recipients.len() >= MOST_RECIPIENTS {
            return reply(cx, "RCPT", 452, "4.5.3", "too many recipients");
        }
        match self.add(mail, args, cx) {
            Ok(recipient) => {
                if let Some(mail) = &mut self.mail {
                    mail.recipients.push(recipient);
                }
                reply(cx, "RCPT", 250, "2.1.5", "OK");
            }
            Err(refusal) => refuse(cx, "RCPT", &refusal),
        }
    }

    fn add(&self, mail: &Envelope, args: &MailArgs, cx: &mut Context<'_>) -> Result<Recipient, Refusal> {
        if let Some(problem) = args.path.problem() {
            return Err(Refusal::new(501, "5.1.3", problem.text()));
        }
        let postmaster = args.path.local.eq_ignore_ascii_case(b"postmaster");
        if args.path.domain.is_empty() && !postmaster {
            return Err(Refusal::new(501, "5.1.3", "the address has no domain"));
        }
        let parameters = parameters::rcpt(&args.parameters, self.extended)?;
        let address = address(&args.path, mail.parameters.utf8)?;
        let target = self.target(&args.path, cx)?;
        let mut recipient = Recipient { address, parameters, target, delayed: mail.delayed };
        let facts = Facts {
            service: self.scheme,
            sender: &mail.from,
            recipient: Some(&recipient.address),
            message: None,
        };
        recipient.delayed = obey(cx, &facts, recipient.delayed)?;
        Ok(recipient)
    }

    fn target(&self, path: &Path, cx: &Context<'_>) -> Result<Target, Refusal> {
        let local_part = String::from_utf8_lossy(&path.local);
        if cx.settings.relays == Relays::Routes && local_part.contains(['%', '!']) {
            return Ok(Target::Foreign);
        }
        let here = path.domain.is_empty()
            || path.domain.eq_ignore_ascii_case(cx.lab.host_name().as_bytes())
            || cx.lab.accounts().accepts_any();
        if !here {
            let relays = matches!(cx.settings.relays, Relays::Everything | Relays::Arriving);
            return match self.user {
                None if relays => Ok(Target::Foreign),
                None => Err(Refusal::new(550, "5.7.1", "this is not a relay: log in first")),
                Some(_) => Ok(Target::Foreign),
            };
        }
        match owner(&local_part, cx) {
            Some(account) => Ok(Target::Local { account, mailbox: None }),
            None => Err(Refusal::new(550, "5.1.1", "no such mailbox")),
        }
    }

    /// VRFY tells nobody who is here (RFC 5321 §7.3).
    pub(super) fn verify(&mut self, text: &[u8], cx: &mut Context<'_>) {
        match asked_for(text) {
            Some(name) if cx.settings.tells_addresses => {
                match owner(name.split('@').next().unwrap_or_default(), cx) {
                    Some(account) => {
                        let line = format!("2.1.5 <{}@{}>", escape(account.as_bytes()), cx.lab.host_name());
                        cx.send(Point::Reply, "VRFY", encode_reply(250, None, &[&line]));
                    }
                    None => reply(cx, "VRFY", 550, "5.1.1", "no such mailbox"),
                }
            }
            Some(_) => {
                reply(cx, "VRFY", 252, "2.5.0", "cannot VRFY, but will take mail and try to deliver it");
            }
            None => reply(cx, "VRFY", 553, "5.6.7", "that is not in ASCII: say SMTPUTF8"),
        }
    }

    /// EXPN tells who is logged in what is behind the two lists that every server has (RFC 2142 §5).
    pub(super) fn expand(&mut self, text: &[u8], cx: &mut Context<'_>) {
        let Some(list) = asked_for(text) else {
            return reply(cx, "EXPN", 553, "5.6.7", "that is not in ASCII: say SMTPUTF8");
        };
        if self.user.is_none() && !cx.settings.tells_addresses {
            return reply(cx, "EXPN", 252, "2.5.0", "lists are told to those who are logged in");
        }
        let name = list.split('@').next().unwrap_or_default().to_lowercase();
        let member = is_list(&name).then(|| owner(&name, cx)).flatten();
        match member {
            Some(account) => {
                let line = format!("2.1.5 <{}@{}>", escape(account.as_bytes()), cx.lab.host_name());
                cx.send(Point::Reply, "EXPN", encode_reply(250, None, &[&line]));
            }
            None => reply(cx, "EXPN", 550, "5.1.1", "there is no such list"),
        }
    }
}

/// Whether an address is the one of the account.
fn is_own(path: &Path, account: &str, cx: &Context<'_>) -> bool {
    let here = path.domain.eq_ignore_ascii_case(cx.lab.host_name().as_bytes());
    here && cx.lab.account_of(&String::from_utf8_lossy(&path.local)).as_deref() == Some(account)
}

/// The account that mail for a local part goes to.
pub(super) fn owner(local_part: &str, cx: &Context<'_>) -> Option<String> {
    // RFC 5321 §4.5.1: mail for postmaster must be taken.
    if is_list(&local_part.to_lowercase())
        && let Some(first) = cx.lab.accounts().names().next()
    {
        return Some(first.to_owned());
    }
    cx.lab.account_of(local_part)
}

/// `postmaster` and `abuse` are no accounts, but the first account reads what comes for them.
fn is_list(name: &str) -> bool {
    name == "postmaster" || name == "abuse"
}

/// Asks the rules. Yields whether the client has been made to wait, now or before; makes it wait once only.
pub(super) fn obey(cx: &mut Context<'_>, facts: &Facts<'_>, delayed: bool) -> Result<bool, Refusal> {
    match cx.lab.rules().decide(facts) {
        Some(RuleAction::Delay(seconds)) if !delayed => {
            cx.actions.push_back(Action::Wait(Duration::from_secs_f64(*seconds)));
            Ok(true)
        }
        Some(action) => Refusal::of_rule(action).map_or(Ok(delayed), Err),
        None => Ok(delayed),
    }
}

/// The address as text. RFC 6531 §3.4: beyond ASCII only with the parameter.
fn address(path: &Path, utf8: bool) -> Result<String, Refusal> {
    if !utf8 && path.needs_utf8() {
        return Err(Refusal::new(553, "5.6.7", "the address is not in ASCII: say SMTPUTF8"));
    }
    String::from_utf8(path.mailbox()).map_err(|_| Refusal::new(553, "5.6.7", "the address is not in UTF-8"))
}

/// What VRFY and EXPN are asked for; none if it is beyond ASCII without the parameter (RFC 6531 §3.7.4.2).
fn asked_for(text: &[u8]) -> Option<String> {
    let text = String::from_utf8(text.to_vec()).ok()?;
    match text.rsplit_once(' ') {
        Some((asked, parameter)) if parameter.eq_ignore_ascii_case("SMTPUTF8") => Some(asked.to_owned()),
        _ => text.is_ascii().then_some(text),
    }
}
