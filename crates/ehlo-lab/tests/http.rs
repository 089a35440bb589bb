//! The lab over HTTP: every document fits the published schema, and nobody gets more than is good.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_lab::TestLab;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

fn lab() -> TestLab {
    TestLab::builder().account("bob:bobs-secret").account("eve:pw").start_blocking().unwrap()
}

/// What came back: status, header, body.
fn exchange(to: SocketAddr, request: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(to).unwrap();
    // The answer may come before all is sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let at = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..at].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, answer[at + 4..].to_vec())
}

fn ask_raw(lab: &TestLab, what: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let head = format!(
        "{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    exchange(lab.http(), &[head.as_bytes(), body].concat())
}

/// Asks, and holds the answer against the schema.
fn ask(lab: &TestLab, what: &str, body: &[u8], form: &str) -> (u16, Value) {
    let (status, head, body) = ask_raw(lab, what, body);
    assert!(head.to_ascii_lowercase().contains("content-type: application/json"), "{head}");
    let document: Value = serde_json::from_slice(&body).unwrap();
    fits(&document, form);
    (status, document)
}

fn get(lab: &TestLab, path: &str, form: &str) -> Value {
    let (status, document) = ask(lab, &format!("GET {path}"), b"", form);
    assert_eq!(status, 200, "{path}: {document}");
    document
}

fn fits(document: &Value, form: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema/lab-v1.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("lab-v1.json", schema).unwrap();
    for at in [format!("lab-v1.json#/$defs/{form}"), "lab-v1.json".to_owned()] {
        let index = compiler.compile(&at, &mut schemas).unwrap();
        if let Err(error) = schemas.validate(document, index) {
            panic!("{form}: {error:#}\n{document:#}");
        }
    }
}

/// Sends a message as a program would.
fn send(lab: &TestLab, from: &str, to: &[&str], message: &str) {
    let mut smtp = BufReader::new(TcpStream::connect(lab.smtp()).unwrap());
    let mut answers = String::new();
    smtp.read_line(&mut answers).unwrap();
    let mut say = |said: &str| {
        smtp.get_mut().write_all(format!("{said}\r\n").as_bytes()).unwrap();
        smtp.read_line(&mut answers).unwrap();
    };
    say("HELO me");
    say(&format!("MAIL FROM:<{from}>"));
    for to in to {
        say(&format!("RCPT TO:<{to}>"));
    }
    say("DATA");
    say(&format!("{message}\r\n."));
    say("QUIT");
    assert_eq!(answers.matches("\r\n").count(), 6 + to.len(), "{answers}");
}

const MESSAGE: &str = "From: A <a@x.test>\r\nTo: all@x.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
    Message-ID: <1@x.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain\r\n\r\nplain \x1b[2J\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n\
    --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=x.pdf\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--";

#[test]
fn messages_are_found_shown_and_taken_away() {
    let lab = lab();
    send(&lab, "news@x.test", &["bob+news@lab.test", "eve@lab.test"], MESSAGE);
    let all = get(&lab, "/v1/messages", "messages");
    assert_eq!(all["total"], 2);
    let bobs = get(&lab, "/v1/messages?to=bob%2Bnews@lab.test&subject=gr%C3%BC", "messages");
    let mail = &bobs["messages"][0];
    assert_eq!(
        (
            &mail["account"],
            &mail["from"],
            &mail["to"],
            &mail["subject"],
            &mail["message_id"],
            &mail["delivered"]
        ),
        (
            &json!("bob"),
            &json!("news@x.test"),
            &json!(["bob+news@lab.test"]),
            &json!("Grüße"),
            &json!("1@x.test"),
            &json!(true)
        )
    );
    for (query, count) in [
        ("to=all@x.test", 0),
        ("from=news@x.test&account=eve", 1),
        ("account=eve&mailbox=Sent", 0),
        ("to=@lab.test&limit=1", 2),
    ] {
        let found = get(&lab, &format!("/v1/messages?{query}"), "messages");
        assert_eq!(found["total"], count, "{query}");
    }
    let id = mail["id"].as_str().unwrap();
    let whole = get(&lab, &format!("/v1/messages/{id}"), "oneMessage");
    let whole = &whole["message"];
    assert_eq!((&whole["text"], &whole["html"]), (&json!("plain \u{1b}[2J"), &json!("<b>html</b>")));
    let pdf = &whole["parts"][3];
    assert_eq!(
        (&pdf["type"], &pdf["filename"], &pdf["base64"], &pdf["size"]),
        (&json!("application/pdf"), &json!("x.pdf"), &json!("AAEC"), &json!(3))
    );
    let (status, head, raw) = ask_raw(&lab, &format!("GET /v1/messages/{id}/raw"), b"");
    assert!(status == 200 && head.contains("message/rfc822"), "{head}");
    assert!(raw.starts_with(b"Return-Path: <news@x.test>\r\n") && raw.ends_with(b"--b--\r\n"));
    let (_, _, shown) = ask_raw(&lab, &format!("GET /v1/messages/{id}"), b"");
    assert!(!shown.contains(&0x1b), "nothing that moves a cursor");

    assert_eq!(ask(&lab, &format!("DELETE /v1/messages/{id}"), b"", "deleted").1["deleted"], 1);
    assert_eq!(ask(&lab, &format!("DELETE /v1/messages/{id}"), b"", "error").0, 404);
    assert_eq!(ask(&lab, "DELETE /v1/messages?account=eve", b"", "deleted").1["deleted"], 1);
    assert_eq!(get(&lab, "/v1/messages", "messages")["total"], 0);
}

#[test]
fn messages_are_put_into_mailboxes() {
    let lab = lab();
    let text = b"To: bob@lab.test\nSubject: put\n\nhi\n";
    let (status, added) =
        ask(&lab, "POST /v1/messages?account=bob&mailbox=Work&flags=%5CSeen+$Junk", text, "added");
    assert_eq!((status, &added["message"]["delivered"]), (201, &json!(false)));
    assert_eq!(added["message"]["flags"], json!(["\\Seen", "$Junk"]));
    let raw = lab.find(&ehlo_lab::Wanted { mailbox: Some("Work".into()), ..Default::default() })[0].text();
    assert_eq!(raw, "To: bob@lab.test\r\nSubject: put\r\n\r\nhi\r\n");
    let accounts = get(&lab, "/v1/accounts", "accounts");
    let bob = &accounts["accounts"][0];
    assert_eq!((&bob["name"], &bob["address"]), (&json!("bob"), &json!("bob@lab.test")));
    assert!(bob["mailboxes"].as_array().unwrap().contains(&json!({ "name": "Work", "messages": 1 })));
    assert_eq!(ask(&lab, "POST /v1/messages?account=nobody", text, "error").0, 404);
    assert_eq!(ask(&lab, "POST /v1/messages", text, "error").0, 400);
    assert_eq!(ask(&lab, "POST /v1/messages?account=bob&flags=a%0Db", text, "error").0, 400);
    assert_eq!(ask(&lab, "POST /v1/messages?account=bob&mailbox=a%00b", text, "error").0, 400);
}

#[test]
fn waiting_ends_when_the_message_comes_or_the_time_is_over() {
    let lab = lab();
    let begun = Instant::now();
    let (status, error) = ask(&lab, "GET /v1/wait?to=bob@lab.test&timeout=0.2", b"", "error");
    assert_eq!((status, &error["error"]["reason"]), (408, &json!("timeout")));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| get(&lab, "/v1/wait?to=bob@lab.test&timeout=60", "messages"));
        // Whether it waits already or finds the message there: the answer is the same.
        send(&lab, "a@x.test", &["eve@lab.test"], "Subject: other\r\n\r\nx");
        send(&lab, "a@x.test", &["bob@lab.test"], "Subject: first\r\n\r\nx");
        let came = waiting.join().unwrap();
        assert_eq!(came["messages"][0]["subject"], "first");
        // What is known is not waited for again, even when it is gone.
        let id = came["messages"][0]["id"].as_str().unwrap().to_owned();
        ask(&lab, "DELETE /v1/messages", b"", "deleted");
        let path = format!("/v1/wait?to=bob@lab.test&after={id}&count=2&timeout=60");
        let waiting = scope.spawn(move || path);
        let path = waiting.join().unwrap();
        let (lab, waited) = (&lab, Instant::now());
        let waiting = scope.spawn(move || get(lab, &path, "messages"));
        for subject in ["second", "third"] {
            send(lab, "a@x.test", &["bob@lab.test"], &format!("Subject: {subject}\r\n\r\nx"));
        }
        assert_eq!(waiting.join().unwrap()["total"], 2);
        assert!(waited.elapsed() < Duration::from_secs(30));
    });
    for bad in ["timeout=301", "timeout=x", "count=-1", "after=x", "too=bob@lab.test"] {
        assert_eq!(ask(&lab, &format!("GET /v1/wait?{bad}"), b"", "error").0, 400, "{bad}");
    }
}

#[test]
fn sessions_are_told_without_secrets() {
    let lab = lab();
    let mut pop3 = BufReader::new(TcpStream::connect(lab.pop3()).unwrap());
    for line in ["USER bob", "PASS bobs-secret", "QUIT"] {
        pop3.read_line(&mut String::new()).unwrap();
        pop3.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }
    pop3.read_to_string(&mut String::new()).unwrap();
    drop(pop3);
    let deadline = Instant::now() + Duration::from_secs(10);
    let sessions = loop {
        let sessions = get(&lab, "/v1/sessions", "sessions");
        if !sessions["sessions"][0]["ended"].is_null() || Instant::now() > deadline {
            break sessions;
        }
    };
    let session = &sessions["sessions"][0];
    assert_eq!((&session["service"], &session["tls"]), (&json!("pop3"), &json!(false)));
    let whole = get(&lab, &format!("/v1/sessions/{}", session["id"]), "oneSession");
    let texts: Vec<&str> = whole["transcript"]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|e| e["text"].as_str())
        .collect();
    assert!(texts.contains(&"PASS ***********"), "{texts:#?}");
    let back: ehlo_core::Transcript = serde_json::from_value(whole["transcript"].clone()).unwrap();
    assert_eq!(back.entries.len(), whole["transcript"]["entries"].as_array().unwrap().len());
    assert_eq!(ask(&lab, "GET /v1/sessions/77", b"", "error").0, 404);
    assert_eq!(ask(&lab, "DELETE /v1/sessions", b"", "sessions").1["sessions"], json!([]));
}

#[test]
fn faults_and_personas_are_switched() {
    let lab = lab();
    let fault = br#"{"fault": "banner-text=broken@smtp"}"#;
    let (status, added) = ask(&lab, "POST /v1/faults", fault, "addedFault");
    assert_eq!((status, &added["fault"]), (201, &json!("banner-text=broken@smtp")));
    let greeting = || {
        let mut greeting = String::new();
        BufReader::new(TcpStream::connect(lab.smtp()).unwrap()).read_line(&mut greeting).unwrap();
        greeting
    };
    assert!(greeting().contains("broken"));
    assert_eq!(get(&lab, "/v1/faults", "faults")["faults"][0]["id"], added["id"]);
    assert_eq!(
        ask(&lab, &format!("DELETE /v1/faults/{}", added["id"]), b"", "faults").1["faults"],
        json!([])
    );
    assert!(!greeting().contains("broken"));
    for bad in [&br#"{"fault": "nonsense"}"#[..], b"{}", b"[", b"\xff", br#"{"fault": 5}"#] {
        assert_eq!(ask(&lab, "POST /v1/faults", bad, "error").0, 400);
    }
    assert_eq!(ask(&lab, "DELETE /v1/faults/99", b"", "error").0, 404);
    let (status, now) = ask(&lab, "PUT /v1/persona", br#"{"persona": "postfix"}"#, "personas");
    assert_eq!((status, &now["personas"]), (200, &json!(["postfix"])));
    assert_eq!(ask(&lab, "PUT /v1/persona", br#"{"persona": "nobody"}"#, "error").0, 400);
    assert_eq!(ask(&lab, "PUT /v1/persona", br#"{"persona": null}"#, "personas").1["personas"], json!([]));

    ask(&lab, "POST /v1/faults", fault, "addedFault");
    send(&lab, "", &["bob@lab.test"], "Subject: x\r\n\r\nx");
    assert_eq!(ask(&lab, "POST /v1/reset", b"", "deleted").1["deleted"], 1);
    assert_eq!(get(&lab, "/v1/faults", "faults")["faults"], json!([]));
    assert_eq!(get(&lab, "/v1/messages", "messages")["total"], 0);
}

#[test]
fn only_this_machine_is_answered_and_no_browser() {
    let lab = lab();
    let root = get(&lab, "/", "root");
    assert!(root["root_pem"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    let port = lab.imaps().port();
    assert!(
        root["services"]
            .as_array()
            .unwrap()
            .contains(&json!({ "service": "imaps", "address": "127.0.0.1", "port": port }))
    );
    let with = |head: &str| exchange(lab.http(), format!("{head}\r\nConnection: close\r\n\r\n").as_bytes());
    assert_eq!(with("GET / HTTP/1.1\r\nHost: evil.example").0, 421);
    assert_eq!(with("POST /v1/reset HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example").0, 403);
    let (status, head, _) = with("OPTIONS /v1/reset HTTP/1.1\r\nHost: localhost");
    assert_eq!(status, 405);
    let head = head.to_ascii_lowercase();
    assert!(head.contains("allow: post") && !head.contains("access-control"), "{head}");
    assert_eq!(ask(&lab, "GET /v2/messages", b"", "error").0, 404);
    assert_eq!(ask(&lab, "GET /v1/messages/..%2F..%2Fetc%2Fpasswd", b"", "error").0, 404);
    assert_eq!(with("HEAD /v1/messages HTTP/1.1\r\nHost: localhost").2, b"");
    assert_eq!(with("HELO me").0, 400);
}

#[test]
fn bodies_and_connections_have_an_end() {
    let lab = lab();
    let huge = b"POST /v1/messages?account=bob HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\n";
    assert_eq!(exchange(lab.http(), huge).0, 413);
    let long = vec![b' '; 65 * 1024];
    assert_eq!(ask(&lab, "POST /v1/faults", &long, "error").0, 413);
    let head = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: {}\r\n\r\n",
        "x".repeat(1_000_000)
    );
    assert_eq!(exchange(lab.http(), head.as_bytes()).0, 431);
    // All places are taken by people who say nothing.
    let silent: Vec<TcpStream> = (0..128).map(|_| TcpStream::connect(lab.http()).unwrap()).collect();
    assert_eq!(ask(&lab, "GET /", b"", "error").0, 503);
    drop(silent);
    let deadline = Instant::now() + Duration::from_secs(10);
    while ask_raw(&lab, "GET /", b"").0 != 200 {
        assert!(Instant::now() < deadline);
    }
}

#[test]
fn a_lab_ends_when_it_is_dropped() {
    let lab = lab();
    let (smtp, http) = (lab.smtp(), lab.http());
    drop(lab);
    assert!(TcpStream::connect(smtp).is_err() && TcpStream::connect(http).is_err());
    assert!(TestLab::builder().fault("nonsense").start_blocking().is_err());
    assert!(TestLab::builder().account("nonsense").start_blocking().is_err());
}

#[tokio::test]
async fn a_lab_starts_inside_a_runtime_too() {
    let lab = ehlo_lab::start().await.unwrap();
    let none = lab.wait_for_message("alice@lab.test", Duration::from_millis(50)).await;
    assert_eq!(none.unwrap_err().to, "alice@lab.test");
    let (waited, ()) = tokio::join!(lab.wait_for_message("alice@lab.test", Duration::from_secs(30)), async {
        send(&lab, "a@x.test", &["alice@lab.test"], "Subject: async\r\n\r\nx");
    });
    assert_eq!(waited.unwrap().header().subject, "async");
    let mut greeting = [0; 4];
    tokio::io::AsyncReadExt::read_exact(
        &mut tokio::net::TcpStream::connect(lab.imap()).await.unwrap(),
        &mut greeting,
    )
    .await
    .unwrap();
    assert_eq!(&greeting, b"* OK");
    assert_eq!(lab.sessions().len(), 2);
    assert!(lab.root_pem().contains("BEGIN CERTIFICATE"));
}
