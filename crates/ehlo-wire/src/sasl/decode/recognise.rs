use super::super::ntlm::SIGNATURE;
use super::super::scram::Gs2;
use super::Kind;
use super::directives::directives;

/// Which message these bytes are, if they have the marks of one; base64 already taken off. Messages that are any text
/// (the user name of LOGIN, for instance) have none.
pub fn recognise(bytes: &[u8]) -> Option<Kind> {
    if let Some(rest) = bytes.strip_prefix(SIGNATURE) {
        return match rest {
            [1, 0, 0, 0, ..] => Some(Kind::NtlmNegotiate),
            [2, 0, 0, 0, ..] => Some(Kind::NtlmChallenge),
            [3, 0, 0, 0, ..] => Some(Kind::NtlmAuthenticate),
            _ => None,
        };
    }
    let has = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    if bytes.starts_with(b"user=") && has(b"\x01auth=") {
        return Some(Kind::Xoauth2);
    }
    if let Some(gs2) = Gs2::parse(bytes) {
        if gs2.rest.starts_with(b"\x01") {
            return Some(Kind::OauthBearer);
        }
        if gs2.rest.starts_with(b"n=") || gs2.rest.starts_with(b"m=") {
            return Some(Kind::ScramClientFirst);
        }
    }
    if bytes.starts_with(b"r=") && has(b",s=") {
        return Some(Kind::ScramServerFirst);
    }
    if bytes.starts_with(b"c=") && has(b",r=") {
        return Some(Kind::ScramClientFinal);
    }
    if bytes.starts_with(b"v=") || bytes.starts_with(b"e=") {
        return Some(Kind::ScramServerFinal);
    }
    if bytes.trim_ascii().starts_with(b"{") && bytes.trim_ascii().ends_with(b"}") && has(b"\"status\"") {
        return Some(Kind::OauthError);
    }
    if bytes.starts_with(b"<") && bytes.ends_with(b">") && has(b"@") {
        return Some(Kind::CramChallenge);
    }
    if is_prompt(bytes) {
        return Some(Kind::LoginPrompt);
    }
    // A NUL stands in no directive and in no answer of CRAM-MD5.
    if bytes.iter().filter(|&&b| b == 0).count() == 2 {
        let authcid = bytes.split(|&b| b == 0).nth(1).unwrap_or_default();
        return (!authcid.is_empty()).then_some(Kind::Plain);
    }
    let (list, _) = directives(bytes);
    let named = |name: &str| list.iter().any(|directive| directive.is(name));
    if named("rspauth") {
        return Some(Kind::DigestProof);
    }
    if named("nonce") {
        return Some(if named("response") { Kind::DigestResponse } else { Kind::DigestChallenge });
    }
    let digest = bytes.rsplit(|&b| b == b' ').next().unwrap_or_default();
    let is_digest = digest.len() == 32 && digest.iter().all(u8::is_ascii_hexdigit);
    (is_digest && bytes.len() > 33).then_some(Kind::CramResponse)
}

/// The spellings of the prompts of LOGIN that servers use. The colon or NUL at the end belongs to them: a bare word may
/// as well be what somebody answered, and only who knows that a server said it can tell.
fn is_prompt(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii().to_ascii_lowercase();
    let asked = text.strip_suffix(b"\0").or_else(|| text.strip_suffix(b":"));
    asked.is_some_and(|word| matches!(word, b"username" | b"user name" | b"password" | b"user" | b"login"))
}
