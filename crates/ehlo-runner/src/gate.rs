use crate::options::RunOptions;
use ehlo_core::run::Reason;
use ehlo_core::{Protocol, Scheme};
use ehlo_script::{Op, Prepared, Script, VerbWord, undefined_names};

/// Why a script is left out before anything is connected; none if it may run.
pub(crate) fn closed(script: &Script, id: &str, options: &RunOptions) -> Option<Reason> {
    let header = &script.header;
    if header.plays_server {
        return Some(Reason::known("run.plays-server"));
    }
    let has = |tags: &[String]| header.tags.iter().any(|t| tags.contains(t));
    if !options.tags.is_empty() && !has(&options.tags) {
        return Some(Reason::known("run.tag").with("tags", options.tags.join(" ")));
    }
    if has(&options.skip_tags) {
        return Some(Reason::known("run.skip-tag").with("tags", options.skip_tags.join(" ")));
    }
    if let Some(known) = options.left_out.iter().find(|k| k.holds(id)) {
        return Some(Reason::text(known.reason.clone()));
    }
    if header.risk > options.risk {
        return Some(Reason::known("run.risk").with("risk", header.risk.id()));
    }
    let protocol = header.protocol.unwrap_or(Protocol::Smtp);
    let missing: Vec<String> =
        header.needs.iter().filter(|w| is_resource(w) && !has_resource(w, options)).cloned().collect();
    if !missing.is_empty() {
        return Some(Reason::known("run.needs").with("missing", missing.join(" ")));
    }
    if header.state >= Prepared::Authenticated && options.account.is_none() {
        return Some(Reason::known("run.needs").with("missing", "account"));
    }
    let available = available_names(options);
    let names: Vec<&str> = available.iter().map(String::as_str).collect();
    let mut missing: Vec<String> =
        undefined_names(script, &names).into_iter().filter_map(|e| e.params.get("word").cloned()).collect();
    missing.dedup();
    if !missing.is_empty() {
        return Some(Reason::known("run.needs").with("missing", missing.join(" ")));
    }
    let uses_first = !matches!(first_verb(script), Some((VerbWord::Connect, _)));
    if uses_first && options.site.service("", protocol).is_none() {
        return Some(Reason::known("run.no-service").with("service", protocol.id()));
    }
    for op in &script.ops {
        let Op::Verb(verb) = op else { continue };
        if verb.word != VerbWord::Connect {
            continue;
        }
        let Some(target) = verb.args.first().and_then(ehlo_script::Payload::plain) else { continue };
        if Scheme::from_name(&target).is_some() && options.site.service(&target, protocol).is_none() {
            return Some(Reason::known("run.no-service").with("service", target));
        }
    }
    None
}

fn first_verb(script: &Script) -> Option<(VerbWord, usize)> {
    first_connect(script).map(|verb| (verb.word, verb.conn))
}

/// The service that a script connects to first, if it names one.
pub(crate) fn first_target(script: &Script) -> Option<String> {
    first_connect(script).filter(|v| v.word == VerbWord::Connect)?.args.first()?.plain()
}

/// The verb with which the first connection begins, if it begins with one: what is prepared begins where it usually does.
fn first_connect(script: &Script) -> Option<&ehlo_script::Verb> {
    if script.header.state > Prepared::Connected {
        return None;
    }
    let of_first = |op: &&Op| match op {
        Op::Send(send) => send.conn == 0,
        Op::Expect(expect) => expect.conn == 0,
        Op::Verb(verb) => verb.conn == 0,
        _ => false,
    };
    match script.ops.iter().find(of_first)? {
        Op::Verb(verb) => Some(verb),
        _ => None,
    }
}

/// A word that begins in lower case is something that the run has, not the server (`IMAP4rev1` is a capability).
pub(crate) fn is_resource(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
}

fn has_resource(word: &str, options: &RunOptions) -> bool {
    resources(options).iter().any(|r| r == word)
}

/// What a run has to offer.
pub(crate) fn resources(options: &RunOptions) -> Vec<String> {
    let mut found = options.resources.clone();
    let given = |name: &str| options.variables.contains_key(name);
    for (name, there) in [
        ("account", options.account.is_some()),
        ("account2", options.account2.is_some()),
        ("rcpt", given("rcpt")),
        ("rcpt2", given("rcpt2")),
        ("master", given("master")),
        // Whether TLS can really be had is seen when it is begun; a server without it is told as such.
        ("tls", true),
    ] {
        if there {
            found.push(name.to_owned());
        }
    }
    found
}

/// The names that a runner may give a value; which of them have one depends on the run.
pub const PREDEFINED: &[&str] = &[
    "user",
    "password",
    "user2",
    "password2",
    "sender",
    "rcpt",
    "rcpt2",
    "domain",
    "nobody",
    "foreign",
    "host",
    "helo",
    "mailbox",
    "sep",
    "master",
    "master_password",
    "token",
    "secret",
];

/// The names that have a value in this run.
fn available_names(options: &RunOptions) -> Vec<String> {
    let mut names: Vec<String> = options.variables.keys().cloned().collect();
    names.extend(["mailbox", "sep"].map(str::to_owned));
    if options.account.is_some() || !options.maildrops.is_empty() {
        names.extend(["user", "password"].map(str::to_owned));
    }
    if options.account2.is_some() {
        names.extend(["user2", "password2"].map(str::to_owned));
    }
    names
}
