//! What stays between two sessions: the lines that were typed, without secrets.

use ehlo_core::Protocol;
use std::io::Write as _;
use std::path::PathBuf;

/// More lines are not kept.
const MOST: usize = 1000;

/// The lines of one protocol.
pub(super) struct History {
    path: Option<PathBuf>,
    lines: Vec<String>,
}

impl History {
    /// Reads what there is. Without a folder for it nothing is kept.
    pub(super) fn open(protocol: Option<Protocol>) -> History {
        let path = folder().map(|f| f.join(format!("talk-{}", protocol.map_or("raw", Protocol::id))));
        let text = path.as_ref().and_then(|p| std::fs::read_to_string(p).ok()).unwrap_or_default();
        let all: Vec<&str> = text.lines().filter(|l| ehlo_core::is_escaped(l)).collect();
        let lines: Vec<String> =
            all[all.len().saturating_sub(MOST)..].iter().map(|l| (*l).to_owned()).collect();
        if let Some(path) = path.as_ref().filter(|_| all.len() > 2 * MOST) {
            let _ = crate::output::replace(path, &format!("{}\n", lines.join("\n")));
        }
        History { path, lines }
    }

    /// The lines, the oldest first.
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Keeps a line. That it cannot be kept is no reason to stop.
    pub(super) fn add(&mut self, line: &str) {
        let Some(path) = &self.path else { return };
        let repeated = self.lines.last().is_some_and(|l| l == line);
        if repeated || line.contains('\n') || !ehlo_core::is_escaped(line) {
            return;
        }
        if let Some(folder) = path.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        if let Ok(mut file) = options.open(path) {
            let _ = writeln!(file, "{line}");
        }
        self.lines.push(line.to_owned());
    }
}

/// `$XDG_STATE_HOME/ehlo`, or where that is by default.
fn folder() -> Option<PathBuf> {
    let given = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let usual = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    Some(given.or_else(usual)?.join("ehlo"))
}
