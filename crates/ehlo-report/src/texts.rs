use ehlo_core::Params;
use ehlo_knowledge::{Lang, render, text};
use std::fmt::Display;

/// The texts of one language.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    /// The language.
    pub lang: Lang,
}

impl Texts {
    /// The text of `key`; the key itself if there is none, which a test would show.
    pub fn get(self, key: &str) -> String {
        text(self.lang, key).map_or_else(|| key.to_owned(), str::to_owned)
    }

    /// The text of `key`, if there is one.
    pub fn find(self, key: &str) -> Option<&'static str> {
        text(self.lang, key)
    }

    /// The text of `key` with its places filled.
    pub fn fill(self, key: &str, places: &[(&str, &dyn Display)]) -> String {
        let params: Params =
            places.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
        render(&self.get(key), &params)
    }

    /// The same with parameters of a finding.
    pub fn with(self, key: &str, params: &Params) -> String {
        render(&self.get(key), params)
    }

    /// A word of the user interface.
    pub fn ui(self, key: &str) -> String {
        self.get(&format!("ui/{key}"))
    }

    /// A sentence of the user interface.
    pub fn say(self, key: &str, places: &[(&str, &dyn Display)]) -> String {
        self.fill(&format!("ui/{key}"), places)
    }
}
