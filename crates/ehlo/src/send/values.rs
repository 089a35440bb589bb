//! Values of the command line of `send`.

use crate::exit::Usage;
use clap::ArgMatches;
use ehlo_action::send::{AddressProblem, Field, Mailbox, mailbox, mailboxes};
use ehlo_core::escape;
use ehlo_report::Texts;

/// All values of a flag.
pub(super) fn all<'a>(matches: &'a ArgMatches, flag: &str) -> Vec<&'a str> {
    matches.get_many::<String>(flag).unwrap_or_default().map(String::as_str).collect()
}

fn wrong_address(flag: &str, value: &str, problem: AddressProblem, texts: Texts) -> Usage {
    let flag = format!("--{flag}");
    let places: [(&str, &dyn std::fmt::Display); 2] = [("flag", &flag), ("value", &escape(value.as_bytes()))];
    Usage(match problem {
        AddressProblem::Injection => texts.fill("cli/send-address-injection", &places),
        AddressProblem::Form => texts.fill("cli/send-address-form", &places),
    })
}

/// One address.
pub(crate) fn one_address(matches: &ArgMatches, flag: &str, texts: Texts) -> anyhow::Result<Option<Mailbox>> {
    let Some(value) = matches.get_one::<String>(flag) else { return Ok(None) };
    // An empty sender is none, too.
    let text = if value.is_empty() { "<>" } else { value };
    Ok(Some(mailbox(text).map_err(|problem| wrong_address(flag, value, problem, texts))?))
}

/// Lists of addresses.
pub(super) fn addresses(matches: &ArgMatches, flag: &str, texts: Texts) -> anyhow::Result<Vec<Mailbox>> {
    let mut found = Vec::new();
    for value in all(matches, flag) {
        let list = mailboxes(value).map_err(|(problem, part)| wrong_address(flag, &part, problem, texts))?;
        if list.is_empty() || list.iter().any(|m| m.address.is_empty()) {
            return Err(wrong_address(flag, value, AddressProblem::Form, texts).into());
        }
        found.extend(list);
    }
    Ok(found)
}

/// `--header` and `--add-header`
pub(super) fn fields(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Vec<Field>> {
    let mut found = Vec::new();
    for (flag, add) in [("header", false), ("add-header", true)] {
        for value in all(matches, flag) {
            let field = Field::parse(value, add).map_err(|problem| {
                let flag = format!("--{flag}");
                let places: [(&str, &dyn std::fmt::Display); 2] =
                    [("flag", &flag), ("value", &escape(value.as_bytes()))];
                Usage(match problem {
                    ehlo_action::send::FieldProblem::Injection => {
                        texts.fill("cli/send-field-injection", &places)
                    }
                    ehlo_action::send::FieldProblem::Form => texts.fill("cli/send-field-form", &places),
                })
            })?;
            found.push(field);
        }
    }
    Ok(found)
}

/// `NAME=VALUE`, as often as wanted.
pub(super) fn pairs(matches: &ArgMatches, flag: &str, texts: Texts) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for value in all(matches, flag) {
        let good =
            |(name, _): &(&str, &str)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
        let Some((name, text)) = value.split_once('=').filter(good) else {
            let flag = format!("--{flag}");
            let places: [(&str, &dyn std::fmt::Display); 2] =
                [("flag", &flag), ("value", &escape(value.as_bytes()))];
            return Err(Usage(texts.fill("cli/send-bad-pair", &places)).into());
        };
        found.push((name.to_ascii_uppercase(), text.to_owned()));
    }
    Ok(found)
}

/// Words that go into a line as they are.
pub(super) fn words(matches: &ArgMatches, flag: &str, texts: Texts) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for value in all(matches, flag) {
        if value.contains(['\r', '\n', '\0']) {
            let flag = format!("--{flag}");
            let places: [(&str, &dyn std::fmt::Display); 2] =
                [("flag", &flag), ("value", &escape(value.as_bytes()))];
            return Err(Usage(texts.fill("cli/send-word-injection", &places)).into());
        }
        found.push(value.to_owned());
    }
    Ok(found)
}

/// Text with `\r`, `\n`, `\0`, `\xNN` and `\\`.
pub(super) fn sequence(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match rest.next()? {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'0' => 0,
            b'\\' => b'\\',
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences() {
        assert_eq!(sequence(r"\n.\r\n").as_deref(), Some(&b"\n.\r\n"[..]));
        assert_eq!(sequence(r"a\\\x00\xff").as_deref(), Some(&b"a\\\0\xff"[..]));
        for bad in [r"\", r"\q", r"\x1", r"\xzz"] {
            assert_eq!(sequence(bad), None, "{bad}");
        }
    }
}
