/// What a variable holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing: `none`.
    None,
    /// Text or bytes.
    Text(Vec<u8>),
    /// Several texts.
    List(Vec<Vec<u8>>),
    /// A parenthesised list of IMAP, as it stands on the wire.
    Structure(Vec<u8>),
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into().into_bytes())
    }

    /// As it is put into a line.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Value::None => b"none".to_vec(),
            Value::Text(bytes) | Value::Structure(bytes) => bytes.clone(),
            Value::List(items) => items.join(&b' '),
        }
    }

    /// The items: those of a list, or the one that it is.
    pub fn items(&self) -> Vec<Vec<u8>> {
        match self {
            Value::None => Vec::new(),
            Value::List(items) => items.clone(),
            other => vec![other.bytes()],
        }
    }
}

/// The number that a text stands for; times are in milliseconds.
pub(crate) fn number(bytes: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if let Ok(number) = text.parse::<f64>() {
        return Some(number);
    }
    crate::syntax::duration(text).map(|d| d.as_secs_f64() * 1000.0)
}
