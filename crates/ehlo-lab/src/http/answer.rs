use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

pub(super) type Answer = Response<Full<Bytes>>;

/// The version of the form of all documents.
pub(super) const VERSION: u32 = 1;

/// Why a request is not done.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// For programs.
    pub(super) reason: &'static str,
    /// For people.
    pub(super) text: String,
    /// The methods that would be fine, for 405.
    pub(super) allow: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, reason: &'static str, text: impl Into<String>) -> Refusal {
        Refusal { status, reason, text: text.into(), allow: None }
    }

    /// The request makes no sense.
    pub(super) fn bad(reason: &'static str, text: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, reason, text)
    }

    /// There is nothing of that name.
    pub(super) fn missing(reason: &'static str, text: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, reason, text)
    }

    pub(super) fn answer(self) -> Answer {
        let document = json!({ "error": { "reason": self.reason, "text": self.text } });
        let mut answer = document_answer(self.status, document);
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            answer.headers_mut().insert(header::ALLOW, allow);
        }
        answer
    }
}

/// A document, with its version.
pub(super) fn document_answer(status: StatusCode, document: Value) -> Answer {
    let mut whole = json!({ "version": VERSION });
    if let (Some(whole), Value::Object(document)) = (whole.as_object_mut(), document) {
        whole.extend(document);
    }
    let text = serde_json::to_string_pretty(&whole).unwrap_or_default();
    bytes_answer(status, "application/json", safe(&text).into_bytes())
}

/// Bytes as they are.
pub(super) fn bytes_answer(status: StatusCode, content_type: &'static str, bytes: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(bytes)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Mail is hostile; should a browser show it, it must not take it for a page.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    answer
}

/// There are too many connections.
pub(super) fn busy() -> Answer {
    let text = "there are too many connections";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", text).answer()
}

/// The same JSON, in which nothing moves a cursor or hides when a terminal shows it: what would, is written as `\u…`.
fn safe(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 1);
    let mut units = [0; 2];
    for c in json.chars() {
        if c == '\n' || c.is_ascii_graphic() || c == ' ' || ehlo_core::is_escaped(c.encode_utf8(&mut [0; 4]))
        {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_same_and_harmless() {
        let text = "a\u{9b}31m \u{202e}x\u{7f} \u{e0041} Grüße \n \u{1b}";
        let shown = safe(&serde_json::to_string(&text).unwrap());
        assert!(shown.trim_end().chars().all(|c| !c.is_control()), "{shown}");
        assert!(shown.contains("Grüße") && shown.contains(r"\udb40\udc41"), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }
}
