use super::conn::Conn;
use super::exchange::{Group, Sending};
use super::{Activity, Ending, Hidden, Input, Machine, Poll, PreparedConn, Ran, Setup, Stop, Want};
use crate::{Op, Script, Statement, Value, Verb, VerbWord};
use ehlo_core::run::{Problem, Reason, StepReport, Verdict};
use ehlo_core::{Failure, Params, Protocol, Tick};
use std::sync::Arc;

impl Machine {
    /// An interpreter that stands in front of the first line. `prepared`: the first connection, if it is open already.
    pub fn new(script: Arc<Script>, setup: Setup, prepared: Option<PreparedConn>, now: Tick) -> Machine {
        let protocol = script.header.protocol.unwrap_or(Protocol::Smtp);
        let mut conns: Vec<Conn> =
            script.connections.iter().map(|_| Conn::new(protocol, setup.now)).collect();
        if let Some(prepared) = prepared {
            conns[0].opened(prepared.address, prepared.tls, prepared.bindings);
            conns[0].protocol = prepared.protocol;
            conns[0].named_by_user = true;
            conns[0].seen.caps = prepared.capabilities;
            conns[0].seen.exchange = prepared.exchange;
            conns[0].seen.took = prepared.took;
            conns[0].stamp = prepared.stamp;
        }
        Machine {
            variables: setup.variables.clone(),
            timeout: script.header.timeout,
            random: setup.seed,
            steps: vec![None; script.steps.len()],
            script,
            setup,
            conns,
            pc: 0,
            activity: Activity::Next,
            step: 0,
            step_began: now,
            tags: 0,
            nonces: 0,
            poll: None,
            forbidding: None,
            skipped: None,
            done: None,
            notes: Vec::new(),
            accept: Vec::new(),
            expunged: Vec::new(),
            all_caps: std::collections::BTreeSet::new(),
            hidden: Vec::new(),
            ending: false,
            finished: false,
        }
    }

    /// What is to be done now. Every answer goes into [`Machine::handle`].
    pub fn poll(&mut self, now: Tick) -> Want {
        loop {
            if self.finished {
                return Want::Finished;
            }
            let result = match std::mem::replace(&mut self.activity, Activity::Next) {
                Activity::Next => self.next(now),
                Activity::Sending(sending) => self.send_on(sending, now),
                Activity::Expecting(group) => self.expect_on(*group, now),
                Activity::Login(login) => self.login_on(*login, now),
                Activity::StartTls { conn, tag, sent } => self.starttls_on(conn, tag, sent, now),
                Activity::Silent { conn, until } => self.silent_on(conn, until),
                Activity::Closing { conn, until } => self.closing_on(conn, until),
                Activity::Pausing(until) => {
                    if until <= now {
                        self.pc += 1;
                        Ok(None)
                    } else {
                        self.activity = Activity::Pausing(until);
                        Ok(Some(Want::Pause { until }))
                    }
                }
                // An answer is due; who asks without one is told to wait.
                other => {
                    self.activity = other;
                    return Want::Pause { until: now };
                }
            };
            match result {
                Ok(Some(want)) => return want,
                Ok(None) => {}
                Err(stop) => self.stop(stop, now),
            }
        }
    }

    /// What must not be shown any more, since the last call.
    pub fn take_hidden(&mut self) -> Vec<Hidden> {
        std::mem::take(&mut self.hidden)
    }

    /// Takes what happened.
    pub fn handle(&mut self, input: Input, now: Tick) {
        let result = match (std::mem::replace(&mut self.activity, Activity::Next), input) {
            (Activity::Opening(conn), Input::Opened { address, tls, bindings, named_by_user }) => {
                self.conns[conn].named_by_user = named_by_user;
                self.conns[conn].opened(address, tls, bindings);
                self.conns[conn].sent_at = now;
                Ok(())
            }
            (Activity::Securing { conn, .. }, Input::Secured(tls, bindings)) => {
                self.secured(conn, tls, bindings);
                self.pc += 1;
                Ok(())
            }
            (Activity::Securing { conn, may_fail: true }, Input::Failed(_) | Input::Closed(_)) => {
                self.conns[conn].seen.tls = None;
                self.conns[conn].seen.bindings.clear();
                self.pc += 1;
                Ok(())
            }
            (Activity::Login(login), Input::Secured(tls, bindings)) => {
                let conn = login.conn();
                self.secured(conn, tls, bindings);
                self.activity = Activity::Login(login);
                Ok(())
            }
            (Activity::StartTls { conn, .. }, Input::Secured(tls, bindings)) => {
                self.secured(conn, tls, bindings);
                self.pc += 1;
                Ok(())
            }
            (Activity::Doing, Input::Done) => {
                self.pc += 1;
                Ok(())
            }
            (activity, Input::Arrived(arrived)) => {
                let conn = activity.conn().unwrap_or(0);
                self.conns[conn].arrived(*arrived);
                if self.conns[conn].caps_changed {
                    self.conns[conn].caps_changed = false;
                    self.all_caps.extend(self.conns[conn].seen.caps.iter().cloned());
                }
                self.activity = activity;
                Ok(())
            }
            (activity, Input::Closed(how)) => {
                let conn = activity.conn().unwrap_or(0);
                self.conns[conn].closed = Some(how);
                self.activity = activity;
                Ok(())
            }
            (Activity::Expecting(mut group), Input::TimedOut) => {
                group.timed_out = true;
                self.activity = Activity::Expecting(group);
                Ok(())
            }
            (Activity::Silent { .. }, Input::TimedOut) => {
                self.pc += 1;
                Ok(())
            }
            (Activity::Closing { .. }, Input::TimedOut) => Err(self.stopped("not-closed")),
            (Activity::Login(_) | Activity::StartTls { .. } | Activity::Sending(_), Input::TimedOut) => {
                Err(self.stopped("timed-out"))
            }
            (activity, Input::Done | Input::TimedOut) => {
                self.activity = activity;
                Ok(())
            }
            (activity, Input::Failed(failure)) => {
                if let Some(conn) = activity.conn() {
                    self.conns[conn].closed = Some(ehlo_core::CloseKind::Reset);
                }
                Err(self.failed(&failure))
            }
            (_, Input::Opened { .. } | Input::Secured(..)) => Ok(()),
        };
        if let Err(stop) = result {
            self.stop(stop, now);
        }
    }

    /// Stops the script; what is always done is still done.
    pub fn interrupt(&mut self, now: Tick) {
        if !self.ending {
            self.stop(Stop::Skip(Reason::known("run.interrupted")), now);
        }
    }

    /// What came of it. Steps that were not reached are left out.
    pub fn finish(self) -> Ran {
        let whole = self.script.steps.len();
        let mut steps = Vec::new();
        for (at, (step, report)) in self.script.steps.iter().zip(self.steps).enumerate() {
            let empty =
                step.name.is_empty() && whole > 1 && self.script.steps.get(1).is_some_and(|s| s.first == 0);
            match report {
                Some(report) => steps.push(report),
                None if empty && at == 0 => {}
                None => steps.push(StepReport {
                    name: step.name.clone(),
                    level: step.level.id().to_owned(),
                    verdict: Verdict::Skip,
                    reason: Some(Reason::known(if self.done.is_some() {
                        "run.done-before"
                    } else {
                        "run.not-reached"
                    })),
                    problem: None,
                    took_us: 0,
                }),
            }
        }
        let first = &self.conns[0];
        let first = (first.open && first.closed.is_none()).then(|| PreparedConn {
            protocol: first.protocol,
            address: first.seen.address.clone().unwrap_or_default(),
            tls: first.seen.tls.clone(),
            bindings: first.seen.bindings.clone(),
            capabilities: first.seen.caps.clone(),
            // What was prepared is no exchange of the script that follows.
            exchange: Vec::new(),
            took: std::time::Duration::ZERO,
            stamp: first.stamp.clone(),
        });
        Ran {
            steps,
            skipped: self.skipped,
            done: self.done,
            notes: self.notes,
            accept: self.accept,
            variables: self.variables,
            capabilities: self.all_caps.into_iter().collect(),
            first,
        }
    }

    fn secured(
        &mut self,
        conn: usize,
        tls: Box<ehlo_core::facts::TlsFacts>,
        bindings: Vec<ehlo_wire::sasl::ChannelBinding>,
    ) {
        let conn = &mut self.conns[conn];
        // RFC 3207 §4.2: what was learnt before TLS is void.
        conn.seen.caps.clear();
        conn.queue.clear();
        conn.seen.tls = Some(tls);
        conn.seen.bindings = bindings;
    }

    /// Ends the step that runs, and begins those that stand at `pc`.
    fn enter_steps(&mut self, now: Tick) {
        while let Some(next) = self.script.steps.get(self.step + 1) {
            if next.first > self.pc {
                break;
            }
            let is_first = self.step == 0 && next.first == 0;
            if !is_first && !self.ending {
                self.end_step(Verdict::Pass, None, None, now);
            }
            self.step += 1;
            self.step_began = now;
        }
    }

    fn end_step(
        &mut self,
        verdict: Verdict,
        problem: Option<Box<Problem>>,
        reason: Option<Reason>,
        now: Tick,
    ) {
        let Some(step) = self.script.steps.get(self.step) else { return };
        if self.steps[self.step].is_some() {
            return;
        }
        let level = if step.name.is_empty() { self.script.header.level } else { step.level };
        let (verdict, reason) = match (&step.xfail, verdict) {
            (Some(why), Verdict::Fail) => (Verdict::XFail, Some(Reason::text(why.clone()))),
            (Some(why), Verdict::Pass) => (Verdict::XPass, Some(Reason::text(why.clone()))),
            _ => (verdict, reason),
        };
        self.steps[self.step] = Some(StepReport {
            name: step.name.clone(),
            level: level.id().to_owned(),
            verdict,
            reason,
            problem,
            took_us: now.since(self.step_began).as_micros().try_into().unwrap_or(u64::MAX),
        });
    }

    /// Takes note that a step cannot go on, and goes to what is always done.
    fn stop(&mut self, stop: Stop, now: Tick) {
        self.activity = Activity::Next;
        self.poll = None;
        match stop {
            Stop::Problem(problem) => {
                let error = matches!(
                    problem.id.as_str(),
                    "secret-unsafe"
                        | "value-missing"
                        | "no-challenge"
                        | "no-stamp"
                        | "not-quotable"
                        | "connect-failed"
                );
                let verdict = if error { Verdict::Error } else { Verdict::Fail };
                self.end_step(verdict, Some(problem), None, now);
            }
            Stop::Skip(reason) => {
                self.end_step(Verdict::Skip, None, Some(reason.clone()), now);
                if !self.ending {
                    self.skipped = Some(reason);
                }
            }
        }
        self.go_to_always(now);
    }

    /// Goes to the next step that is always done.
    fn go_to_always(&mut self, now: Tick) {
        self.ending = true;
        let from = self.step + 1;
        let next = self.script.steps.iter().enumerate().skip(from).find(|(_, s)| s.always);
        match next {
            Some((at, step)) => {
                self.pc = step.first;
                self.step = at;
                self.step_began = now;
                self.activity = Activity::Next;
            }
            None => self.finished = true,
        }
    }

    fn next(&mut self, now: Tick) -> Result<Option<Want>, Stop> {
        if self.ending {
            // Inside a step that is always done, up to the next one.
            let end = self.script.steps.get(self.step + 1).map_or(self.script.ops.len(), |s| s.first);
            if self.pc >= end {
                self.end_step(Verdict::Pass, None, None, now);
                self.go_to_always(now);
                return Ok(None);
            }
        } else {
            self.enter_steps(now);
        }
        let script = Arc::clone(&self.script);
        let Some(op) = script.ops.get(self.pc) else {
            self.end_step(Verdict::Pass, None, None, now);
            self.finished = true;
            return Ok(None);
        };
        if let (Some(until), Some(at)) = (self.setup.until, op.at())
            && at.file == 0
            && at.line > until
            && !self.ending
        {
            self.end_step(Verdict::Pass, None, None, now);
            self.done = Some(Reason::known("run.until").with("line", until.to_string()));
            self.go_to_always(now);
            return Ok(None);
        }
        if !matches!(op, Op::Closed { .. } | Op::Silent { .. }) {
            self.forbidding = None;
        }
        match op {
            Op::Send(send) => {
                if let Some(want) = self.opened(send.conn, send.protocol)? {
                    return Ok(Some(want));
                }
                let sending = self.begin_sending(send, now)?;
                self.activity = Activity::Sending(sending);
                Ok(None)
            }
            Op::Expect(expect) => {
                if let Some(want) = self.opened(expect.conn, expect.protocol)? {
                    return Ok(Some(want));
                }
                if expect.lines.iter().all(|l| l.mark == crate::Mark::MustNot) {
                    self.forbidding = Some(self.pc);
                    self.pc += 1;
                    return Ok(None);
                }
                let group = Group::new(self, expect, now);
                self.activity = Activity::Expecting(Box::new(group));
                Ok(None)
            }
            Op::Verb(verb) => self.verb(verb, now),
            Op::Closed { conn, within, .. } => {
                let wait = within.unwrap_or(self.timeout.unwrap_or(self.setup.timeout));
                self.activity = Activity::Closing { conn: *conn, until: now.after(wait) };
                Ok(None)
            }
            Op::Silent { conn, time, .. } => {
                self.activity = Activity::Silent { conn: *conn, until: now.after(*time) };
                Ok(None)
            }
            Op::Statement(statement) => self.statement(statement, now),
            Op::Unless { condition, to } => {
                let (holds, _) = self.holds(condition)?;
                self.pc = if holds { self.pc + 1 } else { *to };
                Ok(None)
            }
            Op::Jump(to) => {
                self.pc = *to;
                Ok(None)
            }
        }
    }

    /// Opens a connection that is used for the first time.
    pub(super) fn opened(&mut self, conn: usize, protocol: Protocol) -> Result<Option<Want>, Stop> {
        if self.conns[conn].open {
            return Ok(None);
        }
        self.conns[conn].protocol = protocol;
        let (target, options) = (self.conns[conn].target.clone(), self.conns[conn].options.clone());
        let want = Want::Open { conn, target, protocol, options };
        self.activity = Activity::Opening(conn);
        Ok(Some(want))
    }

    fn statement(&mut self, statement: &Statement, now: Tick) -> Result<Option<Want>, Stop> {
        match statement {
            Statement::Let(name, payload) => {
                let value = self.text(payload, 0)?;
                self.variables.insert(name.clone(), Value::Text(value));
            }
            Statement::Capture(name, expr, at) => {
                let value = self.value(expr, 0).map_err(|(id, what)| self.no_value(id, what, *at))?;
                self.variables.insert(name.clone(), value);
            }
            Statement::Assert(condition) => {
                let (holds, left) = self.holds(condition)?;
                if !holds {
                    let shown = ehlo_core::escape(&left.bytes());
                    let params = Params::from([
                        ("got".to_owned(), shown),
                        ("operator".to_owned(), condition.operator.id().to_owned()),
                    ]);
                    return Err(Stop::Problem(Box::new(self.problem("assert-failed", params, condition.at))));
                }
            }
            Statement::Needs(words, _) => {
                let missing: Vec<&str> = words.iter().filter(|w| !self.has(w)).map(String::as_str).collect();
                if !missing.is_empty() {
                    return Err(Stop::Skip(Reason::known("run.needs").with("missing", missing.join(" "))));
                }
            }
            Statement::Skip(condition, reason) => {
                if self.holds(condition)?.0 {
                    let reason = reason.clone();
                    return Err(Stop::Skip(
                        reason.map_or_else(|| Reason::known("run.skip-if"), Reason::text),
                    ));
                }
            }
            Statement::Done(condition, reason) => {
                if self.holds(condition)?.0 {
                    let reason = reason.clone();
                    self.end_step(Verdict::Pass, None, None, now);
                    self.done = Some(reason.map_or_else(|| Reason::known("run.done-if"), Reason::text));
                    self.go_to_always(now);
                    return Ok(None);
                }
            }
            Statement::Poll(time, pace, _) => {
                self.poll = Some(Poll { from: self.pc + 1, until: now.after(*time), pace: *pace });
            }
            Statement::Wait(time, _) => {
                if !time.is_zero() {
                    self.activity = Activity::Pausing(now.after(*time));
                    return Ok(None);
                }
            }
            Statement::Timeout(time, _) => self.timeout = Some(*time),
            Statement::Note(payload) => {
                let text = self.string(payload, 0)?;
                self.notes.push(ehlo_core::escape(text.as_bytes()));
            }
        }
        self.pc += 1;
        Ok(None)
    }

    /// Whether the server, or the setup, has something.
    fn has(&self, word: &str) -> bool {
        let known = |list: &[String]| list.iter().any(|c| c.eq_ignore_ascii_case(word));
        // `IMAP4rev1` is a capability.
        if word.starts_with(|c: char| c.is_ascii_lowercase()) {
            return self.setup.resources.iter().any(|r| r == word);
        }
        known(&self.conns[0].seen.caps) || known(&self.setup.capabilities)
    }

    fn verb(&mut self, verb: &Verb, now: Tick) -> Result<Option<Want>, Stop> {
        let conn = verb.conn;
        let needs_open = !matches!(
            verb.word,
            VerbWord::Connect | VerbWord::Reconnect | VerbWord::Close | VerbWord::Shutdown | VerbWord::Reset
        );
        if needs_open && let Some(want) = self.opened(conn, verb.protocol)? {
            return Ok(Some(want));
        }
        let mut options = Vec::new();
        for (name, value) in &verb.options {
            options.push((name.clone(), self.string(value, conn)?));
        }
        self.conns[conn].sent_at = now;
        match verb.word {
            VerbWord::Connect => {
                let target = self.string(&verb.args[0], conn)?;
                self.conns[conn] = Conn::new(verb.protocol, self.setup.now);
                self.conns[conn].target = target.clone();
                self.conns[conn].options = options.clone();
                self.activity = Activity::Opening(conn);
                self.pc += 1;
                Ok(Some(Want::Open { conn, target, protocol: verb.protocol, options }))
            }
            VerbWord::Reconnect => {
                let (target, options) = (self.conns[conn].target.clone(), self.conns[conn].options.clone());
                self.activity = Activity::Opening(conn);
                self.pc += 1;
                Ok(Some(Want::Open { conn, target, protocol: verb.protocol, options }))
            }
            VerbWord::Tls => {
                self.activity = Activity::Securing { conn, may_fail: verb.has("may-fail") };
                Ok(Some(Want::Secure { conn, options }))
            }
            VerbWord::StartTls => {
                self.activity = Activity::StartTls { conn, tag: String::new(), sent: false };
                Ok(None)
            }
            VerbWord::Login | VerbWord::Auth => self.begin_login(verb, &options, now),
            VerbWord::Data => {
                let mut content = self.content(verb)?;
                if !verb.has("raw") {
                    content = with_crlf(&content);
                }
                let mut bytes = Vec::with_capacity(content.len() + 64);
                if verb.has("raw") {
                    bytes = content;
                } else {
                    for line in content.split_inclusive(|&b| b == b'\n') {
                        if line.starts_with(b".") {
                            bytes.push(b'.');
                        }
                        bytes.extend_from_slice(line);
                    }
                    if !bytes.is_empty() && !bytes.ends_with(b"\r\n") {
                        bytes.extend_from_slice(b"\r\n");
                    }
                    bytes.extend_from_slice(b".\r\n");
                }
                self.conns[conn].data_sent = true;
                self.write(conn, bytes, verb.at)
            }
            VerbWord::Bdat => {
                let content = self.content(verb)?;
                let chunk =
                    options.iter().find(|(n, _)| n == "chunk").and_then(|(_, v)| v.parse::<usize>().ok());
                let size = chunk.unwrap_or(content.len()).max(1);
                let mut chunks: Vec<&[u8]> = content.chunks(size).collect();
                if chunks.is_empty() {
                    chunks.push(&[]);
                }
                let mut bytes = Vec::new();
                for (at, chunk) in chunks.iter().enumerate() {
                    let last = if at + 1 == chunks.len() { " LAST" } else { "" };
                    bytes.extend_from_slice(format!("BDAT {}{last}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                }
                self.conns[conn].data_sent = true;
                self.write(conn, bytes, verb.at)
            }
            VerbWord::Raw => {
                let bytes = self.text(&verb.args[0], conn)?;
                self.write(conn, bytes, verb.at)
            }
            VerbWord::Drip => {
                let pace = self.string(&verb.args[0], conn)?;
                let pace = crate::syntax::duration(&pace).unwrap_or_default();
                let bytes = self.text(&verb.args[1], conn)?;
                self.check_secret(conn, &bytes, verb.at)?;
                self.activity = Activity::Doing;
                Ok(Some(Want::Drip { conn, bytes, pace }))
            }
            VerbWord::Compress => {
                self.activity = Activity::Doing;
                Ok(Some(Want::Compress { conn }))
            }
            VerbWord::Close | VerbWord::Shutdown | VerbWord::Reset => {
                let how = match verb.word {
                    VerbWord::Close => Ending::Close,
                    VerbWord::Shutdown => Ending::Shutdown,
                    _ => Ending::Reset,
                };
                if !self.conns[conn].open {
                    self.pc += 1;
                    return Ok(None);
                }
                if how != Ending::Shutdown {
                    self.conns[conn].open = false;
                    // What is used again connects again: to where it went before.
                }
                self.activity = Activity::Doing;
                Ok(Some(Want::Close { conn, how }))
            }
        }
    }

    fn content(&mut self, verb: &Verb) -> Result<Vec<u8>, Stop> {
        match &verb.content {
            Some(content) => self.text(content, verb.conn),
            None => Ok(Vec::new()),
        }
    }

    /// Sends bytes and goes on with the next operation.
    fn write(&mut self, conn: usize, bytes: Vec<u8>, at: crate::At) -> Result<Option<Want>, Stop> {
        self.check_secret(conn, &bytes, at)?;
        self.activity = Activity::Doing;
        Ok(Some(Want::Send { conn, bytes }))
    }

    /// What is as good as a password travels inside verified TLS only.
    pub(super) fn check_secret(&self, conn: usize, bytes: &[u8], at: crate::At) -> Result<(), Stop> {
        let state = &self.conns[conn];
        let lifted = (state.named_by_user && self.setup.no_secrets)
            || state.is_safe()
            || (state.named_by_user && self.setup.insecure_auth && state.seen.tls.is_none());
        if lifted || self.setup.masker.find(bytes).is_empty() {
            return Ok(());
        }
        let why = if state.seen.tls.is_some() { "unverified" } else { "clear" };
        let mut problem =
            self.problem("secret-unsafe", Params::from([("why".to_owned(), why.to_owned())]), at);
        problem.hint = Some(if why == "clear" { "insecure-auth" } else { "trust" }.to_owned());
        Err(Stop::Problem(Box::new(problem)))
    }

    fn silent_on(&mut self, conn: usize, until: Tick) -> Result<Option<Want>, Stop> {
        let at = self.script.ops[self.pc].at().unwrap_or_default();
        if let Some(arrived) = self.conns[conn].queue.pop_front() {
            self.check_forbidden(conn, &arrived)?;
            let mut problem = self.problem("not-silent", Params::new(), at);
            problem.received = super::values::lines(&arrived.bytes);
            problem.evidence = arrived.at.into_iter().collect();
            return Err(Stop::Problem(Box::new(problem)));
        }
        if self.conns[conn].closed.is_some() || !self.conns[conn].open {
            self.pc += 1;
            return Ok(None);
        }
        self.activity = Activity::Silent { conn, until };
        Ok(Some(Want::Receive { conn, until }))
    }

    fn closing_on(&mut self, conn: usize, until: Tick) -> Result<Option<Want>, Stop> {
        while let Some(arrived) = self.conns[conn].queue.pop_front() {
            self.check_forbidden(conn, &arrived)?;
        }
        if self.conns[conn].closed.is_some() || !self.conns[conn].open {
            self.pc += 1;
            return Ok(None);
        }
        self.activity = Activity::Closing { conn, until };
        Ok(Some(Want::Receive { conn, until }))
    }

    fn starttls_on(&mut self, conn: usize, tag: String, sent: bool, now: Tick) -> Result<Option<Want>, Stop> {
        if !sent {
            let (tag, line) = self.starttls_line(conn);
            self.activity = Activity::StartTls { conn, tag, sent: true };
            return Ok(Some(Want::Send { conn, bytes: line }));
        }
        match self.answer(conn, &tag, false) {
            None if self.conns[conn].closed.is_some() => Err(self.stopped("closed")),
            None => {
                let until = now.after(self.timeout.unwrap_or(self.setup.timeout));
                self.activity = Activity::StartTls { conn, tag, sent: true };
                Ok(Some(Want::Receive { conn, until }))
            }
            Some(arrived) => {
                if arrived.reply.answered() != ehlo_core::facts::Answered::Accepted {
                    let at = self.script.ops[self.pc].at().unwrap_or_default();
                    let mut problem = self.problem("starttls-refused", Params::new(), at);
                    problem.received = super::values::lines(&arrived.bytes);
                    problem.evidence = arrived.at.into_iter().collect();
                    problem.transient = is_transient(&arrived.reply);
                    return Err(Stop::Problem(Box::new(problem)));
                }
                let op = self.script.ops[self.pc].clone();
                let mut options = Vec::new();
                if let Op::Verb(verb) = &op {
                    for (name, value) in &verb.options {
                        options.push((name.clone(), self.string(value, conn)?));
                    }
                    self.activity = Activity::Securing { conn, may_fail: verb.has("may-fail") };
                } else {
                    self.activity = Activity::Securing { conn, may_fail: false };
                }
                Ok(Some(Want::Secure { conn, options }))
            }
        }
    }

    /// The command that asks for TLS, with its tag.
    pub(super) fn starttls_line(&mut self, conn: usize) -> (String, Vec<u8>) {
        match self.conns[conn].protocol {
            Protocol::Pop3 => (String::new(), b"STLS\r\n".to_vec()),
            Protocol::Imap => {
                let tag = self.new_tag();
                let line = format!("{tag} STARTTLS\r\n").into_bytes();
                (tag, line)
            }
            _ => (String::new(), b"STARTTLS\r\n".to_vec()),
        }
    }

    /// A tag that was not used before.
    pub(super) fn new_tag(&mut self) -> String {
        self.tags += 1;
        let random = self.next_random() & 0xffff;
        format!("{}{random:04x}{}", self.setup.tag_letter.unwrap_or('e'), self.tags)
    }

    /// A problem at the current operation, by its id alone.
    pub(super) fn stopped(&self, id: &str) -> Stop {
        let at = self.script.ops.get(self.pc).and_then(Op::at).unwrap_or_default();
        let mut problem = self.problem(id, Params::new(), at);
        problem.transient = matches!(id, "closed" | "timed-out");
        Stop::Problem(Box::new(problem))
    }

    /// A failure of the dialogue at the current operation.
    pub(super) fn failed(&self, failure: &Failure) -> Stop {
        let at = self.script.ops.get(self.pc).and_then(Op::at).unwrap_or_default();
        let connecting = matches!(failure.stage, ehlo_core::Stage::Resolve | ehlo_core::Stage::Connect);
        let id = if connecting { "connect-failed" } else { "dialogue-failed" };
        let mut problem = self.problem(id, Params::new(), at);
        problem.failure = Some(failure.clone());
        problem.transient = failure.cause.is_transient();
        Stop::Problem(Box::new(problem))
    }
}

/// Lines of a file as mail wants them; what ends in CR LF already stays as it is.
fn with_crlf(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 64);
    for line in content.split_inclusive(|&b| b == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(body) => {
                out.extend_from_slice(body.strip_suffix(b"\r").unwrap_or(body));
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// Whether a reply says that it may go better later.
pub(super) fn is_transient(reply: &ehlo_wire::Reply) -> bool {
    use ehlo_wire::Reply;
    match reply {
        Reply::Smtp(reply) => reply.code.is_some_and(|c| (400..500).contains(&c)),
        Reply::Pop3(response) => {
            response.code.as_deref().is_some_and(|c| matches!(c, "SYS/TEMP" | "IN-USE" | "LOGIN-DELAY"))
        }
        Reply::Imap(response) => response
            .status()
            .and_then(|s| s.code.as_ref())
            .is_some_and(|c| matches!(c.name.as_str(), "UNAVAILABLE" | "INUSE")),
        Reply::Sieve(response) => response.code.as_ref().is_some_and(|c| c.name == "TRYLATER"),
    }
}

impl Activity {
    /// The connection that it waits for.
    fn conn(&self) -> Option<usize> {
        match self {
            Activity::Opening(conn)
            | Activity::Securing { conn, .. }
            | Activity::StartTls { conn, .. }
            | Activity::Silent { conn, .. }
            | Activity::Closing { conn, .. } => Some(*conn),
            Activity::Sending(sending) => Some(Sending::conn(sending)),
            Activity::Expecting(group) => Some(group.conn()),
            Activity::Login(login) => Some(login.conn()),
            Activity::Next | Activity::Pausing(_) | Activity::Doing => None,
        }
    }
}
