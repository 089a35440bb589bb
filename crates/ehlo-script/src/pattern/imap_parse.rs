use super::tokens::Tok;
use crate::Kind;

/// A piece of IMAP data that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pat {
    /// An atom, a number, a flag, a section.
    Atom(Vec<Tok>),
    /// A quoted string.
    Quoted(Vec<Tok>),
    /// A literal.
    Literal(Vec<Tok>),
    /// A list.
    List(List),
    /// `{{name:type}}` alone.
    Capture(Option<String>, Kind),
}

/// A list that is expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    /// Its items.
    pub(super) items: Vec<Item>,
    /// `=( )`, `~( )`
    pub(super) order: Option<Order>,
    /// `...`: more may come.
    pub(super) extras: bool,
}

/// How a list is compared in spite of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// `=( )`: these, in this order.
    Exact,
    /// `~( )`: these, in any order.
    Any,
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// What it is.
    pub(super) pat: Pat,
    /// `!x`: it must not be there.
    pub(super) absent: bool,
    /// `?x`: it may be there.
    pub(super) optional: bool,
}

/// Lists nested deeper than this are taken as text.
const DEEPEST: usize = 32;

/// Reads data. Never fails: what is no list is an atom.
pub(super) fn data(tokens: &[Tok]) -> List {
    let mut at = 0;
    items(tokens, &mut at, 0)
}

fn items(tokens: &[Tok], at: &mut usize, depth: usize) -> List {
    let mut list = List::default();
    let mut marks = (false, false);
    while let Some(tok) = tokens.get(*at) {
        let byte = match tok {
            Tok::Byte(b) => Some(*b),
            _ => None,
        };
        let next = tokens.get(*at + 1);
        match byte {
            Some(b' ') => *at += 1,
            Some(b')') => {
                *at += 1;
                if depth > 0 {
                    return list;
                }
            }
            Some(b'.') if tokens[*at..].starts_with(&[Tok::Byte(b'.'), Tok::Byte(b'.'), Tok::Byte(b'.')]) => {
                *at += 3;
                list.extras = true;
            }
            Some(b'!') if begins_item(next) => {
                *at += 1;
                marks.0 = true;
            }
            Some(b'?') if begins_item(next) => {
                *at += 1;
                marks.1 = true;
            }
            Some(order @ (b'=' | b'~')) if next == Some(&Tok::Byte(b'(')) => {
                *at += 2;
                let mut inner = items(tokens, at, depth + 1);
                inner.order = Some(if order == b'=' { Order::Exact } else { Order::Any });
                push(&mut list, Pat::List(inner), &mut marks);
            }
            Some(b'(') if depth < DEEPEST => {
                *at += 1;
                let inner = items(tokens, at, depth + 1);
                push(&mut list, Pat::List(inner), &mut marks);
            }
            Some(b'"') => {
                *at += 1;
                let text = quoted(tokens, at);
                push(&mut list, Pat::Quoted(text), &mut marks);
            }
            _ => {
                let pat = match tok {
                    Tok::Literal(content) => {
                        *at += 1;
                        Pat::Literal(content.clone())
                    }
                    _ => atom(tokens, at),
                };
                push(&mut list, pat, &mut marks);
            }
        }
    }
    list
}

fn begins_item(next: Option<&Tok>) -> bool {
    matches!(next, Some(Tok::Byte(b)) if *b != b' ' && *b != b')')
}

fn push(list: &mut List, pat: Pat, marks: &mut (bool, bool)) {
    let (absent, optional) = std::mem::take(marks);
    list.items.push(Item { pat, absent, optional });
}

fn quoted(tokens: &[Tok], at: &mut usize) -> Vec<Tok> {
    let mut text = Vec::new();
    while let Some(tok) = tokens.get(*at) {
        *at += 1;
        match tok {
            Tok::Byte(b'"') => break,
            Tok::Byte(b'\\') => {
                text.extend(tokens.get(*at).cloned());
                *at += 1;
            }
            other => text.push(other.clone()),
        }
    }
    text
}

fn atom(tokens: &[Tok], at: &mut usize) -> Pat {
    let from = *at;
    let mut section = false;
    while let Some(tok) = tokens.get(*at) {
        match tok {
            Tok::Byte(b'[') => section = true,
            Tok::Byte(b']') => section = false,
            Tok::Byte(b' ' | b'(' | b')') if !section => break,
            Tok::Literal(_) => break,
            _ => {}
        }
        *at += 1;
    }
    if *at == from {
        *at += 1;
    }
    let atom = &tokens[from..(*at).min(tokens.len())];
    match atom {
        [Tok::Capture(name, kind)] => Pat::Capture(name.clone(), *kind),
        _ => Pat::Atom(atom.to_vec()),
    }
}
