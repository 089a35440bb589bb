//! What is read, formatted and read again is the same; so is what is written down of a dialogue.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_core::{DataSort, EntryKind, Protocol, Side, Tick, Transcript, TranscriptId};
use ehlo_script::{
    Described, Loader, Mode, Op, Payload, Piece, Script, VerbWord, format, lines, parse, write_transcripts,
};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

struct Files;

impl Loader for Files {
    fn load(&self, from: &str, path: &str) -> Result<(String, Vec<u8>), String> {
        let file = Path::new(from).parent().unwrap().join(path);
        let bytes = std::fs::read(&file).map_err(|e| e.to_string())?;
        Ok((file.to_str().unwrap().to_owned(), bytes))
    }
}

fn all(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all(&path, found);
        } else if path.extension().is_some_and(|e| e == "ehlo") {
            found.push(path);
        }
    }
}

/// Formatting changes nothing that a script does, and formatting again changes nothing at all.
fn same_after_formatting(name: &str, text: &str, loader: &dyn Loader) {
    assert_eq!(lines(text).iter().map(|l| l.text).collect::<String>(), text);
    let Ok(script) = parse(name, text, loader) else { return };
    let formatted = format(text);
    let again = parse(name, &formatted, loader)
        .unwrap_or_else(|(_, e)| panic!("{name}: {e:?}\n----\n{text}\n----\n{formatted}"));
    assert_eq!(script.shape(), again.shape(), "{name}:\n{text}\n----\n{formatted}");
    assert_eq!(format(&formatted), formatted, "{name}");
}

#[test]
fn the_suites_keep_their_meaning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    all(&root.join("suites"), &mut found);
    all(&root.join("crates/ehlo/tests/scripts"), &mut found);
    assert!(found.len() > 200, "{}", found.len());
    for path in found {
        let Ok(text) = String::from_utf8(std::fs::read(&path).unwrap()) else { continue };
        same_after_formatting(path.to_str().unwrap(), &text, &Files);
    }
}

/// Lines that look like those of scripts, with a little dirt.
fn line() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "C: % NOOP",
        "C:",
        "C:  two",
        "S: % OK",
        "S: * 3 EXISTS",
        "S!: * BAD",
        "S? ...",
        "S: ...",
        "S~ ^x(?<n>y)$",
        "S= a",
        "S> x",
        "S>: * 1 EXPUNGE",
        "C2: % NOOP",
        "S@b: % OK",
        "C tls  sni=a",
        "C   connect imap",
        "C data <<E",
        "C: x {<<E}",
        "S: * 1 FETCH (BODY[] {<<E+})",
        "text",
        "E",
        "if S.code == 220",
        "else",
        "end",
        "let a = {{nonce()}}",
        "# c",
        "  # d",
        "== one",
        "== two (should; always)",
        "==",
        "",
        "   ",
        "S closed",
        "S silent 1s",
        "S raw \"a\\r\\n\"",
        "C raw \"x\\x00\"",
        "assert S.caps not includes X",
        "done if S.code != 1 because \"x\"",
        "wait",
        "timeout 3s",
        "title: x",
        "protocol: imap",
        "protocol: smtp",
        "tags: a b",
        "C: a {3}",
        "C: abc",
        "S: + go",
        "{{",
        "C: {{{{",
        "C: {{a}}",
        "S: {{a:num}}",
        "poll 1s every 1ms",
        "note  x  y",
        "capture c = S.text",
    ]);
    (words, prop::sample::select(vec!["", " ", "\t", "\u{e9}", "}}"]), any::<bool>()).prop_map(
        |(word, dirt, front)| {
            if front { format!("{dirt}{word}") } else { format!("{word}{dirt}") }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn any_lines(lines in prop::collection::vec(line(), 0..14), crlf in any::<bool>(), imap in any::<bool>()) {
        let ending = if crlf { "\r\n" } else { "\n" };
        let head = if imap { format!("protocol: imap{ending}") } else { String::new() };
        same_after_formatting("x", &format!("{head}{}", lines.join(ending)), &ehlo_script::NoFiles);
    }

    #[test]
    fn any_bytes_of_a_server_are_written_down_and_read_again(
        turns in prop::collection::vec((any::<bool>(), turn()), 0..12),
        protocol in prop::sample::select(vec![Protocol::Smtp, Protocol::Pop3, Protocol::Imap, Protocol::Sieve]),
    ) {
        let turns: Vec<(Side, Vec<u8>)> =
            turns.into_iter().map(|(c, bytes)| (if c { Side::Client } else { Side::Server }, bytes)).collect();
        let first = written(protocol, &turns);
        prop_assert!(first.chars().all(|c| c == '\n' || !c.is_control()), "{first}");
        let script = parse("t", &first, &ehlo_script::NoFiles).unwrap_or_else(|(_, e)| panic!("{e:?}\n{first}"));
        let again = said(&script);
        let bytes = |turns: &[(Side, Vec<u8>)], side| turns.iter().filter(|t| t.0 == side).flat_map(|t| t.1.clone()).collect::<Vec<u8>>();
        for side in [Side::Client, Side::Server] {
            prop_assert_eq!(bytes(&turns, side), bytes(&again, side), "{}", first);
        }
        prop_assert_eq!(&written(protocol, &again), &first);
    }
}

fn turn() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::sample::select(vec![
        "250 ok\r\n",
        "...\r\n",
        ".\r\n",
        "% OK\r\n",
        "* OK {5}\r\n",
        "x {<<E}\r\n",
        "{{x}}\r\n",
        "\\Seen\r\n",
        "\r\n",
        " lead \r\n",
        "* LIST (!x) NIL a\r\n",
        "+OK\n",
        "no ending",
        "tab\there\r\n",
        "gr\u{fc}n\r\n",
        "* 1 FETCH ({=a} ~(b))\r\n",
        "\u{feff}x\r\n",
    ]);
    prop_oneof![
        text.prop_map(|t| t.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..20),
        prop::collection::vec(any::<u8>(), 1..20).prop_map(|mut b| {
            b.retain(|c| *c != b'\n');
            b.extend_from_slice(b"\r\n");
            b
        }),
    ]
}

/// A transcript of these turns: what is one whole line as a line, everything else as a blob.
fn written(protocol: Protocol, turns: &[(Side, Vec<u8>)]) -> String {
    let mut transcript = Transcript::new(TranscriptId(0), "x", 1 << 20);
    transcript.push(Tick(0), EntryKind::Connect { address: "192.0.2.1:1".into(), local: None });
    for (side, bytes) in turns {
        let span = transcript.record(*side, bytes, Tick(1));
        let one = bytes.ends_with(b"\r\n") && bytes.iter().filter(|b| **b == b'\n').count() == 1;
        let sort = if one { DataSort::Line } else { DataSort::Blob };
        transcript.push(Tick(1), EntryKind::Data { span, sort });
    }
    let url = format!("{}://mail.example.org", protocol.id());
    write_transcripts("a dialogue", &[Described { transcript: &transcript, url: &url, protocol }])
}

/// What a transcript that was read says.
fn said(script: &Script) -> Vec<(Side, Vec<u8>)> {
    let mut turns = Vec::new();
    for op in &script.ops {
        match op {
            Op::Send(send) => turns.extend(send.lines.iter().map(|l| (Side::Client, whole(l, true)))),
            Op::Expect(expect) => {
                turns.extend(
                    expect.lines.iter().map(|l| (Side::Server, whole(&l.payload, l.mode != Mode::Raw))),
                );
            }
            Op::Verb(verb) if verb.word == VerbWord::Raw => {
                turns.push((Side::Client, whole(&verb.args[0], false)))
            }
            _ => {}
        }
    }
    turns
}

fn whole(payload: &Payload, line: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in &payload.pieces {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text),
            other => panic!("{other:?}"),
        }
    }
    if line {
        out.extend_from_slice(b"\r\n");
    }
    out
}
