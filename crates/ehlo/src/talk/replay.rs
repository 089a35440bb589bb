//! A session that was saved, typed again.

use crate::exit::Usage;
use ehlo_report::Texts;
use ehlo_runner::FileLoader;
use ehlo_script::{LineKind, lines, parse};
use std::collections::VecDeque;

/// What was typed in a script, in the form in which the console takes it.
///
/// # Errors
/// A file that is no script.
pub(super) fn read(file: &str, texts: Texts) -> anyhow::Result<VecDeque<String>> {
    let text = std::fs::read_to_string(file).map_err(|e| Usage(format!("{file}: {e}")))?;
    if let Err((files, errors)) = parse(file, &text, &FileLoader) {
        let told = crate::run::load::told(&files, &errors, texts);
        return Err(Usage(format!("\n{}", told.trim_end())).into());
    }
    Ok(typed(&text))
}

fn typed(text: &str) -> VecDeque<String> {
    let mut found = VecDeque::new();
    let mut first = true;
    for line in lines(text) {
        let body = line.body();
        match line.kind {
            LineKind::Dialogue => {
                let Some(payload) = body.strip_prefix("C:") else { continue };
                let payload = payload.strip_prefix(' ').unwrap_or(payload);
                match payload.contains("{{") || payload.contains("{<") {
                    true => found.push_back(format!(":do {body}")),
                    // What begins with a colon would be taken for a command.
                    false if payload.starts_with(':') => found.push_back(format!(":{payload}")),
                    false => found.push_back(payload.strip_prefix("% ").unwrap_or(payload).to_owned()),
                }
            }
            LineKind::Verb => match body.strip_prefix("C ") {
                // After STARTTLS the handshake follows by itself.
                Some(verb) if verb.starts_with("tls") => {}
                Some("close") => found.push_back(":close".to_owned()),
                Some("reconnect") => found.push_back(":reconnect".to_owned()),
                // The first is the one that the console is begun with.
                Some(verb) if verb.starts_with("connect") => {
                    let again = (!std::mem::take(&mut first)).then(|| ":reconnect".to_owned());
                    found.extend(again);
                }
                Some(_) => found.push_back(format!(":do {body}")),
                None => {}
            },
            LineKind::Statement if body.starts_with("assert ") || body.starts_with("capture ") => {
                found.push_back(format!(":{body}"));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_found_again() {
        let script = "title: x\nprotocol: imap\n\nS: * OK\nC: % CAPABILITY\nS: % OK\nC: % STARTTLS\nS: % OK\nC tls\n\
            C: % LOGIN alice {{quote(password)}}\nS: % OK\nC auth plain {{user}} {{password}}\nassert S.status == OK\nC: 02 LOGOUT\n";
        let wanted = [
            "CAPABILITY",
            "STARTTLS",
            ":do C: % LOGIN alice {{quote(password)}}",
            ":do C auth plain {{user}} {{password}}",
            ":assert S.status == OK",
            "02 LOGOUT",
        ];
        assert_eq!(typed(script), wanted);
    }
}
