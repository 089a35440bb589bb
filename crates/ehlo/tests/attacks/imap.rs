//! Attacks on IMAP.

use super::Action::Run;
use super::Must::{End, Fail, GoOn, Live};
use super::{Attack, survive, worthless};
use ehlo_core::Scheme;

const READY: &str = "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n";

pub(crate) fn sound(name: &'static str) -> Attack {
    Attack::new(name, Scheme::Imap, READY)
}

fn greeted(name: &'static str, greeting: &str) -> Attack {
    Attack::new(name, Scheme::Imap, greeting)
}

pub(crate) fn all() -> Vec<Attack> {
    let mut all = negotiation();
    all.extend(referrals());
    all.extend(buffering());
    all.extend(tampering());
    all.extend(spoofing());
    all.extend(certificates());
    all
}

#[rustfmt::skip]
fn negotiation() -> Vec<Attack> {
    let stripped = "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK\r\n";
    vec![
        greeted("O_1: STARTTLS is not offered, and refused", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n").plain("CAPABILITY", stripped).plain("STARTTLS", "{tag} BAD what?\r\n").plain("LOGIN", "{tag} OK in\r\n").must(End).finds("starttls-offered"),
        sound("O_2: STARTTLS is offered and refused with NO").plain("STARTTLS", "{tag} NO no\r\n").plain("LOGIN", "{tag} OK in\r\n").must(End).finds("starttls-works"),
        sound("O_3: STARTTLS is offered and refused with BAD").plain("STARTTLS", "{tag} BAD no\r\n").plain("LOGIN", "{tag} OK in\r\n").must(End).finds("starttls-works"),
        sound("O_4: STARTTLS is answered with +").plain("STARTTLS", "+ go on\r\n").must(End).finds("starttls-works"),
        sound("STARTTLS is answered without a tag").plain("STARTTLS", "* OK begin\r\n<silence>").must(End).finds("starttls-works"),
        sound("STARTTLS is answered with a foreign tag").plain("STARTTLS", "A001 OK begin\r\n<silence>").must(End).finds("starttls-works"),
        sound("STARTTLS is answered with silence").plain("STARTTLS", "<silence>").must(End).finds("starttls-works"),
        sound("STARTTLS is answered by closing").plain("STARTTLS", "<close>").must(End),
        sound("STARTTLS is accepted, and words follow in place of the handshake").plain("STARTTLS", "{tag} OK begin\r\n<split>* OK INJECTED\r\n<silence>").must(End).finds("starttls-works"),
        greeted("D_1: CAPABILITY is refused, and STARTTLS", "* OK ready\r\n").plain("CAPABILITY", "{tag} BAD what?\r\n").plain("STARTTLS", "{tag} BAD what?\r\n").plain("LOGIN", "{tag} OK in\r\n").must(End),
        greeted("D_2: CAPABILITY is answered with silence", "* OK ready\r\n").plain("CAPABILITY", "<silence>").must(End).but(&[Run]),
        greeted("D_3: CAPABILITY is answered by closing", "* OK ready\r\n").plain("CAPABILITY", "<close>").must(End).but(&[Run]),
        greeted("P_1: PREAUTH", "* PREAUTH [CAPABILITY IMAP4rev1] INJECTED\r\n").must(End).finds("imap-preauth-clear"),
        greeted("P_2: PREAUTH, and everything is taken", "* PREAUTH INJECTED\r\n").plain("", "{tag} OK\r\n").plain("CAPABILITY", stripped).must(End).finds("imap-preauth-clear"),
        greeted("P_3: PREAUTH, and STARTTLS is offered", "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] INJECTED\r\n").must(End).finds("imap-preauth-clear"),
        greeted("P_4: PREAUTH, and an OK behind it", "* PREAUTH INJECTED\r\n* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n").must(End).but(&[Run]).finds("imap-preauth-clear"),
        greeted("P_5: PREAUTH with an alert", "* PREAUTH [ALERT] INJECTED\r\n").must(End).finds("imap-preauth-clear"),
        sound("inside TLS no login is offered").inside("CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n{tag} OK\r\n").must(End).but(&[Run]),
        greeted("the greeting is one of another protocol", "220 INJECTED ESMTP\r\n").must(End),
        greeted("the greeting says BYE", "* BYE INJECTED\r\n").must(End),
    ]
}

#[rustfmt::skip]
fn referrals() -> Vec<Attack> {
    vec![
        greeted("M_1: the greeting sends one elsewhere", "* BYE [REFERRAL imap://10.9.8.7/] INJECTED\r\n<close>").must(End),
        greeted("M_1: the greeting is sound but for a referral", "* OK [REFERRAL imap://10.9.8.7/] INJECTED\r\n").must(Live),
        sound("L_1: the login sends one elsewhere").inside("…", "{tag} NO [REFERRAL imap://10.9.8.7/;AUTH=*] gone\r\n").inside("LOGIN", "{tag} NO [REFERRAL imap://10.9.8.7/;AUTH=*] gone\r\n").must(Fail),
        sound("L_1: the login sends one elsewhere, and is accepted").inside("…", "{tag} OK [REFERRAL imap://10.9.8.7/] in\r\n").inside("LOGIN", "{tag} OK [REFERRAL imap://10.9.8.7/] in\r\n").must(GoOn),
        sound("M_2: the folder is elsewhere").inside("EXAMINE", "{tag} NO [REFERRAL imap://10.9.8.7/INBOX] gone\r\n").must(Live),
        sound("a farewell sends one elsewhere, inside TLS").inside("CAPABILITY", "* BYE [REFERRAL imap://10.9.8.7/] gone\r\n<close>").must(End),
        sound("a refused STARTTLS sends one elsewhere").plain("STARTTLS", "{tag} NO [REFERRAL imap://10.9.8.7/] INJECTED\r\n").must(End),
    ]
}

#[rustfmt::skip]
fn buffering() -> Vec<Attack> {
    vec![
        sound("B_1: a list of capabilities behind the answer").plain("STARTTLS", "{tag} OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=INJECTED\r\n<tls>").must(End),
        sound("B_1: a completion behind the answer").plain("STARTTLS", "{tag} OK begin\r\n{tag} OK INJECTED\r\n<tls>").must(End),
        sound("B_1: completions with tags that may come").plain("STARTTLS", "{tag} OK begin\r\n2 OK INJECTED\r\nA2 OK INJECTED\r\na002 OK INJECTED\r\n<tls>").must(End),
        sound("B_1: behind the answer, in a packet of its own").plain("STARTTLS", "{tag} OK begin\r\n<split>* OK INJECTED\r\n<tls>").must(End),
        sound("B_2: a list of capabilities in the answer").plain("STARTTLS", "{tag} OK [CAPABILITY IMAP4rev1 AUTH=INJECTED] begin\r\n<tls>").must(GoOn),
        sound("B_2: a list of capabilities in front of the answer").plain("STARTTLS", "* CAPABILITY IMAP4rev1 AUTH=INJECTED\r\n{tag} OK begin\r\n<tls>").must(GoOn),
        sound("B_2: half a line behind the answer").plain("STARTTLS", "{tag} OK begin\r\n* CAPABILITY INJECTED <tls>").must(End),
        sound("B_2: a literal is announced behind the answer").plain("STARTTLS", "{tag} OK begin\r\n* LIST () \"/\" {20}\r\n<tls>").must(End),
        sound("B_2: a list said inside TLS before anything was asked").plain("STARTTLS", "{tag} OK begin\r\n<tls>* CAPABILITY IMAP4rev1 AUTH=ANONYMOUS\r\n").must(GoOn),
        sound("B_3: a farewell behind the answer").plain("STARTTLS", "{tag} OK begin\r\n* BYE INJECTED\r\n<tls>").must(End),
        sound("a command is completed that nobody has sent").plain("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK\r\ne0002 OK INJECTED\r\n").must(Live),
        sound("a command is completed twice").plain("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK\r\n{tag} OK INJECTED\r\n").must(Live),
    ]
}

/// What a server may say of mailboxes, though nobody is logged in.
const UNTAGGED: [[&str; 3]; 10] = [
    [
        "* 1 FETCH (FLAGS (\\Seen) ENVELOPE (NIL \"INJECTED\" NIL NIL NIL NIL NIL NIL NIL NIL))",
        "FETCH behind the greeting",
        "FETCH in front of the answer to STARTTLS",
    ],
    ["* LIST () \"/\" INJECTED", "LIST behind the greeting", "LIST in front of the answer to STARTTLS"],
    ["* LSUB () \"/\" INJECTED", "LSUB behind the greeting", "LSUB in front of the answer to STARTTLS"],
    [
        "* STATUS INJECTED (MESSAGES 9)",
        "STATUS behind the greeting",
        "STATUS in front of the answer to STARTTLS",
    ],
    ["* SEARCH 7 8 9", "SEARCH behind the greeting", "SEARCH in front of the answer to STARTTLS"],
    ["* FLAGS (INJECTED)", "FLAGS behind the greeting", "FLAGS in front of the answer to STARTTLS"],
    ["* 9 EXISTS", "EXISTS behind the greeting", "EXISTS in front of the answer to STARTTLS"],
    ["* 9 RECENT", "RECENT behind the greeting", "RECENT in front of the answer to STARTTLS"],
    ["* 1 EXPUNGE", "EXPUNGE behind the greeting", "EXPUNGE in front of the answer to STARTTLS"],
    [
        "* CAPABILITY IMAP4rev1 STARTTLS AUTH=INJECTED",
        "CAPABILITY behind the greeting",
        "CAPABILITY in front of the answer to STARTTLS",
    ],
];

fn tampering() -> Vec<Attack> {
    let pair = |[line, behind, before]: [&'static str; 3]| {
        [
            greeted(behind, &format!("{READY}{line}\r\n")).must(GoOn),
            sound(before).plain("STARTTLS", &format!("{line}\r\n{{tag}} OK begin\r\n<tls>")).must(GoOn),
        ]
    };
    UNTAGGED.into_iter().flat_map(pair).collect()
}

#[rustfmt::skip]
fn spoofing() -> Vec<Attack> {
    vec![
        greeted("UI: an alert in the greeting", "* OK [ALERT] INJECTED: log in at http://10.9.8.7\r\n").must(GoOn),
        greeted("UI: PARSE in the greeting", "* OK [PARSE] INJECTED: log in at http://10.9.8.7\r\n").must(GoOn),
        greeted("UI: BADCHARSET in the greeting", "* OK [BADCHARSET (INJECTED)] log in at http://10.9.8.7\r\n").must(GoOn),
        sound("UI: an alert in the answer to STARTTLS").plain("STARTTLS", "{tag} OK [ALERT] INJECTED\r\n<tls>").must(GoOn),
        sound("UI: PARSE in the answer to STARTTLS").plain("STARTTLS", "{tag} OK [PARSE] INJECTED\r\n<tls>").must(GoOn),
        sound("UI: BADCHARSET in the answer to STARTTLS").plain("STARTTLS", "{tag} OK [BADCHARSET (INJECTED)] INJECTED\r\n<tls>").must(GoOn),
        sound("UI: an alert in front of the answer to STARTTLS").plain("STARTTLS", "* OK [ALERT] \u{1b}[2J\u{202e}INJECTED\r\n{tag} OK\r\n<tls>").must(GoOn),
        sound("UI: a refusal that speaks in our name").plain("STARTTLS", "{tag} NO [ALERT] INJECTED: repeat with --insecure-auth\r\n").must(End),
    ]
}

fn certificates() -> Vec<Attack> {
    worthless().into_iter().map(|(name, kind)| sound(name).certificate(kind).must(End)).collect()
}

#[tokio::test(start_paused = true)]
async fn negotiation_by_imap() {
    survive(negotiation()).await;
}

#[tokio::test(start_paused = true)]
async fn referrals_of_imap() {
    survive(referrals()).await;
}

#[tokio::test(start_paused = true)]
async fn buffering_by_imap() {
    survive(buffering()).await;
}

#[tokio::test(start_paused = true)]
async fn tampering_by_imap() {
    survive(tampering()).await;
}

#[tokio::test(start_paused = true)]
async fn spoofing_by_imap() {
    survive(spoofing()).await;
}

#[tokio::test(start_paused = true)]
async fn certificates_by_imap() {
    survive(certificates()).await;
}
