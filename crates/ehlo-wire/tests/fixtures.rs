//! The dialogues in `fixtures/` through the tracker: whole, byte by byte, and cut at random places.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

mod fixture;

use ehlo_core::{Limits, Protocol, Side, escape};
use ehlo_wire::{Tracked, Tracker};
use fixture::{Fixture, Step};
use std::path::Path;

fn fixtures() -> Vec<Fixture> {
    fixture::all(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures")))
}

fn protocol(fixture: &Fixture) -> Protocol {
    match fixture.protocol.as_str() {
        "smtp" => Protocol::Smtp,
        "lmtp" => Protocol::Lmtp,
        "pop3" => Protocol::Pop3,
        "imap" => Protocol::Imap,
        "sieve" => Protocol::Sieve,
        other => panic!("fixtures/{other}"),
    }
}

/// Plays a dialogue in portions; `size` yields the length of the next one. Yields what was told and which bytes of
/// the client are secret.
fn play(fixture: &Fixture, mut size: impl FnMut() -> usize) -> (Vec<String>, Vec<bool>) {
    let mut tracker = Tracker::new(protocol(fixture), &Limits::default());
    let mut streams = [Vec::new(), Vec::new()];
    let mut secret = Vec::new();
    let mut told = Vec::new();
    let mut take = |items: Vec<Tracked>, streams: &[Vec<u8>; 2]| {
        for item in items {
            match item {
                Tracked::Unit { span, sort } => {
                    let stream = &streams[usize::from(span.side == Side::Server)];
                    let bytes = &stream[span.from as usize..span.to as usize];
                    told.push(format!("{} {sort:?} {}", span.side.letter(), escape(bytes)));
                }
                Tracked::Secret(span) => {
                    secret.resize(streams[0].len().max(secret.len()), false);
                    secret[span.from as usize..span.to as usize].fill(true);
                }
                Tracked::Reply { reply, completes, .. } => {
                    let stream = &streams[1];
                    told.push(format!("  reply, {:?}, completes={completes}", reply.value.answered()));
                    for deviation in &reply.deviations {
                        let span = deviation.span;
                        let at = escape(&stream[span.from as usize..span.to as usize]);
                        told.push(format!("    {} at {at}", deviation.kind.id()));
                    }
                }
                Tracked::TooLarge { what, limit, .. } => told.push(format!("  too large: {what} {limit}")),
            }
        }
    };
    for step in &fixture.steps {
        let (index, bytes) = match step {
            Step::Client(bytes) => (0, bytes),
            Step::Server(bytes) => (1, bytes),
            Step::Tls => {
                tracker.tls_started();
                continue;
            }
        };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (portion, after) = rest.split_at(size().clamp(1, rest.len()));
            streams[index].extend_from_slice(portion);
            let items = if index == 0 { tracker.client_sent(portion) } else { tracker.server_sent(portion) };
            take(items, &streams);
            rest = after;
        }
    }
    take(tracker.server_ended(), &streams);
    secret.resize(streams[0].len(), false);
    (told, secret)
}

/// The lines without those of message bytes, which are told in the portions in which they come.
fn without_blobs(told: &[String]) -> Vec<&String> {
    told.iter().filter(|t| !t.starts_with("C Blob")).collect()
}

#[test]
fn what_comes_out_is_what_it_was() {
    let fixtures = fixtures();
    assert!(fixtures.len() > 30);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/fixtures");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for fixture in &fixtures {
        let (mut told, secret) = play(fixture, || usize::MAX);
        let client: Vec<u8> = fixture
            .steps
            .iter()
            .filter_map(|s| if let Step::Client(bytes) = s { Some(&bytes[..]) } else { None })
            .flatten()
            .zip(&secret)
            .map(|(byte, secret)| if *secret { b'*' } else { *byte })
            .collect();
        told.push("-- the client's bytes, secrets hidden".into());
        told.extend(client.split_inclusive(|&b| b == b'\n').map(escape));
        settings.bind(|| {
            insta::assert_snapshot!(format!("{}-{}", fixture.protocol, fixture.name), told.join("\n"))
        });
    }
}

#[test]
fn byte_by_byte_it_is_the_same() {
    for fixture in fixtures() {
        let whole = play(&fixture, || usize::MAX);
        let bytewise = play(&fixture, || 1);
        assert_eq!(
            without_blobs(&bytewise.0),
            without_blobs(&whole.0),
            "{}/{}",
            fixture.protocol,
            fixture.name
        );
        assert_eq!(bytewise.1, whole.1, "{}/{}", fixture.protocol, fixture.name);
    }
}

#[test]
fn cut_at_random_places_it_is_the_same() {
    for fixture in fixtures() {
        let whole = play(&fixture, || usize::MAX);
        for seed in 1..50_u64 {
            // A linear congruential generator (Knuth's MMIX): the same cuts in every run.
            let mut state = seed;
            let cuts = play(&fixture, || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 59).unwrap() + 1
            });
            let place = format!("{}/{} with seed {seed}", fixture.protocol, fixture.name);
            assert_eq!(without_blobs(&cuts.0), without_blobs(&whole.0), "{place}");
            assert_eq!(cuts.1, whole.1, "{place}");
        }
    }
}
