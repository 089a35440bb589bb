//! What `testssl` finds, beside what we find at the same service in the same run: all of it at one strong and one weak
//! service, its part about certificates at the others, each of which shows another certificate.

use crate::common::folder;
use crate::site::{SERVICES, STRONG, Site, WEAK, said_by, variable};
use crate::tls::ours;
use serde_json::Value;
use std::process::Command;

/// What `testssl` found at a service.
struct Found {
    list: Value,
    at: String,
}

impl Found {
    fn at(site: &Site, more: &[&str]) -> Found {
        let file = folder(&format!("testssl-{}-{}", site.scheme, site.port)).join("found.json");
        let mut command = Command::new("testssl");
        command.args([
            "--quiet",
            "--color",
            "0",
            "--warnings",
            "off",
            "--nodns",
            "none",
            "--ip",
            &site.address,
        ]);
        command.args(["--add-ca", &site.ca, "--jsonfile"]).arg(&file).args(more);
        if !site.is_implicit() {
            command.args(["-t", site.protocol()]);
        }
        let said = said_by(command.arg(format!("{}:{}", site.name, site.port)));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{e}: {said}"));
        Found { list: serde_json::from_str(&text).unwrap(), at: site.url() }
    }

    /// Its severity and its words.
    fn of(&self, id: &str) -> (&str, &str) {
        let found = self.list.as_array().unwrap().iter().find(|f| f["id"] == id);
        let found = found.unwrap_or_else(|| panic!("{}: no {id}: {}", self.at, self.list));
        (found["severity"].as_str().unwrap(), found["finding"].as_str().unwrap())
    }

    /// Whether it calls something bad.
    fn is_bad(&self, id: &str) -> bool {
        !["OK", "INFO"].contains(&self.of(id).0)
    }
}

/// What `testssl` calls good or bad, and the check that says the same.
const OF_TESTSSL: &[(&str, &str)] = &[
    ("SSLv2", "tls-ssl2"),
    ("SSLv3", "tls-ssl3"),
    ("TLS1", "tls-10"),
    ("TLS1_1", "tls-11"),
    ("cipherlist_NULL", "suite-null"),
    ("cipherlist_aNULL", "suite-anon"),
    ("cipherlist_EXPORT", "suite-export"),
    ("secure_renego", "tls-reneg-info"),
    ("RC4", "suite-rc4"),
    ("SWEET32", "suite-64bit-block"),
    ("LUCKY13", "suite-cbc"),
    ("CRIME_TLS", "tls-compression"),
    ("POODLE_SSL", "tls-ssl3"),
    ("fallback_SCSV", "tls-fallback-scsv"),
];

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn a_full_testssl_agrees_about_a_strong_service() {
    agrees(STRONG);
}

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn a_full_testssl_agrees_about_a_weak_service() {
    agrees(WEAK);
}

fn agrees(servers: &str) {
    let site = Site::of(servers, "imap");
    let theirs = Found::at(&site, &[]);
    let ours = ours(&site, &[]);
    let mut compared = 0;
    for (id, check) in OF_TESTSSL {
        let (severity, finding) = theirs.of(id);
        // It has no verdict, as on the fallback at Dovecot, which hangs up where others send an alert.
        if ["WARN", "FATAL"].contains(&severity) {
            continue;
        }
        compared += 1;
        let bad = theirs.is_bad(id);
        assert_eq!(ours.complains(check), bad, "{}: {check}: {id} is {severity}: {finding}", ours.at);
    }
    assert!(compared + 1 >= OF_TESTSSL.len(), "{}: {compared}: {}", ours.at, theirs.list);
    // LOGJAM itself is about suites for export only.
    let small = ours.outcome("kex-dh-size") == Some("fail");
    assert_eq!(small, theirs.is_bad("LOGJAM-common_primes"), "{}: {:?}", ours.at, theirs.of("LOGJAM"));
    certificate_agrees(&site, &theirs);
}

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn testssl_agrees_about_the_certificates_of_strong_services() {
    certificates_agree(STRONG, &["mail", "expired", "selfsigned", "wrongname", "notyet", "nochain"]);
}

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn testssl_agrees_about_the_certificates_of_weak_services() {
    // OpenSSL loads short keys only where it is told to be weak.
    certificates_agree(WEAK, &["sha1", "rsa1024", "ecdsa", "nochain", "expired", "mail"]);
}

/// At every service but that of the full run, with one certificate each.
fn certificates_agree(servers: &str, names: &[&str]) {
    let others = SERVICES.iter().filter(|(scheme, _)| *scheme != "imap");
    assert_eq!(others.clone().count(), names.len());
    for ((scheme, _), name) in others.zip(names) {
        let name = format!("{name}.{}", variable("TS_DOMAIN"));
        let site = Site { name, ..Site::of(servers, scheme) };
        certificate_agrees(&site, &Found::at(&site, &["-S"]));
    }
}

fn certificate_agrees(site: &Site, theirs: &Found) {
    let document = site.check(&["--only", "cert", "--skip", "tls"]);
    let chain = document["services"][0]["facts"]["connections"][0]["tls"]["chain"].as_array().unwrap();
    let leaf = &chain[0];
    let at = format!("{} {leaf}", theirs.at);
    let outcome = |check: &str| {
        let findings = document["findings"].as_array().unwrap();
        findings.iter().find(|f| f["check"] == check).map(|f| f["outcome"].as_str().unwrap())
    };
    let bad = |check: &str| matches!(outcome(check), Some("fail" | "warn" | "info"));
    assert_eq!(theirs.of("cert_fingerprintSHA256").1.to_lowercase(), leaf["sha256"], "{at}");
    assert_eq!(theirs.of("certs_countServer").1, chain.len().to_string(), "{at}");
    assert_eq!(bad("cert-name-mismatch"), theirs.is_bad("cert_trust"), "{at}: {:?}", theirs.of("cert_trust"));
    assert_eq!(bad("cert-sig-weak"), theirs.is_bad("cert_signatureAlgorithm"), "{at}");
    assert_eq!(outcome("cert-key-weak") == Some("fail"), theirs.is_bad("cert_keySize"), "{at}");
    // It says in words why it does not trust the chain: of several reasons the first that OpenSSL meets.
    let (_, why) = theirs.of("cert_chain_of_trust");
    let reasons: [(&str, &[&str]); 4] = [
        ("expired", &["cert-expired"]),
        ("not yet valid", &["cert-not-yet-valid"]),
        ("self signed", &["cert-self-signed"]),
        // We say that a certificate is missing only where we know which.
        ("chain incomplete", &["cert-chain-incomplete", "cert-unknown-ca"]),
    ];
    for (words, checks) in reasons {
        assert_eq!(checks.iter().any(|c| bad(c)), why.contains(words), "{at}: {checks:?}: {why}");
    }
    assert_eq!(why != "passed.", theirs.is_bad("cert_chain_of_trust"), "{at}: {why}");
}
