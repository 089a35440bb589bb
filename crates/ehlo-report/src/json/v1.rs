use crate::causes::of_login;
use crate::{Texts, excerpt, sentence};
use ehlo_core::facts::{RunFacts, ServiceFacts};
use ehlo_core::{Evidence, Finding, LevelReport, Params, RunReport, Severity, Side, Transcript};
use serde::{Deserialize, Serialize};

/// The version that is written, and the latest that is read.
pub const SCHEMA_VERSION: u32 = 1;

/// A report as a document.
#[derive(Debug, Serialize, Deserialize)]
pub struct Document {
    /// Always 1 here.
    pub version: u32,
    /// What wrote it.
    pub tool: Tool,
    /// The language of prose: `en` or `de`.
    pub language: String,
    /// The clock by which dates were judged, in seconds since 1970.
    pub now: i64,
    /// Whether it was asked to be judged as from the internet.
    pub as_outside: bool,
    /// Whether credentials were given.
    pub credentials_given: bool,
    /// The policy by which verdicts were weighed; none for `rfc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The services.
    pub services: Vec<Service>,
    /// The verdicts.
    pub findings: Vec<WrittenFinding>,
    /// The dialogues.
    pub transcripts: Vec<Transcript>,
}

/// What wrote a document.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A service.
#[derive(Debug, Serialize, Deserialize)]
pub struct Service {
    /// Its URL.
    pub url: String,
    /// What it is for.
    pub role: String,
    /// The address of the main dialogue.
    pub address: Option<String>,
    /// Its level; none for a port of a bare host that is not offered.
    pub level: Option<LevelReport>,
    /// Why the login may have been refused, the likeliest first; empty unless it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub login_causes: Vec<WrittenCause>,
    /// How many connections were made, and how many might have been; none where nobody has counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
    /// What was seen.
    pub facts: ServiceFacts,
}

/// Connections to a service.
#[derive(Debug, Serialize, Deserialize)]
pub struct Connections {
    /// Those of dialogues and checks that were made.
    pub made: u32,
    /// How many of these there might have been.
    pub most: u32,
    /// TLS handshakes that were begun, that of the main dialogue among them; none if nothing was asked by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshakes: Option<u32>,
    /// How many of these there might have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_handshakes: Option<u32>,
}

/// A verdict with its sentences.
#[derive(Debug, Serialize, Deserialize)]
pub struct WrittenFinding {
    /// Id of the check.
    pub check: String,
    /// URL of the service.
    pub service: String,
    /// `pass`, `warn`, `fail`, `info`, `skipped` or `inconclusive`.
    pub outcome: String,
    /// Why there is no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How bad a bad verdict is.
    pub severity: Severity,
    /// What the check looks at.
    pub title: String,
    /// Which sentence says what was seen.
    pub message: String,
    /// Values for that sentence.
    pub params: Params,
    /// What was seen, in words.
    pub text: String,
    /// What it means.
    pub explanation: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Sections and advisories.
    pub references: Vec<String>,
    /// Likely causes, the likeliest first.
    pub causes: Vec<WrittenCause>,
    /// Whether mail or logins fail because of it.
    pub function: bool,
    /// Whether somebody can read, steal or inject because of it.
    pub exploitable: bool,
    /// Whether the level depends on it.
    pub required: bool,
    /// Places in the transcripts.
    pub evidence: Vec<Evidence>,
    /// The lines there, for a reader.
    pub excerpt: Vec<String>,
}

/// A likely cause.
#[derive(Debug, Serialize, Deserialize)]
pub struct WrittenCause {
    /// Its id in the catalogue of failures.
    pub id: String,
    /// What is going on.
    pub text: String,
    /// What may have led to it.
    pub causes: String,
    /// How to confirm it.
    pub confirm: String,
    /// What to do.
    pub fix: String,
}

/// Why a document cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is no JSON, or not of this form; with what is wrong and where.
    Malformed(String),
    /// It is of a version that is not known.
    Version(u32),
}

/// Reads a document back: what was seen and said, so that it can be judged again.
///
/// # Errors
/// A [`ReadError`].
pub fn read(text: &str) -> Result<(RunFacts, Vec<Transcript>), ReadError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let malformed = |e: serde_json::Error| ReadError::Malformed(e.to_string());
    let versioned: Versioned = serde_json::from_str(text).map_err(malformed)?;
    if versioned.version != SCHEMA_VERSION {
        return Err(ReadError::Version(versioned.version));
    }
    let mut value: serde_json::Value = serde_json::from_str(text).map_err(malformed)?;
    // A document comes from anywhere; what it holds is as little trusted as what a server says.
    make_harmless(&mut value);
    let document: Read = serde_json::from_value(value).map_err(malformed)?;
    let facts = RunFacts {
        now: document.now,
        as_outside: document.as_outside,
        credentials_given: document.credentials_given,
        services: document.services.into_iter().map(|s| s.facts).collect(),
    };
    Ok((facts, document.transcripts))
}

/// The part of a document that is read. Verdicts and sentences are not: they are made anew.
#[derive(Deserialize)]
struct Read {
    now: i64,
    as_outside: bool,
    credentials_given: bool,
    services: Vec<ReadService>,
    transcripts: Vec<Transcript>,
}

#[derive(Deserialize)]
struct ReadService {
    facts: ServiceFacts,
}

/// Escapes every text that could do something to a terminal.
fn make_harmless(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::String(text) if !ehlo_core::is_escaped(text) => *text = ehlo_core::escape(text.as_bytes()),
        Value::Array(items) => items.iter_mut().for_each(make_harmless),
        Value::Object(fields) => fields.values_mut().for_each(make_harmless),
        _ => {}
    }
}

impl Document {
    /// The document of a report.
    pub fn of(report: &RunReport, texts: Texts) -> Document {
        let service = |facts: &ServiceFacts| Service {
            url: facts.url.clone(),
            role: facts.endpoint.role.id().to_owned(),
            address: facts.main().map(|m| m.address.to_string()),
            level: report.level(&facts.url).cloned(),
            login_causes: login_causes(facts, texts),
            connections: facts.most_connections.map(|most| Connections {
                made: facts.made_connections(),
                most,
                handshakes: facts.tls_probe.as_ref().map(|probe| probe.handshakes),
                most_handshakes: facts.tls_probe.as_ref().map(|probe| probe.budget),
            }),
            facts: facts.clone(),
        };
        Document {
            version: SCHEMA_VERSION,
            tool: Tool { name: "ehlo".into(), version: env!("CARGO_PKG_VERSION").into() },
            language: texts.lang.code().to_owned(),
            now: report.facts.now,
            as_outside: report.facts.as_outside,
            credentials_given: report.facts.credentials_given,
            policy: Some(report.policy.clone()).filter(|policy| policy != "rfc"),
            services: report.facts.services.iter().map(service).collect(),
            findings: report.findings.iter().map(|f| finding(report, f, texts)).collect(),
            transcripts: report.transcripts.clone(),
        }
    }
}

fn finding(report: &RunReport, finding: &Finding, texts: Texts) -> WrittenFinding {
    let sentences = sentence::sentences(texts, finding);
    let why = match &finding.outcome {
        ehlo_core::Outcome::Skipped(why) | ehlo_core::Outcome::Inconclusive(why) => Some(why.id().to_owned()),
        _ => None,
    };
    let excerpt = excerpt::excerpt(texts, report, finding, 8).into_iter().map(|line| match line.side {
        Some(Side::Client) => format!("C: {}", line.text),
        Some(Side::Server) => format!("S: {}", line.text),
        None => line.text,
    });
    WrittenFinding {
        check: finding.check.clone(),
        service: finding.service.clone(),
        outcome: finding.outcome.id().to_owned(),
        why,
        severity: finding.severity,
        title: sentences.title,
        message: finding.message.clone(),
        params: finding.params.clone(),
        text: sentences.message,
        explanation: sentences.explanation,
        advice: sentences.advice,
        references: finding.references.clone(),
        causes: finding.causes.iter().map(|id| cause(texts, id)).collect(),
        function: finding.function,
        exploitable: finding.exploitable,
        required: finding.required,
        evidence: finding.evidence.clone(),
        excerpt: excerpt.collect(),
    }
}

fn login_causes(service: &ServiceFacts, texts: Texts) -> Vec<WrittenCause> {
    let login = service.main().and_then(|main| main.login.as_ref());
    let ids = login.map_or_else(Vec::new, |login| of_login(login, service));
    ids.into_iter().map(|id| cause(texts, id)).collect()
}

fn cause(texts: Texts, id: &str) -> WrittenCause {
    let part = |name: &str| texts.find(&format!("failure/{id}{name}")).unwrap_or_default().to_owned();
    WrittenCause {
        id: id.to_owned(),
        text: part(""),
        causes: part("/causes"),
        confirm: part("/confirm"),
        fix: part("/fix"),
    }
}
