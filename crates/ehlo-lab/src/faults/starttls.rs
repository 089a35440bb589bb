//! Faults of STARTTLS and STLS.

use super::rule::{NOTHING, Rule};
use super::{Acts, Fault, FaultAction, FaultMeta, Moment, Point};
use crate::settings::{AfterStartTls, Settings, TextBeforeTls};
use ehlo_core::Protocol;

const FAMILY: &str = "starttls";

/// STARTTLS is not offered, and refused.
pub(super) struct Hidden;

impl Fault for Hidden {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "starttls-hidden", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.starttls_offered = false;
        settings.starttls_honoured = false;
    }
}

/// STARTTLS is not offered, but works.
pub(super) struct Unadvertised;

impl Fault for Unadvertised {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "starttls-unadvertised", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.starttls_offered = false;
    }
}

/// STARTTLS is offered, but answered like this.
pub(super) struct Refused;

impl Fault for Refused {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta {
            id: "starttls-refused",
            family: FAMILY,
            acts: Acts::Settings,
            example: Some("454 4.7.0 TLS not available due to local problem"),
        }
    }

    fn on(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        if !matches!(moment.command, "STARTTLS" | "STLS") || moment.point == Point::Capabilities {
            return FaultAction::Pass;
        }
        let tag = String::from_utf8_lossy(moment.reply);
        let tag = tag.split(' ').next().unwrap_or("*");
        let line = match (argument, moment.service.scheme.protocol()) {
            (Some(line), Protocol::Imap) => format!("{tag} {line}\r\n"),
            (Some(line), _) => format!("{line}\r\n"),
            (None, Protocol::Imap) => format!("{tag} NO TLS is not available\r\n"),
            (None, Protocol::Sieve) => "NO \"TLS is not available\"\r\n".to_owned(),
            (None, Protocol::Pop3) => "-ERR TLS is not available\r\n".to_owned(),
            (None, _) => "454 4.7.0 TLS is not available\r\n".to_owned(),
        };
        FaultAction::Replace(line.into_bytes())
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.starttls_honoured = false;
    }
}

/// STARTTLS is offered, but never answered.
pub(super) struct Silent;

impl Fault for Silent {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "starttls-silent", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        if moment.point == Point::StartTls { FaultAction::Withhold } else { FaultAction::Pass }
    }
}

/// STARTTLS is accepted, but a TLS alert answers the handshake.
pub(super) struct NoHandshake;

impl Fault for NoHandshake {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "starttls-no-handshake", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.after_starttls = AfterStartTls::Alert;
    }
}

/// STARTTLS is accepted, and the dialogue goes on in the clear.
pub(super) struct CleartextGoesOn;

impl Fault for CleartextGoesOn {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "starttls-cleartext-goes-on", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.after_starttls = AfterStartTls::GoOnInClear;
    }
}

/// Text after STARTTLS is answered by an error, and the connection closed: rude, but safe.
pub(super) struct CleartextError;

impl Fault for CleartextError {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "starttls-cleartext-error", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.after_starttls = AfterStartTls::ErrorInClear;
    }
}

/// After STARTTLS nothing is answered any more.
pub(super) struct CleartextSilence;

impl Fault for CleartextSilence {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "starttls-then-silence", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.after_starttls = AfterStartTls::Silence;
    }
}

/// STARTTLS is still offered inside TLS.
pub(super) struct Readvertised;

impl Fault for Readvertised {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "starttls-readvertised", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.starttls_after_tls = true;
    }
}

/// Somebody on the way has put a reply behind the answer to STARTTLS.
pub(super) struct Injected;

impl Fault for Injected {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "starttls-injected", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        if moment.point != Point::StartTls {
            return FaultAction::Pass;
        }
        let evil: &[u8] = match moment.service.scheme.protocol() {
            Protocol::Imap => b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
            Protocol::Pop3 => b"+OK injected\r\n",
            Protocol::Sieve => b"\"IMPLEMENTATION\" \"injected\"\r\nOK\r\n",
            _ => b"250 injected\r\n",
        };
        FaultAction::Replace([moment.reply, evil].concat())
    }
}

/// After the handshake nothing is said, though ManageSieve wants the capabilities (RFC 5804 §2.2).
pub(super) struct NoCapabilities;

impl Fault for NoCapabilities {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "starttls-no-capabilities", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        // Nobody has asked for them.
        match moment.point {
            Point::Capabilities if moment.command.is_empty() => FaultAction::Replace(Vec::new()),
            _ => FaultAction::Pass,
        }
    }
}

/// The list of capabilities is the same before and after TLS.
pub(super) struct CapabilitiesFrozen;

impl Fault for CapabilitiesFrozen {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "capabilities-frozen", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.capabilities_frozen = true;
        settings.clear_auth_offered = true;
        settings.starttls_after_tls = true;
    }
}

/// Commands that come in the clear together with STARTTLS are carried out inside TLS (CVE-2011-0411).
pub(super) static TEXT_KEPT: Rule = Rule::setting("starttls-text-kept", FAMILY, NOTHING, |settings, _| {
    settings.text_before_tls = TextBeforeTls::Kept;
});

/// The same for commands that come in the clear behind STARTTLS, but not together with it.
pub(super) static TEXT_KEPT_IF_APART: Rule =
    Rule::setting("starttls-text-kept-if-apart", FAMILY, NOTHING, |settings, _| {
        settings.text_before_tls = TextBeforeTls::KeptIfApart;
    });

/// The same for commands that end in LF without CR, and no others.
pub(super) static TEXT_KEPT_IF_BARE_LF: Rule =
    Rule::setting("starttls-text-kept-if-bare-lf", FAMILY, NOTHING, |settings, _| {
        settings.text_before_tls = TextBeforeTls::KeptIfBareLf;
    });

/// What comes in the clear together with STARTTLS is taken for the handshake, which fails: rude, but safe.
pub(super) static TEXT_TAKEN_FOR_TLS: Rule =
    Rule::setting("starttls-text-taken-for-tls", FAMILY, NOTHING, |settings, _| {
        settings.text_before_tls = TextBeforeTls::TakenForTls;
    });

/// The mail transaction and the name of the client from before TLS still hold inside it, and so does a login: USER of
/// POP3; in IMAP and ManageSieve whoever has begun one counts as logged in.
pub(super) static STATE_KEPT: Rule = Rule::setting("starttls-state-kept", FAMILY, NOTHING, |settings, _| {
    settings.state_before_tls_kept = true;
});

/// STARTTLS is accepted inside TLS again.
pub(super) static TWICE: Rule = Rule::before("starttls-twice", FAMILY, NOTHING, |moment, _| {
    if !moment.tls || !matches!(moment.command, "STARTTLS" | "STLS") {
        return FaultAction::Pass;
    }
    let say = match moment.protocol() {
        Protocol::Imap => format!("{} OK go ahead\r\n", moment.tag),
        Protocol::Pop3 => "+OK go ahead\r\n".to_owned(),
        Protocol::Sieve => "OK \"go ahead\"\r\n".to_owned(),
        _ => "220 2.0.0 go ahead\r\n".to_owned(),
    };
    FaultAction::Stall { say: say.into_bytes() }
});
