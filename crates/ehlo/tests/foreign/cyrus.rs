//! The test programs of Cyrus: a login with each mechanism through each kind of TLS, and a typed command.

use crate::common::RunningLab;
use crate::programs::{Home, run, there};

#[test]
fn imtest_pop3test_smtptest_and_lmtptest() {
    if !there(&["imtest", "pop3test", "smtptest", "lmtptest"]) {
        return;
    }
    let lab = RunningLab::start("foreign-cyrus", &["--fault", "ntlm-v1"]);
    let home = Home::new("cyrus");
    let talk = |program: &str, scheme: &str, mechanism: &str, typed: &str| {
        let mut command = home.command(program);
        let port = lab.port(scheme).to_string();
        match scheme {
            "imaps" | "pop3s" | "submissions" => command.arg("-s"),
            _ => command.args(["-t", ""]),
        };
        command.args(["-a", "alice", "-u", "alice", "-w", "wonderland", "-p", &port]);
        if !mechanism.is_empty() {
            command.args(["-m", mechanism]);
        }
        run(command.arg("127.0.0.1"), typed).said
    };
    // Its NTLM is of version 1, unless a file of the application's says otherwise.
    for mechanism in
        ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    {
        for scheme in ["imap", "imaps"] {
            let said = talk("imtest", scheme, mechanism, "a1 NAMESPACE\r\na2 LOGOUT\r\n");
            assert!(
                said.contains("Authenticated.") && said.contains("\na1 OK"),
                "{mechanism} {scheme}: {said}"
            );
        }
        for scheme in ["pop3", "pop3s"] {
            let said = talk("pop3test", scheme, mechanism, "UIDL\r\nQUIT\r\n");
            assert!(said.contains("Authenticated.") && said.contains("+OK"), "{mechanism} {scheme}: {said}");
        }
        for scheme in ["submission", "submissions"] {
            let said = talk("smtptest", scheme, mechanism, "NOOP\r\nQUIT\r\n");
            assert!(
                said.contains("Authenticated.") && said.contains("\n250 "),
                "{mechanism} {scheme}: {said}"
            );
        }
    }
    let said = talk("imtest", "imaps", "login", "a1 NOOP\r\na2 LOGOUT\r\n");
    assert!(said.contains("Authenticated.") && said.contains("\na1 OK"), "{said}");
    // Not USER: pop3test 3.6 does not find it in a list that holds `UTF8 USER` (RFC 6856), too.
    let said = talk("pop3test", "pop3", "APOP", "STAT\r\nQUIT\r\n");
    assert!(said.contains("Authenticated.") && said.contains("+OK 0 0"), "{said}");
    // No logins in LMTP: the program says so and goes on inside TLS.
    let said = talk("lmtptest", "lmtp", "", "LHLO x\r\nQUIT\r\n");
    assert!(said.contains("TLS connection established") && said.contains("221 2.0.0"), "{said}");
}
