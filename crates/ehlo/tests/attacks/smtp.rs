//! Attacks on submission.

use super::Action::{Check, Run};
use super::Must::{End, Fail, GoOn, Live};
use super::{Attack, survive, worthless};
use ehlo_core::Scheme;

pub(crate) fn sound(name: &'static str) -> Attack {
    Attack::new(name, Scheme::Submission, "220 mail.example.test ESMTP\r\n")
}

fn greeted(name: &'static str, greeting: &str) -> Attack {
    Attack::new(name, Scheme::Submission, greeting)
}

pub(crate) fn all() -> Vec<Attack> {
    let mut all = negotiation();
    all.extend(buffering());
    all.extend(tampering());
    all.extend(certificates());
    all.extend(sweeps());
    all
}

#[rustfmt::skip]
fn negotiation() -> Vec<Attack> {
    let stripped = "250-mail.example.test\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1000\r\n";
    vec![
        sound("O_1: STARTTLS is not offered, and refused").plain("EHLO", stripped).plain("STARTTLS", "502 5.5.1 what?\r\n").must(End).finds("starttls-offered"),
        sound("O_1: STARTTLS is masked").plain("EHLO", "250-mail.example.test\r\n250-XXXXXXXA\r\n250 AUTH PLAIN\r\n").plain("STARTTLS", "502 5.5.1 what?\r\n").must(End).finds("starttls-offered"),
        sound("O_2: STARTTLS is offered and refused").plain("STARTTLS", "502 5.5.1 no\r\n").plain("AUTH", "334 \r\n").must(End).finds("starttls-works"),
        sound("O_3: STARTTLS is not available now").plain("STARTTLS", "454 4.7.0 not now\r\n").plain("AUTH", "334 \r\n").must(End).finds("starttls-works"),
        sound("O_4: STARTTLS is answered with 354").plain("STARTTLS", "354 go on\r\n").must(End).finds("starttls-works"),
        sound("O_4: STARTTLS is answered with 334").plain("STARTTLS", "334 \r\n").must(End).finds("starttls-works"),
        sound("STARTTLS is answered with silence").plain("STARTTLS", "<silence>").must(End).finds("starttls-works"),
        sound("STARTTLS is answered by closing").plain("STARTTLS", "<close>").must(End),
        sound("STARTTLS is answered with half a line").plain("STARTTLS", "220 beg<silence>").must(End).finds("starttls-works"),
        sound("STARTTLS is accepted, and words follow in place of the handshake").plain("STARTTLS", "220 begin\r\n<split>220 INJECTED in the clear\r\n<silence>").must(End).finds("starttls-works"),
        sound("D_1: EHLO is refused, HELO is not").plain("EHLO", "502 5.5.1 what?\r\n").must(End),
        sound("D_2: EHLO and HELO are refused").plain("EHLO", "502 5.5.1 what?\r\n").plain("HELO", "502 5.5.1 what?\r\n").must(End).but(&[Check]),
        sound("D_3: EHLO is answered by closing").plain("EHLO", "<close>").must(End),
        sound("a login is offered in the clear and TLS refused").plain("EHLO", "250-mail.example.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n").plain("STARTTLS", "454 4.7.0 not now\r\n").plain("AUTH", "334 \r\n").plain("AUTH …", "235 2.7.0 in\r\n").must(End).finds("plaintext-auth-offered"),
        sound("inside TLS no login is offered").inside("EHLO", "250 mail.example.test\r\n").inside("AUTH", "502 5.5.1 what?\r\n").must(Fail),
        sound("inside TLS everything has gone").inside("EHLO", "<close>").must(End),
        greeted("the greeting is one of another protocol", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] INJECTED\r\n").must(End),
        greeted("the greeting refuses and goes on", "554 5.0.0 INJECTED\r\n").must(End),
        greeted("the greeting sends one elsewhere", "421 4.3.2 INJECTED try 10.9.8.7\r\n<close>").must(End),
        sound("251: a recipient is said to be elsewhere").inside("RCPT", "251 2.1.5 will forward to <alice@10.9.8.7>\r\n").must(GoOn),
        sound("551: a recipient is said to be elsewhere").inside("RCPT", "551 5.7.1 try <alice@10.9.8.7>\r\n").must(Live),
    ]
}

#[rustfmt::skip]
fn buffering() -> Vec<Attack> {
    vec![
        sound("B_1: a list of capabilities behind the answer").plain("STARTTLS", "220 begin\r\n250-INJECTED\r\n250 AUTH INJECTED\r\n<tls>").must(End),
        sound("B_1: an acceptance behind the answer").plain("STARTTLS", "220 begin\r\n235 2.7.0 INJECTED\r\n<tls>").must(End),
        sound("B_1: behind the answer, in a packet of its own").plain("STARTTLS", "220 begin\r\n<split>250 INJECTED\r\n<tls>").must(End),
        sound("B_2: in front of the answer").plain("STARTTLS", "250 INJECTED\r\n220 begin\r\n<tls>").must(End),
        sound("B_2: half a line behind the answer").plain("STARTTLS", "220 begin\r\n250-INJECTED<tls>").must(End),
        sound("B_2: a line feed behind the answer").plain("STARTTLS", "220 begin\r\n\n<tls>").must(End),
        sound("B_2: said inside TLS before anything was asked").plain("STARTTLS", "220 begin\r\n<tls>250-stray\r\n250 AUTH PLAIN\r\n").must(End).but(&[Run]),
        sound("B_3: a farewell behind the answer").plain("STARTTLS", "220 begin\r\n421 4.3.2 INJECTED\r\n<tls>").must(End),
        sound("the answer to STARTTLS stands behind the one to EHLO").plain("EHLO", "250-mail.example.test\r\n250 STARTTLS\r\n220 INJECTED\r\n").must(Live),
        sound("all answers stand in the greeting already").plain("", "").must(Live),
        greeted("two answers more stand in the greeting", "220 mail.example.test\r\n250 INJECTED\r\n235 2.7.0 INJECTED\r\n").must(Live),
    ]
}

#[rustfmt::skip]
fn tampering() -> Vec<Attack> {
    vec![
        sound("what is offered before TLS is not what is offered inside").plain("EHLO", "250-mail.example.test\r\n250-STARTTLS\r\n250-SIZE 1\r\n250 AUTH INJECTED\r\n").must(GoOn),
        sound("a size that nothing fits is offered before TLS").plain("EHLO", "250-mail.example.test\r\n250-STARTTLS\r\n250 SIZE 1\r\n").must(GoOn),
        sound("CHUNKING and SMTPUTF8 are offered before TLS only").plain("EHLO", "250-mail.example.test\r\n250-STARTTLS\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n").must(GoOn),
        sound("another name before TLS").plain("EHLO", "250-INJECTED.example\r\n250 STARTTLS\r\n").must(GoOn),
        sound("UI: escape codes in the list").plain("EHLO", "250-\u{1b}[2J\u{1b}]0;INJECTED\u{7}\r\n250 STARTTLS\r\n").must(GoOn),
        greeted("UI: a greeting that speaks in our name", "220 mail.example.test\u{1b}[1A\u{1b}[2K INJECTED: log in at http://10.9.8.7\r\n").must(GoOn),
        sound("UI: an answer to STARTTLS that speaks in our name").plain("STARTTLS", "220 \u{202e}INJECTED: the certificate is trusted\r\n<tls>").must(GoOn),
        sound("UI: a refusal that speaks in our name").plain("STARTTLS", "454 4.7.0 INJECTED: repeat with --insecure-auth\r\n").must(End),
    ]
}

fn certificates() -> Vec<Attack> {
    worthless().into_iter().map(|(name, kind)| sound(name).certificate(kind).must(End)).collect()
}

/// Codes of all kinds, sensible or not.
const CODES: [&str; 20] = [
    "000", "100", "199", "211", "214", "220", "235", "250", "251", "299", "300", "334", "354", "421", "454",
    "500", "535", "554", "600", "999",
];

/// For each moment one attack for each code: `greeting`, EHLO, STARTTLS, QUIT, RSET, AUTH.
fn sweeps() -> Vec<Attack> {
    let mut all = Vec::new();
    for (code, names) in CODES.iter().zip(SWEPT) {
        let line = format!("{code} INJECTED\r\n");
        let greeting = greeted(names[0], &line).must(if code.starts_with('2') { Live } else { End });
        all.push(greeting.but(&[Check]));
        // A good code alone offers nothing, so that nothing protects the password.
        all.push(sound(names[1]).plain("EHLO", &line).must(End).but(&[Check, Run]));
        let accepted = *code == "220";
        let answer = if accepted { format!("{line}<tls>") } else { line.clone() };
        all.push(sound(names[2]).plain("STARTTLS", &answer).must(if accepted { GoOn } else { End }));
        let after = [sound(names[3]).inside("QUIT", &line), sound(names[4]).inside("RSET", &line)];
        all.extend(after.map(|attack| attack.must(GoOn)));
        let line = format!("{code} swept\r\n");
        let login = sound(names[5]).inside("AUTH …", &line).inside("…", &line);
        all.push(login.must(if *code == "235" { Live } else { Fail }));
    }
    all
}

macro_rules! swept {
    ($($code:literal)*) => {
        [$([
            concat!("sweep: greeting ", $code),
            concat!("sweep: EHLO ", $code),
            concat!("sweep: STARTTLS ", $code),
            concat!("sweep: QUIT ", $code),
            concat!("sweep: RSET ", $code),
            concat!("sweep: AUTH ", $code),
        ]),*]
    };
}

/// Their names.
const SWEPT: [[&str; 6]; 20] = swept!(
    "000" "100" "199" "211" "214" "220" "235" "250" "251" "299" "300" "334" "354" "421" "454"
    "500" "535" "554" "600" "999"
);

#[tokio::test(start_paused = true)]
async fn negotiation_by_smtp() {
    survive(negotiation()).await;
}

#[tokio::test(start_paused = true)]
async fn buffering_by_smtp() {
    survive(buffering()).await;
}

#[tokio::test(start_paused = true)]
async fn tampering_by_smtp() {
    survive(tampering()).await;
}

#[tokio::test(start_paused = true)]
async fn certificates_by_smtp() {
    survive(certificates()).await;
}

#[tokio::test(start_paused = true)]
async fn codes_by_smtp() {
    survive(sweeps()).await;
}
