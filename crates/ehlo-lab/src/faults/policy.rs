//! What servers do against unwanted mail and guessed passwords, and what clients take for a fault.

use super::reply::{Status, refusal, status};
use super::rule::{NOTHING, Rule, duration, may_take, number, replace, stage_and_count, stage_number};
use super::scope::is_command;
use super::{FaultAction, Moment, Point, seconds};
use ehlo_core::Protocol;
use std::time::Duration;

const FAMILY: &str = "policy";

/// The first attempt with this client, sender and recipient is refused for now (RFC 6647).
pub(super) static GREYLISTED: Rule = Rule::before(
    "greylisted",
    FAMILY,
    may_take("2", "a number of seconds after which the next attempt is taken", |a| {
        seconds(Some(a)).is_some()
    }),
    |moment, wait| {
        let Some(recipient) = moment.recipient.filter(|_| moment.command == "RCPT") else {
            return FaultAction::Pass;
        };
        let wait = seconds(Some(wait)).map_or(0, |w| i64::try_from(w.as_secs()).unwrap_or(i64::MAX));
        let triple = format!("{}\n{}\n{recipient}", moment.peer, moment.sender.unwrap_or_default());
        let first_time = moment.notes.count(&format!("times\n{triple}")) == 1;
        let seen = moment.notes.first_seen(&triple, moment.now);
        if !first_time && moment.now.saturating_sub(seen) >= wait {
            return FaultAction::Pass;
        }
        FaultAction::Replace(b"450 4.7.1 greylisted, come again later\r\n".to_vec())
    },
);

/// After so many commands of a kind each further one is refused for now.
pub(super) static RATE_LIMIT: Rule =
    Rule::before("rate-limit", FAMILY, stage_number("MAIL:2"), |moment, argument| {
        match stage_and_count(argument) {
            Some((command, most)) if is_command(command, moment.command) && moment.nth > most => {
                FaultAction::Replace(match moment.protocol() {
                    Protocol::Smtp | Protocol::Lmtp => b"450 4.7.1 too much mail, slow down\r\n".to_vec(),
                    Protocol::Imap => {
                        format!("{} NO [LIMIT] too many commands, slow down\r\n", moment.tag).into_bytes()
                    }
                    _ => refusal(moment, true, "too many commands, slow down"),
                })
            }
            _ => FaultAction::Pass,
        }
    });

/// After so many recipients of a message each further one is refused for now (RFC 5321 §4.5.3.1.10).
pub(super) static RECIPIENT_LIMIT: Rule =
    Rule::before("recipient-limit", FAMILY, number("1"), |moment, most| {
        let most = most.parse().unwrap_or(u64::MAX);
        if moment.command != "RCPT" || moment.recipients <= most {
            return FaultAction::Pass;
        }
        FaultAction::Replace(b"452 4.5.3 too many recipients\r\n".to_vec())
    });

/// Each reply comes later than the one before.
pub(super) static TARPIT: Rule =
    Rule::on("tarpit", FAMILY, duration("0.1"), |moment, step| match seconds(Some(step)) {
        Some(step) if !moment.reply.is_empty() && moment.point != Point::Push => {
            let times = u32::try_from(moment.replies).unwrap_or(u32::MAX);
            let most = Duration::from_secs(3600);
            FaultAction::Delay(step.checked_mul(times).map_or(most, |time| time.min(most)))
        }
        _ => FaultAction::Pass,
    });

/// All logins are refused, as if every password were wrong.
pub(super) static LOGINS_REFUSED: Rule = Rule::login("auth-refused", "auth", false);

/// Every password is right for an account that there is.
pub(super) static LOGINS_TAKEN: Rule = Rule::login("auth-any-password", "auth", true);

/// All logins are refused for now.
pub(super) static LOGINS_LATER: Rule =
    Rule::before("auth-unavailable", "auth", NOTHING, |moment, _| match is_login(moment) {
        true => FaultAction::Replace(refusal(moment, true, "passwords cannot be checked at the moment")),
        false => FaultAction::Pass,
    });

/// The answer to a login comes late.
pub(super) static LOGINS_SLOW: Rule = Rule::on("auth-delay", "auth", duration("2"), |moment, time| {
    let over = status(moment.protocol(), moment.reply) != Status::Continue;
    match seconds(Some(time)) {
        Some(time) if is_login(moment) && over => FaultAction::Delay(time),
        _ => FaultAction::Pass,
    }
});

/// The challenges of SASL are no base64.
pub(super) static BAD_CHALLENGE: Rule = Rule::on("auth-bad-challenge", "auth", NOTHING, |moment, _| {
    let asks = status(moment.protocol(), moment.reply) == Status::Continue;
    if !asks || !matches!(moment.command, "AUTH" | "AUTHENTICATE") {
        return FaultAction::Pass;
    }
    let bad = "!this is no base64!";
    replace(
        moment,
        match moment.protocol() {
            Protocol::Smtp | Protocol::Lmtp => format!("334 {bad}\r\n").into_bytes(),
            Protocol::Sieve => format!("\"{bad}\"\r\n").into_bytes(),
            Protocol::Pop3 | Protocol::Imap => format!("+ {bad}\r\n").into_bytes(),
        },
    )
});

fn is_login(moment: &Moment<'_>) -> bool {
    matches!(moment.command, "LOGIN" | "AUTHENTICATE" | "AUTH" | "PASS" | "APOP")
}
