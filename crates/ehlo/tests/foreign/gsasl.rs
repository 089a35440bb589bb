//! GNU SASL: every mechanism that it and the lab know, tied to the TLS connection as well.

use crate::common::RunningLab;
use crate::programs::{Done, Home, run, there};

/// gsasl logs in and leaves again. It speaks SMTP and IMAP, and takes STARTTLS where it is offered.
struct Gsasl {
    home: Home,
    lab: RunningLab,
}

impl Gsasl {
    fn of(name: &str, arguments: &[&str]) -> Gsasl {
        Gsasl { home: Home::new(name), lab: RunningLab::start(&format!("foreign-{name}"), arguments) }
    }

    fn login(&self, scheme: &str, mechanism: &str, password: &str, more: &[&str]) -> Done {
        let protocol = if scheme == "imap" { "--imap" } else { "--smtp" };
        let mut command = self.home.command("gsasl");
        command
            .args([protocol, "--starttls", "--verbose", "--x509-ca-file", self.lab.ca.to_str().unwrap()])
            .args(["--connect", &format!("localhost:{}", self.lab.port(scheme))])
            .args(["--mechanism", mechanism, "--authentication-id", "alice", "--password", password])
            .args(["--realm", "", "--quality-of-protection", "qop-auth"])
            .args(more);
        run(&mut command, "")
    }
}

/// Where gsasl can log in.
const SCHEMES: [&str; 2] = ["submission", "imap"];

#[test]
fn gsasl_logs_in_with_every_mechanism_with_a_password() {
    if !there(&["gsasl"]) {
        return;
    }
    let gsasl = Gsasl::of("gsasl", &["--fault", "ntlm-v1"]);
    for scheme in SCHEMES {
        for mechanism in [
            "PLAIN",
            "LOGIN",
            "CRAM-MD5",
            "DIGEST-MD5",
            "NTLM",
            "SCRAM-SHA-1",
            "SCRAM-SHA-1-PLUS",
            "SCRAM-SHA-256",
            "SCRAM-SHA-256-PLUS",
        ] {
            // Where it could bind and was told not to, it gives up by itself.
            let more: &[&str] = if mechanism.ends_with("-PLUS") { &[] } else { &["--no-cb"] };
            let done = gsasl.login(scheme, mechanism, "wonderland", more);
            assert!(
                done.code == 0 && done.said.contains("Client authentication finished"),
                "{scheme} {mechanism}: {}",
                done.said
            );
            let done = gsasl.login(scheme, mechanism, "falsch", more);
            assert_ne!(done.code, 0, "{scheme} {mechanism}: {}", done.said);
            assert!(
                !done.said.contains("Client authentication finished"),
                "{scheme} {mechanism}: {}",
                done.said
            );
        }
    }
}

#[test]
fn gsasl_ties_logins_to_either_version_of_tls() {
    if !there(&["gsasl"]) {
        return;
    }
    let sound = Gsasl::of("gsasl-tls", &[]);
    let between = Gsasl::of("gsasl-between", &["--fault", "binding-altered"]);
    for scheme in SCHEMES {
        for mechanism in ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"] {
            let newest = ["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3"];
            let done = sound.login(scheme, mechanism, "wonderland", &newest);
            assert_eq!(done.code, 0, "{scheme} {mechanism}: {}", done.said);
            let done = between.login(scheme, mechanism, "wonderland", &newest);
            assert_ne!(done.code, 0, "{scheme} {mechanism}: {}", done.said);
        }
        // gsasl knows no certificates as a binding: inside TLS 1.2 it wants `tls-unique`, which the lab does not have.
        let oldest = ["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"];
        let done = sound.login(scheme, "SCRAM-SHA-256-PLUS", "wonderland", &oldest);
        assert_ne!(done.code, 0, "{scheme}: {}", done.said);
        let done = sound.login(scheme, "SCRAM-SHA-256", "wonderland", &[&oldest[..], &["--no-cb"]].concat());
        assert_eq!(done.code, 0, "{scheme}: {}", done.said);
    }
}

#[test]
fn gsasl_comes_in_without_a_password() {
    if !there(&["gsasl"]) {
        return;
    }
    let folder = crate::common::folder("gsasl-certificates");
    let certificates = ["--client-certs", folder.to_str().unwrap()];
    let offer = ["--mechanism", "EXTERNAL", "--mechanism", "ANONYMOUS"];
    let gsasl = Gsasl::of("gsasl-passwordless", &[&certificates[..], &offer].concat());
    let (certificate, key) = (folder.join("alice.pem"), folder.join("alice.key"));
    let own = ["--x509-cert-file", certificate.to_str().unwrap(), "--x509-key-file", key.to_str().unwrap()];
    for scheme in SCHEMES {
        assert_eq!(gsasl.login(scheme, "EXTERNAL", "", &own).code, 0, "{scheme}");
        assert_ne!(gsasl.login(scheme, "EXTERNAL", "", &[]).code, 0, "{scheme}");
        let guest = gsasl.login(scheme, "ANONYMOUS", "", &["--anonymous-token", "guest@example.org"]);
        assert_eq!(guest.code, 0, "{scheme}: {}", guest.said);
        // Nothing but what was named is offered.
        assert_ne!(gsasl.login(scheme, "PLAIN", "wonderland", &[]).code, 0, "{scheme}");
    }
}
