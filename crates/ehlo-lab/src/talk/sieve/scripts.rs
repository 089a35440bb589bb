//! The commands about scripts, after the login.

use super::{no, ok};
use crate::context::Context;
use crate::{Point, ScriptError};
use ehlo_wire::server::encode_string;
use ehlo_wire::sieve::language::{Checked, check};
use ehlo_wire::sieve::{Request, check_name};

/// Answers a command about the scripts of an account.
pub(super) fn answer(account: &str, request: Request, cx: &mut Context<'_>) {
    let verb = request.verb().to_owned();
    let result = carry_out(account, request, &verb, cx);
    match result {
        Ok(Done::Reply(reply)) => cx.send(Point::Reply, &verb, reply),
        Ok(Done::Text(text)) => ok(cx, &verb, text),
        Err(Refused { code, text }) => no(cx, &verb, code, &text),
    }
}

enum Done {
    Reply(Vec<u8>),
    Text(&'static str),
}

struct Refused {
    code: &'static str,
    text: String,
}

impl From<ScriptError> for Refused {
    /// The codes of RFC 5804 §1.3.
    fn from(error: ScriptError) -> Self {
        let code = match error {
            ScriptError::NonExistent => "NONEXISTENT",
            ScriptError::Active => "ACTIVE",
            ScriptError::AlreadyExists => "ALREADYEXISTS",
            ScriptError::TooMany => "QUOTA/MAXSCRIPTS",
            ScriptError::TooLarge => "QUOTA/MAXSIZE",
            ScriptError::Io(_) => "TRYLATER",
        };
        Refused { code, text: error.to_string() }
    }
}

fn carry_out(account: &str, request: Request, verb: &str, cx: &Context<'_>) -> Result<Done, Refused> {
    let scripts = cx.lab.scripts();
    match request {
        Request::HaveSpace { name, size } => {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            scripts.has_space(account, named(&name)?, size)?;
            Ok(Done::Text("there is room"))
        }
        Request::PutScript { name, content } => {
            let name = named(&name)?;
            // What has no room need not be looked at.
            scripts.has_space(account, name, content.len())?;
            let checked = valid(&content)?;
            scripts.put(account, name, &content)?;
            Ok(accepted(&checked, "the script is kept"))
        }
        Request::CheckScript(content) => {
            let checked = valid(&content)?;
            Ok(accepted(&checked, "the script is fine"))
        }
        Request::ListScripts => {
            let mut out = Vec::new();
            for (name, active) in scripts.list(account)? {
                out.extend_from_slice(&encode_string(name.as_bytes()));
                out.extend_from_slice(if active { b" ACTIVE\r\n" } else { b"\r\n" });
            }
            out.extend_from_slice(b"OK \"these are the scripts\"\r\n");
            Ok(Done::Reply(out))
        }
        Request::SetActive(name) if name.is_empty() => {
            scripts.set_active(account, None)?;
            Ok(Done::Text("no script is active"))
        }
        Request::SetActive(name) => {
            scripts.set_active(account, Some(named(&name)?))?;
            Ok(Done::Text("the script is active"))
        }
        Request::GetScript(name) => {
            let content = scripts.get(account, named(&name)?)?;
            // RFC 5804 §2.9: a string; most clients know the literal only.
            let head = format!("{{{}}}\r\n", content.len());
            Ok(Done::Reply([head.as_bytes(), &content, b"\r\nOK \"this is the script\"\r\n"].concat()))
        }
        Request::DeleteScript(name) => {
            scripts.delete(account, named(&name)?)?;
            Ok(Done::Text("the script is deleted"))
        }
        Request::RenameScript { old, new } => {
            scripts.rename(account, named(&old)?, named(&new)?)?;
            Ok(Done::Text("the script has another name"))
        }
        _ => Err(Refused { code: "", text: format!("{verb} is not possible now") }),
    }
}

fn named(name: &[u8]) -> Result<&str, Refused> {
    check_name(name).map_err(|problem| Refused { code: "", text: problem.to_string() })
}

fn valid(content: &[u8]) -> Result<Checked, Refused> {
    let checked = check(content);
    if checked.is_valid() {
        return Ok(checked);
    }
    Err(Refused { code: "", text: told(&checked.errors) })
}

/// Success, with what the author may not have meant (RFC 5804 §1.3, `WARNINGS`).
fn accepted(checked: &Checked, text: &'static str) -> Done {
    if checked.warnings.is_empty() {
        return Done::Text(text);
    }
    let warnings = encode_string(told(&checked.warnings).as_bytes());
    Done::Reply([b"OK (WARNINGS) ", &warnings[..], b"\r\n"].concat())
}

fn told(problems: &[ehlo_wire::sieve::language::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\r\n")
}
