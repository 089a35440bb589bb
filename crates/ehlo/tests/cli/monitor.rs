//! What monitoring systems get: the lines and exit codes of a Nagios plugin, and the metrics of Prometheus.

use crate::common::ehlo;

/// The state, the exit code, and the rest of the output.
fn plugin(arguments: &[&str]) -> (String, i32) {
    let ran = ehlo(&[arguments, &["--format", "nagios"]].concat());
    (ran.out, ran.code)
}

#[test]
fn a_sound_service_is_ok() {
    let (out, code) = plugin(&["check", "imaps://lab"]);
    assert_eq!(code, 0, "{out}");
    assert_eq!(out.lines().count(), 1, "{out}");
    let (text, figures) = out.trim_end().split_once(" | ").unwrap();
    assert!(text.starts_with("EHLO OK - sound; verdicts: "), "{out}");
    assert!(
        figures.contains("'imaps://lab time'=") && figures.contains("'imaps://lab certificate days'=89;")
    );
    // What is of low severity is no reason to wake anybody: APOP is offered here.
    assert_eq!(plugin(&["check", "pop3://lab"]).1, 0);
}

#[test]
fn the_worst_comes_first_and_decides() {
    let fault = ["--lab-fault", "cert-expired@imaps"];
    let (out, code) =
        plugin(&[&["check", "smtp://lab", "imaps://lab", "--warn", "1ms"][..], &fault].concat());
    assert_eq!(code, 2, "{out}");
    let mut lines = out.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("EHLO CRITICAL - imaps://lab cert-expired: expired on "), "{out}");
    assert!(first.contains(" (and 2 more) | ") && first.contains("s;0.001;;0"), "{out}");
    let rest: Vec<&str> = lines.collect();
    assert!(rest[0].starts_with("CRITICAL: imaps://lab cert-expired"), "{out}");
    assert!(
        rest[1..].iter().all(|l| l.starts_with("WARNING: ") && l.ends_with("more than 0.001 s")),
        "{out}"
    );
    let (out, code) = plugin(&["check", "imaps://lab", "--warn", "1ms"]);
    assert_eq!((code, out.starts_with("EHLO WARNING - imaps://lab: took ")), (1, true), "{out}");
    let (out, code) = plugin(&["check", "imaps://lab", "--critical", "1ms"]);
    assert_eq!((code, out.starts_with("EHLO CRITICAL - imaps://lab: took ")), (2, true), "{out}");
}

#[test]
fn refusals_are_critical_and_wrong_usage_is_unknown() {
    let (out, code) = plugin(&["check", "imap://127.0.0.1:1"]);
    assert_eq!((code, out.starts_with("EHLO CRITICAL - ")), (2, true), "{out}");
    let (out, code) = plugin(&["check", "imap://lab", "--user", "alice", "--lab-fault", "auth-refused"]);
    assert!(code == 2 && out.starts_with("EHLO CRITICAL - imap://lab: alice was not let in with "), "{out}");
    for wrong in [&["check"][..], &["check", "lab", "--no-such-flag"], &["check", "imap://a@b:c"]] {
        let (out, code) = plugin(wrong);
        assert_eq!((code, out.starts_with("EHLO UNKNOWN - "), out.lines().count()), (3, true, 1), "{out}");
    }
    // Limits without a monitoring system that reads them are a mistake.
    let ran = ehlo(&["check", "lab", "--warn", "3s"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert_eq!(plugin(&["check", "lab", "--warn", "3s", "--critical", "2s"]).1, 3);
}

#[test]
fn no_text_of_a_server_breaks_the_line() {
    let (out, _) = plugin(&["check", "smtp://lab", "--lab-fault", "hostile-escapes@smtp"]);
    assert_eq!(out.lines().next().unwrap().matches('|').count(), 1, "{out}");
    assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{out:?}");
}

#[test]
fn metrics_for_prometheus() {
    let ran = ehlo(&["check", "imaps://lab", "smtp://lab", "--user", "alice", "--format", "prometheus"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let sample = |line: &&str| !line.starts_with('#');
    for line in ran.out.lines().filter(sample) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(
            name.contains("{target=\"imaps://lab\"") || name.contains("{target=\"smtp://lab\""),
            "{line}"
        );
    }
    for wanted in [
        "probe_success{target=\"imaps://lab\"} 1",
        "ehlo_level{target=\"smtp://lab\",level=\"sound\"} 1",
        "ehlo_login_success{target=\"imaps://lab\",mechanism=\"PLAIN\"} 1",
        "probe_tls_version_info{target=\"imaps://lab\",version=\"TLSv1.3\",cipher=\"",
        "# TYPE probe_duration_seconds gauge",
    ] {
        assert!(ran.out.contains(wanted), "{wanted}\n{}", ran.out);
    }
    let broken = ehlo(&["check", "imaps://lab", "--lab-fault", "cert-expired", "--format", "prometheus"]);
    assert_eq!(broken.code, 1);
    assert!(broken.out.contains("probe_success{target=\"imaps://lab\"} 0"), "{}", broken.out);
    assert!(broken.out.contains("check=\"cert-expired\",outcome=\"fail\",severity=\""), "{}", broken.out);
}

#[test]
fn logins_are_watched_as_well() {
    let login = ["auth", "imaps://lab", "--user", "alice", "--mechanism", "PLAIN"];
    let (out, code) = plugin(&login);
    assert_eq!(code, 0, "{out}");
    assert!(out.starts_with("EHLO OK - 2 logins tried as alice: 2 accepted | 'imaps://lab PLAIN'="), "{out}");
    let (out, code) = plugin(&[&login[..], &["--lab-fault", "auth-refused", "--critical", "50s"]].concat());
    assert_eq!(code, 2, "{out}");
    assert!(out.starts_with("EHLO CRITICAL - imaps://lab PLAIN: refused: "), "{out}");
    assert!(out.contains(" (and 1 more) | ") && out.contains("s;;50;0"), "{out}");
    let (out, code) = plugin(&[&login[..], &["--lab-fault", "auth-unavailable"]].concat());
    assert_eq!((code, out.starts_with("EHLO WARNING - ")), (1, true), "{out}");
    let (out, code) = plugin(&[&login[..], &["--wrong", "--lab-fault", "auth-any-password"]].concat());
    assert!(code == 2 && out.contains("CRITICAL"), "{out}");
    let (out, code) = plugin(&["auth", "imap://127.0.0.1:1", "--user", "a", "--password-command", "echo b"]);
    assert_eq!((code, out.starts_with("EHLO CRITICAL - imap://127.0.0.1:1: ")), (2, true), "{out}");
    // Nothing that can be tried is nothing known.
    let (out, code) = plugin(&["auth", "imaps://lab", "--user", "alice", "--mechanism", "GSSAPI"]);
    assert_eq!((code, out.starts_with("EHLO UNKNOWN - ")), (3, true), "{out}");

    let ran = ehlo(&[&login[..], &["--format", "prometheus"]].concat());
    let wanted =
        "ehlo_login_success{target=\"imaps://lab\",mechanism=\"PLAIN\",initial_response=\"with\"} 1\n";
    assert!(ran.code == 0 && ran.out.contains(wanted), "{}", ran.out);
    assert!(
        ran.out.contains("ehlo_login_offered{target=\"imaps://lab\",mechanism=\"NTLM\"} 1\n"),
        "{}",
        ran.out
    );
}
