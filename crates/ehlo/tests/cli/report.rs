//! What a person sees.

use crate::common::{ehlo, folder, program, ran};
use crate::shown::steady;

#[test]
fn the_report_on_a_sound_lab() {
    insta::assert_snapshot!(steady(&ehlo(&["check", "lab"]).out));
    insta::assert_snapshot!(
        "the_report_on_a_sound_lab_de",
        steady(&ehlo(&["check", "lab", "--lang", "de"]).out)
    );
}

#[test]
fn the_report_on_a_broken_lab() {
    let arguments = [
        "check",
        "lab",
        "--lab-fault",
        "cert-expired@imaps",
        "--lab-fault",
        "firewall-masked@submission",
        "--lab-fault",
        "starttls-cleartext-goes-on@pop3",
        "--lab-fault",
        "auth-clear-accepted@imap",
    ];
    insta::assert_snapshot!(steady(&ehlo(&arguments).out));
    insta::assert_snapshot!(
        "the_report_on_a_broken_lab_de",
        steady(&ehlo(&[&arguments[..], &["--lang", "de"]].concat()).out)
    );
}

#[test]
fn the_details_of_a_service() {
    let out = ehlo(&["check", "pop3://lab", "-v", "-4", "--user", "alice"]).out;
    insta::assert_snapshot!(steady(&out));
    // With -vv the dialogues stand at the end.
    let out = ehlo(&["check", "smtp://lab", "-vv", "-4"]).out;
    assert!(out.contains("smtp://lab (main)\n") && out.contains(" C: EHLO "), "{out}");
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    for columns in ["60", "80", "120"] {
        for lang in ["en", "de"] {
            let output = program()
                .args([
                    "check",
                    "lab",
                    "-vv",
                    "--lang",
                    lang,
                    "--user",
                    "alice",
                    "--lab-fault",
                    "hostile-escapes@smtp",
                ])
                .env("COLUMNS", columns)
                .output()
                .unwrap();
            let width: usize = columns.parse().unwrap();
            for (number, line) in ran(output).out.lines().enumerate() {
                // The table of services needs its columns.
                let table = number == 0 || (line.contains("://lab") && !line.contains(" · "));
                assert!(line.chars().count() <= width || (table && width < 80), "{columns} {lang}: {line}");
            }
        }
    }
}

#[test]
fn colours_come_only_where_they_are_wanted() {
    let escapes = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = program();
        command.args(["check", "imap://lab"]).args(arguments).envs(variables.iter().copied());
        ran(command.output().unwrap()).out.contains('\u{1b}')
    };
    assert!(!escapes(&[], &[]));
    assert!(escapes(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(escapes(&[], &[("FORCE_COLOR", "1")]));
    assert!(!escapes(&[], &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")]));
    assert!(!escapes(&["--color", "never"], &[("FORCE_COLOR", "1")]));
}

#[test]
fn transcripts_are_private_and_hold_no_secret() {
    let file = folder("transcript").join("run.ehlo");
    let ran = ehlo(&["check", "lab", "--user", "benutzername", "--transcript", file.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("format: 1\ntitle: ehlo check\n\n== smtp://lab (main)\n"), "{text}");
    assert!(text.contains("{{sasl_plain(user, password)}}"));
    for form in ["passwort", "cGFzc3dvcnQ", "Bhc3N3b3J0", "wYXNzd29ydA"] {
        assert!(!text.contains(form), "{form}");
    }
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn no_output_holds_a_secret() {
    for format in ["human", "json"] {
        let ran = ehlo(&["check", "lab", "--user", "benutzername", "-vv", "--format", format]);
        for form in ["passwort\"", " passwort", "cGFzc3dvcnQ", "Bhc3N3b3J0", "wYXNzd29ydA"] {
            assert!(!ran.out.contains(form) && !ran.err.contains(form), "{format}: {form}");
        }
    }
}

#[test]
fn a_wrong_password_is_told_and_the_code_says_so() {
    let file = folder("wrong-password").join("pw");
    std::fs::write(&file, "falsch\n").unwrap();
    let ran = ehlo(&["check", "imaps://lab", "--user", "alice", "--password-file", file.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("alice was not let in with PLAIN"), "{}", ran.out);
    assert!(!ran.out.contains("falsch"));
}

/// What a report says of a refusal is what `ehlo explain` says of the same words at the same stage.
#[test]
fn refusals_are_explained_as_explain_explains_them() {
    let file = folder("refusals").join("pw");
    std::fs::write(&file, "falsch\n").unwrap();
    for url in ["imaps://lab", "pop3s://lab", "smtps://lab"] {
        let ran = ehlo(&[
            "check",
            url,
            "--user",
            "alice",
            "--password-file",
            file.to_str().unwrap(),
            "--format",
            "json",
        ]);
        let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let service = &document["services"][0];
        let login = service["facts"]["connections"].as_array().unwrap().iter().find_map(|c| c.get("login"));
        let reply = login.and_then(|l| l["reply"].as_str()).unwrap_or_else(|| panic!("{url}: no reply"));
        let told = ids(&service["login_causes"]);
        assert!(!told.is_empty() && told == explained(url, "auth", reply), "{url}: {reply}: {told:?}");
    }
}

#[test]
fn greetings_starttls_and_farewells_are_explained() {
    let rows = [
        ("smtp://lab", "greeting-refused", "greeting-syntax", "text", "greeting"),
        ("imap://lab", "greeting-refused", "greeting-syntax", "text", "greeting"),
        ("pop3://lab", "greeting-refused", "greeting-syntax", "text", "greeting"),
        ("smtp://lab", "starttls-refused", "starttls-works", "reply", "start-tls"),
        ("imap://lab", "starttls-refused=NO TLS is not available", "starttls-works", "reply", "start-tls"),
        ("pop3://lab", "starttls-refused", "starttls-works", "reply", "start-tls"),
        ("smtp://lab", "connection-limit=1", "conn-rate-limited", "reply", "greeting"),
    ];
    for (url, fault, check, said, stage) in rows {
        let finding = finding(url, fault, check);
        let reply = finding["params"][said].as_str().unwrap_or_else(|| panic!("{fault}: {finding}"));
        let told = ids(&finding["causes"]);
        assert!(!told.is_empty() && told == explained(url, stage, reply), "{url} {fault}: {reply}: {told:?}");
    }
    // The reply stands in the dialogue, not in the finding.
    for (url, fault, check, wanted) in [
        ("smtp://lab", "farewell=EHLO", "conn-lost", "N18"),
        ("imap://lab", "farewell=CAPABILITY", "conn-lost", "N18"),
    ] {
        let finding = finding(url, fault, check);
        assert!(ids(&finding["causes"]).iter().any(|id| id == wanted), "{url} {fault}: {finding}");
    }
}

/// What a check finds at a lab with a fault.
fn finding(url: &str, fault: &str, check: &str) -> serde_json::Value {
    let ran = ehlo(&["check", url, "--lab-fault", fault, "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let findings = document["findings"].as_array().unwrap();
    findings.iter().find(|f| f["check"] == check).unwrap_or_else(|| panic!("{fault}: no {check}")).clone()
}

/// The ids of likely causes.
fn ids(causes: &serde_json::Value) -> Vec<String> {
    let causes = causes.as_array().map(Vec::as_slice).unwrap_or_default();
    causes.iter().map(|cause| cause["id"].as_str().unwrap().to_owned()).collect()
}

/// The ids of the failures by which `ehlo explain` explains a reply, as many as a report shows.
fn explained(url: &str, stage: &str, reply: &str) -> Vec<String> {
    let protocol = url.split("s://").next().unwrap().trim_end_matches("://lab");
    let args = ["explain", "--protocol", protocol, "--stage", stage, "--format", "json", "--", reply];
    let document: serde_json::Value = serde_json::from_str(&ehlo(&args).out).unwrap();
    let mut found = Vec::new();
    for part in document["parts"].as_array().unwrap() {
        for explanation in part["explanations"].as_array().unwrap() {
            if explanation["kind"] == "failure" {
                found.push(explanation["key"].as_str().unwrap().trim_start_matches("failure/").to_owned());
            }
        }
    }
    found.truncate(3);
    found
}

#[test]
fn no_password_goes_to_an_unverified_server() {
    for fault in ["cert-self-signed", "cert-wrong-name", "cert-expired", "cert-unknown-ca"] {
        let ran = ehlo(&["check", "imaps://lab", "--lab-fault", fault, "-vv"]);
        assert_eq!(ran.code, 1, "{fault}");
        assert!(!ran.out.contains("AUTHENTICATE PLAIN *"), "{fault}");
    }
}
