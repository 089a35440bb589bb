//! A progress line on a terminal, while messages are sent.

use ehlo_core::escape;
use ehlo_core::send::SendEvent;
use ehlo_report::Texts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// Shows how far it is until all is sent.
pub(super) async fn show(mut events: UnboundedReceiver<SendEvent>, url: String, texts: Texts, wanted: bool) {
    let bar = match wanted && std::io::stderr().is_terminal() {
        true => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    let mut current = (0, 0);
    while let Some(event) = events.recv().await {
        if bar.is_hidden() {
            continue;
        }
        bar.set_message(match event {
            SendEvent::Connecting => {
                texts.fill("send/progress-connecting", &[("url", &escape(url.as_bytes()))])
            }
            SendEvent::Message { number, of } => {
                current = (number, of);
                texts.fill("send/progress-message", &[("number", &number), ("of", &of)])
            }
            SendEvent::Octets { done, of } => {
                let percent = done.saturating_mul(100) / of.max(1);
                let places: [(&str, &dyn std::fmt::Display); 4] =
                    [("number", &current.0), ("of", &current.1), ("percent", &percent), ("octets", &of)];
                texts.fill("send/progress-octets", &places)
            }
        });
    }
    bar.finish_and_clear();
}
