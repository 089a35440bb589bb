use super::super::capabilities::{ask, line};
use super::super::main_dialogue::greet;
use super::super::service::Service;
use super::super::starttls::{answered_by, is_ready};
use ehlo_core::facts::{Answered, ConnectionFacts, Moment, ProbeFacts, ProbeId, Spoken, StartTlsFacts};
use ehlo_core::{Anchor, Cause, Evidence, Failure, Protocol, Side, Span, Stage, escape};
use ehlo_dialogue::{Arrival, Dialogue};
use ehlo_wire::{Command, imap, pop3, sieve, smtp, spoken};
use std::time::Duration;
use tokio::time::Instant;

/// How long the server may think inside TLS.
const PATIENCE: Duration = Duration::from_secs(5);

/// The wait between two segments: long enough for two reads, too short for most answers.
const GAP: Duration = Duration::from_millis(10);

/// What the string of NOOP is (ManageSieve, RFC 5804 §2.13): whoever repeats it has read it.
const MARK: &str = "ehlo-before-tls";

/// How the command behind STARTTLS comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In one segment with STARTTLS.
    Together,
    /// In a segment of its own.
    Apart,
    /// In a segment of its own, and ended by LF without CR: whoever clears whole lines only may overlook it.
    ApartBareLf,
}

/// Sends a command in the clear behind STARTTLS, as somebody on the way would, and looks whether it is answered inside
/// TLS (RFC 9051 §6.2.1, CVE-2011-0411).
pub(super) async fn inject(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    way: Way,
) -> Result<(), Failure> {
    let protocol = service.protocol();
    if !greet(service, dialogue, facts, Moment::Plain).await? || !is_ready(facts) {
        return Ok(());
    }
    if matches!(protocol, Protocol::Smtp | Protocol::Lmtp) {
        ask(service, dialogue, facts, Moment::Plain).await?;
    }
    // Replies that nobody asked for are what is looked for here.
    dialogue.judge_no_replies();
    let starttls = bytes(dialogue.starttls_command());
    let tag = dialogue.tag();
    let mut injected = bytes(line(match protocol {
        Protocol::Imap => imap::command(&tag, "NOOP"),
        // POP3 has no NOOP before the login.
        Protocol::Pop3 => pop3::command("CAPA"),
        Protocol::Sieve => sieve::command(&format!("NOOP \"{MARK}\"")),
        Protocol::Smtp | Protocol::Lmtp => smtp::simple("NOOP"),
    }));
    if way == Way::ApartBareLf {
        let end = injected.len().saturating_sub(2);
        injected.truncate(end);
        injected.push(b'\n');
    }
    let sent = if way != Way::Together {
        dialogue.write(&starttls).await?;
        tokio::time::sleep(GAP).await;
        dialogue.write(&injected).await?
    } else {
        let both = dialogue.write(&[starttls, injected.clone()].concat()).await?;
        Span::new(Side::Client, both.to - injected.len() as u64, both.to)
    };
    let sent = dialogue.evidence(Anchor::Bytes(sent));
    if !accepted(dialogue, facts).await? {
        return Ok(());
    }
    let probe = |id, answer, reply, at: Option<Evidence>| ProbeFacts {
        id,
        answer,
        reply,
        at: std::iter::once(sent).chain(at).collect(),
        detail: None,
        took_us: 0,
    };
    match dialogue.upgrade().await {
        Ok(tls) => facts.tls = Some(tls),
        Err(failure) => {
            let at = failure.at.map(|anchor| dialogue.evidence(anchor));
            let left = match &failure.cause {
                Cause::InjectedBeforeTls { span } => dialogue.transcript().visible(*span),
                _ => Vec::new(),
            };
            if spoken(&left) == Spoken::Tls {
                // An alert to the text that was taken for a handshake, and came at once.
                facts.probes.push(probe(ProbeId::InjectedCommand, Answered::TlsAlert, None, at));
            } else if !left.is_empty() {
                // Answered, but in the clear, where it does no harm to this session.
                let text = escape(left.trim_ascii_end());
                facts.probes.push(probe(ProbeId::InjectedCommandInClear, Answered::Accepted, Some(text), at));
            } else {
                facts.probes.push(probe(ProbeId::InjectedCommand, answered_by(&failure), None, at));
            }
            return Ok(());
        }
    }
    let from = dialogue.transcript().sent_by(Side::Server);
    let own_tag = dialogue.tag();
    let own = bytes(line(match protocol {
        Protocol::Imap => imap::command(&own_tag, "LOGOUT"),
        Protocol::Pop3 => pop3::command("QUIT"),
        Protocol::Sieve => sieve::command("LOGOUT"),
        Protocol::Smtp | Protocol::Lmtp => smtp::simple("QUIT"),
    }));
    let asked = dialogue.write(&own).await?;
    let until = (Instant::now() + PATIENCE).min(service.deadline);
    // Whoever leaves is let go: the end of the stream is the end of what was to be said.
    while let Arrival::Reply(_) = dialogue.arrival(until).await {}
    let to = dialogue.transcript().sent_by(Side::Server);
    let said = dialogue.transcript().visible(Span::new(Side::Server, from, to));
    let heard = hear(protocol, &said, &tag, &own_tag);
    let place = |line: &Line| {
        let span = Span::new(Side::Server, from + line.from as u64, from + line.to as u64);
        dialogue.evidence(Anchor::Bytes(span))
    };
    let text = |line: &Line| escape(said[line.from..line.to].trim_ascii_end());
    facts.probes.push(match &heard.injected {
        Some(line) => {
            probe(ProbeId::InjectedCommand, Answered::Accepted, Some(text(line)), Some(place(line)))
        }
        None => probe(ProbeId::InjectedCommand, Answered::Silence, None, None),
    });
    let own_answer = if heard.own.is_some() { Answered::Accepted } else { Answered::Silence };
    let asked = dialogue.evidence(Anchor::Bytes(asked));
    facts.probes.push(ProbeFacts {
        id: ProbeId::CommandAfterInjection,
        answer: own_answer,
        reply: heard.own.as_ref().map(text),
        at: std::iter::once(asked).chain(heard.own.as_ref().map(place)).collect(),
        detail: None,
        took_us: 0,
    });
    Ok(())
}

/// Waits for the answer to STARTTLS; whether a handshake follows.
async fn accepted(dialogue: &mut Dialogue, facts: &mut ConnectionFacts) -> Result<bool, Failure> {
    let until = Instant::now() + 2 * PATIENCE;
    let mut found = StartTlsFacts {
        offered: true,
        answer: Answered::Silence,
        reply: None,
        failure: None,
        at: dialogue.evidence(Anchor::Entry(ehlo_core::EntryId(0))),
    };
    loop {
        match dialogue.arrival(until).await {
            Arrival::Reply(arrived) => {
                found.answer = arrived.reply.answered();
                found.reply = Some(arrived.reply.shown());
                found.at = arrived.at;
                // IMAP may say other things first.
                if arrived.verb.is_empty() && !dialogue.state().tls_next {
                    continue;
                }
            }
            Arrival::TimedOut => found.answer = Answered::Silence,
            Arrival::Closed(_) => found.answer = Answered::Closed,
            Arrival::Failed(failure) => {
                found.answer = answered_by(&failure);
                found.failure = Some(failure);
            }
        }
        facts.starttls = Some(found);
        return Ok(dialogue.state().tls_next);
    }
}

/// The bytes of a command that has no literals.
fn bytes(command: Command) -> Vec<u8> {
    debug_assert!(command.stage != Stage::Data);
    command.fragments.concat()
}

/// A line: where it begins and ends in what was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    from: usize,
    to: usize,
}

/// What was answered inside TLS.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    injected: Option<Line>,
    own: Option<Line>,
}

/// Finds the answers in what a server said inside TLS: ours is the one to the last command, and whatever else is an
/// answer belongs to the command that came before TLS. Answers come in the order of the commands.
fn hear(protocol: Protocol, said: &[u8], injected_tag: &str, own_tag: &str) -> Heard {
    let mut lines = Vec::new();
    let mut from = 0;
    for piece in said.split_inclusive(|&b| b == b'\n') {
        lines.push(Line { from, to: from + piece.len() });
        from += piece.len();
    }
    let begins = |line: &Line, word: &str| {
        let text = &said[line.from..line.to];
        text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word.as_bytes())
    };
    let holds =
        |line: &Line, word: &str| said[line.from..line.to].windows(word.len()).any(|w| w == word.as_bytes());
    match protocol {
        Protocol::Imap => Heard {
            injected: lines.iter().find(|l| begins(l, &format!("{injected_tag} "))).copied(),
            own: lines.iter().find(|l| begins(l, &format!("{own_tag} "))).copied(),
        },
        Protocol::Sieve => {
            let injected = lines.iter().find(|l| holds(l, MARK)).copied();
            let is_status = |l: &&Line| ["OK", "NO", "BYE"].iter().any(|word| begins(l, word));
            let status: Vec<Line> = lines.iter().filter(is_status).copied().collect();
            // The capabilities come unasked, and end in a status of their own (RFC 5804 §2.2).
            let listed = lines.iter().any(|l| said[l.from..l.to].starts_with(b"\""));
            let own = status.last().filter(|own| Some(**own) != injected && (!listed || status.len() > 1));
            let between = match status.as_slice() {
                [_, second, .., _] if listed => Some(*second),
                _ => None,
            };
            Heard { injected: injected.or(between), own: own.copied() }
        }
        // The list of capabilities ends in a dot, or there is an error; `+OK` alone answers QUIT.
        Protocol::Pop3 => match lines.as_slice() {
            [] => Heard::default(),
            [own] if begins(own, "+OK") => Heard { injected: None, own: Some(*own) },
            [first] => Heard { injected: Some(*first), own: None },
            [first, .., last] => Heard { injected: Some(*first), own: begins(last, "+OK").then_some(*last) },
        },
        Protocol::Smtp | Protocol::Lmtp => {
            // The last line of each reply: a code and no hyphen (RFC 5321 §4.2.1).
            let ends = |l: &&Line| said[l.from..l.to].get(3) != Some(&b'-');
            let own = lines.iter().find(|l| begins(l, "221")).copied();
            let injected = lines.iter().filter(ends).find(|l| Some(**l) != own && !begins(l, "421")).copied();
            let before = |line: &Line| own.is_none_or(|own| line.from < own.from);
            Heard { injected: injected.filter(before), own }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(protocol: Protocol, said: &str) -> (Option<&str>, Option<&str>) {
        let heard = hear(protocol, said.as_bytes(), "a1", "a2");
        let text = |line: Option<Line>| line.map(|l| said[l.from..l.to].trim_end());
        (text(heard.injected), text(heard.own))
    }

    #[test]
    fn answers_are_told_apart() {
        use Protocol::{Imap, Pop3, Sieve, Smtp};
        for (protocol, said, injected, own) in [
            (Smtp, "221 2.0.0 bye\r\n", None, Some("221 2.0.0 bye")),
            (Smtp, "250 2.0.0 OK\r\n221 bye\r\n", Some("250 2.0.0 OK"), Some("221 bye")),
            (Smtp, "250-one\r\n250 two\r\n221-x\r\n221 y\r\n", Some("250 two"), Some("221-x")),
            (Smtp, "502 what\r\n221 bye\r\n", Some("502 what"), Some("221 bye")),
            (Smtp, "421 too many\r\n", None, None),
            (Smtp, "", None, None),
            (Pop3, "+OK bye\r\n", None, Some("+OK bye")),
            (Pop3, "+OK list\r\nTOP\r\n.\r\n+OK bye\r\n", Some("+OK list"), Some("+OK bye")),
            (Pop3, "-ERR what\r\n+OK bye\r\n", Some("-ERR what"), Some("+OK bye")),
            (Imap, "* BYE\r\na2 OK bye\r\n", None, Some("a2 OK bye")),
            (Imap, "a1 OK\r\n* BYE\r\na2 OK bye\r\n", Some("a1 OK"), Some("a2 OK bye")),
            (Imap, "a1 BAD\r\n", Some("a1 BAD"), None),
            (Sieve, "\"SASL\" \"\"\r\nOK\r\nOK \"bye\"\r\n", None, Some("OK \"bye\"")),
            (Sieve, "OK \"bye\"\r\n", None, Some("OK \"bye\"")),
            (
                Sieve,
                "\"SASL\" \"\"\r\nOK\r\nOK (TAG \"ehlo-before-tls\")\r\nOK \"bye\"\r\n",
                Some("OK (TAG \"ehlo-before-tls\")"),
                Some("OK \"bye\""),
            ),
            (Sieve, "\"SASL\" \"\"\r\nOK\r\nNO\r\nOK \"bye\"\r\n", Some("NO"), Some("OK \"bye\"")),
            (Sieve, "\"SASL\" \"\"\r\nOK\r\n", None, None),
        ] {
            assert_eq!(heard(protocol, said), (injected, own), "{said:?}");
        }
    }
}
