//! Messages that are in a lab from the beginning.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

mod common;

use common::{folder, imap, lab};
use ehlo_lab::{Lab, LabError, Seed, SeedError, SeedProblem};
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn seeded(seeds: &[&str]) -> Result<Arc<Lab>, LabError> {
    lab(|config| config.seeds = seeds.iter().map(|text| Seed::parse(text)).collect())
}

fn wrong(seed: &str) -> SeedError {
    match seeded(&[seed]) {
        Err(LabError::Seed(error)) => error,
        other => panic!("{other:?}"),
    }
}

const ALICE: &str = "alice wonderland";
const ALL: &str = "FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])";

#[test]
fn every_kind_of_file() {
    let dir = folder("seed-kinds");
    let at = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let mbox = "From a@b Thu Jan  1 00:00:01 1970\nSubject: one\n\n>From me\n\nFrom c@d Thu Jan  1 00:00:02 1970\nSubject: two\n\nx\n";
    fs::write(at("lf.mbox"), mbox).unwrap();
    fs::write(at("crlf.mbox"), mbox.replace('\n', "\r\n")).unwrap();
    fs::write(at("one.eml"), "Date: Fri, 2 Jan 1970 00:00:00 +0000\nSubject: alone\n\nx\n").unwrap();
    fs::create_dir(at("many")).unwrap();
    fs::write(at("many/b.EML"), "Subject: b\n\n").unwrap();
    fs::write(at("many/a.eml"), "Subject: a\n\n").unwrap();
    fs::write(at("many/notes.txt"), "no mail").unwrap();
    for part in ["box/cur", "box/new", "box/tmp"] {
        fs::create_dir_all(at(part)).unwrap();
    }
    fs::write(at("box/cur/2.x:2,SFa"), "Subject: flagged\n\n").unwrap();
    fs::write(at("box/new/1.x"), "Subject: new\n\n").unwrap();
    fs::write(at("box/dovecot-keywords"), "0 work\n").unwrap();
    let lab = seeded(&[
        &at("lf.mbox"),
        &format!("alice/CrLf={}", at("crlf.mbox")),
        &format!("alice/One={}", at("one.eml")),
        &format!("alice/Many/All={}", at("many")),
        &format!("name={}", at("box")),
    ])
    .unwrap();
    let said = imap(&lab, ALICE, &["SELECT INBOX", ALL]);
    assert!(said.contains("* 2 EXISTS") && said.contains("\" 1-Jan-1970 00:00:02 +0000\""), "{said}");
    assert!(said.contains("Subject: one\r\n\r\nFrom me\r\n)"), "{said}");
    let same = imap(&lab, ALICE, &["SELECT CrLf", ALL]);
    assert!(same.contains("Subject: one\r\n\r\nFrom me\r\n)") && same.contains("* 2 EXISTS"), "{same}");
    let said = imap(&lab, ALICE, &["SELECT One", ALL]);
    assert!(
        said.contains("\" 2-Jan-1970 00:00:00 +0000\"") && said.contains("alone\r\n\r\nx\r\n)"),
        "{said}"
    );
    let said = imap(&lab, ALICE, &["SELECT Many/All", ALL]);
    let (a, b) = (said.find("Subject: a").unwrap(), said.find("Subject: b").unwrap());
    assert!(a < b && said.contains("* 2 EXISTS"), "{said}");
    let said = imap(&lab, "name gEhEiM!", &["SELECT INBOX", ALL]);
    assert!(said.contains("Subject: new"), "{said}");
    let flagged = said.lines().find(|line| line.starts_with("* 2 FETCH")).unwrap();
    for flag in ["\\Seen", "\\Flagged", "work"] {
        assert!(flagged.contains(flag), "{flagged}");
    }
    // The file of the user stays as it is.
    assert_eq!(fs::read_to_string(at("box/cur/2.x:2,SFa")).unwrap(), "Subject: flagged\n\n");
}

#[test]
fn a_store_that_is_kept_is_sown_once() {
    let dir = folder("seed-once");
    let seed = dir.join("x.mbox");
    fs::write(&seed, "From x\nSubject: a\n\n\nFrom x\nSubject: a\n\n").unwrap();
    let open = || {
        lab(|config| {
            config.store = Some(dir.join("store"));
            config.seeds = vec![Seed::parse(seed.to_str().unwrap())];
        })
        .unwrap()
    };
    for _ in 0..3 {
        let said = imap(&open(), ALICE, &["STATUS INBOX (MESSAGES)"]);
        assert!(said.contains("MESSAGES 2"), "{said}");
    }
    fs::write(&seed, "From x\nSubject: a\n\n\nFrom x\nSubject: b\n\n").unwrap();
    assert!(imap(&open(), ALICE, &["STATUS INBOX (MESSAGES)"]).contains("MESSAGES 3"));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let dir = folder("seed-wrong");
    let write = |name: &str, text: &str| {
        fs::write(dir.join(name), text).unwrap();
        dir.join(name).to_str().unwrap().to_owned()
    };
    let error = wrong(&write(
        "a",
        "From a@b Thu Jan  1 00:00:01 1970\nSubject: x\n\nx\n\nFrom a@b Thu Jan  1 00:00:01 1970\nno field\n",
    ));
    assert!(matches!(error.problem, SeedProblem::NoField));
    assert_eq!((error.line, error.path.as_path()), (7, dir.join("a").as_path()));
    let error = wrong(&write("b", "hello\n"));
    assert!(matches!(error.problem, SeedProblem::NoField) && error.line == 1, "{error}");
    for empty in [write("c", " \n\n"), dir.join("empty").to_str().unwrap().to_owned()] {
        fs::create_dir_all(dir.join("empty")).unwrap();
        let error = wrong(&empty);
        assert!(matches!(error.problem, SeedProblem::Empty) && error.line == 0, "{error}");
    }
    assert!(matches!(wrong("/no/such/file").problem, SeedProblem::Unreadable(_)));
    let good = write("d", "Subject: x\n\n");
    assert!(
        matches!(wrong(&format!("nobody={good}")).problem, SeedProblem::NoAccount(name) if name == "nobody")
    );
    // A name with = is a name if there is such a file.
    assert!(seeded(&[&write("nobody=x", "Subject: x\n\n")]).is_ok());
    assert!(Path::new(&good).exists());
    // More than the lab may hold.
    let full = lab(|config| {
        config.limit = 10;
        config.seeds = vec![Seed::parse(&good)];
    });
    assert!(matches!(full, Err(LabError::Seed(SeedError { problem: SeedProblem::Store(_), .. }))));
}
