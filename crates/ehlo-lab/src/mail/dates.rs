pub(crate) fn sent_day(_raw: &str) -> Option<(i32, u32, u32)> {
    None
}
