//! A lab in memory, asked by IMAP and SMTP.

#![allow(dead_code, reason = "what one of the tests needs")]

use ehlo_core::{Family, Scheme, Tick};
use ehlo_lab::{ActiveFault, Connection, Lab, LabConfig, LabError, Service, Step};
use std::path::PathBuf;
use std::sync::Arc;

const NOW: i64 = 1_800_000_000;

/// A directory of this test, fresh.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A lab in which passwords may be sent in the clear.
pub(crate) fn lab(configure: impl FnOnce(&mut LabConfig)) -> Result<Arc<Lab>, LabError> {
    let mut config = LabConfig::new(7, NOW);
    config.faults = vec![ActiveFault::parse("auth-clear-accepted").unwrap()];
    configure(&mut config);
    Lab::new(config)
}

/// Sends text; what comes back.
pub(crate) fn talk(connection: &mut Connection, text: &str) -> String {
    connection.handle(text.as_bytes(), Tick(0));
    let mut said = Vec::new();
    while let Step::Transmit(bytes) = connection.poll(Tick(0)) {
        said.extend(bytes);
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// A client of this service.
pub(crate) fn client(lab: &Arc<Lab>, scheme: Scheme) -> Connection {
    let mut client = Connection::new(lab, Service { scheme, family: Family::V4 }, "192.0.2.7", Tick(0));
    talk(&mut client, "");
    client
}

/// Commands of IMAP, of a user who is logged in; what comes back for all of them.
pub(crate) fn imap(lab: &Arc<Lab>, login: &str, commands: &[&str]) -> String {
    let mut client = client(lab, Scheme::Imap);
    talk(&mut client, &format!("a LOGIN {login}\r\n"));
    commands.iter().map(|command| talk(&mut client, &format!("b {command}\r\n"))).collect()
}

/// Delivers a message to alice; the last answer.
pub(crate) fn deliver(lab: &Arc<Lab>, text: &str) -> String {
    let mut client = client(lab, Scheme::Smtp);
    for command in ["EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<alice@lab.test>", "DATA"] {
        talk(&mut client, &format!("{command}\r\n"));
    }
    talk(&mut client, &format!("{text}.\r\n"))
}
