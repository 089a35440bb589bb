use crate::driver::Driver;
use crate::gate;
use crate::options::{Account, RunOptions, Taken};
use crate::prepare;
use ehlo_core::Protocol;
use ehlo_core::run::{Problem, Reason, RunEvent, ScriptReport, StepReport, Verdict};
use ehlo_dialogue::Clock;
use ehlo_script::{Level, Machine, Prepared, PreparedConn, Ran, Script, Setup, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell, Semaphore, mpsc::UnboundedSender, watch};
use tokio::time::Instant;

/// A script that was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its name: the path without the ending, or what its header says.
    pub id: String,
    /// The file, as the user named it.
    pub file: String,
    /// What stands in it.
    pub script: Arc<Script>,
}

/// What a service can do, once it was asked.
type Asked = Arc<OnceCell<Vec<String>>>;

/// What all scripts of a run share.
struct Shared {
    options: Arc<RunOptions>,
    clock: Clock,
    /// What the server can do, by protocol and service; asked once, and only if somebody wants to know.
    capabilities: std::sync::Mutex<HashMap<(Protocol, String), Asked>>,
    /// A maildrop belongs to one session at a time (RFC 1939 §4).
    maildrop: Mutex<()>,
    /// Mailboxes are made and removed by one script at a time: Dovecot 2.3 answers `[ALREADYEXISTS]`, or waits for a
    /// lock, when several sessions of one account do it at once.
    mailboxes: Mutex<()>,
    stop: watch::Receiver<bool>,
}

/// Runs scripts, several at once, and tells what comes of them in the order in which they were given. Yields what to
/// write for `--accept`: file, line, text.
pub async fn run_all(
    scripts: Vec<Loaded>,
    options: Arc<RunOptions>,
    events: UnboundedSender<RunEvent>,
    stop: watch::Receiver<bool>,
) -> Vec<(String, usize, String)> {
    let clock = Clock::start();
    let began = Instant::now();
    let _ = events.send(RunEvent::Started { scripts: scripts.len(), target: options.site.name.clone() });
    let room = Arc::new(Semaphore::new(options.jobs.max(1)));
    let shared = Arc::new(Shared {
        options: Arc::clone(&options),
        clock,
        capabilities: Default::default(),
        maildrop: Mutex::new(()),
        mailboxes: Mutex::new(()),
        stop,
    });
    let deadline = Instant::now() + options.limits.total;
    let tasks: Vec<_> = scripts
        .into_iter()
        .enumerate()
        .map(|(number, loaded)| {
            let (shared, room) = (Arc::clone(&shared), Arc::clone(&room));
            tokio::spawn(async move {
                let _permit = room.acquire_owned().await;
                shared.run(loaded, number as u64, deadline).await
            })
        })
        .collect();
    let mut accepted = Vec::new();
    for task in tasks {
        // A task that panics is a defect of ours, and must show.
        let (report, accept) =
            task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        accepted.extend(accept.into_iter().map(|(line, text)| (report.file.clone(), line, text)));
        let _ = events.send(RunEvent::Script(Box::new(report)));
    }
    let took_us = began.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
    let _ = events.send(RunEvent::Finished { took_us });
    accepted
}

impl Shared {
    async fn run(
        &self,
        loaded: Loaded,
        number: u64,
        deadline: Instant,
    ) -> (ScriptReport, Vec<(usize, String)>) {
        let began = Instant::now();
        let header = &loaded.script.header;
        let mut report = ScriptReport {
            id: loaded.id.clone(),
            file: loaded.file.clone(),
            title: header.title.clone().unwrap_or_else(|| loaded.id.clone()),
            references: header.references.clone(),
            level: header.level.id().to_owned(),
            finding: header.finding.clone(),
            verdict: Verdict::Skip,
            counts: false,
            reason: None,
            steps: Vec::new(),
            notes: Vec::new(),
            took_us: 0,
            attempts: 0,
            dialogues: Vec::new(),
        };
        let stopped = *self.stop.borrow();
        let mut reason = gate::closed(&loaded.script, &loaded.id, &self.options);
        if reason.is_none() && stopped {
            reason = Some(Reason::known("run.interrupted"));
        }
        if reason.is_none() {
            reason = self.lacks(&loaded.script, deadline).await;
        }
        if reason.is_some() {
            report.reason = reason;
            return (report, Vec::new());
        }
        let mut accept = Vec::new();
        loop {
            report.attempts += 1;
            let seed = self.options.seed ^ (number << 20) ^ u64::from(report.attempts);
            let attempt = self.attempt(&loaded, seed, deadline).await;
            // What fails before the script has begun says nothing about what it tests.
            let unprepared = matches!(attempt.stop, Some(Stopped::Problem(_))) && report.attempts <= 1;
            let again = (unprepared || report.attempts <= header.retry)
                && attempt.is_transient()
                && !*self.stop.borrow();
            if again {
                continue;
            }
            accept.extend(attempt.ran.iter().flat_map(|r| r.accept.iter().cloned()));
            attempt.tell(&loaded, &self.options, &mut report);
            break;
        }
        report.took_us = began.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
        (report, accept)
    }

    /// What the server lacks of what a script needs.
    async fn lacks(&self, script: &Script, deadline: Instant) -> Option<Reason> {
        let wanted: Vec<&String> = script.header.needs.iter().filter(|w| !gate::is_resource(w)).collect();
        if wanted.is_empty() {
            return None;
        }
        let protocol = script.header.protocol.unwrap_or(Protocol::Smtp);
        let service = gate::first_target(script).unwrap_or_default();
        let offered = self.capabilities(protocol, &service, deadline).await;
        let missing: Vec<&str> = wanted
            .into_iter()
            .filter(|w| !offered.iter().any(|c| c.eq_ignore_ascii_case(w)))
            .map(String::as_str)
            .collect();
        (!missing.is_empty()).then(|| Reason::known("run.needs").with("missing", missing.join(" ")))
    }

    /// Asks a service once what it can do: in the clear, inside TLS, logged in.
    async fn capabilities(&self, protocol: Protocol, service: &str, deadline: Instant) -> Vec<String> {
        let cell = match self.capabilities.lock() {
            Ok(mut known) => Arc::clone(known.entry((protocol, service.to_owned())).or_default()),
            Err(_) => return Vec::new(),
        };
        let ask = || async {
            let logs_in = self.options.account.is_some();
            let (greeting, ask, good) = match protocol {
                Protocol::Imap => ("S: * OK|PREAUTH", "C: % CAPABILITY", "S: % OK|NO|BAD"),
                Protocol::Pop3 => ("S: +OK", "C: CAPA", "S: +OK|-ERR"),
                Protocol::Sieve => ("S: OK", "C: CAPABILITY", "S: OK|NO"),
                Protocol::Lmtp => ("S: 220", "C: LHLO {{helo}}", "S: xxx"),
                _ => ("S: 220", "C: EHLO {{helo}}", "S: xxx"),
            };
            // RFC 5804 §2.2: a ManageSieve server speaks first inside TLS.
            let again = if protocol == Protocol::Sieve { "S: OK\n" } else { "" };
            let secure = format!(
                "if S.tls.version == none\nif S.caps includes STARTTLS\nC starttls\n{again}else\n\
                 if S.caps includes STLS\nC starttls\nend\nend\nend\n"
            );
            let connect = if service.is_empty() { String::new() } else { format!("C connect {service}\n") };
            let mut text = format!(
                "title: what the server can do\nprotocol: {}\n{connect}{greeting}\n{ask}\n{good}\n{secure}{ask}\n{good}\n",
                protocol.id()
            );
            if logs_in && matches!(protocol, Protocol::Imap | Protocol::Pop3 | Protocol::Sieve) {
                let done = if protocol == Protocol::Imap { "S: % OK|NO|BAD" } else { good };
                text.push_str(&format!("C login {{{{user}}}} {{{{password}}}}\n{done}\n{ask}\n{good}\n"));
            }
            let _turn = if protocol == Protocol::Pop3 { Some(self.maildrop.lock().await) } else { None };
            let mut driver = self.driver(deadline, self.options.seed ^ 0x5eed ^ protocol as u64, None);
            let (setup, _) = self.setup(None, &[], 0, None);
            let ran = run_own(&mut driver, &text, setup, None).await;
            driver.end_all().await;
            ran.capabilities
        };
        cell.get_or_init(ask).await.clone()
    }

    fn driver(&self, deadline: Instant, seed: u64, extra: Option<&Account>) -> Driver {
        let masker = self.options.masker(extra);
        let end = deadline.min(Instant::now() + SCRIPT_TIME);
        Driver::new(Arc::clone(&self.options), self.clock, masker, end, seed, self.stop.clone())
    }

    fn setup(
        &self,
        account: Option<&Account>,
        messages: &[Vec<u8>],
        seed: u64,
        until: Option<usize>,
    ) -> (Setup, String) {
        let options = &self.options;
        let mailbox = format!("ehlo-{:08x}", (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32);
        let mut variables: BTreeMap<String, Value> =
            options.variables.iter().map(|(n, v)| (n.clone(), Value::text(v.clone()))).collect();
        let mut add = |user: &str, password: &str, account: Option<&Account>| {
            if let Some(account) = account {
                variables.insert(user.to_owned(), Value::text(account.user.clone()));
                variables.insert(password.to_owned(), Value::text(account.password.expose().clone()));
            }
        };
        add("user", "password", account.or(options.account.as_ref()));
        add("user2", "password2", options.account2.as_ref());
        variables.insert("mailbox".to_owned(), Value::text(mailbox.clone()));
        variables.entry("sep".to_owned()).or_insert_with(|| Value::text("/"));
        prepare::with_messages(&mut variables, messages);
        let setup = Setup {
            variables,
            masker: options.masker(account),
            insecure_auth: options.insecure_auth,
            no_secrets: options.no_secrets,
            timeout: options.limits.command,
            data_timeout: options.limits.data_end,
            seed,
            now: options.now,
            capabilities: Vec::new(),
            resources: gate::resources(options),
            until,
            tag_letter: None,
        };
        (setup, mailbox)
    }

    /// Prepares, runs, and takes away again.
    async fn attempt(&self, loaded: &Loaded, seed: u64, deadline: Instant) -> Attempt {
        let script = &loaded.script;
        let header = &script.header;
        let protocol = header.protocol.unwrap_or(Protocol::Smtp);
        // Asked before anything is locked: asking takes its turn, too.
        let probed = self.capabilities_if_needed(script, protocol, deadline).await;
        let messages = header.messages.as_ref().map_or(&[][..], |m| &m.messages[..]);
        let fills_maildrop = protocol == Protocol::Pop3 && header.messages.is_some();
        let (taken, _turn): (Option<Taken>, _) = match (protocol, fills_maildrop) {
            (Protocol::Pop3, true) => (self.options.maildrops.take().await, None),
            (Protocol::Pop3, false) => (None, Some(self.maildrop.lock().await)),
            _ => (None, None),
        };
        if fills_maildrop && taken.is_none() {
            return Attempt::skipped(Reason::known("run.no-maildrop"));
        }
        let account = taken.as_ref().map(|t| &t.account);
        let mut driver = self.driver(deadline, seed, account);
        let (setup, mailbox) = self.setup(account, messages, seed, self.options.until);
        let own = Setup { until: None, tag_letter: Some('p'), ..setup.clone() };

        let mut attempt = Attempt::default();
        if fills_maildrop {
            if self.options.site.service("", Protocol::Imap).is_none() {
                return Attempt::skipped(Reason::known("run.maildrop-imap"));
            }
            let text = prepare::filling(messages.len(), self.options.maildrops.disposable);
            let ran = run_own(&mut driver, &text, own.clone(), None).await;
            driver.end_all().await;
            if let Some(stop) = not_prepared(&ran) {
                attempt.stop = Some(stop);
                attempt.dialogues = driver.into_dialogues();
                return attempt;
            }
        }
        let mut prepared = None;
        let mut variables = setup.variables.clone();
        let mut owns_mailbox = false;
        if let Some(text) = prepare::preparation(protocol, header.state, messages.len()) {
            owns_mailbox = protocol == Protocol::Imap && header.state >= Prepared::Mailbox;
            let turn = if owns_mailbox { Some(self.mailboxes.lock().await) } else { None };
            let ran = run_own(&mut driver, &text, own.clone(), None).await;
            drop(turn);
            match not_prepared(&ran) {
                Some(stop) => attempt.stop = Some(stop),
                None => {
                    variables.extend(ran.variables);
                    prepared = ran.first;
                }
            }
        }
        if attempt.stop.is_none() {
            let setup = Setup { variables, capabilities: probed, ..setup };
            let now = self.clock.now();
            let mut machine = Machine::new(Arc::clone(script), setup, prepared, now);
            driver.drive(&mut machine).await;
            attempt.ran = Some(machine.finish());
        }
        driver.end_all().await;
        if owns_mailbox {
            let _turn = self.mailboxes.lock().await;
            let ran = run_own(&mut driver, prepare::LEFTOVERS, own.clone(), None).await;
            let names = ran.variables.get("names").map(|l| prepare::listed(l, &mailbox)).unwrap_or_default();
            let mut own = Setup { tag_letter: Some('q'), ..own.clone() };
            for (at, name) in names.iter().enumerate() {
                own.variables.insert(format!("name{at}"), Value::Text(name.clone()));
            }
            if !names.is_empty() {
                run_own(&mut driver, &prepare::removal(&names), own, ran.first).await;
            }
            driver.end_all().await;
        }
        if fills_maildrop {
            run_own(&mut driver, prepare::EMPTYING, own, None).await;
            driver.end_all().await;
        }
        attempt.dialogues = driver.into_dialogues();
        attempt
    }

    /// `needs` as a statement asks about what the server can do, too.
    async fn capabilities_if_needed(
        &self,
        script: &Script,
        protocol: Protocol,
        deadline: Instant,
    ) -> Vec<String> {
        use ehlo_script::{Op, Statement};
        let asks = script.ops.iter().any(|op| matches!(op, Op::Statement(Statement::Needs(..))));
        if asks {
            let service = gate::first_target(script).unwrap_or_default();
            self.capabilities(protocol, &service, deadline).await
        } else {
            Vec::new()
        }
    }
}

/// A script of its own takes no longer than this, whatever it waits for.
const SCRIPT_TIME: Duration = Duration::from_secs(180);

async fn run_own(driver: &mut Driver, text: &str, setup: Setup, prepared: Option<PreparedConn>) -> Ran {
    let mut machine = Machine::new(prepare::own(text), setup, prepared, driver.clock.now());
    driver.drive(&mut machine).await;
    machine.finish()
}

/// Why a preparation did not succeed.
enum Stopped {
    Skip(Reason),
    Problem(Box<Problem>),
}

fn not_prepared(ran: &Ran) -> Option<Stopped> {
    if let Some(reason) = &ran.skipped {
        return Some(Stopped::Skip(reason.clone()));
    }
    let problem = ran.steps.iter().find_map(|s| s.problem.clone())?;
    if problem.id == "starttls-refused" {
        return Some(Stopped::Skip(Reason::known("run.needs").with("missing", "tls")));
    }
    Some(Stopped::Problem(problem))
}

#[derive(Default)]
struct Attempt {
    ran: Option<Ran>,
    stop: Option<Stopped>,
    dialogues: Vec<ehlo_core::run::RunDialogue>,
}

impl Attempt {
    fn skipped(reason: Reason) -> Attempt {
        Attempt { stop: Some(Stopped::Skip(reason)), ..Attempt::default() }
    }

    /// Whether beginning anew may help: only trouble before anything was proved wrong.
    fn is_transient(&self) -> bool {
        if let Some(Stopped::Problem(problem)) = &self.stop {
            return problem.transient || problem.received.iter().any(|l| l.contains("[ALREADYEXISTS]"));
        }
        let first = self.ran.iter().flat_map(|r| &r.steps).find_map(|s| s.problem.as_ref());
        first.is_some_and(|p| p.transient)
    }

    fn tell(mut self, loaded: &Loaded, options: &RunOptions, report: &mut ScriptReport) {
        report.dialogues = std::mem::take(&mut self.dialogues);
        match self.stop {
            Some(Stopped::Skip(reason)) => {
                report.reason = Some(reason);
                report.verdict = Verdict::Skip;
                return;
            }
            Some(Stopped::Problem(problem)) => {
                report.verdict = Verdict::Error;
                report.counts = true;
                report.reason = Some(Reason::known("run.not-prepared"));
                report.steps = vec![StepReport {
                    name: String::new(),
                    level: Level::Must.id().to_owned(),
                    verdict: Verdict::Error,
                    reason: None,
                    problem: Some(problem),
                    took_us: 0,
                }];
                return;
            }
            None => {}
        }
        let Some(ran) = self.ran else { return };
        report.notes = ran.notes;
        report.steps = ran.steps;
        report.reason = ran.done;
        for known in options.known.iter().filter(|k| k.step.is_some() && k.holds(&loaded.id)) {
            for step in report.steps.iter_mut().filter(|s| known.step.as_deref() == Some(&s.name)) {
                expect_failure(&mut step.verdict, &mut step.reason, &known.reason);
            }
        }
        let worst = report.steps.iter().map(|s| s.verdict).filter(|v| *v != Verdict::Skip).max();
        report.verdict = worst.unwrap_or(Verdict::Skip);
        if let Some(reason) = ran.skipped
            && report.verdict < Verdict::Fail
        {
            report.verdict = Verdict::Skip;
            report.reason = Some(reason);
        }
        // A failure counts if the step that failed is a *must*, or all count.
        report.counts = report.steps.iter().any(|s| {
            matches!(s.verdict, Verdict::Fail | Verdict::Error)
                && (s.level == "must" || (options.strict && s.level != "info") || s.verdict == Verdict::Error)
        });
        let by_profile =
            options.known.iter().find(|k| k.step.is_none() && k.holds(&loaded.id)).map(|k| k.reason.clone());
        if let Some(why) = loaded.script.header.xfail.clone().or(by_profile) {
            expect_failure(&mut report.verdict, &mut report.reason, &why);
            report.counts &= report.verdict != Verdict::XFail;
        }
    }
}

fn expect_failure(verdict: &mut Verdict, reason: &mut Option<Reason>, why: &str) {
    match verdict {
        Verdict::Fail | Verdict::Error => {
            *verdict = Verdict::XFail;
            *reason = Some(Reason::text(why));
        }
        Verdict::Pass => {
            *verdict = Verdict::XPass;
            *reason = Some(Reason::text(why));
        }
        _ => {}
    }
}
