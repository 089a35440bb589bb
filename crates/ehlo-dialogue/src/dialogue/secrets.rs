//! What must not be shown.

use super::Dialogue;
use ehlo_core::Span;

impl Dialogue {
    /// Remembers something that lets whoever has it in: the server may send it back.
    pub(crate) fn learn(&mut self, secret: &[u8]) {
        self.options.masker.learn(secret);
    }

    /// Hides `secret` where it stands in `span`, and wherever it comes again.
    pub(crate) fn hide(&mut self, span: Span, secret: &[u8]) {
        self.learn(secret);
        let bytes = self.transcript.visible(span);
        let at = bytes.windows(secret.len().max(1)).position(|window| window == secret);
        if let Some(at) = at.and_then(|at| u64::try_from(at).ok()) {
            let from = span.from + at;
            self.transcript.mark_secret(Span::new(span.side, from, from + secret.len() as u64));
        }
    }

    /// Text of the server that is not shown as it stands in the transcript, with `*` for every secret.
    pub(crate) fn masked(&self, text: &str) -> String {
        let found = self.options.masker.find(text.as_bytes());
        if found.is_empty() {
            return text.to_owned();
        }
        let mut bytes = text.as_bytes().to_vec();
        for range in found {
            bytes[range].fill(b'*');
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
