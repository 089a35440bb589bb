//! Where, for whom and how often a fault strikes.

use super::FaultError;
use crate::Service;
use crate::glob::glob;
use ehlo_core::{Family, Protocol, Scheme};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a fault strikes. What is not named is not restricted; several places of one kind are alternatives, places of
/// different kinds must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    services: Vec<Spoken>,
    families: Vec<Family>,
    tls: Option<bool>,
    users: Vec<Pattern>,
    recipients: Vec<Pattern>,
    senders: Vec<Pattern>,
    commands: Vec<String>,
    connections: Vec<u64>,
    /// Millionths.
    probability: Option<u32>,
    first: Option<u64>,
    after: Option<u64>,
    every: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoken {
    Scheme(Scheme),
    Protocol(Protocol),
}

/// What is known of a dialogue when a fault could strike.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// Whether TLS is on.
    pub tls: bool,
    /// Who is logged in, or wants to be.
    pub account: Option<&'a str>,
    /// The reverse-path of the mail transaction, without brackets.
    pub sender: Option<&'a str>,
    /// The recipient that was named last, or that is delivered to.
    pub recipient: Option<&'a str>,
    /// The command that is answered, in upper case; empty if none is.
    pub command: &'a str,
    /// How many connections the service has had, this one included.
    pub connection: u64,
}

/// How often a fault could have struck, and did.
#[derive(Debug, Default)]
pub(crate) struct Count {
    occasions: AtomicU64,
    strikes: AtomicU64,
}

impl Count {
    pub(crate) fn strikes(&self) -> u64 {
        self.strikes.load(Ordering::Relaxed)
    }
}

/// The kinds of places, each with an example: what help and errors list.
pub const PLACES: &[(&str, &str)] = &[
    ("service", "imaps"),
    ("protocol", "any-imap"),
    ("family", "v6"),
    ("tls", "tls"),
    ("user", "user:alice"),
    ("to", "to:*@lab.test"),
    ("from", "from:bounce*"),
    ("cmd", "cmd:FETCH"),
    ("conn", "conn:2"),
    ("first", "first:3"),
    ("after", "after:2"),
    ("every", "every:5"),
    ("once", "once"),
    ("p", "p:0.2"),
    ("all", "all"),
];

impl Scope {
    /// Reads places joined by `+`, e.g. `imaps+v6`, `to:bob@*+first:2`.
    ///
    /// # Errors
    /// [`FaultError::BadScope`] with the place that is none, and what is wanted there.
    pub fn parse(text: &str) -> Result<Scope, FaultError> {
        let mut scope = Scope::default();
        for place in text.split('+') {
            scope.add(place).map_err(|wanted| FaultError::BadScope { place: place.to_owned(), wanted })?;
        }
        Ok(scope)
    }

    fn add(&mut self, place: &str) -> Result<(), &'static str> {
        match place {
            "all" => {}
            "v4" => self.families.push(Family::V4),
            "v6" => self.families.push(Family::V6),
            "unix" => self.families.push(Family::Unix),
            "tls" => self.tls = Some(true),
            "clear" => self.tls = Some(false),
            "once" => self.first = Some(1),
            _ => match place.split_once(':') {
                Some((kind, value)) => self.add_condition(kind, value)?,
                None => self.services.push(spoken(place).ok_or(
                    "a service (imaps), a protocol (any-imap), a family (v6), tls, clear, once, all, or a \
                     condition with a colon (user:alice)",
                )?),
            },
        }
        Ok(())
    }

    fn add_condition(&mut self, kind: &str, value: &str) -> Result<(), &'static str> {
        let count =
            || value.parse::<u64>().ok().filter(|n| *n > 0).ok_or("a number from 1 on behind the colon");
        let pattern =
            || Pattern::new(value).ok_or("a pattern behind the colon: text in which * and ? stand for any");
        match kind {
            "user" => self.users.push(pattern()?),
            "to" => self.recipients.push(pattern()?),
            "from" => self.senders.push(Pattern(value.to_lowercase())),
            "cmd" if !value.is_empty() => self.commands.push(value.to_ascii_uppercase()),
            "cmd" => return Err("a command behind the colon, e.g. cmd:FETCH"),
            "conn" => self.connections.push(count()?),
            "first" => self.first = Some(count()?),
            "after" => self.after = Some(count()?),
            "every" => self.every = Some(count()?),
            "p" => {
                let p = value.parse::<f64>().ok().filter(|p| (0.0..=1.0).contains(p));
                let p = p.ok_or("a probability from 0 to 1 behind the colon, e.g. p:0.2")?;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is from 0 to 1"
                )]
                let millionths = (p * 1e6).round() as u32;
                self.probability = Some(millionths);
            }
            _ => return Err("one of user, to, from, cmd, conn, first, after, every and p before the colon"),
        }
        Ok(())
    }

    /// The same within the services and families of `outer`; none if nothing is left.
    pub(crate) fn within(&self, outer: &Scope) -> Option<Scope> {
        let mut scope = self.clone();
        if !outer.services.is_empty() {
            let both = |&scheme: &Scheme| self.speaks(scheme) && outer.speaks(scheme);
            scope.services = Scheme::ALL.iter().copied().filter(both).map(Spoken::Scheme).collect();
            if scope.services.is_empty() {
                return None;
            }
        }
        if !outer.families.is_empty() {
            if scope.families.is_empty() {
                scope.families.clone_from(&outer.families);
            } else {
                scope.families.retain(|f| outer.families.contains(f));
                if scope.families.is_empty() {
                    return None;
                }
            }
        }
        Some(scope)
    }

    /// Whether the fault can strike at this service at all.
    pub fn holds(&self, service: Service) -> bool {
        self.speaks(service.scheme) && (self.families.is_empty() || self.families.contains(&service.family))
    }

    fn speaks(&self, scheme: Scheme) -> bool {
        let is = |s: &Spoken| match *s {
            Spoken::Scheme(meant) => meant == scheme,
            Spoken::Protocol(protocol) => protocol == scheme.protocol(),
        };
        self.services.is_empty() || self.services.iter().any(is)
    }

    /// Whether it can strike now, as far as the dialogue says; how often is another question.
    pub fn fits(&self, now: &Circumstances<'_>) -> bool {
        let meets = |patterns: &[Pattern], text: Option<&str>| {
            patterns.is_empty() || text.is_some_and(|text| patterns.iter().any(|p| p.meets(text)))
        };
        self.tls.is_none_or(|tls| tls == now.tls)
            && (self.connections.is_empty() || self.connections.contains(&now.connection))
            && (self.commands.is_empty() || self.commands.iter().any(|c| is_command(c, now.command)))
            && meets(&self.users, now.account)
            && meets(&self.recipients, now.recipient)
            && meets(&self.senders, now.sender)
    }

    /// Whether it is restricted by what is only known in the course of a dialogue.
    pub(super) fn asks_dialogue(&self) -> bool {
        self.tls.is_some()
            || !(self.users.is_empty()
                && self.recipients.is_empty()
                && self.senders.is_empty()
                && self.commands.is_empty())
    }

    /// Whether it is restricted by anything else than the service.
    pub(crate) fn is_conditional(&self) -> bool {
        self.asks_dialogue() || !self.connections.is_empty() || self.is_counted()
    }

    fn is_counted(&self) -> bool {
        self.probability.is_some() || self.first.is_some() || self.after.is_some() || self.every.is_some()
    }

    /// Counts an occasion, and says whether the fault strikes. `seed` makes chance repeatable.
    pub(crate) fn strikes(&self, count: &Count, seed: u64) -> bool {
        let occasion = count.occasions.fetch_add(1, Ordering::Relaxed) + 1;
        let Some(number) = occasion.checked_sub(self.after.unwrap_or(0)).filter(|n| *n > 0) else {
            return false;
        };
        if self.every.is_some_and(|every| number % every != 0) {
            return false;
        }
        let chance = crate::lab::mix(seed ^ crate::lab::mix(occasion)) % 1_000_000;
        if self.probability.is_some_and(|p| chance >= u64::from(p)) {
            return false;
        }
        let most = self.first.unwrap_or(u64::MAX);
        let struck =
            count.strikes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < most).then(|| n + 1));
        struck.is_ok()
    }
}

impl fmt::Display for Scope {
    /// The places as they are written, `all` if there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut places: Vec<String> = Vec::new();
        places.extend(self.services.iter().map(|s| match s {
            Spoken::Scheme(scheme) => scheme.to_string(),
            Spoken::Protocol(protocol) => format!("any-{}", protocol.id()),
        }));
        places.extend(self.families.iter().map(|family| {
            match family {
                Family::V4 => "v4",
                Family::V6 => "v6",
                Family::Unix => "unix",
            }
            .to_owned()
        }));
        places.extend(self.tls.map(|tls| if tls { "tls" } else { "clear" }.to_owned()));
        for (kind, patterns) in [("user", &self.users), ("to", &self.recipients), ("from", &self.senders)] {
            places.extend(patterns.iter().map(|p| format!("{kind}:{}", p.0)));
        }
        places.extend(self.commands.iter().map(|c| format!("cmd:{c}")));
        places.extend(self.connections.iter().map(|n| format!("conn:{n}")));
        for (kind, number) in [("after", self.after), ("every", self.every), ("first", self.first)] {
            places.extend(number.map(|n| format!("{kind}:{n}")));
        }
        places.extend(self.probability.map(|p| format!("p:{}", f64::from(p) / 1e6)));
        if places.is_empty() {
            places.push("all".into());
        }
        f.write_str(&places.join("+"))
    }
}

fn spoken(name: &str) -> Option<Spoken> {
    // The names of protocols are those of their plain schemes; `smtp` means port 25 alone.
    if let Some(protocol) = name.strip_prefix("any-") {
        let all = [Protocol::Smtp, Protocol::Lmtp, Protocol::Pop3, Protocol::Imap, Protocol::Sieve];
        return all.into_iter().find(|p| p.id() == protocol).map(Spoken::Protocol);
    }
    Scheme::from_name(name).map(Spoken::Scheme)
}

/// Whether a command is the one that is meant: `FETCH` means `UID FETCH`, too.
pub(super) fn is_command(meant: &str, command: &str) -> bool {
    command.eq_ignore_ascii_case(meant)
        || command.strip_prefix("UID ").is_some_and(|command| command.eq_ignore_ascii_case(meant))
}

/// Text in which `*` stands for any text and `?` for any character, whatever the case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(String);

impl Pattern {
    fn new(text: &str) -> Option<Pattern> {
        (!text.is_empty()).then(|| Pattern(text.to_lowercase()))
    }

    fn meets(&self, text: &str) -> bool {
        glob(&self.0, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_place_has_an_example_that_is_read() {
        for (kind, example) in PLACES {
            assert!(Scope::parse(example).is_ok(), "{kind}: {example}");
        }
    }

    #[test]
    fn places_are_written_as_they_are_read() {
        for text in [
            "imaps+v6",
            "any-imap+tls+cmd:FETCH",
            "user:alice+to:*@x+from:+conn:2+after:1+every:2+first:3+p:0.25",
            "all",
        ] {
            let scope = Scope::parse(text).unwrap();
            assert_eq!(scope.to_string(), text);
            assert_eq!(Scope::parse(&scope.to_string()).unwrap(), scope);
        }
    }

    #[test]
    fn errors_name_the_place() {
        for (text, place) in [
            ("imaps+moon", "moon"),
            ("p:2", "p:2"),
            ("first:0+v4", "first:0"),
            ("user:", "user:"),
            ("cmd:", "cmd:"),
            ("colour:red", "colour:red"),
            ("any-http", "any-http"),
            ("", ""),
        ] {
            let Err(FaultError::BadScope { place: named, wanted }) = Scope::parse(text) else {
                panic!("{text}")
            };
            assert_eq!(named, place);
            assert!(!wanted.is_empty());
        }
    }

    #[test]
    fn how_often() {
        let strikes = |text: &str, occasions: usize| {
            let scope = Scope::parse(text).unwrap();
            let count = Count::default();
            (1..=occasions).filter(|_| scope.strikes(&count, 7)).count()
        };
        let which = |text: &str| {
            let scope = Scope::parse(text).unwrap();
            let count = Count::default();
            (1..=10).filter(|_| scope.strikes(&count, 7)).collect::<Vec<_>>()
        };
        for (text, expected) in [
            ("all", (1..=10).collect::<Vec<_>>()),
            ("once", vec![1]),
            ("first:3", vec![1, 2, 3]),
            ("after:8", vec![9, 10]),
            ("every:4", vec![4, 8]),
            ("after:1+every:3+first:2", vec![4, 7]),
            ("after:2+first:1", vec![3]),
            ("p:0", vec![]),
        ] {
            assert_eq!(which(text), expected, "{text}");
        }
        let some = strikes("p:0.2", 10_000);
        assert!((1_800..2_200).contains(&some), "{some}");
        assert_eq!(which("p:0.5"), which("p:0.5"));
        assert_eq!(strikes("p:1", 100), 100);
        assert_eq!(strikes("p:0.5+first:4", 100), 4);
    }

    #[test]
    fn for_whom() {
        let now = Circumstances {
            tls: true,
            account: Some("alice"),
            sender: Some(""),
            recipient: Some("bob@lab.test"),
            command: "UID FETCH",
            connection: 2,
        };
        for text in [
            "tls",
            "user:al*",
            "from:",
            "from:*",
            "to:BOB@*",
            "cmd:fetch",
            "conn:1+conn:2",
            "user:bob+user:alice",
        ] {
            assert!(Scope::parse(text).unwrap().fits(&now), "{text}");
        }
        for text in ["clear", "user:bob", "from:?*", "to:bob", "cmd:STORE", "conn:1", "tls+user:bob"] {
            assert!(!Scope::parse(text).unwrap().fits(&now), "{text}");
        }
        assert!(!Scope::parse("user:*").unwrap().fits(&Circumstances::default()));
    }
}
