//! Reports: pure functions of what was seen and judged. Engines yield ids and parameters; the sentences, and the
//! causes of failures, are looked up here.

mod causes;
mod excerpt;
mod format;
pub mod json;
mod layout;
mod live;
pub mod monitor;
mod paint;
pub mod run;
mod sentence;
mod terminal;
mod texts;

pub use causes::add_causes;
pub use excerpt::happened;
pub use format::{FORMATS, Format, FormatOptions, Rendered};
pub use layout::{pad, shorten, width, wrapped};
pub use live::{Live, live};
pub use paint::Paint;
pub use sentence::failure_text;
pub use texts::Texts;
