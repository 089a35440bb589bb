//! Faults of the shape of replies: late, in portions, cut off, twice, with other line ends, in another order.

use super::reply::{body, farewell, map_responses, refusal, split_last};
use super::rule::{
    Rule, at, count, may_take, replace, stage, stage_and_count, stage_and_seconds, stage_line, stage_number,
    takes,
};
use super::scope::is_command;
use super::{FaultAction, Moment, Point, seconds};
use ehlo_core::Protocol;
use std::time::Duration;

const FAMILY: &str = "shape";

/// A command is refused, for now (4) or for good (5), and not carried out.
pub(super) static REJECT: Rule = Rule::before(
    "reject",
    FAMILY,
    takes("MAIL:4", "a command, and :4 (for now) or :5 (for good)", |a| rejected(a).is_some()),
    |moment, argument| match rejected(argument) {
        Some((command, for_now)) if command == "any" || is_command(command, moment.command) => {
            FaultAction::Replace(refusal(moment, for_now, "the lab was told to refuse this"))
        }
        _ => FaultAction::Pass,
    },
);

fn rejected(argument: &str) -> Option<(&str, bool)> {
    let (command, class) = argument.split_once(':').unwrap_or((argument, "5"));
    let for_now = match class {
        "4" => true,
        "5" => false,
        _ => return None,
    };
    (!command.is_empty()).then_some((command, for_now))
}

/// A reply comes late.
pub(super) static DELAY: Rule = Rule::on(
    "delay",
    FAMILY,
    takes("EHLO:2", "a stage, a colon, and a number of seconds", |a| stage_and_seconds(a).is_some()),
    |moment, argument| match stage_and_seconds(argument) {
        Some((stage, time)) if at(moment, stage) => FaultAction::Delay(time),
        _ => FaultAction::Pass,
    },
);

/// A reply comes in portions of so many bytes, with a pause behind each or without.
pub(super) static PORTIONS: Rule = Rule::on(
    "portions",
    FAMILY,
    takes(
        "any:7:0.01",
        "a stage, a number of bytes, and seconds between portions if wanted, joined by colons",
        |a| portions(a).is_some(),
    ),
    |moment, argument| match portions(argument) {
        Some((stage, portion, gap)) if at(moment, stage) => FaultAction::Split { portion, gap },
        _ => FaultAction::Pass,
    },
);

fn portions(argument: &str) -> Option<(&str, usize, Duration)> {
    let mut parts = argument.split(':');
    let stage = parts.next().filter(|s| !s.is_empty())?;
    let portion = usize::try_from(count(parts.next()?)?).ok()?;
    let gap = match parts.next() {
        Some(gap) => seconds(Some(gap))?,
        None => Duration::ZERO,
    };
    parts.next().is_none().then_some((stage, portion, gap))
}

/// After so many bytes of a reply the connection is closed.
pub(super) static TRUNCATED: Rule =
    Rule::on("truncated", FAMILY, stage_number("capabilities:10"), |moment, argument| match stage_and_count(
        argument,
    ) {
        Some((stage, bytes)) if at(moment, stage) => {
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(moment.reply.len());
            FaultAction::Close { say: moment.reply[..bytes].to_vec() }
        }
        _ => FaultAction::Pass,
    });

/// A reply lacks its last line.
pub(super) static HEADLESS: Rule =
    Rule::on("last-line-missing", FAMILY, stage("capabilities"), |moment, stage| {
        if !at(moment, stage) {
            return FaultAction::Pass;
        }
        replace(moment, split_last(moment.protocol(), moment.reply).0.to_vec())
    });

/// A reply is sent twice.
pub(super) static DOUBLED: Rule = Rule::on("doubled", FAMILY, stage("NOOP"), |moment, stage| {
    if !at(moment, stage) {
        return FaultAction::Pass;
    }
    replace(moment, [moment.reply, moment.reply].concat())
});

/// Two replies that are due at once come in the wrong order.
pub(super) static SWAPPED: Rule = Rule::on("swapped", FAMILY, stage("MAIL"), |moment, stage| {
    if at(moment, stage) { FaultAction::Hold } else { FaultAction::Pass }
});

/// A reply is followed by the end of the connection.
pub(super) static CLOSE_AFTER: Rule = Rule::on("close-after", FAMILY, stage("greeting"), |moment, stage| {
    if at(moment, stage) { FaultAction::Close { say: moment.reply.to_vec() } } else { FaultAction::Pass }
});

/// Instead of a reply the server says that it goes, and closes.
pub(super) static FAREWELL: Rule = Rule::before("farewell", FAMILY, stage("NOOP"), |moment, stage| {
    let stage = if stage.is_empty() { "any" } else { stage };
    if stage != "any" && !is_command(stage, moment.command) {
        return FaultAction::Pass;
    }
    FaultAction::Close {
        say: farewell(moment.protocol(), moment.host_name, "is going down, come again later"),
    }
});

/// The connection is closed in the middle of what the client sends after a reply.
pub(super) static CLOSE_IN_INPUT: Rule =
    Rule::on("close-in-input", FAMILY, stage_number("DATA:100"), |moment, argument| {
        match stage_and_count(argument) {
            Some((stage, bytes)) if at(moment, stage) => FaultAction::CloseInInput(bytes),
            _ => FaultAction::Pass,
        }
    });

/// The lines of a reply end in LF alone.
pub(super) static BARE_LF: Rule = Rule::on("bare-lf", FAMILY, stage("any"), |moment, stage| {
    if !at(moment, stage) {
        return FaultAction::Pass;
    }
    replace(moment, other_ends(moment, b"\n"))
});

/// The lines of a reply end in CR alone.
pub(super) static BARE_CR: Rule = Rule::on("bare-cr", FAMILY, stage("greeting"), |moment, stage| {
    if !at(moment, stage) {
        return FaultAction::Pass;
    }
    replace(moment, other_ends(moment, b"\r"))
});

/// What ends responses is changed; literals, whose length is announced, are left as they are.
fn other_ends(moment: &Moment<'_>, end: &[u8]) -> Vec<u8> {
    map_responses(moment.protocol(), moment.reply, |line| [body(line), end].concat())
}

/// A NUL stands before the end of each line of a reply.
pub(super) static NUL: Rule = Rule::on("nul", FAMILY, stage("NOOP"), |moment, stage| {
    if !at(moment, stage) {
        return FaultAction::Pass;
    }
    // The dot that ends a list stays one.
    replace(
        moment,
        map_responses(moment.protocol(), moment.reply, |line| match body(line) {
            b"." => line.to_vec(),
            text => [text, &b"\0\r\n"[..]].concat(),
        }),
    )
});

/// The last line of a reply is as long as this.
pub(super) static OVERLONG: Rule = Rule::on(
    "overlong",
    FAMILY,
    takes("NOOP:2000", "a stage, a colon, and a number of bytes up to 4194304", |a| {
        stage_and_count(a).is_some_and(|(_, n)| n <= MOST)
    }),
    |moment, argument| {
        let Some((_, bytes)) = stage_and_count(argument).filter(|(stage, _)| at(moment, stage)) else {
            return FaultAction::Pass;
        };
        let bytes = usize::try_from(bytes.min(MOST)).unwrap_or(0);
        // A list ends in a dot: the line before it grows.
        let responses = super::reply::responses(moment.protocol(), moment.reply);
        let Some(long) = responses.iter().rposition(|r| body(r) != b".") else { return FaultAction::Pass };
        let mut out = Vec::new();
        for (index, response) in responses.iter().enumerate() {
            let mut line = body(response).to_vec();
            if index == long && line.len() < bytes {
                line.push(b' ');
                line.resize(bytes, b'x');
            }
            out.extend_from_slice(&line);
            out.extend_from_slice(b"\r\n");
        }
        replace(moment, out)
    },
);

const MOST: u64 = 4 * 1024 * 1024;

/// A line that nobody asked for stands before a reply.
pub(super) static INJECT: Rule =
    Rule::on("inject", FAMILY, stage_line("NOOP:* OK by the way"), |moment, argument| {
        match injected(moment, argument) {
            Some(line) => FaultAction::Replace([&line, moment.reply].concat()),
            None => FaultAction::Pass,
        }
    });

/// A line that nobody asked for stands behind a reply.
pub(super) static INJECT_AFTER: Rule =
    Rule::on("inject-after", FAMILY, stage_line("LOGIN:* 23 EXISTS"), |moment, argument| {
        match injected(moment, argument) {
            Some(line) => FaultAction::Replace([moment.reply, &line].concat()),
            None => FaultAction::Pass,
        }
    });

fn injected(moment: &Moment<'_>, argument: &str) -> Option<Vec<u8>> {
    let (stage, line) = argument.split_once(':')?;
    at(moment, stage).then(|| format!("{}\r\n", line.replace('%', moment.tag)).into_bytes())
}

/// Data come behind the greeting, before anybody has logged in or asked.
pub(super) static EARLY_DATA: Rule = Rule::on("early-data", FAMILY, may_take_line(), |moment, line| {
    if moment.point != Point::Greeting {
        return FaultAction::Pass;
    }
    let usual = match moment.protocol() {
        Protocol::Imap => "* 23 EXISTS",
        Protocol::Pop3 => "+OK 5 1000",
        Protocol::Sieve => "OK \"by the way\"",
        Protocol::Smtp | Protocol::Lmtp => "250 2.0.0 by the way",
    };
    let line = if line.is_empty() { usual } else { line };
    FaultAction::Replace([moment.reply, line.as_bytes(), b"\r\n"].concat())
});

const fn may_take_line() -> super::rule::Argument {
    may_take("* 23 EXISTS", "a line", |a| !a.is_empty())
}
