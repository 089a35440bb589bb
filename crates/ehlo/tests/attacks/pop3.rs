//! Attacks on POP3.

use super::Action::{Check, Run};
use super::Must::{End, Fail, GoOn, Live};
use super::{Attack, survive, worthless};
use ehlo_core::Scheme;

pub(crate) fn sound(name: &'static str) -> Attack {
    Attack::new(name, Scheme::Pop3, "+OK ready\r\n")
}

fn greeted(name: &'static str, greeting: &str) -> Attack {
    Attack::new(name, Scheme::Pop3, greeting)
}

pub(crate) fn all() -> Vec<Attack> {
    let mut all = negotiation();
    all.extend(buffering());
    all.extend(tampering());
    all.extend(certificates());
    all
}

#[rustfmt::skip]
fn negotiation() -> Vec<Attack> {
    vec![
        sound("O_1: STLS is not offered, and refused").plain("CAPA", "+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n").plain("STLS", "-ERR what?\r\n").plain("USER", "+OK\r\n").plain("AUTH", "+ \r\n").must(End).finds("starttls-offered"),
        sound("O_2: STLS is offered and refused").plain("STLS", "-ERR no\r\n").plain("USER", "+OK\r\n").must(End).finds("starttls-works"),
        sound("O_3: CAPA is refused, and STLS").plain("CAPA", "-ERR what?\r\n").plain("STLS", "-ERR what?\r\n").plain("USER", "+OK\r\n").must(End),
        sound("O_4: STLS is answered with +").plain("STLS", "+ \r\n").must(End).finds("starttls-works"),
        sound("STLS is answered with nonsense").plain("STLS", "?\r\n").must(End).finds("starttls-works"),
        sound("STLS is answered with silence").plain("STLS", "<silence>").must(End).finds("starttls-works"),
        sound("STLS is answered by closing").plain("STLS", "<close>").must(End),
        sound("D_1: CAPA is answered with silence").plain("CAPA", "<silence>").must(End).but(&[Run]),
        sound("D_2: CAPA is answered by closing").plain("CAPA", "<close>").must(End).but(&[Run]),
        sound("D_3: CAPA has no end").plain("CAPA", "+OK\r\nSTLS\r\nINJECTED\r\n<silence>").must(End).but(&[Run]),
        sound("CAPA is refused, and a login in the clear taken").plain("CAPA", "-ERR what?\r\n").plain("USER", "+OK\r\n").plain("PASS", "+OK in\r\n").must(End).but(&[Check, Run]),
        sound("STLS is accepted, and words follow in place of the handshake").plain("STLS", "+OK begin\r\n<split>+OK INJECTED\r\n<silence>").must(End).finds("starttls-works"),
        greeted("the greeting refuses", "-ERR INJECTED\r\n").must(End),
        greeted("the greeting is one of another protocol", "220 INJECTED ESMTP\r\n").must(End),
        sound("inside TLS no login is offered").inside("CAPA", "+OK\r\nUIDL\r\n.\r\n").inside("USER", "-ERR no\r\n").inside("AUTH", "-ERR no\r\n").must(Fail),
    ]
}

#[rustfmt::skip]
fn buffering() -> Vec<Attack> {
    vec![
        sound("B_1: a list of capabilities behind the answer").plain("STLS", "+OK begin\r\n+OK\r\nSASL INJECTED\r\n.\r\n<tls>").must(End),
        sound("B_1: an acceptance behind the answer").plain("STLS", "+OK begin\r\n+OK INJECTED\r\n<tls>").must(End),
        sound("B_1: behind the answer, in a packet of its own").plain("STLS", "+OK begin\r\n<split>+OK INJECTED\r\n<tls>").must(End),
        sound("B_2: in front of the answer").plain("STLS", "-ERR INJECTED\r\n+OK begin\r\n<tls>").must(End),
        sound("B_2: half a line behind the answer").plain("STLS", "+OK begin\r\n+OK INJECTED<tls>").must(End),
        sound("B_2: said inside TLS before anything was asked").plain("STLS", "+OK begin\r\n<tls>+OK\r\nUSER\r\n.\r\n").must(End).but(&[Run]),
        sound("the answer to STLS stands behind the list").plain("CAPA", "+OK\r\nSTLS\r\n.\r\n+OK INJECTED\r\n").must(Live),
        greeted("two answers more stand in the greeting", "+OK ready\r\n+OK INJECTED\r\n+OK INJECTED\r\n").must(Live),
    ]
}

#[rustfmt::skip]
fn tampering() -> Vec<Attack> {
    vec![
        sound("what is offered before TLS is not what is offered inside").plain("CAPA", "+OK\r\nSTLS\r\nSASL INJECTED\r\nIMPLEMENTATION INJECTED\r\n.\r\n").must(GoOn),
        greeted("a timestamp in the greeting asks for APOP in the clear", "+OK ready <1.2@INJECTED>\r\n").plain("APOP", "+OK in\r\n").must(Live),
        greeted("UI: a greeting that speaks in our name", "+OK \u{1b}[2J INJECTED: log in at http://10.9.8.7\r\n").must(GoOn),
        sound("UI: an answer to STLS that speaks in our name").plain("STLS", "+OK \u{202e}INJECTED: the certificate is trusted\r\n<tls>").must(GoOn),
        sound("UI: a refusal that speaks in our name").plain("STLS", "-ERR INJECTED: repeat with --insecure-auth\r\n").must(End),
    ]
}

fn certificates() -> Vec<Attack> {
    worthless().into_iter().map(|(name, kind)| sound(name).certificate(kind).must(End)).collect()
}

#[tokio::test(start_paused = true)]
async fn negotiation_by_pop3() {
    survive(negotiation()).await;
}

#[tokio::test(start_paused = true)]
async fn buffering_by_pop3() {
    survive(buffering()).await;
}

#[tokio::test(start_paused = true)]
async fn tampering_by_pop3() {
    survive(tampering()).await;
}

#[tokio::test(start_paused = true)]
async fn certificates_by_pop3() {
    survive(certificates()).await;
}
