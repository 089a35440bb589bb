//! Lessons.

use super::{Arrived, Console, View};
use ehlo_core::facts::Answered;

/// A lesson that is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Lesson {}

impl Console {
    pub(super) fn lesson(&mut self, _arguments: &str) {
        let _ = &self.lesson;
        self.note("no-lesson", &[]);
    }

    pub(super) fn lesson_typed(&mut self, _line: &[u8]) {}

    pub(super) fn lesson_arrived(&mut self, _arrived: &Arrived, _answered: Answered, _view: &View<'_>) {}
}
