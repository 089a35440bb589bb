//! What hand-made hellos find out, beside what `sslscan` and `openssl s_client` get of the same services in the same run: once as they should be, once as weak as their OpenSSL lets them be.

use crate::site::{SERVICES, STRONG, Site, WEAK, said_by, variable};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const TLS12: u64 = 0x0303;
const TLS13: u64 = 0x0304;

/// All that OpenSSL has.
const ALL: &str = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";

/// What we found out.
pub(crate) struct Ours {
    document: Value,
    pub(crate) at: String,
}

/// More handshakes than a service is asked by default: OpenSSL has some sixty suites.
const BUDGET: &str = "250";

pub(crate) fn ours(site: &Site, more: &[&str]) -> Ours {
    let document = site.check(&[&["--only", "tls", "--budget", BUDGET], more].concat());
    Ours { document, at: format!("{} at {}", site.url(), site.port) }
}

impl Ours {
    fn probe(&self) -> &Value {
        let probe = &self.document["services"][0]["facts"]["tls_probe"];
        assert!(probe.is_object(), "{}: nothing was asked", self.at);
        probe
    }

    /// What was chosen in a version.
    fn chosen(&self, version: u64) -> impl Iterator<Item = &Value> {
        let hellos = self.probe()["hellos"].as_array().unwrap().iter().map(|h| &h["answer"]);
        hellos.filter(move |a| a["is"] == "chosen" && a["version"] == version)
    }

    fn suites(&self, version: u64) -> BTreeSet<u64> {
        self.chosen(version).map(|c| c["suite"].as_u64().unwrap()).collect()
    }

    /// How a check came out; none if it had nothing to say.
    pub(crate) fn outcome(&self, check: &str) -> Option<&str> {
        let findings = self.document["findings"].as_array().unwrap();
        findings.iter().find(|f| f["check"] == check).map(|f| f["outcome"].as_str().unwrap())
    }

    /// Whether a check found what it looks for.
    pub(crate) fn complains(&self, check: &str) -> bool {
        match self.outcome(check) {
            None | Some("pass") => false,
            Some("fail" | "warn" | "info") => true,
            Some(other) => panic!("{}: {check} is {other}", self.at),
        }
    }
}

fn everywhere(mut look: impl FnMut(&Site)) {
    for servers in [STRONG, WEAK] {
        for (scheme, _) in SERVICES {
            look(&Site::of(servers, scheme));
        }
    }
}

/// Elements of `sslscan --xml`, each on a line of its own, with their attributes.
struct Scan {
    text: String,
}

impl Scan {
    fn of(site: &Site, less: &[&str]) -> Scan {
        let mut command = Command::new("sslscan");
        command.args(["--xml=-", &format!("--sni-name={}", site.name)]).args(less);
        if !site.is_implicit() {
            command.arg(format!("--starttls-{}", site.protocol()));
        }
        let text = said_by(command.arg(format!("{}:{}", site.address, site.port)));
        assert!(text.contains("</ssltest>"), "{}: {text}", site.url());
        Scan { text }
    }

    fn elements(&self, name: &str) -> impl Iterator<Item = BTreeMap<&str, &str>> {
        let begin = format!("<{name} ");
        self.text.lines().filter_map(move |line| {
            let rest = line.trim().strip_prefix(begin.as_str())?;
            let pairs = rest.split("\" ").filter_map(|pair| pair.split_once("=\""));
            Some(pairs.map(|(name, value)| (name, value.trim_end_matches("\"/>"))).collect())
        })
    }

    fn has_version(&self, kind: &str, version: &str) -> bool {
        let of = self.elements("protocol").find(|p| p["type"] == kind && p["version"] == version);
        of.unwrap_or_else(|| panic!("{kind} {version}: {}", self.text))["enabled"] == "1"
    }

    fn ciphers(&self, version: &'static str) -> impl Iterator<Item = BTreeMap<&str, &str>> {
        self.elements("cipher").filter(move |c| c["sslversion"] == version)
    }

    fn suites(&self, version: &'static str) -> BTreeSet<u64> {
        self.ciphers(version).map(|c| number(c["id"])).collect()
    }
}

fn number(hex: &str) -> u64 {
    u64::from_str_radix(hex.trim_start_matches("0x"), 16).unwrap()
}

fn in_hex(numbers: &BTreeSet<u64>) -> Vec<String> {
    numbers.iter().map(|n| format!("{n:04x}")).collect()
}

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn versions_suites_and_groups_are_those_that_sslscan_finds() {
    let mut seen = 0;
    everywhere(|site| {
        let scan = Scan::of(site, &[]);
        let ours = ours(site, &["--tls-list"]);
        let at = &ours.at;
        // One of the two looks for what is not there, the other for what is.
        for (check, kind, version, bad) in [
            ("tls-ssl2", "ssl", "2", true),
            ("tls-ssl3", "ssl", "3", true),
            ("tls-10", "tls", "1.0", true),
            ("tls-11", "tls", "1.1", true),
            ("tls-12-missing", "tls", "1.2", false),
            ("tls-13-missing", "tls", "1.3", false),
        ] {
            let complains = ours.complains(check);
            assert_eq!(complains, scan.has_version(kind, version) == bad, "{at}: {check}");
        }
        for (version, name) in [(TLS12, "TLSv1.2"), (TLS13, "TLSv1.3")] {
            let (found, theirs) = (ours.suites(version), scan.suites(name));
            assert_eq!(in_hex(&found), in_hex(&theirs), "{at}: {name}");
            seen += found.len();
        }
        let groups: BTreeSet<String> = scan
            .elements("group")
            .filter(|g| g["sslversion"] == "TLSv1.3")
            .map(|g| g["name"].split(' ').next().unwrap().to_owned())
            .collect();
        let found: BTreeSet<String> =
            ours.chosen(TLS13).filter_map(|c| c["group"].as_str().map(str::to_owned)).collect();
        assert_eq!(found, groups, "{at}");
        let mixed = found.iter().any(|group| group.contains("MLKEM"));
        let hybrid =
            if ours.suites(TLS13).is_empty() { None } else { Some(if mixed { "pass" } else { "info" }) };
        assert_eq!(ours.outcome("kex-pq-hybrid"), hybrid, "{at}");
        // Curves below 224 bits and those over a binary field.
        let weak =
            |name: &str| ["sect", "secp160", "secp192", "prime192"].iter().any(|w| name.starts_with(w));
        let theirs = scan.elements("group").filter(|g| g["sslversion"] == "TLSv1.2");
        let theirs: Vec<&str> = theirs.map(|g| g["name"]).filter(|name| weak(name)).collect();
        assert_eq!(ours.complains("kex-ec-weak"), !theirs.is_empty(), "{at}: {theirs:?}");
        // Of each suite with Diffie-Hellman the size of its prime.
        let theirs: BTreeMap<u64, u64> = scan
            .ciphers("TLSv1.2")
            .filter_map(|c| Some((number(c["id"]), c.get("dhebits")?.parse().unwrap())))
            .collect();
        let sizes: BTreeMap<u64, u64> = ours
            .chosen(TLS12)
            .filter_map(|c| Some((c["suite"].as_u64().unwrap(), c["key_bits"].as_u64()?)))
            .collect();
        assert_eq!(sizes, theirs, "{at}");
        let smallest = theirs.values().min();
        assert_eq!(ours.complains("kex-dh-size"), smallest.is_some_and(|s| *s < 3000), "{at}");
        // The lists are complete, and cost no more than they may.
        let probe = ours.probe();
        assert_eq!(probe["truncated"], false, "{at}");
        let old = ["SSLv3", "TLSv1.0", "TLSv1.1"].iter().filter(|v| scan.ciphers(v).next().is_some()).count();
        let bound = scan.suites("TLSv1.2").len() + scan.suites("TLSv1.3").len() + groups.len() + old + 12;
        let handshakes = usize::try_from(probe["handshakes"].as_u64().unwrap()).unwrap();
        assert!(handshakes <= bound, "{at}: {handshakes} of {bound}");
    });
    // That both found nothing would prove nothing.
    assert!(seen > 200, "{seen}");
}

/// What `openssl s_client` gets when it offers this.
fn s_client(site: &Site, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("{}:{}", site.address, site.port)]);
    command.args(["-servername", &site.name]).args(arguments);
    if !site.is_implicit() {
        command.args(["-starttls", site.protocol()]);
    }
    said_by(&mut command)
}

fn is_session(said: &str) -> bool {
    said.contains("Cipher is ") && !said.contains("Cipher is (NONE)")
}

/// The suites of OpenSSL that encrypt in CBC.
fn cbc() -> String {
    let listed = said_by(Command::new("openssl").args(["ciphers", "-v", ALL]));
    let is_cbc = |line: &&str| {
        ["Enc=AES(", "Enc=Camellia(", "Enc=3DES(", "Enc=ARIA("].iter().any(|e| line.contains(e))
    };
    let names: Vec<&str> = listed.lines().filter(is_cbc).filter_map(|l| l.split(' ').next()).collect();
    assert!(names.len() > 20, "{listed}");
    format!("{}:@SECLEVEL=0", names.join(":"))
}

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn verdicts_are_those_that_openssl_comes_to() {
    let cbc = cbc();
    // A check that complains where the other gets a session.
    let questions: &[(&str, &[&str])] = &[
        ("tls-10", &["-tls1", "-cipher", ALL]),
        ("tls-11", &["-tls1_1", "-cipher", ALL]),
        ("suite-null", &["-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"]),
        ("suite-anon", &["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"]),
        ("suite-static-rsa", &["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"]),
        ("suite-ffdhe12", &["-tls1_2", "-cipher", "kDHE:@SECLEVEL=0"]),
        ("suite-cbc", &["-tls1_2", "-cipher", &cbc]),
        ("sig-sha1", &["-tls1_2", "-cipher", "ECDHE:DHE:@SECLEVEL=0", "-sigalgs", "RSA+SHA1"]),
    ];
    // One that complains where the other gets none.
    let absences: &[(&str, &[&str])] = &[
        ("tls-12-missing", &["-tls1_2", "-cipher", ALL]),
        ("tls-13-missing", &["-tls1_3"]),
        ("suite-aead-fs-missing", &["-cipher", "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=0"]),
    ];
    let mut gotten = BTreeMap::<&str, u32>::new();
    everywhere(|site| {
        let ours = ours(site, &[]);
        let at = &ours.at;
        for (check, arguments) in questions {
            let session = is_session(&s_client(site, arguments));
            *gotten.entry(check).or_default() += u32::from(session);
            assert_eq!(ours.complains(check), session, "{at}: {check}: {:?}", ours.outcome(check));
        }
        for (check, arguments) in absences {
            assert_eq!(ours.complains(check), !is_session(&s_client(site, arguments)), "{at}: {check}");
        }
        let said = s_client(site, &["-tls1_2", "-cipher", ALL]);
        let secure = said.contains("Secure Renegotiation IS supported");
        assert_eq!(ours.outcome("tls-reneg-info") == Some("pass"), secure, "{at}: {said}");
        let tied = said.contains("Extended master secret: yes");
        assert_eq!(ours.outcome("tls-ems") == Some("pass"), tied, "{at}: {said}");
        if let Some(answer) = ours.outcome("tls-fallback-scsv") {
            // Of what it tells sslscan says only in its text for people.
            let fallen = is_session(&s_client(site, &["-tls1_1", "-cipher", ALL, "-fallback_scsv"]));
            assert_eq!(answer == "pass", !fallen, "{at}");
            *gotten.entry("tls-fallback-scsv").or_default() += 1;
        }
        let compresses = !said.contains("Compression: NONE");
        assert_eq!(ours.complains("tls-compression"), compresses, "{at}: {said}");
    });
    // Each of them is there on the weak servers at least.
    assert!(gotten.values().all(|times| *times >= 7), "{gotten:?}");
}

/// What `sslscan` should leave out.
const ONLY_CERTIFICATE: &[&str] =
    &["--no-ciphersuites", "--no-groups", "--no-fallback", "--no-renegotiation", "--no-heartbleed"];

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn certificates_are_those_that_sslscan_finds() {
    // Only the weak servers show all of them: OpenSSL refuses to load short keys otherwise.
    for name in ["expired", "selfsigned", "wrongname", "nochain", "sha1", "rsa1024", "ecdsa", "mail"] {
        for scheme in ["smtp", "imap", "imaps", "pop3s"] {
            let name = format!("{name}.{}", variable("TS_DOMAIN"));
            let site = Site { name, ..Site::of(WEAK, scheme) };
            let scan = Scan::of(&site, ONLY_CERTIFICATE);
            let document = site.check(&["--only", "cert", "--skip", "tls"]);
            let tls = &document["services"][0]["facts"]["connections"][0]["tls"];
            let leaf = &tls["chain"][0];
            let at = format!("{} {leaf}", site.url());
            let content = |tag: &str| {
                let (_, rest) = scan.text.split_once(&format!("<{tag}>")).unwrap_or_else(|| panic!("{at}"));
                let content = rest.split_once('<').unwrap().0;
                content.to_owned()
            };
            let outcome = |check: &str| {
                let findings = document["findings"].as_array().unwrap();
                let found = findings.iter().find(|f| f["check"] == check);
                found.map_or("none".to_owned(), |f| f["outcome"].as_str().unwrap().to_owned())
            };
            let bad = |check: &str| matches!(outcome(check).as_str(), "fail" | "warn" | "info");
            assert_eq!(bad("cert-expired").to_string(), content("expired"), "{at}");
            assert_eq!(bad("cert-self-signed").to_string(), content("self-signed"), "{at}");
            // `sha1WithRSAEncryption` and `ecdsa-with-SHA256` say the same in another order.
            let theirs = content("signature-algorithm").to_lowercase();
            let signature = leaf["signature"].as_str().unwrap().to_lowercase();
            let digest =
                ["sha1", "sha256", "sha384", "sha512"].iter().find(|d| theirs.contains(**d)).unwrap();
            assert!(signature.replace('-', "").contains(digest), "{at}: {theirs}");
            // It says nothing of keys on curves but their curve.
            if let Some(key) = scan.elements("pk").find(|k| k["type"] == "RSA") {
                assert_eq!(leaf["key_bits"].to_string(), key["bits"], "{at}");
            } else {
                assert!(site.name.starts_with("ecdsa"), "{at}: {}", scan.text);
            }
        }
    }
}
