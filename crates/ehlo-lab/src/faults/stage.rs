//! Faults at any stage: the argument names it as `any`, `greeting`, `capabilities`, `starttls`, or a command such as `MAIL`.

use super::scope::is_command;
use super::{Acts, Fault, FaultAction, FaultMeta, Moment, Point};
use std::time::Duration;

const FAMILY: &str = "stage";

/// Whether this is the stage: `any` is all but `accept`.
pub(super) fn strikes(moment: &Moment<'_>, stage: Option<&str>) -> bool {
    match stage.unwrap_or("greeting").to_ascii_lowercase().as_str() {
        "any" => moment.point != Point::Accept && !moment.reply.is_empty(),
        "accept" => moment.point == Point::Accept,
        "greeting" => moment.point == Point::Greeting,
        "capabilities" => moment.point == Point::Capabilities,
        "starttls" => moment.point == Point::StartTls,
        command => moment.point != Point::Accept && is_command(command, moment.command),
    }
}

const WANTED: &str = "a stage: any, accept, greeting, capabilities, starttls, or a command";

fn checked(argument: Option<&str>) -> Result<(), &'static str> {
    argument.filter(|a| !a.is_empty()).map(drop).ok_or(WANTED)
}

/// Nothing is said at a stage, and never again.
pub(super) struct Silence;

impl Fault for Silence {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "silence", family: FAMILY, acts: Acts::Replies, example: Some("greeting") }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        checked(argument)
    }

    fn on(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        if strikes(moment, argument) { FaultAction::Withhold } else { FaultAction::Pass }
    }
}

/// The connection is closed instead of an answer.
pub(super) struct Close;

impl Fault for Close {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "close", family: FAMILY, acts: Acts::Replies, example: Some("greeting") }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        checked(argument)
    }

    fn on(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        if strikes(moment, argument) { FaultAction::Close { say: Vec::new() } } else { FaultAction::Pass }
    }
}

/// The connection is reset instead of an answer.
pub(super) struct Reset;

impl Fault for Reset {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "reset", family: FAMILY, acts: Acts::Replies, example: Some("greeting") }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        checked(argument)
    }

    fn on(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        if strikes(moment, argument) { FaultAction::Reset } else { FaultAction::Pass }
    }
}

/// The answer comes byte by byte, one a second.
pub(super) struct Drip;

impl Fault for Drip {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "drip", family: FAMILY, acts: Acts::Replies, example: Some("capabilities") }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        checked(argument)
    }

    fn on(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        if strikes(moment, argument) {
            FaultAction::Split { portion: 1, gap: Duration::from_secs(1) }
        } else {
            FaultAction::Pass
        }
    }
}

/// The answer at a stage is this line; `%` in it is the tag of the command.
pub(super) struct Reply;

impl Fault for Reply {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta {
            id: "reply",
            family: FAMILY,
            acts: Acts::Replies,
            example: Some("MAIL:451 4.3.0 not now"),
        }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        match argument.and_then(|a| a.split_once(':')) {
            Some((stage, _)) if !stage.is_empty() => Ok(()),
            _ => Err("a stage, a colon, and a line"),
        }
    }

    fn on(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        let Some((stage, line)) = argument.and_then(|a| a.split_once(':')) else { return FaultAction::Pass };
        if !strikes(moment, Some(stage)) {
            return FaultAction::Pass;
        }
        let reply = String::from_utf8_lossy(moment.reply);
        let last = reply.lines().last().unwrap_or_default();
        let tag = last.split(' ').next().unwrap_or("*");
        FaultAction::Replace(format!("{}\r\n", line.replace('%', tag)).into_bytes())
    }
}
