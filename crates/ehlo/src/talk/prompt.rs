//! What stands in front of the line: where we are, and how safe that is.

use ehlo_core::escape;
use ehlo_report::{Paint, Texts};
use ehlo_talk::Context;
use ehlo_wire::imap::decode_mutf7;

/// The prompt without and with colours. The columns are the same.
pub(super) fn prompt(
    host: &str,
    connected: bool,
    context: &Context,
    paint: Paint,
    texts: Texts,
) -> (String, String) {
    let mut parts: Vec<(String, String)> = Vec::new();
    let mut part = |plain: String, painted: String| parts.push((plain, painted));
    let host = escape(host.as_bytes());
    let name = context.protocol.map_or(String::new(), |p| format!("{} ", p.id()));
    let head = format!("{name}{host}");
    part(head.clone(), paint.strong(&head));
    let state = context.state();
    if !connected {
        let closed = texts.get("talk/prompt/closed");
        part(closed.clone(), paint.dim(&closed));
    } else {
        let (id, paint_tls): (_, fn(Paint, &str) -> String) = match context.tls {
            Some(true) => ("tls", Paint::good),
            Some(false) => ("tls-unverified", Paint::bad),
            None => ("clear", Paint::warn),
        };
        let word = texts.get(&format!("talk/prompt/{id}"));
        part(word.clone(), paint_tls(paint, &word));
        if state.authenticated {
            let word = texts.get("talk/prompt/logged-in");
            part(word.clone(), word);
        }
        if let Some(selected) = &state.selected {
            let shown = decode_mutf7(selected).map_or_else(|| escape(selected), |n| escape(n.as_bytes()));
            let shown = if context.read_only {
                format!("{shown} ({})", texts.get("talk/prompt/read-only"))
            } else {
                shown
            };
            part(shown.clone(), paint.code(&shown));
        }
        let mode = if state.in_data {
            Some(texts.get("talk/prompt/data"))
        } else if let Some(left) = context.literal {
            Some(texts.fill("talk/prompt/literal", &[("left", &left)]))
        } else if state.authenticating {
            Some(texts.get("talk/prompt/answer"))
        } else if context.idling {
            Some(texts.get("talk/prompt/idle"))
        } else {
            None
        };
        if let Some(mode) = mode {
            part(mode.clone(), paint.code(&mode));
        }
    }
    let join = |pick: fn(&(String, String)) -> &String| {
        let words: Vec<&str> = parts.iter().map(|p| pick(p).as_str()).collect();
        format!("{}> ", words.join(" "))
    };
    (join(|p| &p.0), join(|p| &p.1))
}
