//! The flags of `ehlo lab` that let somebody see what happens: the log, the transcripts, HTTP, the file of ports.

use super::{log, transcripts};
use crate::{input, output};
use clap::ArgMatches;
use ehlo_core::{Address, Scheme};
use ehlo_lab::{HttpListener, HttpRunning, Lab, Running};
use ehlo_report::Texts;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is wanted.
pub(crate) struct Watch {
    log: Option<log::Log>,
    transcripts: Option<transcripts::Writer>,
    http: Option<SocketAddr>,
    ports_file: Option<PathBuf>,
    ca: Option<String>,
}

/// What goes on while the lab serves.
pub(crate) struct Watching {
    http: Option<HttpRunning>,
    log: Option<log::Log>,
    transcripts: Option<transcripts::Writer>,
}

impl Watch {
    /// Reads the flags, and sees to it that nothing is missed.
    ///
    /// # Errors
    /// Wrong usage.
    pub(crate) fn new(matches: &ArgMatches, lab: &Lab, texts: Texts) -> anyhow::Result<Watch> {
        let text = |name: &str| matches.get_one::<String>(name);
        let http = match text("http") {
            None => None,
            Some(value) => {
                let port = value.parse().ok().map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
                let wrong = || input::wrong(texts, "--http", value, &texts.get("cli/a-http-port"));
                Some(port.or_else(|| value.parse().ok()).ok_or_else(wrong)?)
            }
        };
        let color = text("color").map(String::as_str);
        Ok(Watch {
            log: matches.get_flag("log").then(|| log::Log::new(lab, color, texts)),
            transcripts: text("transcripts")
                .map(|folder| transcripts::Writer::start(lab, Path::new(folder), texts)),
            http,
            ports_file: text("ports-file").map(PathBuf::from),
            ca: text("ca-out").cloned(),
        })
    }

    /// Begins.
    ///
    /// # Errors
    /// A port in use, or a file that cannot be written.
    pub(crate) async fn begin(self, lab: &Arc<Lab>, running: &Running) -> anyhow::Result<Watching> {
        let http = match self.http {
            Some(address) => Some(HttpListener::bind(address).await?.serve(lab, running.addresses())),
            None => None,
        };
        if let Some(file) = &self.ports_file {
            let document = ports(lab, running, http.as_ref(), self.ca.as_deref());
            // Who waits for the file must not find half of it.
            output::replace(file, &format!("{document:#}\n"))?;
        }
        Ok(Watching { http, log: self.log, transcripts: self.transcripts })
    }
}

impl Watching {
    /// What belongs into the introduction.
    pub(crate) fn introduction(&self, texts: Texts) -> String {
        let url = self.http.as_ref().map(|http| format!("http://{}/", http.address()));
        url.map_or(String::new(), |url| format!("{}\n", texts.fill("cli/lab-http", &[("url", &url)])))
    }

    /// Shows what happens from now on.
    pub(crate) fn show(&mut self) {
        if let Some(log) = &mut self.log {
            log.start();
        }
    }

    /// Waits until all is written, but not for ever. The lab must have ended.
    pub(crate) fn end(self) {
        drop(self.http);
        if let Some(log) = self.log {
            log.end();
        }
        if let Some(transcripts) = self.transcripts {
            transcripts.end();
        }
    }
}

/// `schema/lab-v1.json`, `ports`
fn ports(lab: &Lab, running: &Running, http: Option<&HttpRunning>, ca: Option<&str>) -> Value {
    let one = |(scheme, address): &(Scheme, Address)| match address {
        Address::Ip(address) => {
            json!({ "service": scheme.to_string(), "address": usable(address.ip()), "port": address.port() })
        }
        Address::Unix(path) => json!({ "service": scheme.to_string(), "path": path.to_string_lossy() }),
    };
    let http = http.map(HttpRunning::address);
    json!({
        "version": 1,
        "domain": lab.host_name(),
        "services": running.addresses().iter().map(one).collect::<Vec<_>>(),
        "http": http.map(|http| json!({ "address": usable(http.ip()), "port": http.port() })),
        "ca": ca,
    })
}

/// An address that can be connected to: who listens everywhere is met on loopback.
fn usable(address: IpAddr) -> String {
    match address {
        IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".into(),
        IpAddr::V6(ip) if ip.is_unspecified() => "::1".into(),
        other => other.to_string(),
    }
}
