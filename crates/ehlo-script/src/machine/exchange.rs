use super::conn::Arrived;
use super::{Activity, Machine, Stop, Want};
use crate::pattern::{
    Captures, Differs, ImapPattern, Tok, match_text, plain_text, pop3_blocks, pop3_matches, sieve_blocks,
    sieve_matches, smtp_blocks, smtp_matches,
};
use crate::{Expect, Expected, Mark, Mode, Op, Payload, Piece, Send};
use ehlo_core::run::Problem;
use ehlo_core::{Params, Protocol, Tick, escape};
use ehlo_wire::{Reply, imap};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Lines that go out; between the pieces the server is asked for consent to a literal.
pub(super) struct Sending {
    conn: usize,
    pieces: VecDeque<Vec<u8>>,
    waiting: bool,
    /// How many of the replies in the queue were looked at.
    looked: usize,
    tag: Option<String>,
}

impl Sending {
    pub(super) fn conn(&self) -> usize {
        self.conn
    }
}

impl Machine {
    /// Puts the lines together.
    pub(super) fn begin_sending(&mut self, send: &Send, now: Tick) -> Result<Sending, Stop> {
        let conn = send.conn;
        let mut pieces: VecDeque<Vec<u8>> = VecDeque::new();
        let mut current = Vec::new();
        let mut last_tag = None;
        for line in &send.lines {
            let mut whole = Vec::new();
            for piece in &line.pieces {
                match piece {
                    Piece::Text(text) => whole.extend_from_slice(text),
                    Piece::Tag => {
                        let tag = self.new_tag();
                        whole.extend_from_slice(tag.as_bytes());
                        self.conns[conn].tags.push_back(tag.clone());
                        last_tag = Some(tag);
                    }
                    Piece::Literal(literal) => {
                        let content = self.text(&literal.content, conn)?;
                        // Clients of ManageSieve know no other literal (RFC 5804 §4).
                        let at_once = literal.non_synchronising || send.protocol == Protocol::Sieve;
                        let plus = if at_once { "+" } else { "" };
                        let tilde = if literal.binary { "~" } else { "" };
                        whole.extend_from_slice(format!("{tilde}{{{}{plus}}}\r\n", content.len()).as_bytes());
                        if at_once {
                            whole.extend_from_slice(&content);
                        } else {
                            current.append(&mut whole);
                            pieces.push_back(std::mem::take(&mut current));
                            whole = content;
                        }
                    }
                    Piece::Value(..) | Piece::Capture(..) => {
                        let one = Payload { pieces: vec![piece.clone()], at: line.at };
                        whole.extend_from_slice(&self.text(&one, conn)?);
                    }
                }
            }
            self.check_secret(conn, &whole, line.at)?;
            let is_end = whole == b".";
            current.append(&mut whole);
            current.extend_from_slice(b"\r\n");
            self.conns[conn].data_sent = is_end;
        }
        pieces.push_back(current);
        self.conns[conn].sent_at = now;
        Ok(Sending { conn, pieces, waiting: false, looked: self.conns[conn].queue.len(), tag: last_tag })
    }

    pub(super) fn send_on(&mut self, mut sending: Sending, now: Tick) -> Result<Option<Want>, Stop> {
        let conn = sending.conn;
        if sending.pieces.is_empty() {
            self.pc += 1;
            return Ok(None);
        }
        if sending.waiting {
            let state = &self.conns[conn];
            let verdict = state.queue.iter().skip(sending.looked).find_map(|arrived| match &arrived.reply {
                Reply::Imap(response) => match &response.kind {
                    imap::ResponseKind::Continuation(_) => Some(true),
                    imap::ResponseKind::Status(status) => match (&status.tag, &sending.tag) {
                        (Some(have), Some(tag)) if have == tag.as_bytes() => Some(false),
                        (Some(_), None) => Some(false),
                        (None, _) if status.kind == imap::StatusKind::Bad => Some(false),
                        _ => None,
                    },
                    _ => None,
                },
                _ => None,
            });
            match verdict {
                Some(true) => {
                    sending.looked = state.queue.len();
                    sending.waiting = false;
                }
                // The server does not want the literal: what it says is the answer.
                Some(false) => {
                    self.pc += 1;
                    return Ok(None);
                }
                None if state.closed.is_some() => {
                    self.pc += 1;
                    return Ok(None);
                }
                None => {
                    sending.looked = state.queue.len();
                    let until = now.after(self.timeout.unwrap_or(self.setup.timeout));
                    self.activity = Activity::Sending(sending);
                    return Ok(Some(Want::Receive { conn, until }));
                }
            }
        }
        let bytes = sending.pieces.pop_front().unwrap_or_default();
        sending.waiting = !sending.pieces.is_empty();
        self.activity = Activity::Sending(sending);
        Ok(Some(Want::Send { conn, bytes }))
    }
}

/// Replies that are being waited for.
pub(super) struct Group {
    conn: usize,
    protocol: Protocol,
    until: Tick,
    /// Of each line: whether it came, and the tag that `%` stands for.
    lines: Vec<Line>,
    blocks: Vec<Range<usize>>,
    block: usize,
    seen: Vec<Arrived>,
    /// Tagged replies that belong to a later exchange.
    deferred: Vec<Arrived>,
    nearest: Option<(usize, Differs, usize)>,
    pub(super) timed_out: bool,
}

#[derive(Clone, Default)]
struct Line {
    came: bool,
    tag: Option<String>,
    /// The tag of the reply that it waits for.
    ends: Option<Vec<u8>>,
}

impl Group {
    pub(super) fn conn(&self) -> usize {
        self.conn
    }

    pub(super) fn new(machine: &mut Machine, expect: &Expect, now: Tick) -> Group {
        let conn = expect.conn;
        let mut tags = machine.conns[conn].tags.clone();
        let mut lines = Vec::with_capacity(expect.lines.len());
        if expect.protocol == Protocol::Imap {
            for line in &expect.lines {
                let mut found = Line::default();
                if line.payload.pieces.first() == Some(&Piece::Tag) {
                    // Each `%` of an exchange is the tag of one more command, the oldest first.
                    found.tag =
                        if line.mark == Mark::MustNot { tags.front().cloned() } else { tags.pop_front() };
                }
                if line.mode == Mode::Machine
                    && let Ok(tokens) = machine.tokens(&line.payload, conn, found.tag.as_deref())
                {
                    found.ends = ImapPattern::read(&tokens).tag();
                }
                lines.push(found);
            }
        } else {
            lines.resize(expect.lines.len(), Line::default());
        }
        let blocks = match expect.protocol {
            Protocol::Pop3 => pop3_blocks(&expect.lines),
            Protocol::Sieve => sieve_blocks(&expect.lines),
            Protocol::Imap => Vec::new(),
            _ => smtp_blocks(&expect.lines),
        };
        let usual = if machine.conns[conn].data_sent {
            machine.setup.data_timeout.max(machine.setup.timeout)
        } else {
            machine.setup.timeout
        };
        machine.expunged.clear();
        Group {
            conn,
            protocol: expect.protocol,
            until: now.after(machine.timeout.unwrap_or(usual)),
            lines,
            blocks,
            block: 0,
            seen: Vec::new(),
            deferred: Vec::new(),
            nearest: None,
            timed_out: false,
        }
    }
}

impl Machine {
    pub(super) fn expect_on(&mut self, mut group: Group, now: Tick) -> Result<Option<Want>, Stop> {
        let script = Arc::clone(&self.script);
        let Some(Op::Expect(expect)) = script.ops.get(self.pc) else { return Ok(None) };
        loop {
            if self.is_complete(&group, expect) {
                return self.complete(group, now);
            }
            let Some(arrived) = self.conns[group.conn].queue.pop_front() else { break };
            self.answered(group.conn, &arrived);
            let result = if group.protocol == Protocol::Imap {
                self.take_imap(&mut group, expect, arrived)
            } else {
                self.take_in_order(&mut group, expect, arrived)
            };
            if let Err(problem) = result {
                return self.missed(group, problem, now);
            }
        }
        let only_optional = group.blocks.get(group.block..).is_some_and(|rest| {
            group.protocol != Protocol::Imap
                && !rest.is_empty()
                && rest.iter().all(|b| matches!(expect.lines[b.start].mark, Mark::May | Mark::MustNot))
        });
        if group.timed_out || self.conns[group.conn].closed.is_some() {
            if only_optional {
                return self.complete(group, now);
            }
            let id = if self.conns[group.conn].closed.is_some() { "closed" } else { "timed-out" };
            let problem = self.not_come(&group, expect, id, now);
            return self.missed(group, Box::new(problem), now);
        }
        // What only may come is waited for a moment.
        let until = if only_optional {
            group.until.min(now.after(std::time::Duration::from_secs(1)))
        } else {
            group.until
        };
        let conn = group.conn;
        self.activity = Activity::Expecting(Box::new(group));
        Ok(Some(Want::Receive { conn, until }))
    }

    /// Takes the tag of an answered command off the list.
    fn answered(&mut self, conn: usize, arrived: &Arrived) {
        if let Reply::Imap(response) = &arrived.reply {
            if let Some(tag) = response.status().and_then(|s| s.tag.as_deref()) {
                self.conns[conn].tags.retain(|t| t.as_bytes() != tag);
            }
            if let Some(number) = response.data("EXPUNGE").and_then(|d| d.number) {
                self.expunged.push(number);
            }
        }
    }

    fn is_complete(&self, group: &Group, expect: &Expect) -> bool {
        if group.protocol != Protocol::Imap {
            return group.block >= group.blocks.len();
        }
        let must = |l: &Expected| matches!(l.mark, Mark::Must | Mark::After) && !l.payload.is_rest();
        let mut tagged =
            expect.lines.iter().zip(&group.lines).filter(|(l, s)| must(l) && s.ends.is_some()).peekable();
        let all = expect.lines.iter().zip(&group.lines).filter(|(l, _)| must(l)).all(|(_, s)| s.came);
        match tagged.peek() {
            // The last tagged line is in: the rest is looked at by `take_imap`.
            Some(_) => tagged.all(|(_, s)| s.came) && all,
            None => all,
        }
    }

    fn complete(&mut self, group: Group, now: Tick) -> Result<Option<Want>, Stop> {
        let conn = &mut self.conns[group.conn];
        for arrived in group.deferred.into_iter().rev() {
            conn.queue.push_front(arrived);
        }
        conn.seen.took = now.since(conn.sent_at);
        conn.seen.exchange = group.seen;
        self.poll = None;
        self.pc += 1;
        Ok(None)
    }

    /// What to do about a mismatch: begin the exchange anew if it is polled, else stop.
    fn missed(&mut self, group: Group, problem: Box<Problem>, now: Tick) -> Result<Option<Want>, Stop> {
        let conn = &mut self.conns[group.conn];
        for arrived in group.deferred.into_iter().rev() {
            conn.queue.push_front(arrived);
        }
        conn.seen.exchange = group.seen;
        if let Some(poll) = self.poll.clone()
            && conn.closed.is_none()
            && poll.until > now.after(poll.pace)
        {
            // Back to the beginning of the exchange, which follows the pause.
            self.pc = poll.from.saturating_sub(1);
            self.activity = Activity::Pausing(now.after(poll.pace));
            return Ok(None);
        }
        Err(Stop::Problem(problem))
    }

    fn take_in_order(
        &mut self,
        group: &mut Group,
        expect: &Expect,
        arrived: Arrived,
    ) -> Result<(), Box<Problem>> {
        let conn = group.conn;
        group.seen.push(arrived.clone());
        // What must not come is looked for in every reply of the exchange.
        for block in group.blocks.clone().into_iter().filter(|b| expect.lines[b.start].mark == Mark::MustNot)
        {
            let lines = &expect.lines[block.clone()];
            if lines[0].payload.is_rest() {
                continue;
            }
            if self.compare(lines, conn, &arrived).is_ok() {
                return Err(Box::new(self.came(lines, &arrived, "must-not-come", Params::new(), 0)));
            }
        }
        while let Some(block) = group.blocks.get(group.block).cloned() {
            let lines = &expect.lines[block];
            match lines[0].mark {
                Mark::MustNot => group.block += 1,
                mark => match self.compare(lines, conn, &arrived) {
                    Ok(captures) => {
                        self.keep(captures);
                        group.block += 1;
                        // What only must not come, and stands behind, needs no further reply.
                        while group
                            .blocks
                            .get(group.block)
                            .is_some_and(|b| expect.lines[b.start].mark == Mark::MustNot)
                        {
                            group.block += 1;
                        }
                        return Ok(());
                    }
                    Err(_) if mark == Mark::May => group.block += 1,
                    Err(differs) => {
                        self.offer_in_order(lines, &arrived);
                        let line = differs.line.min(lines.len() - 1);
                        let mut problem = self.came(lines, &arrived, differs.id, differs.params, line);
                        problem.transient = super::run::is_transient(&arrived.reply);
                        problem.hint = hint(&arrived, &problem);
                        return Err(Box::new(problem));
                    }
                },
            }
        }
        // Nothing is left to expect: it belongs to the next exchange.
        group.seen.pop();
        self.conns[conn].queue.push_front(arrived);
        Ok(())
    }

    fn compare(&mut self, lines: &[Expected], conn: usize, arrived: &Arrived) -> Result<Captures, Differs> {
        let mut block = Vec::with_capacity(lines.len());
        for line in lines {
            let tokens = self
                .tokens(&line.payload, conn, None)
                .map_err(|(id, what)| Differs::new(id).with("word", what))?;
            block.push((line.mode, tokens));
        }
        match &arrived.reply {
            Reply::Smtp(reply) => {
                let enhanced = self.conns[conn].has("ENHANCEDSTATUSCODES");
                smtp_matches(&block, arrived, reply, enhanced)
            }
            Reply::Pop3(response) => pop3_matches(&block, arrived, response),
            Reply::Sieve(response) => sieve_matches(&block, arrived, response),
            Reply::Imap(_) => Err(Differs::new("other-kind")),
        }
    }

    fn take_imap(
        &mut self,
        group: &mut Group,
        expect: &Expect,
        arrived: Arrived,
    ) -> Result<(), Box<Problem>> {
        let conn = group.conn;
        group.seen.push(arrived.clone());
        let Reply::Imap(response) = &arrived.reply else { return Ok(()) };
        let have_tag = response.status().and_then(|s| s.tag.clone());
        let mut matched = false;
        for (at, line) in expect.lines.iter().enumerate() {
            if line.mark == Mark::MustNot && !line.payload.is_rest() {
                let found = self.compare_imap(line, &group.lines[at], conn, &arrived, response);
                if found.is_ok() {
                    return Err(Box::new(self.came(
                        &expect.lines[at..=at],
                        &arrived,
                        "must-not-come",
                        Params::new(),
                        0,
                    )));
                }
            }
        }
        let mut ended_wrong = None;
        for (at, line) in expect.lines.iter().enumerate() {
            if line.mark == Mark::MustNot || group.lines[at].came || line.payload.is_rest() {
                continue;
            }
            if line.mark == Mark::After && at > 0 && !group.lines[at - 1].came {
                continue;
            }
            match self.compare_imap(line, &group.lines[at], conn, &arrived, response) {
                Ok(captures) => {
                    self.keep(captures);
                    group.lines[at].came = true;
                    matched = true;
                    break;
                }
                Err(differs) => {
                    let is_end =
                        have_tag.is_some() && group.lines[at].ends == have_tag && line.mark != Mark::May;
                    if is_end && ended_wrong.is_none() {
                        ended_wrong = Some((at, differs.clone()));
                    }
                    if differs.id != "other-kind"
                        && group.nearest.as_ref().is_none_or(|(_, d, _)| d.near < differs.near)
                    {
                        group.nearest = Some((at, differs, group.seen.len() - 1));
                    }
                }
            }
        }
        if matched {
            // When the last tagged line is in, whatever is missing fails at once.
            let must = |l: &Expected| matches!(l.mark, Mark::Must | Mark::After);
            let open = expect
                .lines
                .iter()
                .zip(&group.lines)
                .position(|(l, s)| must(l) && !s.came && !l.payload.is_rest());
            let tagged: Vec<&Line> = expect
                .lines
                .iter()
                .zip(&group.lines)
                .filter(|(l, s)| must(l) && s.ends.is_some())
                .map(|(_, s)| s)
                .collect();
            if let Some(open) = open
                && !tagged.is_empty()
                && tagged.iter().all(|s| s.came)
            {
                return Err(Box::new(self.missing(group, expect, open)));
            }
            return Ok(());
        }
        if let Some((at, differs)) = ended_wrong {
            self.offer_imap(&expect.lines[at], &arrived);
            let mut problem = self.came(&expect.lines[at..=at], &arrived, differs.id, differs.params, 0);
            problem.transient = super::run::is_transient(&arrived.reply);
            problem.hint = hint(&arrived, &problem);
            return Err(Box::new(problem));
        }
        if have_tag.is_some() {
            let waits = expect
                .lines
                .iter()
                .zip(&group.lines)
                .any(|(l, s)| s.ends.is_some() && l.mark != Mark::MustNot);
            let open = expect.lines.iter().zip(&group.lines).position(|(l, s)| {
                matches!(l.mark, Mark::Must | Mark::After) && !s.came && l.mode != Mode::Machine
            });
            if let (false, Some(at)) = (waits, open) {
                return Err(Box::new(self.came(
                    &expect.lines[at..=at],
                    &arrived,
                    "text-differs",
                    Params::new(),
                    0,
                )));
            }
            group.deferred.push(arrived.clone());
            group.seen.pop();
            return Ok(());
        }
        // The consent to a literal was asked for by us.
        let consent = response.continuation().is_some();
        let strict = expect.lines.iter().find(|l| l.mark == Mark::MustNot && l.payload.is_rest() && !consent);
        if let Some(line) = strict {
            return Err(Box::new(self.came(
                std::slice::from_ref(line),
                &arrived,
                "unlisted",
                Params::new(),
                0,
            )));
        }
        Ok(())
    }

    fn compare_imap(
        &mut self,
        line: &Expected,
        state: &Line,
        conn: usize,
        arrived: &Arrived,
        response: &imap::Response,
    ) -> Result<Captures, Differs> {
        let tokens = self
            .tokens(&line.payload, conn, state.tag.as_deref())
            .map_err(|(id, what)| Differs::new(id).with("word", what))?;
        match line.mode {
            Mode::Machine => ImapPattern::read(&tokens).matches(response),
            Mode::Raw => match plain_text(&tokens).as_deref() == Some(&arrived.bytes[..]) {
                true => Ok(Vec::new()),
                false => Err(Differs::new("text-differs")),
            },
            Mode::Exact => {
                match_text(&tokens, &response.line, false).ok_or_else(|| Differs::new("text-differs"))
            }
            Mode::Regex => {
                let lines: Vec<&[u8]> = arrived
                    .bytes
                    .split(|&b| b == b'\n')
                    .map(|l| l.strip_suffix(b"\r").unwrap_or(l))
                    .collect();
                let lines: Vec<&[u8]> = lines.into_iter().filter(|l| !l.is_empty()).collect();
                crate::pattern::regex_lines(&tokens, &lines)?.ok_or_else(|| Differs::new("text-differs"))
            }
        }
    }

    /// What the exchange before forbids must not come.
    pub(super) fn check_forbidden(&mut self, conn: usize, arrived: &Arrived) -> Result<(), Stop> {
        let script = Arc::clone(&self.script);
        let Some(Op::Expect(expect)) = self.forbidding.and_then(|at| script.ops.get(at)) else {
            return Ok(());
        };
        if expect.conn != conn {
            return Ok(());
        }
        let blocks = match expect.protocol {
            Protocol::Imap => (0..expect.lines.len()).map(|at| at..at + 1).collect(),
            Protocol::Pop3 => pop3_blocks(&expect.lines),
            Protocol::Sieve => sieve_blocks(&expect.lines),
            _ => smtp_blocks(&expect.lines),
        };
        for block in blocks {
            let lines = &expect.lines[block];
            let came = match &arrived.reply {
                _ if lines[0].payload.is_rest() => true,
                Reply::Imap(response) => {
                    self.compare_imap(&lines[0], &Line::default(), conn, arrived, response).is_ok()
                }
                _ => self.compare(lines, conn, arrived).is_ok(),
            };
            if came {
                let id = if lines[0].payload.is_rest() { "unlisted" } else { "must-not-come" };
                return Err(Stop::Problem(Box::new(self.came(lines, arrived, id, Params::new(), 0))));
            }
        }
        Ok(())
    }

    /// A line that did not come though the exchange is over.
    fn missing(&mut self, group: &Group, expect: &Expect, at: usize) -> Problem {
        let line = &expect.lines[at];
        let mut problem = self.problem("missing", Params::new(), line.payload.at);
        problem.expected = Some(self.shown(&line.payload, group.conn, group.lines[at].tag.as_deref()));
        let nearest = group.nearest.as_ref().filter(|(of, ..)| *of == at);
        if let Some((_, differs, which)) = nearest {
            problem.id = format!("near-{}", differs.id);
            problem.params = differs.params.clone();
            if let Some(arrived) = group.seen.get(*which) {
                problem.received = super::values::lines(&arrived.bytes);
                problem.evidence = arrived.at.into_iter().collect();
                self.offer_imap(line, arrived);
            }
        } else {
            // All untagged lines: what is meant is often among them.
            for arrived in &group.seen {
                problem.received.extend(super::values::lines(&arrived.bytes));
                problem.evidence.extend(arrived.at);
            }
        }
        problem.received.truncate(12);
        problem
    }

    /// Nothing more came.
    fn not_come(&mut self, group: &Group, expect: &Expect, id: &'static str, now: Tick) -> Problem {
        let at = match group.protocol {
            Protocol::Imap => expect
                .lines
                .iter()
                .zip(&group.lines)
                .position(|(l, s)| matches!(l.mark, Mark::Must | Mark::After) && !s.came)
                .unwrap_or(0),
            _ => group.blocks.get(group.block).map_or(0, |b| b.start),
        };
        let line = &expect.lines[at];
        let waited = now.since(self.conns[group.conn].sent_at).as_millis();
        let params = Params::from([("ms".to_owned(), waited.to_string())]);
        let mut problem = self.problem(id, params, line.payload.at);
        problem.expected = Some(self.shown(&line.payload, group.conn, group.lines[at].tag.as_deref()));
        for arrived in &group.seen {
            problem.received.extend(super::values::lines(&arrived.bytes));
            problem.evidence.extend(arrived.at);
        }
        problem.received.truncate(12);
        problem.transient = true;
        problem
    }

    /// A reply that is not what a line says.
    fn came(
        &mut self,
        lines: &[Expected],
        arrived: &Arrived,
        id: &str,
        params: Params,
        at: usize,
    ) -> Problem {
        let line = &lines[at.min(lines.len() - 1)];
        let mut problem = self.problem(id, params, line.payload.at);
        let expected: Vec<String> = lines.iter().map(|l| self.shown(&l.payload, 0, None)).collect();
        problem.expected = Some(expected.join("\n"));
        problem.received = super::values::lines(&arrived.bytes);
        problem.received.truncate(40);
        problem.evidence = arrived.at.into_iter().collect();
        problem
    }

    /// A payload with its values, as people read it.
    fn shown(&mut self, payload: &Payload, conn: usize, tag: Option<&str>) -> String {
        match self.tokens(payload, conn, tag) {
            Ok(tokens) => shown_tokens(&tokens),
            Err((_, what)) => format!("{{{{{what}}}}}"),
        }
    }

    /// Offers what came as the new expectation (`--accept`): the machine part, with the text as it stood.
    fn offer_in_order(&mut self, lines: &[Expected], arrived: &Arrived) {
        let [line] = lines else { return };
        if line.mode != Mode::Machine || line.payload.at.file != 0 {
            return;
        }
        let Some(text) = line.payload.plain() else { return };
        let new = match &arrived.reply {
            Reply::Smtp(reply) => {
                let Some(code) = reply.code else { return };
                let mut words: Vec<&str> = text.split(' ').collect();
                words.remove(0);
                let had_code = words
                    .first()
                    .is_some_and(|w| w.split('.').count() == 3 && w.starts_with(['2', '4', '5']));
                if had_code {
                    words.remove(0);
                }
                let mut out = vec![code.to_string()];
                out.extend(reply.enhanced.map(|e| e.to_string()));
                out.extend(words.into_iter().map(str::to_owned));
                out.join(" ")
            }
            Reply::Pop3(response) => escape(&response.line),
            Reply::Sieve(response) if response.items.is_empty() => response.shown(),
            _ => return,
        };
        if new != text {
            self.accept.push((line.payload.at.line, new));
        }
    }

    fn offer_imap(&mut self, line: &Expected, arrived: &Arrived) {
        let Reply::Imap(response) = &arrived.reply else { return };
        let captures = line.payload.pieces.iter().any(|p| !matches!(p, Piece::Text(_) | Piece::Tag));
        if line.mode != Mode::Machine
            || line.payload.at.file != 0
            || captures
            || arrived.bytes.contains(&b'{')
        {
            return;
        }
        let mut text = escape(&response.line);
        if line.payload.pieces.first() == Some(&Piece::Tag)
            && let Some((_, rest)) = text.split_once(' ')
        {
            text = format!("% {rest}");
        }
        if expected_text(line) != text {
            self.accept.push((line.payload.at.line, text));
        }
    }
}

/// A line of text as it stands in the script.
fn expected_text(line: &Expected) -> String {
    let pieces = line.payload.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => String::from_utf8_lossy(text).into_owned(),
        _ => "%".to_owned(),
    });
    pieces.collect()
}

fn shown_tokens(tokens: &[Tok]) -> String {
    let mut out = String::new();
    let mut bytes = Vec::new();
    for tok in tokens {
        match tok {
            Tok::Byte(b) | Tok::Opaque(b) => bytes.push(*b),
            Tok::Capture(name, kind) => {
                out.push_str(&escape(&std::mem::take(&mut bytes)));
                out.push_str(&format!("{{{{{}:{}}}}}", name.as_deref().unwrap_or_default(), kind.id()));
            }
            Tok::Literal(content) => {
                out.push_str(&escape(&std::mem::take(&mut bytes)));
                out.push_str(&format!("{{…}} {}", shown_tokens(content)));
            }
        }
    }
    out.push_str(&escape(&bytes));
    out
}

/// The hint that fits what came.
fn hint(arrived: &Arrived, problem: &Problem) -> Option<String> {
    let hint = match &arrived.reply {
        Reply::Smtp(reply) => match (reply.code, problem.id.as_str()) {
            (Some(421), _) => "hangs-up",
            (Some(454 | 451 | 450), _) => "transient",
            (Some(530), _) => "auth-first",
            (Some(538), _) => "tls-first",
            (_, "keyword-missing") => "tls-first-maybe",
            _ => return None,
        },
        Reply::Imap(response) => {
            let code = response.status().and_then(|s| s.code.as_ref()).map(|c| c.name.clone())?;
            match code.as_str() {
                "PRIVACYREQUIRED" => "tls-first",
                "UNAVAILABLE" | "INUSE" => "transient",
                "AUTHENTICATIONFAILED" => "credentials",
                _ => return None,
            }
        }
        Reply::Sieve(response) => match response.code.as_ref()?.name.as_str() {
            "ENCRYPT-NEEDED" => "tls-first",
            "TRYLATER" => "transient",
            _ => return None,
        },
        _ => return None,
    };
    Some(hint.to_owned())
}
