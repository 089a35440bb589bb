//! The steps of the how-to that people do by hand with telnet and openssl, as dialogues through the library.

mod logins;

use crate::common::{Site, benutzername};
use ehlo_core::facts::{Answered, LoginResult};
use ehlo_core::{Cause, Protocol, Scheme, Stage};
use ehlo_dialogue::{Dialogue, LoginOptions, Offered, Turn};
use ehlo_wire::{Command, Reply, imap, pop3, smtp};
use std::time::Duration;

/// All steps of this library, in order.
pub(crate) async fn all(site: &Site) {
    // Each on the heap: together they are more than the stack of a test holds.
    Box::pin(step_1_greetings(site)).await;
    Box::pin(step_2_helo(site)).await;
    Box::pin(step_3_ehlo(site)).await;
    Box::pin(step_4_quit(site)).await;
    Box::pin(step_5_12_20_cleartext_after_starttls(site)).await;
    Box::pin(step_6_auth_is_listed_inside_tls(site)).await;
    Box::pin(step_7_auth_login(site)).await;
    Box::pin(step_8_auth_plain(site)).await;
    Box::pin(step_9_a_mail(site)).await;
    Box::pin(step_10_apop_is_announced(site)).await;
    Box::pin(step_11_capa(site)).await;
    Box::pin(step_13_user_and_pass(site)).await;
    Box::pin(logins::step_14_apop(site)).await;
    Box::pin(logins::step_15_auth_login(site)).await;
    Box::pin(step_16_reading_mail(site)).await;
    Box::pin(step_17_without_a_tag(site)).await;
    Box::pin(step_18_logout(site)).await;
    Box::pin(step_19_capability(site)).await;
    Box::pin(step_21_login(site)).await;
    Box::pin(logins::step_22_authenticate_login(site)).await;
    Box::pin(logins::step_23_authenticate_plain(site)).await;
    Box::pin(logins::step_24_too_hard_by_hand(site)).await;
    Box::pin(logins::step_25_a_master_user(site)).await;
    Box::pin(logins::every_other_way(site)).await;
}

async fn step_1_greetings(site: &Site) {
    for (scheme, beginning) in
        [(Scheme::Smtp, "220 "), (Scheme::Submission, "220 "), (Scheme::Pop3, "+OK"), (Scheme::Imap, "* OK")]
    {
        let mut d = site.dial(scheme).await;
        let greeting = d.greeting().await.unwrap();
        assert!(greeting.shown().starts_with(beginning), "{scheme}: {}", greeting.shown());
        d.finish().await;
    }
}

async fn step_2_helo(site: &Site) {
    let mut d = ready(site, Scheme::Smtp).await;
    let turn = say(&mut d, smtp::helo_command("test").unwrap()).await;
    let Some(Reply::Smtp(reply)) = turn.last() else { panic!("{turn:?}") };
    assert_eq!((reply.code, reply.lines.len()), (Some(250), 1));
    d.finish().await;
}

async fn step_3_ehlo(site: &Site) {
    let mut d = ready(site, Scheme::Smtp).await;
    let words = keywords(&say(&mut d, smtp::ehlo_command("test").unwrap()).await);
    for word in ["PIPELINING", "SIZE", "STARTTLS", "8BITMIME", "ENHANCEDSTATUSCODES"] {
        assert!(words.iter().any(|w| w == word), "{word} in {words:?}");
    }
    d.finish().await;
}

async fn step_4_quit(site: &Site) {
    let mut d = ready(site, Scheme::Smtp).await;
    let turn = say(&mut d, smtp::simple("QUIT").unwrap()).await;
    assert!(turn.shown().starts_with("221 "), "{}", turn.shown());
    // The server closes: nothing can be said any more.
    let failure = d.say(smtp::simple("NOOP").unwrap()).await.unwrap_err();
    assert!(matches!(failure.cause, Cause::Closed | Cause::Reset), "{failure:?}");
}

async fn step_5_12_20_cleartext_after_starttls(site: &Site) {
    for scheme in [Scheme::Smtp, Scheme::Pop3, Scheme::Imap] {
        let mut d = ready(site, scheme).await;
        let (ask, next) = match scheme.protocol() {
            Protocol::Pop3 => (pop3::command("STLS"), pop3::command("CAPA")),
            Protocol::Imap => (imap::command("bb", "STARTTLS"), imap::command("cc", "CAPABILITY")),
            _ => {
                say(&mut d, smtp::ehlo_command("test").unwrap()).await;
                (smtp::simple("STARTTLS"), smtp::ehlo_command("test"))
            }
        };
        let turn = say(&mut d, ask.unwrap()).await;
        assert_eq!(turn.answered(), Answered::Accepted, "{scheme}: {}", turn.shown());
        match d.say_in_clear(next.unwrap(), Duration::from_secs(5)).await {
            Err(failure) => {
                let good = matches!(failure.cause, Cause::Closed | Cause::Reset | Cause::TimedOut { .. });
                assert!(good, "{scheme}: {failure:?}");
            }
            // A TLS alert is no answer in this protocol.
            Ok(turn) => assert_eq!(turn.answered(), Answered::Nonsense, "{scheme}: {}", turn.shown()),
        }

        let mut d = ready(site, scheme).await;
        secure(&mut d).await;
        assert!(d.tls().unwrap().is_verified(), "{scheme}");
        d.finish().await;
    }
}

async fn step_6_auth_is_listed_inside_tls(site: &Site) {
    let mut d = ready(site, Scheme::Submission).await;
    let before = keywords(&say(&mut d, smtp::ehlo_command("test").unwrap()).await);
    secure(&mut d).await;
    let after = keywords(&say(&mut d, smtp::ehlo_command("test").unwrap()).await);
    assert!(
        after.iter().any(|w| w == "AUTH") && !after.iter().any(|w| w == "STARTTLS"),
        "{before:?} {after:?}"
    );
    d.finish().await;
}

async fn step_7_auth_login(site: &Site) {
    // Prompt by prompt, as it is typed.
    let mut d = submission(site).await;
    let turn = say(&mut d, Command::line(Stage::Auth, "auth login").unwrap()).await;
    assert_eq!(turn.shown(), "334 VXNlcm5hbWU6");
    let turn = say(&mut d, Command::line(Stage::Auth, "YmVudXR6ZXJuYW1l").unwrap()).await;
    assert_eq!(turn.shown(), "334 UGFzc3dvcmQ6");
    let turn = say(&mut d, Command::line(Stage::Auth, "cGFzc3dvcnQ=").unwrap()).await;
    assert!(turn.shown().starts_with("235 "), "{}", turn.shown());
    let (transcript, _) = d.finish().await;
    let json = serde_json::to_string(&transcript).unwrap();
    assert!(!json.contains("cGFzc3dvcnQ=") && !json.contains("YmVudXR6ZXJuYW1l"));

    // With the user in the first line.
    let mut d = submission(site).await;
    let turn = say(&mut d, Command::line(Stage::Auth, "auth login YmVudXR6ZXJuYW1l").unwrap()).await;
    assert_eq!(turn.shown(), "334 UGFzc3dvcmQ6");
    let turn = say(&mut d, Command::line(Stage::Auth, "cGFzc3dvcnQ=").unwrap()).await;
    assert!(turn.shown().starts_with("235 "), "{}", turn.shown());
    d.finish().await;

    // By the engine.
    let mut d = submission(site).await;
    assert_logged_in(&mut d, "LOGIN").await;
    d.finish().await;
}

async fn step_8_auth_plain(site: &Site) {
    let mut d = submission(site).await;
    let typed = "auth plain YmVudXR6ZXJuYW1lAGJlbnV0emVybmFtZQBwYXNzd29ydA==";
    let turn = say(&mut d, Command::line(Stage::Auth, typed).unwrap()).await;
    assert!(turn.shown().starts_with("235 "), "{}", turn.shown());
    d.finish().await;
    let mut d = submission(site).await;
    assert_logged_in(&mut d, "PLAIN").await;
    d.finish().await;
}

async fn step_9_a_mail(site: &Site) {
    let mut d = ready(site, Scheme::Smtp).await;
    say(&mut d, smtp::ehlo_command("test").unwrap()).await;
    let domain = site.domain;
    for (command, code) in [
        (smtp::mail_from("sender@example.org", &[]).unwrap(), "250 "),
        (smtp::rcpt_to(&format!("benutzername@{domain}"), &[]).unwrap(), "250 "),
        (smtp::rcpt_to(&format!("alice@{domain}"), &[]).unwrap(), "250 "),
        (smtp::simple("DATA").unwrap(), "354 "),
        (
            smtp::data_end(
                b"From: <other@example.org>\r\nTo: <benutzername>\r\nSubject: how-to\r\n\r\n.\r\nHallo\r\n",
            ),
            "250 ",
        ),
    ] {
        let turn = say(&mut d, command).await;
        assert!(turn.shown().starts_with(code), "{code}: {}", turn.shown());
    }
    d.finish().await;
}

async fn step_10_apop_is_announced(site: &Site) {
    let mut d = site.dial(Scheme::Pop3).await;
    let turn = d.greeting().await.unwrap();
    let Some(Reply::Pop3(response)) = turn.last() else { panic!("{turn:?}") };
    assert!(pop3::apop_stamp(&response.text).is_some(), "{}", turn.shown());
    d.finish().await;
}

async fn step_11_capa(site: &Site) {
    let mut d = ready(site, Scheme::Pop3).await;
    let turn = say(&mut d, pop3::command("CAPA").unwrap()).await;
    let Some(Reply::Pop3(response)) = turn.last() else { panic!("{turn:?}") };
    let names: Vec<String> = pop3::capa(response).value.into_iter().map(|c| c.name).collect();
    for name in ["TOP", "UIDL", "STLS", "SASL"] {
        assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
    }
    assert!(!names.iter().any(|n| n == "USER"), "before TLS: {names:?}");
    d.finish().await;
}

async fn step_13_user_and_pass(site: &Site) {
    let mut d = ready(site, Scheme::Pop3).await;
    let turn = say(&mut d, pop3::command("USER benutzername").unwrap()).await;
    assert_eq!(turn.answered(), Answered::Refused, "in the clear: {}", turn.shown());
    d.finish().await;
    let mut d = ready(site, Scheme::Pop3).await;
    secure(&mut d).await;
    for command in ["USER benutzername", "PASS passwort"] {
        let turn = say(&mut d, pop3::command(command).unwrap()).await;
        assert_eq!(turn.answered(), Answered::Accepted, "{}", turn.shown());
    }
    d.finish().await;
}

async fn step_16_reading_mail(site: &Site) {
    // Whoever delivers may take a moment: the mail of step 9 is waited for.
    let mut d = maildrop(site).await;
    let turn = say(&mut d, pop3::command("STAT").unwrap()).await;
    let numbers = text(&turn);
    let mut numbers = numbers.split(' ').map(|n| n.parse::<u64>().unwrap());
    let (count, octets) = (numbers.next().unwrap(), numbers.next().unwrap());
    assert!(count >= 1 && octets > 0);
    let list = data(&say(&mut d, pop3::command("LIST").unwrap()).await);
    assert_eq!(list.len() as u64, count);
    let sum: u64 = list.iter().map(|l| l.split(' ').nth(1).unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(sum, octets);
    let top = data(&say(&mut d, pop3::command("TOP 1 0").unwrap()).await);
    let whole = data(&say(&mut d, pop3::command("RETR 1").unwrap()).await);
    let header = whole.iter().position(String::is_empty).unwrap();
    assert_eq!(top[..header], whole[..header]);
    let turn = say(&mut d, pop3::command("DELE 1").unwrap()).await;
    assert_eq!(turn.answered(), Answered::Accepted);
    let turn = say(&mut d, pop3::command("RETR 1").unwrap()).await;
    assert_eq!(turn.answered(), Answered::Refused);
    // Taken back, so that nothing is lost.
    say(&mut d, pop3::command("RSET").unwrap()).await;
    let turn = say(&mut d, pop3::command("STAT").unwrap()).await;
    assert_eq!(text(&turn), format!("{count} {octets}"));
    d.finish().await;
}

async fn step_17_without_a_tag(site: &Site) {
    let mut d = ready(site, Scheme::Imap).await;
    let turn = say(&mut d, Command::line(Stage::Command, "CAPABILITY").unwrap()).await;
    assert!(turn.shown().contains("BAD"), "{}", turn.shown());
    d.finish().await;
}

async fn step_18_logout(site: &Site) {
    let mut d = ready(site, Scheme::Imap).await;
    let turn = say(&mut d, imap::command("02", "logout").unwrap()).await;
    assert!(turn.replies[0].shown().starts_with("* BYE"), "{:?}", turn.replies);
    assert!(turn.shown().starts_with("02 OK"), "{}", turn.shown());
}

async fn step_19_capability(site: &Site) {
    let mut d = ready(site, Scheme::Imap).await;
    let turn = say(&mut d, imap::command("aa", "capability").unwrap()).await;
    let Some(Reply::Imap(first)) = turn.replies.first() else { panic!("{turn:?}") };
    let words = imap::capabilities(first).unwrap();
    assert!(words.iter().any(|(w, _)| w.eq_ignore_ascii_case(b"IMAP4rev1")));
    assert!(words.iter().any(|(w, _)| w.eq_ignore_ascii_case(b"LOGINDISABLED")));
    // The status comes last.
    assert!(turn.shown().starts_with("aa OK"), "{}", turn.shown());
    d.finish().await;
}

async fn step_21_login(site: &Site) {
    let mut d = ready(site, Scheme::Imap).await;
    secure(&mut d).await;
    let turn = say(&mut d, imap::command("cc", "login name gEhEiM!").unwrap()).await;
    assert!(turn.shown().starts_with("cc OK"), "{}", turn.shown());
    let (transcript, _) = d.finish().await;
    assert!(!serde_json::to_string(&transcript).unwrap().contains("gEhEiM!"));
    // Quoted, so that any password goes through.
    let mut d = ready(site, Scheme::Imap).await;
    secure(&mut d).await;
    let login = imap::CommandBuilder::new("cc", "LOGIN").unwrap().string(b"name").string(b"gEhEiM!").finish();
    assert!(say(&mut d, login).await.shown().starts_with("cc OK"));
    d.finish().await;
}

async fn ready(site: &Site, scheme: Scheme) -> Dialogue {
    let mut d = site.dial(scheme).await;
    d.greeting().await.unwrap();
    d
}

/// STARTTLS and the handshake.
async fn secure(d: &mut Dialogue) {
    let command = match d.protocol() {
        Protocol::Pop3 => pop3::command("STLS"),
        Protocol::Imap => imap::command("st", "STARTTLS"),
        _ => {
            say(d, smtp::ehlo_command("test").unwrap()).await;
            smtp::simple("STARTTLS")
        }
    };
    say(d, command.unwrap()).await;
    d.upgrade().await.unwrap();
}

/// A submission session inside TLS, ready for AUTH.
async fn submission(site: &Site) -> Dialogue {
    let mut d = ready(site, Scheme::Submission).await;
    secure(&mut d).await;
    say(&mut d, smtp::ehlo_command("test").unwrap()).await;
    d
}

async fn maildrop(site: &Site) -> Dialogue {
    loop {
        let mut d = site.dial(Scheme::Pop3s).await;
        d.upgrade().await.unwrap();
        d.greeting().await.unwrap();
        assert_logged_in(&mut d, "USER").await;
        let turn = say(&mut d, pop3::command("STAT").unwrap()).await;
        if !text(&turn).starts_with("0 ") {
            return d;
        }
        d.finish().await;
    }
}

async fn assert_logged_in(d: &mut Dialogue, mechanism: &str) {
    let offered = Offered { mechanisms: vec![mechanism.to_owned()], own_command: true, ..Offered::default() };
    let options = LoginOptions { mechanism: Some(mechanism.to_owned()), ..LoginOptions::default() };
    let login = d.login(&benutzername(), &offered, &options).await;
    assert_eq!(login.result, LoginResult::Accepted, "{login:?}");
}

async fn say(d: &mut Dialogue, command: Command) -> Turn {
    d.say(command).await.unwrap()
}

fn keywords(turn: &Turn) -> Vec<String> {
    let Some(Reply::Smtp(reply)) = turn.last() else { panic!("{turn:?}") };
    smtp::ehlo(reply).value.keywords.into_iter().map(|k| k.name).collect()
}

fn text(turn: &Turn) -> String {
    let Some(Reply::Pop3(response)) = turn.last() else { panic!("{turn:?}") };
    String::from_utf8(response.text.clone()).unwrap()
}

fn data(turn: &Turn) -> Vec<String> {
    let Some(Reply::Pop3(response)) = turn.last() else { panic!("{turn:?}") };
    response.data.iter().map(|l| String::from_utf8_lossy(&l.text).into_owned()).collect()
}
