//! SMTP (RFC 5321) and LMTP (RFC 2033): replies, EHLO keywords, commands of both sides.

mod capability;
mod command;
mod path;
mod reply;
mod verb;
mod xtext;

pub use capability::{Ehlo, Keyword, ehlo};
pub use command::{
    data_end, dot_stuff, ehlo_command, helo_command, lhlo_command, mail_from, rcpt_to, simple,
};
pub use path::{Path, PathProblem, parse_path};
pub use reply::{Assembler, EnhancedStatusCode, Reply, ReplyLine};
pub use verb::{Attributes, MailArgs, Request, parse_request};
pub use xtext::{xtext_decode, xtext_encode};
