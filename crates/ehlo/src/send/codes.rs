//! Exit codes: ours, and those of swaks, on which scripts rely.

use crate::exit::{FOUND, GOOD, UNABLE};
use ehlo_core::send::{SendPoint, SendReport, SendVerdict};
use ehlo_core::{Cause, Stage};

/// Ours: all accepted, something refused or unknown, nothing reached.
pub(super) fn own(report: &SendReport) -> u8 {
    if !report.is_reached() {
        UNABLE
    } else if report.is_good() {
        GOOD
    } else {
        FOUND
    }
}

/// Those of swaks (swaks(1), EXIT CODES): what went wrong first. It counts a message as sent that any recipient gets.
pub(super) fn swaks(report: &SendReport) -> u8 {
    if let Some(failure) = &report.failure {
        let at = report.failed_at;
        return match (failure.stage, &failure.cause) {
            (Stage::Resolve | Stage::Connect, _) => 2,
            (_, Cause::NotOffered { .. }) if at == Some(SendPoint::Xclient) => 33,
            (Stage::Auth, _) => 28,
            (Stage::Handshake | Stage::StartTls, _) => 29,
            (Stage::Greeting, _) => 21,
            (_, _) if at == Some(SendPoint::Xclient) => 33,
            (Stage::Capabilities, _) => match (at, report.tls.is_some()) {
                (Some(SendPoint::Ehlo), true) => 32,
                (Some(SendPoint::Ehlo), false) => 34,
                _ => 22,
            },
            (Stage::Quit, _) => 27,
            _ => 6,
        };
    }
    report.transactions.iter().map(transaction).find(|code| *code != 0).unwrap_or(0)
}

fn transaction(done: &ehlo_core::send::SendTransaction) -> u8 {
    if done.problem.is_some() {
        return 10;
    }
    let positive = |code: Option<u16>| code.is_some_and(|c| c / 100 == 2);
    if let Some(mail) = &done.mail
        && !positive(mail.code)
    {
        return 23;
    }
    if done.recipients.iter().any(|r| matches!(r.verdict, SendVerdict::Accepted | SendVerdict::Stopped)) {
        return 0;
    }
    if let Some(failure) = &done.failure {
        return match failure.stage {
            Stage::Mail => 23,
            Stage::Rcpt => 24,
            Stage::Data if done.end_sent => 26,
            Stage::Data => 25,
            _ => 6,
        };
    }
    let answered = |to: &str| done.recipients.iter().any(|r| r.answer.as_ref().is_some_and(|a| a.to == to));
    if answered("end-of-data") || answered("BDAT") {
        26
    } else if answered("DATA") {
        25
    } else if done.recipients.is_empty() {
        0
    } else {
        24
    }
}
