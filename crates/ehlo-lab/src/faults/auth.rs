//! Faults of logins.

use super::rule::{NOTHING, Rule, duration, replace, takes, word};
use super::{Acts, Fault, FaultAction, FaultMeta, Moment, seconds};
use crate::Settings;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_core::{Protocol, Role};
use ehlo_wire::sasl::BindingKind;

const FAMILY: &str = "auth";

/// PLAIN, LOGIN and USER are offered without TLS (and refused).
pub(super) struct ClearOffered;

impl Fault for ClearOffered {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "auth-clear-offered", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.clear_auth_offered = true;
    }
}

/// Passwords are taken without TLS.
pub(super) struct ClearAccepted;

impl Fault for ClearAccepted {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "auth-clear-accepted", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.clear_auth_offered = true;
        settings.clear_auth_accepted = true;
        settings.logindisabled = false;
    }
}

/// No login is offered, inside TLS neither.
pub(super) struct Missing;

impl Fault for Missing {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "auth-missing", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.auth = false;
    }
}

/// Logins are offered on port 25.
pub(super) struct OnMx;

impl Fault for OnMx {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "auth-on-mx", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.auth = true;
    }
}

/// LOGINDISABLED is missing before TLS, though LOGIN is refused.
pub(super) struct LogindisabledMissing;

impl Fault for LogindisabledMissing {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "logindisabled-missing", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.logindisabled = false;
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        let refuse = moment.command == "LOGIN" && !moment.tls;
        refused_by(moment, refuse, "NO [PRIVACYREQUIRED] only inside TLS")
    }
}

/// LOGINDISABLED is shown, but LOGIN is looked at all the same.
pub(super) struct LogindisabledIgnored;

impl Fault for LogindisabledIgnored {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "logindisabled-ignored", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        let look = moment.command == "LOGIN" && !moment.tls;
        refused_by(moment, look, "NO [AUTHENTICATIONFAILED] user or password is wrong")
    }
}

fn refused_by(moment: &Moment<'_>, now: bool, text: &str) -> FaultAction {
    if !now || moment.service.scheme.protocol() != Protocol::Imap {
        return FaultAction::Pass;
    }
    let reply = String::from_utf8_lossy(moment.reply);
    let tag = reply.split(' ').next().unwrap_or("*");
    FaultAction::Replace(format!("{tag} {text}\r\n").into_bytes())
}

/// The greeting logs in, before TLS.
pub(super) struct Preauth;

impl Fault for Preauth {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "preauth", family: FAMILY, acts: Acts::Settings, example: Some("alice") }
    }

    fn configure(&self, settings: &mut Settings, argument: Option<&str>) {
        settings.preauth = Some(argument.unwrap_or("alice").to_owned());
    }
}

/// The POP3 greeting has no timestamp: APOP is not offered.
pub(super) struct ApopMissing;

impl Fault for ApopMissing {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "apop-missing", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.apop = false;
    }
}

/// Logins with channel binding meet another TLS connection than the client's, as if somebody sat in between.
pub(super) static BINDING_ALTERED: Rule =
    Rule::setting("binding-altered", FAMILY, NOTHING, |settings, _| settings.binding_altered = true);

/// Logins with channel binding are let in whatever TLS connection they are tied to.
pub(super) static BINDING_IGNORED: Rule =
    Rule::setting("binding-ignored", FAMILY, NOTHING, |settings, _| settings.scram.any_binding = true);

/// Only this kind of channel binding is known.
pub(super) static BINDING_ONLY: Rule = Rule::setting(
    "binding-only",
    FAMILY,
    takes("tls-server-end-point", "tls-exporter or tls-server-end-point", |a| binding_kind(a).is_some()),
    |settings, name| settings.binding_only = binding_kind(name),
);

fn binding_kind(name: &str) -> Option<BindingKind> {
    // The third kind cannot be had here: see `Connection::bind`.
    [BindingKind::TlsExporter, BindingKind::TlsServerEndPoint].into_iter().find(|kind| kind.name() == name)
}

/// SCRAM asks for so many iterations (RFC 7677 §4: 4096 at least).
pub(super) static ITERATIONS: Rule = Rule::setting(
    "scram-iterations",
    FAMILY,
    takes("1", "a number from 1 to 4294967295", |a| a.parse::<u32>().is_ok_and(|n| n > 0)),
    |settings, number| settings.scram.iterations = number.parse().ok(),
);

/// In SCRAM the server lets clients in without proving that it knows the password (RFC 5802 §3).
pub(super) static NO_PROOF: Rule =
    Rule::setting("scram-proof-missing", FAMILY, NOTHING, |settings, _| settings.scram.no_proof = true);

/// A login that is refused tells that there is no such user (RFC 9051 §11.7).
pub(super) static USERS_TOLD: Rule =
    Rule::setting("auth-user-told", FAMILY, NOTHING, |settings, _| settings.tells_users = true);

/// It takes so much longer to refuse a user that there is.
pub(super) static USERS_TIMED: Rule =
    Rule::setting("auth-user-delay", FAMILY, duration("1"), |settings, time| {
        settings.known_user_takes = seconds(Some(time));
    });

/// NTLM version 1 is taken as well.
pub(super) static NTLM_V1: Rule =
    Rule::setting("ntlm-v1", FAMILY, NOTHING, |settings, _| settings.ntlm_v1 = true);

/// Submission takes mail without a login, for anybody.
pub(super) struct SubmissionOpen;

impl Fault for SubmissionOpen {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "submission-open", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.auth_required = false;
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        if moment.command == "RCPT" && moment.service.role() == Role::Submission {
            return FaultAction::Replace(b"250 2.1.5 OK\r\n".to_vec());
        }
        FaultAction::Pass
    }
}

/// Only these mechanisms are offered.
pub(super) static MECHANISMS: Rule = Rule::setting(
    "auth-mechanisms",
    FAMILY,
    word("PLAIN,SCRAM-SHA-256", "names of mechanisms"),
    |settings, names| {
        let wanted = |name: &&str| names.split([',', ' ']).any(|n| n.eq_ignore_ascii_case(name));
        settings.mechanisms.retain(wanted);
    },
);

/// The challenge of NTLM names another host than the one that everybody knows.
pub(super) static NTLM_HOST: Rule =
    Rule::setting("ntlm-host", FAMILY, word("exch01.corp.internal", "a host name"), |settings, name| {
        settings.inner_name = Some(name.to_owned());
    });

/// The server's proof in SCRAM is wrong, as from somebody who does not know the password (RFC 5802 §3).
pub(super) static WRONG_PROOF: Rule = Rule::on("scram-proof-wrong", FAMILY, NOTHING, |moment, _| {
    if !matches!(moment.command, "AUTH" | "AUTHENTICATE") {
        return FaultAction::Pass;
    }
    let text = String::from_utf8_lossy(moment.reply);
    let altered = text.split_inclusive([' ', '"', '\r']).map(|piece| {
        let word = piece.trim_end_matches([' ', '"', '\r']);
        let proof = STANDARD.decode(word).ok().filter(|bytes| bytes.starts_with(b"v="));
        let proof = proof.and_then(|bytes| STANDARD.decode(&bytes[2..]).ok());
        match proof {
            Some(mut proof) => {
                proof.iter_mut().for_each(|byte| *byte ^= 0xff);
                let message = format!("v={}", STANDARD.encode(proof));
                format!("{}{}", STANDARD.encode(message), &piece[word.len()..])
            }
            None => piece.to_owned(),
        }
    });
    replace(moment, altered.collect::<String>().into_bytes())
});
