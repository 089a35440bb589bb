//! What commands are called, and what they are about, for faults that answer them in place of a conversation.

use ehlo_wire::imap::Value;
use ehlo_wire::{pop3, smtp};

/// The verb, and the address or name that the command is about.
pub(super) type Named = (String, Option<String>);

/// Names a command of SMTP or LMTP.
pub(super) fn smtp(request: &smtp::Request) -> Named {
    use smtp::Request;
    let address = |args: &smtp::MailArgs| Some(text(&args.path.address()));
    match request {
        Request::Hello { verb, .. } => plain(verb),
        Request::Mail(args) => ("MAIL".into(), address(args)),
        Request::Rcpt(args) => ("RCPT".into(), address(args)),
        Request::Data => plain("DATA"),
        Request::Auth { .. } => plain("AUTH"),
        Request::StartTls => plain("STARTTLS"),
        Request::Rset => plain("RSET"),
        Request::Noop => plain("NOOP"),
        Request::Quit => plain("QUIT"),
        Request::Vrfy(_) => plain("VRFY"),
        Request::Expn(_) => plain("EXPN"),
        Request::Bdat { .. } | Request::BadChunk => plain("BDAT"),
        Request::XClient(_) => plain("XCLIENT"),
        Request::XForward(_) => plain("XFORWARD"),
        Request::Help => plain("HELP"),
        Request::Syntax(syntax) | Request::BadPath(syntax) | Request::BadParameters(syntax) => {
            plain(syntax.split(' ').next().unwrap_or_default())
        }
        Request::Unknown(verb) => (text(verb).to_ascii_uppercase(), None),
    }
}

/// Names a command of POP3.
pub(super) fn pop3(request: &pop3::Request) -> Named {
    use pop3::Request;
    match request {
        Request::User(name) => ("USER".into(), Some(text(name))),
        Request::Pass(_) => plain("PASS"),
        Request::Apop { name, .. } => ("APOP".into(), Some(text(name))),
        Request::Auth { .. } => plain("AUTH"),
        Request::Capa => plain("CAPA"),
        Request::Stls => plain("STLS"),
        Request::Utf8 => plain("UTF8"),
        Request::Lang(_) => plain("LANG"),
        Request::Stat => plain("STAT"),
        Request::List(_) => plain("LIST"),
        Request::Uidl(_) => plain("UIDL"),
        Request::Retr(_) => plain("RETR"),
        Request::Top(..) => plain("TOP"),
        Request::Dele(_) => plain("DELE"),
        Request::Rset => plain("RSET"),
        Request::Noop => plain("NOOP"),
        Request::Quit => plain("QUIT"),
        Request::Syntax(syntax) => plain(syntax.split(' ').next().unwrap_or_default()),
        Request::Unknown(verb) => (text(verb).to_ascii_uppercase(), None),
    }
}

/// The user whom a command of IMAP names.
pub(super) fn imap_user(name: &str, args: &[Value]) -> Option<String> {
    let user = args.first().filter(|_| name == "LOGIN").and_then(Value::astring)?;
    Some(text(user))
}

fn plain(verb: &str) -> Named {
    (verb.to_owned(), None)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
