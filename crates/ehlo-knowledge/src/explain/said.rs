use crate::{Lang, references, render, text};
use ehlo_core::Params;

/// What an explanation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A row of the catalogue of failures: has causes, a way to confirm and a next step.
    Failure,
    /// What an SMTP reply code means.
    Reply,
    /// What an enhanced status code means, in general or at one provider.
    Status,
    /// What the first digit of a code means, or the second part of an enhanced one.
    Class,
    /// What a response code of IMAP, POP3 or ManageSieve means.
    ResponseCode,
    /// What a word of a capability list means.
    Capability,
    /// What a SASL mechanism is.
    Mechanism,
    /// What a command of a client is for.
    Command,
    /// What a server asks for in the middle of a login.
    Prompt,
    /// What a TLS alert means.
    Alert,
    /// What a check of this program looks at.
    Check,
    /// Something that is not in the catalogue.
    Unknown,
}

/// One thing that is known about a symptom. Its texts are looked up by language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What it is about.
    pub kind: Kind,
    /// The key of its entry, e.g. `failure/R04` or `reply-smtp/550`.
    pub key: String,
    /// The words of the symptom that led here: a code, a keyword; empty for a failure, which has many.
    pub name: String,
    /// The stage at which it was said, if that is known and changes the meaning.
    pub(super) stage: &'static str,
}

impl Explanation {
    pub(super) fn new(kind: Kind, key: impl Into<String>, name: impl Into<String>) -> Explanation {
        Explanation { kind, key: key.into(), name: name.into(), stage: "" }
    }

    /// Its id, e.g. `R04`, `550`, `AUTHENTICATIONFAILED`.
    pub fn id(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// What it is, in whole sentences.
    pub fn meaning(&self, lang: Lang) -> String {
        let own = text(lang, &self.key).unwrap_or_default();
        let mut params = Params::from([("name".into(), self.name.clone())]);
        match self.kind {
            Kind::Capability | Kind::Mechanism => {
                params.insert("text".into(), self.filled(own));
                render(text(lang, "explain/capability").unwrap_or("{text}"), &params)
            }
            _ => render(own, &params),
        }
    }

    /// What it means at the stage at which it was said, where that differs.
    pub fn here(&self, lang: Lang) -> Option<&'static str> {
        self.part(lang, self.stage)
    }

    /// The likely causes, likeliest first, separated by semicolons.
    pub fn causes(&self, lang: Lang) -> Option<&'static str> {
        self.part(lang, "causes")
    }

    /// How to make sure which of the causes it is.
    pub fn confirm(&self, lang: Lang) -> Option<&'static str> {
        self.part(lang, "confirm")
    }

    /// What to do next.
    pub fn next_step(&self, lang: Lang) -> Option<&'static str> {
        self.part(lang, "fix")
    }

    /// What a mechanism is worth.
    pub fn safety(&self, lang: Lang) -> Option<&'static str> {
        self.part(lang, "safety")
    }

    /// Where it is written, e.g. `RFC 5321 §4.2.3`.
    pub fn references(&self) -> &'static [&'static str] {
        let own = references(&self.key);
        if own.is_empty() {
            references(self.key.trim_end_matches("/arg").trim_end_matches("/about"))
        } else {
            own
        }
    }

    fn part(&self, lang: Lang, name: &str) -> Option<&'static str> {
        if name.is_empty() { None } else { text(lang, &format!("{}/{name}", self.key)) }
    }

    /// `arg` of a keyword that has a value: what stands behind the equals sign or the blank.
    fn filled(&self, template: &str) -> String {
        let arg = self.name.split_once(['=', ' ']).map_or("", |(_, arg)| arg);
        render(template, &Params::from([("arg".into(), arg.to_owned())]))
    }
}
