use ehlo_core::facts::{LoginFacts, LoginResult, ServiceFacts};
use ehlo_core::{EntryId, EntryKind, Failure, Finding, Outcome, RunReport, Side, escape};
use ehlo_knowledge::explain::{Symptom, failures};

/// More causes than this are no help.
const MOST: usize = 3;

/// Looks up why what the findings say may have come about, and writes it into them.
pub fn add_causes(report: &mut RunReport) {
    let mut found: Vec<Vec<String>> = Vec::new();
    for finding in &report.findings {
        let service = report.facts.services.iter().find(|s| s.url == finding.service);
        found.push(match (&finding.outcome, service) {
            (Outcome::Fail | Outcome::Warn, Some(service)) => of(finding, service, report),
            (Outcome::Info, Some(service)) if finding.check == "conn-rate-limited" => {
                of(finding, service, report)
            }
            _ => Vec::new(),
        });
    }
    for (finding, causes) in report.findings.iter_mut().zip(found) {
        finding.causes = causes;
    }
}

/// What `ehlo explain` would say of the answer by which a login was refused: ids of the catalogue of failures.
pub(crate) fn of_login(login: &LoginFacts, service: &ServiceFacts) -> Vec<&'static str> {
    let Some(reply) = login.reply.as_deref().filter(|_| login.result == LoginResult::Refused) else {
        return Vec::new();
    };
    let protocol = Some(service.endpoint.scheme.protocol().id());
    let mut found = failures(&Symptom { protocol, stage: Some("auth"), ..Symptom::of(reply) });
    found.truncate(MOST);
    found
}

fn of(finding: &Finding, service: &ServiceFacts, report: &RunReport) -> Vec<String> {
    let main = service.main();
    let ended = || main.and_then(|m| m.failure.as_ref());
    // What a finding has to do with a failure; most have nothing to do with how the dialogue ended.
    let failure: Option<&Failure> = match finding.check.as_str() {
        "conn-reachable" if service.is_reachable() => ended(),
        "conn-reachable" => {
            service.failure.as_ref().or_else(|| service.addresses.iter().find_map(|a| a.failure.as_ref()))
        }
        "conn-family-parity" => service.addresses.iter().find_map(|a| a.failure.as_ref()),
        "starttls-works" => main.and_then(|m| m.starttls.as_ref()).and_then(|s| s.failure.as_ref()),
        "conn-lost" | "tls-handshake" | "port-speaks-other" => ended(),
        _ => None,
    };
    let stage = match finding.check.as_str() {
        "greeting-latency" | "greeting-syntax" | "banner-name" | "banner-discloses" | "conn-rate-limited" => {
            "greeting"
        }
        "starttls-offered" | "cleartext-port-no-tls" => "capabilities",
        "starttls-works" => failure.map_or("start-tls", |f| f.stage.id()),
        check if check.starts_with("cert") => "handshake",
        _ => failure.map_or("command", |f| f.stage.id()),
    };
    let said = ["reply", "text", "word", "issuer", "seen", "alert", "detail", "spoken"]
        .iter()
        .filter_map(|name| finding.params.get(*name))
        .find(|text| !text.is_empty());
    let text = match (said, failure) {
        (Some(text), _) => text.clone(),
        // The server took its leave; its last line says why.
        (None, Some(failure)) if failure.cause.id() == "rejected" => last_said(finding, report),
        // There is no list because the server refused to give one.
        (None, None) if stage == "capabilities" => {
            let lists = main.map_or(&[][..], |m| &m.capabilities);
            lists.iter().find_map(|list| list.refused.clone()).unwrap_or_default()
        }
        _ => String::new(),
    };
    let symptom = Symptom {
        check: Some(&finding.check),
        protocol: Some(service.endpoint.scheme.protocol().id()),
        stage: Some(stage),
        cause: failure.map(|f| f.cause.id()),
        ..Symptom::of(&text)
    };
    failures(&symptom).into_iter().take(MOST).map(str::to_owned).collect()
}

/// The last line that the server had said before what proves a finding, escaped.
fn last_said(finding: &Finding, report: &RunReport) -> String {
    let said = finding.evidence.iter().rev().find_map(|place| {
        let transcript = report.transcript(place.transcript)?;
        let EntryId(last) = transcript.entries_at(place.anchor).into_iter().max()?;
        (0..=last).rev().find_map(|id| match transcript.entry(EntryId(id))?.kind {
            EntryKind::Data { span, .. } if span.side == Side::Server => {
                Some(escape(transcript.visible(span).trim_ascii_end()))
            }
            _ => None,
        })
    });
    said.unwrap_or_default()
}
