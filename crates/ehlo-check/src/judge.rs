use crate::{CHECKS, Check, Policy, Verdict, level};
use ehlo_core::facts::{ConnectionFacts, RunFacts, ServiceFacts, Vantage};
use ehlo_core::{Anchor, EntryId, Evidence, Finding, LevelReport, Outcome, Protocol, Role, TlsMode, Why};

/// What a check judges: one service, with those of the same host at hand.
#[derive(Clone, Copy)]
pub struct Judging<'a> {
    /// The whole run.
    pub run: &'a RunFacts,
    /// The service.
    pub service: &'a ServiceFacts,
}

/// Which checks are wanted, by id or group.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// If there are any, only these.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
    /// By which norm verdicts are weighed.
    pub policy: Policy,
}

/// What the checks say.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// The findings, service by service, in the order of the table of checks.
    pub findings: Vec<Finding>,
    /// The level of each service that could be looked at, by URL.
    pub levels: Vec<(String, LevelReport)>,
}

impl Selection {
    /// Whether a check is wanted.
    pub fn takes(&self, check: &dyn Check) -> bool {
        self.takes_meta(check.meta())
    }

    /// The same, by what is known of the check.
    pub fn takes_meta(&self, meta: &crate::CheckMeta) -> bool {
        let named = |list: &[String]| list.iter().any(|n| n == meta.id || n == meta.group);
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }

    /// Names that no check and no group has.
    pub fn unknown(&self) -> Vec<&str> {
        let known = |name: &str| CHECKS.iter().any(|c| c.meta().id == name || c.meta().group == name);
        self.only.iter().chain(&self.skip).map(String::as_str).filter(|n| !known(n)).collect()
    }
}

/// Judges facts. The same facts always give the same verdicts.
pub fn judge(run: &RunFacts, selection: &Selection) -> Judged {
    let mut judged = Judged::default();
    for service in run.services.iter().filter(|s| !s.is_absent()) {
        let facts = Judging { run, service };
        let mut findings = Vec::new();
        for &check in CHECKS.iter().filter(|c| selection.takes(**c)) {
            for verdict in check.judge(&facts) {
                let mut finding = finding(check, &facts, verdict);
                selection.policy.weigh(&mut finding, facts.role());
                // What a policy takes for a failure is one.
                let failed = finding.outcome == Outcome::Fail && finding.params.contains_key("policy");
                finding.function |= failed && check.meta().function;
                finding.exploitable |= failed && check.meta().exploitable;
                findings.push(finding);
            }
        }
        judged.levels.push((service.url.clone(), level(&findings)));
        judged.findings.extend(findings);
    }
    judged
}

fn finding(check: &dyn Check, facts: &Judging<'_>, verdict: Verdict) -> Finding {
    let meta = check.meta();
    let mut outcome = verdict.outcome;
    let mut message = verdict.message;
    let mut params = verdict.params;
    let bad = matches!(outcome, Outcome::Fail | Outcome::Warn);
    if meta.vantage && bad && !facts.seen_from_outside() {
        // A good verdict stands; a bad one may be due to the favours that a near client is done.
        params.insert("vantage".into(), facts.service.vantage.id().into());
        params.insert("would-be".into(), outcome.id().into());
        outcome = Outcome::Inconclusive(Why::Vantage);
        message = "vantage";
    }
    let mut evidence = verdict.evidence;
    if evidence.is_empty() {
        evidence.push(facts.anywhere());
    }
    let failed = outcome == Outcome::Fail;
    Finding {
        check: meta.id.to_owned(),
        service: facts.service.url.clone(),
        severity: verdict.severity.unwrap_or(meta.severity_for(facts.role())),
        message: message.to_owned(),
        params,
        evidence,
        causes: Vec::new(),
        references: meta.references.iter().map(|r| (*r).to_owned()).collect(),
        function: failed && verdict.function.unwrap_or(meta.function),
        exploitable: failed && verdict.exploitable.unwrap_or(meta.exploitable),
        required: true,
        outcome,
    }
}

impl<'a> Judging<'a> {
    /// What the service is for.
    pub fn role(&self) -> Role {
        self.service.endpoint.role
    }

    /// Whether users log in here.
    pub fn takes_logins(&self) -> bool {
        self.role().takes_logins()
    }

    /// What is spoken.
    pub fn protocol(&self) -> Protocol {
        self.service.endpoint.scheme.protocol()
    }

    /// When TLS begins.
    pub fn tls_mode(&self) -> TlsMode {
        self.service.endpoint.scheme.tls_mode()
    }

    /// Whether STARTTLS is a question here: not where TLS begins at once, not over a Unix socket.
    pub fn starttls_matters(&self) -> bool {
        self.tls_mode() == TlsMode::StartTls && self.service.endpoint.path.is_none()
    }

    /// Whether the server sees us as it sees the internet.
    pub fn seen_from_outside(&self) -> bool {
        self.run.as_outside || self.service.vantage == Vantage::Outside
    }

    /// The main connection.
    pub fn main(&self) -> Option<&'a ConnectionFacts> {
        self.service.main()
    }

    /// The services of the same host, this one not among them.
    pub fn siblings(&self) -> impl Iterator<Item = &'a ServiceFacts> {
        let (run, service) = (self.run, self.service);
        run.services.iter().filter(move |s| {
            service.host_group.is_some() && s.host_group == service.host_group && s.url != service.url
        })
    }

    /// A verdict where the dialogue did not come far enough.
    pub(crate) fn not_reached(&self) -> Verdict {
        let main = self.main();
        let rate_limited = main.is_some_and(|m| m.greeting.as_ref().is_some_and(|g| g.code == Some(421)));
        let why = if rate_limited { Why::RateLimited } else { Why::Failure };
        Verdict::inconclusive(why).at(self.where_it_ended())
    }

    /// The refusal over which the server went away when it was asked for its capabilities: nobody knows what it offers.
    pub(crate) fn went_over_capabilities(&self) -> Option<(&'a str, Evidence)> {
        let main = self.main()?;
        main.failure.as_ref().filter(|_| main.greeting.is_some())?;
        let mut asked = main.capabilities.iter().filter(|list| !list.unasked);
        let (first, rest) = (asked.next()?, asked);
        let refused = first.refused.as_deref()?;
        rest.into_iter().all(|list| list.refused.is_some()).then_some((refused, first.at))
    }

    /// Whether nobody knows what the server offers.
    pub(crate) fn capabilities_unknown(&self) -> bool {
        self.went_over_capabilities().is_some()
    }

    /// Where the main dialogue broke off.
    pub(crate) fn where_it_ended(&self) -> Option<Evidence> {
        let main = self.main()?;
        let anchor = main.failure.as_ref()?.at?;
        Some(Evidence { transcript: main.transcript, anchor })
    }

    /// Any place of the service's transcripts, for what is proved by the whole.
    fn anywhere(&self) -> Evidence {
        let main = self.main().or(self.service.connections.first());
        if let Some(at) = main.and_then(|m| m.greeting.as_ref()).map(|g| g.at) {
            return at;
        }
        if let Some(at) = self.where_it_ended() {
            return at;
        }
        match (main, self.service.addresses.first()) {
            (Some(main), _) => Evidence::entry(main.transcript, EntryId(0)),
            (None, Some(address)) => address.at,
            (None, None) => {
                Evidence { transcript: ehlo_core::TranscriptId(0), anchor: Anchor::Entry(EntryId(0)) }
            }
        }
    }
}
