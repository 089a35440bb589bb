use ehlo_core::{Protocol, escape};
use ehlo_wire::{Reply, imap, pop3, sieve, smtp};

/// Something that a server says it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// Its name, upper case, escaped.
    pub name: String,
    /// What follows it, escaped; empty if nothing does.
    pub arguments: String,
}

impl Cap {
    /// As it stands in the list.
    pub fn shown(&self) -> String {
        if self.arguments.is_empty() {
            self.name.clone()
        } else {
            format!("{} {}", self.name, self.arguments)
        }
    }
}

/// What a reply says the server can do; none if it is no list. `verb`: what it answers.
pub(crate) fn listed(reply: &Reply, verb: &str) -> Option<Vec<Cap>> {
    let cap = |name: &str, arguments: &[Vec<u8>]| Cap {
        name: name.to_owned(),
        arguments: escape(&arguments.join(&b' ')),
    };
    match reply {
        Reply::Smtp(reply) if matches!(verb, "EHLO" | "LHLO") && reply.code == Some(250) => {
            Some(smtp::ehlo(reply).value.keywords.iter().map(|k| cap(&k.name, &k.args)).collect())
        }
        Reply::Pop3(response) if verb == "CAPA" && response.status == pop3::Status::Ok => {
            Some(pop3::capa(response).value.iter().map(|c| cap(&c.name, &c.args)).collect())
        }
        Reply::Imap(response) => {
            let found = imap::capabilities(response)?;
            Some(found.iter().map(|(word, _)| cap(&escape(&word.to_ascii_uppercase()), &[])).collect())
        }
        Reply::Sieve(response) if response.lists_capabilities() => {
            let one = |(name, value): (String, Option<&[u8]>)| Cap {
                name,
                arguments: escape(value.unwrap_or_default()),
            };
            Some(response.capabilities().map(|(name, value, _)| one((name, value))).collect())
        }
        _ => None,
    }
}

/// What is new in a list, and what is gone.
pub fn changes(before: &[Cap], after: &[Cap]) -> (Vec<Cap>, Vec<Cap>) {
    let without = |list: &[Cap], other: &[Cap]| -> Vec<Cap> {
        list.iter().filter(|c| !other.contains(c)).cloned().collect()
    };
    (without(after, before), without(before, after))
}

/// The SASL mechanisms of a list, upper case.
pub(crate) fn mechanisms(protocol: Option<Protocol>, caps: &[Cap]) -> Vec<String> {
    let words = |name: &str| -> Vec<String> {
        let found = caps.iter().filter(|c| c.name == name);
        found.flat_map(|c| c.arguments.split(' ')).map(str::to_uppercase).filter(|w| !w.is_empty()).collect()
    };
    match protocol {
        Some(Protocol::Smtp | Protocol::Lmtp) => words("AUTH"),
        Some(Protocol::Pop3 | Protocol::Sieve) => words("SASL"),
        Some(Protocol::Imap) => {
            caps.iter().filter_map(|c| c.name.strip_prefix("AUTH=")).map(str::to_owned).collect()
        }
        None => Vec::new(),
    }
}

/// Whether something of that name is listed.
pub(crate) fn has(caps: &[Cap], name: &str) -> bool {
    caps.iter().any(|c| c.name == name)
}

/// A status word of ManageSieve, for telling a greeting from an answer.
pub(crate) fn is_sieve_ok(reply: &Reply) -> bool {
    matches!(reply, Reply::Sieve(response) if response.status == Some(sieve::Status::Ok))
}
