//! The terminal between two lines.

/// Keeps a terminal quiet while nobody is asked for a line: keys are not shown and not lost, but wait for the editor,
/// and Ctrl-C throws nothing away that is still to be read or written. Its end gives the terminal back as it was.
///
/// The editor takes what it finds for the usual state, and returns to it after each line.
pub(super) struct Quiet {
    #[cfg(unix)]
    usual: rustix::termios::Termios,
    #[cfg(unix)]
    quiet: rustix::termios::Termios,
}

#[cfg(unix)]
impl Quiet {
    /// Makes standard input quiet; none if it is no terminal.
    pub(super) fn begin() -> Option<Quiet> {
        use rustix::termios::{InputModes, LocalModes, SpecialCodeIndex, tcgetattr};
        let usual = tcgetattr(std::io::stdin()).ok()?;
        let mut quiet = usual.clone();
        quiet.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
        quiet.local_modes |= LocalModes::ISIG | LocalModes::NOFLSH;
        quiet.input_modes -= InputModes::ICRNL | InputModes::IXON;
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        let kept = Quiet { usual, quiet };
        kept.again();
        Some(kept)
    }

    /// Gives the terminal to somebody else for a while.
    pub(super) fn pause(&self) {
        set(&self.usual);
    }

    /// Takes it back.
    pub(super) fn again(&self) {
        set(&self.quiet);
    }
}

/// What the terminal was told is told again at the next line; that it cannot be told now is no reason to stop.
#[cfg(unix)]
fn set(modes: &rustix::termios::Termios) {
    use rustix::termios::{OptionalActions, tcsetattr};
    let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, modes);
}

#[cfg(not(unix))]
impl Quiet {
    /// There is nothing to be done: keys wait for whoever reads them.
    pub(super) fn begin() -> Option<Quiet> {
        None
    }

    /// Nothing.
    pub(super) fn pause(&self) {}

    /// Nothing.
    pub(super) fn again(&self) {}
}

impl Drop for Quiet {
    fn drop(&mut self) {
        self.pause();
    }
}
