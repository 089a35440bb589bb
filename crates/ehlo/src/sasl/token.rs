//! What a token says about itself, if it is a JSON Web Token (RFC 7519): whom it is for, what for, and until when. The
//! claims are no secret; the signature, which makes the token good, is not shown.

use super::taken::Field;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ehlo_core::escape;
use serde_json::{Map, Value};

/// The claims that say why a mail server takes a token or does not, in the order in which they are told.
const CLAIMS: &[&str] = &[
    "iss",
    "aud",
    "upn",
    "preferred_username",
    "email",
    "unique_name",
    "sub",
    "appid",
    "azp",
    "scp",
    "scope",
    "roles",
    "nbf",
    "exp",
];

/// A longer value is no help.
const LONGEST: usize = 500;
/// No token that makes sense is longer.
const MOST: usize = 64 * 1024;

/// What a token says.
pub(super) struct Claims {
    /// Each as a field; dates are written out.
    pub(super) fields: Vec<Field>,
    /// From when it is good, in seconds since 1970.
    pub(super) not_before: Option<i64>,
    /// When it expires, in seconds since 1970.
    pub(super) expires: Option<i64>,
}

/// Reads the claims; `None` if the token is opaque, or encrypted.
pub(super) fn claims(token: &[u8]) -> Option<Claims> {
    let mut parts = token.trim_ascii().split(|&b| b == b'.');
    let (header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || token.len() > MOST {
        return None;
    }
    object(header)?.get("alg")?;
    let payload = object(payload)?;
    let number = |name: &str| payload.get(name).and_then(Value::as_i64);
    let fields = CLAIMS.iter().filter_map(|name| {
        let value = payload.get(*name)?;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) if matches!(*name, "exp" | "nbf") => number.as_i64().and_then(date)?,
            other => other.to_string(),
        };
        let cut: String = text.chars().take(LONGEST).collect();
        Some(Field::shown(&format!("token.{name}"), &escape(cut.as_bytes()), text.len()))
    });
    Some(Claims { fields: fields.collect(), not_before: number("nbf"), expires: number("exp") })
}

fn object(part: &[u8]) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part.trim_ascii_end()).ok()?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// A moment in UTC, as RFC 3339 writes it.
fn date(seconds: i64) -> Option<String> {
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    time::OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(format).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2lnbmF0dXJl", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(payload))
    }

    #[test]
    fn a_token_says_whom_it_is_for() {
        let found = claims(token(r#"{"aud":"https://outlook.office.com","scp":"IMAP.AccessAsUser.All","exp":1795535190,"upn":"bob@example.org","x":1}"#).as_bytes()).unwrap();
        let told: Vec<String> = found.fields.iter().map(|f| format!("{}={}", f.name, f.value)).collect();
        assert_eq!(
            told,
            [
                "token.aud=https://outlook.office.com",
                "token.upn=bob@example.org",
                "token.scp=IMAP.AccessAsUser.All",
                "token.exp=2026-11-24T15:46:30Z"
            ]
        );
        assert_eq!(found.expires, Some(1_795_535_190));
        assert!(found.fields.iter().all(|f| !f.secret));
    }

    #[test]
    fn what_is_no_such_token_says_nothing() {
        for text in
            ["ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg", "a.b.c", "", "..", "e30.e30.", "a.b.c.d.e"]
        {
            assert!(claims(text.as_bytes()).is_none(), "{text}");
        }
        let hostile = claims(token("{\"aud\":\"\u{202e}x\",\"exp\":99999999999999999}").as_bytes()).unwrap();
        assert_eq!((hostile.fields.len(), hostile.fields[0].value.as_str()), (1, "\\u{202e}x"));
    }
}
