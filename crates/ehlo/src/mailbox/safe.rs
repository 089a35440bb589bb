//! Bytes of messages on their way out: as they are into a file or a pipe, escaped onto a terminal.

use std::io::{self, IsTerminal as _, Write as _};

/// A line longer than this is shown in pieces.
const LONGEST: usize = 64 * 1024;

/// Standard output, for bytes of a peer.
pub(super) struct Outlet {
    to_terminal: bool,
    /// Lines of a large message are not written one by one.
    out: io::BufWriter<io::Stdout>,
    /// What belongs to a line that is not over.
    line: Vec<u8>,
}

impl Outlet {
    pub(super) fn new() -> Outlet {
        Outlet {
            to_terminal: io::stdout().is_terminal(),
            out: io::BufWriter::with_capacity(64 * 1024, io::stdout()),
            line: Vec::new(),
        }
    }

    /// Writes bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let out = &mut self.out;
        if !self.to_terminal {
            return out.write_all(bytes);
        }
        for &byte in bytes {
            match byte {
                b'\n' => {
                    out.write_all(shown(&self.line).as_bytes())?;
                    out.write_all(b"\n")?;
                    self.line.clear();
                }
                byte => self.line.push(byte),
            }
            if self.line.len() >= LONGEST {
                out.write_all(shown(&self.line).as_bytes())?;
                self.line.clear();
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let out = &mut self.out;
        if !self.line.is_empty() {
            out.write_all(shown(&self.line).as_bytes())?;
            out.write_all(b"\n")?;
            self.line.clear();
        }
        out.flush()
    }
}

/// A line without its carriage return, safe for a terminal.
fn shown(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let tabs: Vec<u8> =
        line.iter().flat_map(|b| if *b == b'\t' { b"    ".to_vec() } else { vec![*b] }).collect();
    ehlo_core::escape(&tabs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(shown(b"a\tb\x1b[2J\r"), "a    b\\x1b[2J");
    }
}
