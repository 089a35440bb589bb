//! What must not be shown.

use super::Dialogue;
use ehlo_core::{Protocol, Span};
use tokio::time::Instant;

/// Whether answers still belong to commands.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// TLS was begun by a command: what somebody put in front of the handshake may be answered inside.
    by_command: bool,
    /// An answer came that nobody had asked for.
    pub(super) lost: bool,
}

impl Order {
    /// For a TLS session that begins now.
    pub(super) fn begun(by_command: bool) -> Order {
        Order { by_command, lost: false }
    }
}

impl Dialogue {
    /// Whether answers came, since STARTTLS, that nobody had asked for. A server that keeps what was sent in front of the
    /// handshake answers it inside TLS (CVE-2011-0411), and every answer behind it is one to an earlier command; only
    /// IMAP has tags that tell them apart, and ManageSieve speaks unasked anyway.
    pub(crate) async fn is_out_of_step(&mut self) -> bool {
        let in_turn = matches!(self.protocol(), Protocol::Smtp | Protocol::Lmtp | Protocol::Pop3);
        if !in_turn || !self.order.by_command {
            return false;
        }
        // What is here already, without waiting. A failure is told to whoever speaks next.
        if self.settle().is_ok() && self.gone().is_ok() {
            let mut unasked = Vec::new();
            let received = self.receive(Instant::now(), &mut unasked).await;
            if received.is_err() || self.settle().is_err() {
                return false;
            }
        }
        self.order.lost
    }

    /// Remembers something that lets whoever has it in: the server may send it back.
    pub fn learn(&mut self, secret: &[u8]) {
        self.options.masker.learn(secret);
    }

    /// Hides `secret` where it stands in `span`, and wherever it comes again.
    pub fn hide(&mut self, span: Span, secret: &[u8]) {
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
