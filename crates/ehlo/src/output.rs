//! Where text goes: results to standard output, everything else to standard error.

use ehlo_report::{Paint, Texts};
use std::io::{self, IsTerminal as _, Write as _};

/// Whether colours are wanted: the flag beats the environment, which beats the terminal.
pub(crate) fn paint(flag: Option<&str>) -> Paint {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let on = match flag {
        Some("always") => true,
        Some("never") => false,
        _ if set("NO_COLOR") => false,
        _ if set("FORCE_COLOR") || set("CLICOLOR_FORCE") => true,
        _ => io::stdout().is_terminal() && std::env::var("TERM").is_ok_and(|t| t != "dumb"),
    };
    Paint { on }
}

/// How many columns a report may take.
pub(crate) fn columns() -> usize {
    const NARROWEST: usize = 40;
    const WIDEST: usize = 120;
    let wide = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let wide = wide.or_else(|| match io::stdout().is_terminal() {
        true => terminal_size::terminal_size().map(|(w, _)| usize::from(w.0)),
        false => None,
    });
    wide.unwrap_or(80).clamp(NARROWEST, WIDEST)
}

/// Writes a result. A reader that has gone away is no error.
///
/// # Errors
/// What the system says.
pub(crate) fn result(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Says something that is no result.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says why the program ends.
pub(crate) fn complain(texts: Texts, error: &anyhow::Error) {
    remark(&format!("ehlo: {}: {error:#}", texts.get("cli/error")));
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// What the system says, with the name of the file.
pub(crate) fn write_private(path: &std::path::Path, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |error: io::Error| anyhow::anyhow!("{}: {error}", path.display());
    options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)
}

/// Writes a file that only its owner can read, in one step: whoever looks finds the old one, or all of the new one.
///
/// # Errors
/// What the system says, with the name of the file.
pub(crate) fn replace(path: &std::path::Path, text: &str) -> anyhow::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    let draft = path.with_file_name(name);
    let written = write_private(&draft, text).and_then(|()| {
        std::fs::rename(&draft, path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
    });
    if written.is_err() {
        // The first trouble is the one to tell.
        let _ = std::fs::remove_file(&draft);
    }
    written
}
