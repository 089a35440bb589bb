//! What became of the messages, as JSON (`schema/trip-v1.json`).

use super::times::Spread;
use super::{View, told};
use crate::mailbox::trouble;
use ehlo_action::mailbox::Trouble;
use ehlo_action::trip::TripReport;
use ehlo_core::Protocol;
use ehlo_core::trip::Trip;
use ehlo_report::failure_text;
use serde_json::{Map, Value, json};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// The document.
pub(super) fn json(report: &TripReport, protocol: Protocol, view: View) -> String {
    let texts = view.texts;
    let of_trouble = |trouble: &Trouble| {
        let told = told(trouble, report, protocol, texts);
        json!({
            "is": trouble::id(trouble),
            "text": told.what,
            "meaning": told.meaning,
            "next_step": told.next,
        })
    };
    let totals: Map<String, Value> =
        super::human::counts(report).into_iter().map(|(id, count)| (id.to_owned(), count.into())).collect();
    let sent = report.sending.iter().flat_map(|sent| &sent.transcripts);
    let transcripts: Vec<_> = sent.chain(&report.transcripts).collect();
    let document = json!({
        "version": VERSION,
        "tool": { "name": "ehlo", "version": env!("CARGO_PKG_VERSION") },
        "language": texts.lang.code(),
        "from": report.from_url,
        "to": report.to_url,
        "sender": report.sender,
        "recipient": report.recipient,
        "good": report.is_good(),
        "verdict": (!report.trips.is_empty()).then(|| super::human::verdict(report, view)),
        "watched_by": report.watched_by,
        "folders": report.folders,
        "opened_us": report.opened_us,
        "messages": report.trips.iter().map(|trip| of_trip(trip, view)).collect::<Vec<Value>>(),
        "totals": totals,
        "took": spread(report.trips.iter().filter_map(|trip| trip.took_us)),
        "arrival": spread(report.trips.iter().filter_map(|trip| trip.arrival_us)),
        "removed": report.removed,
        "not_removed": report.not_removed.as_ref().map(of_trouble),
        "trouble": report.trouble.as_ref().map(of_trouble),
        "took_us": report.took_us,
        "transcripts": transcripts,
    });
    format!("{document:#}\n")
}

/// Percentiles in microseconds; null if nothing arrived.
fn spread(times: impl Iterator<Item = u64>) -> Value {
    let times = Spread::new(times);
    if times.count() == 0 {
        return Value::Null;
    }
    let mut object = Map::new();
    object.insert("count".into(), times.count().into());
    for (name, permille) in Spread::TOLD {
        object.insert(format!("{name}_us"), times.at(*permille).into());
    }
    Value::Object(object)
}

fn of_trip(trip: &Trip, view: View) -> Value {
    let texts = view.texts;
    let mut object = json!(trip);
    object["sound"] = trip.is_sound().into();
    object["failure"] = trip.failure.as_ref().map_or(Value::Null, |failure| {
        json!({
            "stage": failure.stage,
            "cause": failure.cause,
            "at": failure.at,
            "text": failure_text(texts, failure),
            "advice": texts.find(&format!("cause/{}/advice", failure.cause.id())),
        })
    });
    object["problem"] = trip.problem.as_ref().map_or(Value::Null, |problem| {
        let text = texts.with(&format!("send/problem/{}", problem.id), &problem.params);
        json!({ "id": problem.id, "params": problem.params, "text": text })
    });
    for (index, copy) in trip.copies.iter().enumerate() {
        object["copies"][index]["junk"] = copy.is_junk().into();
        object["copies"][index]["changes"]["faithful"] = copy.changes.is_faithful().into();
        object["copies"][index]["changes"]["damaged"] = copy.changes.is_damaged().into();
    }
    object
}
