use super::View;
use crate::FormatOptions;
use crate::excerpt::line;
use crate::layout::wrap;
use ehlo_core::{EntryKind, Side, Tick, Transcript};

impl View<'_> {
    /// A whole dialogue, with the time of each line.
    pub(super) fn dialogue(&self, transcript: &Transcript) -> String {
        dialogue_lines(transcript, &self.options)
    }
}

/// A whole dialogue, with the time of each line.
pub(crate) fn dialogue_lines(transcript: &Transcript, options: &FormatOptions) -> String {
    {
        let (texts, paint) = (options.texts, options.paint);
        let mut out = format!("{}\n", paint.strong(&transcript.label));
        let start = transcript.entries.first().map_or(Tick(0), |e| e.tick);
        for entry in &transcript.entries {
            let Some(told) = line(texts, transcript, entry) else { continue };
            let time = format!("{:>9.3}", entry.tick.since(start).as_secs_f64());
            let lead = match told.side {
                Some(Side::Client) => "C:",
                Some(Side::Server) => "S:",
                None if matches!(entry.kind, EntryKind::Failure { .. } | EntryKind::Deviation { .. }) => " !",
                None => " ·",
            };
            let room = options.columns.saturating_sub(14);
            for (index, part) in wrap_exact(&told.text, room).iter().enumerate() {
                let (time, lead) = if index == 0 { (time.as_str(), lead) } else { ("", "") };
                let text = match told.side {
                    Some(Side::Client) => paint.strong(part),
                    Some(Side::Server) => part.clone(),
                    None => paint.dim(part),
                };
                out.push_str(format!("{} {lead:<2} {text}", paint.dim(&format!("{time:>9}"))).trim_end());
                out.push('\n');
            }
        }
        out
    }
}

/// Lines of a dialogue keep their blanks; only what is too long is broken.
fn wrap_exact(text: &str, columns: usize) -> Vec<String> {
    if crate::layout::width(text) <= columns { vec![text.to_owned()] } else { wrap(text, columns) }
}
