use ehlo_core::facts::Spoken;
use ehlo_core::{Address, Failure, Protocol, Scheme, Side, Span, Transcript, TranscriptId};
use ehlo_dialogue::{Clock, ConnectionOptions, Dialogue, DialogueOptions, resolve};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

/// How long a port may stay silent before TLS is tried.
const PATIENCE: Duration = Duration::from_secs(6);

/// Finds out by its first bytes what is spoken behind a port; `None` if that cannot be told.
///
/// # Errors
/// A [`Failure`] if the port cannot be reached.
pub async fn detect(host: &str, port: u16, options: &ConnectionOptions) -> Result<Option<Scheme>, Failure> {
    let address = match options.connect {
        Some(ip) => ip,
        None => resolve(host, options.family, options.limits.connect).await?[0],
    };
    let address = Address::Ip(SocketAddr::new(address, port));
    match first_words(host, &address, options, false).await? {
        Spoken::Smtp => Ok(Some(Scheme::Smtp)),
        Spoken::Pop3 => Ok(Some(Scheme::Pop3)),
        Spoken::Imap => Ok(Some(Scheme::Imap)),
        Spoken::Sieve => Ok(Some(Scheme::Sieve)),
        Spoken::Silence | Spoken::Tls => match first_words(host, &address, options, true).await {
            Ok(Spoken::Smtp) => Ok(Some(Scheme::Submissions)),
            Ok(Spoken::Pop3) => Ok(Some(Scheme::Pop3s)),
            Ok(Spoken::Imap) => Ok(Some(Scheme::Imaps)),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

async fn first_words(
    host: &str,
    address: &Address,
    options: &ConnectionOptions,
    tls: bool,
) -> Result<Spoken, Failure> {
    let mut limits = options.limits.clone();
    limits.greeting = limits.greeting.min(PATIENCE);
    let dialogue_options = DialogueOptions {
        // A line is a line in every protocol; what it says is looked at as bytes.
        protocol: Protocol::Smtp,
        host: host.to_owned(),
        deadline: Instant::now() + limits.connect + limits.greeting + limits.handshake,
        limits,
        tls: options.tls_settings(),
        masker: ehlo_core::Masker::new(),
        seed: options.seed,
    };
    let transcript = Transcript::new(TranscriptId(u32::MAX), "detect", 4096);
    let opened =
        Dialogue::open(&options.connector, address, dialogue_options, Clock::start(), transcript).await;
    let mut dialogue = opened.map_err(|(failure, _)| failure)?;
    if tls {
        dialogue.upgrade().await?;
    }
    // Whatever becomes of the greeting: its first bytes are what counts.
    let _ = dialogue.greeting().await;
    let first = dialogue.transcript().visible(Span::new(Side::Server, 0, 64));
    let spoken = ehlo_wire::spoken(&first);
    if spoken == Spoken::Smtp {
        dialogue.finish().await;
    }
    Ok(spoken)
}
