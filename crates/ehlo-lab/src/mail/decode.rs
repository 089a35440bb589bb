use super::mime::Part;
pub(crate) fn decoded(_p: &Part, _b: &[u8]) -> Option<Vec<u8>> {
    None
}
pub(crate) fn texts(_p: &Part, _b: &[u8]) -> Vec<String> {
    Vec::new()
}
pub(crate) fn fold(t: &str) -> String {
    t.to_lowercase()
}
pub(crate) fn header_text(r: &[u8]) -> String {
    String::from_utf8_lossy(r).into_owned()
}
