use super::{Imap, Next, readable, wire};
use crate::mailbox::{Item, Sink, Trouble};
use ehlo_core::escape;
use ehlo_core::mailbox::{Folder, Quota, Rights};
use ehlo_wire::imap::{self, ResponseKind, Value};
use std::collections::HashMap;

/// What special-use attributes there are (RFC 6154 §2, RFC 8457).
const SPECIAL: &[&str] = &["all", "archive", "drafts", "flagged", "important", "junk", "sent", "trash"];

impl Imap {
    /// Opens a folder: by EXAMINE, or by SELECT if it is to be changed.
    pub(in crate::mailbox) async fn select(
        &mut self,
        folder: Option<&str>,
        write: bool,
    ) -> Result<(), Trouble> {
        let name = folder.unwrap_or("INBOX");
        let verb = if write { "SELECT" } else { "EXAMINE" };
        let (tag, builder) = self.builder(verb)?;
        self.messages = Some(0);
        self.send(&tag, &format!("{verb} {name}"), builder.string(&wire(name)).finish()).await?;
        self.finish_command(&tag).await?;
        self.folder = Some(escape(name.as_bytes()));
        // What was told while it opened is no news.
        self.take_news();
        Ok(())
    }

    /// Lists the folders with what they hold.
    pub(in crate::mailbox) async fn list(&mut self, sink: &mut dyn Sink) -> Result<(), Trouble> {
        let rev2 = self.has("IMAP4REV2");
        let mut items = vec!["MESSAGES", "UNSEEN", "UIDNEXT", "UIDVALIDITY"];
        if self.has("STATUS=SIZE") || rev2 {
            items.push("SIZE");
        }
        let items = items.join(" ");
        // One round trip instead of one for each folder, where the server can (RFC 5258, RFC 5819, RFC 6154).
        let at_once = (self.has("LIST-EXTENDED") && self.has("LIST-STATUS")) || rev2;
        let special = if self.has("SPECIAL-USE") || rev2 { "SPECIAL-USE " } else { "" };
        let text = match at_once {
            true => format!("LIST \"\" \"*\" RETURN ({special}STATUS ({items}))"),
            false => "LIST \"\" \"*\"".to_owned(),
        };
        let tag = self.begin(&text).await?;
        let mut folders: Vec<(Vec<u8>, Folder)> = Vec::new();
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        while let Next::Response(response) = self.next(&tag).await? {
            let ResponseKind::Data(data) = &response.kind else { continue };
            match data.name.as_str() {
                "LIST" => {
                    let Some(item) = imap::list_item(data) else { continue };
                    places.insert(key(&item.name), folders.len());
                    folders.push((item.name.clone(), folder(&item)));
                }
                "STATUS" => {
                    let Some(status) = imap::status_items(data) else { continue };
                    if let Some((_, folder)) =
                        places.get(&key(&status.name)).and_then(|at| folders.get_mut(*at))
                    {
                        count(folder, &status);
                    }
                }
                _ => {}
            }
        }
        // INBOX first, wherever the server puts it.
        folders.sort_by_key(|(name, _)| key(name) != b"INBOX");
        for (name, folder) in &mut folders {
            if !at_once && folder.selectable {
                self.status(name, &items, folder).await?;
            }
            sink.take(Item::Folder(folder))?;
        }
        Ok(())
    }

    /// Counts one folder. One that is gone or closed to us has no numbers; that is no reason to stop.
    async fn status(&mut self, name: &[u8], items: &str, folder: &mut Folder) -> Result<(), Trouble> {
        let (tag, builder) = self.builder("STATUS")?;
        let builder = builder.string(name).text(&format!("({items})"));
        let builder = builder.map_err(|_| Trouble::BadArgument(escape(name)))?;
        self.send(&tag, "STATUS", builder.finish()).await?;
        loop {
            match self.next(&tag).await {
                Ok(Next::Done) | Err(Trouble::Refused { .. }) => return Ok(()),
                Err(trouble) => return Err(trouble),
                Ok(Next::Response(response)) => {
                    if let Some(status) = response.data("STATUS").and_then(imap::status_items) {
                        count(folder, &status);
                    }
                }
            }
        }
    }

    /// How much room there is (RFC 9208).
    pub(super) async fn quota(&mut self, folder: Option<&str>, sink: &mut dyn Sink) -> Result<(), Trouble> {
        if !self.has("QUOTA") {
            return Err(Trouble::Unsupported("quota"));
        }
        let name = folder.unwrap_or("INBOX");
        let (tag, builder) = self.builder("GETQUOTAROOT")?;
        self.send(&tag, &format!("GETQUOTAROOT {name}"), builder.string(&wire(name)).finish()).await?;
        while let Next::Response(response) = self.next(&tag).await? {
            let Some(data) = response.data("QUOTA") else { continue };
            let [root, resources, ..] = data.items.as_slice() else { continue };
            let root = root.astring().map(escape).unwrap_or_default();
            for one in resources.list().unwrap_or_default().chunks_exact(3) {
                let (Some(resource), Some(used), Some(limit)) =
                    (one[0].astring(), one[1].number(), one[2].number())
                else {
                    continue;
                };
                let resource = escape(&resource.to_ascii_uppercase());
                sink.take(Item::Quota(&Quota { root: root.clone(), resource, used, limit }))?;
            }
        }
        self.folder = Some(escape(name.as_bytes()));
        Ok(())
    }

    /// Who may do what (RFC 4314): what we may, and what others may if we may know.
    pub(super) async fn rights(&mut self, folder: Option<&str>, sink: &mut dyn Sink) -> Result<(), Trouble> {
        if !self.has("ACL") {
            return Err(Trouble::Unsupported("rights"));
        }
        let name = folder.unwrap_or("INBOX");
        let (tag, builder) = self.builder("MYRIGHTS")?;
        self.send(&tag, &format!("MYRIGHTS {name}"), builder.string(&wire(name)).finish()).await?;
        let mut own = String::new();
        while let Next::Response(response) = self.next(&tag).await? {
            if let Some(rights) =
                response.data("MYRIGHTS").and_then(|d| d.items.get(1)).and_then(Value::astring)
            {
                own = escape(rights);
                sink.take(Item::Rights(&Rights { who: None, rights: own.clone() }))?;
            }
        }
        self.folder = Some(escape(name.as_bytes()));
        // GETACL wants the right to administer.
        if !own.contains('a') {
            return Ok(());
        }
        let (tag, builder) = self.builder("GETACL")?;
        self.send(&tag, &format!("GETACL {name}"), builder.string(&wire(name)).finish()).await?;
        while let Next::Response(response) = self.next(&tag).await? {
            let Some(data) = response.data("ACL") else { continue };
            for pair in data.items.get(1..).unwrap_or_default().chunks_exact(2) {
                if let (Some(who), Some(rights)) = (pair[0].astring(), pair[1].astring()) {
                    sink.take(Item::Rights(&Rights { who: Some(escape(who)), rights: escape(rights) }))?;
                }
            }
        }
        Ok(())
    }
}

/// INBOX is INBOX however it is written (RFC 9051 §5.1).
fn key(name: &[u8]) -> Vec<u8> {
    if name.eq_ignore_ascii_case(b"INBOX") { b"INBOX".to_vec() } else { name.to_vec() }
}

fn folder(item: &imap::ListItem) -> Folder {
    let attributes: Vec<String> = item.attributes.iter().map(|a| escape(a)).collect();
    let is = |wanted: &str| attributes.iter().any(|a| a.eq_ignore_ascii_case(wanted));
    let special = SPECIAL.iter().find(|word| is(&format!("\\{word}"))).map(|word| (*word).to_owned());
    let inbox = item.name.eq_ignore_ascii_case(b"INBOX").then(|| "inbox".to_owned());
    Folder {
        name: readable(&item.name),
        delimiter: item.delimiter.as_deref().map(escape),
        special_use: special.or(inbox),
        selectable: !is("\\Noselect") && !is("\\NonExistent"),
        attributes,
        ..Folder::default()
    }
}

fn count(folder: &mut Folder, status: &imap::StatusItems) {
    for (item, number) in &status.items {
        let place = match item.as_str() {
            "MESSAGES" => &mut folder.messages,
            "UNSEEN" => &mut folder.unseen,
            "SIZE" => &mut folder.size,
            "UIDNEXT" => &mut folder.uid_next,
            "UIDVALIDITY" => &mut folder.uid_validity,
            _ => continue,
        };
        *place = Some(*number);
    }
}
