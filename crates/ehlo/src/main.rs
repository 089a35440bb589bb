//! `ehlo`: speaks to mail servers in their own protocol, shows the dialogue, and explains it.

mod about_check;
mod auth;
mod check;
mod check_extra;
mod cli;
mod exit;
mod explain;
mod input;
mod lab;
mod lab_logins;
mod lab_mail;
mod lab_store;
mod mailbox;
mod output;
mod policy;
mod profiles;
mod progress;
mod run;
mod sasl;
mod script;
mod secrets;
mod send;
mod talk;
mod targets;
mod trip;

use ehlo_knowledge::Lang;
use ehlo_report::Texts;
use ehlo_report::monitor::{Plugin, State};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().map(as_text).collect();
    let texts = Texts { lang: language(&arguments) };
    let nagios = value(&arguments, "--format") == Some("nagios");
    let code = match cli::command(texts).try_get_matches_from(arguments) {
        Ok(matches) => match matches.subcommand() {
            Some(("check", matches)) => check::main(matches, texts),
            Some(("auth", matches)) => auth::main(matches, texts),
            Some(("mailbox", matches)) => mailbox::main(matches, texts),
            Some(("send", matches)) => send::main(matches, texts),
            Some(("trip", matches)) => trip::main(matches, texts),
            Some(("fmt", matches)) => script::format(matches, texts),
            Some(("record", matches)) => script::record(matches, texts),
            Some(("import", matches)) => script::import(matches, texts),
            Some(("run", matches)) => run::main(matches, texts),
            Some(("explain", matches)) => explain::main(matches, texts),
            Some(("sasl", matches)) => sasl::main(matches, texts),
            Some(("talk", matches)) => talk::main(matches, texts),
            Some(("lab", matches)) => lab::main(matches, texts),
            _ => Ok(exit::USAGE),
        },
        Err(error) => {
            // Help and version are answers, everything else is wrong usage.
            let code = if error.use_stderr() { exit::USAGE } else { exit::GOOD };
            if nagios && code != exit::GOOD {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                return unknown(first.strip_prefix("error: ").unwrap_or(first));
            }
            let _ = error.print();
            Ok(code)
        }
    };
    if let (true, Err(error)) = (nagios, &code) {
        return unknown(&format!("{error:#}"));
    }
    let code = code.unwrap_or_else(|error| {
        output::complain(texts, &error);
        exit::of(&error)
    });
    ExitCode::from(code)
}

/// A refusal of POP3, `-ERR …`, is text to explain and no flag, and so is a flag of a message to be removed, `-\Seen`: a
/// blank in front of it changes nothing else.
fn as_text(argument: std::ffi::OsString) -> std::ffi::OsString {
    match argument.to_str() {
        Some(text)
            if text.get(..4).is_some_and(|s| s.eq_ignore_ascii_case("-ERR"))
                || text.starts_with("-\\")
                || text.starts_with("-$") =>
        {
            format!(" {text}").into()
        }
        _ => argument,
    }
}

/// A monitoring system reads one line of standard output, and takes 3 for "could not be found out".
fn unknown(why: &str) -> ExitCode {
    let _ = output::result(&Plugin::unknown(why).render());
    ExitCode::from(State::Unknown.code())
}

/// The language must be known before the command line can be explained in it.
fn language(arguments: &[std::ffi::OsString]) -> Lang {
    let given = value(arguments, "--lang").and_then(Lang::from_code);
    given.unwrap_or_else(|| Lang::from_locale(|name| std::env::var(name).ok()))
}

/// The value of a flag, before anybody has read the command line.
fn value<'a>(arguments: &'a [std::ffi::OsString], flag: &str) -> Option<&'a str> {
    let words: Vec<_> = arguments.iter().filter_map(|a| a.to_str()).collect();
    words.iter().enumerate().find_map(|(n, word)| match word.strip_prefix(flag) {
        Some("") => words.get(n + 1).copied(),
        Some(value) => value.strip_prefix('='),
        None => None,
    })
}
