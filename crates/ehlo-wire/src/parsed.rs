use ehlo_core::Deviation;

/// A value read from a peer, and the rules that it broke. Never an error: a tester must be able to read anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// What was read.
    pub value: T,
    /// What is wrong with it.
    pub deviations: Vec<Deviation>,
}

impl<T> Parsed<T> {
    /// A value with the rules it broke.
    pub fn new(value: T, deviations: Vec<Deviation>) -> Parsed<T> {
        Parsed { value, deviations }
    }

    /// Changes the value and keeps the deviations.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Parsed<U> {
        Parsed { value: change(self.value), deviations: self.deviations }
    }
}
