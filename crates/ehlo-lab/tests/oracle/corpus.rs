//! Messages of many shapes. Lines end in `\n` here and in CRLF on the wire.

/// Name and text.
pub(crate) const CORPUS: &[(&str, &str)] = &[
    (
        "plain",
        "From: Bob <bob@example.org>\nTo: alice@lab.test\nDate: Mon, 2 Feb 2026 10:00:00 +0100\n\
         Subject: plain\nMessage-ID: <plain@example.org>\n\nA line.\nAnother one.\n",
    ),
    (
        "answer",
        "From: Anna <anna@example.org>\nTo: alice@lab.test\nDate: Tue, 3 Feb 2026 10:00:00 +0100\n\
         Subject: Re: plain\nMessage-ID: <answer@example.org>\nIn-Reply-To: <plain@example.org>\n\
         References: <plain@example.org>\n\nAn answer.\n",
    ),
    (
        "words",
        "From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@example.org>\nTo: =?iso-8859-1?Q?Andr=E9?= <a@lab.test>\n\
         Date: Wed, 4 Feb 2026 10:00:00 +0000\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus?=\n \
         =?utf-8?b?S8O2bG4=?=\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: 8bit\n\nSchöne Grüße – 8 bit.\n",
    ),
    (
        "addresses",
        "From: a@example.org, \"Quoted \\\"Name\\\"\" <b@example.org>\nSender: (a comment) s@example.org\n\
         Reply-To: Listed <list@example.org>\nTo: One <one@lab.test>,\n two@lab.test\n\
         Cc: Friends: c@lab.test, Dora <d@lab.test>;, e@lab.test\nBcc: hidden@lab.test\n\
         Subject: many addresses\nDate: Thu, 5 Feb 2026 10:00:00 +0000\n\nx\n",
    ),
    ("no-recipients", "From: a@example.org\nTo: undisclosed-recipients:;\nSubject: nobody\n\nx\n"),
    ("no-header", "\nOnly a body.\n"),
    ("no-body", "Subject: only a header\nFrom: a@example.org\n\n"),
    (
        "mixed",
        "From: a@example.org\nSubject: with parts\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=\"outer\"\n\nFor old readers.\n\
         --outer\nContent-Type: multipart/alternative; boundary=inner\n\n\
         --inner\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n\
         Gr=C3=BC=C3=9Fe, eine lange Zeile, die weich umge=\nbrochen ist.\n\n\
         --inner\nContent-Type: text/html; charset=utf-8\n\n<p>Gruss</p>\n\
         --inner--\n\
         --outer\nContent-Type: application/pdf; name=\"report.pdf\"\nContent-ID: <part@example.org>\n\
         Content-Description: a report\nContent-Disposition: attachment; filename=\"report.pdf\"\n\
         Content-Transfer-Encoding: base64\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\nContent-Language: de, en\n\
         Content-Location: http://example.org/report.pdf\n\nSGVsbG8gV29ybGQuCg==\n\
         --outer--\nAfter the end.\n",
    ),
    (
        "nested",
        "From: a@example.org\nSubject: Fwd: inner\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSee below.\n--b\nContent-Type: message/rfc822\n\n\
         From: Inner <i@example.org>\nTo: somebody@example.org\nSubject: inner\nMessage-ID: <inner@example.org>\n\
         Date: Sun, 1 Feb 2026 09:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=c\n\n\
         --c\nContent-Type: text/plain\n\nInside.\n--c\nContent-Type: image/gif\nContent-Transfer-Encoding: base64\n\n\
         R0lGODlh\n--c--\n--b--\n",
    ),
    (
        "forwarded",
        "From: a@example.org\nSubject: a message that is a message\nMIME-Version: 1.0\n\
         Content-Type: message/rfc822\n\nFrom: Inner <i@example.org>\nSubject: inner\n\nInside.\n",
    ),
    (
        "digest",
        "From: a@example.org\nSubject: digest\nMIME-Version: 1.0\nContent-Type: multipart/digest; boundary=d\n\n\
         --d\n\nFrom: One <one@example.org>\nSubject: first\n\nOne.\n\
         --d\n\nFrom: Two <two@example.org>\nSubject: second\n\nTwo.\n--d--\n",
    ),
    (
        "bounce",
        "From: MAILER-DAEMON@lab.test\nTo: alice@lab.test\nSubject: Undelivered\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"=_r\"\n\n\
         --=_r\nContent-Type: text/plain; charset=us-ascii\n\nIt could not be delivered.\n\
         --=_r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; lab.test\n\n\
         Final-Recipient: rfc822; nobody@lab.test\nAction: failed\nStatus: 5.1.1\n\
         --=_r\nContent-Type: text/rfc822-headers\n\nSubject: lost\n\n--=_r--\n",
    ),
    (
        "long-name",
        "From: a@example.org\nSubject: RFC 2231\nMIME-Version: 1.0\nContent-Type: application/octet-stream;\n \
         name*0*=utf-8''%C3%9Cber;\n name*1*=sicht;\n name*2=.bin\nContent-Disposition: attachment;\n \
         filename*=utf-8''%C3%9Cbersicht.bin\nContent-Transfer-Encoding: base64\n\nAAECAw==\n",
    ),
    (
        "unclosed",
        "From: a@example.org\nSubject: no closing boundary\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\none\n--x\n\
         Content-Type: text/plain\n\ntwo\n",
    ),
    (
        "folded",
        "From: a@example.org\nSubject: a subject\n that is\n\tfolded twice\nX-Long: one\n two\n\
         Content-Type: TEXT/PLAIN; CHARSET=US-ASCII; FORMAT=Flowed\n\nx\n",
    ),
];
