use super::greeting::echoed_address;
use super::service::Service;
use ehlo_core::Failure;
use ehlo_core::facts::{Answered, ConnectionFacts, Moment};
use ehlo_dialogue::Dialogue;

pub(super) use ehlo_dialogue::unasked_capabilities as unasked;

/// Asks the server what it can do.
pub(super) async fn ask(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    moment: Moment,
) -> Result<(), Failure> {
    let listed = dialogue.ask_capabilities(moment, service.options.helo.as_deref()).await?;
    // What is wrong with a list is only seen behind the reply; the connection's facts take it up.
    facts.deviations.extend(listed.deviations);
    facts.identity.extend(listed.identity);
    if listed.turn.answered() == Answered::Accepted {
        facts.echoed_address = facts.echoed_address.take().or_else(|| echoed_address(&listed.turn));
    }
    facts.capabilities.push(listed.facts);
    Ok(())
}

/// Our own commands hold nothing that could break out of a line, except a name given by the user, which the command
/// line has checked.
pub(super) fn line(command: Result<ehlo_wire::Command, ehlo_wire::BadArgument>) -> ehlo_wire::Command {
    command.unwrap_or_else(|_| ehlo_wire::Command::raw(ehlo_core::Stage::Command, "NOOP\r\n"))
}
