//! Flags of messages in their file names: `unique:2,FLAGS`, letters in the order of ASCII. Keywords have the letters a
//! to z, and `dovecot-keywords` says which letter is which, so that Dovecot reads and writes the same ones. Keywords for
//! which no letter is left stand in our own list alone.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::{fs, io};

/// Stands between the unique part of a file name and the flags.
#[cfg(not(windows))]
const SEPARATOR: u8 = b':';
#[cfg(windows)]
const SEPARATOR: u8 = b';';

/// The flags that have letters in every Maildir.
const LETTERS: &[(char, &str)] = &[
    ('D', "\\Draft"),
    ('F', "\\Flagged"),
    ('P', "$Forwarded"),
    ('R', "\\Answered"),
    ('S', "\\Seen"),
    ('T', "\\Deleted"),
];

/// The file with the letters of keywords: `NUMBER KEYWORD` in each line.
const KEYWORDS: &str = "dovecot-keywords";

/// The part of a file name that never changes.
pub(super) fn base(name: &OsStr) -> &OsStr {
    split(name).0
}

/// The letters at the end of a file name. Other programs put further words behind a comma: they are none.
pub(super) fn letters(name: &OsStr) -> String {
    let Some(info) = split(name).1 else { return String::new() };
    let Some(flags) = info.strip_prefix("2,") else { return String::new() };
    flags.split(',').next().unwrap_or_default().to_owned()
}

/// The file name with other letters. Letters nobody knows stay, and what stands behind them.
pub(super) fn with_letters(name: &OsStr, letters: &str) -> OsString {
    let mut out = base(name).to_owned();
    let rest = split(name).1.and_then(|info| info.strip_prefix("2,")).and_then(|flags| flags.split_once(','));
    out.push(char::from(SEPARATOR).to_string());
    out.push("2,");
    out.push(letters);
    if let Some((_, rest)) = rest {
        out.push(",");
        out.push(rest);
    }
    out
}

/// The size with CR LF at all line ends, as the file name tells it (`,W=`).
pub(super) fn size_with_crlf(path: &Path) -> Option<usize> {
    let base = base(path.file_name()?).to_str()?;
    base.split(',').find_map(|word| word.strip_prefix("W=")?.parse().ok())
}

fn split(name: &OsStr) -> (&OsStr, Option<&str>) {
    // What stands before and behind an ASCII character may be cut out of a name; what is no Unicode is no info of ours.
    let bytes = name.as_encoded_bytes();
    let Some(at) = bytes.iter().position(|&b| b == SEPARATOR) else { return (name, None) };
    let info = std::str::from_utf8(&bytes[at + 1..]).ok();
    (cut(name, at), info)
}

#[cfg(unix)]
fn cut(name: &OsStr, at: usize) -> &OsStr {
    use std::os::unix::ffi::OsStrExt as _;
    OsStr::from_bytes(&name.as_bytes()[..at])
}

#[cfg(not(unix))]
fn cut(name: &OsStr, at: usize) -> &OsStr {
    name.to_str().map_or(name, |text| OsStr::new(&text[..at]))
}

/// Which letter stands for which keyword, in one mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keywords {
    /// By letter, from `a`.
    names: Vec<Option<String>>,
}

impl Keywords {
    /// As the mailbox in `folder` has them; none if there is no file, or one that cannot be understood.
    pub(super) fn read(folder: &Path) -> io::Result<Keywords> {
        match fs::read(folder.join(KEYWORDS)) {
            Ok(bytes) => Ok(Keywords::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Keywords::default()),
            Err(error) => Err(super::about(&folder.join(KEYWORDS), "read", &error)),
        }
    }

    fn parse(text: &str) -> Keywords {
        let mut names = Vec::new();
        for line in text.lines() {
            let Some((number, name)) = line.split_once(' ') else { continue };
            let Ok(number) = number.parse::<usize>() else { continue };
            if number < 26 && !name.is_empty() {
                if names.len() <= number {
                    names.resize(number + 1, None);
                }
                names[number] = Some(name.to_owned());
            }
        }
        Keywords { names }
    }

    /// As the file has them.
    pub(super) fn text(&self) -> String {
        let lines = self.names.iter().enumerate();
        lines.filter_map(|(number, name)| Some(format!("{number} {}\n", name.as_deref()?))).collect()
    }

    /// The name of the file.
    pub(super) fn file_name() -> &'static str {
        KEYWORDS
    }

    /// Finds letters for keywords that have none; whether there are new ones.
    pub(super) fn learn<'a>(&mut self, flags: impl Iterator<Item = &'a String>) -> bool {
        let mut new = false;
        for flag in flags {
            let fit = !flag.starts_with('\\') && flag.bytes().all(|b| b.is_ascii_graphic());
            if !fit || self.letter(flag).is_some() {
                continue;
            }
            if let Some(free) = self.names.iter().position(Option::is_none) {
                self.names[free] = Some(flag.clone());
            } else if self.names.len() < 26 {
                self.names.push(Some(flag.clone()));
            } else {
                continue;
            }
            new = true;
        }
        new
    }

    /// The letter of a flag or keyword.
    fn letter(&self, flag: &str) -> Option<char> {
        let own = LETTERS.iter().find(|(_, name)| name.eq_ignore_ascii_case(flag)).map(|&(letter, _)| letter);
        own.or_else(|| {
            let same = |name: &Option<String>| name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(flag));
            let number = u8::try_from(self.names.iter().position(same)?).ok()?;
            Some(char::from(b'a' + number))
        })
    }

    /// What a letter stands for.
    fn flag(&self, letter: char) -> Option<&str> {
        if letter.is_ascii_lowercase() {
            return self.names.get(usize::from(u8::try_from(letter).ok()? - b'a'))?.as_deref();
        }
        LETTERS.iter().find(|&&(known, _)| known == letter).map(|&(_, flag)| flag)
    }

    /// The letters of flags, in order. Those in `others` that nobody knows are kept.
    pub(super) fn letters(&self, flags: &[String], others: &str) -> String {
        let mut letters: Vec<char> = flags.iter().filter_map(|flag| self.letter(flag)).collect();
        letters.extend(others.chars().filter(|&c| self.flag(c).is_none()));
        letters.sort_unstable();
        letters.dedup();
        letters.into_iter().collect()
    }

    /// The flags of a message whose file has these letters and that was known to have the flags `known`: what has no
    /// letter is as it was.
    pub(super) fn flags(&self, letters: &str, known: &[String]) -> Vec<String> {
        let stays = |flag: &&String| self.letter(flag).is_none_or(|letter| letters.contains(letter));
        let mut flags: Vec<String> = known.iter().filter(stays).cloned().collect();
        for flag in letters.chars().filter_map(|letter| self.flag(letter)) {
            if !flags.iter().any(|f| f.eq_ignore_ascii_case(flag)) {
                flags.push(flag.to_owned());
            }
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(list: &[&str]) -> Vec<String> {
        list.iter().map(|f| (*f).to_owned()).collect()
    }

    #[test]
    fn parts_of_file_names() {
        for (name, unique, found, seen) in [
            ("1.M2P3.host", "1.M2P3.host", "", "1.M2P3.host:2,S"),
            ("1.host,S=5:2,", "1.host,S=5", "", "1.host,S=5:2,S"),
            ("1.host:2,FRab", "1.host", "FRab", "1.host:2,S"),
            ("1.host:2,F,x=y", "1.host", "F", "1.host:2,S,x=y"),
            ("1.host:1,odd", "1.host", "", "1.host:2,S"),
            ("1.host:", "1.host", "", "1.host:2,S"),
        ] {
            let name = OsStr::new(name);
            assert_eq!(base(name), unique);
            assert_eq!(letters(name), found);
            assert_eq!(with_letters(name, "S"), seen);
        }
    }

    #[test]
    fn keywords_have_letters() {
        let mut table = Keywords::parse("0 $Junk\n2 work\nrubbish\n30 far\n");
        assert_eq!(table.flags("acSZ", &[]), flags(&["$Junk", "work", "\\Seen"]));
        assert!(table.learn(flags(&["WORK", "new", "\\Seen", "$forwarded", "two words"]).iter()));
        assert_eq!(table.text(), "0 $Junk\n1 new\n2 work\n");
        assert!(!table.learn(flags(&["New"]).iter()));
        assert_eq!(table.letters(&flags(&["\\Seen", "new", "\\Deleted", "$Forwarded"]), "ZS"), "PSTZb");
        // What has no letter stays; what has one is as the file says.
        let known = flags(&["\\Seen", "two words", "new"]);
        assert_eq!(table.flags("Fb", &known), flags(&["two words", "new", "\\Flagged"]));
    }

    #[test]
    fn letters_come_to_an_end() {
        let mut table = Keywords::default();
        let many: Vec<String> = (0..30).map(|n| format!("k{n}")).collect();
        assert!(table.learn(many.iter()));
        assert_eq!(table.letters(&many, "").len(), 26);
        assert_eq!(table.flags(&table.letters(&many, ""), &many), many);
        assert!(!table.learn(many.iter()));
    }
}
