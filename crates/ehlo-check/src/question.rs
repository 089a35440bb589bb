use crate::{CHECKS, Extra, Selection};
use ehlo_core::facts::{ConnectionFacts, GreetingKind, LoginResult, Moment, Purpose};
use ehlo_core::{Endpoint, Protocol, Role, TlsMode};
use ehlo_wire::sasl::{MECHANISMS, MechanismMeta, Needs, mechanism};

/// A question that needs connections of its own. Several checks may read the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Is a command carried out inside TLS that came in the clear, in one segment with STARTTLS?
    Injection,
    /// The same in a segment of its own.
    InjectionApart,
    /// Does a mail transaction, or a login, from before TLS go on inside it?
    State,
    /// Are commands taken that should have waited for an answer?
    Pipelining,
    /// What is told about addresses, and which are taken?
    Policy,
    /// Is mail for others taken from strangers?
    Relay,
    /// May an account send with addresses of others?
    Sender,
    /// Does something else than the end of data end a message?
    Smuggling,
    /// What becomes of LF without CR?
    BareLf,
    /// What does the challenge of NTLM tell?
    Ntlm,
    /// Is a login tied to the TLS connection, and one that is tied to another refused?
    Binding,
    /// How often is the password hashed in SCRAM?
    Scram,
    /// Does a login that is refused tell whether there is such a user?
    Oracle,
}

impl Question {
    /// All of them, in the order in which they are asked.
    pub const ALL: &'static [Question] = &[
        Question::Injection,
        Question::InjectionApart,
        Question::State,
        Question::Policy,
        Question::Pipelining,
        Question::Relay,
        Question::Ntlm,
        Question::Sender,
        Question::Smuggling,
        Question::BareLf,
        Question::Binding,
        Question::Scram,
        Question::Oracle,
    ];

    /// What its connections are made for.
    pub fn purpose(self) -> Purpose {
        match self {
            Question::Injection => Purpose::StartTlsInjection,
            Question::InjectionApart => Purpose::StartTlsInjectionSplit,
            Question::State => Purpose::StartTlsState,
            Question::Policy => Purpose::SmtpPolicy,
            Question::Relay => Purpose::SmtpRelay,
            Question::Smuggling => Purpose::SmtpSmuggling,
            Question::Ntlm => Purpose::AuthNtlm,
            Question::Binding => Purpose::AuthBinding,
            Question::Scram => Purpose::AuthScram,
            Question::Oracle => Purpose::AuthOracle,
            Question::Pipelining => Purpose::SmtpPipelining,
            Question::Sender => Purpose::SubmissionSender,
            Question::BareLf => Purpose::SmtpBareLf,
        }
    }

    /// The checks that want to know the answer.
    pub fn checks(self) -> &'static [&'static str] {
        match self {
            Question::Injection => &["starttls-injection"],
            Question::InjectionApart => &["starttls-injection-split"],
            Question::State => &["starttls-state-leak", "mx-requires-tls"],
            Question::Policy => {
                &["smtp-vrfy-expn", "smtp-postmaster", "smtp-null-sender", "smtp-rcpt-unknown"]
            }
            Question::Relay => &["smtp-open-relay"],
            Question::Smuggling => &["smtp-smuggling-in"],
            Question::Ntlm => &["auth-ntlm-leak"],
            Question::Binding => &["auth-channel-binding"],
            Question::Scram => &["auth-scram-iterations"],
            Question::Oracle => &["auth-error-oracle"],
            Question::Pipelining => &["smtp-unauth-pipelining"],
            Question::Sender => &["submission-sender-forge"],
            Question::BareLf => &["smtp-bare-lf"],
        }
    }

    /// The most connections that it makes to one service.
    pub fn connections(self) -> u32 {
        match self {
            Question::Injection
            | Question::State
            | Question::Policy
            | Question::Pipelining
            | Question::Sender
            | Question::Ntlm
            | Question::Scram => 1,
            // One login each; with CR and LF at the end, and with LF alone.
            Question::Binding | Question::Oracle | Question::InjectionApart => 2,
            // A command, a message by DATA and one by BDAT.
            Question::BareLf => 3,
            // Eight patterns each, and one for the proof.
            Question::Relay => 3,
            Question::Smuggling => 10,
        }
    }

    /// Whether it is asked only of whoever has allowed it: mail goes out, somebody logs in once more, or it looks like an
    /// attack.
    pub fn is_opt_in(self) -> bool {
        matches!(self, Question::Relay | Question::Sender | Question::Smuggling | Question::BareLf)
            || self.is_by_login()
    }

    /// Whether it needs an address of the user that the server is responsible for.
    pub fn needs_own_mailbox(self) -> bool {
        matches!(self, Question::Smuggling | Question::BareLf)
    }

    /// Whether it needs an account.
    pub fn needs_account(self) -> bool {
        self.is_by_login() || self == Question::Sender
    }

    /// Whether it is asked by logins of the account that was given, and of such alone: these wait for all else.
    pub fn is_by_login(self) -> bool {
        matches!(self, Question::Binding | Question::Scram | Question::Oracle)
    }

    /// How many of its logins are to fail. Servers lock out accounts and addresses that fail too often.
    pub fn failures(self) -> u32 {
        match self {
            Question::Binding => 1,
            Question::Oracle => 2,
            _ => 0,
        }
    }

    /// Whether it is a question at all for services of this kind.
    pub fn is_for(self, endpoint: &Endpoint) -> bool {
        let starttls = endpoint.scheme.tls_mode() == TlsMode::StartTls && endpoint.path.is_none();
        let smtp = matches!(endpoint.scheme.protocol(), Protocol::Smtp | Protocol::Lmtp);
        match self {
            Question::Injection | Question::InjectionApart => starttls,
            Question::State => starttls,
            Question::Pipelining => endpoint.role == Role::Mx,
            Question::Sender => endpoint.role == Role::Submission,
            Question::Policy => smtp,
            Question::Relay => matches!(endpoint.role, Role::Mx | Role::Submission),
            Question::Smuggling | Question::BareLf => endpoint.role == Role::Mx,
            Question::Ntlm | Question::Binding | Question::Scram | Question::Oracle => {
                endpoint.role.takes_logins()
            }
        }
    }

    /// Whether it can be asked after what the main dialogue has shown.
    pub(crate) fn is_askable(self, endpoint: &Endpoint, main: &ConnectionFacts) -> bool {
        let ready = main.greeting.as_ref().is_some_and(|g| g.kind == GreetingKind::Ready);
        let speaks = ready && !main.capabilities.is_empty();
        self.is_for(endpoint)
            && match self {
                // TLS must have come about as usual.
                Question::Injection | Question::InjectionApart | Question::State => main.tls.is_some(),
                Question::Policy
                | Question::Pipelining
                | Question::Relay
                | Question::Smuggling
                | Question::BareLf => speaks,
                // Who could not log in once need not try again.
                Question::Sender => {
                    main.login.as_ref().is_some_and(|login| login.result == LoginResult::Accepted)
                }
                Question::Ntlm => {
                    speaks && main.tls.is_some() && offered(endpoint, main, |m| m.name == "NTLM").is_some()
                }
                Question::Binding => {
                    logged_in(main).is_some() && main.tls.is_some() && bound_scram(endpoint, main).is_some()
                }
                // A login by SCRAM has told it already.
                Question::Scram => {
                    logged_in(main).is_some_and(|way| !way.starts_with("SCRAM-"))
                        && scram(endpoint, main).is_some()
                }
                // Without a password there is no wrong one.
                Question::Oracle => logged_in(main).is_some_and(|way| {
                    mechanism(way).is_none_or(|mechanism| mechanism.meta().needs == Needs::Password)
                }),
            }
    }

    /// The questions that the selected checks want answered, and that may be asked. `account`: whether one is given.
    pub fn wanted(selection: &Selection, extra: &Extra, account: bool) -> Vec<Question> {
        let wants = |id: &&str| CHECKS.iter().any(|c| c.meta().id == *id && selection.takes(*c));
        let may = |question: &Question| {
            let allowed = question.checks().iter().any(|id| extra.allows(id));
            let possible = (!question.needs_own_mailbox() || extra.own_mailbox.is_some())
                && (account || !question.needs_account());
            (!question.is_opt_in() || allowed) && possible
        };
        Question::ALL.iter().copied().filter(|q| q.checks().iter().any(&wants) && may(q)).collect()
    }

    /// The question that a check reads the answer of.
    pub fn of(check: &str) -> Option<Question> {
        Question::ALL.iter().copied().find(|q| q.checks().contains(&check))
    }
}

/// The way by which the main dialogue has logged in, if it has. Whom a server does not let in with the right password cannot
/// find out anything by further logins, and only adds to the failures that it counts.
fn logged_in(main: &ConnectionFacts) -> Option<&str> {
    main.login.as_ref().filter(|login| login.result == LoginResult::Accepted).map(|l| l.mechanism.as_str())
}

/// The best mechanism of SCRAM that is offered and ties the login to the connection.
pub(crate) fn bound_scram(endpoint: &Endpoint, main: &ConnectionFacts) -> Option<&'static str> {
    offered(endpoint, main, |meta| meta.name.starts_with("SCRAM-") && meta.binds)
}

/// The best mechanism of SCRAM that is offered and does not.
pub(crate) fn scram(endpoint: &Endpoint, main: &ConnectionFacts) -> Option<&'static str> {
    offered(endpoint, main, |meta| meta.name.starts_with("SCRAM-") && !meta.binds)
}

/// The best mechanism that is offered for logging in and that `fits`.
fn offered(
    endpoint: &Endpoint,
    main: &ConnectionFacts,
    fits: impl Fn(&MechanismMeta) -> bool,
) -> Option<&'static str> {
    let listed = main.capabilities.iter().rfind(|c| c.moment != Moment::Login)?;
    let names = listed.mechanisms(endpoint.scheme.protocol());
    let offers = |name: &str| names.iter().any(|(offered, _)| offered == name);
    MECHANISMS.iter().map(|m| m.meta()).find(|meta| offers(meta.name) && fits(meta)).map(|meta| meta.name)
}
