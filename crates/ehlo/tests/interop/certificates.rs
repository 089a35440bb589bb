//! TLS as `openssl s_client` sees it.

use crate::common::ehlo;
use crate::site::{STRONG, Site, main_of, said_by, services, variable};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What `openssl s_client` says.
struct Seen {
    text: String,
    /// The certificates, PEM.
    chain: Vec<String>,
}

fn s_client(site: &Site) -> Seen {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-showcerts", "-verify_hostname", &site.name, "-servername", &site.name]);
    command.args(["-CAfile", &site.ca, "-connect", &format!("{}:{}", site.address, site.port)]);
    if !site.is_implicit() {
        command.args(["-starttls", site.protocol()]);
    }
    let text = said_by(&mut command);
    let begin = "-----BEGIN CERTIFICATE-----";
    let end = "-----END CERTIFICATE-----";
    // The first certificate stands there a second time, behind "Server certificate".
    let listed = text.split("Server certificate").next().unwrap_or_default();
    let chain = listed
        .split(begin)
        .skip(1)
        .map(|part| format!("{begin}{}{end}\n", part.split(end).next().unwrap_or_default()))
        .collect();
    Seen { text, chain }
}

impl Seen {
    fn after(&self, label: &str) -> String {
        let line = self.text.lines().find_map(|l| l.split_once(label)).map(|(_, rest)| rest);
        line.unwrap_or_else(|| panic!("no {label:?} in {}", self.text)).trim().to_owned()
    }
}

/// `name=value` lines of `openssl x509` about a certificate.
fn x509(pem: &str, options: &[&str]) -> String {
    let mut child = Command::new("openssl")
        .args(["x509", "-noout"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(pem.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

fn value<'a>(lines: &'a str, name: &str) -> &'a str {
    lines
        .lines()
        .find_map(|l| l.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or_else(|| panic!("{name}: {lines}"))
}

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn tls_is_what_openssl_sees() {
    for address in ["TS_HOST", "TS_HOST_STRICT"] {
        for site in services(address) {
            compare(&site);
        }
    }
    // Certificates that are bad in one way each, by the name that is asked for.
    for name in ["expired", "notyet", "soon", "selfsigned", "wrongname", "nochain", "rsa1024", "ecdsa"] {
        for scheme in ["imaps", "smtp", "pop3"] {
            let name = format!("{name}.{}", variable("TS_DOMAIN"));
            compare(&Site { name, ..Site::of(STRONG, scheme) });
        }
    }
}

fn compare(site: &Site) {
    let seen = s_client(site);
    let document = site.check(&[]);
    let tls = &main_of(&document)["tls"];
    let at = format!("{} {}", site.url(), site.address);
    // "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384": the same for TLS 1.2, but with OpenSSL's own names.
    let session = seen.after("New, ");
    if session.starts_with("(NONE)") {
        // Dovecot hangs up when it cannot use a certificate: no session for them, and none for us.
        assert!(tls.is_null(), "{at}: {tls}");
        assert_eq!(document["services"][0]["level"]["level"], "broken", "{at}");
        return;
    }
    assert_eq!(tls["version"], session.split(',').next().unwrap(), "{at}");
    let cipher = session.rsplit(' ').next().unwrap();
    let named_by_registry = said_by(Command::new("openssl").args(["ciphers", "-stdname", "ALL"]));
    let suite = named_by_registry.lines().find(|l| l.contains(&format!(" - {cipher} "))).unwrap();
    assert_eq!(tls["suite"], suite.split(' ').next().unwrap(), "{at}");
    let group = seen.after("Server Temp Key: ").replace("ECDH, ", "").replace("prime256v1", "secp256r1");
    assert_eq!(
        tls["group"].as_str().unwrap().to_lowercase(),
        group.split(',').next().unwrap().to_lowercase(),
        "{at}"
    );

    let chain = tls["chain"].as_array().unwrap();
    assert_eq!(chain.len(), seen.chain.len(), "{at}");
    for (ours, pem) in chain.iter().zip(&seen.chain) {
        let lines = x509(pem, &["-fingerprint", "-sha256", "-dates", "-dateopt", "iso_8601", "-serial"]);
        let fingerprint = lines
            .lines()
            .find_map(|l| l.to_lowercase().strip_prefix("sha256 fingerprint=").map(str::to_owned));
        assert_eq!(ours["sha256"], fingerprint.unwrap().replace(':', ""), "{at}");
        for (field, name) in [("not_before", "notBefore"), ("not_after", "notAfter")] {
            // `2026-11-24 07:00:10Z`, which `date` turns into seconds since 1970.
            let seconds = said_by(Command::new("date").args(["-u", "+%s", "-d", value(&lines, name)]));
            assert_eq!(ours[field].to_string(), seconds.trim(), "{at} {name}");
        }
        let serial = value(&lines, "serial").to_lowercase();
        assert_eq!(
            ours["serial"].as_str().unwrap().trim_start_matches('0'),
            serial.trim_start_matches('0'),
            "{at}"
        );
        let names = x509(pem, &["-ext", "subjectAltName"]);
        let mut expected: Vec<String> = names
            .split([',', '\n'])
            .filter_map(|n| n.trim().strip_prefix("DNS:").or_else(|| n.trim().strip_prefix("IP Address:")))
            .map(str::to_lowercase)
            .map(|n| n.parse::<std::net::IpAddr>().map_or(n, |ip| ip.to_string()))
            .collect();
        let mut found: Vec<String> =
            ours["names"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_lowercase()).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{at}");
        let subject = value(&x509(pem, &["-subject", "-nameopt", "RFC2253"]), "subject").to_owned();
        assert_eq!(parts(ours["subject"].as_str().unwrap()), parts(&subject), "{at}");
        let issuer = value(&x509(pem, &["-issuer", "-nameopt", "RFC2253"]), "issuer").to_owned();
        assert_eq!(parts(ours["issuer"].as_str().unwrap()), parts(&issuer), "{at}");
    }

    // The verdicts agree, and so does the reason.
    let code = seen.after("Verify return code: ");
    let bad: Vec<&str> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["check"].as_str().unwrap().starts_with("cert-"))
        // To an MX a certificate that nobody vouches for is something to know, no more (RFC 7435).
        .filter(|f| matches!(f["outcome"].as_str(), Some("fail" | "warn" | "info")))
        .map(|f| f["check"].as_str().unwrap())
        // How strong a key or a signature is OpenSSL does not say here: sslscan is asked about it.
        .filter(|check| !["cert-expiring", "cert-key-weak", "cert-sig-weak"].contains(check))
        .collect();
    let expected: &[&str] = match code.split(' ').next().unwrap() {
        "0" => &[],
        "9" => &["cert-not-yet-valid"],
        "10" => &["cert-expired"],
        "18" => &["cert-self-signed"],
        // OpenSSL sees one thing where we tell two apart.
        "20" | "21" if bad.contains(&"cert-chain-incomplete") => &["cert-chain-incomplete"],
        "20" | "21" => &["cert-unknown-ca"],
        "66" => &["cert-key-proof"],
        "62" => &["cert-name-mismatch"],
        _ => panic!("{at}: {code}"),
    };
    assert_eq!(bad, expected, "{at}: {code}");
    let verified = tls["signature_failure"].is_null()
        && tls["path"]["error_now"].is_null()
        && !tls["names"]["matched"].is_null();
    assert_eq!(verified, expected.is_empty(), "{at}: {code}");
}

/// The parts of a distinguished name in any order and notation.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = name.split(',').map(|p| p.trim().to_owned()).collect();
    parts.sort();
    parts
}

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn each_bad_certificate_is_called_by_its_name() {
    for (name, line) in [
        ("expired", "✘ cert-expired · critical · imaps://expired.example.test"),
        ("notyet", "✘ cert-not-yet-valid · critical · imaps://notyet.example.test"),
        ("selfsigned", "✘ cert-self-signed · high · imaps://selfsigned.example.test"),
        ("wrongname", "✘ cert-name-mismatch · critical · imaps://wrongname.example.test"),
        ("nochain", "✘ cert-unknown-ca · high · imaps://nochain.example.test"),
    ] {
        let url = format!("imaps://{name}.{}:{}", variable("TS_DOMAIN"), variable("TS_IMAPS_PORT"));
        let ca = variable("TS_CA");
        let ran = ehlo(&["check", &url, "--connect", &variable("TS_HOST"), "--ca", &ca, "--as-outside"]);
        assert!(ran.out.contains(line), "{name}: {}", ran.out);
        assert_eq!(ran.code, i32::from(line.starts_with('✘')), "{name}");
    }
}
