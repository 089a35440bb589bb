//! The file `ehlo-mailbox`: what is known about a mailbox beside its messages, a word and its values in each line.

use super::{names, words};
use crate::store::Attributes;
use std::io;
use std::path::Path;

const FILE: &str = "ehlo-mailbox";
const HEAD: &str = "ehlo-mailbox 1";

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) attributes: Attributes,
    /// How the mailbox is called, if its folder cannot say that.
    pub(super) name: Option<String>,
}

/// Reads the file in `folder`; nothing is known if there is none.
pub(super) fn read(folder: &Path) -> io::Result<Described> {
    Ok(super::read_control(folder, FILE)?.map_or_else(Described::default, |text| parse(&text)))
}

fn parse(text: &str) -> Described {
    let mut found = Described::default();
    for line in text.lines() {
        let values: Vec<String> = line.split(' ').skip(1).map(words::text).collect();
        match (line.split(' ').next().unwrap_or_default(), &values[..]) {
            ("name", [name]) => found.name = Some(name.clone()),
            ("special-use", [flag]) => found.attributes.special_use = Some(flag.clone()),
            ("id", [id]) => found.attributes.id = id.parse().unwrap_or(0),
            ("rights", [who, rights]) => {
                found.attributes.rights.insert(who.clone(), rights.clone());
            }
            _ => {}
        }
    }
    found
}

/// Writes the file for the mailbox `name`, which is in `folder` or will be moved from there to its own.
pub(super) fn write(folder: &Path, name: &str, attributes: &Attributes, fsync: bool) -> io::Result<()> {
    super::replace(folder, FILE, text(name, attributes).as_bytes(), fsync)
}

fn text(name: &str, attributes: &Attributes) -> String {
    let Attributes { special_use, rights, id } = attributes;
    let mut text = format!("{HEAD}\nid {id}\n");
    let mut line = |key: &str, values: &[&String]| {
        let values: String = values.iter().map(|v| format!(" {}", words::word(v.as_bytes()))).collect();
        text.push_str(&format!("{key}{values}\n"));
    };
    if names::folder(name).is_some_and(|folder| names::mailbox(&folder).is_none()) {
        line("name", &[&name.to_owned()]);
    }
    if let Some(flag) = special_use {
        line("special-use", &[flag]);
    }
    for (who, rights) in rights {
        line("rights", &[who, rights]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let attributes = Attributes {
            special_use: Some("\\Sent".into()),
            rights: [("bob".to_owned(), "lrs".to_owned()), ("two words".to_owned(), String::new())].into(),
            id: u64::MAX,
        };
        for (name, told) in [("Sent", None), ("a//b", Some("a//b".to_owned()))] {
            assert_eq!(
                parse(&text(name, &attributes)),
                Described { attributes: attributes.clone(), name: told }
            );
        }
        assert_eq!(parse("\0\nid x\nspecial-use\nrights a\nname"), Described::default());
    }
}
