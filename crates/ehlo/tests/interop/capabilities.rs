//! Greetings, capabilities, logins and mailboxes as swaks, imtest, pop3test and curl see them.

use crate::site::{Site, main_of, said_by, services, variable, words};
use std::process::Command;

fn has_prefix<'a>(line: &'a str, prefixes: &[&str]) -> Option<&'a str> {
    prefixes.iter().find_map(|p| line.strip_prefix(p))
}

fn sorted(words: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut words: Vec<String> = words.into_iter().collect();
    words.sort();
    words.dedup();
    words
}

/// The extensions in what swaks shows behind `prefix` (`<-  ` in the clear, `<~  ` inside TLS).
fn extensions(said: &str, prefix: &str) -> Vec<String> {
    let lines =
        said.lines().filter_map(|l| has_prefix(l, &[&format!("{prefix}250-"), &format!("{prefix}250 ")]));
    // The first line names the server.
    sorted(lines.skip(1).map(|l| l.replace('=', " ").to_uppercase()))
}

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn extensions_are_those_that_swaks_sees() {
    for address in ["TS_HOST", "TS_HOST_STRICT"] {
        for site in services(address).into_iter().filter(|s| s.protocol() == "smtp") {
            let tls = if site.is_implicit() { "--tlsc" } else { "--tls" };
            let said = said_by(Command::new("swaks").args([
                "--server",
                &site.address,
                "--port",
                &site.port,
                tls,
                "--quit-after",
                "EHLO",
                "--ehlo",
                "[127.0.0.1]",
            ]));
            let document = site.check(&[]);
            let upper =
                |moment| words(&document, moment).map(|w| sorted(w.into_iter().map(|w| w.to_uppercase())));
            if !site.is_implicit() {
                assert_eq!(upper("plain").unwrap(), extensions(&said, "<-  "), "{site:?}\n{said}");
            }
            assert_eq!(upper("tls").unwrap(), extensions(&said, "<~  "), "{site:?}\n{said}");
            let greeting = said.lines().find_map(|l| has_prefix(l, &["<-  220 ", "<~  220 "])).unwrap();
            assert_eq!(main_of(&document)["greeting"]["text"], format!("220 {greeting}"), "{site:?}");
        }
    }
}

/// The list that `imtest` shows after `C: ... CAPABILITY` (or in the greeting): the first or the last.
fn imap_lists(said: &str) -> Vec<Vec<String>> {
    said.lines()
        .filter_map(|line| {
            let list = line.strip_prefix("S: * CAPABILITY ").or_else(|| {
                let after = line.split_once("[CAPABILITY ")?.1;
                after.split_once(']').map(|(list, _)| list)
            })?;
            Some(sorted(list.split(' ').map(str::to_uppercase)))
        })
        .collect()
}

/// The lists that `pop3test` shows after each CAPA.
fn pop3_lists(said: &str) -> Vec<Vec<String>> {
    said.replace('\r', "")
        .split("C: CAPA\n")
        .skip(1)
        .map(|part| {
            let lines = part.lines().skip(1).filter_map(|l| l.strip_prefix("S: "));
            // Dovecot's list begins with CAPA itself, which is no capability but does no harm: both show it.
            sorted(lines.take_while(|l| *l != ".").map(str::to_uppercase))
        })
        .collect()
}

/// Runs a program of the Cyrus SASL test suite, which Debian keeps apart.
fn cyrus(program: &str, site: &Site, arguments: &[&str]) -> String {
    let path = format!("/usr/lib/cyrus/bin/{program}");
    let program = if std::path::Path::new(&path).exists() { path } else { program.to_owned() };
    let mut command = Command::new(program);
    if site.is_implicit() {
        command.arg("-s");
    } else {
        command.args(["-t", ""]);
    }
    command.args(arguments).args([
        "-a",
        &variable("TS_USER"),
        "-w",
        &variable("TS_PASSWORD"),
        "-p",
        &site.port,
    ]);
    said_by(command.arg(&site.address))
}

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn capabilities_are_those_that_imtest_and_pop3test_see() {
    let password = crate::common::folder("interop-password").join("pw");
    std::fs::write(&password, variable("TS_PASSWORD")).unwrap();
    let login = ["--user", &variable("TS_USER"), "--password-file", password.to_str().unwrap()];
    for address in ["TS_HOST", "TS_HOST_STRICT"] {
        for site in services(address).into_iter().filter(|s| s.protocol() != "smtp") {
            let imap = site.protocol() == "imap";
            let said = match imap {
                true => cyrus("imtest", &site, &["-m", "PLAIN"]),
                false => cyrus("pop3test", &site, &["-m", "USER"]),
            };
            let lists = if imap { imap_lists(&said) } else { pop3_lists(&said) };
            let document = site.check(&login);
            let upper =
                |moment| words(&document, moment).map(|w| sorted(w.into_iter().map(|w| w.to_uppercase())));
            if !site.is_implicit() {
                assert_eq!(upper("plain").as_ref(), lists.first(), "{site:?}\n{said}");
            }
            // IMAP tells a third list behind the login; POP3 is not asked again.
            let inside =
                if imap { lists.len().checked_sub(2).and_then(|n| lists.get(n)) } else { lists.last() };
            assert_eq!(upper("tls").as_ref(), inside, "{site:?}\n{said}");
            if imap {
                assert_eq!(upper("login").as_ref(), lists.last(), "{site:?}\n{said}");
            }
            assert_eq!(main_of(&document)["login"]["result"]["is"], "accepted", "{site:?}");
        }
    }
}

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn the_mailbox_is_the_one_that_curl_sees() {
    let password = crate::common::folder("interop-mailbox").join("pw");
    std::fs::write(&password, variable("TS_PASSWORD")).unwrap();
    let (user, ca) = (variable("TS_USER"), variable("TS_CA"));
    let curl = |site: &Site, request: &str| {
        let resolve = format!("{}:{}:{}", site.name, site.port, site.address);
        let credentials = format!("{user}:{}", variable("TS_PASSWORD"));
        said_by(Command::new("curl").args([
            "-sSv",
            "--max-time",
            "20",
            "--cacert",
            &ca,
            "--resolve",
            &resolve,
            "-u",
            &credentials,
            "-X",
            request,
            &format!("{}/", site.url()),
        ]))
    };
    let login = ["--user", &user, "--password-file", password.to_str().unwrap()];
    let services = services("TS_HOST");

    let site = services.iter().find(|s| s.scheme == "imaps").unwrap();
    let document = site.check(&login);
    let account = &main_of(&document)["account"];
    let folders = account["folders"].as_array().unwrap();
    let listed = curl(site, "LIST \"\" \"*\"");
    let names = sorted(listed.lines().filter(|l| l.starts_with("* LIST ")).map(|l| {
        let name = l.split_once(") \"/\" ").unwrap().1;
        name.trim_end().trim_matches('"').to_owned()
    }));
    let wire = |f: &serde_json::Value| f["wire_name"].as_str().or(f["name"].as_str()).unwrap().to_owned();
    assert_eq!(sorted(folders.iter().map(wire)), names, "{listed}");
    for folder in folders {
        let attributes = folder["attributes"].as_array().unwrap();
        let closed = |a: &str| ["\\noselect", "\\nonexistent"].contains(&a.to_lowercase().as_str());
        if attributes.iter().any(|a| closed(a.as_str().unwrap())) {
            continue;
        }
        let status = curl(site, &format!("STATUS \"{}\" (MESSAGES UNSEEN)", wire(folder)));
        let expected = format!("(MESSAGES {} UNSEEN {})", folder["messages"], folder["unseen"]);
        assert!(status.contains(&expected), "{folder}: {status}");
    }

    let site = services.iter().find(|s| s.scheme == "pop3s").unwrap();
    let document = site.check(&login);
    let account = &main_of(&document)["account"];
    let status = curl(site, "STAT");
    assert!(
        status.contains(&format!("+OK {} {}", account["messages"], account["octets"])),
        "{account}: {status}"
    );
}

#[test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
fn what_the_lax_address_allows_is_a_fault_from_outside() {
    // Dovecot takes a client at the server's own address for secure and offers PLAIN in the clear.
    for site in services("TS_HOST") {
        let document = site.check(&[]);
        let findings = document["findings"].as_array().unwrap();
        let outcome =
            |check: &str| findings.iter().find(|f| f["check"] == check).map(|f| f["outcome"].clone());
        if matches!(site.scheme, "imap" | "pop3") {
            assert_eq!(outcome("plaintext-auth-offered").unwrap(), "fail", "{site:?}");
            assert_eq!(document["services"][0]["level"]["level"], "exposed", "{site:?}");
        }
    }
    for site in services("TS_HOST_STRICT") {
        let document = site.check(&[]);
        // What Postfix 3.7 of Debian takes by itself, as sslscan sees it, too: see the comparison of TLS.
        let usual = |check: &str| {
            matches!(site.scheme, "smtp" | "submission" | "submissions" | "smtps")
                && ["sig-sha1", "suite-anon", "suite-static-rsa"].contains(&check)
        };
        let bad: Vec<&serde_json::Value> = document["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|f| f["outcome"] == "fail" && !usual(f["check"].as_str().unwrap()))
            .collect();
        assert!(bad.is_empty(), "{site:?}: {bad:#?}");
    }
}
