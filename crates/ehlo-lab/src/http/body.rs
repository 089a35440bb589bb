use super::answer::Refusal;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use std::time::Duration;

/// So long may a client take for a body.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads a body of at most `most` bytes.
pub(super) async fn read(body: Incoming, most: usize) -> Result<Vec<u8>, Refusal> {
    let too_large = || {
        let text = format!("the body has more than {most} bytes");
        Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", text))
    };
    // One that announces too much is not read at all.
    if body.size_hint().lower() > most as u64 {
        return too_large();
    }
    match tokio::time::timeout(PATIENCE, Limited::new(body, most).collect()).await {
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not come in time")),
        Ok(Err(error)) if error.is::<LengthLimitError>() => too_large(),
        Ok(Err(_)) => Err(Refusal::bad("body", "the body cannot be read")),
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
    }
}

/// Reads a body that is a JSON object with a text under `name`, or null.
pub(super) async fn json_text(body: Incoming, name: &str) -> Result<Option<String>, Refusal> {
    let wanted = || Refusal::bad("body", format!("the body must be JSON: an object with {name:?}"));
    let bytes = read(body, 64 * 1024).await?;
    let mut document: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| wanted())?;
    match document.get_mut(name).map(serde_json::Value::take) {
        Some(serde_json::Value::String(text)) => Ok(Some(text)),
        Some(serde_json::Value::Null) => Ok(None),
        _ => Err(wanted()),
    }
}
