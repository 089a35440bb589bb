//! `--transcripts`: every dialogue in a file, when it ends.

use crate::output;
use ehlo_lab::{Lab, Session};
use ehlo_report::Texts;
use ehlo_script::{Described, write_transcripts};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// So many dialogues wait for the disk; what comes then is not written.
const MOST_WAITING: usize = 1000;

/// So long may the last ones take when the lab has ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes on a thread of its own.
pub(crate) struct Writer {
    done: mpsc::Receiver<()>,
    lost: Arc<AtomicU64>,
    texts: Texts,
}

impl Writer {
    /// Writes the sessions that begin from now on.
    pub(crate) fn start(lab: &Lab, folder: &Path, texts: Texts) -> Writer {
        let (sessions, waiting) = mpsc::sync_channel::<Arc<Session>>(MOST_WAITING);
        let (tell, done) = mpsc::channel();
        let lost = Arc::new(AtomicU64::new(0));
        let folder = folder.to_owned();
        std::thread::spawn(move || {
            let mut told = false;
            for session in waiting {
                if let Err(error) = write(&folder, &session)
                    && !std::mem::replace(&mut told, true)
                {
                    let why = format!("{error:#}");
                    output::remark(&texts.fill("cli/lab-transcripts-failed", &[("why", &why)]));
                }
            }
            // Nobody may be waiting any more.
            let _ = tell.send(());
        });
        let counted = Arc::clone(&lost);
        lab.observe().on_end(move |session| {
            if sessions.try_send(Arc::clone(session)).is_err() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Writer { done, lost, texts }
    }

    /// Waits for the last ones.
    pub(crate) fn end(self) {
        let _ = self.done.recv_timeout(PATIENCE);
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            output::remark(&self.texts.fill("cli/lab-transcripts-lost", &[("count", &lost)]));
        }
    }
}

fn write(folder: &Path, session: &Session) -> anyhow::Result<()> {
    let scheme = session.service.scheme;
    let transcript = session.transcript();
    let url = format!("{scheme}://lab");
    let described = Described { transcript: &transcript, url: &url, protocol: scheme.protocol() };
    let text = write_transcripts(&format!("ehlo lab, {url}, {}", session.id), &[described]);
    std::fs::create_dir_all(folder).map_err(|e| anyhow::anyhow!("{}: {e}", folder.display()))?;
    output::replace(&path(folder, session), &text)
}

/// Time, number and protocol; another number behind that if there is such a file of another lab.
fn path(folder: &Path, session: &Session) -> PathBuf {
    let began = time::OffsetDateTime::from_unix_timestamp(session.started)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    let began = began.format(format).unwrap_or_default();
    let name = format!("{began}-{:06}-{}", session.id, session.service.scheme.protocol().id());
    let mut path = folder.join(format!("{name}.ehlo"));
    let mut number = 2;
    while path.exists() && number < 1000 {
        path = folder.join(format!("{name}-{number}.ehlo"));
        number += 1;
    }
    path
}
