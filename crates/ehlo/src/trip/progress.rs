//! A progress line on a terminal, while messages are on their way.

use ehlo_core::trip::TripEvent;
use ehlo_report::Texts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// Shows how far it is until all is done.
pub(super) async fn show(mut events: UnboundedReceiver<TripEvent>, texts: Texts, wanted: bool) {
    let bar = match wanted && std::io::stderr().is_terminal() {
        true => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    while let Some(event) = events.recv().await {
        if bar.is_hidden() {
            continue;
        }
        bar.set_message(match event {
            TripEvent::Opening => texts.get("trip/progress/opening"),
            TripEvent::Sending { number, of } => {
                texts.fill("trip/progress/sending", &[("number", &number), ("of", &of)])
            }
            TripEvent::PutOff { number, seconds } => {
                texts.fill("trip/progress/put-off", &[("number", &number), ("seconds", &seconds)])
            }
            TripEvent::Waiting { arrived, of } => {
                texts.fill("trip/progress/waiting", &[("arrived", &arrived), ("of", &of)])
            }
            TripEvent::Removing => texts.get("trip/progress/removing"),
        });
    }
    bar.finish_and_clear();
}
