//! ManageSieve (RFC 5804): commands, responses, capabilities, and the [language](language) of the scripts.

mod command;
pub mod language;
mod name;
mod request;
mod response;
mod value;

pub use command::{CommandBuilder, command, quote, string};
pub use name::{NameProblem, check_name};
pub use request::{Request, parse_request, words};
pub use response::{Assembler, Code, Item, Response, Status};
pub use value::{LONGEST_QUOTED, Value, ValueKind, values};
