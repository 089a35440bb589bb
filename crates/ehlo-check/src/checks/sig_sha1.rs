use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::HelloQuestion;

/// Whether the handshake is signed with SHA-1 for who asks for it.
pub(super) struct SigSha1;

impl Check for SigSha1 {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "sig-sha1",
            group: "tls",
            severity: Severity::Medium,
            references: &["RFC 9155 §2", "RFC 9155 §4"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        let Some(hello) = hello::of(probe, HelloQuestion::Sha1).next() else { return Vec::new() };
        let verdict = match hello.chosen() {
            Some(chosen) if chosen.dated_signature => {
                Verdict::fail("signed").with("signature", chosen.signature.as_deref().unwrap_or_default())
            }
            // It signs with something better than was asked for, or below TLS 1.2, where nothing can be asked for.
            Some(_) => Verdict::pass("otherwise"),
            None if hello.is_refused() => Verdict::pass("refused"),
            None => return vec![hello::open(probe)],
        };
        vec![verdict.at(hello.at.iter().copied())]
    }
}
