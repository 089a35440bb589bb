/// The language of texts for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Lang {
    /// The language that `code` names: `de`, `en`, or a locale such as `de_AT.UTF-8`.
    pub fn from_code(code: &str) -> Option<Lang> {
        match code.split(['_', '-', '.', '@']).next()?.to_ascii_lowercase().as_str() {
            "de" => Some(Lang::De),
            "en" | "c" | "posix" => Some(Lang::En),
            _ => None,
        }
    }

    /// The language of a locale environment: the first of `LC_ALL`, `LC_MESSAGES`, `LANG` that is set decides;
    /// English for languages we do not have.
    pub fn from_locale(variable: impl Fn(&str) -> Option<String>) -> Lang {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()))
            .and_then(|value| Lang::from_code(&value))
            .unwrap_or_default()
    }

    /// Its code: `en` or `de`.
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::De => "de",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides() {
        let from = |pairs: &'static [(&str, &str)]| {
            Lang::from_locale(|n| pairs.iter().find(|(k, _)| *k == n).map(|(_, v)| (*v).to_owned()))
        };
        assert_eq!(from(&[("LANG", "de_DE.UTF-8")]), Lang::De);
        assert_eq!(from(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]), Lang::En);
        assert_eq!(from(&[("LC_ALL", ""), ("LANG", "de")]), Lang::De);
        assert_eq!(from(&[("LANG", "fr_FR")]), Lang::En);
        assert_eq!(from(&[]), Lang::En);
    }
}
