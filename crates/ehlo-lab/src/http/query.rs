use super::answer::Refusal;
use crate::{MailId, Wanted};
use std::time::Duration;

/// The parameters of a request. One that nobody asks for is a mistake: a filter with a slip of the pen would let
/// everything pass.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(text: &str) -> Query {
        Query(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Takes a parameter out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.remove(at).1)
    }

    /// Takes a number out.
    pub(super) fn number(&mut self, name: &str, most: u64) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.take(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if number <= most => Ok(Some(number)),
            _ => Err(Refusal::bad("parameter", format!("{name} wants a number from 0 to {most}"))),
        }
    }

    /// Takes a time out, in seconds.
    pub(super) fn seconds(&mut self, name: &str, most: f64) -> Result<Option<Duration>, Refusal> {
        let Some(text) = self.take(name) else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(seconds) if (0.0..=most).contains(&seconds) => Ok(Some(Duration::from_secs_f64(seconds))),
            _ => Err(Refusal::bad("parameter", format!("{name} wants seconds from 0 to {most}"))),
        }
    }

    /// Takes out which messages are wanted.
    pub(super) fn wanted(&mut self) -> Result<Wanted, Refusal> {
        let after = match self.take("after") {
            None => None,
            Some(text) => Some(
                MailId::parse(&text)
                    .ok_or_else(|| Refusal::bad("parameter", "after wants the id of a message"))?,
            ),
        };
        Ok(Wanted {
            to: self.take("to"),
            from: self.take("from"),
            subject: self.take("subject"),
            account: self.take("account"),
            mailbox: self.take("mailbox"),
            after,
        })
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Refusal> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::bad("parameter", format!("there is no parameter {name:?} here"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_or_refused() {
        let mut query = Query::read("to=a%2Bb@lab.test&subject=x+y&timeout=1.5&n=3&n=4&bad=-1");
        let wanted = query.wanted().unwrap();
        assert_eq!((wanted.to.as_deref(), wanted.subject.as_deref()), (Some("a+b@lab.test"), Some("x y")));
        assert_eq!(query.seconds("timeout", 10.0).unwrap(), Some(Duration::from_millis(1500)));
        assert_eq!(query.number("n", 3).unwrap(), Some(3));
        assert!(query.number("n", 3).is_err() && query.number("bad", 3).is_err());
        assert!(query.end().is_ok());
        assert!(Query::read("acount=bob").end().is_err());
        assert!(Query::read("after=x").wanted().is_err());
        for bad in ["NaN", "inf", "-1", "11", "x"] {
            assert!(Query::read(&format!("t={bad}")).seconds("t", 10.0).is_err(), "{bad}");
        }
    }
}
