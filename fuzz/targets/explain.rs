#![no_main]

use ehlo_knowledge::Lang;
use ehlo_knowledge::explain::{Symptom, explain};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for protocol in [None, Some("smtp"), Some("pop3"), Some("imap")] {
        let found = explain(&Symptom { protocol, ..Symptom::of(&text) });
        assert!(!found.is_empty());
        for explanation in found {
            for lang in [Lang::En, Lang::De] {
                assert!(!explanation.meaning(lang).is_empty(), "{explanation:?}");
            }
        }
    }
});
