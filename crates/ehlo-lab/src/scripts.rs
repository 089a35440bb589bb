//! The Sieve scripts of the accounts: in memory, and below a directory if there is one.
//!
//! On disk an account is a folder with one file for each script and an `index` that names them. A file is written before
//! the index speaks of it, and the index is replaced in one step, so that whatever was acknowledged is there after the
//! sudden death of the process, and nothing is there half.

use ehlo_core::escape;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The most scripts of an account.
pub const MOST_SCRIPTS: usize = 64;
/// The most octets of a script.
pub const LARGEST_SCRIPT: usize = 256 * 1024;

/// The first line of an index.
const HEAD: &str = "ehlo scripts 1";

/// The scripts of all accounts.
#[derive(Debug)]
pub struct Scripts {
    folder: Option<PathBuf>,
    accounts: Mutex<BTreeMap<String, Account>>,
}

/// Why something cannot be done with scripts.
#[derive(Debug)]
pub enum ScriptError {
    /// There is no script of that name.
    NonExistent,
    /// It is the active one, which cannot be deleted (RFC 5804 §2.10).
    Active,
    /// There is a script of that name.
    AlreadyExists,
    /// The account has [`MOST_SCRIPTS`] already.
    TooMany,
    /// It has more than [`LARGEST_SCRIPT`] octets.
    TooLarge,
    /// It cannot be kept, or what was kept cannot be read.
    Io(io::Error),
}

impl From<io::Error> for ScriptError {
    fn from(error: io::Error) -> Self {
        ScriptError::Io(error)
    }
}

#[derive(Clone, Debug, Default)]
struct Account {
    scripts: BTreeMap<String, Script>,
    active: Option<String>,
    /// The number of the next file.
    next: u64,
}

#[derive(Clone, Debug)]
struct Script {
    content: Vec<u8>,
    /// The number of its file.
    file: u64,
}

impl Scripts {
    /// No scripts yet, or those that are kept below `folder`.
    pub fn new(folder: Option<PathBuf>) -> Scripts {
        Scripts { folder, accounts: Mutex::new(BTreeMap::new()) }
    }

    /// The names, sorted, and whether each is the active one.
    ///
    /// # Errors
    /// [`ScriptError::Io`].
    pub fn list(&self, account: &str) -> Result<Vec<(String, bool)>, ScriptError> {
        self.with(account, |held, _| {
            let active = |name: &String| held.active.as_ref() == Some(name);
            Ok(held.scripts.keys().map(|name| (name.clone(), active(name))).collect())
        })
    }

    /// A script.
    ///
    /// # Errors
    /// [`ScriptError::NonExistent`], [`ScriptError::Io`].
    pub fn get(&self, account: &str, name: &str) -> Result<Vec<u8>, ScriptError> {
        self.with(account, |held, _| {
            held.scripts.get(name).map(|script| script.content.clone()).ok_or(ScriptError::NonExistent)
        })
    }

    /// Whether there is room for a script of so many octets, in place of the one of that name if there is one.
    ///
    /// # Errors
    /// [`ScriptError::TooMany`], [`ScriptError::TooLarge`], [`ScriptError::Io`].
    pub fn has_space(&self, account: &str, name: &str, size: usize) -> Result<(), ScriptError> {
        self.with(account, |held, _| held.has_space(name, size))
    }

    /// Keeps a script, in place of the one of that name if there is one.
    ///
    /// # Errors
    /// As [`Scripts::has_space`].
    pub fn put(&self, account: &str, name: &str, content: &[u8]) -> Result<(), ScriptError> {
        self.change(account, |held, folder| {
            held.has_space(name, content.len())?;
            let file = held.next;
            held.next += 1;
            if let Some(folder) = folder {
                keep(&folder.join(format!("{file}.sieve")), content)?;
            }
            held.scripts.insert(name.to_owned(), Script { content: content.to_vec(), file });
            Ok(())
        })
    }

    /// Makes a script the active one, or none.
    ///
    /// # Errors
    /// [`ScriptError::NonExistent`], [`ScriptError::Io`].
    pub fn set_active(&self, account: &str, name: Option<&str>) -> Result<(), ScriptError> {
        self.change(account, |held, _| {
            if name.is_some_and(|name| !held.scripts.contains_key(name)) {
                return Err(ScriptError::NonExistent);
            }
            held.active = name.map(str::to_owned);
            Ok(())
        })
    }

    /// Deletes a script.
    ///
    /// # Errors
    /// [`ScriptError::NonExistent`], [`ScriptError::Active`], [`ScriptError::Io`].
    pub fn delete(&self, account: &str, name: &str) -> Result<(), ScriptError> {
        self.change(account, |held, _| {
            if !held.scripts.contains_key(name) {
                return Err(ScriptError::NonExistent);
            }
            if held.active.as_deref() == Some(name) {
                return Err(ScriptError::Active);
            }
            held.scripts.remove(name);
            Ok(())
        })
    }

    /// Gives a script another name; the active one stays active.
    ///
    /// # Errors
    /// [`ScriptError::NonExistent`], [`ScriptError::AlreadyExists`], [`ScriptError::Io`].
    pub fn rename(&self, account: &str, old: &str, new: &str) -> Result<(), ScriptError> {
        self.change(account, |held, _| {
            if !held.scripts.contains_key(old) {
                return Err(ScriptError::NonExistent);
            }
            if held.scripts.contains_key(new) {
                return Err(ScriptError::AlreadyExists);
            }
            if let Some(script) = held.scripts.remove(old) {
                held.scripts.insert(new.to_owned(), script);
            }
            if held.active.as_deref() == Some(old) {
                held.active = Some(new.to_owned());
            }
            Ok(())
        })
    }

    /// Looks at an account, which is read from disk the first time.
    fn with<T>(
        &self,
        account: &str,
        look: impl FnOnce(&mut Account, Option<&Path>) -> Result<T, ScriptError>,
    ) -> Result<T, ScriptError> {
        // A panic elsewhere leaves the accounts as they were: they are changed as a whole.
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = self.folder.as_ref().map(|folder| folder.join(file_name(account)));
        if !accounts.contains_key(account) {
            let held = folder.as_deref().map_or(Ok(Account::default()), load)?;
            accounts.insert(account.to_owned(), held);
        }
        match accounts.get_mut(account) {
            Some(held) => look(held, folder.as_deref()),
            None => Err(ScriptError::NonExistent),
        }
    }

    /// Changes an account: on disk first, then in memory, so that an error leaves everything as it was.
    fn change(
        &self,
        account: &str,
        change: impl FnOnce(&mut Account, Option<&Path>) -> Result<(), ScriptError>,
    ) -> Result<(), ScriptError> {
        self.with(account, |held, folder| {
            let mut new = held.clone();
            if let Some(folder) = folder {
                fs::create_dir_all(folder)?;
            }
            let result = change(&mut new, folder);
            // A number is not given twice, whatever comes of it: a file of that name may lie there.
            held.next = new.next;
            result?;
            if let Some(folder) = folder {
                keep_index(folder, &new)?;
                for (_, gone) in held.scripts.iter().filter(|(_, script)| !new.has_file(script.file)) {
                    // The index does not name it any more; if it stays, the next start takes it away.
                    let _ = fs::remove_file(folder.join(format!("{}.sieve", gone.file)));
                }
            }
            *held = new;
            Ok(())
        })
    }
}

impl Account {
    fn has_space(&self, name: &str, size: usize) -> Result<(), ScriptError> {
        if size > LARGEST_SCRIPT {
            return Err(ScriptError::TooLarge);
        }
        if !self.scripts.contains_key(name) && self.scripts.len() >= MOST_SCRIPTS {
            return Err(ScriptError::TooMany);
        }
        Ok(())
    }

    fn has_file(&self, file: u64) -> bool {
        self.scripts.values().any(|script| script.file == file)
    }
}

/// Writes a file so that it is there for good.
fn keep(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Replaces the index in one step. Names hold neither tabs nor ends of lines (RFC 5804 §1.6).
fn keep_index(folder: &Path, account: &Account) -> io::Result<()> {
    let mut text = format!("{HEAD}\n");
    for (name, script) in &account.scripts {
        let active = if account.active.as_ref() == Some(name) { "active" } else { "-" };
        text.push_str(&format!("{}\t{active}\t{name}\n", script.file));
    }
    let new = folder.join("index.new");
    keep(&new, text.as_bytes())?;
    fs::rename(&new, folder.join("index"))?;
    // The new name of the file is there for good when the folder is.
    File::open(folder)?.sync_all()
}

/// Reads what was kept of an account, and takes away what no index names.
fn load(folder: &Path) -> Result<Account, ScriptError> {
    let mut account = Account::default();
    let text = match fs::read_to_string(folder.join("index")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => format!("{HEAD}\n"),
        Err(error) => return Err(error.into()),
    };
    let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("{}: no index", folder.display()));
    let mut lines = text.lines();
    if lines.next() != Some(HEAD) {
        return Err(bad().into());
    }
    for line in lines {
        let mut fields = line.splitn(3, '\t');
        let (Some(file), Some(active), Some(name)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(bad().into());
        };
        let file: u64 = file.parse().map_err(|_| bad())?;
        let content = fs::read(folder.join(format!("{file}.sieve")))?;
        account.next = account.next.max(file + 1);
        account.scripts.insert(name.to_owned(), Script { content, file });
        if active == "active" {
            account.active = Some(name.to_owned());
        }
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|n| n.strip_suffix(".sieve")).and_then(|n| n.parse().ok());
        if number.is_some_and(|number: u64| !account.has_file(number)) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(account)
}

/// The name of an account as the name of a folder: what is neither letter nor digit of ASCII is written in
/// hexadecimal, so that no name leads elsewhere and no two names become one where case does not matter.
fn file_name(account: &str) -> String {
    let mut out = String::new();
    for byte in account.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

impl std::fmt::Display for ScriptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ScriptError::NonExistent => f.write_str("there is no script of that name"),
            ScriptError::Active => f.write_str("the active script cannot be deleted"),
            ScriptError::AlreadyExists => f.write_str("there is a script of that name already"),
            ScriptError::TooMany => write!(f, "there are {MOST_SCRIPTS} scripts, and no more are possible"),
            ScriptError::TooLarge => write!(f, "a script has no more than {LARGEST_SCRIPT} octets"),
            ScriptError::Io(error) => {
                write!(f, "the scripts cannot be kept: {}", escape(error.to_string().as_bytes()))
            }
        }
    }
}

impl std::error::Error for ScriptError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own, which is gone when the test is over.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("ehlo-scripts-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
            Folder(path)
        }

        fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn names(scripts: &Scripts) -> Vec<String> {
        let list = scripts.list("alice").unwrap();
        list.into_iter().map(|(name, active)| if active { format!("*{name}") } else { name }).collect()
    }

    #[test]
    fn what_can_be_done_with_scripts() {
        let scripts = Scripts::new(None);
        assert!(names(&scripts).is_empty());
        scripts.put("alice", "b", b"keep;").unwrap();
        scripts.put("alice", "a", b"stop;").unwrap();
        scripts.put("bob", "other", b"").unwrap();
        scripts.set_active("alice", Some("b")).unwrap();
        assert_eq!(names(&scripts), ["a", "*b"]);
        assert!(matches!(scripts.delete("alice", "b"), Err(ScriptError::Active)));
        assert!(matches!(scripts.rename("alice", "a", "b"), Err(ScriptError::AlreadyExists)));
        assert!(matches!(scripts.rename("alice", "a", "a"), Err(ScriptError::AlreadyExists)));
        assert!(matches!(scripts.rename("alice", "x", "y"), Err(ScriptError::NonExistent)));
        assert!(matches!(scripts.set_active("alice", Some("x")), Err(ScriptError::NonExistent)));
        scripts.rename("alice", "b", "c").unwrap();
        assert_eq!(names(&scripts), ["a", "*c"]);
        scripts.put("alice", "c", b"discard;").unwrap();
        assert_eq!(scripts.get("alice", "c").unwrap(), b"discard;");
        scripts.set_active("alice", None).unwrap();
        scripts.delete("alice", "c").unwrap();
        assert!(matches!(scripts.get("alice", "c"), Err(ScriptError::NonExistent)));
        assert_eq!(names(&scripts), ["a"]);
    }

    #[test]
    fn there_are_limits() {
        let scripts = Scripts::new(None);
        for number in 0..MOST_SCRIPTS {
            scripts.put("alice", &number.to_string(), b"").unwrap();
        }
        assert!(matches!(scripts.put("alice", "one more", b""), Err(ScriptError::TooMany)));
        scripts.put("alice", "0", b"in place of another").unwrap();
        let full = vec![b' '; LARGEST_SCRIPT];
        scripts.put("alice", "0", &full).unwrap();
        assert!(matches!(scripts.has_space("alice", "0", LARGEST_SCRIPT + 1), Err(ScriptError::TooLarge)));
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart() {
        let folder = Folder::new("restart");
        let open = || Scripts::new(Some(folder.path().to_owned()));
        let scripts = open();
        scripts.put("alice", "größe \"x\"/../y", b"keep;\r\n").unwrap();
        scripts.put("alice", "b", b"one").unwrap();
        scripts.put("alice", "b", b"two").unwrap();
        scripts.set_active("alice", Some("b")).unwrap();
        scripts.put("../Alice", "elsewhere", b"").unwrap();
        drop(scripts);
        let home = folder.path().join("alice");
        // A file that was written when the process died, before the index spoke of it.
        fs::write(home.join("99.sieve"), b"half").unwrap();
        let scripts = open();
        assert_eq!(names(&scripts), ["*b", "größe \"x\"/../y"]);
        assert_eq!(scripts.get("alice", "b").unwrap(), b"two");
        assert_eq!(scripts.list("../Alice").unwrap().len(), 1);
        assert!(!home.join("99.sieve").exists());
        assert_eq!(fs::read_dir(&home).unwrap().count(), 3);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        scripts.rename("alice", "b", "c").unwrap();
        scripts.delete("alice", "größe \"x\"/../y").unwrap();
        assert_eq!(names(&open()), ["*c"]);
        assert_eq!(fs::read_dir(&home).unwrap().count(), 2);
    }

    #[test]
    fn an_error_leaves_everything_as_it_was() {
        let folder = Folder::new("error");
        let scripts = Scripts::new(Some(folder.path().to_owned()));
        scripts.put("alice", "a", b"one").unwrap();
        // Nothing can be written where a folder has the name of the file.
        fs::create_dir(folder.path().join("alice/index.new")).unwrap();
        assert!(matches!(scripts.put("alice", "a", b"two"), Err(ScriptError::Io(_))));
        assert_eq!(scripts.get("alice", "a").unwrap(), b"one");
        fs::remove_dir(folder.path().join("alice/index.new")).unwrap();
        scripts.put("alice", "a", b"three").unwrap();
        assert_eq!(Scripts::new(Some(folder.path().to_owned())).get("alice", "a").unwrap(), b"three");
        fs::write(folder.path().join("alice/index"), "nonsense").unwrap();
        assert!(Scripts::new(Some(folder.path().to_owned())).list("alice").is_err());
    }
}
