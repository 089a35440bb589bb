use crate::{CHECKS, Selection};
use ehlo_core::facts::{ConnectionFacts, Purpose};
use ehlo_core::{Endpoint, Role, TlsMode};

/// A question that needs a connection of its own. Several checks may read the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Is a command carried out inside TLS that came in the clear, in one segment with STARTTLS?
    Injection,
    /// The same in a segment of its own.
    InjectionApart,
    /// Does a mail transaction from before TLS go on inside it?
    State,
}

impl Question {
    /// All of them, in the order in which they are asked.
    pub const ALL: &'static [Question] = &[Question::Injection, Question::InjectionApart, Question::State];

    /// What its connection is made for.
    pub fn purpose(self) -> Purpose {
        match self {
            Question::Injection => Purpose::StartTlsInjection,
            Question::InjectionApart => Purpose::StartTlsInjectionSplit,
            Question::State => Purpose::StartTlsState,
        }
    }

    /// The checks that want to know the answer.
    pub fn checks(self) -> &'static [&'static str] {
        match self {
            Question::Injection => &["starttls-injection"],
            Question::InjectionApart => &["starttls-injection-split"],
            Question::State => &["starttls-state-leak"],
        }
    }

    /// The most connections that it makes.
    pub fn connections(self) -> u32 {
        match self {
            Question::Injection | Question::InjectionApart | Question::State => 1,
        }
    }

    /// Whether it is a question at all for services of this kind.
    pub fn is_for(self, endpoint: &Endpoint) -> bool {
        let starttls = endpoint.scheme.tls_mode() == TlsMode::StartTls && endpoint.path.is_none();
        match self {
            Question::Injection | Question::InjectionApart => starttls,
            Question::State => starttls && endpoint.role != Role::Access,
        }
    }

    /// Whether it can be asked after what the main dialogue has shown: TLS must have come about as usual.
    pub(crate) fn is_askable(self, endpoint: &Endpoint, main: &ConnectionFacts) -> bool {
        self.is_for(endpoint) && main.tls.is_some()
    }

    /// The questions that the selected checks want answered.
    pub fn wanted(selection: &Selection) -> Vec<Question> {
        let wants = |id: &&str| CHECKS.iter().any(|c| c.meta().id == *id && selection.takes(*c));
        Question::ALL.iter().copied().filter(|q| q.checks().iter().any(|id| wants(id))).collect()
    }
}
