//! The command line. Every word of help comes from the knowledge data, in the language of the user.

mod flags;

use clap::Command;
use ehlo_report::Texts;
use flags::CHECK_FLAGS;

/// The whole command line.
pub(crate) fn command(texts: Texts) -> Command {
    let text = |key: &str| texts.get(&format!("cli/{key}"));
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{} {{usage}}\n\n{{all-args}}{{after-help}}",
        text("usage")
    );
    let base = |name: &'static str| {
        Command::new(name)
            .help_template(template.clone())
            .disable_help_flag(true)
            .disable_help_subcommand(true)
            .next_help_heading(text("heading-general"))
            .arg(flags::help(texts))
            .arg(flags::lang(texts))
    };
    let check = flags::add(base("check"), CHECK_FLAGS, texts).about(text("check")).after_help(format!(
        "{}\n\n{}",
        text("check-targets"),
        text("exit-codes")
    ));
    let auth = flags::add(base("auth"), flags::AUTH_FLAGS, texts).about(text("auth")).after_help(format!(
        "{}\n\n{}\n\n{}",
        text("auth-more"),
        text("check-targets"),
        text("auth-exit-codes")
    ));
    let send = flags::add(base("send"), flags::SEND_FLAGS, texts).about(text("send")).after_help(format!(
        "{}\n\n{}",
        text("send-more"),
        text("send-exit-codes")
    ));
    let mailbox = flags::add(base("mailbox"), flags::MAILBOX_FLAGS, texts)
        .about(text("mailbox"))
        .after_help(format!("{}\n\n{}", text("mailbox-more"), text("mailbox-exit-codes")));
    let trip = flags::add(base("trip"), flags::TRIP_FLAGS, texts).about(text("trip")).after_help(format!(
        "{}\n\n{}",
        text("trip-more"),
        text("trip-exit-codes")
    ));
    let run = flags::add(base("run"), flags::RUN_FLAGS, texts).about(text("run")).after_help(format!(
        "{}\n\n{}",
        text("run-more"),
        text("exit-codes")
    ));
    let talk =
        flags::add(base("talk"), flags::TALK_FLAGS, texts).about(text("talk")).after_help(text("talk-more"));
    let fmt = flags::add(base("fmt"), flags::FMT_FLAGS, texts).about(text("fmt"));
    let record = flags::add(base("record"), flags::RECORD_FLAGS, texts).about(text("record"));
    let import = flags::add(base("import"), flags::IMPORT_FLAGS, texts).about(text("import"));
    let explain = flags::add(base("explain"), flags::EXPLAIN_FLAGS, texts)
        .about(text("explain"))
        .after_help(text("explain-more"));
    let sasl =
        flags::add(base("sasl"), flags::SASL_FLAGS, texts).about(text("sasl")).after_help(text("sasl-more"));
    let lab =
        flags::add(base("lab"), flags::LAB_FLAGS, texts).about(text("lab")).after_help(text("lab-more"));
    base("ehlo")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .arg(flags::version(texts))
        .about(text("about"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand_help_heading(text("heading-commands"))
        .subcommand(check)
        .subcommand(talk)
        .subcommand(auth)
        .subcommand(send)
        .subcommand(mailbox)
        .subcommand(trip)
        .subcommand(run)
        .subcommand(fmt)
        .subcommand(record)
        .subcommand(import)
        .subcommand(explain)
        .subcommand(sasl)
        .subcommand(lab)
        .after_help(text("exit-codes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_knowledge::Lang;

    #[test]
    fn the_command_line_is_consistent_and_explained_in_both_languages() {
        for lang in [Lang::En, Lang::De] {
            let texts = Texts { lang };
            command(texts).debug_assert();
            for flag in CHECK_FLAGS
                .iter()
                .chain(flags::AUTH_FLAGS)
                .chain(flags::SEND_FLAGS)
                .chain(flags::MAILBOX_FLAGS)
                .chain(flags::TRIP_FLAGS)
                .chain(flags::LAB_FLAGS)
                .chain(flags::RUN_FLAGS)
                .chain(flags::TALK_FLAGS)
                .chain(flags::FMT_FLAGS)
                .chain(flags::RECORD_FLAGS)
                .chain(flags::IMPORT_FLAGS)
                .chain(flags::EXPLAIN_FLAGS)
                .chain(flags::SASL_FLAGS)
            {
                assert!(texts.find(&format!("cli/flag/{}", flag.text)).is_some(), "{} {:?}", flag.text, lang);
            }
        }
    }
}
