use crate::StoreError;

/// How a command ends: the status line behind the tag.
pub(super) type Answer = Result<String, Refusal>;

/// Why a command is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It cannot be done.
    No(String),
    /// It makes no sense.
    Bad(String),
}

impl Refusal {
    /// The status line behind the tag.
    pub(super) fn status(&self) -> String {
        match self {
            Refusal::No(text) => format!("NO {text}"),
            Refusal::Bad(text) => format!("BAD {text}"),
        }
    }
}

impl From<StoreError> for Refusal {
    /// The codes of RFC 5530 §3 and RFC 9208 §4.3.1.
    fn from(error: StoreError) -> Refusal {
        Refusal::No(match error {
            StoreError::NoAccount | StoreError::NoMailbox => "[NONEXISTENT] there is no such mailbox".into(),
            StoreError::Full => "[OVERQUOTA] the store is full".into(),
            StoreError::OverQuota => "[OVERQUOTA] the mailboxes are full".into(),
            StoreError::Failed(error) => {
                format!("[UNAVAILABLE] the store failed: {}", ehlo_core::escape(error.to_string().as_bytes()))
            }
        })
    }
}

pub(super) fn no<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::No(text.into()))
}

pub(super) fn bad<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Bad(text.into()))
}

/// There is no such mailbox, or nobody is to know that there is (RFC 4314 §6).
pub(super) fn nonexistent<T>() -> Result<T, Refusal> {
    no("[NONEXISTENT] there is no such mailbox")
}
