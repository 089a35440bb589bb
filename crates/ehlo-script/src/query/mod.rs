//! Queries: what a script may ask about a connection. Grouped by what they are about, one line each.

mod certificate;
mod connection;
mod reply;
pub(crate) use reply::status_word;
mod tls;

use crate::Value;
use crate::machine::Seen;

/// A query.
pub trait QueryKind: Sync {
    /// What there is to know of it.
    fn meta(&self) -> QueryMeta;
    /// The answer, from what was seen on a connection.
    fn ask(&self, seen: &Seen, index: usize) -> Value;
}

/// What there is to know of a query.
#[derive(Clone, Copy, Debug)]
pub struct QueryMeta {
    /// What stands behind `S.`
    pub name: &'static str,
    /// Whether a number in brackets follows.
    pub indexed: bool,
}

/// A query that is a function.
pub(crate) struct Ask {
    name: &'static str,
    indexed: bool,
    ask: fn(&Seen, usize) -> Value,
}

impl QueryKind for Ask {
    fn meta(&self) -> QueryMeta {
        QueryMeta { name: self.name, indexed: self.indexed }
    }

    fn ask(&self, seen: &Seen, index: usize) -> Value {
        (self.ask)(seen, index)
    }
}

const fn plain(name: &'static str, ask: fn(&Seen, usize) -> Value) -> Ask {
    Ask { name, indexed: false, ask }
}

const fn indexed(name: &'static str, ask: fn(&Seen, usize) -> Value) -> Ask {
    Ask { name, indexed: true, ask }
}

/// All queries.
pub static QUERIES: &[&dyn QueryKind] = &[
    &reply::CODE,
    &reply::ENHANCED,
    &reply::TEXT,
    &reply::LINE,
    &reply::LINES,
    &reply::STATUS,
    &reply::TAG,
    &reply::CAPS,
    &reply::TIME,
    &reply::BYTES,
    &reply::LITERAL,
    &tls::VERSION,
    &tls::CIPHER,
    &tls::GROUP,
    &tls::ALPN,
    &tls::RESUMED,
    &certificate::DAYS,
    &certificate::NAMES,
    &certificate::ISSUER,
    &certificate::SUBJECT,
    &certificate::KEY,
    &certificate::SIG,
    &certificate::CHAIN,
    &certificate::VERIFY,
    &connection::IP,
];
