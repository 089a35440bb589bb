//! A progress line on a terminal, while the engine works.

use ehlo_core::{Event, ServiceStep};
use ehlo_report::Texts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// Shows what is being done until the engine is done.
pub(crate) async fn show(mut events: UnboundedReceiver<Event>, texts: Texts, wanted: bool) {
    let bar = match wanted && std::io::stderr().is_terminal() {
        true => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    let (mut all, mut done) = (0, 0);
    let mut last = (String::new(), ServiceStep::Connect);
    while let Some(event) = events.recv().await {
        match event {
            Event::RunStarted { services } => all = services.len(),
            Event::Step { service, step } => last = (service, step),
            Event::ServiceAcquired { .. } => done += 1,
            Event::Finding(_) | Event::Level { .. } => {}
        }
        let step = texts.ui(&format!("step-{}", last.1.id()));
        bar.set_message(
            texts.say("progress", &[("done", &done), ("all", &all), ("service", &last.0), ("step", &step)]),
        );
    }
    bar.finish_and_clear();
}
