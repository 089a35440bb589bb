use crate::pattern::fits;
use crate::{keys, list};

/// What is known about a refusal or failure when its causes are looked up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// Id of the check that complains; empty if there is none.
    pub check: &'a str,
    /// `smtp`, `pop3`, `imap`, `lmtp`, `sieve`.
    pub protocol: &'a str,
    /// The stage's id, e.g. `greeting`.
    pub stage: &'a str,
    /// Id of the failure's cause, e.g. `refused`; empty if the server answered.
    pub cause: &'a str,
    /// What the server said, or the value that is in question (an issuer, a certificate name).
    pub text: &'a str,
}

/// The ids of entries of `failure` that fit. Those that recognise the very words come before those that only know
/// what kind of failure it was; within each kind the order is that of the ids.
///
/// An entry fits when each list it has (`check`, `protocol`, `stage`, `cause`, `pattern`) has a member that fits. A pattern
/// is looked for anywhere in the text, without regard to case; `*` in it stands for anything and `\\*` for a star, a
/// `^` at its beginning for the beginning of the text. An entry with neither `check` nor `cause` nor `pattern` is
/// never found here: it takes more than one dialogue to recognise it.
pub fn causes(circumstances: &Circumstances<'_>) -> Vec<&'static str> {
    let text = circumstances.text.to_lowercase();
    let mut found: Vec<&'static str> = keys("failure/")
        .filter(|key| {
            let one_of = |name: &str, value: &str| {
                let wanted = list(key, name);
                wanted.is_empty() || wanted.contains(&value)
            };
            let patterns = list(key, "pattern");
            let recognisable = ["check", "cause", "pattern"].iter().any(|name| !list(key, name).is_empty());
            recognisable
                && !key["failure/".len()..].contains('/')
                && one_of("check", circumstances.check)
                && one_of("protocol", circumstances.protocol)
                && one_of("stage", circumstances.stage)
                && one_of("cause", circumstances.cause)
                && (patterns.is_empty() || patterns.iter().any(|p| fits(p, &text).is_some()))
        })
        .collect();
    found.sort_by_key(|key| list(key, "pattern").is_empty());
    found.into_iter().map(|key| &key["failure/".len()..]).collect()
}
