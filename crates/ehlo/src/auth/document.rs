//! What came of each way to log in, as JSON (`schema/auth-v1.json`).

use super::explained::{of_attempt, why_id};
use crate::explain::show::explanation_json;
use ehlo_core::auth::{AuthAttempt, AuthReport, AuthResult, AuthService};
use ehlo_report::{Texts, failure_text};
use serde_json::{Value, json};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// The document.
pub(super) fn json(report: &AuthReport, texts: Texts) -> String {
    let services: Vec<Value> = report.services.iter().map(|service| of_service(service, texts)).collect();
    let document = json!({
        "version": VERSION,
        "tool": { "name": "ehlo", "version": env!("CARGO_PKG_VERSION") },
        "language": texts.lang.code(),
        "user": report.user,
        "stopped": report.stopped,
        "took_us": report.took_us,
        "services": services,
        "transcripts": report.transcripts,
    });
    format!("{document:#}\n")
}

fn of_service(service: &AuthService, texts: Texts) -> Value {
    let attempts: Vec<Value> = service.attempts.iter().map(|a| of_one(service, a, texts)).collect();
    let failure = service.failure.as_ref().map(|failure| {
        json!({
            "stage": failure.stage,
            "cause": failure.cause,
            "at": failure.at,
            "text": failure_text(texts, failure),
            "advice": texts.find(&format!("cause/{}/advice", failure.cause.id())),
        })
    });
    json!({
        "url": service.url,
        "protocol": service.protocol,
        "explicit": service.explicit,
        "reachable": service.is_reachable(),
        "before_tls": service.before_tls,
        "inside_tls": service.inside_tls,
        "attempts": attempts,
        "wrong": service.wrong.as_ref().map(|wrong| of_one(service, wrong, texts)),
        "failure": failure,
        "transcript": service.transcript,
    })
}

fn of_one(service: &AuthService, attempt: &AuthAttempt, texts: Texts) -> Value {
    let why = match &attempt.result {
        AuthResult::NotTried { why } => Some(texts.get(&format!("auth/why/{}", why_id(why)))),
        _ => None,
    };
    let explained = of_attempt(service, attempt, texts);
    let known = explained.iter().flat_map(|e| &e.known).map(|known| explanation_json(known, texts));
    let known: Vec<Value> = known.collect();
    let mut value = json!({
        "way": attempt.way,
        "initial_response": attempt.initial_response,
        "offered_before_tls": attempt.offered_before_tls,
        "offered_inside_tls": attempt.offered_inside_tls,
        "tried": attempt.is_tried(),
        "result": attempt.result,
        "text": texts.get(&format!("auth/result/{}", attempt.result.id())),
        "why": why,
        "reply": attempt.reply,
        "took_us": attempt.took_us,
        "trouble": attempt.trouble,
        "messages": attempt.messages,
        "explanations": known,
        "evidence": attempt.at,
        "transcript": attempt.transcript,
    });
    if let Some(explained) = explained {
        value["meaning"] = json!(explained.meaning);
        value["cause"] = json!(explained.cause);
        value["next_step"] = json!(explained.next);
    }
    value
}
