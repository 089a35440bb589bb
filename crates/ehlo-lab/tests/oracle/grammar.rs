//! Every response of the lab is read by `imap-codec`, without the quirks that forgive.

use crate::dialogues::{CODES, DIALOGUES, EXCEPTIONS};
use crate::session::{Session, lab, responses};
use imap_codec::decode::Decoder as _;
use imap_codec::imap_types::response::{Code, Response, Status, StatusKind};
use imap_codec::{GreetingCodec, ResponseCodec};
use std::collections::BTreeSet;

/// Reads all responses. Yields how the command ended; adds what cannot be read to `problems`.
fn read(
    place: &str,
    bytes: &[u8],
    used: &mut BTreeSet<&'static str>,
    problems: &mut Vec<String>,
) -> Option<StatusKind> {
    let mut ended = None;
    for response in responses(bytes) {
        let shown = String::from_utf8_lossy(&response).into_owned();
        match ResponseCodec::default().decode(&response) {
            Ok(([], Response::Status(status))) => {
                if let Some(Code::Other(code)) = status.code() {
                    let text = String::from_utf8_lossy(code.inner()).into_owned();
                    let word = text.split(' ').next().unwrap_or_default();
                    match CODES.iter().find(|(known, _)| *known == word) {
                        Some((known, _)) => drop(used.insert(known)),
                        None => problems.push(format!("{place}\n  the code {text} is not listed: {shown}")),
                    }
                }
                if let Status::Tagged(tagged) = status {
                    ended = Some(tagged.body.kind);
                }
            }
            Ok(([], _)) => {}
            Ok((rest, _)) => {
                problems.push(format!("{place}\n  left over {:?} of {shown}", String::from_utf8_lossy(rest)));
            }
            Err(error) => match EXCEPTIONS.iter().find(|(part, _)| shown.contains(part)) {
                Some((part, _)) => {
                    used.insert(part);
                }
                None => problems.push(format!("{place}\n  {error:?}: {shown}")),
            },
        }
    }
    ended
}

#[test]
fn every_response_is_grammatical() {
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    let mut commands = 0;
    for (name, dialogue) in DIALOGUES {
        let lab = lab();
        let mut sessions = [Session::new(&lab), Session::new(&lab)];
        for session in &mut sessions {
            let greeting = GreetingCodec::default().decode(&session.greeting);
            assert!(matches!(greeting, Ok(([], _))), "{}", String::from_utf8_lossy(&session.greeting));
            let said = session.ask("LOGIN alice wonderland");
            let ended = read("LOGIN", &said, &mut used, &mut problems);
            assert_eq!(ended, Some(StatusKind::Ok));
        }
        for line in *dialogue {
            commands += 1;
            let (session, command) = match line.strip_prefix("2> ") {
                Some(command) => (&mut sessions[1], command),
                None => (&mut sessions[0], *line),
            };
            let place = format!("{name}: {line}");
            let (wanted, command) = match command.split_once(": ") {
                Some(("NO", command)) => (StatusKind::No, command),
                Some(("BAD", command)) => (StatusKind::Bad, command),
                _ => (StatusKind::Ok, command),
            };
            let said = match command {
                "wake" => session.wake(),
                line if line.starts_with("= ") => session.send(&line[2..]),
                command => session.ask(command),
            };
            let ended = read(&place, &said, &mut used, &mut problems);
            // Neither has an end of its own.
            let open = matches!(command, "wake" | "IDLE");
            if open && said.is_empty() {
                problems.push(format!("{place}\n  nothing was said"));
            }
            if !open && ended.as_ref() != Some(&wanted) {
                let said = String::from_utf8_lossy(&said);
                problems.push(format!("{place}\n  ended with {ended:?}, not {wanted:?}: {said}"));
            }
        }
    }
    for (part, reason) in EXCEPTIONS.iter().chain(CODES) {
        if !used.contains(part) {
            problems.push(format!("the exception {part:?} ({reason}) is not needed"));
        }
    }
    assert!(commands > 150, "{commands}");
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}
