#![no_main]

use ehlo_core::{Anchor, EntryKind, Side, Span, Transcript};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = ehlo_report::json::read(text);
    let Ok(transcript) = serde_json::from_str::<Transcript>(text) else { return };
    for entry in &transcript.entries {
        if let EntryKind::Data { span, .. } = entry.kind {
            let _ = (
                transcript.visible(span),
                transcript.secrets_in(span),
                transcript.entries_at(Anchor::Bytes(span)),
            );
        }
    }
    let all = Span::new(Side::Server, 0, u64::MAX);
    assert!(transcript.visible(all).len() <= 64 * 1024 * (transcript.entries.len() + 1) + text.len());
    // Written and read again it is the same.
    let written = serde_json::to_string(&transcript).expect("what was read can be written");
    let again: Transcript = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_string(&again).expect("and written"), written);
});
