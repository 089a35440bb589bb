//! `openssl s_client`: the chain, as an independent verifier sees it, and a typed line behind the handshake.

use crate::common::RunningLab;
use crate::programs::{Home, run, there};

#[test]
fn openssl_verifies_the_chain_everywhere() {
    if !there(&["openssl"]) {
        return;
    }
    let lab = RunningLab::start("foreign-openssl", &[]);
    let home = Home::new("openssl");
    for (scheme, starttls) in [
        ("smtp", Some("smtp")),
        ("submission", Some("smtp")),
        ("submissions", None),
        ("lmtp", Some("lmtp")),
        ("pop3", Some("pop3")),
        ("pop3s", None),
        ("imap", Some("imap")),
        ("imaps", None),
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            let mut command = home.command("openssl");
            command.args([
                "s_client",
                "-brief",
                version,
                "-verify_return_error",
                "-verify_hostname",
                "lab.test",
            ]);
            command
                .arg("-CAfile")
                .arg(&lab.ca)
                .args(["-connect", &format!("127.0.0.1:{}", lab.port(scheme))]);
            command.args(starttls.map(|p| ["-starttls", p]).into_iter().flatten());
            let said = run(&mut command, "").good();
            let spoken = if version == "-tls1_2" { "TLSv1.2" } else { "TLSv1.3" };
            assert!(said.contains("Verification: OK") && said.contains(spoken), "{scheme}: {said}");
        }
    }
}

#[test]
fn openssl_types_a_command_inside_tls() {
    if !there(&["openssl"]) {
        return;
    }
    let lab = RunningLab::start("foreign-openssl-typed", &["--fault", "pipelining-lax"]);
    let home = Home::new("openssl-typed");
    for (scheme, starttls, typed, answer) in [
        ("imap", "imap", "a LOGIN alice wonderland\r\nb LOGOUT\r\n", "a OK "),
        ("pop3", "pop3", "USER alice\r\nPASS wonderland\r\nQUIT\r\n", "+OK 0 messages"),
        ("smtp", "smtp", "EHLO x\r\nQUIT\r\n", "221 2.0.0"),
        ("lmtp", "lmtp", "LHLO x\r\nQUIT\r\n", "221 2.0.0"),
    ] {
        let mut command = home.command("openssl");
        command.args(["s_client", "-quiet", "-verify_return_error", "-starttls", starttls, "-CAfile"]);
        command.arg(&lab.ca).args(["-connect", &format!("127.0.0.1:{}", lab.port(scheme))]);
        let said = run(&mut command, typed).said;
        assert!(said.contains(answer), "{scheme}: {said}");
    }
}
