//! What personas say, as it is seen on the wire.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

mod hand;

use ehlo_core::Scheme;
use ehlo_lab::{Lab, LabConfig};
use hand::{Client, NOW};
use std::sync::Arc;

fn persona(text: &str) -> Arc<Lab> {
    let mut config = LabConfig::new(7, NOW);
    config.personas = ehlo_lab::persona(text).unwrap();
    Lab::new(config).unwrap()
}

#[test]
fn personas_greet_as_they_say() {
    for (id, scheme, starts) in [
        ("postfix", Scheme::Smtp, "220 lab.test ESMTP Postfix (Debian/GNU)\r\n"),
        ("exim", Scheme::Smtp, "220 lab.test ESMTP Exim 4.96 Fri, 15 Jan 2027"),
        ("sendmail", Scheme::Smtp, "220 lab.test ESMTP Sendmail 8.17.1/8.17.1; Fri, 15 Jan 2027"),
        ("qmail", Scheme::Smtp, "220 lab.test ESMTP\r\n"),
        ("qmail", Scheme::Pop3, "+OK <"),
        (
            "dovecot",
            Scheme::Imap,
            "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS LOGINDISABLED AUTH=",
        ),
        ("dovecot", Scheme::Pop3, "+OK Dovecot (Debian) ready. <"),
        ("dovecot", Scheme::Sieve, "\"IMPLEMENTATION\" \"Dovecot (Debian) Pigeonhole\"\r\n\"SIEVE\" "),
        ("cyrus", Scheme::Imap, "* OK [CAPABILITY IMAP4rev1 LITERAL+ ID ENABLE STARTTLS LOGINDISABLED AUTH="),
        ("cyrus", Scheme::Lmtp, "220 lab.test Cyrus LMTP 3.6.1 server ready\r\n"),
        ("courier", Scheme::Imap, "* OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN"),
        ("courier", Scheme::Pop3, "+OK Hello there.\r\n"),
        ("exchange", Scheme::Smtp, "220 lab.test Microsoft ESMTP MAIL Service ready at"),
        ("exchange", Scheme::Imap, "* OK The Microsoft Exchange IMAP4 service is ready.\r\n"),
        ("exchange-2010", Scheme::Smtp, "220 lab.test Microsoft ESMTP MAIL Service ready at"),
        ("microsoft365", Scheme::Pop3, "+OK The Microsoft Exchange POP3 service is ready.\r\n"),
        ("gmail", Scheme::Imap, "* OK Gimap ready for requests from 192.0.2.7\r\n"),
        ("gmail", Scheme::Smtp, "220 lab.test ESMTP - gsmtp\r\n"),
        ("hmailserver", Scheme::Imap, "* OK IMAPrev1\r\n"),
        ("mailhog", Scheme::Smtp, "220 lab.test ESMTP MailHog\r\n"),
        ("greenmail", Scheme::Smtp, "220 lab.test GreenMail SMTP Service"),
        ("cisco-pix", Scheme::Smtp, "220 ****"),
        ("appliance-2005", Scheme::Imap, "* OK Mail Appliance IMAP4 service ready\r\n"),
        ("broken-provider", Scheme::Smtp, "220 lab.test ESMTP ready\r\n"),
        // Set-ups that look like the lab, and act in their own way: see the tests of `ehlo check`.
        ("tarpitting", Scheme::Submission, "220 lab.test ESMTP"),
        ("relaying", Scheme::Smtp, "220 lab.test ESMTP"),
        ("renewed-on-disk", Scheme::Imap, "* OK [CAPABILITY"),
        ("starttls-stripped", Scheme::Smtp, "220 lab.test ESMTP"),
        // A place restricts it.
        ("gmail@imaps", Scheme::Imap, "* OK [CAPABILITY"),
    ] {
        let heard = Client::new(&persona(id), scheme).hear();
        assert!(heard.starts_with(starts), "{id} {scheme}: {heard}");
    }
    let tested = include_str!("personas.rs");
    for id in ehlo_lab::personas() {
        assert!(tested.contains(&format!("(\"{id}\", Scheme::")), "{id}");
    }
}

#[test]
fn personas_in_dialogue() {
    for (id, scheme, said, wanted) in [
        (
            "postfix",
            Scheme::Smtp,
            &["EHLO c"][..],
            "250-lab.test greets c [192.0.2.7]\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n",
        ),
        ("exim", Scheme::Smtp, &["EHLO c"], "250-lab.test Hello c [192.0.2.7]\r\n250-SIZE 52428800\r\n"),
        ("exim", Scheme::Smtp, &["EHLO c", "MAIL FROM:<a@b.test>"], "250 OK\r\n"),
        (
            "sendmail",
            Scheme::Smtp,
            &["EHLO c", "MAIL FROM:<a@b.test>"],
            "250 2.1.0 <a@b.test>... Sender ok\r\n",
        ),
        (
            "sendmail",
            Scheme::Smtp,
            &["EHLO c", "MAIL FROM:<a@b.test>", "RCPT TO:<alice@lab.test>"],
            "250 2.1.5 <alice@lab.test>... Recipient ok\r\n",
        ),
        ("qmail", Scheme::Smtp, &["EHLO c"], "250-lab.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n"),
        ("qmail", Scheme::Pop3, &["CAPA"], "-ERR authorization first\r\n"),
        ("mailhog", Scheme::Smtp, &["EHLO c"], "250-Hello c\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"),
        (
            "mailhog",
            Scheme::Smtp,
            &["EHLO c", "AUTH PLAIN AGFsaWNlAG5vbnNlbnNl"],
            "235 Authentication successful\r\n",
        ),
        ("greenmail", Scheme::Smtp, &["EHLO c"], "250-lab.test\r\n250-AUTH PLAIN LOGIN\r\n250 SMTPUTF8\r\n"),
        ("dovecot", Scheme::Imap, &["a NOOP"], "a OK NOOP completed (0.001 + 0.000 secs).\r\n"),
        (
            "dovecot",
            Scheme::Imap,
            &["a LOGOUT"],
            "* BYE Logging out\r\na OK Logout completed (0.001 + 0.000 secs).\r\n(closed)",
        ),
        (
            "dovecot",
            Scheme::Pop3,
            &["CAPA"],
            "+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nSTLS\r\n",
        ),
        ("hmailserver", Scheme::Imap, &["a LOGIN alice wonderland"], "a OK LOGIN completed\r\n"),
        ("hmailserver", Scheme::Imap, &["a LOGIN alice wrong"], "a NO Invalid user name or password.\r\n"),
        (
            "appliance-2005",
            Scheme::Imap,
            &["a LOGIN alice wonderland", "b CAPABILITY"],
            "* CAPABILITY IMAP4 IMAP4rev1 NAMESPACE\r\nb OK",
        ),
        (
            "appliance-2005",
            Scheme::Submission,
            &["EHLO c"],
            "250-lab.test\r\n250-SIZE 10485760\r\n250-AUTH LOGIN PLAIN\r\n250 AUTH=LOGIN PLAIN\r\n",
        ),
    ] {
        let mut client = Client::new(&persona(id), scheme);
        let mut heard = client.hear();
        for line in said {
            heard = client.say(line);
        }
        assert!(heard.starts_with(wanted), "{id} {said:?}: wanted {wanted:?}, heard {heard:?}");
    }
}
