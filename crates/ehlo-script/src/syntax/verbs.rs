use super::args::{Arg, arguments, duration};
use super::error::{SyntaxError, nearest};
use super::header::PROTOCOLS;
use crate::{At, Payload, VerbWord};
use ehlo_core::Protocol;

/// How a verb is written, for messages.
fn usage(word: VerbWord) -> &'static str {
    match word {
        VerbWord::Connect => "C connect TARGET [sni=NAME] [source=ADDRESS] [family=4|6]",
        VerbWord::Reconnect => "C reconnect",
        VerbWord::Tls => {
            "C tls [sni=NAME] [verify=yes|no] [min=1.2|1.3] [max=1.2|1.3] [alpn=NAME] [cert=NAME] [may-fail]"
        }
        VerbWord::StartTls => "C starttls",
        VerbWord::Login => "C login USER PASSWORD",
        VerbWord::Auth => "C auth MECHANISM [USER PASSWORD] [ir=no] [authzid=NAME] [token=TOKEN] [cancel]",
        VerbWord::Data => "C data <<END or C data <FILE [raw]",
        VerbWord::Bdat => "C bdat <<END or C bdat <FILE [chunk=N]",
        VerbWord::Raw => "C raw \"bytes\\r\\n\"",
        VerbWord::Drip => "C drip 10ms \"bytes\\r\\n\"",
        VerbWord::Compress => "C compress",
        VerbWord::Close => "C close",
        VerbWord::Shutdown => "C shutdown",
        VerbWord::Reset => "C reset",
    }
}

fn options(word: VerbWord) -> &'static [&'static str] {
    match word {
        VerbWord::Connect => &["sni", "source", "family"],
        VerbWord::Tls | VerbWord::StartTls => &["sni", "verify", "min", "max", "alpn", "cert"],
        VerbWord::Auth => &["ir", "authzid", "token"],
        VerbWord::Bdat => &["chunk"],
        _ => &[],
    }
}

/// Least and most words, and whether a here document or a file is wanted.
fn shape(word: VerbWord) -> (usize, usize, bool) {
    match word {
        VerbWord::Connect | VerbWord::Raw => (1, 1, false),
        VerbWord::Tls | VerbWord::StartTls => (0, 1, false),
        VerbWord::Login | VerbWord::Drip => (2, 2, false),
        VerbWord::Auth => (1, 4, false),
        VerbWord::Data => (0, 1, true),
        VerbWord::Bdat => (0, 0, true),
        _ => (0, 0, false),
    }
}

/// What a verb of the client was read as.
pub(super) struct ReadVerb {
    pub(super) word: VerbWord,
    pub(super) args: Vec<Payload>,
    pub(super) options: Vec<(String, Payload)>,
    pub(super) content: Option<Arg>,
}

/// Reads a verb of the client.
pub(super) fn client_verb(text: &str, at: At, conns: &mut Vec<String>) -> Result<ReadVerb, SyntaxError> {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let name = &text[..end];
    let Some(&(_, word)) = VerbWord::ALL.iter().find(|(w, _)| *w == name) else {
        let known = VerbWord::ALL.iter().map(|(w, _)| *w);
        let place = at.part(at.from, at.from + end);
        // `C EHLO x`: a colon was forgotten.
        if name.chars().any(|c| c.is_ascii_uppercase()) || name.contains(['+', '*', '%']) {
            return Err(SyntaxError::new("colon-missing", place).with("word", name).with("side", "C"));
        }
        let meant =
            nearest(name, known.clone()).map_or_else(|| known.collect::<Vec<_>>().join(" "), str::to_owned);
        return Err(SyntaxError::new("verb-unknown", place).with("word", name).with("meant", meant));
    };
    let wrong = || SyntaxError::new("verb-usage", at).with("word", name).with("usage", usage(word));
    let mut read = ReadVerb { word, args: Vec::new(), options: Vec::new(), content: None };
    for arg in arguments(&text[end..], at.part(at.from + end, at.to), conns)? {
        match arg {
            Arg::Word(payload) => read.args.push(payload),
            Arg::Option(name, value) => {
                if !options(word).contains(&name.as_str()) {
                    return Err(wrong());
                }
                read.options.push((name, value));
            }
            here if read.content.is_none() => read.content = Some(here),
            _ => return Err(wrong()),
        }
    }
    let (least, most, content) = shape(word);
    if read.args.len() < least || read.args.len() > most || content != read.content.is_some() {
        return Err(wrong());
    }
    if word == VerbWord::Auth {
        let cancels = read.args.last().and_then(Payload::plain).as_deref() == Some("cancel");
        // A mechanism, then name and password, or a name with a token, or nothing.
        let token = read.options.iter().any(|(name, _)| name == "token");
        let count = read.args.len() - usize::from(cancels);
        if !(matches!(count, 1 | 3) || (count == 2 && token)) {
            return Err(wrong());
        }
    }
    if word == VerbWord::Drip
        && let Some(pace) = read.args[0].plain()
        && duration(&pace).is_none()
    {
        return Err(SyntaxError::new("duration-bad", read.args[0].at).with("word", pace));
    }
    if word == VerbWord::Auth
        && let Some(mechanism) = read.args[0].plain()
        && ehlo_wire::sasl::mechanism(&mechanism.to_ascii_uppercase()).is_none()
    {
        let known: Vec<&str> = ehlo_wire::sasl::MECHANISMS.iter().map(|m| m.meta().name).collect();
        let mechanism = mechanism.to_ascii_uppercase();
        if !LATER.contains(&mechanism.as_str()) {
            return Err(SyntaxError::new("mechanism-unknown", read.args[0].at)
                .with("word", mechanism)
                .with("known", known.join(" ")));
        }
    }
    Ok(read)
}

/// Mechanisms that servers offer and that are not built; a script that uses one is skipped.
pub(crate) const LATER: &[&str] = &["GSSAPI", "GSS-SPNEGO", "GS2-KRB5", "GS2-KRB5-PLUS", "OTP"];

/// What is spoken at a target; none if that cannot be known from its text.
pub(super) fn protocol_of(target: &str) -> Option<Protocol> {
    let scheme = target.split("://").next().unwrap_or(target);
    let scheme = scheme.strip_suffix("+unix:").or(scheme.strip_suffix("+unix")).unwrap_or(scheme);
    match scheme {
        "smtp" | "submission" | "submissions" | "smtps" => Some(Protocol::Smtp),
        "pop3s" => Some(Protocol::Pop3),
        "imaps" => Some(Protocol::Imap),
        other => PROTOCOLS.iter().find(|(w, _)| *w == other).map(|(_, p)| *p),
    }
}
