use ehlo_core::auth::{AuthOffer, NotTried};
use ehlo_core::{Cause, Protocol};
use ehlo_dialogue::{APOP, LOGIN_COMMAND, LoginOptions, Offered, USER, choose_mechanism};
use ehlo_wire::sasl::{MECHANISMS, Needs, mechanism};

/// More mechanisms that nothing here speaks are not listed: a hostile server could name thousands.
const MOST_UNKNOWN: usize = 32;

/// What a plan is made of.
pub(super) struct Situation<'a> {
    pub(super) protocol: Protocol,
    /// What is offered without TLS; none if the connection begins with TLS.
    pub(super) before_tls: Option<&'a Offered>,
    /// What is offered inside TLS; none if there is no TLS.
    pub(super) inside_tls: Option<&'a Offered>,
    /// Whether the server is who it should be.
    pub(super) verified: bool,
    /// Whether there is something to tie a login to the TLS connection with.
    pub(super) binds: bool,
    /// What the user has.
    pub(super) has: Has,
    /// Only these; all of them if none is named.
    pub(super) only: &'a [String],
    /// Also what is not offered.
    pub(super) all: bool,
    pub(super) login: &'a LoginOptions,
}

/// What a user has to show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Has {
    pub(super) password: bool,
    pub(super) token: bool,
    pub(super) certificate: bool,
}

/// A way to log in, and whether it is to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) way: String,
    pub(super) initial_response: Option<bool>,
    pub(super) offered_before_tls: Option<bool>,
    pub(super) offered_inside_tls: Option<bool>,
    pub(super) password_equivalent: bool,
    pub(super) skip: Option<NotTried>,
}

/// The ways of an offer: mechanisms as they are named, then those that are not SASL.
pub(super) fn ways_of(protocol: Protocol, offered: &Offered) -> Vec<String> {
    let mut ways = offered.mechanisms.clone();
    ways.extend(own_ways(protocol).iter().filter(|way| has(offered, way)).map(|way| (*way).to_owned()));
    ways
}

/// An offer as plain data.
pub(super) fn offer(protocol: Protocol, offered: &Offered) -> AuthOffer {
    AuthOffer { ways: ways_of(protocol, offered), initial_response: takes_initial(protocol, offered) }
}

fn takes_initial(protocol: Protocol, offered: &Offered) -> bool {
    protocol != Protocol::Imap || offered.sasl_ir
}

fn own_ways(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Pop3 => &[USER, APOP],
        Protocol::Imap => &[LOGIN_COMMAND],
        _ => &[],
    }
}

fn has(offered: &Offered, way: &str) -> bool {
    match way {
        USER | LOGIN_COMMAND => offered.own_command,
        APOP => offered.apop_stamp.is_some(),
        _ => offered.mechanisms.iter().any(|m| m == way),
    }
}

/// `offered` as if `way` were in it. A timestamp for APOP cannot be made up.
pub(super) fn with(mut offered: Offered, way: &str) -> Offered {
    match way {
        USER | LOGIN_COMMAND => offered.own_command = true,
        APOP => {}
        _ if !has(&offered, way) => offered.mechanisms.push(way.to_owned()),
        _ => {}
    }
    offered
}

/// Every way that is worth a line, the best first: what is known in the order of [`MECHANISMS`], then the commands of
/// the protocol itself, then what nothing here speaks.
pub(super) fn plan(situation: &Situation<'_>) -> Vec<Planned> {
    let Some(now) = situation.inside_tls.or(situation.before_tls) else { return Vec::new() };
    let protocol = situation.protocol;
    let known = MECHANISMS.iter().map(|m| m.meta().name).chain(own_ways(protocol).iter().copied());
    let known: Vec<String> = known.map(str::to_owned).collect();
    let seen = [situation.before_tls, situation.inside_tls].into_iter().flatten();
    let mut unknown: Vec<String> = Vec::new();
    for way in seen.flat_map(|offered| &offered.mechanisms) {
        if !known.contains(way) && !unknown.contains(way) && unknown.len() < MOST_UNKNOWN {
            unknown.push(way.clone());
        }
    }
    let named = |way: &str| situation.only.iter().any(|wanted| wanted.eq_ignore_ascii_case(way));
    for wanted in situation.only {
        let is_there = |way: &String| way.eq_ignore_ascii_case(wanted);
        if !known.iter().any(is_there) && !unknown.iter().any(is_there) {
            unknown.push(wanted.to_ascii_uppercase());
        }
    }
    let offered_anywhere = |way: &str| {
        situation.before_tls.is_some_and(|o| has(o, way)) || situation.inside_tls.is_some_and(|o| has(o, way))
    };
    let mut planned = Vec::new();
    for way in known.iter().chain(&unknown) {
        let wanted = match situation.only.is_empty() {
            true => situation.all || offered_anywhere(way),
            false => named(way),
        };
        if !wanted {
            continue;
        }
        let known = mechanism(way);
        let meta = known.map(|m| m.meta());
        // A server need not take the first message of LOGIN with the command: that is tried on request only.
        let leads =
            known.is_some_and(|m| m.meta().client_first || m.may_lead() && (situation.all || named(way)));
        let one = Planned {
            way: way.clone(),
            initial_response: None,
            offered_before_tls: situation.before_tls.map(|o| has(o, way)),
            offered_inside_tls: situation.inside_tls.map(|o| has(o, way)),
            password_equivalent: meta.map_or(way != APOP, |m| m.password_equivalent),
            skip: skip(situation, now, way),
        };
        let choices: &[Option<bool>] = match takes_initial(protocol, now) {
            _ if !leads || one.skip.is_some() => &[None],
            true => &[Some(true), Some(false)],
            false => &[Some(false)],
        };
        planned.extend(choices.iter().map(|&initial_response| Planned { initial_response, ..one.clone() }));
    }
    // What is not offered comes last: its refusal must not keep from being tried what is.
    planned.sort_by_key(|p| mechanism(&p.way).is_some() && p.skip.is_none() && !has(now, &p.way));
    planned
}

/// Why `way` is not to be tried, if so.
fn skip(situation: &Situation<'_>, now: &Offered, way: &str) -> Option<NotTried> {
    let offered = has(now, way);
    let is_own = own_ways(situation.protocol).contains(&way);
    if !is_own && mechanism(way).is_none() {
        return Some(if offered { NotTried::Unknown } else { NotTried::NotOffered });
    }
    if !offered && (!situation.all || way == APOP) {
        return Some(NotTried::NotOffered);
    }
    let named = !situation.only.is_empty();
    let Has { password, token, certificate } = situation.has;
    let wants = match mechanism(way).map(|m| m.meta()) {
        None => (!password).then_some("password"),
        Some(meta) => match meta.needs {
            _ if meta.binds && !situation.binds => Some("binding"),
            Needs::Password => (!password).then_some("password"),
            // What stands in place of the password may be a token; who names the mechanism says so.
            Needs::Token => (!(token || named && password)).then_some("token"),
            Needs::Certificate => (!certificate && !named).then_some("certificate"),
            Needs::Nothing => (!named).then_some("nothing"),
        },
    };
    if let Some(what) = wants {
        return Some(NotTried::Wants { what: what.to_owned() });
    }
    let login = LoginOptions { mechanism: Some(way.to_owned()), ..situation.login.clone() };
    let tls = situation.inside_tls.is_some();
    let with = with(now.clone(), way);
    match choose_mechanism(situation.protocol, &with, &login, tls, situation.verified) {
        Ok(_) => None,
        Err(failure) => Some(match failure.cause {
            Cause::UnsafeForSecret { why } => NotTried::Unsafe { why },
            _ => NotTried::NotOffered,
        }),
    }
}

/// The safest way that is to be tried: one that does not give the password away, if there is one.
pub(super) fn safest(planned: &[Planned]) -> Option<&Planned> {
    let mut open = planned.iter().filter(|p| p.skip.is_none());
    open.clone().find(|p| !p.password_equivalent).or_else(|| open.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: Has = Has { password: true, token: false, certificate: false };

    fn offered(mechanisms: &[&str]) -> Offered {
        Offered { mechanisms: mechanisms.iter().map(|m| (*m).to_owned()).collect(), ..Offered::default() }
    }

    fn lines(situation: &Situation<'_>) -> Vec<String> {
        let line = |p: Planned| {
            let initial = p.initial_response.map_or("", |on| if on { " with" } else { " without" });
            format!("{}{initial}{}", p.way, p.skip.map_or(String::new(), |s| format!(": {}", s.id())))
        };
        plan(situation).into_iter().map(line).collect()
    }

    #[test]
    fn what_is_offered_is_tried_with_and_without_an_initial_response() {
        let (before, inside) = (offered(&["CRAM-MD5"]), offered(&["PLAIN", "GSSAPI"]));
        let login = LoginOptions::default();
        let situation = Situation {
            protocol: Protocol::Smtp,
            before_tls: Some(&before),
            inside_tls: Some(&inside),
            verified: true,
            binds: true,
            has: PASSWORD,
            only: &[],
            all: false,
            login: &login,
        };
        assert_eq!(
            lines(&situation),
            ["PLAIN with", "PLAIN without", "CRAM-MD5: not-offered", "GSSAPI: unknown"]
        );
        let unverified = Situation { verified: false, ..situation };
        assert_eq!(lines(&unverified), ["PLAIN: unsafe", "CRAM-MD5: not-offered", "GSSAPI: unknown"]);
        let only = ["login".to_owned(), "X-MINE".to_owned()];
        let named = Situation { only: &only, verified: true, ..unverified };
        assert_eq!(lines(&named), ["LOGIN: not-offered", "X-MINE: not-offered"]);
        let inside = offered(&["LOGIN"]);
        let login_only = Situation { inside_tls: Some(&inside), only: &[], verified: true, ..unverified };
        assert_eq!(lines(&login_only), ["LOGIN", "CRAM-MD5: not-offered"]);
        assert_eq!(
            lines(&Situation { only: &only, ..login_only }),
            ["LOGIN with", "LOGIN without", "X-MINE: not-offered"]
        );
    }

    #[test]
    fn what_is_not_at_hand_is_not_tried() {
        let inside =
            offered(&["PLAIN", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "XOAUTH2", "EXTERNAL", "ANONYMOUS"]);
        let login = LoginOptions::default();
        let situation = Situation {
            protocol: Protocol::Smtp,
            before_tls: None,
            inside_tls: Some(&inside),
            verified: true,
            binds: false,
            has: PASSWORD,
            only: &[],
            all: false,
            login: &login,
        };
        let wants = |situation: &Situation<'_>| -> Vec<String> {
            let why = |p: Planned| match p.skip {
                Some(NotTried::Wants { what }) => Some(format!("{} {what}", p.way)),
                _ => None,
            };
            plan(situation).into_iter().filter_map(why).collect()
        };
        assert_eq!(
            wants(&situation),
            ["SCRAM-SHA-256-PLUS binding", "XOAUTH2 token", "EXTERNAL certificate", "ANONYMOUS nothing"]
        );
        let has = Has { password: false, token: true, certificate: true };
        let with_token = Situation { has, binds: true, ..situation };
        assert_eq!(
            wants(&with_token),
            ["PLAIN password", "SCRAM-SHA-256-PLUS password", "SCRAM-SHA-256 password", "ANONYMOUS nothing"]
        );
        let only = ["xoauth2".to_owned(), "anonymous".to_owned()];
        let named = Situation { has: PASSWORD, only: &only, ..with_token };
        assert_eq!(wants(&named), [""; 0]);
    }

    #[test]
    fn protocols_have_ways_of_their_own() {
        let login = LoginOptions { insecure_auth: true, ..LoginOptions::default() };
        let imap = Offered { own_command: true, ..offered(&["PLAIN"]) };
        let situation = Situation {
            protocol: Protocol::Imap,
            before_tls: Some(&imap),
            inside_tls: None,
            verified: false,
            binds: false,
            has: PASSWORD,
            only: &[],
            all: false,
            login: &login,
        };
        // Without SASL-IR there is no initial response to be sent.
        assert_eq!(lines(&situation), ["PLAIN without", "LOGIN command"]);
        let pop3 = Offered { apop_stamp: Some(b"<1@x>".to_vec()), own_command: true, ..offered(&[]) };
        let careful = LoginOptions::default();
        let situation =
            Situation { protocol: Protocol::Pop3, before_tls: Some(&pop3), login: &careful, ..situation };
        assert_eq!(lines(&situation), ["USER: unsafe", "APOP"]);
        assert_eq!(safest(&plan(&situation)).map(|p| p.way.as_str()), Some("APOP"));
        let nothing = offered(&[]);
        let all = Situation { before_tls: Some(&nothing), login: &login, all: true, ..situation };
        let lines = lines(&all);
        assert!(lines.contains(&"USER".to_owned()) && lines.contains(&"APOP: not-offered".to_owned()));
        assert!(lines.len() >= MECHANISMS.len() + 2, "{lines:?}");
    }
}
