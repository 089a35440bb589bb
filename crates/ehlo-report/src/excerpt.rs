use crate::{Texts, sentence};
use ehlo_core::{
    CloseKind, Entry, EntryId, EntryKind, Evidence, Finding, RunReport, Side, Transcript, TranscriptId,
    escape,
};

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
    if let EntryKind::Data { span, .. } = entry.kind {
        let bytes = transcript.visible(span);
        let body = bytes.strip_suffix(b"\r\n").unwrap_or(&bytes);
        return Some(Line { side: Some(span.side), text: escape(body) });
    }
    Some(Line { side: None, text: happened(texts, &entry.kind)? })
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
