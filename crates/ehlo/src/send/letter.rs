//! From the command line to the message and to whom it goes.

use super::values::{addresses, all, fields, one_address};
use crate::check::{own_name, text};
use crate::exit::Usage;
use crate::{input, output};
use clap::ArgMatches;
use ehlo_action::send::{
    Attachment, Composition, Field, Message, Messages, Source, Spool, differences, domain, eml,
};
use ehlo_core::escape;
use ehlo_core::send::SendRemark;
use ehlo_report::Texts;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is sent: the envelope and what is in it.
pub(super) struct Letter {
    /// The sender of the envelope; empty for none.
    pub(super) sender: String,
    /// The recipients of the envelope.
    pub(super) recipients: Vec<String>,
    /// Whether data are sent as they are.
    pub(super) raw: bool,
    /// Whether standard input was read.
    pub(super) stdin_taken: bool,
    /// The address in From, for whoever signs.
    pub(super) author: Option<String>,
    content: Content,
    remarks: Vec<SendRemark>,
    token: String,
}

enum Content {
    Composed(Box<Composition>),
    Given(Message),
}

impl Messages for Letter {
    fn message(&self, number: u64) -> io::Result<Message> {
        Ok(match &self.content {
            Content::Composed(composition) => composition.compose(input::now(), &self.token, number),
            Content::Given(message) => message.clone(),
        })
    }
}

impl Letter {
    /// Reads the command line, and files that it names.
    ///
    /// # Errors
    /// [`Usage`] for what makes no sense; files that cannot be read.
    pub(super) fn read(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Letter> {
        let from = one_address(matches, "from", texts)?;
        let (to, cc) = (addresses(matches, "to", texts)?, addresses(matches, "cc", texts)?);
        let bcc = addresses(matches, "bcc", texts)?;
        let rcpt = addresses(matches, "rcpt", texts)?;
        let mail_from = one_address(matches, "mail-from", texts)?;
        let early = ["quit-after", "drop-after", "drop-after-send"]
            .into_iter()
            .filter_map(|flag| text(matches, flag))
            .filter_map(ehlo_core::send::SendPoint::from_id)
            .next();
        let recipients: Vec<String> = match rcpt.is_empty() {
            true => to.iter().chain(&cc).chain(&bcc).map(|m| m.address.clone()).collect(),
            false => rcpt.iter().chain(&bcc).map(|m| m.address.clone()).collect(),
        };
        use ehlo_core::send::SendPoint;
        if recipients.is_empty() && early.is_none_or(|point| point > SendPoint::Mail) {
            return Err(Usage(texts.get("cli/send-no-recipient")).into());
        }
        let sender = match mail_from.as_ref().or(from.as_ref()) {
            Some(mailbox) => mailbox.address.clone(),
            None if early.is_some_and(|point| point < SendPoint::Mail) => String::new(),
            None => return Err(Usage(texts.get("cli/send-no-sender")).into()),
        };
        let mut unique: Vec<String> = Vec::new();
        for recipient in recipients {
            if !unique.contains(&recipient) {
                unique.push(recipient);
            }
        }
        let mut letter = Letter {
            sender,
            recipients: unique,
            raw: matches.get_flag("raw"),
            stdin_taken: text(matches, "password-file") == Some("-")
                || text(matches, "token-file") == Some("-"),
            author: from.as_ref().map(|m| m.address.clone()),
            content: Content::Given(Message::default()),
            remarks: Vec::new(),
            token: format!("{:016x}", input::seed()),
        };
        let fields = fields(matches, texts)?;
        match text(matches, "eml") {
            Some(file) => letter.given(file, matches, &fields, texts)?,
            None => {
                if letter.raw || text(matches, "data-end").is_some() {
                    return Err(Usage(texts.get("cli/send-raw-alone")).into());
                }
                if let Some(subject) = text(matches, "subject").filter(|s| s.contains(['\r', '\n', '\0'])) {
                    let places: [(&str, &dyn std::fmt::Display); 2] =
                        [("flag", &"--subject"), ("value", &shown(subject))];
                    return Err(Usage(texts.fill("cli/send-field-injection", &places)).into());
                }
                let host = own_name().unwrap_or_else(|| "ehlo.invalid".into());
                let html = letter.words(matches, "html", texts)?;
                let body = letter.words(matches, "body", texts)?;
                let composition = Composition {
                    to,
                    cc,
                    subject: text(matches, "subject")
                        .map_or_else(|| texts.get("send/subject"), str::to_owned),
                    text: match (&body, &html) {
                        (None, None) => Some(default_text(texts)),
                        _ => body,
                    },
                    html,
                    attachments: attachments(matches, texts)?,
                    fields,
                    // A name of the domain of the sender would claim to be theirs.
                    host: text(matches, "helo").map_or(host, str::to_owned),
                    mailer: format!("ehlo {}", env!("CARGO_PKG_VERSION")),
                    from: from.filter(|m| !m.address.is_empty()),
                };
                letter.remarks = differences(&composition, &letter.sender, &letter.recipients);
                letter.content = Content::Composed(Box::new(composition));
            }
        }
        Ok(letter)
    }

    /// What is worth saying about it.
    pub(super) fn remarks(&self) -> &[SendRemark] {
        &self.remarks
    }

    /// `--eml`
    fn given(
        &mut self,
        file: &str,
        matches: &ArgMatches,
        fields: &[Field],
        texts: Texts,
    ) -> anyhow::Result<()> {
        let set = |flag: &&&str| matches.get_many::<String>(flag).is_some_and(|mut v| v.next().is_some());
        if let Some(flag) = ["subject", "body", "html", "attach"].iter().find(set) {
            return Err(Usage(texts.fill("cli/send-eml-with", &[("flag", &format!("--{flag}"))])).into());
        }
        if self.raw
            && let Some(flag) = ["header", "add-header", "dkim-key"].iter().find(set)
        {
            return Err(Usage(texts.fill("cli/send-raw-with", &[("flag", &format!("--{flag}"))])).into());
        }
        let source: Arc<dyn Source> = match file {
            "-" => {
                self.take_stdin(texts)?;
                Arc::new(Spool::read(io::stdin().lock())?)
            }
            _ => Arc::new(existing(file, texts)?),
        };
        if self.raw {
            let message = eml::raw(Arc::clone(&source)).map_err(|e| anyhow::anyhow!("{file}: {e}"))?;
            if source.open()?.read(&mut [0])? == 0 {
                return Err(Usage(texts.fill("cli/send-empty-file", &[("file", &shown(file))])).into());
            }
            self.content = Content::Given(message);
            return Ok(());
        }
        let read = eml::read(source, fields).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                anyhow::Error::new(Usage(texts.fill("cli/send-empty-file", &[("file", &shown(file))])))
            }
            io::ErrorKind::InvalidData => {
                Usage(texts.fill("cli/send-no-header-end", &[("file", &shown(file))])).into()
            }
            _ => anyhow::anyhow!("{file}: {error}"),
        })?;
        for (found, id) in [(read.from_line, "from-line"), (read.mended, "mended")] {
            if found {
                self.remarks.push(SendRemark::new(id, &[]));
            }
        }
        self.content = Content::Given(read.message);
        Ok(())
    }

    /// `--body` and `--html`: text, `@FILE`, `@@text`, or `-`.
    fn words(&mut self, matches: &ArgMatches, flag: &str, texts: Texts) -> anyhow::Result<Option<String>> {
        let Some(value) = text(matches, flag) else { return Ok(None) };
        let (file, bytes) = match value.strip_prefix('@') {
            Some(literal) if literal.starts_with('@') => return Ok(Some(literal.to_owned())),
            Some(file) => {
                let path = existing(file, texts)?;
                (file, std::fs::read(path).map_err(|e| anyhow::anyhow!("{file}: {e}"))?)
            }
            None if value == "-" => {
                self.take_stdin(texts)?;
                let mut bytes = Vec::new();
                io::stdin().lock().read_to_end(&mut bytes)?;
                (value, bytes)
            }
            None => return Ok(Some(value.to_owned())),
        };
        let not_text = |_| Usage(texts.fill("cli/send-not-text", &[("file", &shown(file))]));
        Ok(Some(String::from_utf8(bytes).map_err(not_text)?))
    }

    fn take_stdin(&mut self, texts: Texts) -> anyhow::Result<()> {
        if std::mem::replace(&mut self.stdin_taken, true) {
            return Err(Usage(texts.get("cli/stdin-twice")).into());
        }
        if io::stdin().is_terminal() {
            output::remark("…");
        }
        Ok(())
    }
}

/// The text of a message that nobody has written, in lines that need no encoding if they are ASCII.
fn default_text(texts: Texts) -> String {
    const COLUMNS: usize = 72;
    let paragraphs: Vec<String> = texts
        .get("send/body")
        .split('\n')
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| ehlo_report::wrapped(paragraph, 0, COLUMNS))
        .collect();
    paragraphs.join("\n")
}

fn shown(file: &str) -> String {
    escape(file.as_bytes())
}

/// A file that is there and can be read.
pub(crate) fn existing(file: &str, texts: Texts) -> anyhow::Result<PathBuf> {
    let path = PathBuf::from(file);
    std::fs::File::open(&path).map_err(|e| anyhow::anyhow!("{file}: {e}"))?;
    if path.is_dir() {
        return Err(Usage(texts.fill("cli/send-directory", &[("file", &shown(file))])).into());
    }
    Ok(path)
}

/// `FILE;type=image/png;name=x.png;inline`
fn attachments(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Vec<Attachment>> {
    let mut found = Vec::new();
    for value in all(matches, "attach") {
        let mut parts = value.split(';');
        let mut file = parts.next().unwrap_or_default().to_owned();
        let (mut media_type, mut name, mut inline) = (None, None, false);
        for part in parts {
            match part.split_once('=') {
                Some(("type", value)) => media_type = Some(value.to_owned()),
                Some(("name", value)) => name = Some(value.to_owned()),
                None if part == "inline" => inline = true,
                // Semicolons may stand in a name.
                _ => {
                    file.push(';');
                    file.push_str(part);
                }
            }
        }
        let path = existing(&file, texts)?;
        let octets = std::fs::metadata(&path).map_err(|e| anyhow::anyhow!("{file}: {e}"))?.len();
        let own = Path::new(&file).file_name().map(|n| n.to_string_lossy().into_owned());
        let media_type = media_type.unwrap_or_else(|| guessed(&file).to_owned());
        let name = name.or(own).unwrap_or_default();
        if [&media_type, &name].iter().any(|text| text.contains(['\r', '\n', '\0'])) {
            let places: [(&str, &dyn std::fmt::Display); 2] =
                [("flag", &"--attach"), ("value", &shown(value))];
            return Err(Usage(texts.fill("cli/send-field-injection", &places)).into());
        }
        found.push(Attachment { source: Arc::new(path), octets, name, media_type, inline });
    }
    Ok(found)
}

/// The media type that the end of a name stands for; what nobody knows is octets.
fn guessed(file: &str) -> &'static str {
    let end = file.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
    match end.as_str() {
        "txt" | "log" => "text/plain",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "ics" => "text/calendar",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "json" => "application/json",
        "xml" => "application/xml",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "odt" => "application/vnd.oasis.opendocument.text",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    }
}

/// The domain of the author, for a signature.
pub(super) fn author_domain(letter: &Letter) -> Option<&str> {
    let domain = domain(letter.author.as_deref().unwrap_or(&letter.sender));
    Some(domain).filter(|d| !d.is_empty())
}
