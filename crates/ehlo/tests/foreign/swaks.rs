//! swaks: delivery with and without TLS, every mechanism, LMTP.

use crate::common::RunningLab;
use crate::curl::imap;
use crate::programs::{Home, left_out, there};

/// Without Net::SSLeay swaks knows no TLS, without two other modules neither DIGEST-MD5 nor NTLM.
fn swaks_is_there(home: &Home) -> bool {
    if !there(&["swaks", "perl", "curl"]) {
        return false;
    }
    let tls = home.run("perl", &["-MNet::SSLeay", "-e", "1"]).code == 0;
    if !tls {
        left_out("Net::SSLeay not installed");
    }
    // DIGEST-MD5 and NTLM
    let sasl = home.run("perl", &["-MAuthen::SASL", "-MAuthen::NTLM", "-e", "1"]).code == 0;
    if !sasl {
        left_out("Authen::SASL or Authen::NTLM not installed");
    }
    tls && sasl
}

#[test]
fn swaks_delivers_and_logs_in() {
    let home = Home::new("swaks");
    if !swaks_is_there(&home) {
        return;
    }
    let lab = RunningLab::start("foreign-swaks", &["--fault", "ntlm-v1"]);
    let ca = lab.ca.to_str().unwrap();
    let swaks = |scheme: &str, arguments: &[&str]| {
        let port = lab.port(scheme).to_string();
        let fixed =
            ["--server", "127.0.0.1", "--port", &port, "--from", "bob@example.org", "--tls-ca-path", ca];
        home.run("swaks", &[&fixed[..], arguments].concat())
    };
    let to = ["--to", "alice@lab.test"];
    for (scheme, more) in [
        ("smtp", &[][..]),
        ("smtp", &["--tls", "--tls-verify"]),
        ("smtp", &["--pipeline"]),
        ("smtp", &["--attach-type", "text/plain", "--attach", "@/etc/hostname"]),
    ] {
        let said = swaks(scheme, &[&to[..], more].concat()).good();
        assert!(said.contains(" 250 2.0.0 OK: queued as"), "{more:?}: {said}");
        assert_eq!(said.contains("TLS started"), more.contains(&"--tls"), "{said}");
    }
    for more in [&[][..], &["--tls"]] {
        let said = swaks("lmtp", &[&["--protocol", "LMTP"], &to[..], more].concat()).good();
        assert!(said.contains(" 250 2.0.0 <alice@lab.test> queued as"), "{said}");
    }
    for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM"] {
        for (scheme, tls) in [("submission", &["--tls"][..]), ("submissions", &["--tls-on-connect"])] {
            let with = |password: &str| {
                let login = ["--auth", mechanism, "--auth-user", "alice", "--auth-password", password];
                swaks(scheme, &[&login[..], &to[..], tls].concat())
            };
            let said = with("wonderland").good();
            assert!(said.contains("235 2.7.0") && said.contains("queued as"), "{mechanism} {scheme}: {said}");
            let done = with("falsch");
            // 28: no login was accepted.
            assert!(
                done.code == 28 && done.said.contains("535 5.7.8"),
                "{mechanism} {scheme}: {}",
                done.said
            );
        }
    }
    // 24: a refused recipient.
    let done = swaks("smtp", &["--to", "niemand@lab.test"]);
    assert!(done.code == 24 && done.said.contains("550 5.1.1"), "{}", done.said);
    let said = imap(&lab, "alice:wonderland", "", "STATUS INBOX (MESSAGES)");
    assert!(said.contains("(MESSAGES 16)"), "{said}");
}
