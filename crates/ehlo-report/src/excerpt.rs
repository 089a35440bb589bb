use crate::{Texts, sentence};
use ehlo_core::{
    CloseKind, DataSort, Entry, EntryId, EntryKind, Evidence, Finding, RunReport, Side, Transcript,
    TranscriptId, escape,
};
use ehlo_wire::tls::{Alert, ClientHelloReader, FlightReader, Opening};

/// A line of a dialogue for a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// `C`, `S`, or nothing for what is not said.
    pub(crate) side: Option<Side>,
    /// What is said, or what happened; escaped, without line ending.
    pub(crate) text: String,
}

/// The lines that prove a finding, at most `most`.
pub(crate) fn excerpt(texts: Texts, report: &RunReport, finding: &Finding, most: usize) -> Vec<Line> {
    let mut lines: Vec<(TranscriptId, EntryId, Line)> = Vec::new();
    for place in &finding.evidence {
        for (entry, line) in lines_at(texts, report, place) {
            if !lines.iter().any(|(_, _, known)| *known == line) {
                lines.push((place.transcript, entry, line));
            }
        }
    }
    // What comes first in the evidence matters most; what is shown of it stands in the order in which it happened.
    let more = lines.len() > most;
    lines.truncate(most);
    lines.sort_by_key(|(transcript, entry, _)| (*transcript, *entry));
    let mut lines: Vec<Line> = lines.into_iter().map(|(_, _, line)| line).collect();
    if more {
        lines.push(Line { side: None, text: "…".into() });
    }
    lines
}

fn lines_at(texts: Texts, report: &RunReport, place: &Evidence) -> Vec<(EntryId, Line)> {
    let Some(transcript) = report.transcript(place.transcript) else { return Vec::new() };
    let entries = transcript.entries_at(place.anchor);
    entries
        .into_iter()
        .filter_map(|id| Some((id, line(texts, transcript, transcript.entry(id)?)?)))
        .map(|(id, line)| (id, first_line(line)))
        .collect()
}

/// Bytes that were not taken as lines, such as text in place of a handshake, are shown up to their first line ending.
fn first_line(line: Line) -> Line {
    match line.text.split_once(r"\x0d\x0a") {
        Some((first, _)) => Line { text: format!("{first} …"), ..line },
        None => line,
    }
}

/// An entry of a transcript as a line.
pub(crate) fn line(texts: Texts, transcript: &Transcript, entry: &Entry) -> Option<Line> {
    if let EntryKind::Data { span, sort } = entry.kind {
        let bytes = transcript.visible(span);
        if let Some(text) = tls(span.side, &bytes).filter(|_| sort == DataSort::Blob) {
            return Some(Line { side: Some(span.side), text });
        }
        let body = bytes.strip_suffix(b"\r\n").unwrap_or(&bytes);
        return Some(Line { side: Some(span.side), text: escape(body) });
    }
    Some(Line { side: None, text: happened(texts, &entry.kind)? })
}

/// TLS in clear, in the words of the RFCs: nobody reads it as bytes.
fn tls(side: Side, bytes: &[u8]) -> Option<String> {
    match side {
        Side::Client => match ClientHelloReader::new().feed(bytes) {
            Opening::Hello(hello, _) => {
                Some(format!("ClientHello {} · {} cipher suites", hello.highest(), hello.suites.len()))
            }
            Opening::Ssl2(hello) => Some(format!("CLIENT-HELLO {}", hello.version)),
            Opening::Incomplete | Opening::Other => {
                // The end of what was begun: two bytes in a record of their own.
                matches!(bytes, [21, 3, _, 0, 2, _, _]).then(|| format!("Alert {}", Alert(bytes[6])))
            }
        },
        Side::Server => {
            let mut reader = FlightReader::new(0);
            reader.feed(bytes);
            let flight = reader.finish();
            match (&flight.hello, &flight.ssl2, flight.alert) {
                (Some(hello), ..) => Some(format!("ServerHello {} · {}", hello.chosen(), hello.suite)),
                (None, Some(hello), _) => Some(format!("SERVER-HELLO {}", hello.version)),
                (None, None, Some(alert)) => Some(format!("Alert {alert}")),
                (None, None, None) => None,
            }
        }
    }
}

/// What happened, where nothing was said.
pub fn happened(texts: Texts, kind: &EntryKind) -> Option<String> {
    Some(match kind {
        EntryKind::Connect { address, .. } => texts.say("connected", &[("address", address)]),
        EntryKind::Handshake { tls } => {
            let group = tls.group.clone().unwrap_or_default();
            let Some(own) = tls.chain.first() else {
                // The server's side: it knows its own certificate.
                return Some(
                    texts.say("handshake-served", &[("version", &tls.version), ("suite", &tls.suite)]),
                );
            };
            let named = own.names.first().cloned().or_else(|| own.common_name.clone());
            let name = named.unwrap_or_else(|| own.subject.clone());
            let places: [(&str, &dyn std::fmt::Display); 4] =
                [("version", &tls.version), ("suite", &tls.suite), ("group", &group), ("name", &name)];
            texts.say("handshake", &places)
        }
        EntryKind::Deviation { deviation } => {
            let rule = texts.get(&format!("deviation/{}", deviation.kind.id()));
            texts.say("deviation", &[("rule", &rule)])
        }
        EntryKind::Failure { failure } => sentence::failure(texts, failure),
        EntryKind::Closed { by, how } => {
            let who = if *by == Side::Client { "closed-by-us" } else { "closed-by-server" };
            format!("{}{}", texts.ui(who), manner(texts, *how))
        }
        EntryKind::Note { id, params } => texts.with(&format!("note/{id}"), params),
        _ => return None,
    })
}

/// How a connection was closed, as the end of a sentence.
pub(crate) fn manner(texts: Texts, how: CloseKind) -> String {
    let how = serde_json::to_value(how).ok();
    let how = how.as_ref().and_then(|v| v.as_str()).unwrap_or_default();
    texts.ui(&format!("closed-{how}"))
}
