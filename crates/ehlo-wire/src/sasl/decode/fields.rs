use super::super::hex;
use super::Kind;
use ehlo_core::escape;
use std::fmt;
use std::ops::Range;

/// The most fields that are told of one message.
pub(super) const FIELDS: usize = 256;

/// The longest value that is told, in bytes; what follows is cut off.
const VALUE: usize = 4096;

/// A message taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What it is.
    pub kind: Kind,
    /// Its fields, in order.
    pub fields: Vec<Field>,
    /// What is wrong with it.
    pub flaws: Vec<Flaw>,
}

impl Decoded {
    /// The value of the first field of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// The bytes of the message that must not be shown.
    pub fn secrets(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.fields.iter().filter(|field| field.secret).map(|field| field.at.clone())
    }
}

/// A part of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// What it is called where the mechanism is defined; escaped, if the peer chose it.
    pub name: String,
    /// What stands there, escaped or in hexadecimal digits. [`Field::shown`] is what may be printed.
    pub value: String,
    /// Whether whoever sees it could log in with it, or guess the password by it without asking the server.
    pub secret: bool,
    /// Where in the message it stands.
    pub at: Range<usize>,
}

impl Field {
    /// The value, unless it is secret.
    pub fn shown(&self) -> Option<&str> {
        (!self.secret).then_some(self.value.as_str())
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.shown().unwrap_or("…"))
    }
}

/// A rule that a message breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Which.
    pub kind: FlawKind,
    /// Where.
    pub at: Range<usize>,
}

impl Flaw {
    /// Whether the message cannot be read on from there.
    pub(in super::super) fn breaks(&self) -> bool {
        matches!(self.kind, FlawKind::Unreadable | FlawKind::Unfinished | FlawKind::TooMany)
    }
}

/// Rules that messages break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlawKind {
    /// What may stand there once stands there again.
    Repeated,
    /// A value lacks the quotes that it needs.
    Unquoted,
    /// A value has quotes that it must not have.
    Quoted,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A value that should be base64 is not.
    NotBase64,
    /// JSON is due, and this is none.
    NotJson,
    /// Something that must be there is missing.
    Missing,
    /// Something is there that the mechanism does not know.
    Unknown,
    /// A text in quotes, or the whole message, ends too early.
    Unfinished,
    /// Bytes that are no field.
    Unreadable,
    /// More fields than are looked at.
    TooMany,
    /// A place that is pointed to lies outside the message.
    Outside,
}

impl FlawKind {
    /// Its id.
    pub fn id(self) -> &'static str {
        match self {
            FlawKind::Repeated => "repeated",
            FlawKind::Unquoted => "unquoted",
            FlawKind::Quoted => "quoted",
            FlawKind::NotUtf8 => "not-utf8",
            FlawKind::NotBase64 => "not-base64",
            FlawKind::NotJson => "not-json",
            FlawKind::Missing => "missing",
            FlawKind::Unknown => "unknown",
            FlawKind::Unfinished => "unfinished",
            FlawKind::Unreadable => "unreadable",
            FlawKind::TooMany => "too-many",
            FlawKind::Outside => "outside",
        }
    }
}

/// Collects the fields of one message.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    out: Decoded,
}

impl<'a> Reader<'a> {
    pub(super) fn new(kind: Kind, bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, out: Decoded { kind, fields: Vec::new(), flaws: Vec::new() } }
    }

    /// Where `part`, a part of the message, stands; all of the message for anything else.
    fn place(&self, part: &[u8]) -> Range<usize> {
        let from = part.as_ptr().addr().wrapping_sub(self.bytes.as_ptr().addr());
        match from.checked_add(part.len()) {
            Some(to) if to <= self.bytes.len() => from..to,
            _ => 0..self.bytes.len(),
        }
    }

    /// A field whose value is text.
    pub(super) fn text(&mut self, name: &str, part: &[u8]) {
        if std::str::from_utf8(part).is_err() {
            self.flaw(FlawKind::NotUtf8, part);
        }
        self.add(name, escape(cut(part)), false, part);
    }

    /// A field that must not be shown.
    pub(super) fn secret(&mut self, name: &str, part: &[u8]) {
        self.add(name, escape(cut(part)), true, part);
    }

    /// A field whose value is bytes.
    pub(super) fn hex(&mut self, name: &str, part: &[u8], secret: bool) {
        self.add(name, hex(cut(part)), secret, part);
    }

    /// A field whose value is said in other words than stand there.
    pub(super) fn add(&mut self, name: &str, value: String, secret: bool, part: &[u8]) {
        if self.out.fields.len() >= FIELDS {
            if self.out.fields.len() == FIELDS && !self.out.flaws.iter().any(|f| f.kind == FlawKind::TooMany)
            {
                self.flaw(FlawKind::TooMany, part);
            }
            return;
        }
        let at = self.place(part);
        self.out.fields.push(Field { name: name.to_owned(), value, secret, at });
    }

    pub(super) fn flaw(&mut self, kind: FlawKind, part: &[u8]) {
        let at = self.place(part);
        if self.out.flaws.len() < FIELDS {
            self.out.flaws.push(Flaw { kind, at });
        }
    }

    pub(super) fn flaws(&mut self, flaws: Vec<Flaw>) {
        self.out.flaws.extend(flaws.into_iter().take(FIELDS));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.out.fields.iter().any(|field| field.name == name)
    }

    pub(super) fn finish(self) -> Decoded {
        self.out
    }
}

fn cut(part: &[u8]) -> &[u8] {
    &part[..part.len().min(VALUE)]
}
