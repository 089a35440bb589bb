//! What `ehlo` knows, as data: capabilities, checks, failures, and every sentence that a person reads, in English
//! and German. Protocol text is never translated.
//!
//! The data stands in `data/*.toml`; an entry's key is the name of its file (up to its first dot) and the path of its table, joined by
//! `/`: `capability-smtp/PIPELINING`, `check/cert-expired/expired`.

pub mod explain;
mod lang;
mod pattern;
mod render;

pub use lang::Lang;
pub use render::render;

struct Entry {
    key: &'static str,
    en: &'static str,
    de: &'static str,
    lists: &'static [(&'static str, &'static [&'static str])],
}

include!(concat!(env!("OUT_DIR"), "/entries.rs"));

fn entry(key: &str) -> Option<&'static Entry> {
    ENTRIES.binary_search_by(|e| e.key.cmp(key)).ok().map(|at| &ENTRIES[at])
}

/// The text of `key`, with its places (`{name}`) unfilled.
pub fn text(lang: Lang, key: &str) -> Option<&'static str> {
    entry(key).map(|e| match lang {
        Lang::En => e.en,
        Lang::De => e.de,
    })
}

/// The sources of `key`, e.g. `RFC 2920 §3`.
pub fn references(key: &str) -> &'static [&'static str] {
    list(key, "ref")
}

/// The list `name` of the entry `key`; empty if it has none.
pub fn list(key: &str, name: &str) -> &'static [&'static str] {
    entry(key).and_then(|e| e.lists.iter().find(|(n, _)| *n == name)).map_or(&[], |(_, values)| values)
}

/// All keys that begin with `prefix`, sorted.
pub fn keys(prefix: &str) -> impl Iterator<Item = &'static str> {
    let from = ENTRIES.partition_point(|e| e.key < prefix);
    let prefix = prefix.to_owned();
    ENTRIES[from..].iter().map(|e| e.key).take_while(move |key| key.starts_with(&prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_so_that_they_are_found() {
        assert!(ENTRIES.windows(2).all(|pair| pair[0].key < pair[1].key));
        assert!(ENTRIES.iter().all(|e| text(Lang::De, e.key) == Some(e.de)));
    }

    #[test]
    fn texts_are_prose() {
        for e in ENTRIES {
            for text in [e.en, e.de] {
                assert!(!text.contains("  ") && text.trim() == text, "{}: stray blanks", e.key);
                assert!(!text.contains('\t'), "{}: a tab", e.key);
            }
        }
    }

    #[test]
    fn references_have_one_grammar() {
        for e in ENTRIES {
            for reference in references(e.key) {
                let Some(rest) = reference.strip_prefix("RFC ") else { continue };
                let (number, section) = rest.split_once(' ').unwrap_or((rest, "§0"));
                assert!(number.parse::<u16>().is_ok(), "{}: {reference}", e.key);
                let section = section.strip_prefix('§').unwrap_or("");
                assert!(
                    !section.is_empty()
                        && section.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-'),
                    "{}: {reference}",
                    e.key
                );
            }
        }
    }
}
