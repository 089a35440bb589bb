use ehlo_core::Secret;
use ehlo_wire::sasl::Passwords;
use std::collections::BTreeMap;
use std::fmt;

/// Who may log in. The passwords of a lab are no secrets.
#[derive(Clone, Debug)]
pub struct Accounts {
    passwords: BTreeMap<String, String>,
    master: Option<(String, String)>,
    any: bool,
    guest: bool,
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
        Accounts { passwords: known.map(|(n, p)| (n.to_owned(), p.to_owned())).into(), ..Accounts::none() }
    }
}

impl Accounts {
    /// Whom the mechanism ANONYMOUS logs in as (RFC 4505).
    pub const GUEST: &'static str = "anonymous";

    /// No account, but the master user.
    pub fn none() -> Accounts {
        let master = ("meister".to_owned(), "generalschluessel".to_owned());
        Accounts { passwords: BTreeMap::new(), master: Some(master), any: false, guest: false }
    }

    /// Who may act as any account, by an authorization identity (RFC 4422 §3.4.1): `NAME:PASSWORD`. He has mailboxes of
    /// his own only if there is an account of that name.
    ///
    /// # Errors
    /// [`AccountError`] if it is not of that form.
    pub fn set_master(&mut self, text: &str) -> Result<(), AccountError> {
        let (name, password) = split(text).ok_or_else(|| AccountError { line: 0, text: text.to_owned() })?;
        self.master = Some((name.to_owned(), password.to_owned()));
        Ok(())
    }

    /// Name and password of the master user.
    pub fn master(&self) -> Option<(&str, &str)> {
        self.master.as_ref().map(|(name, password)| (name.as_str(), password.as_str()))
    }

    /// Lets everybody in, with any name that an account may have and any password.
    pub fn accept_any(&mut self) {
        self.any = true;
    }

    /// Whether everybody is let in.
    pub fn accepts_any(&self) -> bool {
        self.any
    }

    /// Lets guests in, who have no password and share one account, [`Accounts::GUEST`].
    pub fn admit_guests(&mut self) {
        self.guest = true;
    }

    /// The account of guests, if they are let in.
    pub fn guest(&self) -> Option<&'static str> {
        self.guest.then_some(Accounts::GUEST)
    }

    /// Whether this user may act as any account.
    pub fn is_master(&self, user: &str) -> bool {
        self.master.as_ref().is_some_and(|(name, _)| name == user)
    }

    /// The name of the account that mail for this local part goes to if accounts are made on the fly: without what
    /// follows a plus sign, in lower case; none if no account may be called so.
    pub fn name_for(local_part: &str) -> Option<String> {
        let base = local_part.split('+').next().unwrap_or(local_part).to_lowercase();
        // Names become folders where mail is kept in files.
        (is_name(&base) && base.len() <= 64 && !base.starts_with('.')).then_some(base)
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
        let known = self.passwords.keys().find(|name| name.to_lowercase() == base).map(String::as_str);
        known.or_else(|| self.guest().filter(|guest| *guest == base))
    }

    fn add_from(&mut self, text: &str, line: usize) -> Result<(), AccountError> {
        let (name, password) = split(text).ok_or_else(|| AccountError { line, text: text.to_owned() })?;
        self.passwords.insert(name.to_owned(), password.to_owned());
        Ok(())
    }
}

impl Passwords for Accounts {
    /// Logins are taken with and without the domain: `alice` and `alice@lab.test`.
    fn password(&self, user: &str) -> Option<Secret<String>> {
        let name = user.split('@').next().unwrap_or(user);
        match &self.master {
            Some((master, password)) if master == user => Some(Secret::from(password.as_str())),
            _ => self.passwords.get(name).map(|p| Secret::from(p.as_str())),
        }
    }

    fn any_password(&self, user: &str) -> bool {
        self.any
            && !self.is_master(user)
            && Accounts::name_for(user.split('@').next().unwrap_or(user)).is_some()
    }
}

fn split(text: &str) -> Option<(&str, &str)> {
    text.split_once(':').filter(|(name, password)| is_name(name) && !password.is_empty())
}

fn is_name(name: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control() || "@/\\:<>\"".contains(c);
    !name.is_empty() && !name.contains(bad)
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

    #[test]
    fn the_master_is_no_account() {
        let mut accounts = Accounts::default();
        assert!(accounts.is_master("meister") && accounts.owner_of("meister").is_none());
        assert_eq!(accounts.password("meister").unwrap().expose(), "generalschluessel");
        accounts.set_master("alice:other").unwrap();
        assert_eq!(accounts.password("alice").unwrap().expose(), "other");
        assert!(!accounts.is_master("meister") && accounts.password("meister").is_none());
        assert!(accounts.set_master("no password").is_err());
    }

    #[test]
    fn guests_have_an_account_and_no_password() {
        let mut accounts = Accounts::default();
        assert_eq!((accounts.guest(), accounts.owner_of("anonymous")), (None, None));
        accounts.admit_guests();
        assert_eq!(accounts.owner_of("Anonymous"), Some("anonymous"));
        assert!(accounts.password("anonymous").is_none() && accounts.names().all(|name| name != "anonymous"));
    }

    #[test]
    fn anybody_may_come_in_if_that_is_wanted() {
        let mut accounts = Accounts::none();
        assert!(!accounts.any_password("bob"));
        accounts.accept_any();
        assert!(accounts.any_password("bob") && accounts.any_password("bob@example.test"));
        assert!(!accounts.any_password("a b") && !accounts.any_password("meister"));
        assert_eq!(Accounts::name_for("Bob+x").as_deref(), Some("bob"));
        for bad in ["", "..", "a/b", "+x", &"x".repeat(65)] {
            assert_eq!(Accounts::name_for(bad), None, "{bad}");
        }
    }
}
