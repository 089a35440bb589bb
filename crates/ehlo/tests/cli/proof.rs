//! What only a mailbox can prove, with the program's own way of looking into one.

use crate::common::{RunningLab, ehlo, program, ran};

#[test]
fn a_relay_is_proven_by_the_mailbox_elsewhere() {
    let lab = RunningLab::start("proof-relay", &["--fault", "open-relay=arrives@smtp"]);
    let smtp = format!("smtp://127.0.0.1:{}", lab.port("smtp"));
    for scheme in ["imaps", "pop3s"] {
        let mailbox = format!("{scheme}://127.0.0.1:{}", lab.port(scheme));
        let mut command = program();
        command.args(["check", &smtp, "--only", "smtp-open-relay", "--allow", "smtp-open-relay"]);
        command.args(["--relay-to", "alice@outside.example", "--relay-mailbox", &mailbox]);
        command.args(["--as-outside", "--ca", lab.ca.to_str().unwrap(), "--format", "json"]);
        let proven = ran(command.env("EHLO_RELAY_PASSWORD", "wonderland").output().unwrap());
        assert_eq!(proven.code, 1, "{}{}", proven.out, proven.err);
        let report: serde_json::Value = serde_json::from_str(&proven.out).unwrap();
        let finding = &report["findings"][0];
        assert_eq!(
            (&finding["outcome"], &finding["message"]),
            (&"fail".into(), &"proven".into()),
            "{finding}"
        );
        // What was looked for is gone again.
        let mut listed = program();
        listed.args(["mailbox", "list", &mailbox, "--user", "alice", "--ca", lab.ca.to_str().unwrap()]);
        let listed = ran(listed.env("EHLO_PASSWORD", "wonderland").output().unwrap());
        assert!(listed.code == 0 && !listed.out.contains("ehlo check"), "{}{}", listed.out, listed.err);
    }
}

#[test]
fn a_mailbox_that_cannot_be_looked_into_proves_nothing() {
    let lab = RunningLab::start("proof-none", &["--fault", "open-relay=arrives@smtp"]);
    let smtp = format!("smtp://127.0.0.1:{}", lab.port("smtp"));
    let mailbox = format!("imaps://127.0.0.1:{}", lab.port("imaps"));
    let mut command = program();
    command.args(["check", &smtp, "--only", "smtp-open-relay", "--allow", "smtp-open-relay", "--as-outside"]);
    command.args(["--relay-to", "alice@outside.example", "--relay-mailbox", &mailbox]);
    command.args(["--ca", lab.ca.to_str().unwrap(), "--fail-on", "warn"]);
    let ran = ran(command.env("EHLO_RELAY_PASSWORD", "wrong").output().unwrap());
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("seems to be taken from strangers"), "{}", ran.out);
}

#[test]
fn what_becomes_of_bare_lf_is_seen_in_the_own_mailbox() {
    let checked = |fault: &[&str], more: &[&str]| {
        let usual = ["check", "smtp://lab", "-4", "--only", "smtp-bare-lf", "--allow", "smtp-bare-lf", "-v"];
        let own = ["--own-mailbox", "alice@lab.test"];
        let ran = ehlo(&[&usual[..], &own, fault, more].concat());
        // However the lines are broken.
        ran.out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let kept = ["--lab-fault", "bare-line-ends-taken@smtp"];
    let seen = checked(&kept, &["--own-mailbox-in", "imaps://lab"]);
    for way in ["DATA", "BDAT"] {
        let wanted = format!("a message with LF without CR ({way}) is taken");
        assert!(seen.contains(&wanted) && seen.contains("came into the mailbox just so"), "{}", seen);
    }
    assert!(seen.contains("connections: 4 of at most 5"), "{}", seen);
    let not_seen = checked(&kept, &[]);
    assert!(not_seen.contains("is seen in the mailbox only"), "{}", not_seen);
    let normalised = checked(
        &["--lab-fault", "bare-line-ends-taken=normalised@smtp"],
        &["--own-mailbox-in", "pop3s://lab"],
    );
    assert!(normalised.contains("with CR LF in its place"), "{}", normalised);
}

#[test]
fn what_is_allowed_needs_what_it_takes() {
    for (arguments, wanted) in [
        (&["--allow", "smtp-bare-lf"][..], "--allow smtp-bare-lf needs --own-mailbox"),
        (&["--allow", "smtp-smuggling-in"], "--allow smtp-smuggling-in needs --own-mailbox"),
        (&["--allow", "submission-sender-forge"], "needs --user"),
        (&["--own-mailbox-in", "imaps://lab"], "--own-mailbox-in needs --own-mailbox"),
    ] {
        let ran = ehlo(&[&["check", "lab"], arguments].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(wanted), "{arguments:?}: {}", ran.err);
    }
    let plan = ehlo(&[
        "check",
        "--dry-run",
        "--only",
        "smtp-bare-lf,smtp-unauth-pipelining,submission-sender-forge",
    ]);
    assert!(plan.out.contains("smtp-bare-lf (not asked without --allow"), "{}", plan.out);
    assert!(plan.out.contains("smtp-unauth-pipelining (connections: up to 1)"), "{}", plan.out);
    let allowed = ["--allow", "opt-in", "--own-mailbox", "a@b.example", "--user", "a"];
    let plan = ehlo(
        &[&["check", "--dry-run", "--only", "smtp-bare-lf,submission-sender-forge"], &allowed[..]].concat(),
    );
    assert!(plan.out.contains("smtp-bare-lf (connections: up to 3)"), "{}", plan.out);
    assert!(plan.out.contains("submission-sender-forge (connections: up to 1)"), "{}", plan.out);
}
