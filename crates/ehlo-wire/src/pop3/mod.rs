//! POP3 (RFC 1939), with CAPA (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034) and response codes (RFC 3206).

mod capability;
mod command;
mod response;
mod verb;

pub use capability::{Capability, capa};
pub use command::{answers_with_lines, command};
pub use response::{Assembler, DataLine, Response, Status, apop_stamp};
pub use verb::{Request, parse_request};
