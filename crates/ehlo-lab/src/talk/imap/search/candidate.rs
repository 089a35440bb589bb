use super::key::{Key, Which};
use crate::Message;
use crate::dates::DAY;
use crate::mail::dates::sent_day;
use crate::mail::decode::{fold, header_text, texts};

use crate::mail::header::{fields, value};
use crate::mail::mime::Part;
use crate::talk::imap::selected::Selected;
use std::cell::OnceCell;
use std::sync::Arc;

/// What the conditions are about as a whole.
pub(super) struct Whole<'a> {
    pub(super) selected: &'a Selected,
    pub(super) largest_number: u32,
    pub(super) largest_uid: u32,
    pub(super) now: i64,
}

/// A message that may fit. What is costly is made when a condition asks for it, and once.
pub(super) struct Candidate<'a> {
    number: u32,
    message: &'a Message,
    whole: &'a Whole<'a>,
    bytes: OnceCell<Arc<[u8]>>,
    part: OnceCell<Part>,
    body: OnceCell<Vec<String>>,
    header: OnceCell<String>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(number: u32, message: &'a Message, whole: &'a Whole<'a>) -> Candidate<'a> {
        Candidate {
            number,
            message,
            whole,
            bytes: OnceCell::new(),
            part: OnceCell::new(),
            body: OnceCell::new(),
            header: OnceCell::new(),
        }
    }

    pub(super) fn fits(&self, key: &Key) -> bool {
        let message = self.message;
        match key {
            Key::All(keys) => keys.iter().all(|k| self.fits(k)),
            Key::Not(key) => !self.fits(key),
            Key::Or(a, b) => self.fits(a) || self.fits(b),
            Key::Flag(flag) => message.has(flag),
            Key::Recent => self.whole.selected.is_recent(message.uid),
            Key::Numbers(set) => set.contains(self.number, self.whole.largest_number),
            Key::Uids(set) => set.contains(message.uid, self.whole.largest_uid),
            Key::Saved => self.whole.selected.saved.binary_search(&message.uid).is_ok(),
            Key::Header { name, text } => self.has_header(name, text),
            // The empty text is in every body, also in one of images.
            Key::Body(text) => text.is_empty() || self.body().iter().any(|body| body.contains(text)),
            Key::Text(text) => {
                self.header().contains(text) || self.body().iter().any(|body| body.contains(text))
            }
            Key::Larger(size) => message.body.len() as u64 > *size,
            Key::Smaller(size) => (message.body.len() as u64) < *size,
            Key::Day { which, from, to } => {
                let day = match which {
                    Which::Internal => message.at.div_euclid(DAY),
                    Which::Saved => message.saved.div_euclid(DAY),
                    Which::Sent => self.sent(),
                };
                (*from..*to).contains(&day)
            }
            Key::Younger(seconds) => message.at >= self.whole.now.saturating_sub(*seconds),
            Key::Older(seconds) => message.at <= self.whole.now.saturating_sub(*seconds),
            Key::ModSeq(modseq) => message.modseq >= *modseq,
            Key::EmailId(id) => *id == format!("M{}", message.email_id),
            Key::ThreadId(id) => *id == format!("T{}", message.thread_id),
        }
    }

    fn bytes(&self) -> &[u8] {
        // A message whose file is gone fits nothing that is about its text.
        self.bytes.get_or_init(|| self.message.body.read().unwrap_or_default())
    }

    fn part(&self) -> &Part {
        self.part.get_or_init(|| Part::read(self.bytes()))
    }

    fn body(&self) -> &[String] {
        self.body.get_or_init(|| texts(self.part(), self.bytes()).iter().map(|text| fold(text)).collect())
    }

    fn header(&self) -> &str {
        self.header.get_or_init(|| {
            let header = &self.bytes()[self.part().header.clone()];
            let lines: Vec<String> = fields(header)
                .map(|(name, whole)| {
                    let name = String::from_utf8_lossy(name).into_owned();
                    let value = whole.get(name.len()..).unwrap_or_default();
                    fold(&format!("{name}{}", header_text(value)))
                })
                .collect();
            lines.join("\n")
        })
    }

    /// RFC 9051 §6.4.4, HEADER: an empty text asks whether the field is there.
    fn has_header(&self, name: &str, text: &str) -> bool {
        let header = &self.bytes()[self.part().header.clone()];
        fields(header).any(|(field, whole)| {
            field.eq_ignore_ascii_case(name.as_bytes())
                && (text.is_empty() || fold(&header_text(value(whole))).contains(text))
        })
    }

    /// The day on which it was sent; the day on which it came if it does not say (RFC 5256 §2.2).
    fn sent(&self) -> i64 {
        let header = &self.bytes()[self.part().header.clone()];
        let date = fields(header).find(|(name, _)| name.eq_ignore_ascii_case(b"Date"));
        let day = date.and_then(|(_, whole)| {
            let (year, month, day) = sent_day(&String::from_utf8_lossy(value(whole)))?;
            let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
            let date = time::Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
            Some(date.midnight().assume_utc().unix_timestamp().div_euclid(DAY))
        });
        day.unwrap_or_else(|| self.message.at.div_euclid(DAY))
    }
}
