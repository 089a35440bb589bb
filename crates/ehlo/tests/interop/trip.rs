//! `ehlo trip` from Postfix to Dovecot.

use crate::common::{Ran, ehlo, folder};
use crate::site::variable;
use serde_json::Value;

/// The profiles of both servers, and the trip between them.
fn trip(name: &str, to: &str, more: &[&str]) -> Ran {
    let folder = folder(&format!("interop-trip-{name}"));
    let (host, address, ca) = (variable("TS_NAME"), variable("TS_HOST"), variable("TS_CA"));
    let (alice, bob) = (folder.join("alice"), folder.join("bob"));
    std::fs::write(&alice, "wonderland\n").unwrap();
    std::fs::write(&bob, "builder123\n").unwrap();
    let port = |name: &str| variable(name);
    let profile = |scheme: &str, port: String, account: &str| {
        format!(
            "host = \"{host}\"\nconnect = \"{address}\"\nca = [\"{ca}\"]\nports = {{ {scheme} = {port} }}\n{account}\n"
        )
    };
    let account = |user: &str, file: &std::path::Path| {
        format!("account = {{ user = \"{user}\", password = \"file:{}\" }}", file.display())
    };
    let to_port = match to {
        "imaps" => port("TS_IMAPS_PORT"),
        _ => port("TS_POP3S_PORT"),
    };
    let config = folder.join("ehlo.toml");
    let text = format!(
        "[profile.mx]\n{}[profile.submission]\n{}[profile.box]\n{}",
        profile("smtp", port("TS_SMTP_PORT"), ""),
        profile("submission", port("TS_SUBMISSION_PORT"), &account("alice", &alice)),
        profile(to, to_port, &account("bob", &bob)),
    );
    std::fs::write(&config, text).unwrap();
    let domain = variable("TS_DOMAIN");
    let (from, to) = (format!("alice@{domain}"), format!("bob@{domain}"));
    let fixed =
        ["trip", "--config", config.to_str().unwrap(), "--to-profile", "box", "--from", &from, "--to", &to];
    ehlo(&[&fixed[..], more].concat())
}

#[test]
#[ignore = "needs real servers: cargo xtask interop"]
fn what_postfix_takes_is_seen_to_arrive_at_dovecot() {
    for (name, from, to) in
        [("imap", "submission", "imaps"), ("pop3", "submission", "pop3s"), ("mx", "mx", "imaps")]
    {
        let ran = trip(name, to, &["--from-profile", from, "--format", "json", "--timeout", "60s"]);
        assert_eq!(ran.code, 0, "{name}: {}{}", ran.out, ran.err);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        let message = &document["messages"][0];
        assert_eq!(message["verdict"], "arrived", "{name}");
        assert!(message["queue_id"].is_string(), "{name}");
        let copy = &message["copies"][0];
        assert_eq!(copy["folder"]["text"], "INBOX");
        assert!(!copy["hops"].as_array().unwrap().is_empty(), "{name}: {copy}");
        assert_eq!(copy["changes"]["damaged"], false, "{name}: {}", copy["changes"]);
        assert_eq!(document["removed"], 1, "{name}");
    }
}
