//! Personas: the lab looks like a product, or like a typical set-up that is broken.
//!
//! A persona is data: one file, and a line in [`PERSONAS`]. It says how greetings, lists of capabilities and frequent
//! replies read, and which faults belong to it. What a persona lists and the lab cannot do stays refused; what is
//! listed of TLS and logins follows what the lab offers at that moment.

mod texts;

use crate::faults::reply::{self, keyword};
use crate::{ActiveFault, Acts, Fault, FaultAction, FaultError, FaultMeta, Moment, Point, Scope, Settings};
use ehlo_core::Protocol;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// All personas: their ids and their files.
static FILES: &[(&str, &str)] = &[
    ("postfix", include_str!("postfix.toml")),
    ("exim", include_str!("exim.toml")),
    ("sendmail", include_str!("sendmail.toml")),
    ("qmail", include_str!("qmail.toml")),
    ("dovecot", include_str!("dovecot.toml")),
    ("cyrus", include_str!("cyrus.toml")),
    ("courier", include_str!("courier.toml")),
    ("exchange", include_str!("exchange.toml")),
    ("exchange-2010", include_str!("exchange-2010.toml")),
    ("microsoft365", include_str!("microsoft365.toml")),
    ("gmail", include_str!("gmail.toml")),
    ("hmailserver", include_str!("hmailserver.toml")),
    ("mailhog", include_str!("mailhog.toml")),
    ("greenmail", include_str!("greenmail.toml")),
    ("cisco-pix", include_str!("cisco-pix.toml")),
    ("appliance-2005", include_str!("appliance-2005.toml")),
    ("broken-provider", include_str!("broken-provider.toml")),
    ("tarpitting", include_str!("tarpitting.toml")),
    ("relaying", include_str!("relaying.toml")),
    ("renewed-on-disk", include_str!("renewed-on-disk.toml")),
    ("starttls-stripped", include_str!("starttls-stripped.toml")),
];

static PERSONAS: LazyLock<Vec<Persona>> =
    LazyLock::new(|| FILES.iter().filter_map(|(id, text)| Persona::read(id, text).ok()).collect());

/// A persona.
pub(crate) struct Persona {
    meta: FaultMeta,
    data: Data,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    /// Faults that belong to it, with their places.
    #[serde(default)]
    faults: Vec<String>,
    smtp: Option<Manner>,
    lmtp: Option<Manner>,
    pop3: Option<Manner>,
    imap: Option<Manner>,
    sieve: Option<Manner>,
}

/// How a persona speaks a protocol. What is not said stays as the lab does it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manner {
    /// The greeting, without line end.
    greeting: Option<String>,
    /// What stands in the first line of the answer to EHLO.
    hello: Option<String>,
    /// Capabilities before the login: EHLO lines behind the first, lines of CAPA, words of CAPABILITY.
    capabilities: Option<Vec<String>>,
    /// Capabilities after the login, if they are others.
    logged_in: Option<Vec<String>>,
    /// The mechanisms and their order; those that the lab does not have are left out.
    mechanisms: Option<Vec<String>>,
    /// Texts of replies: `COMMAND STATUS` to what stands behind the status.
    #[serde(default)]
    replies: BTreeMap<String, String>,
}

/// The ids of all personas.
pub fn personas() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(id, _)| *id)
}

/// Reads `NAME[@PLACE[+PLACE…]]`: the persona and the faults that belong to it. Only services and families can
/// restrict a persona.
///
/// # Errors
/// [`FaultError`] that says which part is wrong.
pub fn persona(text: &str) -> Result<Vec<ActiveFault>, FaultError> {
    let (name, scope) = match text.split_once('@') {
        Some((name, places)) => (name, Scope::parse(places)?),
        None => (text, Scope::default()),
    };
    let persona = PERSONAS
        .iter()
        .find(|p| p.meta.id == name)
        .ok_or_else(|| FaultError::UnknownPersona(name.to_owned()))?;
    if scope.is_conditional() {
        return Err(FaultError::NoSuchScope { id: persona.meta.id, wanted: "services and families" });
    }
    let mut all = Vec::new();
    for fault in &persona.data.faults {
        let mut fault = ActiveFault::parse(fault)?;
        if let Some(narrowed) = fault.scope.within(&scope) {
            fault.scope = narrowed;
            all.push(fault);
        }
    }
    all.insert(0, ActiveFault::new(persona, None, scope)?);
    Ok(all)
}

impl Persona {
    fn read(id: &'static str, text: &str) -> Result<Persona, toml::de::Error> {
        let data = toml::from_str(text)?;
        Ok(Persona { meta: FaultMeta { id, family: "persona", acts: Acts::Settings, example: None }, data })
    }

    fn manner(&self, protocol: Protocol) -> Option<&Manner> {
        match protocol {
            Protocol::Smtp => &self.data.smtp,
            Protocol::Lmtp => &self.data.lmtp,
            Protocol::Pop3 => &self.data.pop3,
            Protocol::Imap => &self.data.imap,
            Protocol::Sieve => &self.data.sieve,
        }
        .as_ref()
    }
}

impl Fault for Persona {
    fn meta(&self) -> &FaultMeta {
        &self.meta
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        let Some(manner) = self.manner(settings.protocol) else { return };
        if let Some(wanted) = &manner.mechanisms {
            let had = std::mem::take(&mut settings.mechanisms);
            let found = wanted.iter().filter_map(|w| had.iter().find(|h| h.eq_ignore_ascii_case(w)));
            settings.mechanisms = found.copied().collect();
        }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        let Some(manner) = self.manner(moment.protocol()) else { return FaultAction::Pass };
        let changed = match moment.point {
            Point::Accept | Point::Command | Point::Push => return FaultAction::Pass,
            Point::Greeting => texts::greeting(moment, manner.greeting.as_deref()),
            Point::Capabilities | Point::StartTls | Point::Reply => {
                texts::reply(moment, &manner.replies).unwrap_or_else(|| moment.reply.to_vec())
            }
        };
        let inside = moment.logged_in && manner.logged_in.is_some();
        let listed = if inside { &manner.logged_in } else { &manner.capabilities };
        let changed = match listed {
            Some(listed) => {
                reply::map_capabilities(moment, &changed, |words| list(moment.protocol(), listed, &words))
            }
            None => changed,
        };
        let changed = match &manner.hello {
            Some(hello) => texts::hello(moment, hello, changed),
            None => changed,
        };
        if changed == moment.reply { FaultAction::Pass } else { FaultAction::Replace(changed) }
    }
}

/// The capabilities of a persona: what depends on TLS and logins is listed only if the lab lists it now.
fn list(protocol: Protocol, wanted: &[String], now: &[String]) -> Vec<String> {
    let find = |word: &str| now.iter().find(|n| keyword(n).eq_ignore_ascii_case(word)).cloned();
    let mut out = Vec::new();
    for word in wanted {
        match (protocol, word.as_str()) {
            (Protocol::Imap, "AUTH=*") => out.extend(now.iter().filter(|n| n.starts_with("AUTH=")).cloned()),
            // The form of servers that serve mail programs from before RFC 2554.
            (_, "AUTH=") => out.extend(find("AUTH").map(|line| line.replacen("AUTH ", "AUTH=", 1))),
            (_, "STARTTLS" | "STLS" | "AUTH" | "SASL" | "USER" | "LOGINDISABLED") => out.extend(find(word)),
            (Protocol::Sieve, word) if matches!(keyword(word), "STARTTLS" | "SASL") => {
                out.extend(find(keyword(word)))
            }
            _ => out.push(word.clone()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read() {
        for (id, text) in FILES {
            let persona = Persona::read(id, text).unwrap_or_else(|e| panic!("{id}: {e}"));
            for fault in &persona.data.faults {
                assert!(ActiveFault::parse(fault).is_ok(), "{id}: {fault}");
            }
            assert!(super::persona(id).is_ok(), "{id}");
        }
    }

    #[test]
    fn places() {
        assert!(persona("postfix@smtp+v4").is_ok());
        assert_eq!(persona("nobody").unwrap_err(), FaultError::UnknownPersona("nobody".into()));
        assert!(matches!(persona("postfix@p:0.5"), Err(FaultError::NoSuchScope { .. })));
        assert!(matches!(persona("postfix@moon"), Err(FaultError::BadScope { .. })));
    }

    #[test]
    fn what_depends_on_the_moment() {
        let words = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let wanted = words("SIZE 5,STARTTLS,AUTH,AUTH=,DSN");
        assert_eq!(list(Protocol::Smtp, &wanted, &words("SIZE 9,STARTTLS")), words("SIZE 5,STARTTLS,DSN"));
        let inside = list(Protocol::Smtp, &wanted, &words("AUTH PLAIN LOGIN"));
        assert_eq!(inside, words("SIZE 5,AUTH PLAIN LOGIN,AUTH=PLAIN LOGIN,DSN"));
        let imap = list(Protocol::Imap, &words("IMAP4rev1,LOGINDISABLED,AUTH=*"), &words("X,AUTH=A,AUTH=B"));
        assert_eq!(imap, words("IMAP4rev1,AUTH=A,AUTH=B"));
    }
}
