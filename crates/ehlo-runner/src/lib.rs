//! Runs scripts: drives the interpreter over dialogues, prepares mailboxes and takes them away again, and knows what
//! is special about a server.

mod driver;
mod gate;
mod options;
mod prepare;
mod profile;
mod script;
mod suite;

pub use gate::PREDEFINED;
pub use options::{Account, Known, Maildrops, RunOptions, Service, Site};
pub use profile::{Profile, ProfileAccount, ProfileError, ProfileKnown, SecretSource, profiles};
pub use script::{Loaded, run_all};
pub use suite::{BuiltIn, FileLoader, built_in, built_in_file, built_in_names, find};
