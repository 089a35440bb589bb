//! Faults that are one function each, and the arguments that they take.

use super::{Acts, Fault, FaultAction, FaultMeta, Moment, Point, seconds, stage};
use crate::Settings;
use crate::delivery::{Delivery, DeliveryAction};
use std::time::Duration;

type Act = fn(&Moment<'_>, &str) -> FaultAction;

/// A fault of which everything stands in one table: what it is, what it takes, what it does.
pub(super) struct Rule {
    meta: FaultMeta,
    argument: Argument,
    configure: Option<fn(&mut Settings, &str)>,
    before: Option<Act>,
    on: Option<Act>,
    login: Option<bool>,
    deliver: Option<fn(&Delivery<'_>, &str) -> DeliveryAction>,
}

/// What a fault takes.
#[derive(Clone, Copy)]
pub(super) struct Argument {
    example: Option<&'static str>,
    needed: bool,
    wanted: &'static str,
    fits: fn(&str) -> bool,
}

pub(super) const NOTHING: Argument =
    Argument { example: None, needed: false, wanted: "no argument", fits: |_| true };

/// An argument that must be given.
pub(super) const fn takes(example: &'static str, wanted: &'static str, fits: fn(&str) -> bool) -> Argument {
    Argument { example: Some(example), needed: true, wanted, fits }
}

/// An argument that may be left out.
pub(super) const fn may_take(
    example: &'static str,
    wanted: &'static str,
    fits: fn(&str) -> bool,
) -> Argument {
    Argument { example: Some(example), needed: false, wanted, fits }
}

/// A stage, `any` if it is left out.
pub(super) const fn stage(example: &'static str) -> Argument {
    may_take(example, "a stage: any, accept, greeting, capabilities, starttls, or a command", |a| {
        !a.is_empty()
    })
}

/// A number of seconds.
pub(super) const fn duration(example: &'static str) -> Argument {
    takes(example, "a number of seconds", |a| seconds(Some(a)).is_some())
}

/// A whole number from 1 on.
pub(super) const fn number(example: &'static str) -> Argument {
    takes(example, "a number from 1 on", |a| count(a).is_some())
}

/// A word.
pub(super) const fn word(example: &'static str, wanted: &'static str) -> Argument {
    takes(example, wanted, |a| !a.trim().is_empty())
}

/// A stage, a colon, and a line.
pub(super) const fn stage_line(example: &'static str) -> Argument {
    takes(example, "a stage, a colon, and a line", |a| a.split_once(':').is_some_and(|(s, _)| !s.is_empty()))
}

/// A stage, a colon, and a number from 1 on.
pub(super) const fn stage_number(example: &'static str) -> Argument {
    takes(example, "a stage, a colon, and a number from 1 on", |a| stage_and_count(a).is_some())
}

/// Takes `STAGE:N` apart.
pub(super) fn stage_and_count(argument: &str) -> Option<(&str, u64)> {
    let (stage, rest) = argument.split_once(':')?;
    Some((stage, count(rest)?)).filter(|(stage, _)| !stage.is_empty())
}

/// Takes `STAGE:SECONDS` apart.
pub(super) fn stage_and_seconds(argument: &str) -> Option<(&str, Duration)> {
    let (stage, rest) = argument.split_once(':')?;
    Some((stage, seconds(Some(rest))?)).filter(|(stage, _)| !stage.is_empty())
}

pub(super) fn count(argument: &str) -> Option<u64> {
    argument.parse().ok().filter(|n| *n > 0)
}

impl Rule {
    const fn new(id: &'static str, family: &'static str, acts: Acts, argument: Argument) -> Rule {
        Rule {
            meta: FaultMeta { id, family, acts, example: argument.example },
            argument,
            configure: None,
            before: None,
            on: None,
            login: None,
            deliver: None,
        }
    }

    /// One that changes how a service behaves.
    pub(super) const fn setting(
        id: &'static str,
        family: &'static str,
        argument: Argument,
        configure: fn(&mut Settings, &str),
    ) -> Rule {
        Rule { configure: Some(configure), ..Rule::new(id, family, Acts::Settings, argument) }
    }

    /// One that acts before a command is carried out.
    pub(super) const fn before(
        id: &'static str,
        family: &'static str,
        argument: Argument,
        before: Act,
    ) -> Rule {
        Rule { before: Some(before), ..Rule::new(id, family, Acts::Replies, argument) }
    }

    /// One that acts on replies.
    pub(super) const fn on(id: &'static str, family: &'static str, argument: Argument, on: Act) -> Rule {
        Rule { on: Some(on), ..Rule::new(id, family, Acts::Replies, argument) }
    }

    /// One that acts before a command, and on replies as well.
    pub(super) const fn around(
        id: &'static str,
        family: &'static str,
        argument: Argument,
        before: Act,
        on: Act,
    ) -> Rule {
        Rule { before: Some(before), on: Some(on), ..Rule::new(id, family, Acts::Replies, argument) }
    }

    /// One that lets everybody in, or nobody.
    pub(super) const fn login(id: &'static str, family: &'static str, lets_in: bool) -> Rule {
        Rule { login: Some(lets_in), ..Rule::new(id, family, Acts::Replies, NOTHING) }
    }

    /// One that acts when mail is delivered.
    pub(super) const fn delivery(
        id: &'static str,
        family: &'static str,
        argument: Argument,
        deliver: fn(&Delivery<'_>, &str) -> DeliveryAction,
    ) -> Rule {
        Rule { deliver: Some(deliver), ..Rule::new(id, family, Acts::Delivery, argument) }
    }
}

impl Fault for Rule {
    fn meta(&self) -> &FaultMeta {
        &self.meta
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        match argument {
            Some(argument) if (self.argument.fits)(argument) => Ok(()),
            None if !self.argument.needed => Ok(()),
            _ => Err(self.argument.wanted),
        }
    }

    fn configure(&self, settings: &mut Settings, argument: Option<&str>) {
        if let Some(configure) = self.configure {
            configure(settings, argument.unwrap_or_default());
        }
    }

    fn before(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        self.before.map_or(FaultAction::Pass, |act| act(moment, argument.unwrap_or_default()))
    }

    fn on(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        self.on.map_or(FaultAction::Pass, |act| act(moment, argument.unwrap_or_default()))
    }

    fn login(&self) -> Option<bool> {
        self.login
    }

    fn deliver(&self, delivery: &Delivery<'_>, argument: Option<&str>) -> DeliveryAction {
        self.deliver.map_or(DeliveryAction::Pass, |act| act(delivery, argument.unwrap_or_default()))
    }
}

/// Sends something else, if it is something else.
pub(super) fn replace(moment: &Moment<'_>, reply: Vec<u8>) -> FaultAction {
    if reply == moment.reply { FaultAction::Pass } else { FaultAction::Replace(reply) }
}

/// Whether a reply is about to be sent at the stage; `any` if none is named.
pub(super) fn at(moment: &Moment<'_>, stage: &str) -> bool {
    let stage = if stage.is_empty() { "any" } else { stage };
    !matches!(moment.point, Point::Command) && stage::strikes(moment, Some(stage))
}
