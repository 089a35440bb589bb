use ehlo_core::facts::ServiceFacts;
use ehlo_core::{Failure, Finding, Outcome, RunReport};
use ehlo_knowledge::{Circumstances, causes};

/// More causes than this are no help.
const MOST: usize = 3;

/// Looks up why what the findings say may have come about, and writes it into them.
pub fn add_causes(report: &mut RunReport) {
    let mut found: Vec<Vec<String>> = Vec::new();
    for finding in &report.findings {
        let service = report.facts.services.iter().find(|s| s.url == finding.service);
        found.push(match (&finding.outcome, service) {
            (Outcome::Fail | Outcome::Warn, Some(service)) => of(finding, service),
            (Outcome::Info, Some(service)) if finding.check == "conn-rate-limited" => of(finding, service),
            _ => Vec::new(),
        });
    }
    for (finding, causes) in report.findings.iter_mut().zip(found) {
        finding.causes = causes;
    }
}

fn of(finding: &Finding, service: &ServiceFacts) -> Vec<String> {
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
        check if check.starts_with("cert") => "handshake",
        _ => failure.map_or("command", |f| f.stage.id()),
    };
    let said = ["reply", "text", "word", "issuer", "seen", "alert", "detail", "spoken"]
        .iter()
        .filter_map(|name| finding.params.get(*name))
        .find(|text| !text.is_empty());
    let circumstances = Circumstances {
        check: &finding.check,
        protocol: service.endpoint.scheme.protocol().id(),
        stage,
        cause: failure.map_or("", |f| f.cause.id()),
        text: said.map_or("", String::as_str),
    };
    causes(&circumstances).into_iter().take(MOST).map(str::to_owned).collect()
}
