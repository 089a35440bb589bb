//! What was found, as JSON (`schema/mailbox-v1.json`), written while it comes.

use super::{Writer, trouble};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_action::mailbox::{Item, MailboxReport, Sink};
use ehlo_report::Texts;
use serde_json::{Value, json};
use std::io::{self, Write as _};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// The document, as far as it is written.
pub(super) struct Document {
    texts: Texts,
    verb: &'static str,
    begun: bool,
    items: u64,
    /// Bytes of a message that do not make a group of base64 yet.
    held: Option<Vec<u8>>,
}

impl Document {
    pub(super) fn new(verb: &'static str, texts: Texts) -> Document {
        Document { texts, verb, begun: false, items: 0, held: None }
    }

    fn begin(&mut self, out: &mut impl io::Write) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        let tool = json!({ "name": "ehlo", "version": env!("CARGO_PKG_VERSION") });
        write!(
            out,
            "{{\n  \"version\": {VERSION},\n  \"tool\": {tool},\n  \"language\": \"{}\",\n  \"verb\": \"{}\",\n  \"items\": [",
            self.texts.lang.code(),
            self.verb
        )
    }

    /// Writes an item on a line of its own.
    fn item(&mut self, kind: &str, mut object: Value) -> io::Result<()> {
        let mut out = io::stdout().lock();
        self.begin(&mut out)?;
        if let Value::Object(fields) = &mut object {
            fields.insert("item".into(), kind.into());
        }
        write!(out, "{}\n    {object}", if self.items == 0 { "" } else { "," })?;
        self.items += 1;
        // Whoever watches wants to see it now.
        if kind == "event" { out.flush() } else { Ok(()) }
    }

    /// Writes bytes as one string of base64, however many they are.
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        self.begin(&mut out)?;
        let mut held = match self.held.take() {
            Some(held) => held,
            None => {
                write!(
                    out,
                    "{}\n    {{\"item\":\"bytes\",\"base64\":\"",
                    if self.items == 0 { "" } else { "," }
                )?;
                self.items += 1;
                Vec::new()
            }
        };
        held.extend_from_slice(bytes);
        let whole = held.len() - held.len() % 3;
        out.write_all(STANDARD.encode(&held[..whole]).as_bytes())?;
        self.held = Some(held.split_off(whole));
        Ok(())
    }
}

impl Sink for Document {
    fn take(&mut self, item: Item<'_>) -> io::Result<()> {
        match item {
            Item::Folder(folder) => self.item("folder", serde_json::to_value(folder)?),
            Item::Message(line) => self.item("message", serde_json::to_value(line)?),
            Item::Reading(reading) => self.item("reading", serde_json::to_value(reading)?),
            Item::Bytes(bytes) => self.bytes(bytes),
            Item::Quota(quota) => self.item("quota", serde_json::to_value(quota)?),
            Item::Rights(rights) => self.item("rights", serde_json::to_value(rights)?),
            Item::Change(change) => self.item("change", serde_json::to_value(change)?),
            Item::Happening(happening) => self.item("event", serde_json::to_value(happening)?),
        }
    }
}

impl Writer for Document {
    fn end(&mut self, report: &MailboxReport) -> io::Result<()> {
        let mut out = io::stdout().lock();
        self.begin(&mut out)?;
        if let Some(held) = self.held.take() {
            write!(out, "{}\"}}", STANDARD.encode(held))?;
        }
        let trouble = report.trouble.as_ref().map(|trouble| {
            let told = trouble::told(trouble, report, self.texts);
            json!({
                "is": trouble::id(trouble),
                "text": told.what,
                "meaning": told.meaning,
                "next_step": told.next,
            })
        });
        let rest = json!({
            "service": report.url,
            "protocol": report.protocol,
            "folder": report.folder,
            "messages": report.messages,
            "took_us": report.took_us,
            "trouble": trouble,
            "transcripts": report.transcripts,
        });
        writeln!(out, "{}],", if self.items == 0 { "" } else { "\n  " })?;
        // The rest of the object, without its opening brace.
        let rest = format!("{rest:#}");
        write!(out, "{}", rest.trim_start_matches(['{', '\n']))?;
        writeln!(out)?;
        out.flush()
    }
}
