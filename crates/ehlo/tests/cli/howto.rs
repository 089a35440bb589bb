//! Steps 5, 12 and 20 of the how-to: whoever types on in the clear after STARTTLS gets no answer. The scripts, the check
//! and its explanation have to agree, on a server that works and on one that goes on.

use crate::common::ehlo;
use serde_json::Value;

/// The step, its script among those that the program carries, and the service.
const STEPS: [(u32, &str, &str); 3] = [
    (5, "howto/05-starttls-cleartext", "smtp://lab"),
    (12, "howto/12-stls-cleartext", "pop3://lab"),
    (20, "howto/20-starttls-imap-cleartext", "imap://lab"),
];

const GOES_ON: &str = "starttls-cleartext-goes-on";
const CHECK: &str = "starttls-cleartext-after";

#[test]
fn the_scripts_see_a_server_that_goes_on_in_the_clear() {
    for (step, script, target) in STEPS {
        let good = ehlo(&["run", "--suite", script, "--target", target]);
        assert_eq!(good.code, 0, "step {step}: {}{}", good.out, good.err);
        let bad = ehlo(&["run", "--suite", script, "--target", target, "--lab-fault", GOES_ON]);
        assert_eq!(bad.code, 1, "step {step}: {}{}", bad.out, bad.err);
        // For what was answered, not only for a connection that stays open.
        assert!(bad.out.contains("S!") && !bad.out.contains("did not close"), "step {step}: {}", bad.out);
    }
}

#[test]
fn the_check_sees_it_as_well() {
    for (step, _, target) in STEPS {
        for (fault, wanted, code) in [(None, "pass", 0), (Some(GOES_ON), "fail", 1)] {
            let mut arguments = vec!["check", target, "-4", "--only", CHECK, "--format", "json"];
            arguments.extend(fault.map(|fault| ["--lab-fault", fault]).iter().flatten());
            let ran = ehlo(&arguments);
            let document: Value = serde_json::from_str(&ran.out).unwrap();
            let finding =
                document["findings"].as_array().unwrap().iter().find(|f| f["check"] == CHECK).unwrap();
            assert_eq!(
                (finding["outcome"].as_str(), ran.code),
                (Some(wanted), code),
                "step {step}: {finding}"
            );
        }
    }
}

#[test]
fn the_check_is_explained_with_how_to_look_by_hand() {
    for (lang, words) in [("en", "By hand: "), ("de", "Von Hand: ")] {
        let ran = ehlo(&["explain", CHECK, "--lang", lang]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        for wanted in [words, "NOOP", "STLS", "Postfix", "Dovecot", "Exim", "Cyrus"] {
            assert!(ran.out.contains(wanted), "{wanted}: {}", ran.out);
        }
    }
}
