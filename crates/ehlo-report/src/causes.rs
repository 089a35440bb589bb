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
            _ => Vec::new(),
        });
    }
    for (finding, causes) in report.findings.iter_mut().zip(found) {
        finding.causes = causes;
    }
}

fn of(finding: &Finding, service: &ServiceFacts) -> Vec<String> {
    let protocol = service.endpoint.scheme.protocol().id();
    let main = service.main();
    let failure: Option<&Failure> = match finding.check.as_str() {
        "conn-reachable" => service
            .failure
            .as_ref()
            .or_else(|| service.addresses.iter().find_map(|a| a.failure.as_ref()))
            .or_else(|| main.and_then(|m| m.failure.as_ref())),
        "conn-family-parity" => service.addresses.iter().find_map(|a| a.failure.as_ref()),
        check if check.starts_with("starttls-works") => {
            main.and_then(|m| m.starttls.as_ref()).and_then(|s| s.failure.as_ref())
        }
        _ => main.and_then(|m| m.failure.as_ref()),
    };
    let stage = match finding.check.as_str() {
        "conn-reachable" | "conn-family-parity" => failure.map_or("connect", |f| f.stage.id()),
        check
            if check.starts_with("greeting") || check.starts_with("port") || check.starts_with("banner") =>
        {
            "greeting"
        }
        check if check.starts_with("cert") => "handshake",
        "starttls-offered" | "cleartext-port-no-tls" => "capabilities",
        "starttls-works" => failure.map_or("start-tls", |f| f.stage.id()),
        _ => failure.map_or("command", |f| f.stage.id()),
    };
    let said = ["reply", "text", "word", "issuer"].iter().find_map(|name| finding.params.get(*name));
    let text = said.map_or("", String::as_str);
    let cause = failure.map_or("", |f| f.cause.id());
    causes(&Circumstances { protocol, stage, cause, text })
        .into_iter()
        .take(MOST)
        .map(str::to_owned)
        .collect()
}
