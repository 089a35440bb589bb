pub(crate) enum Algorithm {
    OrderedSubject,
    References,
}
pub(crate) struct Tree;
pub(crate) struct Threadable;
pub(crate) fn thread(_m: &[Threadable], _h: Algorithm) -> Vec<Tree> {
    Vec::new()
}
pub(crate) fn encode(_t: &[Tree]) -> String {
    String::new()
}
pub(crate) fn threadable(_n: u32, _b: &[u8], _a: i64) -> Threadable {
    Threadable
}
