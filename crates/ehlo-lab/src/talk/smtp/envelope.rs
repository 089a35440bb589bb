use super::parameters::{MailParameters, RcptParameters};
use crate::StoreError;
use crate::rules::RuleAction;
use std::borrow::Cow;

/// A transaction (RFC 5321 §2.3.1): from whom, to whom, and how.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    /// The reverse-path, without brackets; empty for the null path.
    pub(super) from: String,
    pub(super) parameters: MailParameters,
    /// In the order in which they were accepted.
    pub(super) recipients: Vec<Recipient>,
    /// Who is logged in.
    pub(super) user: Option<String>,
    /// Whether chunks have come (RFC 3030 §2).
    pub(super) chunks: bool,
    /// Whether a chunk was refused, so that nothing but RSET helps.
    pub(super) spoilt: bool,
    /// Whether a rule has made the client wait for MAIL already.
    pub(super) delayed: bool,
}

/// One recipient that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    /// The forward-path, without brackets.
    pub(super) address: String,
    pub(super) parameters: RcptParameters,
    pub(super) target: Target,
    /// Whether a rule has made the client wait for RCPT already.
    pub(super) delayed: bool,
}

/// Where mail for a recipient goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To an account; into a mailbox if a rule says so.
    Local {
        /// The account.
        account: String,
        /// Not the inbox.
        mailbox: Option<String>,
    },
    /// To another domain.
    Foreign,
    /// Nowhere.
    Discard,
}

/// What became of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// It is in a mailbox.
    Delivered,
    /// It is where mail for other domains is kept.
    Relayed,
    /// A rule has thrown it away.
    Discarded,
    /// It waits for its time.
    Held,
}

/// Why something is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) enhanced: Cow<'static, str>,
    pub(super) text: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(code: u16, enhanced: &'static str, text: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { code, enhanced: enhanced.into(), text: text.into() }
    }

    /// The refusal of a rule, if it is one.
    pub(super) fn of_rule(action: &RuleAction) -> Option<Refusal> {
        match action {
            RuleAction::Refuse { code, enhanced, text } => {
                Some(Refusal { code: *code, enhanced: enhanced.clone().into(), text: text.clone().into() })
            }
            _ => None,
        }
    }

    /// Why a message could not be kept.
    pub(super) fn of_store(error: &StoreError) -> Refusal {
        match error {
            StoreError::Full => Refusal::new(452, "4.3.1", "there is no more room"),
            StoreError::OverQuota => Refusal::new(452, "4.2.2", "the mailboxes of the account are full"),
            StoreError::NoAccount | StoreError::NoMailbox | StoreError::Failed(_) => {
                Refusal::new(451, "4.3.0", "the message could not be kept")
            }
        }
    }
}
