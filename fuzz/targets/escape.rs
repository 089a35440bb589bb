#![no_main]

use ehlo_core::{Masker, escape, is_escaped};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assert!(is_escaped(&escape(data)));
    // A secret is found wherever it stands.
    if let Some((secret, text)) =
        data.split_first().and_then(|(n, rest)| rest.split_at_checked(usize::from(n % 16)))
    {
        let mut masker = Masker::new();
        masker.learn(secret);
        let found = masker.find(text);
        assert!(found.iter().all(|r| r.start < r.end && r.end <= text.len()));
        if secret.len() >= 4 && text.windows(secret.len()).any(|w| w == secret) {
            assert!(!found.is_empty());
        }
    }
});
