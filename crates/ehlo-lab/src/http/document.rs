use crate::dates::rfc3339;
use crate::{Mail, Session};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{MessageParser, MessagePart, MimeHeaders as _, PartType};
use serde_json::{Value, json};
use std::sync::Arc;

/// So much of the content of one part is in a document; all of it is in the raw message.
const MOST_OF_A_PART: usize = 1024 * 1024;

/// So many parts of a message are told.
const MOST_PARTS: usize = 1000;

/// A message without its content.
pub(super) fn mail(mail: &Mail) -> Value {
    let header = mail.header();
    let (from, to) = match &mail.envelope {
        Some(envelope) => (envelope.from.clone(), envelope.to.clone()),
        None => (header.from.first().cloned().unwrap_or_default(), header.to.clone()),
    };
    let fields: Vec<Value> =
        header.fields.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "id": mail.id.to_string(),
        "account": mail.account,
        "mailbox": mail.mailbox,
        "uid": mail.id.uid,
        "time": rfc3339(mail.at),
        "size": mail.size(),
        "flags": mail.flags,
        "delivered": mail.envelope.is_some(),
        "from": from,
        "to": to,
        "subject": header.subject,
        "message_id": header.message_id,
        "headers": fields,
    })
}

/// A message with its content.
pub(super) fn whole_mail(found: &Mail, raw: &[u8]) -> Value {
    let mut document = mail(found);
    let parsed = MessageParser::default().parse(raw);
    let (mut text, mut html, mut parts) = (Value::Null, Value::Null, Vec::new());
    if let Some(parsed) = &parsed {
        // Which part is which is told by what it is: a message of texts alone counts them as its HTML, too.
        let mut first = |ids: &[u32]| {
            for part in ids.iter().filter_map(|&id| parsed.parts.get(id as usize)) {
                match &part.body {
                    PartType::Text(body) if text.is_null() => text = json!(cut(body)),
                    PartType::Html(body) if html.is_null() => html = json!(cut(body)),
                    _ => {}
                }
            }
        };
        first(&parsed.text_body);
        first(&parsed.html_body);
        parts = parsed.parts.iter().take(MOST_PARTS).map(part).collect();
    }
    if let Some(document) = document.as_object_mut() {
        document.insert("text".into(), text);
        document.insert("html".into(), html);
        document.insert("parts".into(), parts.into());
    }
    document
}

fn part(part: &MessagePart<'_>) -> Value {
    let kind = part.content_type().map_or("text/plain".to_owned(), |kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()).to_ascii_lowercase(),
        None => kind.ctype().to_ascii_lowercase(),
    });
    let mut document = json!({
        "type": kind,
        "disposition": part.content_disposition().map(|d| d.ctype().to_ascii_lowercase()),
        "filename": part.attachment_name(),
        "content_id": part.content_id(),
    });
    let (name, content, size, whole) = match &part.body {
        PartType::Text(text) | PartType::Html(text) => {
            ("text", json!(cut(text)), text.len(), text.len() <= MOST_OF_A_PART)
        }
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            let kept = &bytes[..bytes.len().min(MOST_OF_A_PART)];
            ("base64", json!(STANDARD.encode(kept)), bytes.len(), bytes.len() <= MOST_OF_A_PART)
        }
        PartType::Message(message) => {
            let bytes = message.raw_message.len();
            ("subject", json!(message.subject().unwrap_or_default()), bytes, true)
        }
        PartType::Multipart(parts) => ("parts", json!(parts), 0, true),
    };
    if let Some(document) = document.as_object_mut() {
        document.insert(name.into(), content);
        document.insert("size".into(), json!(size));
        document.insert("whole".into(), json!(whole));
    }
    document
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MOST_OF_A_PART);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A session without what was said.
pub(super) fn session(session: &Arc<Session>) -> Value {
    json!({
        "id": session.id,
        "service": session.service.scheme.to_string(),
        "protocol": session.service.scheme.protocol().id(),
        "peer": session.peer,
        "account": session.account(),
        "tls": session.has_tls(),
        "started": rfc3339(session.started),
        "ended": session.ended().map(rfc3339),
        "left_out": session.left_out(),
    })
}
