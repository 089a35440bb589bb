use super::refusal::{Answer, bad, no};
use super::{Imap, Run, finish};
use crate::Point;
use crate::context::Context;
use crate::talk::sasl::{Login, LoginStep};
use ehlo_wire::imap::Value;

impl Imap {
    pub(super) fn log_in(&mut self, run: &Run<'_>, cx: &mut Context<'_>) -> Answer {
        let [user, password] = run.args else { return bad("LOGIN user password") };
        let (Some(user), Some(password)) = (user.astring(), password.astring()) else {
            return bad("LOGIN user password");
        };
        if !cx.clear_auth_allowed() && cx.settings.logindisabled {
            return no("[PRIVACYREQUIRED] only inside TLS: say STARTTLS first");
        }
        let user = String::from_utf8_lossy(user).into_owned();
        if !cx.lets_in(&user, password) {
            return self.turned_away(Some(&user), cx);
        }
        self.enter(user.split('@').next().unwrap_or(&user), cx)
    }

    fn turned_away(&mut self, user: Option<&str>, cx: &mut Context<'_>) -> Answer {
        self.errors += 5;
        no(format!("[AUTHENTICATIONFAILED] {}", cx.turned_away(user)))
    }

    fn enter(&mut self, user: &str, cx: &Context<'_>) -> Answer {
        let Some(account) = cx.lab.account_of(user) else {
            return no("[AUTHENTICATIONFAILED] user or password is wrong");
        };
        self.account = Some(account);
        Ok(format!("OK [CAPABILITY {}] welcome", self.capabilities(cx)))
    }

    pub(super) fn authenticate(&mut self, run: &Run<'_>, cx: &mut Context<'_>) -> Option<Answer> {
        let word = |v: &Value| v.astring().map(|b| String::from_utf8_lossy(b).into_owned());
        let (Some(mechanism), true) = (run.args.first().and_then(word), run.args.len() <= 2) else {
            return Some(bad("AUTHENTICATE mechanism [initial-response]"));
        };
        let initial = run.args.get(1).and_then(Value::astring);
        let (login, step) = Login::begin(&mechanism, initial, cx);
        self.login_step(login, step, run.tag, cx)
    }

    pub(super) fn login_line(&mut self, line: &[u8], cx: &mut Context<'_>) {
        if let Some((mut login, tag)) = self.login.take() {
            let step = login.respond(line, cx);
            if let Some(answer) = self.login_step(Some(login), step, &tag, cx) {
                finish(cx, "AUTHENTICATE", Vec::new(), &tag, answer);
            }
        }
    }

    fn login_step(
        &mut self,
        login: Option<Login>,
        step: LoginStep,
        tag: &str,
        cx: &mut Context<'_>,
    ) -> Option<Answer> {
        Some(match step {
            LoginStep::Ask(challenge) => {
                self.begun = cx.lab.accounts().names().next().map(str::to_owned);
                self.login = login.map(|login| (login, tag.to_owned()));
                self.server.expect_line();
                cx.send(Point::Reply, "AUTHENTICATE", format!("+ {challenge}\r\n").into_bytes());
                return None;
            }
            LoginStep::In(account) => self.enter(&account, cx),
            LoginStep::Wrong(user) => self.turned_away(user.as_deref(), cx),
            LoginStep::Cancelled => bad("login cancelled"),
            LoginStep::Malformed => bad("this cannot be decoded"),
            LoginStep::Unknown => no("unknown mechanism"),
            LoginStep::NeedsTls => no("[PRIVACYREQUIRED] only inside TLS: say STARTTLS first"),
        })
    }
}
