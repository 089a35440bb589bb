//! `ehlo talk`: a telnet that understands mail.

mod editor;
mod files;
mod front;
mod help;
mod interrupt;
mod prompt;
mod replay;
mod session;
mod show;
mod site;
mod statement;
mod terminal;

use crate::check::text;
use crate::exit::{Internal, Usage};
use crate::output;
use clap::ArgMatches;
use ehlo_report::Texts;
use std::io::IsTerminal as _;

/// Runs the console.
///
/// # Errors
/// Wrong usage, or a lab that cannot be started.
pub(crate) fn main(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let words: Vec<&String> = matches.get_many::<String>("target").unwrap_or_default().collect();
    let target = match words.as_slice() {
        [target] => (*target).clone(),
        [] => return Err(Usage(texts.get("cli/no-target")).into()),
        _ => return Err(Usage(texts.get("cli/talk-one-target")).into()),
    };
    let replay = text(matches, "replay").map(|file| replay::read(file, texts)).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Internal(e.to_string()))?;
    let code = runtime.block_on(async {
        let site = site::Site::read(&target, matches, texts).await?;
        let paint = output::paint(text(matches, "color"));
        let interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let front = front::Front::start(site.protocol(), interactive, paint, texts);
        let mut session = session::Session::new(site, front, paint, texts, matches, replay)?;
        session.run().await
    });
    // Somebody may still be asked for a line: the answer is not waited for.
    runtime.shutdown_background();
    code
}
