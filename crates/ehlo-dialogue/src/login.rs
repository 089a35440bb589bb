use crate::{Dialogue, Turn};
use ehlo_core::facts::{Answered, CapabilityFacts, LoginFacts, LoginResult};
use ehlo_core::{Anchor, Cause, Evidence, Failure, Protocol, Stage};
use ehlo_wire::sasl::{Credentials, Exchange, Given, MECHANISMS, Step, apop_digest, mechanism, service_name};
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
        let way = match choose_mechanism(self.protocol(), offered, options, tls, verified) {
            Ok(way) => way,
            Err(failure) => {
                facts.result = LoginResult::NotSent { failure };
                return facts;
            }
        };
        facts.mechanism = way.to_owned();
        let mut turns: Vec<Turn> = Vec::new();
        let result = match way {
            USER => self.login_by_user(credentials, &mut turns).await,
            APOP => self.login_by_apop(credentials, offered, &mut turns).await,
            LOGIN_COMMAND => self.login_by_command(credentials, &mut turns).await,
            name => {
                self.login_by_sasl(name, credentials, offered, options.initial_response, &mut turns).await
            }
        };
        facts.took_us = turns.iter().map(|t| u64::try_from(t.took.as_micros()).unwrap_or(u64::MAX)).sum();
        facts.at = turns.iter().flat_map(Turn::evidence).collect();
        facts.reply = turns.last().map(Turn::shown);
        facts.result = match result {
            Ok(Answered::Accepted) => LoginResult::Accepted,
            Ok(_) => LoginResult::Refused,
            Err(failure) => {
                facts
                    .at
                    .extend(failure.at.map(|anchor| Evidence { transcript: self.transcript().id, anchor }));
                LoginResult::Failed { failure }
            }
        };
        facts
    }

    async fn login_by_sasl(
        &mut self,
        name: &str,
        credentials: &Credentials,
        offered: &Offered,
        initial_response: Option<bool>,
        turns: &mut Vec<Turn>,
    ) -> Result<Answered, Failure> {
        let Some(mechanism) = mechanism(name) else {
            return Err(Failure::new(Stage::Auth, Cause::NotOffered { what: name.to_owned() }));
        };
        let tag = self.tag();
        let allowed = self.protocol() != Protocol::Imap || offered.sasl_ir;
        let initial = initial_response.unwrap_or(allowed);
        let given = self.given(&offered.mechanisms);
        let mut exchange = Exchange::new(self.protocol(), &tag, mechanism, credentials, &given, initial);
        let mut command = exchange.start();
        // No mechanism needs more; a server that never ends must not keep us.
        for _ in 0..16 {
            let turn = self.say(command).await?;
            let step = turn.last().map(|reply| exchange.reply(reply));
            turns.push(turn);
            match step {
                Some(Step::Send(next)) => command = next,
                Some(Step::Done(answered)) => {
                    if let Some(trouble) = exchange.trouble() {
                        let params = trouble
                            .values()
                            .into_iter()
                            .map(|(name, value)| (name.to_owned(), value))
                            .collect();
                        self.note(&format!("sasl-{}", trouble.id()), params);
                    } else if mechanism.meta().binds
                        && answered == Answered::Accepted
                        && let Some(binding) = given.bindings.first()
                    {
                        let kind = ("kind".to_owned(), binding.kind.name().to_owned());
                        self.note("sasl-bound", [kind].into_iter().collect());
                    }
                    return Ok(answered);
                }
                None => return Ok(Answered::Nonsense),
            }
        }
        Ok(Answered::Nonsense)
    }

    /// What a mechanism needs besides the credentials.
    fn given(&mut self, offered: &[String]) -> Given {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Given {
            random: self.random(),
            now: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            service: service_name(self.protocol()),
            host: self.host().to_owned(),
            bindings: self.bindings(),
            plus_offered: offered.iter().any(|name| name.ends_with("-PLUS")),
            ..Given::default()
        }
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
