//! What is to be done with mail, as data: `docs/lab-rules.md` has the format.

use crate::glob::glob;
use ehlo_core::Scheme;
use memchr::memmem;
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Rules for mail that comes in. The first whose conditions all hold decides; without one, mail is delivered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    conditions: Vec<Condition>,
    action: RuleAction,
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    Services(Vec<Scheme>),
    Sender(String),
    Recipient(String),
    Over(u64),
    Under(u64),
    Contains(String),
    Header(String, String),
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RuleAction {
    /// Delivers into a mailbox; none for the inbox.
    Deliver(Option<String>),
    /// Says no.
    Refuse {
        /// 400 to 599.
        code: u16,
        /// Of the class of the code.
        enhanced: String,
        /// For people.
        text: String,
    },
    /// Waits so many seconds before the answer, and delivers.
    Delay(f64),
    /// Says yes and forgets the message.
    Discard,
}

/// What is known of a message at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) service: Scheme,
    pub(crate) sender: &'a str,
    /// Known from RCPT on.
    pub(crate) recipient: Option<&'a str>,
    /// Known when it has ended.
    pub(crate) message: Option<&'a [u8]>,
}

/// Why rules cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: RuleProblem,
}

/// What can be wrong with rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleProblem {
    /// The file is no TOML; the words are those of the reader of TOML.
    Toml(String),
    /// There is no such key.
    Unknown(String),
    /// The value of a key is of another kind: `rule`, `service`, `sender`, `recipient`, `size-over`, `size-under`,
    /// `contains`, `header`, `deliver`, `refuse`, `delay` or `discard`.
    Value(&'static str),
    /// A rule has no action, or more than one.
    Actions,
}

impl RuleProblem {
    /// Under which id the texts have it.
    pub fn id(&self) -> &'static str {
        match self {
            RuleProblem::Toml(_) => "toml",
            RuleProblem::Unknown(_) => "unknown",
            RuleProblem::Value(key) => key,
            RuleProblem::Actions => "actions",
        }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.problem {
            RuleProblem::Toml(words) => f.write_str(words),
            RuleProblem::Unknown(key) => write!(f, "there is no key {key:?}"),
            RuleProblem::Value(key) => write!(f, "the value of {key} is of the wrong kind"),
            RuleProblem::Actions => f.write_str("a rule has one action: deliver, refuse, delay or discard"),
        }
    }
}

impl std::error::Error for RuleError {}

impl Rules {
    /// Reads a file of rules.
    ///
    /// # Errors
    /// [`RuleError`] for the first thing that is wrong.
    pub fn read(text: &str) -> Result<Rules, RuleError> {
        let reader = Reader { text };
        let table = DeTable::parse(text).map_err(|e| {
            reader.error(e.span().map_or(0, |s| s.start), RuleProblem::Toml(e.message().to_owned()))
        })?;
        let mut rules = Vec::new();
        for (key, value) in table.get_ref().iter() {
            if key.get_ref() != "rule" {
                return Err(reader.unknown(key));
            }
            let wrong = || reader.error(value.span().start, RuleProblem::Value("rule"));
            for rule in value.get_ref().as_array().ok_or_else(wrong)?.iter() {
                rules.push(reader.rule(rule)?);
            }
        }
        Ok(Rules { rules })
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The action that is decided; none if none is, or not yet.
    pub(crate) fn decide(&self, facts: &Facts<'_>) -> Option<&RuleAction> {
        for rule in &self.rules {
            let answers = rule.conditions.iter().map(|c| c.holds(facts));
            let (mut open, mut wrong) = (false, false);
            for answer in answers {
                open |= answer.is_none();
                wrong |= answer == Some(false);
            }
            match (wrong, open) {
                (true, _) => {}
                // It may still be the first that holds, so those behind it have to wait.
                (false, true) => return None,
                (false, false) => return Some(&rule.action),
            }
        }
        None
    }
}

impl Condition {
    /// Whether it holds; none if that is not known yet.
    fn holds(&self, facts: &Facts<'_>) -> Option<bool> {
        Some(match self {
            Condition::Services(services) => services.contains(&facts.service),
            Condition::Sender(pattern) => glob(pattern, facts.sender),
            Condition::Recipient(pattern) => glob(pattern, facts.recipient?),
            Condition::Over(size) => facts.message?.len() as u64 > *size,
            Condition::Under(size) => (facts.message?.len() as u64) < *size,
            Condition::Contains(text) => memmem::find(facts.message?, text.as_bytes()).is_some(),
            Condition::Header(name, pattern) => header_matches(facts.message?, name, pattern),
        })
    }
}

struct Reader<'a> {
    text: &'a str,
}

type Item<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    fn rule(&self, item: &Item<'_>) -> Result<Rule, RuleError> {
        let start = item.span().start;
        let wrong = || self.error(start, RuleProblem::Value("rule"));
        let table = item.get_ref().as_table().ok_or_else(wrong)?;
        let (mut conditions, mut actions) = (Vec::new(), Vec::new());
        for (key, value) in table.iter() {
            let bad = |key| self.error(value.span().start, RuleProblem::Value(key));
            match key.get_ref().as_ref() {
                "service" => {
                    let services = services(value.get_ref()).ok_or_else(|| bad("service"))?;
                    conditions.push(Condition::Services(services));
                }
                "sender" => {
                    conditions.push(Condition::Sender(words(value).ok_or_else(|| bad("sender"))?));
                }
                "recipient" => {
                    conditions.push(Condition::Recipient(words(value).ok_or_else(|| bad("recipient"))?));
                }
                "size-over" => {
                    conditions.push(Condition::Over(octets(value).ok_or_else(|| bad("size-over"))?));
                }
                "size-under" => {
                    conditions.push(Condition::Under(octets(value).ok_or_else(|| bad("size-under"))?));
                }
                "contains" => {
                    let text = words(value).filter(|t| !t.is_empty()).ok_or_else(|| bad("contains"))?;
                    conditions.push(Condition::Contains(text));
                }
                "header" => {
                    let (name, pattern) =
                        words(value).and_then(header_condition).ok_or_else(|| bad("header"))?;
                    conditions.push(Condition::Header(name, pattern));
                }
                "deliver" => actions.push(deliver(value.get_ref()).ok_or_else(|| bad("deliver"))?),
                "refuse" => {
                    actions.push(words(value).as_deref().and_then(refuse).ok_or_else(|| bad("refuse"))?);
                }
                "delay" => {
                    let seconds = seconds(value).ok_or_else(|| bad("delay"))?;
                    actions.push(RuleAction::Delay(seconds));
                }
                "discard" if value.get_ref().as_bool() == Some(true) => actions.push(RuleAction::Discard),
                "discard" => return Err(bad("discard")),
                _ => return Err(self.unknown(key)),
            }
        }
        match actions.pop() {
            Some(action) if actions.is_empty() => Ok(Rule { conditions, action }),
            _ => Err(self.error(start, RuleProblem::Actions)),
        }
    }

    fn unknown(&self, key: &Spanned<std::borrow::Cow<'_, str>>) -> RuleError {
        self.error(key.span().start, RuleProblem::Unknown(key.get_ref().clone().into_owned()))
    }

    fn error(&self, at: usize, problem: RuleProblem) -> RuleError {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        RuleError { line: before.iter().filter(|&&b| b == b'\n').count() + 1, problem }
    }
}

fn words(item: &Item<'_>) -> Option<String> {
    item.get_ref().as_str().map(str::to_owned)
}

fn octets(item: &Item<'_>) -> Option<u64> {
    let number = item.get_ref().as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn seconds(item: &Item<'_>) -> Option<f64> {
    let seconds: f64 = match item.get_ref() {
        DeValue::Float(number) => number.as_str().parse().ok()?,
        _ => u32::try_from(octets(item)?).ok()?.into(),
    };
    (0.0..=86_400.0).contains(&seconds).then_some(seconds)
}

fn services(value: &DeValue<'_>) -> Option<Vec<Scheme>> {
    const TAKING_MAIL: [Scheme; 4] = [Scheme::Smtp, Scheme::Submission, Scheme::Submissions, Scheme::Lmtp];
    let one = |name: &str| Scheme::from_name(name).filter(|s| TAKING_MAIL.contains(s));
    match value {
        DeValue::String(name) => Some(vec![one(name)?]),
        DeValue::Array(names) if names.iter().next().is_some() => {
            names.iter().map(|n| one(n.get_ref().as_str()?)).collect()
        }
        _ => None,
    }
}

fn deliver(value: &DeValue<'_>) -> Option<RuleAction> {
    match value {
        DeValue::Boolean(true) => Some(RuleAction::Deliver(None)),
        DeValue::String(mailbox) => {
            let good = !mailbox.is_empty()
                && !mailbox.contains(|c: char| c.is_control())
                && mailbox.split('/').all(|part| !part.is_empty());
            let inbox = mailbox.eq_ignore_ascii_case("INBOX");
            good.then(|| RuleAction::Deliver((!inbox).then(|| mailbox.clone().into_owned())))
        }
        _ => None,
    }
}

/// `550 5.7.1 text`
fn refuse(text: &str) -> Option<RuleAction> {
    let mut words = text.splitn(3, ' ');
    let (code, enhanced, text) = (words.next()?, words.next()?, words.next()?);
    let good_code = code.len() == 3
        && code.bytes().all(|b| b.is_ascii_digit())
        && (code.starts_with('4') || code.starts_with('5'));
    // RFC 3463 §2: a class and two numbers of up to three digits.
    let parts: Vec<&str> = enhanced.split('.').collect();
    let good_number = |p: &&str| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit());
    let good_enhanced = parts.len() == 3 && parts[0] == &code[..1] && parts[1..].iter().all(good_number);
    let good_text =
        !text.trim().is_empty() && text.len() <= 480 && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    (good_code && good_enhanced && good_text).then(|| RuleAction::Refuse {
        code: code.parse().unwrap_or(550),
        enhanced: enhanced.to_owned(),
        text: text.to_owned(),
    })
}

/// `Subject: *urgent*`
fn header_condition(text: String) -> Option<(String, String)> {
    let (name, pattern) = text.split_once(':')?;
    let good = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
    good.then(|| (name.to_owned(), pattern.trim().to_owned()))
}

/// Whether a field of the header has that name, and a value that the pattern matches, unfolded.
fn header_matches(message: &[u8], name: &str, pattern: &str) -> bool {
    let header = &message[..memmem::find(message, b"\r\n\r\n").unwrap_or(message.len())];
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for line in header.split(|&b| b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l)) {
        match (line.first(), fields.last_mut()) {
            (Some(b' ' | b'\t'), Some(field)) => field.extend_from_slice(line),
            _ => fields.push(line.to_vec()),
        }
    }
    fields.iter().any(|field| {
        let Some(colon) = field.iter().position(|&b| b == b':') else { return false };
        field[..colon].trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
            && glob(pattern, String::from_utf8_lossy(&field[colon + 1..]).trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(sender: &'a str, recipient: Option<&'a str>, message: Option<&'a str>) -> Facts<'a> {
        Facts { service: Scheme::Smtp, sender, recipient, message: message.map(str::as_bytes) }
    }

    #[test]
    fn the_first_that_holds_decides_as_early_as_it_can() {
        let rules = Rules::read(
            "[[rule]]\nsender = '*@spam.test'\nrefuse = '550 5.7.1 no'\n\
             [[rule]]\nrecipient = 'slow*'\ndelay = 1.5\n\
             [[rule]]\nsize-over = 10\ndiscard = true\n\
             [[rule]]\nheader = 'Subject: *x*'\ncontains = 'y'\ndeliver = 'Archive'\n",
        )
        .unwrap();
        let decide = |s, r, m| rules.decide(&facts(s, r, m));
        assert!(matches!(decide("a@spam.test", None, None), Some(RuleAction::Refuse { code: 550, .. })));
        assert_eq!(decide("a@b", None, None), None);
        assert_eq!(decide("a@b", Some("slow@b"), None), Some(&RuleAction::Delay(1.5)));
        assert_eq!(decide("a@b", Some("c@b"), None), None);
        assert_eq!(decide("a@b", Some("c@b"), Some("12345678901")), Some(&RuleAction::Discard));
        assert_eq!(decide("a@b", Some("c@b"), Some("x")), None);
        let rules =
            Rules::read("[[rule]]\nheader = 'subject: *x z*'\ncontains = 'y'\ndeliver = 'A/B'\n").unwrap();
        let decide = |m| rules.decide(&facts("", Some("c@b"), Some(m)));
        assert_eq!(decide("Subject: a x\r\n z\r\n\r\ny"), Some(&RuleAction::Deliver(Some("A/B".into()))));
        assert_eq!(decide("A: b\r\n\r\nSubject: x z y"), None);
    }

    #[test]
    fn mistakes_have_a_line() {
        for (text, line, id) in [
            ("[[rule]]\nsender = 'x'\n", 1, "actions"),
            ("[[rule]]\ndiscard = true\ndelay = 1\n", 1, "actions"),
            ("\n[[rule]]\ndiscard = false\n", 3, "discard"),
            ("[[rule]]\nrefuse = '550 no'\n", 2, "refuse"),
            ("[[rule]]\nrefuse = '550 4.7.1 no'\n", 2, "refuse"),
            ("[[rule]]\nrefuse = '250 2.7.1 yes'\n", 2, "refuse"),
            ("[[rule]]\nrefuse = \"550 5.7.1 a\\r\\nb\"\n", 2, "refuse"),
            ("[[rule]]\ndelay = -1\n", 2, "delay"),
            ("[[rule]]\nsize-over = 'x'\ndiscard = true\n", 2, "size-over"),
            ("[[rule]]\nservice = 'imap'\ndiscard = true\n", 2, "service"),
            ("[[rule]]\nheader = 'x'\ndiscard = true\n", 2, "header"),
            ("[[rule]]\ndeliver = ''\n", 2, "deliver"),
            ("[[rule]]\ncolour = 1\n", 2, "unknown"),
            ("[[rules]]\n", 1, "unknown"),
            ("rule = 1\n", 1, "rule"),
            ("[[rule]]\nx\n", 2, "toml"),
        ] {
            let error = Rules::read(text).unwrap_err();
            assert_eq!((error.line, error.problem.id()), (line, id), "{text}");
        }
    }
}
