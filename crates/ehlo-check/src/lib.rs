//! Examines mail services. Acquire, then judge: a probe leads a dialogue and yields facts; a check is a pure function
//! of facts, so that a saved run can be judged again when a rule changes.

mod acquire;
pub mod checks;
mod detect;
mod judge;
mod level;
mod meta;
mod options;
mod policy;
mod question;
mod run;
mod verdict;

pub use checks::CHECKS;
pub use detect::detect;
pub use judge::{Judged, Judging, Selection, judge};
pub use level::level;
pub use meta::{Check, CheckMeta, Manner};
pub use options::{Arriving, CheckOptions, Extra, Job, Outside, Pace};
pub use policy::{Policy, PolicyRow};
pub use question::Question;
pub use run::run;
pub use verdict::Verdict;
