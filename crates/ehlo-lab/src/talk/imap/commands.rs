use super::refusal::{Answer, bad};
use super::{Imap, Run, acl, append, copy, fetch, folders, list, quota, search, sort, status, store};
use crate::context::Context;

/// A command.
pub(super) struct Command {
    /// In upper case.
    pub(super) name: &'static str,
    /// Whether `UID` may stand in front.
    pub(super) uid: bool,
    pub(super) when: When,
    /// Yields the answer; none if it was given already, or will come later.
    pub(super) run: fn(&mut Imap, &mut Run<'_>, &mut Context<'_>) -> Option<Answer>,
}

/// In which state a command is fine (RFC 9051 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Any,
    NotAuthenticated,
    Authenticated,
    Selected,
}

const fn plain(
    name: &'static str,
    when: When,
    run: fn(&mut Imap, &mut Run<'_>, &mut Context<'_>) -> Option<Answer>,
) -> Command {
    Command { name, uid: false, when, run }
}

const fn on_messages(
    name: &'static str,
    run: fn(&mut Imap, &mut Run<'_>, &mut Context<'_>) -> Option<Answer>,
) -> Command {
    Command { name, uid: true, when: When::Selected, run }
}

/// All commands.
pub(super) static COMMANDS: &[Command] = &[
    plain("CAPABILITY", When::Any, |imap, run, cx| Some(imap.capability(run, cx))),
    plain("NOOP", When::Any, |imap, run, cx| Some(noop(imap, run, cx))),
    plain("LOGOUT", When::Any, |_, run, _| Some(logout(run))),
    plain("ID", When::Any, |_, run, _| Some(id(run))),
    plain("STARTTLS", When::NotAuthenticated, |imap, run, cx| imap.starttls(run, cx)),
    plain("LOGIN", When::NotAuthenticated, |imap, run, cx| Some(imap.log_in(run, cx))),
    plain("AUTHENTICATE", When::NotAuthenticated, |imap, run, cx| imap.authenticate(run, cx)),
    plain("ENABLE", When::Authenticated, |imap, run, cx| Some(imap.enable(run, cx))),
    plain("COMPRESS", When::Authenticated, |imap, run, cx| imap.compress(run, cx)),
    plain("IDLE", When::Authenticated, |imap, run, cx| imap.begin_idle(run, cx)),
    plain("NAMESPACE", When::Authenticated, |_, run, _| Some(list::namespace(run))),
    plain("SELECT", When::Authenticated, |imap, run, cx| Some(imap.select(run, false, cx))),
    plain("EXAMINE", When::Authenticated, |imap, run, cx| Some(imap.select(run, true, cx))),
    plain("CREATE", When::Authenticated, |imap, run, cx| Some(folders::create(imap, run, cx))),
    plain("DELETE", When::Authenticated, |imap, run, cx| Some(folders::delete(imap, run, cx))),
    plain("RENAME", When::Authenticated, |imap, run, cx| Some(folders::rename(imap, run, cx))),
    plain("SUBSCRIBE", When::Authenticated, |imap, run, cx| Some(folders::subscribe(imap, run, true, cx))),
    plain("UNSUBSCRIBE", When::Authenticated, |imap, run, cx| Some(folders::subscribe(imap, run, false, cx))),
    plain("LIST", When::Authenticated, |imap, run, cx| Some(list::list(imap, run, cx))),
    plain("LSUB", When::Authenticated, |imap, run, cx| Some(list::lsub(imap, run, cx))),
    plain("STATUS", When::Authenticated, |imap, run, cx| Some(status::status(imap, run, cx))),
    plain("APPEND", When::Authenticated, |imap, run, cx| Some(append::append(imap, run, cx))),
    plain("GETQUOTA", When::Authenticated, |imap, run, cx| Some(quota::get(imap, run, cx))),
    plain("GETQUOTAROOT", When::Authenticated, |imap, run, cx| Some(quota::root(imap, run, cx))),
    plain("SETQUOTA", When::Authenticated, |imap, run, cx| Some(quota::set(imap, run, cx))),
    plain("GETACL", When::Authenticated, |imap, run, cx| Some(acl::get(imap, run, cx))),
    plain("SETACL", When::Authenticated, |imap, run, cx| Some(acl::set(imap, run, cx))),
    plain("DELETEACL", When::Authenticated, |imap, run, cx| Some(acl::delete(imap, run, cx))),
    plain("LISTRIGHTS", When::Authenticated, |imap, run, cx| Some(acl::list_rights(imap, run, cx))),
    plain("MYRIGHTS", When::Authenticated, |imap, run, cx| Some(acl::my_rights(imap, run, cx))),
    plain("CHECK", When::Selected, |imap, run, cx| Some(noop(imap, run, cx))),
    plain("CLOSE", When::Selected, |imap, run, cx| Some(imap.close(run, cx))),
    plain("UNSELECT", When::Selected, |imap, run, _| Some(imap.unselect(run))),
    on_messages("EXPUNGE", |imap, run, cx| Some(store::expunge(imap, run, cx))),
    on_messages("FETCH", |imap, run, cx| Some(fetch::fetch(imap, run, cx))),
    on_messages("STORE", |imap, run, cx| Some(store::store(imap, run, cx))),
    on_messages("COPY", |imap, run, cx| Some(copy::copy(imap, run, false, cx))),
    on_messages("MOVE", |imap, run, cx| Some(copy::copy(imap, run, true, cx))),
    on_messages("SEARCH", |imap, run, cx| Some(search::search(imap, run, cx))),
    on_messages("SORT", |imap, run, cx| Some(sort::sort(imap, run, cx))),
    on_messages("THREAD", |imap, run, cx| Some(sort::thread(imap, run, cx))),
];

fn noop(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    if !run.args.is_empty() {
        return bad("this command has no arguments");
    }
    imap.sync(&mut run.out, true, cx);
    Ok("OK done".into())
}

fn logout(run: &mut Run<'_>) -> Answer {
    if !run.args.is_empty() {
        return bad("LOGOUT has no arguments");
    }
    run.tell("* BYE until next time");
    Ok("OK done".into())
}

/// RFC 2971
fn id(run: &mut Run<'_>) -> Answer {
    let [fields] = run.args else { return bad("ID wants a list of fields and values, or NIL") };
    let Some(fields) = fields.list() else { return bad("ID wants a list of fields and values, or NIL") };
    // RFC 2971 §3.3: at most 30 pairs, names of at most 30 octets, values of at most 1024.
    let fine = fields.len() % 2 == 0
        && fields.len() <= 60
        && fields.chunks(2).all(|pair| {
            pair[0].nstring().is_some_and(|name| name.len() <= 30)
                && pair[1].nstring().is_none_or(|value| value.len() <= 1024)
                && pair.iter().all(|v| v.list().is_none_or(|l| l.is_empty()))
        });
    if !fine {
        return bad("ID wants pairs of a field and a value, at most 30 of them");
    }
    run.tell("* ID (\"name\" \"ehlo lab\")");
    Ok("OK nice to meet you".into())
}

#[cfg(test)]
mod tests {
    use super::COMMANDS;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = COMMANDS.iter().map(|c| c.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COMMANDS.len());
    }
}
