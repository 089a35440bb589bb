use crate::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::ops::Range;
use zeroize::Zeroizing;

/// Finds the derived forms of known secrets in bytes that a peer sent back.
///
/// What *we* send is masked by its place in the protocol; a server, however, may echo a secret anywhere: raw,
/// in base64 (at any of the three alignments, so that `\0user\0password` is found too), or quoted as IMAP does.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    needles: Vec<Secret<Vec<u8>>>,
    longest: usize,
}

/// Shorter secrets are not looked for: masking every `a` of a reply would hide the reply and reveal the secret.
const SHORTEST: usize = 4;

impl Masker {
    /// Knows no secret yet.
    pub fn new() -> Masker {
        Masker::default()
    }

    /// Learns a secret and all its derived forms.
    pub fn learn(&mut self, secret: &[u8]) {
        if secret.len() < SHORTEST {
            return;
        }
        self.add(secret.to_vec());
        let quoted: Vec<u8> = secret
            .iter()
            .flat_map(|&b| (b == b'"' || b == b'\\').then_some(b'\\').into_iter().chain([b]))
            .collect();
        self.add(quoted);
        for alignment in 0..3 {
            self.add(base64_core(secret, alignment));
        }
    }

    /// The longest form looked for, in bytes: how far back a scan must begin to find a form that two reads cut.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The ranges of `bytes` that hold a derived form of a secret, sorted, not overlapping.
    pub fn find(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for needle in &self.needles {
            let needle = needle.expose();
            let mut at = 0;
            while let Some(hit) = find(&bytes[at..], needle) {
                found.push(at + hit..at + hit + needle.len());
                at += hit + 1;
            }
        }
        merge(found)
    }

    fn add(&mut self, form: Vec<u8>) {
        let form = Zeroizing::new(form);
        if form.len() >= SHORTEST && !self.needles.iter().any(|n| n.expose() == &*form) {
            self.longest = self.longest.max(form.len());
            self.needles.push(Secret::new(form.to_vec()));
        }
    }
}

/// The base64 characters that depend on `secret` alone when it begins `alignment` bytes into a group of three.
fn base64_core(secret: &[u8], alignment: usize) -> Vec<u8> {
    let mut padded = Zeroizing::new(vec![0u8; alignment]);
    padded.extend_from_slice(secret);
    let encoded = Zeroizing::new(STANDARD.encode(&*padded).into_bytes());
    // The first characters also hold bits of what stands before, the last ones bits of what follows.
    let from = [0, 2, 3][alignment];
    let to = padded.len() * 8 / 6;
    encoded[from.min(to)..to].to_vec()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn merge(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|r| (r.start, r.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(bytes: &[u8]) -> String {
        let mut masker = Masker::new();
        masker.learn(b"pass\"wort");
        let mut bytes = bytes.to_vec();
        for range in masker.find(&bytes) {
            bytes[range].fill(b'*');
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn finds_raw_and_quoted_forms() {
        assert_eq!(masked(b"NO bad pass\"wort here"), "NO bad ********* here");
        assert_eq!(masked(br#"LOGIN u "pass\"wort""#), r#"LOGIN u "**********""#);
    }

    #[test]
    fn finds_base64_at_every_alignment() {
        for prefix in ["", "a", "ab", "abc", "\0user\0", "\0x\0"] {
            let payload = STANDARD.encode(format!("{prefix}pass\"wort"));
            let shown = masked(payload.as_bytes());
            assert!(shown.matches('*').count() >= 10, "{prefix:?}: {shown}");
            assert_eq!(shown.len(), payload.len());
        }
    }

    #[test]
    fn short_secrets_are_left_alone() {
        let mut masker = Masker::new();
        masker.learn(b"abc");
        assert!(masker.find(b"abcabc").is_empty());
    }
}
