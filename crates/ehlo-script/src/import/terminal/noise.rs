//! Lines that belong to the tool or to the shell, not to the session.

/// What such a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noise {
    /// Nothing of interest.
    Nothing,
    /// The command of the tool.
    Command {
        /// It does STARTTLS by itself.
        starttls: bool,
        /// It goes on in the next line.
        continued: bool,
    },
    /// A connection was made.
    Connected,
    /// The server ended it.
    Hangup,
    /// It was ended here.
    Ended,
    /// The tool did something because of a letter that the user typed.
    OwnCommand,
    /// A session ticket is described up to the next `---`.
    Ticket,
}

/// What a line of a tool says; none if it belongs to the session. `tls`: the tool speaks TLS.
pub(super) fn noise(text: &str, tls: bool) -> Option<Noise> {
    if let Some(command) = command(text) {
        return Some(command);
    }
    let starts = |words: &[&str]| words.iter().any(|w| text.starts_with(w));
    if starts(&[
        "Connection closed by foreign host",
        "Connection closed by remote host",
        "Ncat: Connection reset",
    ]) {
        return Some(Noise::Hangup);
    }
    if text == "Connection closed." || text.starts_with("telnet> ") {
        return Some(Noise::Ended);
    }
    if starts(&["Connected to ", "Ncat: Connected to "])
        || (text.starts_with("Connection to ") && text.contains(" succeeded"))
    {
        return Some(Noise::Connected);
    }
    if starts(&["Trying ", "Escape character is ", "Ncat: ", "nc: ", "(UNKNOWN) [", "^]"])
        // gsasl
        || starts(&["TLS X.509 Verification: ", "Client authentication finished", "Enter application data", "Session finished"])
    {
        return Some(Noise::Nothing);
    }
    if !tls {
        return None;
    }
    match text {
        "closed" | "read:errno=0" | "- Peer has closed the GnuTLS connection" => return Some(Noise::Hangup),
        "DONE" => return Some(Noise::Ended),
        "RENEGOTIATING" | "KEYUPDATE" | "HEARTBEATING" => return Some(Noise::OwnCommand),
        "---" | "read R BLOCK" | "- Simple Client Mode:" => return Some(Noise::Nothing),
        _ => {}
    }
    if text.starts_with("Post-Handshake New Session Ticket") {
        return Some(Noise::Ticket);
    }
    let verdict = text.starts_with("depth=") || text.starts_with("verify ") || text.starts_with("read:errno");
    let error = text.split_once(":error:").is_some_and(|(id, _)| id.bytes().all(|b| b.is_ascii_hexdigit()));
    (verdict || error).then_some(Noise::Nothing)
}

/// The command that calls a tool, behind a prompt or alone.
pub(super) fn command(text: &str) -> Option<Noise> {
    const TOOLS: &[&str] = &["telnet ", "nc ", "ncat ", "netcat ", "openssl s_client", "gnutls-cli "];
    let called = TOOLS.iter().any(|tool| {
        text.starts_with(tool)
            || ["$ ", "# ", "> ", "% "].iter().any(|prompt| text.contains(&format!("{prompt}{tool}")))
    });
    called.then(|| Noise::Command { starttls: text.contains("-starttls"), continued: text.ends_with('\\') })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_and_shells() {
        let called = |starttls, continued| Some(Noise::Command { starttls, continued });
        assert_eq!(noise("me@here:~$ telnet mx.example 25", false), called(false, false));
        assert_eq!(noise("$ openssl s_client -crlf -starttls smtp \\", true), called(true, true));
        assert_eq!(noise("Connected to mx.example.", false), Some(Noise::Connected));
        assert_eq!(noise("Connection closed by foreign host.", false), Some(Noise::Hangup));
        assert_eq!(noise("depth=2 O = x", true), Some(Noise::Nothing));
        assert_eq!(noise("80FBBE247F7F0000:error:0A00010A:SSL routines::x", true), Some(Noise::Nothing));
        assert_eq!(noise("DONE", true), Some(Noise::Ended));
        assert_eq!(noise("DONE", false), None);
        assert_eq!(noise("250 verify that", true), None);
    }
}
