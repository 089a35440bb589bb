use super::{Ask, plain};
use crate::Value;
use crate::machine::Seen;
use ehlo_core::facts::CertificateFacts;

fn of(seen: &Seen, part: impl Fn(&CertificateFacts) -> String) -> Value {
    seen.tls.as_deref().and_then(|t| t.chain.first()).map_or(Value::None, |c| Value::text(part(c)))
}

/// Days until it ends; negative if it has ended.
pub(super) static DAYS: Ask = plain("cert.days", |seen, _| {
    let now = seen.now;
    of(seen, |c| ((c.not_after - now).div_euclid(86_400)).to_string())
});
/// The names that it bears.
pub(super) static NAMES: Ask =
    plain("cert.names", |seen, _| match seen.tls.as_deref().and_then(|t| t.chain.first()) {
        Some(c) => Value::List(c.names.iter().map(|n| n.clone().into_bytes()).collect()),
        None => Value::None,
    });
/// Who signed it.
pub(super) static ISSUER: Ask = plain("cert.issuer", |seen, _| of(seen, |c| c.issuer.clone()));
/// Whom it is for.
pub(super) static SUBJECT: Ask = plain("cert.subject", |seen, _| of(seen, |c| c.subject.clone()));
/// Its key, e.g. `RSA-2048` or `EC P-256`.
pub(super) static KEY: Ask = plain("cert.key", |seen, _| {
    of(seen, |c| {
        let bits = c.key_bits.to_string();
        if c.key.contains(&bits) || c.key_bits == 0 { c.key.clone() } else { format!("{}-{bits}", c.key) }
    })
});
/// How it is signed.
pub(super) static SIG: Ask = plain("cert.sig", |seen, _| of(seen, |c| c.signature.clone()));
/// How many certificates came.
pub(super) static CHAIN: Ask = plain("cert.chain", |seen, _| match seen.tls.as_deref() {
    Some(tls) => Value::text(tls.chain.len().to_string()),
    None => Value::None,
});
/// `ok`, or why it cannot be trusted.
pub(super) static VERIFY: Ask = plain("cert.verify", |seen, _| match seen.tls.as_deref() {
    None => Value::None,
    Some(tls) if tls.is_verified() => Value::text("ok"),
    Some(tls) => Value::text(
        tls.path
            .error_now
            .clone()
            .or(tls.signature_failure.clone())
            .unwrap_or_else(|| "the name does not match".to_owned()),
    ),
});
