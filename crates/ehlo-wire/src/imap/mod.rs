//! IMAP4 (RFC 3501, RFC 9051): values, responses, views of structured data, commands of both sides.

mod command;
mod fetch;
mod lexer;
mod mutf7;
mod response;
mod sequence;
mod value;
mod view;

pub use command::{CommandBuilder, Request, command, parse_request};
pub use fetch::{Address, BodyStructure, Disposition, Envelope, body_structure, envelope, fetch_items};
pub use lexer::values;
pub use mutf7::{decode_mutf7, encode_mutf7};
pub use response::{Code, Data, Response, ResponseKind, Status, StatusKind, parse_response};
pub use sequence::SequenceSet;
pub use value::{Value, ValueKind, quote};
pub use view::{ListItem, NamespaceItem, StatusItems, capabilities, list_item, namespaces, status_items};
