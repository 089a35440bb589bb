//! Statements of the script language, run on the connection of the console.

use super::interrupt::Interrupt;
use super::session::Session;
use ehlo_core::run::Problem;
use ehlo_core::{Cause, Failure, Masker, Secret, Stage};
use ehlo_dialogue::{Arrival, TlsSettings};
use ehlo_report::run::problem_text;
use ehlo_script::{Arrived, Hidden, Input, Machine, NoFiles, PreparedConn, Setup, Value, Want, parse};
use ehlo_talk::{Cap, Statement};
use ehlo_wire::sasl::Credentials;
use std::sync::Arc;

impl Session {
    /// Runs a statement.
    pub(super) async fn run_statement(&mut self, statement: Statement) {
        let credentials = match statement.is_login {
            true => match self.credentials(statement.user.as_deref()).await {
                Some(credentials) => Some(credentials),
                None => {
                    self.remark("no-password", &[]);
                    return self.finish_statement(false);
                }
            },
            false => self.site.credentials.clone(),
        };
        let id = self.dialogue.as_ref().map_or("smtp", |d| d.protocol().id());
        let text = format!("title: :\nprotocol: {id}\n{}\n", statement.line);
        let script = match parse(":", &text, &NoFiles) {
            Ok(script) => script,
            Err((_, errors)) => {
                let why = errors
                    .first()
                    .map_or(String::new(), |e| self.texts.with(&format!("script-error/{}", e.id), &e.params));
                self.lines(vec![why]);
                return self.finish_statement(false);
            }
        };
        let Some(setup) = self.setup(&statement, credentials.as_ref()) else {
            return self.finish_statement(false);
        };
        // A server may send back what it was told.
        if let (Some(credentials), Some(dialogue)) = (&credentials, &mut self.dialogue) {
            dialogue.learn(credentials.password.expose().as_bytes());
        }
        let prepared = self.prepared();
        self.console.begin_statement();
        // A line is written down as a line; a login that is done in steps, as the statement that it was.
        let is_one = statement.is_login && !statement.line.starts_with("C:");
        if is_one && let Some(dialogue) = &mut self.dialogue {
            dialogue.note("statement", [("line".to_owned(), statement.line.clone())].into());
        }
        let mut machine = Machine::new(Arc::new(script), setup, prepared, self.clock.now());
        loop {
            let want = machine.poll(self.clock.now());
            for Hidden { secret, at, .. } in machine.take_hidden() {
                match (&mut self.dialogue, at) {
                    (Some(dialogue), Some(span)) => dialogue.hide(span, secret.expose()),
                    (Some(dialogue), None) => dialogue.learn(secret.expose()),
                    (None, _) => {}
                }
            }
            if want == Want::Finished {
                break;
            }
            let input = self.fulfil(want).await;
            machine.handle(input, self.clock.now());
            self.front.flush();
        }
        if is_one && let Some(dialogue) = &mut self.dialogue {
            dialogue.note("statement-end", ehlo_core::Params::new());
        }
        let ran = machine.finish();
        let problem = ran.steps.iter().find_map(|s| s.problem.clone());
        self.variables.extend(ran.variables.into_iter().filter(|(name, _)| name != "password"));
        self.tell(&statement, problem.as_deref());
    }

    fn tell(&mut self, statement: &Statement, problem: Option<&Problem>) {
        let why = problem.and_then(|p| p.params.get("why")).map(String::as_str);
        match problem {
            Some(p) if p.id == "secret-unsafe" && why == Some("clear") && !statement.confirmed => {
                self.console.end_statement();
                self.console.held_back(statement.clone());
                return;
            }
            Some(problem) => self.lines(vec![problem_text(self.texts, problem)]),
            None if statement.line.starts_with("assert ") => self.remark("holds", &[]),
            None => {
                if let Some(rest) = statement.line.strip_prefix("capture ")
                    && let Some(name) = rest.split([' ', '=']).next()
                    && let Some(value) = self.variables.get(name)
                {
                    let value = ehlo_core::escape(&value.bytes());
                    self.lines(vec![format!("{name} = {value}")]);
                }
            }
        }
        let is_assertion = statement.line.starts_with("assert ") || statement.line.starts_with("capture ");
        let holds = problem.is_none() || !is_assertion;
        if is_assertion
            && holds
            && let Some(dialogue) = &mut self.dialogue
        {
            // What holds belongs into the script that is saved.
            dialogue.note("statement", [("line".to_owned(), statement.line.clone())].into());
            dialogue.note("statement-end", ehlo_core::Params::new());
        }
        self.finish_statement(!holds);
    }

    fn finish_statement(&mut self, failed: bool) {
        self.console.end_statement();
        let view = super::session::view(&self.dialogue, self.clock, self.site.raw);
        self.console.ran(!failed, &view);
    }

    /// Whose password it is: of the command line, of the lab, or what is typed now.
    async fn credentials(&mut self, user: Option<&str>) -> Option<Credentials> {
        if let Some(known) = &self.site.credentials
            && user.is_none_or(|user| user == known.user)
        {
            return Some(known.clone());
        }
        let user = user.map(str::to_owned).or_else(|| self.site.user.clone());
        let user = match (user, &self.site.lab) {
            (Some(user), _) => user,
            (None, Some(_)) => "benutzername".to_owned(),
            (None, None) => {
                self.remark("which-user", &[]);
                return None;
            }
        };
        if let Some((lab, _)) = &self.site.lab
            && let Ok(credentials) = crate::check::lab_account(lab, &user, self.texts)
        {
            return Some(credentials);
        }
        let prompt = self.texts.fill("cli/password-prompt", &[("user", &ehlo_core::escape(user.as_bytes()))]);
        let password = self.ask_hidden(prompt).await?;
        Some(Credentials { user, password, authzid: String::new() })
    }

    fn setup(&self, statement: &Statement, credentials: Option<&Credentials>) -> Option<Setup> {
        let mut masker = Masker::new();
        let mut variables = self.variables.clone();
        if let Some(credentials) = credentials {
            masker.learn(credentials.password.expose().as_bytes());
            variables.insert("user".to_owned(), Value::text(credentials.user.clone()));
            variables.insert("password".to_owned(), Value::text(credentials.password.expose().clone()));
        }
        let limits = &self.site.options.limits;
        self.dialogue.as_ref()?;
        Some(Setup {
            variables,
            masker,
            insecure_auth: self.insecure_auth || statement.confirmed,
            no_secrets: self.site.lab.is_some(),
            timeout: limits.command,
            data_timeout: limits.data_end,
            seed: crate::input::seed(),
            now: self.site.options.now,
            // Tags of the console begin with `a`.
            tag_letter: Some('s'),
            ..Setup::default()
        })
    }

    fn prepared(&self) -> Option<PreparedConn> {
        let dialogue = self.dialogue.as_ref()?;
        Some(PreparedConn {
            protocol: dialogue.protocol(),
            address: self.address.clone(),
            tls: dialogue.tls().cloned().map(Box::new),
            capabilities: words(self.console.caps(), self.console.stamp().is_some()),
            exchange: self.exchange.clone(),
            took: self.took,
            bindings: dialogue.bindings(),
            stamp: self.console.stamp().map(|s| s.as_bytes().to_vec()),
        })
    }

    async fn fulfil(&mut self, want: Want) -> Input {
        let gone = || Input::Failed(Failure::new(Stage::Command, Cause::Closed));
        match want {
            Want::Send { bytes, .. } => {
                let Some(dialogue) = &mut self.dialogue else { return gone() };
                self.exchange.clear();
                self.sent_at = tokio::time::Instant::now();
                match dialogue.write(&bytes).await {
                    Ok(span) => {
                        let visible = dialogue.transcript().visible(span);
                        self.show(&ehlo_talk::Show::Sent(visible));
                        Input::Done
                    }
                    Err(failure) => Input::Failed(failure),
                }
            }
            Want::Drip { bytes, pace, .. } => {
                let Some(dialogue) = &mut self.dialogue else { return gone() };
                match dialogue.drip(&bytes, pace).await {
                    Ok(()) => Input::Done,
                    Err(failure) => Input::Failed(failure),
                }
            }
            Want::Secure { options, .. } => {
                let Some(dialogue) = &mut self.dialogue else { return gone() };
                let settings = settings(dialogue.tls_settings(), &options);
                match dialogue.upgrade_with(settings).await {
                    Ok(tls) => {
                        let bindings = dialogue.bindings();
                        let view = super::session::view(&self.dialogue, self.clock, self.site.raw);
                        self.console.secured(&view);
                        self.drain().await;
                        Input::Secured(Box::new(tls), bindings)
                    }
                    Err(failure) => Input::Failed(failure),
                }
            }
            Want::Compress { .. } => match self.dialogue.as_mut().map(ehlo_dialogue::Dialogue::compress) {
                Some(Ok(())) => Input::Done,
                Some(Err(failure)) => Input::Failed(failure),
                None => gone(),
            },
            Want::Receive { until, .. } => {
                let until = self.clock.instant(until);
                let Some(dialogue) = &mut self.dialogue else { return gone() };
                let arrival = tokio::select! {
                    arrival = dialogue.arrival(until) => arrival,
                    interrupt = self.interrupts.next() => {
                        self.ending |= interrupt == Interrupt::Program;
                        Arrival::TimedOut
                    }
                };
                self.received(arrival).await
            }
            Want::Pause { until } => {
                tokio::select! {
                    () = tokio::time::sleep_until(self.clock.instant(until)) => {}
                    interrupt = self.interrupts.next() => self.ending |= interrupt == Interrupt::Program,
                }
                Input::TimedOut
            }
            Want::Open { .. } | Want::Close { .. } | Want::Finished => gone(),
        }
    }

    /// Shows what came, and hands it on.
    async fn received(&mut self, arrival: Arrival) -> Input {
        match arrival {
            Arrival::Reply(arrived) => {
                let input = Arrived {
                    reply: arrived.reply.clone(),
                    verb: arrived.verb.clone(),
                    bytes: arrived.bytes.clone(),
                    at: Some(arrived.at),
                    tick: arrived.tick,
                };
                self.reply(*arrived);
                self.drain().await;
                Input::Arrived(Box::new(input))
            }
            Arrival::TimedOut => Input::TimedOut,
            Arrival::Closed(how) => {
                self.ended(Arrival::Closed(how)).await;
                Input::Closed(how)
            }
            Arrival::Failed(failure) => {
                self.ended(Arrival::Failed(failure.clone())).await;
                Input::Failed(failure)
            }
        }
    }

    /// Asks for something that nobody may see.
    pub(super) async fn ask_hidden(&mut self, prompt: String) -> Option<Secret<String>> {
        let prompt = format!("{} ", prompt.trim_end());
        self.front.ask(|| super::front::Ask::Hidden(prompt)).await;
        match self.front.typed().await {
            super::front::Typed::Hidden(text) => text,
            _ => None,
        }
    }
}

/// The settings of TLS that words ask for.
pub(super) fn settings(usual: &TlsSettings, options: &[(String, String)]) -> TlsSettings {
    let option = |name: &str| options.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let mut settings = usual.clone();
    settings.sni = option("sni").or(settings.sni);
    settings.oldest = option("min").map(|v| v.trim_start_matches("TLSv").to_owned());
    settings.newest = option("max").map(|v| v.trim_start_matches("TLSv").to_owned());
    settings.alpn.extend(option("alpn"));
    if option("cert").as_deref() == Some("none") {
        settings.identity = None;
    }
    settings
}

/// A list of capabilities in the words of `needs`.
fn words(caps: &[Cap], apop: bool) -> Vec<String> {
    let mut found: Vec<String> = apop.then(|| "APOP".to_owned()).into_iter().collect();
    for cap in caps {
        if matches!(cap.name.as_str(), "AUTH" | "SASL") {
            let mechanisms = cap.arguments.split(' ').filter(|m| !m.is_empty());
            found.extend(mechanisms.map(|m| format!("AUTH={}", m.to_uppercase())));
        }
        found.push(cap.name.clone());
    }
    found
}
