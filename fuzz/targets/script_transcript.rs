#![no_main]
//! Any bytes of a server, written down as a transcript: it can be read, says the same bytes, and is written the same.

use ehlo_core::{DataSort, EntryKind, Limits, Protocol, Side, Tick, Transcript, TranscriptId};
use ehlo_script::{Described, Mode, NoFiles, Op, Payload, Piece, parse, write_transcripts};
use ehlo_wire::{Tracked, Tracker};

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let protocol = [Protocol::Smtp, Protocol::Pop3, Protocol::Imap, Protocol::Sieve][usize::from(input.0 % 4)];
    // Units as the tracker cuts them.
    let mut tracker = Tracker::new(protocol, &Limits::default());
    let mut told = tracker.server_sent(input.1);
    told.extend(tracker.server_ended());
    let mut turns: Vec<(Vec<u8>, DataSort)> = Vec::new();
    for item in told {
        if let Tracked::Unit { span, sort } = item {
            turns.push((input.1[span.from as usize..span.to as usize].to_vec(), sort));
        }
    }
    let first = written(protocol, &turns);
    assert!(first.chars().all(|c| c == '\n' || !c.is_control()));
    let Ok(script) = parse("t", &first, &NoFiles) else { panic!("{first}") };
    let mut again = Vec::new();
    for op in &script.ops {
        let Op::Expect(expect) = op else { continue };
        for line in &expect.lines {
            let raw = line.mode == Mode::Raw;
            let sort = if raw { DataSort::Blob } else { DataSort::Line };
            again.push((whole(&line.payload, !raw), sort));
        }
    }
    let bytes = |turns: &[(Vec<u8>, DataSort)]| turns.iter().flat_map(|t| t.0.clone()).collect::<Vec<u8>>();
    assert_eq!(bytes(&turns), bytes(&again), "{first}");
    assert_eq!(written(protocol, &again), first);
});

fn written(protocol: Protocol, turns: &[(Vec<u8>, DataSort)]) -> String {
    let mut transcript = Transcript::new(TranscriptId(0), "x", 1 << 20);
    transcript.push(Tick(0), EntryKind::Connect { address: "192.0.2.1:1".into(), local: None });
    for (bytes, sort) in turns {
        let span = transcript.record(Side::Server, bytes, Tick(1));
        transcript.push(Tick(1), EntryKind::Data { span, sort: *sort });
    }
    let url = format!("{}://mail.example.org", protocol.id());
    write_transcripts("a dialogue", &[Described { transcript: &transcript, url: &url, protocol }])
}

fn whole(payload: &Payload, line: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in &payload.pieces {
        let Piece::Text(text) = piece else { panic!("{piece:?}") };
        out.extend_from_slice(text);
    }
    if line {
        out.extend_from_slice(b"\r\n");
    }
    out
}
