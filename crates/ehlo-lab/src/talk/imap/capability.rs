use super::refusal::{Answer, bad};
use super::{Enabled, Imap, Run, finish};
use crate::Point;
use crate::context::Context;
use ehlo_wire::imap::Value;

/// What is offered before the login.
const BEFORE: &[&str] = &["IMAP4rev1", "IMAP4rev2", "LITERAL+", "SASL-IR", "ID", "ENABLE"];

/// What is offered behind it, beside that.
const BEHIND: &[&str] = &[
    "IDLE",
    "NAMESPACE",
    "CHILDREN",
    "UIDPLUS",
    "UNSELECT",
    "MOVE",
    "MULTIAPPEND",
    "BINARY",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "LIST-MYRIGHTS",
    "STATUS=SIZE",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "CONDSTORE",
    "QRESYNC",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "QUOTASET",
    "ACL",
    "RIGHTS=texk",
    "OBJECTID",
    "SAVEDATE",
    "PREVIEW",
    "UTF8=ACCEPT",
];

impl Imap {
    pub(super) fn capabilities(&self, cx: &Context<'_>) -> String {
        let mut words: Vec<String> = BEFORE.iter().map(|w| (*w).to_owned()).collect();
        if self.account.is_some() {
            words.extend(BEHIND.iter().map(|w| (*w).to_owned()));
            words.push(format!("APPENDLIMIT={}", cx.settings.largest_message));
            // RFC 4978 §3: not a second time.
            if !self.compressed {
                words.push("COMPRESS=DEFLATE".to_owned());
            }
            return words.join(" ");
        }
        let tls = cx.tls.is_some() && !cx.settings.capabilities_frozen;
        let starttls = if tls { cx.settings.starttls_after_tls } else { cx.settings.starttls_offered };
        if starttls {
            words.push("STARTTLS".to_owned());
        }
        if !tls && cx.settings.logindisabled {
            words.push("LOGINDISABLED".to_owned());
        }
        words.extend(cx.mechanisms().iter().map(|m| format!("AUTH={m}")));
        words.join(" ")
    }

    pub(super) fn capability(&self, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
        if !run.args.is_empty() {
            return bad("CAPABILITY has no arguments");
        }
        run.tell(&format!("* CAPABILITY {}", self.capabilities(cx)));
        Ok("OK that is it".into())
    }

    /// RFC 5161: what is not known is passed over; only what is new is told.
    pub(super) fn enable(&mut self, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
        let words: Option<Vec<String>> = run.args.iter().map(word).collect();
        let Some(words) = words.filter(|w| !w.is_empty()) else {
            return bad("ENABLE wants names of extensions");
        };
        let before = self.enabled;
        let mut told = Vec::new();
        for word in words {
            let name = match word.as_str() {
                "CONDSTORE" if !before.condstore => "CONDSTORE",
                "QRESYNC" if !before.qresync => "QRESYNC",
                "UTF8=ACCEPT" if !before.utf8 => "UTF8=ACCEPT",
                "IMAP4REV2" if !before.rev2 => "IMAP4rev2",
                _ => continue,
            };
            if !told.contains(&name) {
                told.push(name);
            }
        }
        let on = |name| told.contains(&name);
        self.enabled = Enabled {
            // RFC 7162 §3.2.3: QRESYNC brings CONDSTORE with it.
            condstore: before.condstore || on("CONDSTORE") || on("QRESYNC"),
            qresync: before.qresync || on("QRESYNC"),
            utf8: before.utf8 || on("UTF8=ACCEPT"),
            rev2: before.rev2 || on("IMAP4rev2"),
        };
        let list: String = told.iter().map(|name| format!(" {name}")).collect();
        run.tell(&format!("* ENABLED{list}"));
        if self.enabled.condstore && !before.condstore {
            self.tell_modseq(&mut run.out, cx);
        }
        Ok("OK done".into())
    }

    /// RFC 7162 §3.1.2.1: whoever turns CONDSTORE on while a mailbox is open is told where that stands.
    pub(super) fn tell_modseq(&self, out: &mut Vec<u8>, cx: &Context<'_>) {
        let Some(selected) = &self.selected else { return };
        let highest = cx.lab.store().with(&selected.place.account, |boxes| {
            boxes.folders.get(&selected.place.mailbox).map(|m| m.highest_modseq())
        });
        if let Some(highest) = highest.flatten() {
            out.extend_from_slice(format!("* OK [HIGHESTMODSEQ {highest}] the last change\r\n").as_bytes());
        }
    }

    /// RFC 4978
    pub(super) fn compress(&mut self, run: &mut Run<'_>, cx: &mut Context<'_>) -> Option<Answer> {
        let [mechanism] = run.args else { return Some(bad("COMPRESS wants a mechanism")) };
        if word(mechanism).as_deref() != Some("DEFLATE") {
            return Some(super::no("there is only DEFLATE"));
        }
        if std::mem::replace(&mut self.compressed, true) {
            return Some(super::no("[COMPRESSIONACTIVE] that is on already"));
        }
        finish(cx, "COMPRESS", std::mem::take(&mut run.out), run.tag, Ok("OK from here on".into()));
        if !*cx.stopped {
            cx.compress();
        }
        None
    }

    pub(super) fn starttls(&mut self, run: &mut Run<'_>, cx: &mut Context<'_>) -> Option<Answer> {
        if !run.args.is_empty() {
            return Some(bad("STARTTLS has no arguments"));
        }
        if cx.tls.is_some() {
            return Some(bad("TLS is on already"));
        }
        if !cx.settings.starttls_honoured {
            return Some(bad("unknown command"));
        }
        cx.send(Point::StartTls, "STARTTLS", format!("{} OK go ahead\r\n", run.tag).into_bytes());
        if !*cx.stopped {
            cx.start_tls();
        }
        None
    }
}

/// An atom, in upper case.
fn word(value: &Value) -> Option<String> {
    value.astring().map(|w| String::from_utf8_lossy(w).to_ascii_uppercase())
}
