//! What faults do, as it is seen on the wire: a fault, a dialogue, and what must come.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

mod hand;
#[path = "faults/tls.rs"]
mod tls;

use ehlo_core::{Family, Scheme, Tick};
use ehlo_lab::{ActiveFault, FAULTS, Lab, LabConfig, Message, Service, Step};
use hand::{Client, NOW};
use std::collections::BTreeSet;
use std::sync::Arc;

fn lab(faults: &[&str]) -> Arc<Lab> {
    let mut config = LabConfig::new(7, NOW);
    config.faults = faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
    Lab::new(config).unwrap()
}

/// Its certificates are valid now.
fn lab_of_today(faults: &[&str]) -> Arc<Lab> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut config = LabConfig::new(7, now.as_secs().try_into().unwrap());
    config.faults = faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
    Lab::new(config).unwrap()
}

/// A message in alice's inbox with all that the rows ask about.
fn fill(lab: &Lab) {
    for text in ["Subject: one\r\n\r\n.dot\r\nhello\r\n", "Subject: two\r\n\r\nsecond\r\n"] {
        lab.store().add("alice", "INBOX", Message::new(text.as_bytes().to_vec(), NOW)).unwrap();
    }
}

const CLEAR: &str = "auth-clear-accepted";

/// A fault, the service, what the client says (one packet a line; `\\n` inside a packet), and what must be in the last
/// answer. `!` in front: must not be there.
type Row = (&'static str, Scheme, &'static [&'static str], &'static [&'static str]);

const LOGIN: &str = "a LOGIN alice wonderland";
const SELECT: &str = "b SELECT INBOX";
const POP_LOGIN: &str = "USER alice\\nPASS wonderland";
const SIEVE_LOGIN: &str = "AUTHENTICATE \"PLAIN\" \"AGFsaWNlAHdvbmRlcmxhbmQ=\"";
const TRANSACTION: &str = "EHLO c\\nMAIL FROM:<a@b.test>\\nRCPT TO:<alice@lab.test>";

const ROWS: &[Row] = &[
    // What must wait for an answer.
    ("pipelining-lax", Scheme::Smtp, &["NOOP\\nEHLO c\\nNOOP"], &["250 2.0.0 OK\r\n250-", "!554"]),
    ("pipelining-lax", Scheme::Smtp, &["EHLO c", "DATA\\nNOOP"], &["503 5.5.1", "250 2.0.0 OK"]),
    ("pipelining-lax@sieve", Scheme::Smtp, &["NOOP\\nEHLO c\\nNOOP"], &["554 5.5.0", "!250-"]),
    ("pipelining-lax@sieve", Scheme::Smtp, &["EHLO c", "DATA\\nNOOP"], &["554 5.5.0", "!503"]),
    ("pipelining-lax@sieve", Scheme::Submission, &["NOOP\\nEHLO c\\nNOOP"], &["250-", "!554"]),
    // shape
    ("reject=MAIL:4", Scheme::Smtp, &["EHLO c", "MAIL FROM:<a@b.test>"], &["451 4.3.0"]),
    (
        "reject=MAIL:5",
        Scheme::Smtp,
        &["EHLO c", "MAIL FROM:<a@b.test>\\nRCPT TO:<alice@lab.test>"],
        &["550 5.7.1", "503"],
    ),
    ("reject=.:4", Scheme::Smtp, &[TRANSACTION, "DATA", "Subject: x\\n\\nx\\n."], &["451 4.3.0"]),
    (
        "reject=.:5",
        Scheme::Lmtp,
        &[
            "LHLO c\\nMAIL FROM:<a@b.test>\\nRCPT TO:<alice@lab.test>\\nRCPT TO:<name@lab.test>",
            "DATA",
            "x: y\\n\\nx\\n.",
        ],
        &["554 5.3.0", "\n554 5.3.0"],
    ),
    ("reject=STAT:5", Scheme::Pop3, &[POP_LOGIN, "STAT"], &["-ERR [SYS/PERM]"]),
    ("reject=SELECT:4", Scheme::Imap, &[LOGIN, SELECT], &["b NO [UNAVAILABLE]", "!EXISTS"]),
    ("reject=FETCH:5", Scheme::Imap, &[LOGIN, SELECT, "c UID FETCH 1 FLAGS"], &["c NO [CANNOT]"]),
    ("reject=CAPABILITY:5", Scheme::Sieve, &["CAPABILITY"], &["NO \"", "!SIEVE"]),
    ("delay=EHLO:2", Scheme::Smtp, &["EHLO c"], &["⟨2s⟩250"]),
    ("delay=NOOP:2", Scheme::Imap, &["a NOOP"], &["⟨2s⟩a OK"]),
    ("portions=any:7", Scheme::Imap, &["a NOOP"], &["a OK do|ne\r\n"]),
    ("portions=any:7:0.5", Scheme::Pop3, &["QUIT"], &["+OK bye⟨0.5s⟩\r\n"]),
    ("truncated=NOOP:5", Scheme::Smtp, &["NOOP"], &["250 2(closed)"]),
    ("truncated=FETCH:9", Scheme::Imap, &[LOGIN, SELECT, "c FETCH 1 FLAGS"], &["* 1 FETCH(closed)"]),
    ("last-line-missing=capabilities", Scheme::Imap, &["a CAPABILITY"], &["* CAPABILITY", "!a OK"]),
    ("last-line-missing=EHLO", Scheme::Smtp, &["EHLO c"], &["250-", "!250 "]),
    ("doubled=NOOP", Scheme::Smtp, &["NOOP"], &["250 2.0.0 OK\r\n250 2.0.0 OK\r\n"]),
    ("doubled=NOOP", Scheme::Pop3, &[POP_LOGIN, "NOOP"], &["+OK\r\n+OK\r\n"]),
    ("swapped=NOOP", Scheme::Imap, &["a NOOP\\nb CAPABILITY"], &["b OK", "a OK done\r\n"]),
    ("swapped=MAIL", Scheme::Smtp, &["EHLO c", "MAIL FROM:<>\\nRSET"], &["250 2.0.0 OK\r\n250 2.1.0 OK\r\n"]),
    ("swapped=NOOP", Scheme::Smtp, &["NOOP"], &["250 2.0.0 OK\r\n"]),
    ("close-after=NOOP", Scheme::Smtp, &["NOOP"], &["250 2.0.0 OK\r\n(closed)"]),
    ("farewell=NOOP", Scheme::Smtp, &["NOOP"], &["421 4.3.2 lab.test", "(closed)"]),
    ("farewell=NOOP", Scheme::Imap, &["a NOOP"], &["* BYE", "(closed)"]),
    ("farewell=STAT", Scheme::Pop3, &[POP_LOGIN, "STAT"], &["-ERR [SYS/TEMP]", "(closed)"]),
    ("farewell", Scheme::Sieve, &["CAPABILITY"], &["BYE", "(closed)"]),
    (
        "close-in-input=DATA:5",
        Scheme::Smtp,
        &[TRANSACTION, "DATA", "Subject: x\\n\\nx\\n."],
        &["(closed)", "!250"],
    ),
    ("close-in-input=+:3", Scheme::Imap, &[LOGIN, "b APPEND INBOX {9}", "Subject: "], &["(closed)", "!OK"]),
    ("bare-lf=NOOP", Scheme::Smtp, &["NOOP"], &["250 2.0.0 OK\n", "!\r"]),
    ("bare-lf=CAPABILITY", Scheme::Imap, &["a CAPABILITY"], &["\na OK", "!\r"]),
    ("bare-cr=NOOP", Scheme::Smtp, &["NOOP"], &["250 2.0.0 OK\r", "!\n"]),
    ("nul=NOOP", Scheme::Smtp, &["NOOP"], &["250 2.0.0 OK\0\r\n"]),
    ("nul=CAPA", Scheme::Pop3, &["CAPA"], &["TOP\0\r\n", "\r\n.\r\n"]),
    (
        "overlong=NOOP:60",
        Scheme::Smtp,
        &["NOOP"],
        &["250 2.0.0 OK xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"],
    ),
    ("overlong=CAPA:400", Scheme::Pop3, &["CAPA"], &["x\r\n.\r\n"]),
    ("inject=NOOP:* 5 EXISTS", Scheme::Imap, &["a NOOP"], &["* 5 EXISTS\r\na OK"]),
    ("inject=NOOP:% OK twice", Scheme::Imap, &["a NOOP"], &["a OK twice\r\na OK"]),
    ("inject-after=NOOP:* 5 EXISTS", Scheme::Imap, &["a NOOP"], &["done\r\n* 5 EXISTS\r\n"]),
    ("early-data", Scheme::Imap, &[], &["* OK", "\r\n* 23 EXISTS\r\n"]),
    ("early-data=+OK hm", Scheme::Pop3, &[], &["\r\n+OK hm\r\n"]),
    ("early-data", Scheme::Smtp, &[], &["220", "\r\n250 "]),
    // capabilities
    ("capability-hidden=PIPELINING", Scheme::Smtp, &["EHLO c"], &["250-SIZE", "!PIPELINING"]),
    ("capability-hidden=UIDL", Scheme::Pop3, &["CAPA"], &["TOP", "!UIDL"]),
    ("capability-hidden=ID", Scheme::Imap, &["a CAPABILITY"], &["IMAP4rev1", "! ID "]),
    ("capability-hidden=ID", Scheme::Imap, &[], &["[CAPABILITY IMAP4rev1", "! ID "]),
    ("capability-hidden=SIEVE", Scheme::Sieve, &["CAPABILITY"], &["\"IMPLEMENTATION\"", "!\"SIEVE\"", "OK"]),
    ("capability-invented=XFROB 5", Scheme::Smtp, &["EHLO c"], &["250 XFROB 5"]),
    ("capability-invented=XFROB", Scheme::Pop3, &["CAPA"], &["XFROB\r\n.\r\n"]),
    ("capability-invented=XFROB", Scheme::Imap, &["a CAPABILITY"], &[" XFROB\r\na OK"]),
    ("capability-invented=XFROB 5", Scheme::Sieve, &["CAPABILITY"], &["\"XFROB\" \"5\"\r\n"]),
    ("capability-refused=STARTTLS", Scheme::Smtp, &["EHLO c\\nSTARTTLS"], &["STARTTLS", "502 5.5.1"]),
    ("capability-refused=STLS", Scheme::Pop3, &["STLS"], &["-ERR"]),
    ("capability-refused=IDLE", Scheme::Imap, &[LOGIN, "b IDLE"], &["b BAD"]),
    ("capabilities-empty", Scheme::Smtp, &["EHLO c"], &["250 lab.test", "!250-"]),
    ("capabilities-empty", Scheme::Imap, &["a CAPABILITY"], &["* CAPABILITY IMAP4rev1", "!IDLE", "!AUTH"]),
    ("capabilities-lower-case", Scheme::Smtp, &["EHLO c"], &["250-pipelining", "!PIPELINING"]),
    ("capabilities-lower-case", Scheme::Imap, &["a CAPABILITY"], &["* CAPABILITY imap4rev1"]),
    ("ehlo-refused", Scheme::Smtp, &["EHLO c"], &["502 5.5.1"]),
    ("ehlo-refused", Scheme::Smtp, &["EHLO c", "HELO c"], &["250 lab.test"]),
    // logins
    ("auth-refused", Scheme::Imap, &[LOGIN], &["a NO [AUTHENTICATIONFAILED]"]),
    ("auth-refused@user:bob", Scheme::Imap, &[LOGIN], &["a OK"]),
    ("auth-refused@user:al*", Scheme::Pop3, &[POP_LOGIN], &["-ERR [AUTH]"]),
    ("auth-refused", Scheme::Imap, &["a AUTHENTICATE PLAIN AGFsaWNlAHdvbmRlcmxhbmQ="], &["a NO"]),
    ("auth-any-password", Scheme::Imap, &["a LOGIN alice nonsense"], &["a OK"]),
    ("auth-user-told", Scheme::Pop3, &["USER alice\\nPASS x"], &["-ERR [AUTH] user or password is wrong"]),
    ("auth-user-told", Scheme::Pop3, &["USER nobody\\nPASS x"], &["-ERR [AUTH] there is no such user"]),
    (
        "auth-user-told",
        Scheme::Imap,
        &["a LOGIN nobody x"],
        &["a NO [AUTHENTICATIONFAILED] there is no such"],
    ),
    ("auth-user-delay=2", Scheme::Imap, &["a LOGIN alice x"], &["⟨2s⟩a NO [AUTHENTICATIONFAILED] user or"]),
    (
        "auth-user-delay=2",
        Scheme::Imap,
        &["a LOGIN nobody x"],
        &["a NO [AUTHENTICATIONFAILED] user or", "!⟨2s⟩"],
    ),
    ("auth-any-password", Scheme::Pop3, &["USER alice\\nPASS nonsense"], &["messages"]),
    ("auth-any-password", Scheme::Imap, &["a LOGIN stranger nonsense"], &["a NO"]),
    ("auth-unavailable", Scheme::Imap, &[LOGIN], &["a NO [UNAVAILABLE]"]),
    ("auth-unavailable", Scheme::Pop3, &[POP_LOGIN], &["-ERR [SYS/TEMP]"]),
    ("auth-unavailable", Scheme::Submission, &["EHLO c", "AUTH PLAIN"], &["454 4.7.0"]),
    ("auth-delay=2", Scheme::Imap, &[LOGIN], &["⟨2s⟩a OK"]),
    ("auth-delay=2", Scheme::Submission, &["EHLO c", "AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ="], &["⟨2s⟩235"]),
    ("auth-bad-challenge", Scheme::Submission, &["EHLO c", "AUTH CRAM-MD5"], &["334 !this is no base64!"]),
    ("auth-bad-challenge", Scheme::Imap, &["a AUTHENTICATE CRAM-MD5"], &["+ !this"]),
    ("auth-bad-challenge", Scheme::Pop3, &["AUTH CRAM-MD5"], &["+ !this"]),
    // policy
    ("greylisted", Scheme::Smtp, &[TRANSACTION], &["450 4.7.1"]),
    ("greylisted", Scheme::Smtp, &[TRANSACTION, "RCPT TO:<alice@lab.test>"], &["250 2.1.5"]),
    ("greylisted=60", Scheme::Smtp, &[TRANSACTION, "RCPT TO:<alice@lab.test>"], &["450 4.7.1"]),
    ("rate-limit=MAIL:1", Scheme::Smtp, &[TRANSACTION, "RSET", "MAIL FROM:<a@b.test>"], &["450 4.7.1"]),
    ("rate-limit=NOOP:1", Scheme::Imap, &["a NOOP", "b NOOP"], &["b NO [LIMIT]"]),
    ("rate-limit=STAT:1", Scheme::Pop3, &[POP_LOGIN, "STAT", "STAT"], &["-ERR [SYS/TEMP]"]),
    ("recipient-limit=1", Scheme::Smtp, &[TRANSACTION, "RCPT TO:<name@lab.test>"], &["452 4.5.3"]),
    (
        "recipient-limit=1",
        Scheme::Smtp,
        &[TRANSACTION, "RSET\\nMAIL FROM:<>", "RCPT TO:<name@lab.test>"],
        &["250 2.1.5"],
    ),
    ("tarpit=1", Scheme::Smtp, &["NOOP", "NOOP"], &["⟨2s⟩250"]),
    // sizes
    ("size-wrong", Scheme::Imap, &[LOGIN, SELECT, "c FETCH 1 RFC822.SIZE"], &["RFC822.SIZE 30)"]),
    ("size-wrong", Scheme::Pop3, &[POP_LOGIN, "LIST 1"], &["+OK 1 30\r\n"]),
    ("size-wrong", Scheme::Pop3, &[POP_LOGIN, "STAT"], &["+OK 2 54\r\n"]),
    ("literal-short=2", Scheme::Imap, &[LOGIN, SELECT, "c FETCH 2 BODY.PEEK[TEXT]"], &["{6}\r\nsecond\r\n)"]),
    ("literal-long=2", Scheme::Imap, &[LOGIN, SELECT, "c FETCH 2 BODY.PEEK[TEXT]"], &["{10}\r\nsecond\r\n)"]),
    (
        "close-in-message",
        Scheme::Imap,
        &[LOGIN, SELECT, "c FETCH 2 BODY.PEEK[TEXT]"],
        &["{8}\r\nseco(closed)"],
    ),
    (
        "literal-long=2",
        Scheme::Sieve,
        &[SIEVE_LOGIN, "PUTSCRIPT \"x\" {5+}\\nkeep;", "GETSCRIPT \"x\""],
        &["{7}\r\nkeep;"],
    ),
    (
        "message-endless",
        Scheme::Sieve,
        &[SIEVE_LOGIN, "PUTSCRIPT \"x\" {5+}\\nkeep;", "GETSCRIPT \"x\""],
        &["{5}\r\nke", "!OK", "!closed"],
    ),
    ("reject=NOOP:4@user:alice", Scheme::Sieve, &[SIEVE_LOGIN, "NOOP"], &["NO (TRYLATER)"]),
    ("close-in-message", Scheme::Pop3, &[POP_LOGIN, "RETR 1"], &["+OK", "(closed)", "!.\r\n(closed)"]),
    (
        "message-endless",
        Scheme::Imap,
        &[LOGIN, SELECT, "c FETCH 2 BODY.PEEK[TEXT]"],
        &["{8}\r\nseco", "!c OK", "!closed"],
    ),
    ("message-endless", Scheme::Pop3, &[POP_LOGIN, "RETR 1"], &["+OK", "!\r\n.\r\n", "!closed"]),
    // IMAP
    ("uidvalidity-changing", Scheme::Imap, &[LOGIN, SELECT], &["[UIDVALIDITY 1800000001]"]),
    ("uidvalidity-changing", Scheme::Imap, &[LOGIN, SELECT, SELECT], &["[UIDVALIDITY 1800000002]"]),
    ("uidnext-wrong", Scheme::Imap, &[LOGIN, SELECT], &["[UIDNEXT 2]"]),
    ("uids-falling", Scheme::Imap, &[LOGIN, SELECT, "c FETCH 1:2 UID"], &["UID 999999", "UID 999998"]),
    ("exists-wrong", Scheme::Imap, &[LOGIN, SELECT], &["* 3 EXISTS"]),
    ("expunge-early", Scheme::Imap, &[LOGIN, SELECT, "c FETCH 1 FLAGS"], &["* 1 EXPUNGE\r\nc OK"]),
    ("expunge-early", Scheme::Imap, &[LOGIN, SELECT, "c NOOP"], &["!EXPUNGE"]),
    ("fetch-other", Scheme::Imap, &[LOGIN, SELECT, "c FETCH 1 UID"], &["* 2 FETCH (UID 1)"]),
    ("fetch-empty", Scheme::Imap, &[LOGIN, SELECT, "c FETCH 1 UID"], &["c OK", "!FETCH ("]),
    ("idle-bye=3", Scheme::Imap, &[LOGIN, SELECT, "c IDLE"], &["+ ", "⟨3s⟩* BYE", "(closed)"]),
    ("mutf7-broken", Scheme::Imap, &[LOGIN, "b LIST \"\" *"], &["\"Entw&APw\"\r\nb OK"]),
    (
        "date-broken",
        Scheme::Imap,
        &[LOGIN, SELECT, "c FETCH 1 INTERNALDATE"],
        &["\"32-Foo-2026 25:61:61 +9999\""],
    ),
    (
        "structure-broken",
        Scheme::Imap,
        &[LOGIN, SELECT, "c FETCH 1 (BODYSTRUCTURE ENVELOPE)"],
        &["BODYSTRUCTURE (NIL NIL)", "ENVELOPE (NIL NIL)"],
    ),
    ("tag-wrong", Scheme::Imap, &["a NOOP"], &["aX OK"]),
    ("tag-missing", Scheme::Imap, &["a NOOP"], &["OK done", "!a OK"]),
    ("tagged-missing=CAPABILITY", Scheme::Imap, &["a CAPABILITY"], &["* CAPABILITY", "!a OK"]),
    // POP3
    ("stuffing-missing", Scheme::Pop3, &[POP_LOGIN, "RETR 1"], &["\r\n.dot\r\n", "!..dot"]),
    ("terminator-missing", Scheme::Pop3, &[POP_LOGIN, "RETR 1"], &["hello\r\n", "!\r\n.\r\n"]),
    ("terminator-missing", Scheme::Pop3, &["CAPA"], &["TOP", "!\r\n.\r\n"]),
    ("uidl-changing", Scheme::Pop3, &[POP_LOGIN, "UIDL", "UIDL"], &[".2\r\n"]),
    ("uidl-double", Scheme::Pop3, &[POP_LOGIN, "UIDL"], &["\r\n1 6b49d200.1\r\n2 6b49d200.1\r\n"]),
    ("apop-fixed", Scheme::Pop3, &[], &["<1896.697170952@lab.test>"]),
    ("apop-malformed", Scheme::Pop3, &[], &[" <", "!@", "!>"]),
    ("idle-silent", Scheme::Imap, &[LOGIN, SELECT, "c IDLE", "DONE"], &["c OK"]),
];

#[test]
fn faults_do_what_their_texts_say() {
    let mut wrong = Vec::new();
    for (fault, scheme, said, wanted) in ROWS {
        let lab = lab(&[CLEAR, "starttls-unadvertised@smtp+any-pop3+any-imap+any-sieve", fault]);
        // Only for the rows about STARTTLS would it matter whether it is listed.
        let lab = if fault.contains("STARTTLS") { self::lab(&[CLEAR, fault]) } else { lab };
        fill(&lab);
        let mut client = Client::new(&lab, *scheme);
        let mut heard = client.hear();
        for line in *said {
            heard = client.say(&line.replace("\\n", "\n"));
        }
        for text in *wanted {
            let holds = match text.strip_prefix('!') {
                Some(text) => !heard.contains(text),
                None => heard.contains(text),
            };
            if !holds {
                wrong.push(format!("{fault} {scheme} {said:?}: wanted {text:?}, heard {heard:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Faults whose effect other tests show: here, or where they came into being.
const ELSEWHERE: &[&str] = &[
    "connection-refused",
    "connection-reset",
    "connection-limit",
    "speaks-other",
    "tls-swapped",
    "tls-default-certificate",
    "greeting-delay",
    "greeting-drip",
    "greeting-text",
    "greeting-refused",
    "greeting-twice",
    "greeting-bare-lf",
    "greeting-multi-line",
    "banner-name",
    "banner-text",
    "firewall-masked",
    "echo-address",
    "auth-clear-offered",
    "auth-clear-accepted",
    "auth-missing",
    "auth-on-mx",
    "logindisabled-missing",
    "logindisabled-ignored",
    "preauth",
    "apop-missing",
    "auth-mechanisms",
    "binding-altered",
    "binding-ignored",
    "binding-only",
    "scram-iterations",
    "scram-proof-missing",
    "ntlm-v1",
    "ntlm-host",
    "scram-proof-wrong",
    "submission-open",
    "open-relay",
    "addresses-told",
    "fake-end",
    "capabilities-frozen",
    "silence",
    "close",
    "reset",
    "drip",
    "reply",
];

#[test]
fn every_fault_is_shown_by_a_test() {
    let shown: BTreeSet<&str> =
        ROWS.iter().map(|(fault, ..)| fault.split(['=', '@']).next().unwrap()).collect();
    let text = [include_str!("faults.rs"), include_str!("faults/tls.rs")].concat();
    let mut missing = Vec::new();
    for fault in FAULTS {
        let id = fault.meta().id;
        let family = fault.meta().family;
        // Certificates, STARTTLS and attacks have rows in the tests of `ehlo check`.
        let there = matches!(family, "certificate" | "starttls" | "hostile") || ELSEWHERE.contains(&id);
        let here = text.matches(&format!("\"{id}")).count() > 0;
        if !(shown.contains(id) || there || here) {
            missing.push(id);
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn mail_with_bare_line_ends_and_mail_of_strangers() {
    for (fault, kept) in [
        ("bare-line-ends-taken", Some("one\ntwo\rthree\r\n")),
        ("bare-line-ends-taken=normalised", Some("one\r\ntwo\r\nthree\r\n")),
        ("mail-late=1", None),
    ] {
        let lab = lab(&[fault]);
        let mut client = Client::new(&lab, Scheme::Smtp);
        client.hear();
        client.say(&TRANSACTION.replace("\\n", "\n"));
        client.say("DATA");
        let heard = client.say_bytes(b"Subject: x\r\n\r\none\ntwo\rthree\r\n.\r\n");
        let mail = lab.store().find(&ehlo_lab::Wanted::default());
        match kept {
            Some(kept) => {
                assert!(heard.contains("250 2.0.0"), "{heard}");
                assert!(mail[0].text().ends_with(kept), "{fault}: {:?}", mail[0].text());
            }
            None => assert!(heard.contains("554 5.6.0") && mail.is_empty(), "{heard}"),
        }
    }
    let lab = lab(&["open-relay=arrives"]);
    for to in ["alice@elsewhere.example", "name%elsewhere.example@far.example", "nobody@elsewhere.example"] {
        assert!(send(&lab, to).contains("250 2.0.0"), "{to}");
    }
    let found = lab.store().find(&ehlo_lab::Wanted::default());
    let accounts: Vec<&str> = found.iter().map(|mail| mail.account.as_str()).collect();
    assert_eq!(accounts, ["alice", "name"]);
}

#[test]
fn whoever_is_logged_in_sends_as_himself() {
    let said = "EHLO c\nAUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\nMAIL FROM:<";
    for (fault, address, answer) in [
        ("own-sender-only", "alice@lab.test", "250 2.1.0"),
        ("own-sender-only", "ALICE+x@LAB.test", "250 2.1.0"),
        ("own-sender-only", "", "250 2.1.0"),
        ("own-sender-only", "name@lab.test", "553 5.7.1"),
        ("own-sender-only", "alice@example.com", "553 5.7.1"),
        ("mail-late=1", "alice@example.com", "250 2.1.0"),
    ] {
        let lab = lab(&[CLEAR, fault]);
        let mut client = Client::new(&lab, Scheme::Submission);
        client.hear();
        let heard = client.say(&format!("{said}{address}>"));
        assert!(heard.contains(answer), "{fault} {address}: {heard}");
    }
}

fn send(lab: &Arc<Lab>, to: &str) -> String {
    send_text(lab, to, "Subject: hello\nX-Test: 1\n folded\n\nbody 9\n")
}

fn send_text(lab: &Arc<Lab>, to: &str, text: &str) -> String {
    let mut client = Client::new(lab, Scheme::Smtp);
    client.hear();
    client.say(&format!("EHLO c\nMAIL FROM:<a@b.test>\nRCPT TO:<{to}>"));
    client.say("DATA");
    client.say(&format!("{text}."))
}

/// The mailbox as a client sees it: each message.
fn read(lab: &Arc<Lab>, account: &str, mailbox: &str) -> Vec<String> {
    let password = match account {
        "alice" => "wonderland",
        _ => "gEhEiM!",
    };
    let mut client = Client::new(lab, Scheme::Pop3);
    client.hear();
    if mailbox != "INBOX" {
        let mut client = Client::new(lab, Scheme::Imap);
        client.hear();
        client.say(&format!("a LOGIN {account} {password}"));
        client.say(&format!("b SELECT {mailbox}"));
        let heard = client.say("c FETCH 1:* BODY.PEEK[]");
        return heard.split("* ").skip(1).map(str::to_owned).collect();
    }
    let heard = client.say(&format!("USER {account}\nPASS {password}"));
    let count: usize = heard.split("+OK ").nth(2).unwrap().split(' ').next().unwrap().parse().unwrap();
    (1..=count).map(|n| client.say(&format!("RETR {n}"))).collect()
}

#[test]
fn deliveries() {
    let texts = |faults: &[&str]| {
        let all: Vec<&str> = [CLEAR].iter().chain(faults).copied().collect();
        let lab = lab(&all);
        let answer = send(&lab, "alice@lab.test");
        (lab, answer)
    };
    let (lab, answer) = texts(&["mail-lost"]);
    assert!(answer.starts_with("250") && read(&lab, "alice", "INBOX").is_empty());
    let (lab, _) = texts(&["mail-doubled"]);
    assert_eq!(read(&lab, "alice", "INBOX").len(), 2);
    let (lab, _) = texts(&["mail-altered"]);
    assert!(read(&lab, "alice", "INBOX")[0].contains("cody 9"));
    let (lab, _) = texts(&["mail-field-lost=x-test"]);
    let text = &read(&lab, "alice", "INBOX")[0];
    assert!(text.contains("Subject: hello\r\n\r\nbody") && !text.contains("folded"), "{text}");
    let (lab, _) = texts(&["mail-field-added=X-Spam-Flag: YES"]);
    assert!(read(&lab, "alice", "INBOX")[0].contains("X-Spam-Flag: YES\r\nSubject:"));
    let (lab, _) = texts(&["mail-line-ends"]);
    let imap = read(&lab, "alice", "INBOX");
    assert!(imap[0].contains("hello\nX-Test"), "{imap:?}");
    let eight_bit = "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\nä = b \n";
    let lab = self::lab(&[CLEAR, "mail-recoded"]);
    send_text(&lab, "alice@lab.test", eight_bit);
    let recoded = &read(&lab, "alice", "INBOX")[0];
    assert!(recoded.contains("Encoding: quoted-printable\r\n\r\n=C3=A4 =3D b=20\r\n"), "{recoded}");
    let lab = self::lab(&[CLEAR, "mail-charset=iso-8859-1"]);
    send_text(&lab, "alice@lab.test", eight_bit);
    assert!(read(&lab, "alice", "INBOX")[0].contains("charset=iso-8859-1\r\n"));
    let (lab, _) = texts(&["mail-cut"]);
    assert!(!read(&lab, "alice", "INBOX")[0].contains("body"));
    let (lab, _) = texts(&["mail-misfiled=Junk"]);
    assert!(read(&lab, "alice", "INBOX").is_empty());
    assert!(read(&lab, "alice", "Junk")[0].contains("body 9"));
    let (lab, _) = texts(&["mail-misdelivered=name"]);
    assert!(read(&lab, "alice", "INBOX").is_empty());
    assert_eq!(read(&lab, "name", "INBOX").len(), 1);
    let (lab, answer) = texts(&["mail-misdelivered=nobody"]);
    assert!(answer.starts_with("250") && read(&lab, "alice", "INBOX").is_empty());
    let (lab, answer) = texts(&["mail-store-full"]);
    assert!(answer.starts_with("452 4.3.1") && read(&lab, "alice", "INBOX").is_empty(), "{answer}");
}

#[test]
fn mail_comes_late_and_whole() {
    let lab = lab(&[CLEAR, "mail-late=5"]);
    assert!(send(&lab, "alice@lab.test").starts_with("250"));
    assert!(read(&lab, "alice", "INBOX").is_empty());
    assert_eq!(lab.deliver_due(Tick(4_999_999)), Some(Tick(5_000_000)));
    assert!(read(&lab, "alice", "INBOX").is_empty());
    assert_eq!(lab.deliver_due(Tick(5_000_000)), None);
    assert!(read(&lab, "alice", "INBOX")[0].contains("body 9"));
}

#[test]
fn deliveries_for_whom_and_how_often() {
    let lab = lab(&[CLEAR, "mail-lost@to:name@*+first:1", "mail-doubled@to:alice@*"]);
    for to in ["alice@lab.test", "name@lab.test", "name@lab.test"] {
        send(&lab, to);
    }
    assert_eq!((read(&lab, "alice", "INBOX").len(), read(&lab, "name", "INBOX").len()), (2, 1));
    let struck: Vec<_> = lab.faults().iter().map(|(id, _)| lab.fault_strikes(*id).unwrap()).collect();
    assert_eq!(&struck[1..], [1, 1]);
}

#[test]
fn how_often_in_a_dialogue() {
    for (places, expected) in [
        ("once", "1000000000"),
        ("first:3", "1110000000"),
        ("after:8", "0000000011"),
        ("every:4", "0001000100"),
        ("cmd:NOOP+first:2", "1100000000"),
        ("cmd:RSET", "0000000000"),
        ("conn:2", "0000000000"),
        ("tls", "0000000000"),
        ("clear+any-imap", "0000000000"),
        ("v6", "0000000000"),
        ("clear+any-smtp", "1111111111"),
    ] {
        let lab = lab(&[&format!("reply=NOOP:250 changed@{places}")]);
        let mut client = Client::new(&lab, Scheme::Smtp);
        client.hear();
        let seen: String =
            (0..10).map(|_| if client.say("NOOP") == "250 changed\r\n" { '1' } else { '0' }).collect();
        assert_eq!(seen, expected, "{places}");
    }
    let chance = || {
        let lab = lab(&["reply=NOOP:250 changed@p:0.3"]);
        let mut client = Client::new(&lab, Scheme::Smtp);
        client.hear();
        (0..200).filter(|_| client.say("NOOP") == "250 changed\r\n").collect::<Vec<i32>>()
    };
    let struck = chance();
    assert!((40..80).contains(&struck.len()), "{}", struck.len());
    assert_eq!(struck, chance());
}

#[test]
fn settings_are_decided_for_whole_connections() {
    let lab = lab(&["banner-text=odd@every:2", "banner-name=other.test@conn:3"]);
    let greetings: Vec<String> = (0..4).map(|_| Client::new(&lab, Scheme::Smtp).hear()).collect();
    assert_eq!(
        greetings,
        [
            "220 lab.test ESMTP ehlo lab\r\n",
            "220 lab.test ESMTP odd\r\n",
            "220 other.test ESMTP ehlo lab\r\n",
            "220 lab.test ESMTP odd\r\n",
        ]
    );
}

#[test]
fn several_faults_act_in_the_order_given() {
    let heard = |faults: &[&str]| {
        let mut client = Client::new(&lab(faults), Scheme::Smtp);
        client.hear();
        client.say("NOOP")
    };
    assert_eq!(heard(&["reply=NOOP:250 a", "doubled=NOOP"]), "250 a\r\n250 a\r\n");
    assert_eq!(heard(&["doubled=NOOP", "reply=NOOP:250 a"]), "250 a\r\n");
    assert_eq!(heard(&["delay=NOOP:1", "delay=NOOP:2", "bare-lf=NOOP"]), "⟨1s⟩⟨2s⟩250 2.0.0 OK\n");
}

#[test]
fn a_reply_is_not_cut_without_end() {
    let lab = lab(&["overlong=NOOP:200000", "portions=NOOP:1"]);
    let mut client = Client::new(&lab, Scheme::Smtp);
    client.hear();
    client.connection.handle(b"NOOP\r\n", client.now);
    let (mut packets, mut bytes) = (0, 0);
    while let Step::Transmit(packet) = client.connection.poll(client.now) {
        packets += 1;
        bytes += packet.len();
    }
    assert_eq!((packets, bytes), (65_537, 200_002));
}

#[test]
fn faults_change_while_a_connection_is_open() {
    let lab = lab(&[]);
    let mut client = Client::new(&lab, Scheme::Smtp);
    client.hear();
    assert_eq!(client.say("NOOP"), "250 2.0.0 OK\r\n");
    let id = lab.add_fault(ActiveFault::parse("reply=NOOP:250 changed").unwrap()).unwrap();
    assert_eq!(client.say("NOOP"), "250 changed\r\n");
    let other = lab.add_fault(ActiveFault::parse("banner-name=other.test").unwrap()).unwrap();
    assert!(id != other && lab.faults().len() == 2);
    assert!(client.say("EHLO c").starts_with("250-other.test greets"));
    assert_eq!(lab.settings(Service { scheme: Scheme::Smtp, family: Family::V4 }).host_name, "other.test");
    assert!(lab.remove_fault(id) && !lab.remove_fault(id));
    assert_eq!(client.say("NOOP"), "250 2.0.0 OK\r\n");
    lab.clear_faults();
    assert!(client.say("EHLO c").starts_with("250-lab.test greets") && lab.faults().is_empty());
    lab.set_persona(Some("postfix@smtp")).unwrap();
    assert_eq!(lab.personas(), ["postfix@smtp"]);
    assert_eq!(client.say("QUIT"), "221 2.0.0 Bye\r\n(closed)");
    assert!(lab.set_persona(Some("nobody")).is_err() && lab.personas() == ["postfix@smtp"]);
    lab.set_persona(None).unwrap();
    assert!(Client::new(&lab, Scheme::Smtp).hear().starts_with("220 lab.test ESMTP ehlo lab"));
}

#[test]
fn idle_can_be_silent() {
    for (fault, hears) in [("idle-silent", false), ("tag-wrong", true)] {
        let lab = lab(&[CLEAR, fault]);
        let mut client = Client::new(&lab, Scheme::Imap);
        client.hear();
        for line in [LOGIN, SELECT, "c IDLE"] {
            client.say(line);
        }
        fill(&lab);
        client.connection.wake(client.now);
        assert_eq!(client.hear().contains("EXISTS"), hears, "{fault}");
    }
}

#[test]
fn handshakes() {
    for (fault, expected) in [("handshake-closed", "(closed)"), ("handshake-stalled", "")] {
        let mut client = Client::new(&lab(&[fault]), Scheme::Imaps);
        assert_eq!(client.hear(), "");
        assert_eq!(client.say("\u{16}\u{3}\u{1}"), expected, "{fault}");
        let mut client = Client::new(&lab(&[fault]), Scheme::Imap);
        client.hear();
        assert!(client.say("a STARTTLS").starts_with("a OK"));
        assert_eq!(client.say("\u{16}\u{3}\u{1}"), expected, "{fault}");
    }
}

#[test]
fn the_examples_of_the_documentation_are_read() {
    let text = include_str!("../../../docs/lab-faults.md");
    let quoted = |lead: &str| -> Vec<&str> {
        text.split(lead).skip(1).filter_map(|rest| rest.split('\'').next()).collect()
    };
    let examples = quoted("--fault '");
    assert!(examples.len() > 20, "{}", examples.len());
    for example in examples {
        assert!(ActiveFault::parse(example).is_ok(), "{example}");
    }
    for (place, _) in ehlo_lab::PLACES.iter().map(|(_, example)| (example.split(':').next().unwrap(), ())) {
        assert!(text.contains(place), "{place}");
    }
}

/// Speaks TLS to the lab, and yields whether its end was said.
fn end_is_said(lab: &Arc<Lab>) -> bool {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(lab.authority().root_der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tls = rustls::ClientConnection::new(Arc::new(config), "lab.test".try_into().unwrap()).unwrap();
    let mut client = Client::new(lab, Scheme::Pop3s);
    let mut said_end = false;
    let mut quit = false;
    for _ in 0..20 {
        let mut out = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut out).unwrap();
        }
        if !out.is_empty() {
            client.connection.handle(&out, client.now);
        }
        loop {
            match client.connection.poll(client.now) {
                Step::Transmit(bytes) => {
                    let mut rest = &bytes[..];
                    while !rest.is_empty() {
                        tls.read_tls(&mut rest).unwrap();
                        said_end |= tls.process_new_packets().unwrap().peer_has_closed();
                    }
                }
                Step::Close => {
                    assert!(quit);
                    return said_end;
                }
                _ => break,
            }
        }
        if !tls.is_handshaking() && !quit {
            quit = true;
            std::io::Write::write_all(&mut tls.writer(), b"QUIT\r\n").unwrap();
        }
    }
    panic!("the lab does not close");
}

#[test]
fn the_end_of_tls() {
    assert!(end_is_said(&lab_of_today(&[])));
    assert!(!end_is_said(&lab_of_today(&["tls-truncated"])));
}

#[test]
fn a_greylisted_client_gets_through_after_a_while() {
    let lab = lab(&["greylisted=60"]);
    let mut client = Client::new(&lab, Scheme::Smtp);
    client.hear();
    assert!(client.say("EHLO c\nMAIL FROM:<a@b.test>\nRCPT TO:<alice@lab.test>").contains("450 4.7.1"));
    client.after(59);
    assert!(client.say("RCPT TO:<alice@lab.test>").starts_with("450"));
    client.after(1);
    assert!(client.say("RCPT TO:<alice@lab.test>").starts_with("250"));
    // Another triple begins anew.
    assert!(client.say("RCPT TO:<name@lab.test>").starts_with("450"));
}

#[test]
fn nothing_is_delivered_that_was_rejected() {
    let lab = lab(&[CLEAR, "reject=.:5"]);
    assert!(send(&lab, "alice@lab.test").starts_with("554"));
    assert!(read(&lab, "alice", "INBOX").is_empty());
}
