//! Lessons: a walk through a protocol, one command after the other, that looks at what came of each.

use super::{Arrived, Console, Do, View};
use crate::Show;
use ehlo_core::Protocol;
use ehlo_core::facts::Answered;

/// A lesson; its texts stand below `talk/lesson/`.
#[derive(Clone, Copy, Debug)]
pub struct LessonMeta {
    /// Its name.
    pub name: &'static str,
    /// What is spoken.
    pub protocol: Protocol,
    /// What is done, in order.
    pub steps: &'static [Step],
}

/// One step of a lesson.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Its text is `talk/lesson/NAME/ID`.
    pub id: &'static str,
    /// What may be typed.
    pub example: &'static str,
    /// The command, upper case.
    verb: &'static str,
    /// How the server takes it.
    wanted: Answered,
}

const fn step(id: &'static str, example: &'static str, verb: &'static str, wanted: Answered) -> Step {
    Step { id, example, verb, wanted }
}

use Answered::{Accepted, Continue};

/// All lessons.
pub static LESSONS: &[LessonMeta] = &[
    LessonMeta {
        name: "smtp",
        protocol: Protocol::Smtp,
        steps: &[
            step("helo", "HELO test", "HELO", Accepted),
            step("ehlo", "EHLO test", "EHLO", Accepted),
            step("starttls", "STARTTLS", "STARTTLS", Accepted),
            step("auth", "AUTH LOGIN", "AUTH", Continue),
            step("name", ":b64 benutzername", "AUTH", Continue),
            step("password", ":b64 passwort", "AUTH", Accepted),
            step("mail", "MAIL FROM:<benutzername@lab.test>", "MAIL", Accepted),
            step("rcpt", "RCPT TO:<name@lab.test>", "RCPT", Accepted),
            step("data", "DATA", "DATA", Continue),
            step("message", ".", "DATA", Accepted),
            step("quit", "QUIT", "QUIT", Accepted),
        ],
    },
    LessonMeta {
        name: "pop3",
        protocol: Protocol::Pop3,
        steps: &[
            step("capa", "CAPA", "CAPA", Accepted),
            step("stls", "STLS", "STLS", Accepted),
            step("user", "USER benutzername", "USER", Accepted),
            step("pass", "PASS passwort", "PASS", Accepted),
            step("stat", "STAT", "STAT", Accepted),
            step("list", "LIST", "LIST", Accepted),
            step("rset", "RSET", "RSET", Accepted),
            step("quit", "QUIT", "QUIT", Accepted),
        ],
    },
    LessonMeta {
        name: "imap",
        protocol: Protocol::Imap,
        steps: &[
            step("capability", "CAPABILITY", "CAPABILITY", Accepted),
            step("starttls", "STARTTLS", "STARTTLS", Accepted),
            step("login", "LOGIN benutzername passwort", "LOGIN", Accepted),
            step("list", "LIST \"\" *", "LIST", Accepted),
            step("examine", "EXAMINE INBOX", "EXAMINE", Accepted),
            step("search", "SEARCH ALL", "SEARCH", Accepted),
            step("idle", "IDLE", "IDLE", Continue),
            step("done", "DONE", "IDLE", Accepted),
            step("logout", "LOGOUT", "LOGOUT", Accepted),
        ],
    },
];

/// A lesson that is under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lesson {
    meta: Option<&'static LessonMeta>,
    at: usize,
    /// It begins as soon as the server has said who it is.
    begins: bool,
}

impl Console {
    pub(super) fn lesson(&mut self, word: &str) {
        let under_way = self.lesson.meta;
        match word {
            "stop" if under_way.is_some() => {
                self.lesson = Lesson::default();
                self.note("lesson-stopped", &[]);
            }
            "next" if under_way.is_some() => self.next_step(),
            "" if under_way.is_some() => self.tell_step(),
            word => {
                let word = match (word, self.settings.protocol) {
                    ("", Some(protocol)) => protocol.id(),
                    (word, _) => word,
                };
                match LESSONS.iter().find(|l| l.name == word) {
                    Some(meta) => self.begin_lesson(meta),
                    None => {
                        self.refused += 1;
                        self.note("no-lesson", &[]);
                    }
                }
            }
        }
    }

    fn begin_lesson(&mut self, meta: &'static LessonMeta) {
        if !self.settings.no_secrets {
            // Its accounts are those of the lab, and nothing that is tried there can hurt anybody.
            self.refused += 1;
            return self.note("lesson-lab", &[("name", &meta.name)]);
        }
        self.lesson = Lesson { meta: Some(meta), at: 0, begins: false };
        if self.settings.protocol == Some(meta.protocol) && self.connected {
            self.tell_step();
        } else {
            self.lesson.begins = true;
            self.out.push_back(Do::Open(Some(format!("{}://lab", meta.protocol.id()))));
        }
    }

    fn tell_step(&mut self) {
        let Some(meta) = self.lesson.meta else { return };
        let Some(step) = meta.steps.get(self.lesson.at) else { return };
        self.show(Show::Step {
            lesson: meta.name,
            step: *step,
            number: self.lesson.at + 1,
            of: meta.steps.len(),
        });
    }

    fn next_step(&mut self) {
        let Some(meta) = self.lesson.meta else { return };
        self.lesson.at += 1;
        if self.lesson.at < meta.steps.len() {
            self.tell_step();
        } else {
            self.lesson = Lesson::default();
            self.note("lesson-over", &[("name", &meta.name)]);
        }
    }

    /// Looks at what came of a command.
    pub(super) fn lesson_arrived(&mut self, arrived: &Arrived, answered: Answered, _view: &View<'_>) {
        let Some(meta) = self.lesson.meta else { return };
        if std::mem::take(&mut self.lesson.begins) {
            return self.tell_step();
        }
        let Some(step) = meta.steps.get(self.lesson.at) else { return };
        // A question of the console's own is no work of the learner.
        if !arrived.completes || std::mem::take(&mut self.own_question) {
            return;
        }
        let asks_more = answered == Continue && (step.verb == "IDLE" || arrived.verb.is_empty());
        let same = arrived.verb == step.verb || asks_more;
        if same && answered == step.wanted {
            self.note("lesson-right", &[]);
            self.next_step();
        } else if self.lesson.at < meta.steps.len() {
            self.note("lesson-other", &[("example", &step.example)]);
        }
    }
}
