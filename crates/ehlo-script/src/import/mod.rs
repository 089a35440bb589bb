//! Makes scripts of foreign listings and sessions: of what RFCs print, of what stands in a terminal, of other tools'
//! output and tests.
//!
//! Nothing is dropped in silence: what has no counterpart is told twice, in a comment of the script and in a note. And
//! no secret gets into a script: an expression stands in its place.

mod curl;
mod dialogue;
mod imaptest;
mod language;
mod mpt;
mod output;
mod pages;
mod rfc;
mod secret;
mod swaks;
mod terminal;
mod text;

/// Where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportFormat {
    /// `C:` and `S:` lines as RFCs print them, and as `imtest`, `smtptest` and `pop3test` do.
    Rfc,
    /// A session of `telnet` or `nc`, copied out of a terminal.
    Telnet,
    /// A session of `openssl s_client` or `gnutls-cli`, copied out of a terminal.
    Openssl,
    /// The output of `swaks`.
    Swaks,
    /// The output of `curl -v`.
    Curl,
    /// A script of Dovecot's `imaptest`.
    Imaptest,
    /// A script of James' MPT.
    Mpt,
}

impl ImportFormat {
    /// All of them.
    pub const ALL: &'static [ImportFormat] = &[
        ImportFormat::Rfc,
        ImportFormat::Telnet,
        ImportFormat::Openssl,
        ImportFormat::Swaks,
        ImportFormat::Curl,
        ImportFormat::Imaptest,
        ImportFormat::Mpt,
    ];

    /// Its word on the command line.
    pub fn id(self) -> &'static str {
        match self {
            ImportFormat::Rfc => "rfc",
            ImportFormat::Telnet => "telnet",
            ImportFormat::Openssl => "openssl",
            ImportFormat::Swaks => "swaks",
            ImportFormat::Curl => "curl",
            ImportFormat::Imaptest => "imaptest",
            ImportFormat::Mpt => "mpt",
        }
    }

    /// The format of that word.
    pub fn from_id(id: &str) -> Option<ImportFormat> {
        ImportFormat::ALL.iter().copied().find(|format| format.id() == id)
    }
}

/// A script, and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The text of the script.
    pub script: String,
    /// What could not be carried over, and where secrets were, in the order of the input.
    pub notes: Vec<ImportNote>,
}

/// Something that a user should know of an imported script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportNote {
    /// The line of the input, counted from 1.
    pub line: usize,
    /// What could not be carried over, or what was changed.
    pub text: String,
}

/// The note on a line that `openssl s_client` took for a command of its own.
pub const NOT_SENT: &str = "the tool took this line for a command of its own and did not send it";

/// Makes a script of `text`.
pub fn import(format: ImportFormat, text: &str, title: &str) -> Imported {
    // A mark at the beginning of a file is no part of its first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        ImportFormat::Rfc => rfc::import(text, title),
        ImportFormat::Telnet => terminal::import(text, title, false),
        ImportFormat::Openssl => terminal::import(text, title, true),
        ImportFormat::Swaks => swaks::import(text, title),
        ImportFormat::Curl => curl::import(text, title),
        ImportFormat::Imaptest => imaptest::import(text, title),
        ImportFormat::Mpt => mpt::import(text, title),
    }
}

/// Tells where a text comes from, by what only one of the formats has.
pub fn detect(text: &str) -> Option<ImportFormat> {
    let lines: Vec<&str> = text.strip_prefix('\u{feff}').unwrap_or(text).lines().map(str::trim_end).collect();
    let any = |test: &dyn Fn(&str) -> bool| lines.iter().any(|line| test(line));
    let count = |test: &dyn Fn(&str) -> bool| lines.iter().filter(|line| test(line)).count();

    let swaks_server = |l: &str| matches!(swaks::mark(l), Some((swaks::Mark::Server, text)) if language::is_smtp_reply(text));
    if any(&swaks_server) {
        return Some(ImportFormat::Swaks);
    }
    let from_server = |l: &str| {
        let said = curl::marked(l, '<').unwrap_or_default();
        language::is_smtp_reply(said) || ["+OK", "-ERR", "* "].iter().any(|s| said.starts_with(s))
    };
    let from_client = |l: &str| curl::marked(l, '>').is_some_and(|said| !said.is_empty());
    if any(&from_server) && (any(&from_client) || any(&|l| curl::marked(l, '*').is_some())) {
        return Some(ImportFormat::Curl);
    }
    let is_marked = |l: &str| {
        let l = l.trim_start();
        ["C:", "S:"]
            .iter()
            .any(|m| l.strip_prefix(m).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])))
    };
    if count(&is_marked) >= 2 {
        let is_mpt = |l: &str| {
            // `\*` alone is a flag, too.
            let escaped = ["S: \\*", "S: \\+"].iter().any(|e| l.starts_with(e))
                || (l.starts_with("S: ") && ["\\[", "\\(", "\\d+"].iter().any(|e| l.contains(e)))
                || (l.starts_with("S: ") && l.ends_with(".*"));
            escaped || l == "SUB {" || l.starts_with("SESSION: ") || l == "REINIT"
        };
        return Some(if any(&is_mpt) { ImportFormat::Mpt } else { ImportFormat::Rfc });
    }
    let by_openssl = |l: &str| {
        ["CONNECTED(0000", "CONNECTION ESTABLISHED", "depth=", "verify return:", "- Simple Client Mode:"]
            .iter()
            .any(|sign| l.starts_with(sign))
            || l.contains("openssl s_client ")
            || l.contains("gnutls-cli --")
    };
    if any(&by_openssl) {
        return Some(ImportFormat::Openssl);
    }
    if any(&|l| l.starts_with("Escape character is ") || terminal::is_called(l)) {
        return Some(ImportFormat::Telnet);
    }
    let is_command = |l: &str| {
        let l = l.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        ["ok ", "no ", "bad ", "\"\" "].iter().any(|reply| l.starts_with(reply)) || l.starts_with("tag1 ")
    };
    let is_field = |l: &str| {
        ["state: ", "capabilities: ", "connections: ", "messages: "].iter().any(|field| l.starts_with(field))
    };
    if any(&is_command) || (any(&is_field) && any(&|l| l.starts_with("* "))) {
        return Some(ImportFormat::Imaptest);
    }
    // A terminal without the lines of a tool.
    let greets = |l: &str| {
        [language::Language::Smtp, language::Language::Pop3, language::Language::Imap]
            .iter()
            .any(|language| language.is_greeting(l))
    };
    any(&greets).then_some(ImportFormat::Telnet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_formats() {
        for format in ImportFormat::ALL {
            assert_eq!(ImportFormat::from_id(format.id()), Some(*format));
        }
        assert_eq!(ImportFormat::from_id("pcap"), None);
    }

    #[test]
    fn formats_are_told_apart() {
        let cases = [
            ("   C: EHLO x\n   S: 250 y\n", Some(ImportFormat::Rfc)),
            (
                "Trying 192.0.2.1...\nConnected to x.\nEscape character is '^]'.\n220 x\n",
                Some(ImportFormat::Telnet),
            ),
            ("220 x ESMTP\nEHLO y\n250 x\n", Some(ImportFormat::Telnet)),
            ("depth=1 CN = x\nverify return:1\n220 x\n", Some(ImportFormat::Openssl)),
            ("=== Trying x:25...\n<-  220 x\n -> EHLO y\n", Some(ImportFormat::Swaks)),
            ("* Connected to x\n< 220 x\n> EHLO y\n", Some(ImportFormat::Curl)),
            ("state: auth\n\nok list \"\" *\n* list () $sep inbox\n", Some(ImportFormat::Imaptest)),
            ("C: a NOOP\nS: * OK [PERMANENTFLAGS (\\Seen \\*)] x\n", Some(ImportFormat::Rfc)),
            ("C: a NOOP\nS: a OK\nC: b LIST \"\" *\nS: \\* LIST .*\n", Some(ImportFormat::Mpt)),
            ("Dear all,\n\nthe server is down.\n", None),
            ("", None),
        ];
        for (text, format) in cases {
            assert_eq!(detect(text), format, "{text}");
        }
    }

    #[test]
    fn nothing_is_not_a_script() {
        for format in ImportFormat::ALL {
            let found = import(*format, "\u{feff}\n", "x");
            if *format != ImportFormat::Imaptest {
                assert!(
                    found.script.contains("# not carried over (line 1): there is no dialogue\n"),
                    "{format:?}"
                );
                assert_eq!(found.notes[0].line, 1);
            }
        }
    }
}
