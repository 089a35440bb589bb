//! What hand-made hellos find out agrees with what `openssl s_client` gets of the same server.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_check::{CheckOptions, Job, Pace, Selection, run};
use ehlo_core::facts::TlsProbeMode;
use ehlo_core::{Address, Endpoint, Limits, Outcome, RunReport, Scheme};
use ehlo_dialogue::{ConnectionOptions, Connector, LoginOptions, Trust};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// `openssl s_server`, ended with the test.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn certificate(folder: &Path) -> bool {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=lab.test"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .output();
    made.is_ok_and(|m| m.status.success())
}

fn serve(folder: &Path, arguments: &[&str]) -> Server {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-accept",
            &port.to_string(),
            "-cert",
            "certificate.pem",
            "-key",
            "key.pem",
        ])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "openssl s_server does not listen");
        std::thread::yield_now();
    }
    Server { child, port }
}

/// Whether `openssl s_client` gets a session.
fn gets(port: u16, arguments: &[&str]) -> bool {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}")])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.contains("Cipher is ") && !text.contains("Cipher is (NONE)")
}

async fn examine(port: u16) -> RunReport {
    let options = CheckOptions {
        connection: ConnectionOptions {
            // It waits for a greeting that never comes, and for nothing else.
            limits: Limits { greeting: Duration::from_millis(200), ..Limits::default() },
            family: None,
            connect: None,
            connector: Connector::default(),
            trust: Arc::new(Trust::only_given()),
            identity: None,
            sni: None,
            helo: None,
            now: 1_800_000_000,
            seed: 11,
        },
        credentials: None,
        login: LoginOptions { no_secrets: true, ..LoginOptions::default() },
        tls_probe: Some(TlsProbeMode::List),
        pace: Pace::default(),
        extra: ehlo_check::Extra::default(),
        as_outside: true,
    };
    let job = Job {
        url: "imaps://lab.test".into(),
        endpoint: Endpoint::new(Scheme::Imaps, "lab.test", Some(port)),
        host_group: None,
        addresses: Some(vec![Address::Ip(SocketAddr::from(([127, 0, 0, 1], port)))]),
        lab: false,
    };
    let selection = Selection { only: vec!["tls".into()], ..Selection::default() };
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    run(vec![job], Arc::new(options), &selection, events).await
}

/// Questions that both can answer: a check, and what `s_client` is told to offer.
const QUESTIONS: &[(&str, &[&str])] = &[
    ("tls-10", &["-tls1", "-cipher", "ALL:@SECLEVEL=0"]),
    ("tls-11", &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]),
    ("suite-null", &["-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"]),
    ("suite-anon", &["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"]),
    ("suite-static-rsa", &["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"]),
    ("suite-ffdhe12", &["-tls1_2", "-cipher", "kDHE:@SECLEVEL=0"]),
    ("sig-sha1", &["-tls1_2", "-cipher", "ECDHE:@SECLEVEL=0", "-sigalgs", "RSA+SHA1"]),
    ("kex-ec-weak", &["-tls1_2", "-cipher", "ECDHE:@SECLEVEL=0", "-curves", WEAK_CURVES]),
];

/// Those that OpenSSL knows of.
const WEAK_CURVES: &str = "sect163r2:sect193r1:sect283k1:secp192k1:prime192v1:secp160r1";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs OpenSSL; `cargo xtask interop` runs it"]
async fn every_verdict_agrees_with_openssl() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("openssl");
    std::fs::create_dir_all(&folder).unwrap();
    assert!(certificate(&folder), "there is no OpenSSL here");
    let all = &["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"][..];
    let servers: &[(&str, &[&str])] = &[
        ("as it comes", &[]),
        ("strong", &["-cipher", "ECDHE+AESGCM", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"]),
        ("newest only", &["-tls1_3"]),
        ("everything", all),
        ("old only", &["-tls1", "-cipher", "ALL:@SECLEVEL=0"]),
        ("weak curves", &["-cipher", "ALL:@SECLEVEL=0", "-curves", "P-256:prime192v1:sect283k1"]),
    ];
    let mut wrong = Vec::new();
    for (name, arguments) in servers {
        let server = serve(&folder, arguments);
        let report = examine(server.port).await;
        for (check, client) in QUESTIONS {
            // A suite is asked about in the version that the server has.
            let older: Vec<&str> = client.iter().map(|a| if *a == "-tls1_2" { "-tls1" } else { a }).collect();
            let theirs = gets(server.port, client)
                || (*name == "old only" && check.starts_with("suite-") && gets(server.port, &older));
            let finding = report.findings.iter().find(|f| f.check == *check);
            // Where SHA-1 cannot be asked about, because there is no TLS 1.2, it is not taken.
            let ours = finding.is_some_and(|f| matches!(f.outcome, Outcome::Fail | Outcome::Warn));
            let open = finding.is_some_and(|f| !f.outcome.is_conclusive());
            if ours != theirs || open {
                wrong.push(format!("{name}: {check}: openssl {theirs}, we {finding:?}"));
            }
        }
        let newest = report.findings.iter().find(|f| f.check == "tls-13-missing").unwrap();
        if (newest.outcome == Outcome::Pass) != gets(server.port, &["-tls1_3"]) {
            wrong.push(format!("{name}: {newest:?}"));
        }
        let probe = report.facts.services[0].tls_probe.as_ref().unwrap();
        if probe.handshakes > 64 {
            wrong.push(format!("{name}: {} handshakes", probe.handshakes));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
