//! `/v1/messages` and `/v1/wait`

use super::answer::{Answer, Refusal, bytes_answer, document_answer};
use super::query::Query;
use super::{Shared, body, document};
use crate::store::with_crlf;
use crate::{Mail, MailId, Message, StoreError};
use hyper::StatusCode;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// The largest message that can be put into a mailbox, in bytes.
const LARGEST_MESSAGE: usize = 32 * 1024 * 1024;

/// The most messages that one answer tells.
const MOST_TOLD: u64 = 10_000;

/// So many messages are told if nobody says how many.
const USUALLY_TOLD: u64 = 1000;

/// The longest that somebody can wait, in seconds.
const LONGEST_WAIT: f64 = 300.0;

/// So long is waited if nobody says how long.
const USUAL_WAIT: Duration = Duration::from_secs(10);

/// Which messages there are.
pub(super) fn list(shared: &Shared, mut query: Query) -> Result<Answer, Refusal> {
    let wanted = query.wanted()?;
    let limit = query.number("limit", MOST_TOLD)?.unwrap_or(USUALLY_TOLD) as usize;
    query.end()?;
    let found = shared.lab.store().find(&wanted);
    // The newest ones matter.
    let told = &found[found.len().saturating_sub(limit)..];
    Ok(document_answer(StatusCode::OK, json!({ "total": found.len(), "messages": documents(told) })))
}

/// Waits until messages are there.
pub(super) async fn wait(shared: &Shared, mut query: Query) -> Result<Answer, Refusal> {
    let wanted = query.wanted()?;
    let patience = query.seconds("timeout", LONGEST_WAIT)?.unwrap_or(USUAL_WAIT);
    let count = query.number("count", MOST_TOLD)?.unwrap_or(1).max(1) as usize;
    query.end()?;
    let found = shared.lab.store().wait_for(&wanted, count, Instant::now() + patience).await;
    if found.len() < count {
        let text = format!("{} of {count} messages came in {} s", found.len(), patience.as_secs_f64());
        return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "timeout", text));
    }
    Ok(document_answer(
        StatusCode::OK,
        json!({ "total": found.len(), "messages": documents(&found[..found.len().min(MOST_TOLD as usize)]) }),
    ))
}

/// A message with its parts.
pub(super) fn show(shared: &Shared, id: &str, query: Query) -> Result<Answer, Refusal> {
    query.end()?;
    let mail = mail(shared, id)?;
    let raw = mail.raw().map_err(|error| StoreError::from(error).into_refusal())?;
    Ok(document_answer(StatusCode::OK, json!({ "message": document::whole_mail(&mail, &raw) })))
}

/// A message as it is.
pub(super) fn raw(shared: &Shared, id: &str, query: Query) -> Result<Answer, Refusal> {
    query.end()?;
    let raw = mail(shared, id)?.raw().map_err(|error| StoreError::from(error).into_refusal())?;
    Ok(bytes_answer(StatusCode::OK, "message/rfc822", raw.to_vec()))
}

/// Takes messages away: those that are wanted, or all.
pub(super) fn delete(shared: &Shared, mut query: Query) -> Result<Answer, Refusal> {
    let wanted = query.wanted()?;
    query.end()?;
    let found = shared.lab.store().find(&wanted);
    deleted(shared, &found)
}

/// Takes one message away.
pub(super) fn delete_one(shared: &Shared, id: &str, query: Query) -> Result<Answer, Refusal> {
    query.end()?;
    deleted(shared, &[mail(shared, id)?])
}

/// Puts a message into a mailbox.
pub(super) async fn put(shared: &Shared, mut query: Query, incoming: Incoming) -> Result<Answer, Refusal> {
    let account = query.take("account").ok_or_else(|| Refusal::bad("parameter", "account is missing"))?;
    let mailbox = query.take("mailbox").unwrap_or_else(|| "INBOX".into());
    let flags = query.take("flags").unwrap_or_default();
    query.end()?;
    let bad = |c: char| c.is_control() || c == '\u{fffd}';
    if mailbox.is_empty() || mailbox.len() > 1000 || mailbox.contains(bad) {
        return Err(Refusal::bad("parameter", "mailbox wants the name of a mailbox"));
    }
    let mut message = Message::new(with_crlf(body::read(incoming, LARGEST_MESSAGE).await?), shared.now());
    for flag in flags.split(' ').filter(|f| !f.is_empty()) {
        let name = flag.strip_prefix('\\').unwrap_or(flag);
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"$-_.".contains(&b)) {
            return Err(Refusal::bad("parameter", "flags wants flags with blanks between them"));
        }
        message.set(flag, true);
    }
    let id = shared.lab.store().put(&account, &mailbox, message).map_err(StoreError::into_refusal)?;
    let added = shared.lab.store().mail(id).map(|mail| document::mail(&mail));
    Ok(document_answer(StatusCode::CREATED, json!({ "message": added })))
}

fn deleted(shared: &Shared, mails: &[Mail]) -> Result<Answer, Refusal> {
    shared.lab.store().delete(mails).map_err(StoreError::into_refusal)?;
    Ok(document_answer(StatusCode::OK, json!({ "deleted": mails.len() })))
}

fn mail(shared: &Shared, id: &str) -> Result<Mail, Refusal> {
    MailId::parse(id)
        .and_then(|id| shared.lab.store().mail(id))
        .ok_or_else(|| Refusal::missing("no-message", "there is no such message"))
}

fn documents(mails: &[Mail]) -> Vec<Value> {
    mails.iter().map(document::mail).collect()
}

impl StoreError {
    pub(super) fn into_refusal(self) -> Refusal {
        let (status, reason) = match self {
            StoreError::NoAccount => (StatusCode::NOT_FOUND, "no-account"),
            StoreError::NoMailbox => (StatusCode::NOT_FOUND, "no-mailbox"),
            StoreError::Full | StoreError::OverQuota => (StatusCode::INSUFFICIENT_STORAGE, "full"),
            StoreError::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "store"),
        };
        Refusal::new(status, reason, self.to_string())
    }
}
