//! Finds the secrets in lines of a client, so that none of them gets into a script.

use super::language::Language;
use super::text::{decode_base64, quoted, words};

/// What the next line of the client is while a login goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    None,
    Plain,
    User,
    Password,
    CramMd5,
}

/// A line of the client, with expressions in the place of its secrets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replaced {
    /// The payload.
    pub(super) payload: String,
    /// The expression that stands for a secret; none if only the name of the user was replaced.
    pub(super) secret: Option<String>,
}

/// Follows the logins of a connection.
#[derive(Debug, Default)]
pub(super) struct Login {
    step: Step,
    /// A login was begun on this connection.
    attempted: bool,
    /// Passwords that were seen, to be found again where a server repeats them.
    known: Vec<String>,
}

/// Mechanisms of which the notation has functions, so that their lines can stay lines.
const BY_LINE: &[&str] = &["PLAIN", "LOGIN", "CRAM-MD5"];
/// Base64 that is shorter is likely to be a word of a language.
const LEAST: usize = 8;
/// Mechanisms that `C auth` does as a whole.
const BY_VERB: &[&str] = &[
    "DIGEST-MD5",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-512",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-512-PLUS",
    "NTLM",
];

impl Login {
    /// The passwords that were seen.
    pub(super) fn known(&self) -> &[String] {
        &self.known
    }

    /// A password that was seen elsewhere.
    pub(super) fn learn(&mut self, password: &str) {
        let omitted = password.starts_with('<') && password.ends_with('>');
        if !omitted && !password.is_empty() && !self.known.iter().any(|k| k == password) {
            self.known.push(password.to_owned());
        }
    }

    /// A login was begun that is left to `C auth` as a whole, with its first answer in the same line.
    pub(super) fn begun(&mut self, response: Option<&str>) {
        self.attempted = true;
        if let Some(response) = response {
            self.learn_response(response);
        }
    }

    /// An answer in base64 that was seen, and the token in it, which a server may repeat.
    pub(super) fn learn_response(&mut self, response: &str) {
        let response = unquoted(response);
        if response.len() < LEAST {
            return;
        }
        self.learn(&response);
        let bytes = decode_base64(&response).unwrap_or_default();
        let token = bytes.split(|&b| b == 1).find_map(|part| part.strip_prefix(b"auth="));
        let token = token.and_then(|t| t.rsplit(|&b| b == b' ').next()).filter(|t| t.len() >= LEAST);
        if let Some(token) = token {
            self.learn(&String::from_utf8_lossy(token));
        }
    }

    /// A command was answered: the next line of the client is a command again.
    pub(super) fn ended(&mut self) {
        self.step = Step::None;
    }

    /// A line of the client, if something in it must be replaced.
    pub(super) fn client(&mut self, language: Language, text: &str) -> Option<Replaced> {
        let step = std::mem::take(&mut self.step);
        if step != Step::None {
            return self.response(step, text);
        }
        let words = words(text);
        // Who did not see that a login was refused types on.
        // So does who had a long line wrapped: what follows may be cut anywhere.
        let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
        let encoded = words.len() == 1
            && ((text.len() >= LEAST && decode_base64(text).is_some())
                || (text.len() >= 2 * LEAST && text.bytes().all(is_base64)));
        if self.attempted && encoded && !language.is_command(text) {
            self.learn(text);
            return Some(replaced("", "b64(password)", ""));
        }
        let offset = command_at(language, &words);
        let verb = words.get(offset)?.1.to_ascii_uppercase();
        let args = &words[offset + 1..];
        self.attempted |= matches!(verb.as_str(), "AUTH" | "AUTHENTICATE");
        match (language, verb.as_str()) {
            (Language::Pop3, "USER") => {
                let (at, _) = *args.first()?;
                Some(Replaced { payload: format!("{}{{{{user}}}}", &text[..at]), secret: None })
            }
            // A blank may belong to the password.
            (Language::Pop3, "PASS") => {
                let (at, _) = *args.first()?;
                self.learn(&text[at..]);
                Some(replaced(&text[..at], "password", ""))
            }
            (Language::Pop3, "APOP") => {
                let (&(at, _), &(digest, _)) = (args.first()?, args.get(1)?);
                let between = &text[at + args[0].1.len()..digest];
                Some(replaced(&format!("{}{{{{user}}}}{between}", &text[..at]), "apop(password)", ""))
            }
            (Language::Imap, "LOGIN") => {
                let (&(at, user), &(second, password)) = (args.first()?, args.get(1)?);
                self.learn(&unquoted(password));
                let user_value = if user.starts_with('"') { "{{quote(user)}}" } else { "{{user}}" };
                let between = &text[at + user.len()..second];
                Some(replaced(&format!("{}{user_value}{between}", &text[..at]), "quote(password)", ""))
            }
            (Language::Imap | Language::Sieve, "AUTHENTICATE") | (_, "AUTH") => {
                let mechanism = unquoted(args.first()?.1).to_ascii_uppercase();
                self.step = match mechanism.as_str() {
                    "PLAIN" => Step::Plain,
                    "LOGIN" => Step::User,
                    "CRAM-MD5" => Step::CramMd5,
                    _ => return None,
                };
                // What swaks shows decoded may hold blanks.
                let (at, _) = *args.get(1)?;
                let step = std::mem::take(&mut self.step);
                let found = self.response(step, &text[at..])?;
                Some(Replaced { payload: format!("{}{}", &text[..at], found.payload), secret: found.secret })
            }
            _ => None,
        }
    }

    /// The answer to a challenge. What holds no letter and no digit is a cancellation, an empty answer, or a mistake
    /// made on purpose, but no secret.
    fn response(&mut self, step: Step, text: &str) -> Option<Replaced> {
        let (mark, inner) = match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
            Some(inner) => ("\"", inner),
            None => ("", text.trim()),
        };
        if !inner.chars().any(char::is_alphanumeric) {
            // `=` is an empty first answer (RFC 4954 §4): the dialogue goes on with the next.
            if inner == "=" {
                self.step = step;
            }
            return None;
        }
        let expression = match step {
            Step::Plain => self.plain(inner),
            Step::User => {
                self.step = Step::Password;
                let payload = format!("{mark}{{{{b64(user)}}}}{mark}");
                return Some(Replaced { payload, secret: None });
            }
            Step::Password => {
                self.learn(inner);
                if let Some(password) = decode_base64(inner) {
                    self.learn(&String::from_utf8_lossy(&password));
                }
                "b64(password)".to_owned()
            }
            Step::CramMd5 => "cram_md5(user, password)".to_owned(),
            Step::None => return None,
        };
        Some(replaced(mark, &expression, mark))
    }

    /// The function that yields an answer of PLAIN, and what it holds.
    fn plain(&mut self, response: &str) -> String {
        self.learn(response);
        let octets = decode_base64(response).unwrap_or_default();
        let parts: Vec<String> =
            octets.split(|&b| b == 0).map(|p| String::from_utf8_lossy(p).into_owned()).collect();
        if let [_, _, password] | [_, password] = parts.as_slice() {
            self.learn(password);
        }
        match parts.as_slice() {
            [authzid, user, _] if authzid == user => "sasl_plain(user, password, user)".to_owned(),
            [authzid, _, _] if !authzid.is_empty() => {
                format!("sasl_plain(user, password, {})", quoted(authzid))
            }
            _ => "sasl_plain(user, password)".to_owned(),
        }
    }
}

/// Which word is the command: the one behind the tag, unless the tag was forgotten.
pub(super) fn command_at(language: Language, words: &[(usize, &str)]) -> usize {
    let is_login = |at: usize| {
        words
            .get(at)
            .is_some_and(|w| w.1.eq_ignore_ascii_case("LOGIN") || w.1.eq_ignore_ascii_case("AUTHENTICATE"))
    };
    usize::from(language == Language::Imap && (!is_login(0) || is_login(1)))
}

fn replaced(before: &str, expression: &str, after: &str) -> Replaced {
    Replaced { payload: format!("{before}{{{{{expression}}}}}{after}"), secret: Some(expression.to_owned()) }
}

fn unquoted(word: &str) -> String {
    match word.strip_prefix('"').and_then(|w| w.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => word.to_owned(),
    }
}

/// A login by a mechanism whose answers no function of the notation yields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// Its name.
    pub(super) mechanism: String,
    /// Whether the first answer stands in the same line.
    pub(super) initial: bool,
    /// That answer.
    pub(super) response: Option<String>,
}

/// Whether a line of the client begins such a login.
pub(super) fn whole_login(language: Language, text: &str) -> Option<Whole> {
    let words = words(text);
    let offset = command_at(language, &words);
    let verb = words.get(offset)?.1.to_ascii_uppercase();
    let begins = match language {
        Language::Imap | Language::Sieve => verb == "AUTHENTICATE",
        _ => verb == "AUTH",
    };
    let mechanism = unquoted(words.get(offset + 1)?.1).to_ascii_uppercase();
    if !begins || BY_LINE.contains(&mechanism.as_str()) {
        return None;
    }
    let response = words.get(offset + 2).filter(|w| w.1.chars().any(char::is_alphanumeric));
    let response = response.map(|w| w.1.to_owned());
    Some(Whole { mechanism, initial: response.is_some(), response })
}

impl Whole {
    /// The arguments of `C auth` that do the same, if it can.
    pub(super) fn verb(&self) -> Option<String> {
        let word = self.mechanism.to_ascii_lowercase();
        match self.mechanism.as_str() {
            "EXTERNAL" | "ANONYMOUS" => Some(format!("auth {word}")),
            "OAUTHBEARER" | "XOAUTH2" => Some(format!("auth {word} {{{{user}}}} token={{{{token}}}}")),
            other if BY_VERB.contains(&other) => Some(format!("auth {word} {{{{user}}}} {{{{password}}}}")),
            _ => None,
        }
    }
}

/// A line without what is known to be secret. Only whole words count, and only those that are no everyday syllables;
/// what stands in an expression is ours.
pub(super) fn masked(line: &str, known: &[String], mask: &str) -> Option<String> {
    let mut out = line.to_owned();
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    for secret in known.iter().filter(|s| s.chars().count() >= 4) {
        let mut from = 0;
        while let Some(at) = out[from..].find(secret.as_str()).map(|at| at + from) {
            let end = at + secret.len();
            let before = &out[..at];
            let part = is_word(before.chars().next_back()) || is_word(out[end..].chars().next());
            if part || in_expression(before) {
                from = end;
                continue;
            }
            out.replace_range(at..end, mask);
            from = at + mask.len();
        }
    }
    (out != line).then_some(out)
}

/// Whether an expression is open at the end of a text.
fn in_expression(before: &str) -> bool {
    let before = before.replace("{{{{", "");
    before.rfind("{{") > before.rfind("}}") || before.rfind("{=") > before.rfind('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(language: Language, lines: &[&str]) -> (Vec<String>, Vec<String>) {
        let mut login = Login::default();
        let found =
            lines.iter().map(|l| login.client(language, l).map_or_else(|| (*l).to_owned(), |r| r.payload));
        (found.collect(), login.known)
    }

    #[test]
    fn passwords_of_commands() {
        let (found, known) =
            payloads(Language::Pop3, &["USER ann", "pass two words", "APOP ann 0123", "STAT"]);
        assert_eq!(found, ["USER {{user}}", "pass {{password}}", "APOP {{user}} {{apop(password)}}", "STAT"]);
        assert_eq!(known, ["two words"]);
        let (found, known) =
            payloads(Language::Imap, &["a1 LOGIN \"ann b\" \"x\\\"y\"", "a2 login ann opensesame"]);
        assert_eq!(found[0], "a1 LOGIN {{quote(user)}} {{quote(password)}}");
        assert_eq!(found[1], "a2 login {{user}} {{quote(password)}}");
        assert_eq!(known, ["x\"y", "opensesame"]);
    }

    #[test]
    fn passwords_of_mechanisms() {
        // \0ann\0open
        let (found, known) = payloads(
            Language::Smtp,
            &["AUTH PLAIN AGFubgBvcGVu", "AUTH LOGIN", "YW5u", "b3Blbg==", "AUTH PLAIN", "="],
        );
        assert_eq!(found[0], "AUTH PLAIN {{sasl_plain(user, password)}}");
        assert_eq!(found[1..4], ["AUTH LOGIN", "{{b64(user)}}", "{{b64(password)}}"]);
        assert_eq!(found[4..], ["AUTH PLAIN", "="]);
        assert_eq!(known, ["AGFubgBvcGVu", "open", "b3Blbg=="]);
        // ann\0ann\0open
        let (found, _) = payloads(Language::Imap, &["a AUTHENTICATE PLAIN", "YW5uAGFubgBvcGVu", "b NOOP"]);
        assert_eq!(found[1..], ["{{sasl_plain(user, password, user)}}", "b NOOP"]);
        let (found, _) = payloads(Language::Sieve, &["AUTHENTICATE \"PLAIN\" \"AGFubgBvcGVu\""]);
        assert_eq!(found, ["AUTHENTICATE \"PLAIN\" \"{{sasl_plain(user, password)}}\""]);
        let (found, _) =
            payloads(Language::Smtp, &["AUTH CRAM-MD5", "YW5uIDEyMw==", "AUTH LOGIN YW5u", "*", "NOOP"]);
        assert_eq!(
            found,
            ["AUTH CRAM-MD5", "{{cram_md5(user, password)}}", "AUTH LOGIN {{b64(user)}}", "*", "NOOP"]
        );
    }

    #[test]
    fn mistakes_of_people() {
        let (found, known) = payloads(Language::Imap, &["login ann opensesame", "a login login opensesame"]);
        assert_eq!(found, ["login {{user}} {{quote(password)}}", "a login {{user}} {{quote(password)}}"]);
        assert_eq!(known, ["opensesame"]);
        let mut login = Login::default();
        assert!(login.client(Language::Smtp, "AUTH LOGIN").is_none());
        login.ended();
        let found = login.client(Language::Smtp, "b3BlbnNlc2FtZQ==").unwrap();
        assert_eq!(found.payload, "{{b64(password)}}");
        assert!(login.client(Language::Smtp, "STARTTLS").is_none());
    }

    #[test]
    fn whole_logins() {
        let found = whole_login(Language::Imap, "a AUTHENTICATE SCRAM-SHA-256 bix").unwrap();
        assert!(found.initial);
        assert_eq!(found.verb().unwrap(), "auth scram-sha-256 {{user}} {{password}}");
        assert_eq!(whole_login(Language::Smtp, "AUTH PLAIN"), None);
        assert_eq!(whole_login(Language::Smtp, "AUTH GSSAPI").unwrap().verb(), None);
        let token = whole_login(Language::Pop3, "AUTH XOAUTH2").unwrap();
        assert_eq!(token.verb().unwrap(), "auth xoauth2 {{user}} token={{token}}");
    }

    #[test]
    fn echoes_are_masked() {
        let known = ["opensesame".to_owned(), "it".to_owned()];
        assert_eq!(masked("hi opensesame!", &known, "***"), Some("hi ***!".into()));
        assert_eq!(masked("opensesames it", &known, "***"), None);
        let known = ["password".to_owned()];
        assert_eq!(
            masked("C: {{quote(password)}} {=password+} password", &known, "*"),
            Some("C: {{quote(password)}} {=password+} *".into())
        );
        assert_eq!(masked("{{{{ password", &known, "*"), Some("{{{{ *".into()));
    }
}
