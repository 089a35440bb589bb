use crate::context::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_wire::sasl::{Needs, ServerGiven, ServerSide, Verdict, mechanism};

/// A login by SASL that is under way.
pub(super) struct Login {
    side: Box<dyn ServerSide>,
    /// Whether no password is asked for, so that faults of logins have to be asked about the user.
    passwordless: bool,
}

/// What becomes of it.
pub(super) enum LoginStep {
    /// Ask for more, with this challenge in base64.
    Ask(String),
    /// This account is in.
    In(String),
    /// Wrong password, or not allowed to be whom he wants to be: this user, as far as one was named.
    Wrong(Option<String>),
    /// The client gave up.
    Cancelled,
    /// Not base64, or not what the mechanism says.
    Malformed,
    /// Not offered.
    Unknown,
    /// Only inside TLS.
    NeedsTls,
}

impl Login {
    /// Whether the mechanism is offered, but the server speaks first in it, so that an initial response is an error
    /// (RFC 4954 §4, RFC 5034 §4). LOGIN is let pass: programs send it the user name at once, and servers take it.
    pub(super) fn speaks_first(name: &str, cx: &Context<'_>) -> bool {
        cx.settings.auth
            && cx.settings.mechanisms.iter().any(|m| m.eq_ignore_ascii_case(name))
            && !name.eq_ignore_ascii_case("LOGIN")
            && mechanism(name).is_some_and(|m| !m.meta().client_first)
    }

    /// Begins. Yields the login, if it goes on.
    pub(super) fn begin(name: &str, initial: Option<&[u8]>, cx: &Context<'_>) -> (Option<Login>, LoginStep) {
        let offered = cx.settings.auth && cx.settings.mechanisms.iter().any(|m| m.eq_ignore_ascii_case(name));
        let Some(mechanism) = mechanism(name).filter(|_| offered) else { return (None, LoginStep::Unknown) };
        let meta = mechanism.meta();
        if meta.password_equivalent && !cx.clear_auth_allowed() || !cx.has(meta) && cx.tls.is_none() {
            return (None, LoginStep::NeedsTls);
        }
        if !cx.has(meta) {
            return (None, LoginStep::Unknown);
        }
        let passwordless = matches!(meta.needs, Needs::Certificate | Needs::Nothing);
        let mut login = Login { side: mechanism.server(&given(cx)), passwordless };
        let step = match (login.side.initial(), initial) {
            (_, Some(response)) if mechanism.meta().client_first => login.respond(response, cx),
            // LOGIN with the user name at once: answered as if it had been asked for.
            (Some(_), Some(response)) => login.respond(response, cx),
            (challenge, _) => LoginStep::Ask(STANDARD.encode(challenge.unwrap_or_default())),
        };
        match step {
            LoginStep::Ask(_) => (Some(login), step),
            step => (None, step),
        }
    }

    /// Takes a response.
    pub(super) fn respond(&mut self, response: &[u8], cx: &Context<'_>) -> LoginStep {
        let response = match response.trim_ascii() {
            b"*" => return LoginStep::Cancelled,
            b"=" => Vec::new(),
            encoded => match STANDARD.decode(encoded) {
                Ok(bytes) => bytes,
                Err(_) => return LoginStep::Malformed,
            },
        };
        let passwords = cx.passwords();
        match self.side.respond(&response, &passwords) {
            Verdict::Challenge(challenge) => LoginStep::Ask(STANDARD.encode(challenge)),
            Verdict::Accepted { user, .. } if self.passwordless && cx.verdict(&user) == Some(false) => {
                LoginStep::Wrong(Some(user))
            }
            Verdict::Accepted { user, authzid } => match acts_as(&user, &authzid, cx) {
                Some(account) => LoginStep::In(account),
                None => LoginStep::Wrong(Some(user)),
            },
            Verdict::Refused => LoginStep::Wrong(passwords.asked_about()),
            Verdict::Malformed => LoginStep::Malformed,
        }
    }
}

/// What a mechanism needs besides the passwords.
fn given(cx: &Context<'_>) -> ServerGiven {
    ServerGiven {
        challenge: cx.lab.challenge(cx.now),
        random: cx.lab.random(),
        salt_seed: cx.lab.salt_seed(),
        now: cx.now,
        host: cx.settings.inner_name.clone().unwrap_or_else(|| cx.lab.host_name().to_owned()),
        bindings: cx.bindings.to_vec(),
        plus_offered: cx.mechanisms().iter().any(|name| name.ends_with("-PLUS")),
        certificate: cx.certificate.map(str::to_owned),
        ntlm_v1: cx.settings.ntlm_v1,
        scram: cx.settings.scram,
    }
}

/// The account that a user whose password was right gets into: his own, or, for the master user, any
/// (RFC 4422 §3.4.1).
fn acts_as(user: &str, authzid: &str, cx: &Context<'_>) -> Option<String> {
    let account = |name: &str| cx.lab.account_of(name.split('@').next().unwrap_or(name));
    if authzid.is_empty() {
        return account(user);
    }
    if cx.lab.accounts().is_master(user) {
        return account(authzid);
    }
    let own = account(user)?;
    (authzid == user || account(authzid).as_ref() == Some(&own)).then_some(own)
}
