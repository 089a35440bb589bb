use crate::{Body, Envelope, Store, StoreError};
use mail_parser::{Address, HeaderValue, MessageParser};
use std::io;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// A message in a mailbox, as a test suite sees it.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Names it, as long as it is in this mailbox. Never given twice.
    pub id: MailId,
    /// Whose it is.
    pub account: String,
    /// Where it is.
    pub mailbox: String,
    /// Its flags and keywords.
    pub flags: Vec<String>,
    /// When it came, in seconds since 1970.
    pub at: i64,
    /// From whom and to whom it was delivered; none if it was put here otherwise.
    pub envelope: Option<Arc<Envelope>>,
    body: Body,
}

/// Names a message in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailId {
    /// Grows with every message that comes; copies have the same.
    pub email: u64,
    /// The mailbox (RFC 8474 §4.1).
    pub mailbox: u64,
    /// The message in it.
    pub uid: u32,
}

impl std::fmt::Display for MailId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}-{:x}-{}", self.email, self.mailbox, self.uid)
    }
}

impl MailId {
    /// Reads what [`std::fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<MailId> {
        let mut parts = text.split('-');
        let mut hex = || u64::from_str_radix(parts.next()?, 16).ok();
        let (email, mailbox) = (hex()?, hex()?);
        let uid = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(MailId { email, mailbox, uid })
    }
}

/// Which messages are wanted: those for which all that is said holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// An address that it was delivered to; without an envelope, one in `To`, `Cc` or `Bcc`. `@domain` means any there.
    pub to: Option<String>,
    /// The address that it came from, in the same way.
    pub from: Option<String>,
    /// Part of the subject, whatever the case.
    pub subject: Option<String>,
    /// Whose it is.
    pub account: Option<String>,
    /// Where it is.
    pub mailbox: Option<String>,
    /// Only what came behind this.
    pub after: Option<MailId>,
}

impl Mail {
    /// How many bytes it has.
    pub fn size(&self) -> usize {
        self.body.len()
    }

    /// Its bytes, lines ended by CR LF.
    ///
    /// # Errors
    /// What the system says about the file, if it is in one.
    pub fn raw(&self) -> io::Result<Arc<[u8]>> {
        self.body.read()
    }

    /// Its bytes as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        self.raw().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// What its header says; nothing if it cannot be read.
    pub fn header(&self) -> Header {
        self.raw().map(|bytes| Header::read(&bytes)).unwrap_or_default()
    }

    fn is(&self, wanted: &Wanted) -> bool {
        let header = || self.header();
        let envelope = self.envelope.as_deref();
        let to = |address: &String| match envelope {
            Some(envelope) => envelope.to.iter().any(|to| is_address(to, address)),
            None => header().to.iter().any(|to| is_address(to, address)),
        };
        let from = |address: &String| match envelope {
            Some(envelope) => is_address(&envelope.from, address),
            None => header().from.iter().any(|from| is_address(from, address)),
        };
        let subject = |part: &String| header().subject.to_lowercase().contains(&part.to_lowercase());
        wanted.to.as_ref().is_none_or(to)
            && wanted.from.as_ref().is_none_or(from)
            && wanted.subject.as_ref().is_none_or(subject)
    }
}

/// What the header of a message says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The addresses in `From`.
    pub from: Vec<String>,
    /// The addresses in `To`, `Cc` and `Bcc`.
    pub to: Vec<String>,
    /// `Subject`, decoded.
    pub subject: String,
    /// `Message-ID`, without brackets.
    pub message_id: String,
    /// All fields in their order, unfolded, as they stand there.
    pub fields: Vec<(String, String)>,
}

/// So many fields of a header are looked at.
const MOST_FIELDS: usize = 1000;

impl Header {
    /// Reads the header of a message.
    pub fn read(message: &[u8]) -> Header {
        let fields = fields(message);
        let Some(parsed) = MessageParser::default().parse_headers(message) else {
            return Header { fields, ..Header::default() };
        };
        let mut to = Vec::new();
        for name in ["To", "Cc", "Bcc"] {
            to.extend(addresses(parsed.header(name)));
        }
        Header {
            from: addresses(parsed.header("From")),
            to,
            subject: parsed.subject().unwrap_or_default().to_owned(),
            message_id: parsed.message_id().unwrap_or_default().to_owned(),
            fields,
        }
    }
}

fn addresses(value: Option<&HeaderValue<'_>>) -> Vec<String> {
    let Some(HeaderValue::Address(list)) = value else { return Vec::new() };
    let found: Vec<&mail_parser::Addr<'_>> = match list {
        Address::List(list) => list.iter().collect(),
        Address::Group(groups) => groups.iter().flat_map(|g| &g.addresses).collect(),
    };
    found.into_iter().filter_map(|a| a.address.as_deref().map(str::to_owned)).collect()
}

fn fields(message: &[u8]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in message.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || found.len() >= MOST_FIELDS {
            break;
        }
        let text = String::from_utf8_lossy(line);
        if text.starts_with([' ', '\t']) {
            if let Some((_, value)) = found.last_mut() {
                value.push_str(&text);
            }
        } else if let Some((name, value)) = text.split_once(':') {
            found.push((name.trim_end().to_owned(), value.trim_start().to_owned()));
        }
    }
    found
}

/// Whether an address is the one that is wanted, whatever the case; `@domain` wants any there.
fn is_address(address: &str, wanted: &str) -> bool {
    match wanted.strip_prefix('@') {
        Some(domain) => address.rsplit('@').next().is_some_and(|d| d.eq_ignore_ascii_case(domain)),
        None => address.to_lowercase() == wanted.to_lowercase(),
    }
}

impl Store {
    /// The messages that are wanted, in the order in which they came.
    pub fn find(&self, wanted: &Wanted) -> Vec<Mail> {
        let mut found = Vec::new();
        for account in self.accounts() {
            if wanted.account.as_ref().is_some_and(|a| *a != account) {
                continue;
            }
            // Nothing is read and parsed while the store is locked.
            let all = self.with(&account, |boxes| {
                let mut all = Vec::new();
                for (name, mailbox) in &boxes.folders {
                    if wanted.mailbox.as_ref().is_some_and(|m| m != name) {
                        continue;
                    }
                    let late = |m: &&crate::Message| wanted.after.is_none_or(|id| m.email_id > id.email);
                    all.extend(mailbox.messages.iter().filter(late).map(|message| Mail {
                        id: MailId {
                            email: message.email_id,
                            mailbox: mailbox.attributes.id,
                            uid: message.uid,
                        },
                        account: account.clone(),
                        mailbox: name.clone(),
                        flags: message.flags.clone(),
                        at: message.at,
                        envelope: message.envelope.clone(),
                        body: message.body.clone(),
                    }));
                }
                all
            });
            found.extend(all.unwrap_or_default().into_iter().filter(|mail| mail.is(wanted)));
        }
        found.sort_by_key(|mail| mail.id);
        found
    }

    /// The names of the mailboxes of an account.
    pub fn mailboxes(&self, account: &str) -> Vec<String> {
        self.with(account, |boxes| boxes.folders.keys().cloned().collect()).unwrap_or_default()
    }

    /// The message of that name, if it is still there.
    pub fn mail(&self, id: MailId) -> Option<Mail> {
        let before = MailId { email: id.email.saturating_sub(1), ..id };
        let wanted = Wanted { after: Some(before), ..Wanted::default() };
        self.find(&wanted).into_iter().find(|mail| mail.id == id)
    }

    /// Waits until there are `count` messages that are wanted; yields those that are there when the time is over.
    pub async fn wait_for(&self, wanted: &Wanted, count: usize, until: Instant) -> Vec<Mail> {
        let mut changes = self.watch();
        loop {
            changes.mark_unchanged();
            let found = self.find(wanted);
            if found.len() >= count {
                return found;
            }
            match timeout_at(until, changes.changed()).await {
                Ok(Ok(())) => {}
                _ => return self.find(wanted),
            }
        }
    }

    /// Takes messages away for good.
    ///
    /// # Errors
    /// Why they are still there, or some of them.
    pub fn delete(&self, mails: &[Mail]) -> Result<(), StoreError> {
        for mail in mails {
            self.with(&mail.account, |boxes| boxes.remove(&mail.mailbox, &[mail.id.uid]))
                .unwrap_or(Err(StoreError::NoAccount))?;
        }
        Ok(())
    }

    /// Puts a message as it is into a mailbox, which is made if it is not there.
    ///
    /// # Errors
    /// Why it is not there.
    pub fn put(&self, account: &str, mailbox: &str, message: crate::Message) -> Result<MailId, StoreError> {
        self.with(account, |boxes| {
            boxes.create(mailbox, None)?;
            let uids = boxes.append(mailbox, vec![message])?;
            let folder = boxes.folders.get(mailbox).ok_or(StoreError::NoMailbox)?;
            let uid = uids.first().copied().unwrap_or_default();
            let email = folder.by_uid(uid).map_or(0, |m| m.email_id);
            Ok(MailId { email, mailbox: folder.attributes.id, uid })
        })
        .unwrap_or(Err(StoreError::NoAccount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Delivered, Message};

    fn store() -> Store {
        let store = Store::new(["alice", "bob"].into_iter(), 1_800_000_000);
        let mail = |to: &str, text: &str| Delivered {
            from: "news@list.test".into(),
            to: vec![to.into()],
            message: text.as_bytes().to_vec(),
            received: "by lab.test".into(),
            at: 1_800_000_000,
        };
        let text = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nTo: everybody@list.test\r\nX-Long: a\r\n b\r\n\r\nhi\r\n";
        store.deliver("alice", &mail("alice+x@lab.test", text)).unwrap();
        store.deliver("bob", &mail("bob@lab.test", text)).unwrap();
        store
    }

    #[test]
    fn the_envelope_counts_and_not_the_header() {
        let store = store();
        let to = |to: &str| Wanted { to: Some(to.into()), ..Wanted::default() };
        let found = store.find(&to("ALICE+x@lab.test"));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].account.as_str(), found[0].mailbox.as_str()), ("alice", "INBOX"));
        assert_eq!(store.find(&to("@lab.test")).len(), 2);
        assert!(store.find(&to("everybody@list.test")).is_empty());
        // What was not delivered has no envelope.
        let text = b"To: a b <everybody@list.test>\r\nSubject: x\r\n\r\n".to_vec();
        let id = store.put("bob", "Work", Message::new(text, 0)).unwrap();
        assert_eq!(store.find(&to("everybody@list.test"))[0].id, id);
        assert_eq!(store.mail(id).unwrap().mailbox, "Work");
        assert_eq!(MailId::parse(&id.to_string()), Some(id));
        for bad in ["", "1", "1-2", "1-2-x", "1-2-3-4", "-1-2-3"] {
            assert_eq!(MailId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn subjects_are_decoded_and_fields_unfolded() {
        let found = store().find(&Wanted {
            subject: Some("GRÜ".into()),
            account: Some("bob".into()),
            from: Some("news@list.test".into()),
            ..Wanted::default()
        });
        assert_eq!(found.len(), 1);
        let header = found[0].header();
        assert_eq!(header.subject, "Grüße");
        assert!(header.fields.contains(&("X-Long".into(), "a b".into())));
        assert_eq!(Header::read(b""), Header::default());
        assert_eq!(Header::read(b"\xff: \xfe\nno colon\n").fields.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_the_message_is_there() {
        let store = Arc::new(store());
        let last = store.find(&Wanted::default()).last().unwrap().id;
        let wanted = Wanted { account: Some("bob".into()), after: Some(last), ..Wanted::default() };
        let soon = || Instant::now() + std::time::Duration::from_secs(30);
        assert!(store.wait_for(&wanted, 1, soon()).await.is_empty());
        let other = Arc::clone(&store);
        tokio::spawn(async move {
            other.put("bob", "INBOX", Message::new(b"Subject: late\r\n\r\n".to_vec(), 0)).unwrap();
        });
        assert_eq!(store.wait_for(&wanted, 1, soon()).await.len(), 1);
        store.delete(&store.find(&Wanted::default())).unwrap();
        assert!(store.find(&Wanted::default()).is_empty());
    }
}
