use crate::acquire::{Pacer, Turns, Whole, acquire};
use crate::{CHECKS, CheckOptions, Job, Question, Selection, judge};
use ehlo_core::facts::RunFacts;
use ehlo_core::{Event, RunReport};
use ehlo_dialogue::Clock;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// Examines services, all of them at once, and judges what was seen.
pub async fn run(
    jobs: Vec<Job>,
    options: Arc<CheckOptions>,
    selection: &Selection,
    events: UnboundedSender<Event>,
) -> RunReport {
    let tell = |event| {
        // Nobody has to listen.
        let _ = events.send(event);
    };
    tell(Event::RunStarted { services: jobs.iter().map(|j| j.url.clone()).collect() });
    // Nobody is asked what nobody wants to know.
    let wanted = CHECKS.iter().any(|c| c.meta().group == "tls" && selection.takes(*c));
    let types_on = CHECKS.iter().any(|c| c.meta().id == "starttls-cleartext-after" && selection.takes(*c));
    let options = match wanted {
        true => options,
        false => Arc::new(CheckOptions { tls_probe: None, ..(*options).clone() }),
    };
    let clock = Clock::start();
    let end = Instant::now() + options.connection.limits.total;
    // Nobody is asked what nobody wants to know.
    let asks = Question::wanted(selection, &options.extra, options.credentials.is_some());
    let logs_in = asks.iter().any(|question| question.is_by_login());
    let whole = Whole {
        options: Arc::clone(&options),
        asks,
        types_on,
        turns: Turns::default(),
        pacer: Pacer::new(options.pace),
        clock,
        end,
        events: events.clone(),
    };
    let mut tasks = Vec::new();
    for (index, job) in (0u32..).zip(jobs) {
        tasks.push(tokio::spawn(acquire(index, job, whole.clone())));
    }
    drop(whole);
    let mut all = Vec::new();
    for task in tasks {
        match task.await {
            Ok(acquired) => {
                if !logs_in {
                    tell(Event::ServiceAcquired { service: acquired.facts.url.clone() });
                }
                all.push(acquired);
            }
            // A defect of ours must not be taken for a verdict about the server.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    // Further logins come last, one service after the other: so they share no maildrop, failures can be counted, and it is
    // always the same service that is asked.
    let mut failures = 0;
    for acquired in all.iter_mut().filter(|_| logs_in) {
        acquired.ask_by_login(end, &mut failures).await;
        tell(Event::ServiceAcquired { service: acquired.facts.url.clone() });
    }
    let mut services = Vec::new();
    let mut transcripts = Vec::new();
    for acquired in all {
        services.push(acquired.facts);
        transcripts.extend(acquired.transcripts);
    }
    let facts = RunFacts {
        now: options.connection.now,
        as_outside: options.as_outside,
        credentials_given: options.credentials.is_some(),
        services,
    };
    let judged = judge(&facts, selection);
    for finding in &judged.findings {
        tell(Event::Finding(Box::new(finding.clone())));
    }
    for (service, report) in &judged.levels {
        tell(Event::Level { service: service.clone(), report: report.clone() });
    }
    RunReport {
        facts,
        findings: judged.findings,
        levels: judged.levels,
        transcripts,
        policy: selection.policy.id.clone(),
    }
}
