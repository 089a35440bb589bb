use ehlo_core::{Cause, Failure, Protocol};

/// Whether an answer (escaped, as it is shown) says that nobody gets in for now, so that nothing follows about the
/// password: `4yz` (RFC 4954 §6), `[UNAVAILABLE]`, `[INUSE]` (RFC 5530 §3), `[IN-USE]`, `[LOGIN-DELAY]`
/// (RFC 2449 §8.1), `[SYS/TEMP]` (RFC 3206 §4), `(TRYLATER)` (RFC 5804 §1.3).
pub(super) fn is_transient(protocol: Protocol, reply: &str) -> bool {
    // A code counts in its place only: what stands in the text is nothing but text.
    let code = match protocol {
        Protocol::Smtp | Protocol::Lmtp => {
            let digits = reply.get(..3).unwrap_or_default();
            return digits.starts_with('4') && digits.bytes().all(|b| b.is_ascii_digit());
        }
        Protocol::Pop3 | Protocol::Sieve => reply.split(' ').nth(1),
        Protocol::Imap => reply.split(' ').nth(2),
    };
    let code = code.unwrap_or_default().trim_matches(['[', ']', '(', ')']).to_ascii_uppercase();
    let bracketed = reply.contains(['[', '(']);
    bracketed
        && ["UNAVAILABLE", "INUSE", "IN-USE", "LOGIN-DELAY", "SYS/TEMP", "TRYLATER"].contains(&code.as_str())
}

/// Whether a dialogue broke off because the server takes nobody for now.
pub(super) fn turned_away(failure: &Failure) -> bool {
    matches!(&failure.cause, Cause::Rejected { code } if code == "421" || code.starts_with("454"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_core::Stage;

    #[test]
    fn codes_count_in_their_place_only() {
        for (protocol, reply, transient) in [
            (Protocol::Smtp, "454 4.7.0 try later", true),
            (Protocol::Smtp, "421 too many", true),
            (Protocol::Smtp, "535 5.7.8 no", false),
            (Protocol::Smtp, "4ever", false),
            (Protocol::Smtp, "é", false),
            (Protocol::Smtp, "", false),
            (Protocol::Pop3, "-ERR [IN-USE] locked", true),
            (Protocol::Pop3, "-ERR [sys/temp] later", true),
            (Protocol::Pop3, "-ERR [AUTH] wrong", false),
            (Protocol::Pop3, "-ERR wrong [IN-USE]", false),
            (Protocol::Pop3, "-ERR", false),
            (Protocol::Imap, "e1 NO [UNAVAILABLE] later", true),
            (Protocol::Imap, "e1 NO [AUTHENTICATIONFAILED] wrong", false),
            (Protocol::Imap, "e1 NO UNAVAILABLE", false),
            (Protocol::Sieve, "NO (TRYLATER) \"later\"", true),
            (Protocol::Sieve, "NO \"no\"", false),
        ] {
            assert_eq!(is_transient(protocol, reply), transient, "{protocol:?} {reply}");
        }
    }

    #[test]
    fn a_server_that_is_full_is_told_from_one_that_breaks_off() {
        let failed = |cause| Failure::new(Stage::Greeting, cause);
        assert!(turned_away(&failed(Cause::Rejected { code: "421".into() })));
        assert!(!turned_away(&failed(Cause::Rejected { code: "554".into() })));
        assert!(!turned_away(&failed(Cause::Closed)));
    }
}
