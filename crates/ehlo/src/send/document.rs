//! What became of it, as JSON (`schema/send-v1.json`).

use super::show::known_about;
use crate::explain::show::explanation_json;
use ehlo_core::send::{SendReport, SendTransaction, SendVerdict};
use ehlo_report::{Texts, failure_text};
use serde_json::{Value, json};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// The document.
pub(super) fn json(report: &SendReport, texts: Texts) -> String {
    let transactions: Vec<Value> =
        report.transactions.iter().map(|done| transaction(report, done, texts)).collect();
    let remarks: Vec<Value> = report
        .remarks
        .iter()
        .map(|r| {
            let text = texts.with(&format!("send/remark/{}", r.id), &r.params);
            json!({ "id": r.id, "params": r.params, "text": text })
        })
        .collect();
    let document = json!({
        "version": VERSION,
        "tool": { "name": "ehlo", "version": env!("CARGO_PKG_VERSION") },
        "language": texts.lang.code(),
        "url": report.url,
        "protocol": report.protocol,
        "address": report.address,
        "sender": report.sender,
        "good": report.is_good(),
        "reached": report.is_reached(),
        "offered": report.offered,
        "tls": report.tls,
        "login": report.login,
        "totals": report.totals,
        "transactions": transactions,
        "remarks": remarks,
        "stopped": report.stopped,
        "failure": report.failure.as_ref().map(|failure| of_failure(failure, texts)),
        "failed_at": report.failed_at,
        "took_us": report.took_us,
        "transcripts": report.transcripts,
    });
    format!("{document:#}\n")
}

fn of_failure(failure: &ehlo_core::Failure, texts: Texts) -> Value {
    json!({
        "stage": failure.stage,
        "cause": failure.cause,
        "at": failure.at,
        "text": failure_text(texts, failure),
        "advice": texts.find(&format!("cause/{}/advice", failure.cause.id())),
    })
}

fn transaction(report: &SendReport, done: &SendTransaction, texts: Texts) -> Value {
    let recipients: Vec<Value> = done
        .recipients
        .iter()
        .map(|recipient| {
            let wrong = matches!(recipient.verdict, SendVerdict::Refused | SendVerdict::Deferred);
            let known = recipient.answer.iter().filter(|_| wrong).flat_map(|a| known_about(report, a));
            let known: Vec<Value> = known.map(|e| explanation_json(&e, texts)).collect();
            json!({
                "address": recipient.address,
                "verdict": recipient.verdict,
                "answer": recipient.answer,
                "explanations": known,
            })
        })
        .collect();
    let problem = done.problem.as_ref().map(|p| {
        let text = texts.with(&format!("send/problem/{}", p.id), &p.params);
        json!({ "id": p.id, "params": p.params, "text": text })
    });
    json!({
        "message": done.message,
        "message_id": done.message_id,
        "token": done.token,
        "octets": done.octets,
        "mail": done.mail,
        "recipients": recipients,
        "data": done.data,
        "queue_id": done.queue_id,
        "end_sent": done.end_sent,
        "failure": done.failure.as_ref().map(|failure| of_failure(failure, texts)),
        "problem": problem,
        "took_us": done.took_us,
        "transcript": done.transcript,
    })
}
