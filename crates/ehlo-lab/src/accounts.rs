use ehlo_core::Secret;
use ehlo_wire::sasl::Passwords;
use std::collections::BTreeMap;
use std::fmt;

/// Who may log in. The passwords of a lab are no secrets.
#[derive(Clone, Debug)]
pub struct Accounts {
    passwords: BTreeMap<String, String>,
}

/// Why an account cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountError {
    /// The line in the file, from 1; 0 for one given otherwise.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        write!(f, "{:?} is no account: NAME:PASSWORD is wanted, the name without blanks, @ and /", self.text)
    }
}

impl std::error::Error for AccountError {}

impl Default for Accounts {
    /// The three accounts of the how-to.
    fn default() -> Self {
        let known = [("benutzername", "passwort"), ("alice", "wonderland"), ("name", "gEhEiM!")];
        Accounts { passwords: known.map(|(n, p)| (n.to_owned(), p.to_owned())).into() }
    }
}

impl Accounts {
    /// No account.
    pub fn none() -> Accounts {
        Accounts { passwords: BTreeMap::new() }
    }

    /// Adds `NAME:PASSWORD`. The password may hold colons.
    ///
    /// # Errors
    /// [`AccountError`] if it is not of that form.
    pub fn add(&mut self, text: &str) -> Result<(), AccountError> {
        self.add_from(text, 0)
    }

    /// Reads a file of accounts: one in a line, `#` begins a comment line.
    ///
    /// # Errors
    /// [`AccountError`] with the first line that is not of that form.
    pub fn read(text: &str) -> Result<Accounts, AccountError> {
        let mut accounts = Accounts::none();
        for (index, line) in text.lines().enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if !line.trim().is_empty() && !line.starts_with('#') {
                accounts.add_from(line, index + 1)?;
            }
        }
        Ok(accounts)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.passwords.keys().map(String::as_str)
    }

    /// The account whose address this is: the part before `@` and `+`, whatever the case.
    pub fn owner_of(&self, local_part: &str) -> Option<&str> {
        let base = local_part.split('+').next().unwrap_or(local_part).to_lowercase();
        self.passwords.keys().find(|name| name.to_lowercase() == base).map(String::as_str)
    }

    fn add_from(&mut self, text: &str, line: usize) -> Result<(), AccountError> {
        let bad = || AccountError { line, text: text.to_owned() };
        let (name, password) = text.split_once(':').ok_or_else(bad)?;
        let bad_name = |c: char| c.is_whitespace() || c.is_control() || "@/\\:<>\"".contains(c);
        if name.is_empty() || name.contains(bad_name) || password.is_empty() {
            return Err(bad());
        }
        self.passwords.insert(name.to_owned(), password.to_owned());
        Ok(())
    }
}

impl Passwords for Accounts {
    /// Logins are taken with and without the domain: `alice` and `alice@lab.test`.
    fn password(&self, user: &str) -> Option<Secret<String>> {
        let name = user.split('@').next().unwrap_or(user);
        self.passwords.get(name).map(|p| Secret::from(p.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_accounts() {
        let accounts = Accounts::read("# who\nbob:a:b\r\n\njörg:pässwörd\n").unwrap();
        assert_eq!(accounts.names().collect::<Vec<_>>(), ["bob", "jörg"]);
        assert_eq!(accounts.password("bob@lab.test").unwrap().expose(), "a:b");
        assert_eq!(accounts.owner_of("BOB+test"), Some("bob"));
        assert_eq!(Accounts::read("bob:x\nalice\n").unwrap_err().line, 2);
        for bad in ["", ":x", "a b:x", "a@b:x", "a:"] {
            assert!(Accounts::none().add(bad).is_err(), "{bad}");
        }
    }
}
