use crate::{Dialogue, Turn};
use ehlo_core::facts::{Answered, CapabilityFacts, LoginFacts, LoginResult};
use ehlo_core::{Anchor, Cause, Evidence, Failure, Protocol, Span, Stage};
use ehlo_wire::sasl::{
    BindingKind, Credentials, ITERATION_CAP, MECHANISMS, PasswordForm, Told, Trouble, apop_digest,
};
use ehlo_wire::{imap, pop3};

/// Under which conditions secrets may go out.
#[derive(Clone, Debug, Default)]
pub struct LoginOptions {
    /// The mechanism to use; the best that is offered and safe if none is named.
    pub mechanism: Option<String>,
    /// Send what is as good as the password without TLS as well.
    pub insecure_auth: bool,
    /// The passwords are no secrets: the embedded lab.
    pub no_secrets: bool,
    /// Whether to send an initial response with the command; where the protocol allows it if none is said.
    pub initial_response: Option<bool>,
    /// How mechanisms do what they leave open.
    pub details: SaslDetails,
}

/// How mechanisms do what they leave open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaslDetails {
    /// How user name and password become bytes.
    pub password_form: PasswordForm,
    /// The realm to choose (DIGEST-MD5); the first that the server names if none.
    pub realm: Option<String>,
    /// The highest iteration count that is computed (SCRAM).
    pub iteration_cap: u32,
    /// Send NTLM version 1 to a server that knows nothing better.
    pub ntlm_v1: bool,
    /// What ties the login to the TLS connection, in mechanisms that do.
    pub binding: BindingChoice,
}

/// What ties a login to the TLS connection (RFC 5056).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BindingChoice {
    /// The best that there is.
    #[default]
    Best,
    /// This kind, and no other.
    Only(BindingKind),
    /// The best that there is, with data that belongs to no connection, as if somebody sat in between: whether the server
    /// notices.
    Wrong,
}

impl Default for SaslDetails {
    fn default() -> SaslDetails {
        SaslDetails {
            password_form: PasswordForm::default(),
            realm: None,
            iteration_cap: ITERATION_CAP,
            ntlm_v1: false,
            binding: BindingChoice::Best,
        }
    }
}

/// What came of a login, with all that its mechanism said.
#[derive(Clone, Debug)]
pub struct Login {
    /// What came of it.
    pub facts: LoginFacts,
    /// Why it was given up or is not believed, or what the server complained of.
    pub trouble: Option<Trouble>,
    /// The messages of the mechanism and the lines in which they stand.
    pub messages: Vec<(Span, Told)>,
}

/// What a server offers for logging in, at the moment of the login.
#[derive(Clone, Debug, Default)]
pub struct Offered {
    /// SASL mechanisms, upper case.
    pub mechanisms: Vec<String>,
    /// The timestamp for APOP, brackets included.
    pub apop_stamp: Option<Vec<u8>>,
    /// USER and PASS (POP3), or LOGIN (IMAP).
    pub own_command: bool,
    /// SASL-IR (IMAP): an initial response may come with the command. The other protocols always allow it.
    pub sasl_ir: bool,
}

impl Offered {
    /// What a list of capabilities offers. `stamp` is the timestamp of the greeting (POP3), without brackets.
    pub fn from_capabilities(
        protocol: Protocol,
        list: Option<&CapabilityFacts>,
        stamp: Option<&str>,
    ) -> Offered {
        let mut offered = Offered {
            apop_stamp: stamp.map(|s| format!("<{s}>").into_bytes()),
            own_command: protocol == Protocol::Pop3,
            ..Offered::default()
        };
        if let Some(list) = list {
            offered.mechanisms = list.mechanisms(protocol).into_iter().map(|(name, _)| name).collect();
            offered.sasl_ir = list.has("SASL-IR");
            offered.own_command = match protocol {
                // A server without CAPA has USER all the same (RFC 1939 §7).
                Protocol::Pop3 => list.has("USER") || list.refused.is_some(),
                Protocol::Imap => !list.has("LOGINDISABLED"),
                _ => false,
            };
        }
        offered
    }
}

/// What a login gathers on its way.
#[derive(Default)]
pub(crate) struct Course {
    pub(crate) turns: Vec<Turn>,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) messages: Vec<(Span, Told)>,
}

/// USER and PASS (RFC 1939 §7).
pub const USER: &str = "USER";
/// APOP (RFC 1939 §7).
pub const APOP: &str = "APOP";
/// LOGIN (RFC 9051 §6.2.3): named apart from the mechanism of the same name.
pub const LOGIN_COMMAND: &str = "LOGIN command";

/// The way to log in: the best that is offered, or the one that is wanted. `verified`: whether TLS is on and the server
/// is who it should be.
///
/// # Errors
/// A [`Failure`] that says why nothing may be sent: [`Cause::UnsafeForSecret`] or [`Cause::NotOffered`].
pub fn choose_mechanism(
    protocol: Protocol,
    offered: &Offered,
    options: &LoginOptions,
    tls: bool,
    verified: bool,
) -> Result<&'static str, Failure> {
    let mut ways: Vec<(&'static str, bool)> = MECHANISMS
        .iter()
        .map(|m| m.meta())
        .filter(|meta| meta.automatic || options.mechanism.is_some())
        .filter(|meta| offered.mechanisms.iter().any(|o| o == meta.name))
        .map(|meta| (meta.name, meta.password_equivalent))
        .collect();
    if offered.own_command {
        match protocol {
            Protocol::Pop3 => ways.push((USER, true)),
            Protocol::Imap => ways.push((LOGIN_COMMAND, true)),
            _ => {}
        }
    }
    if offered.apop_stamp.is_some() && protocol == Protocol::Pop3 {
        ways.push((APOP, false));
    }
    if let Some(wanted) = &options.mechanism {
        ways.retain(|(name, _)| name.eq_ignore_ascii_case(wanted));
    }
    if ways.is_empty() {
        let what = options.mechanism.clone().unwrap_or_else(|| "login".into());
        return Err(Failure::new(Stage::Auth, Cause::NotOffered { what }));
    }
    let safe = |equivalent: bool| {
        options.no_secrets
            // An unverified certificate is worse than none: it may be the attacker's. Only --ca or --pin lift that.
            || (tls && verified)
            || (!tls && (!equivalent || options.insecure_auth))
    };
    match ways.into_iter().find(|&(_, equivalent)| safe(equivalent)) {
        Some((name, _)) => Ok(name),
        None => {
            let why = if tls { "unverified" } else { "clear" };
            Err(Failure::new(Stage::Auth, Cause::UnsafeForSecret { why: why.into() }))
        }
    }
}

impl Dialogue {
    /// Logs in, if the secret policy lets the password go.
    pub async fn login(
        &mut self,
        credentials: &Credentials,
        offered: &Offered,
        options: &LoginOptions,
    ) -> LoginFacts {
        self.login_in_detail(credentials, offered, options).await.facts
    }

    /// Logs in, if the secret policy lets the password go, and keeps what the mechanism said.
    pub async fn login_in_detail(
        &mut self,
        credentials: &Credentials,
        offered: &Offered,
        options: &LoginOptions,
    ) -> Login {
        let verified = self.tls().is_some_and(ehlo_core::facts::TlsFacts::is_verified);
        let tls = self.tls().is_some();
        let mut facts = LoginFacts {
            mechanism: options.mechanism.clone().unwrap_or_default(),
            user: credentials.user.clone(),
            result: LoginResult::Refused,
            reply: None,
            took_us: 0,
            at: Vec::new(),
        };
        let mut course = Course::default();
        let way = match choose_mechanism(self.protocol(), offered, options, tls, verified) {
            Ok(way) => way,
            Err(failure) => {
                facts.result = LoginResult::NotSent { failure };
                return Login { facts, trouble: None, messages: Vec::new() };
            }
        };
        facts.mechanism = way.to_owned();
        if self.is_out_of_step().await {
            let failure = Failure::new(Stage::Auth, Cause::UnsafeForSecret { why: "out-of-step".into() });
            facts.result = LoginResult::NotSent { failure };
            return Login { facts, trouble: None, messages: Vec::new() };
        }
        let result = match way {
            USER => self.login_by_user(credentials, &mut course.turns).await,
            APOP => self.login_by_apop(credentials, offered, &mut course.turns).await,
            LOGIN_COMMAND => self.login_by_command(credentials, &mut course.turns).await,
            name => self.login_by_sasl(name, credentials, offered, options, &mut course).await,
        };
        let Course { turns, trouble, messages } = course;
        facts.took_us = turns.iter().map(|t| u64::try_from(t.took.as_micros()).unwrap_or(u64::MAX)).sum();
        facts.at = turns.iter().flat_map(Turn::evidence).collect();
        facts.reply = turns.last().map(|turn| self.shown(turn));
        facts.result = match result {
            Ok(Answered::Accepted) if turns.last().is_some_and(|turn| !is_acceptance(turn)) => {
                LoginResult::Refused
            }
            Ok(Answered::Accepted) => LoginResult::Accepted,
            Ok(_) => LoginResult::Refused,
            Err(failure) => {
                facts
                    .at
                    .extend(failure.at.map(|anchor| Evidence { transcript: self.transcript().id, anchor }));
                LoginResult::Failed { failure }
            }
        };
        Login { facts, trouble, messages }
    }

    /// The last answer, escaped. One that repeats a secret is shown as the transcript shows it.
    fn shown(&self, turn: &Turn) -> String {
        let Some(span) = turn.last().map(ehlo_wire::Reply::span) else { return String::new() };
        if self.transcript().secrets_in(span).is_empty() {
            return turn.shown();
        }
        let visible = self.transcript().visible(span);
        let lines = visible.split(|&b| b == b'\n').map(|line| ehlo_core::escape(line.trim_ascii()));
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" / ")
    }

    async fn login_by_user(
        &mut self,
        credentials: &Credentials,
        turns: &mut Vec<Turn>,
    ) -> Result<Answered, Failure> {
        let user = self.say(built(pop3::command(&format!("USER {}", credentials.user)))?).await?;
        let answered = user.answered();
        turns.push(user);
        if answered != Answered::Accepted {
            return Ok(answered);
        }
        let pass =
            self.say(built(pop3::command(&format!("PASS {}", credentials.password.expose())))?).await?;
        let answered = pass.answered();
        turns.push(pass);
        Ok(answered)
    }

    async fn login_by_apop(
        &mut self,
        credentials: &Credentials,
        offered: &Offered,
        turns: &mut Vec<Turn>,
    ) -> Result<Answered, Failure> {
        let digest = apop_digest(offered.apop_stamp.as_deref().unwrap_or_default(), &credentials.password);
        self.learn(digest.as_bytes());
        let turn = self.say(built(pop3::command(&format!("APOP {} {digest}", credentials.user)))?).await?;
        let answered = turn.answered();
        turns.push(turn);
        Ok(answered)
    }

    async fn login_by_command(
        &mut self,
        credentials: &Credentials,
        turns: &mut Vec<Turn>,
    ) -> Result<Answered, Failure> {
        let tag = self.tag();
        let builder = built(imap::CommandBuilder::new(&tag, "LOGIN"))?;
        let command = builder
            .string(credentials.user.as_bytes())
            .string(credentials.password.expose().as_bytes())
            .finish();
        let turn = self.say(command).await?;
        let answered = turn.answered();
        turns.push(turn);
        Ok(answered)
    }

    /// Where the last failure shows, or the beginning of the transcript.
    pub fn failure_evidence(&self) -> Evidence {
        let anchor = self.failure().and_then(|f| f.at).unwrap_or(Anchor::Entry(ehlo_core::EntryId(0)));
        self.evidence(anchor)
    }
}

/// Whether an answer can be the one to a login: in SMTP there is one code for that (RFC 4954 §6), and another one that is good
/// answers something else.
fn is_acceptance(turn: &Turn) -> bool {
    match turn.last() {
        Some(ehlo_wire::Reply::Smtp(reply)) => reply.code == Some(235),
        _ => true,
    }
}

/// A user name or password that cannot stand in a line cannot be sent in one.
fn built<T>(result: Result<T, ehlo_wire::BadArgument>) -> Result<T, Failure> {
    result.map_err(|error| {
        Failure::new(Stage::Auth, Cause::Io { detail: ehlo_core::escape(error.to_string().as_bytes()) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(mechanisms: &[&str]) -> Offered {
        Offered { mechanisms: mechanisms.iter().map(|m| (*m).to_owned()).collect(), ..Offered::default() }
    }

    fn choose(offered: &Offered, options: &LoginOptions, tls: bool, verified: bool) -> String {
        match choose_mechanism(Protocol::Pop3, offered, options, tls, verified) {
            Ok(name) => name.to_owned(),
            Err(failure) => match failure.cause {
                Cause::UnsafeForSecret { why } => format!("unsafe: {why}"),
                other => other.id().to_owned(),
            },
        }
    }

    #[test]
    fn passwords_go_into_verified_tls_only() {
        let all = offered(&["PLAIN", "LOGIN", "CRAM-MD5", "GSSAPI"]);
        let plain = offered(&["PLAIN"]);
        let default = LoginOptions::default();
        assert_eq!(choose(&all, &default, true, true), "PLAIN");
        assert_eq!(choose(&all, &default, false, false), "CRAM-MD5");
        assert_eq!(choose(&plain, &default, false, false), "unsafe: clear");
        assert_eq!(choose(&plain, &default, true, false), "unsafe: unverified");
        // Not even a challenge and response goes to a server that is not who it should be.
        assert_eq!(choose(&all, &default, true, false), "unsafe: unverified");
        let insecure = LoginOptions { insecure_auth: true, ..default.clone() };
        assert_eq!(choose(&plain, &insecure, false, false), "PLAIN");
        assert_eq!(choose(&plain, &insecure, true, false), "unsafe: unverified");
        let lab = LoginOptions { no_secrets: true, ..default };
        assert_eq!(choose(&plain, &lab, false, false), "PLAIN");
    }

    #[test]
    fn what_is_wanted_must_be_offered() {
        let wants = |m: &str| LoginOptions { mechanism: Some(m.into()), ..LoginOptions::default() };
        assert_eq!(choose(&offered(&["PLAIN"]), &wants("CRAM-MD5"), true, true), "not-offered");
        assert_eq!(choose(&offered(&[]), &LoginOptions::default(), true, true), "not-offered");
        let apop = Offered { apop_stamp: Some(b"<1@x>".to_vec()), own_command: true, ..Offered::default() };
        assert_eq!(choose(&apop, &LoginOptions::default(), false, false), "APOP");
        assert_eq!(choose(&apop, &LoginOptions::default(), true, true), "USER");
    }
}
