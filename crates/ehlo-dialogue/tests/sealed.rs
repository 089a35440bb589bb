//! TLS records in whatever portions they come: a middle man deals out anew what the lab says.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_core::{CloseKind, Family, Limits, Masker, Scheme, Side, Span, Transcript, TranscriptId};
use ehlo_dialogue::{Arrival, Clock, Dialogue, DialogueOptions, TlsSettings, Trust};
use ehlo_lab::{Lab, LabConfig, Service};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{Instant, timeout};

const NOW: i64 = 1_800_000_000;

fn options(lab: &Lab, scheme: Scheme) -> DialogueOptions {
    let mut trust = Trust::only_given();
    trust.give(lab.authority().root_der().clone());
    DialogueOptions {
        protocol: scheme.protocol(),
        host: "lab.test".into(),
        limits: Limits::default(),
        deadline: Instant::now() + Duration::from_secs(90),
        tls: TlsSettings {
            trust: Arc::new(trust),
            sni: None,
            also_named: Vec::new(),
            identity: None,
            now: NOW,
            oldest: None,
            newest: None,
            alpn: Vec::new(),
        },
        masker: Masker::new(),
        seed: 11,
    }
}

/// A dialogue with the lab. `say` gets what the server said since the last time, nothing if it has nothing to say, and
/// whether that was all; it yields what goes on to the client.
fn dial(scheme: Scheme, mut say: impl FnMut(&[u8], bool) -> Vec<u8> + Send + 'static) -> Dialogue {
    let lab = Lab::new(LabConfig::new(7, NOW)).unwrap();
    let options = options(&lab, scheme);
    let (ours, middle) = tokio::io::duplex(256 * 1024);
    let (behind, theirs) = tokio::io::duplex(256 * 1024);
    tokio::spawn(async move { lab.serve_stream(Service { scheme, family: Family::V4 }, theirs).await });
    let (mut from_client, mut to_client) = tokio::io::split(middle);
    let (mut from_lab, mut to_lab) = tokio::io::split(behind);
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_lab).await });
    tokio::spawn(async move {
        let mut buffer = vec![0; 200_000];
        loop {
            // On the virtual clock this passes only when nobody has anything to do.
            let came = timeout(Duration::from_millis(1), from_lab.read(&mut buffer)).await;
            let end = matches!(came, Ok(Ok(0) | Err(_)));
            let n = came.ok().and_then(Result::ok).unwrap_or(0);
            if to_client.write_all(&say(&buffer[..n], end)).await.is_err() || end {
                return;
            }
        }
    });
    let transcript = Transcript::new(TranscriptId(0), "test", 32 << 20);
    Dialogue::over(Box::new(ours), None, options, Clock::start(), transcript)
}

/// Records of these lengths, from a server that has nothing else to do.
async fn serve(mut stream: DuplexStream, lengths: Vec<usize>) {
    let made = rcgen::generate_simple_self_signed(["lab.test".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.into()], key.into())
        .unwrap();
    let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
    let mut buffer = vec![0; 16_384];
    while tls.is_handshaking() || tls.wants_write() {
        let mut out = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut out).unwrap();
        }
        stream.write_all(&out).await.unwrap();
        if tls.is_handshaking() {
            let n = stream.read(&mut buffer).await.unwrap();
            tls.read_tls(&mut &buffer[..n]).unwrap();
            tls.process_new_packets().unwrap();
        }
    }
    tls.set_buffer_limit(None);
    for length in lengths {
        tls.writer().write_all(&line(length)).unwrap();
    }
    let mut out = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut out).unwrap();
    }
    stream.write_all(&out).await.unwrap();
    // The client is let go when it has read.
    let _ = stream.read(&mut buffer).await;
}

/// An answer of this length.
fn line(length: usize) -> Vec<u8> {
    [b"+OK ", &vec![b'x'; length - 6][..], b"\r\n"].concat()
}

/// One portion finishes a long record and brings short ones: more than the TLS library holds at once.
#[tokio::test(start_paused = true)]
async fn records_across_portions() {
    let lab = Lab::new(LabConfig::new(7, NOW)).unwrap();
    for first in [10, 400, 1_000, 8_000] {
        let lengths: Vec<usize> = [first, 16_384, 30, 30, 500, 16_384, 40, 16_384].repeat(4);
        let expected: Vec<u8> = lengths.iter().flat_map(|length| line(*length)).collect();
        let (ours, theirs) = tokio::io::duplex(256 * 1024);
        tokio::spawn(serve(theirs, lengths));
        let mut options = options(&lab, Scheme::Pop3s);
        options.limits.line = 1 << 20;
        let transcript = Transcript::new(TranscriptId(0), "test", 1 << 20);
        let mut d = Dialogue::over(Box::new(ours), None, options, Clock::start(), transcript);
        d.upgrade().await.unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        while d.transcript().sent_by(Side::Server) < expected.len() as u64 {
            let came = d.arrival(until).await;
            assert!(matches!(came, Arrival::Reply(_)), "{first}: {came:?}");
        }
        assert_eq!(d.transcript().visible(Span::new(Side::Server, 0, expected.len() as u64)), expected);
    }
}

/// What follows the closure alert is passed over, and the client does not go round in circles.
#[tokio::test(start_paused = true)]
async fn bytes_behind_the_closure_alert() {
    let leaving = Arc::new(AtomicBool::new(false));
    let left = Arc::clone(&leaving);
    let mut kept = Vec::new();
    let mut d = dial(Scheme::Pop3s, move |came, end| {
        kept.extend_from_slice(came);
        if !left.load(Ordering::Relaxed) {
            return std::mem::take(&mut kept);
        }
        // The end: the last words, the alert, and the beginning of a record in one portion.
        if end { [&kept[..], &[23, 3, 3, 0x40, 0], &[0; 9_000]].concat() } else { Vec::new() }
    });
    d.upgrade().await.unwrap();
    d.greeting().await.unwrap();
    leaving.store(true, Ordering::Relaxed);
    d.write(b"QUIT\r\n").await.unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    assert!(matches!(d.arrival(until).await, Arrival::Reply(_)));
    assert!(matches!(d.arrival(until).await, Arrival::Closed(CloseKind::CloseNotify)));
}
