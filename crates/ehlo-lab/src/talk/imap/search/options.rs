use super::Hit;
use crate::talk::imap::refusal::{Refusal, bad};
use ehlo_wire::imap::{Value, ValueKind};

/// What is to be told of the result (RFC 4731 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::talk::imap) enum Wish {
    Min,
    Max,
    All,
    Count,
}

/// How the result is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::talk::imap) struct Options {
    /// The name of the plain response, SEARCH or SORT.
    pub(in crate::talk::imap) verb: &'static str,
    /// None for the plain response.
    pub(in crate::talk::imap) wishes: Option<Vec<Wish>>,
    /// RFC 5182
    pub(in crate::talk::imap) save: bool,
}

impl Options {
    /// Reads `RETURN (…)` where it stands first, and yields what stands behind it.
    pub(in crate::talk::imap) fn read(args: &[Value]) -> Result<(Options, &[Value]), Refusal> {
        let plain = Options { verb: "SEARCH", wishes: None, save: false };
        let (list, rest) = match args {
            [word, Value { kind: ValueKind::List(list), .. }, rest @ ..] if word.is_atom("RETURN") => {
                (list, rest)
            }
            [word, ..] if word.is_atom("RETURN") => return bad("RETURN wants options in brackets"),
            rest => return Ok((plain, rest)),
        };
        let (mut wishes, mut save) = (Vec::new(), false);
        for option in list {
            match option {
                o if o.is_atom("MIN") => wishes.push(Wish::Min),
                o if o.is_atom("MAX") => wishes.push(Wish::Max),
                o if o.is_atom("ALL") => wishes.push(Wish::All),
                o if o.is_atom("COUNT") => wishes.push(Wish::Count),
                o if o.is_atom("SAVE") => save = true,
                _ => return bad("there is no such return option"),
            }
        }
        // RFC 4731 §3.1: empty brackets stand for ALL.
        if wishes.is_empty() && !save {
            wishes.push(Wish::All);
        }
        Ok((Options { wishes: Some(wishes), save, ..plain }, rest))
    }

    /// What is saved: all that was found, unless only the ends were asked for (RFC 5182 §2.1, table).
    pub(super) fn saved(&self, hits: &[Hit]) -> Vec<u32> {
        let wishes = self.wishes.as_deref().unwrap_or_default();
        let has = |wish| wishes.contains(&wish);
        let ends = (has(Wish::Min) || has(Wish::Max)) && !has(Wish::All) && !has(Wish::Count);
        let mut uids: Vec<u32> = match ends {
            false => hits.iter().map(|hit| hit.message.uid).collect(),
            true => {
                let min = hits.first().filter(|_| has(Wish::Min));
                let max = hits.last().filter(|_| has(Wish::Max));
                min.into_iter().chain(max).map(|hit| hit.message.uid).collect()
            }
        };
        uids.sort_unstable();
        uids.dedup();
        uids
    }
}
