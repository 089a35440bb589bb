use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long to wait and how much to take: every wait has a deadline, every buffer a cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// To connect to one address.
    pub connect: Duration,
    /// From the connection to the last byte of the greeting.
    pub greeting: Duration,
    /// For a TLS handshake.
    pub handshake: Duration,
    /// From a command to the last byte of its answer, and for a write to be taken.
    pub command: Duration,
    /// From the end of mail data to the answer.
    pub data_end: Duration,
    /// For everything with one service.
    pub service: Duration,
    /// For the whole run.
    pub total: Duration,
    /// Longest line of an SMTP, LMTP, POP3 or ManageSieve reply, in bytes.
    pub line: usize,
    /// Longest line of an IMAP response between literals, in bytes.
    pub imap_line: usize,
    /// Most lines in one reply.
    pub reply_lines: usize,
    /// Most bytes in one reply, and largest literal taken.
    pub reply_bytes: usize,
    /// Most bytes of one direction of a connection that a transcript keeps.
    pub stream_bytes: usize,
}

impl Default for Limits {
    /// The defaults of `ehlo`: deadlines that real servers keep, caps far above what RFC 5321 §4.5.3.1.5,
    /// RFC 1939 §3 and RFC 7162 §4 allow a peer to send.
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(10),
            greeting: Duration::from_secs(30),
            handshake: Duration::from_secs(15),
            command: Duration::from_secs(30),
            data_end: Duration::from_secs(120),
            service: Duration::from_secs(90),
            total: Duration::from_secs(180),
            line: 4 * 1024,
            imap_line: 64 * 1024,
            reply_lines: 1000,
            reply_bytes: 1024 * 1024,
            stream_bytes: 2 * 1024 * 1024,
        }
    }
}
