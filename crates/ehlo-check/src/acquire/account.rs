use super::capabilities::line;
use super::service::Service;
use ehlo_core::facts::{AccountFacts, Answered, ConnectionFacts, FolderFacts, NamespaceFacts};
use ehlo_core::{Failure, Protocol, escape};
use ehlo_dialogue::{Dialogue, Turn};
use ehlo_wire::{Reply, imap, pop3};

/// More folders than this are not counted one by one.
const MOST_COUNTED: usize = 50;

/// Looks at what the account sees, changing nothing.
pub(super) async fn look_around(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &ConnectionFacts,
) -> Result<Option<AccountFacts>, Failure> {
    match service.protocol() {
        Protocol::Pop3 => Ok(Some(maildrop(dialogue).await?)),
        Protocol::Imap => Ok(Some(folders(dialogue, facts).await?)),
        _ => Ok(None),
    }
}

async fn maildrop(dialogue: &mut Dialogue) -> Result<AccountFacts, Failure> {
    let turn = dialogue.say(line(pop3::command("STAT"))).await?;
    let mut account = AccountFacts { at: turn.evidence(), ..AccountFacts::default() };
    if let Some(Reply::Pop3(response)) = turn.last().filter(|r| r.answered() == Answered::Accepted) {
        let text = String::from_utf8_lossy(&response.text);
        let mut numbers = text.split(' ').map(|word| word.parse::<u64>().ok());
        account.messages = numbers.next().flatten();
        account.octets = numbers.next().flatten();
    }
    Ok(account)
}

async fn folders(dialogue: &mut Dialogue, facts: &ConnectionFacts) -> Result<AccountFacts, Failure> {
    let has = |name: &str| facts.capabilities.last().is_some_and(|c| c.has(name));
    let mut account = AccountFacts::default();
    if has("NAMESPACE") {
        let turn = say(dialogue, "NAMESPACE").await?;
        for data in data(&turn, "NAMESPACE") {
            account.namespaces.extend(imap::namespaces(data).into_iter().map(|n| NamespaceFacts {
                kind: n.kind.to_owned(),
                prefix: escape(&n.prefix),
                delimiter: n.delimiter.as_deref().map(escape),
            }));
        }
        account.at.extend(turn.evidence());
    }
    // One round trip instead of one for each folder, where the server can (RFC 5258, RFC 5819, RFC 6154).
    let at_once = has("LIST-EXTENDED") && has("LIST-STATUS");
    let special = if has("SPECIAL-USE") { "SPECIAL-USE " } else { "" };
    let list = match at_once {
        true => format!("LIST \"\" \"*\" RETURN ({special}STATUS (MESSAGES UNSEEN))"),
        false => "LIST \"\" \"*\"".to_owned(),
    };
    let turn = say(dialogue, &list).await?;
    let mut wire_names = Vec::new();
    for item in data(&turn, "LIST").filter_map(imap::list_item) {
        let decoded = imap::decode_mutf7(&item.name);
        let name = decoded.as_ref().map_or_else(|| escape(&item.name), |n| escape(n.as_bytes()));
        let wire = escape(&item.name);
        account.folders.push(FolderFacts {
            wire_name: (wire != name).then_some(wire),
            name,
            delimiter: item.delimiter.as_deref().map(escape),
            attributes: item.attributes.iter().map(|a| escape(a)).collect(),
            messages: None,
            unseen: None,
        });
        wire_names.push(item.name);
    }
    count(&turn, &wire_names, &mut account);
    account.at.extend(turn.evidence());
    if !at_once {
        account.more_folders = wire_names.len() > MOST_COUNTED;
        for index in 0..wire_names.len().min(MOST_COUNTED) {
            let closed =
                |a: &String| a.eq_ignore_ascii_case("\\Noselect") || a.eq_ignore_ascii_case("\\NonExistent");
            if account.folders[index].attributes.iter().any(closed) {
                continue;
            }
            let tag = dialogue.tag();
            let Ok(builder) = imap::CommandBuilder::new(&tag, "STATUS") else { continue };
            let Ok(builder) = builder.string(&wire_names[index]).text("(MESSAGES UNSEEN)") else { continue };
            let turn = dialogue.say(builder.finish()).await?;
            count(&turn, &wire_names, &mut account);
        }
    }
    let inbox = account.folders.iter().find(|f| f.name.eq_ignore_ascii_case("INBOX"));
    account.messages = inbox.and_then(|f| f.messages);
    Ok(account)
}

fn count(turn: &Turn, wire_names: &[Vec<u8>], account: &mut AccountFacts) {
    for status in data(turn, "STATUS").filter_map(imap::status_items) {
        let same = |name: &Vec<u8>| {
            *name == status.name
                || (name.eq_ignore_ascii_case(b"INBOX") && status.name.eq_ignore_ascii_case(b"INBOX"))
        };
        let Some(index) = wire_names.iter().position(same) else { continue };
        for (item, number) in status.items {
            match item.as_str() {
                "MESSAGES" => account.folders[index].messages = Some(number),
                "UNSEEN" => account.folders[index].unseen = Some(number),
                _ => {}
            }
        }
    }
}

async fn say(dialogue: &mut Dialogue, text: &str) -> Result<Turn, Failure> {
    let tag = dialogue.tag();
    dialogue.say(line(imap::command(&tag, text))).await
}

fn data<'a>(turn: &'a Turn, name: &'a str) -> impl Iterator<Item = &'a imap::Data> {
    turn.replies.iter().filter_map(move |reply| match reply {
        Reply::Imap(response) => response.data(name),
        _ => None,
    })
}
