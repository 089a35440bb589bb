//! The dialogue that would be.

use super::View;
use crate::exit::Usage;
use ehlo_action::Target;
use ehlo_action::send::{Message, Rehearsed, SendOptions, rehearse};
use ehlo_core::escape;
use ehlo_report::wrapped;

/// The text for people.
///
/// # Errors
/// A message that could not be sent as it is wanted by any server, and files that cannot be read.
pub(super) fn human(
    target: &Target,
    options: &SendOptions,
    message: &Message,
    view: View,
) -> anyhow::Result<String> {
    let View { texts, paint, columns, .. } = view;
    let measured = message.measure()?;
    let lines = rehearse(target, options, message, &measured)
        .map_err(|problem| Usage(texts.with(&format!("send/problem/{}", problem.id), &problem.params)))?;
    let mut out = String::new();
    for line in lines {
        let (lead, text) = match line {
            Rehearsed::Client(text) => ("C:", paint.strong(&text)),
            Rehearsed::Server(code) => ("S:", code.to_owned()),
            Rehearsed::Message(octets) if options.chunk.is_some() => {
                ("C:", paint.dim(&texts.fill("send/dry/chunk", &[("octets", &octets)])))
            }
            Rehearsed::Message(octets) => {
                ("C:", paint.dim(&texts.fill("send/dry/message", &[("octets", &octets)])))
            }
            Rehearsed::Note(id) => {
                let user = options.credentials.as_ref().map_or("", |c| c.user.as_str());
                let (url, user) = (escape(target.url.as_bytes()), escape(user.as_bytes()));
                let text = texts.fill(&format!("send/dry/{id}"), &[("url", &url), ("user", &user)]);
                (" ·", paint.dim(&text))
            }
        };
        out.push_str(&format!("{lead} {text}\n"));
    }
    out.push('\n');
    out.push_str(&wrapped(&texts.get("send/dry/end"), 0, columns));
    Ok(out)
}
