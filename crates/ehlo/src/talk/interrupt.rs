use std::io;

/// What may be said from outside while the console waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interrupt {
    /// Ctrl-C: not to wait any longer.
    Wait,
    /// The program is to end: it was told so, or its terminal has gone away.
    Program,
}

/// Ctrl-C, and the other signals that end a program. They are listened to from the start, so that Ctrl-C never ends the
/// program, none is lost between two waits, and the terminal is always given back as it was.
pub(super) struct Interrupts {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Interrupts {
    /// Begins to listen.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Interrupts> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Interrupts {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(windows)]
    pub(super) fn listen() -> io::Result<Interrupts> {
        Ok(Interrupts { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    /// Waits for the next.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> Interrupt {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Interrupt::Wait,
            Some(()) = self.terminate.recv() => Interrupt::Program,
            Some(()) = self.hang_up.recv() => Interrupt::Program,
            else => std::future::pending().await,
        }
    }

    /// Waits for the next.
    #[cfg(windows)]
    pub(super) async fn next(&mut self) -> Interrupt {
        match self.interrupt.recv().await {
            Some(()) => Interrupt::Wait,
            None => std::future::pending().await,
        }
    }
}
