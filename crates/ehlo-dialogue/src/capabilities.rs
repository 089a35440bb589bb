use crate::{Dialogue, Turn};
use ehlo_core::facts::{Answered, Capability, CapabilityFacts, Moment, Said};
use ehlo_core::{Deviation, Evidence, Failure, Protocol, Span, TranscriptId, escape};
use ehlo_wire::{Command, Reply, imap, pop3, sieve, smtp};
use std::net::IpAddr;

/// What a server answered to the question what it can do.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What it can do.
    pub facts: CapabilityFacts,
    /// What it says it is, in the list (POP3 IMPLEMENTATION).
    pub identity: Vec<Said>,
    /// What is wrong with the list.
    pub deviations: Vec<Deviation>,
    /// The question and its answer.
    pub turn: Turn,
}

impl Listed {
    fn new(facts: CapabilityFacts, turn: Turn) -> Listed {
        Listed { facts, identity: Vec::new(), deviations: Vec::new(), turn }
    }
}

impl Dialogue {
    /// Asks the server what it can do: EHLO, LHLO, CAPA, CAPABILITY. `helo` is the name that we give ourselves; none
    /// for the address literal of the connection.
    ///
    /// # Errors
    /// A [`Failure`]: the dialogue cannot go on.
    pub async fn ask_capabilities(&mut self, moment: Moment, helo: Option<&str>) -> Result<Listed, Failure> {
        match self.protocol() {
            Protocol::Smtp | Protocol::Lmtp => self.ask_smtp(moment, helo).await,
            Protocol::Pop3 => {
                let turn = self.say(line(pop3::command("CAPA"))).await?;
                let mut listed = Listed::new(started(moment, &turn), turn);
                let turn = &listed.turn;
                if let Some(Reply::Pop3(response)) = turn.last()
                    && response.status == pop3::Status::Ok
                {
                    let capa = pop3::capa(response);
                    listed.deviations = capa.deviations;
                    for c in capa.value {
                        if c.name == "IMPLEMENTATION" {
                            let text = escape(&c.args.join(&b' '));
                            let at = Evidence::bytes(turn.transcript, c.span);
                            listed.identity.push(Said { text, at });
                        }
                        listed.facts.list.push(capability(turn.transcript, c.name, &c.args, c.span));
                    }
                } else {
                    listed.facts.refused = Some(turn.shown());
                }
                Ok(listed)
            }
            Protocol::Imap => {
                let tag = self.tag();
                let turn = self.say(line(imap::command(&tag, "CAPABILITY"))).await?;
                let mut found = started(moment, &turn);
                for reply in &turn.replies {
                    if let Reply::Imap(response) = reply
                        && response.data("CAPABILITY").is_some()
                    {
                        found.list.extend(from_imap(turn.transcript, response));
                    }
                }
                if turn.answered() != Answered::Accepted {
                    found.refused = Some(turn.shown());
                }
                Ok(Listed::new(found, turn))
            }
            Protocol::Sieve => {
                let turn = self.say(line(sieve::command("CAPABILITY"))).await?;
                let mut found = started(moment, &turn);
                match turn.last() {
                    Some(Reply::Sieve(response)) if turn.answered() == Answered::Accepted => {
                        found.list = from_sieve(turn.transcript, response);
                    }
                    _ => found.refused = Some(turn.shown()),
                }
                Ok(Listed::new(found, turn))
            }
        }
    }

    async fn ask_smtp(&mut self, moment: Moment, helo: Option<&str>) -> Result<Listed, Failure> {
        let helo = &helo.map_or_else(|| address_literal(self.local()), str::to_owned);
        let command = match self.protocol() {
            Protocol::Lmtp => smtp::lhlo_command(helo),
            _ => smtp::ehlo_command(helo),
        };
        let turn = self.say(line(command)).await?;
        let mut listed = Listed::new(started(moment, &turn), turn);
        let turn = &listed.turn;
        let Some(Reply::Smtp(reply)) = turn.last() else { return Ok(listed) };
        if turn.answered() == Answered::Accepted {
            let ehlo = smtp::ehlo(reply);
            listed.deviations = ehlo.deviations;
            listed.facts.host = ehlo.value.host.as_deref().map(escape);
            for k in ehlo.value.keywords {
                listed.facts.list.push(capability(turn.transcript, k.name, &k.args, k.span));
            }
        } else {
            listed.facts.refused = Some(turn.shown());
            if self.protocol() == Protocol::Smtp && matches!(reply.code, Some(500..=504)) {
                // RFC 5321 §3.2: a server without extensions is greeted with HELO.
                let turn = self.say(line(smtp::helo_command(helo))).await?;
                listed.facts.helo_only = turn.answered() == Answered::Accepted;
            }
        }
        Ok(listed)
    }

    /// The command that asks for TLS: STARTTLS, STLS.
    pub fn starttls_command(&mut self) -> Command {
        line(match self.protocol() {
            Protocol::Pop3 => pop3::command("STLS"),
            Protocol::Imap => {
                let tag = self.tag();
                imap::command(&tag, "STARTTLS")
            }
            Protocol::Sieve => sieve::command("STARTTLS"),
            Protocol::Smtp | Protocol::Lmtp => smtp::simple("STARTTLS"),
        })
    }
}

/// The capabilities that a greeting or the answer to a login lists unasked.
pub fn unasked_capabilities(turn: &Turn, moment: Moment) -> Option<CapabilityFacts> {
    let mut found = started(moment, turn);
    found.unasked = true;
    for reply in &turn.replies {
        match reply {
            Reply::Imap(response) => found.list.extend(from_imap(turn.transcript, response)),
            Reply::Sieve(response) => {
                found.list.extend(from_sieve(turn.transcript, response));
            }
            _ => {}
        }
    }
    (!found.list.is_empty()).then_some(found)
}

/// Our address as a name (RFC 5321 §4.1.3): what a client without a proper name says.
pub(crate) fn address_literal(local: Option<IpAddr>) -> String {
    match local.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(v4)) => format!("[{v4}]"),
        Some(IpAddr::V6(v6)) => format!("[IPv6:{v6}]"),
        None => "localhost".into(),
    }
}

fn started(moment: Moment, turn: &Turn) -> CapabilityFacts {
    let whole = turn.replies.iter().map(Reply::span).reduce(Span::join);
    let nothing = Span::new(ehlo_core::Side::Server, 0, 0);
    CapabilityFacts {
        moment,
        unasked: false,
        list: Vec::new(),
        refused: None,
        host: None,
        helo_only: false,
        at: Evidence::bytes(turn.transcript, whole.unwrap_or(nothing)),
    }
}

fn from_imap(transcript: TranscriptId, response: &imap::Response) -> Vec<Capability> {
    imap::capabilities(response)
        .unwrap_or_default()
        .into_iter()
        .map(|(word, span)| Capability {
            name: escape(&word.to_ascii_uppercase()),
            args: Vec::new(),
            at: Evidence::bytes(transcript, span),
        })
        .collect()
}

fn from_sieve(transcript: TranscriptId, response: &sieve::Response) -> Vec<Capability> {
    let one = |(name, value, span): (String, Option<&[u8]>, Span)| {
        let words = value.unwrap_or_default().split(|&b| b == b' ').filter(|w| !w.is_empty());
        capability(transcript, name, &words.map(<[u8]>::to_vec).collect::<Vec<_>>(), span)
    };
    response.capabilities().map(one).collect()
}

fn capability(transcript: TranscriptId, name: String, args: &[Vec<u8>], span: Span) -> Capability {
    Capability { name, args: args.iter().map(|a| escape(a)).collect(), at: Evidence::bytes(transcript, span) }
}

/// Our own commands hold nothing that could break out of a line, except a name given by the user, which the command
/// line has checked.
pub(crate) fn line(command: Result<Command, ehlo_wire::BadArgument>) -> Command {
    command.unwrap_or_else(|_| Command::raw(ehlo_core::Stage::Command, "NOOP\r\n"))
}
