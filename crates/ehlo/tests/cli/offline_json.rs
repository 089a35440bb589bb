//! What a program reads of `ehlo sasl` and `ehlo explain`: every document fits its published schema.

use crate::common::{ehlo, program, ran};
use crate::shown::ehlo_with_input;
use serde_json::Value;

/// The schemas by name; that of `explain` refers to that of `sasl`.
struct Schemas {
    all: boon::Schemas,
    sasl: boon::SchemaIndex,
    explain: boon::SchemaIndex,
}

impl Schemas {
    fn read() -> Schemas {
        let mut all = boon::Schemas::new();
        let mut compiler = boon::Compiler::new();
        let url = |name: &str| format!("https://ehlo.invalid/schema/{name}.json");
        for name in ["sasl-v1", "explain-v1"] {
            let path = format!("{}/../../schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
            let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            compiler.add_resource(&url(name), schema).unwrap();
        }
        let sasl = compiler.compile(&url("sasl-v1"), &mut all).unwrap();
        let explain = compiler.compile(&url("explain-v1"), &mut all).unwrap();
        Schemas { all, sasl, explain }
    }

    fn fits(&self, index: boon::SchemaIndex, text: &str, what: &str) -> Value {
        let document: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{what}: {e}\n{text}"));
        if let Err(error) = self.all.validate(&document, index) {
            panic!("{what}: {error:#}\n{document:#}");
        }
        document
    }
}

const PASTED: &[&str] = &[
    "550 5.7.1 relaying denied",
    "550-5.7.26 a\n550 5.7.26 b - gsmtp",
    "4.7.0",
    "599 what",
    "5.7.999",
    "334 VXNlcm5hbWU6",
    "334 ",
    "AUTH PLAIN AGJvYgBnZWhlaW0=",
    "AUTH PLAIN\n334 \nAGJvYgBnZWhlaW0K\n535 5.7.8 no",
    "* OK The Microsoft Exchange IMAP4 service is ready. [bQB4AC4AZQB4AGEAbQBwAGwAZQA=]",
    "* CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN X-UNHEARD-OF",
    "* OK [ALERT] x",
    "-ERR [IN-USE] locked",
    "cert-expired",
    "dovecot",
    "starttls",
    "A18",
    "",
    "the moon is full",
    "550 \u{1b}[2J\u{202e}gone",
    "Diagnostic-Code: smtp; 550 no",
    "<bob@example.net>: host mx.example.net[192.0.2.5] said: 550 5.1.1 no",
    "The response was:\n\n550 5.1.1 no",
    "220 x\nEHLO y\n250 x\nFOO\n500 what\nDATA\n",
    "220 x\nEHLO y\n250 x\nQUIT\n221 x\n",
    "C: EHLO x\nS: 250 x\nC: RCPT TO:<a@b>\nT: RENEGOTIATING\nT: DONE\n",
    "* OK x\na1 login bob geheim\na1 NO [AUTHENTICATIONFAILED] no\nselect x\n* BAD no tag\n",
    "tim b913a602c7eda7a495b4e6e7334d3890",
    "n,,n=user,r=abc",
    "eyJhbGciOiJub25lIn0.eyJleHAiOjEwMDB9.c2ln",
    "{\"status\":\"400\"}",
];

#[test]
fn documents_of_explain_fit_their_schema() {
    let schemas = Schemas::read();
    for lang in ["en", "de"] {
        for text in PASTED {
            let ran = ehlo_with_input(&["explain", "-", "--format", "json", "--lang", lang], text);
            assert!(ran.code <= 1 && ran.err.is_empty(), "{text}: {}", ran.err);
            let document = schemas.fits(schemas.explain, &ran.out, text);
            assert_eq!(
                (&document["language"], ran.code),
                (&Value::from(lang), i32::from(document["recognised"] == false)),
                "{text}"
            );
            assert!(
                !["geheim", "Z2VoZWlt", "AGJvYg"].iter().any(|secret| ran.out.contains(secret)),
                "{}",
                ran.out
            );
        }
    }
    // Every fault, persona, failure and check has its document.
    let listed = ehlo(&["lab", "--list-faults"]).out + &ehlo(&["check", "--list-checks"]).out;
    let words = listed.lines().filter_map(|l| l.split([' ', '=', '@']).next()).filter(|w| w.contains('-'));
    let mut count = 0;
    for word in words.filter(|w| !w.is_empty() && !w.starts_with('-')) {
        let ran = ehlo(&["explain", word, "--format", "json"]);
        schemas.fits(schemas.explain, &ran.out, word);
        count += 1;
    }
    assert!(count > 50, "{count}");
}

#[test]
fn documents_of_sasl_fit_their_schema() {
    let schemas = Schemas::read();
    for text in PASTED {
        for more in [&[][..], &["--show-secrets"]] {
            let ran = ehlo_with_input(&[&["sasl", "decode", "-", "--format", "json"], more].concat(), text);
            assert!(ran.code <= 1, "{text}: {}", ran.err);
            schemas.fits(schemas.sasl, &ran.out, text);
        }
    }
    let challenge = "<1896.697170952@postoffice.example>";
    let digest = "realm=\"x.example\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",algorithm=md5-sess,charset=utf-8";
    for arguments in [
        &["encode", "x"][..],
        &["apop", challenge],
        &["plain", "bob"],
        &["login", "bob"],
        &["cram-md5", "bob", "--challenge", challenge],
        &["digest-md5", "bob", "--challenge", digest, "--host", "x.example"],
        &["digest-md5", "bob", "--challenge", "realm=\"x\""],
        &["scram-sha-1", "bob"],
        &["scram-sha-256", "bob", "--random-seed", "1"],
        &["scram-sha-256", "bob", "--random-seed", "1", "--challenge", "r=other,s=QSXCRQ==,i=4096"],
        &["ntlm", "bob"],
        &["xoauth2", "bob@example.org"],
        &["oauthbearer", "bob@example.org", "--host", "imap.example.org"],
        &["external"],
        &["external", "bob"],
        &["anonymous"],
        &["anonymous", "trace"],
    ] {
        let output = program()
            .arg("sasl")
            .args(arguments)
            .args(["--format", "json"])
            .env("EHLO_PASSWORD", "geheim")
            .output()
            .unwrap();
        let ran = ran(output);
        let document = schemas.fits(schemas.sasl, &ran.out, &arguments.join(" "));
        let trouble = !document["built"]["trouble"].is_null();
        assert_eq!((ran.code, ran.err.as_str()), (i32::from(trouble), ""), "{arguments:?}");
        let sends = document["built"]["sends"].as_array().unwrap().len();
        assert_eq!(sends == 0, trouble, "{document:#}");
        // What is sent is the same as without JSON; a nonce differs each time.
        if !trouble
            && !arguments[0].starts_with("scram")
            && arguments[0] != "digest-md5"
            && arguments[0] != "ntlm"
        {
            let output =
                program().arg("sasl").args(arguments).env("EHLO_PASSWORD", "geheim").output().unwrap();
            let lines: Vec<Value> = crate::common::ran(output).out.lines().map(Value::from).collect();
            assert_eq!(document["built"]["sends"], Value::Array(lines), "{arguments:?}");
        }
    }
}

#[test]
fn a_document_of_another_form_does_not_fit() {
    let schemas = Schemas::read();
    let good = ehlo(&["sasl", "decode", "AGJvYgBnZWhlaW0=", "--format", "json"]).out;
    let document = schemas.fits(schemas.sasl, &good, "decode");
    for (pointer, value) in [
        ("/version", Value::from(2)),
        ("/messages/0/fields/0/value", "\u{1b}[2J".into()),
        ("/messages/0/kind", "Not An Id".into()),
        ("/tool/name", "other".into()),
        ("/messages", Value::Null),
    ] {
        let mut other = document.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        assert!(schemas.all.validate(&other, schemas.sasl).is_err(), "{pointer}");
    }
}
