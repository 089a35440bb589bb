pub(crate) enum SortKey {
    Arrival,
    Cc,
    Date,
    From,
    Size,
    Subject,
    To,
    DisplayFrom,
    DisplayTo,
}
pub(crate) struct Sortable {
    pub(crate) number: u32,
    pub(crate) uid: u32,
}
pub(crate) fn sort(_m: &mut Vec<Sortable>, _k: &[(SortKey, bool)]) {}
pub(crate) fn sortable(number: u32, uid: u32, _b: &[u8], _a: i64, _s: u64) -> Sortable {
    Sortable { number, uid }
}
