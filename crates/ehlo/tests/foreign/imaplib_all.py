"""imaplib: every command of the module that a server of today knows."""

import imaplib
import ssl
import sys
import time

ca = sys.argv[1]
ports = dict((name, int(port)) for name, port in (word.split("=") for word in sys.argv[2:]))
tls = ssl.create_default_context(cafile=ca)
host = "127.0.0.1"


def ok(answer):
    typ, data = answer
    assert typ == "OK", answer
    return data


def no(answer):
    assert answer[0] == "NO", answer


# Logins: in the clear there are none; each mechanism inside TLS; a wrong password.
m = imaplib.IMAP4(host, ports["imap"], timeout=30)
assert "STARTTLS" in m.capabilities and "LOGINDISABLED" in m.capabilities, m.capabilities
try:
    m.login("alice", "wonderland")
    raise SystemExit("a login in the clear was taken")
except imaplib.IMAP4.error as e:
    assert "PRIVACYREQUIRED" in str(e), e
ok(m.starttls(ssl_context=tls))
assert "STARTTLS" not in m.capabilities and "LOGINDISABLED" not in m.capabilities, m.capabilities
try:
    m.login("alice", "falsch")
    raise SystemExit("a wrong password was taken")
except imaplib.IMAP4.error as e:
    assert "AUTHENTICATIONFAILED" in str(e), e
ok(m.login("alice", "wonderland"))
assert m.state == "AUTH"
m.logout()
with imaplib.IMAP4_SSL(host, ports["imaps"], ssl_context=tls, timeout=30) as m:
    ok(m.login_cram_md5("alice", "wonderland"))
with imaplib.IMAP4_SSL(host, ports["imaps"], ssl_context=tls, timeout=30) as m:
    ok(m.authenticate("PLAIN", lambda _: b"\0alice\0wonderland"))
m = imaplib.IMAP4_SSL(host, ports["imaps"], ssl_context=tls, timeout=30)
answers = iter([b"alice", b"wonderland"])
ok(m.authenticate("LOGIN", lambda _: next(answers)))
listed = set(ok(m.capability())[0].decode().upper().split())
for word in ("ACL", "CONDSTORE", "ENABLE", "ID", "IMAP4REV2", "MOVE", "NAMESPACE", "QUOTA", "SORT", "UIDPLUS", "UNSELECT"):
    assert word in listed, (word, listed)
assert {"THREAD=REFERENCES", "THREAD=ORDEREDSUBJECT", "UTF8=ACCEPT"} <= listed, listed

# Mailboxes.
for name in ("Projects", '"Projects/2026"', '"Mit Leerzeichen"', "&AMQ-rger"):
    ok(m.create(name))
no(m.create("Projects"))
ok(m.rename('"Mit Leerzeichen"', "Umbenannt"))
ok(m.subscribe("Umbenannt"))
assert any(b"Umbenannt" in line for line in ok(m.lsub())), "LSUB"
ok(m.unsubscribe("Umbenannt"))
assert not any(b"Umbenannt" in (line or b"") for line in ok(m.lsub()))
names = b"\n".join(ok(m.list()))
for name in (b"INBOX", b"Projects/2026", b"Umbenannt", b"&AMQ-rger"):
    assert name in names, names
assert len(ok(m.list('""', '"Projects/%"'))) == 1
ok(m.delete("Umbenannt"))
no(m.select("Umbenannt"))
assert b"/" in ok(m.namespace())[0]

# Messages.
one = b"From: Bob <bob@example.org>\r\nTo: alice@lab.test\r\nDate: Mon, 2 Feb 2026 10:00:00 +0100\r\n"
one += b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@example.org>\r\n\r\nDie erste.\r\n"
two = b"From: Anna <anna@example.org>\r\nTo: alice@lab.test\r\nDate: Sun, 1 Feb 2026 10:00:00 +0100\r\n"
two += b"Subject: Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <2@example.org>\r\nIn-Reply-To: <1@example.org>\r\n"
two += b"References: <1@example.org>\r\n\r\nDie zweite, mit Anlage.\r\n" + b"x" * 3000 + b"\r\n"
assert ok(m.select("Projects"))[0] == b"0"
when = imaplib.Time2Internaldate(1_770_000_000)
assert b"APPENDUID" in ok(m.append("Projects", r"(\Flagged)", when, one))[0]
ok(m.append("Projects", None, None, two))
ok(m.append("Projects", r"(\Seen $Forwarded)", None, b"Subject: drei\r\n\r\nx\r\n"))
no(m.append("Nowhere", None, None, one))
assert ok(m.noop()) is not None and ok(m.check()) is not None
status = ok(m.status("Projects", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))[0]
for item in (b"MESSAGES 3", b"UIDNEXT 4", b"UNSEEN 2"):
    assert item in status, status
assert ok(m.select("Projects"))[0] == b"3"
assert m.response("UIDVALIDITY")[1][0].isdigit()
assert m.recent()[0] in ("OK",)
data = ok(m.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])"))
assert data[0][1] == one, data
head = data[0][0] + data[-1]
assert b"RFC822.SIZE %d" % len(one) in head and rb"\Flagged" in head, head
assert imaplib.Internaldate2tuple(head) == time.localtime(1_770_000_000), head
assert rb"\Seen" not in b"".join(x if isinstance(x, bytes) else x[0] for x in ok(m.fetch("1", "(FLAGS)")))
# A short text may come in quotes or as a literal.
assert b"zweite," in b"".join(part if isinstance(part, bytes) else part[1] for part in ok(m.fetch("2", "(BODY[TEXT]<4.7>)")))
assert rb"\Seen" in ok(m.fetch("2", "(FLAGS)"))[0]
assert ok(m.fetch("1:*", "(UID)")) and len(ok(m.fetch("1:*", "(UID)"))) == 3
assert ok(m.fetch("2", "(RFC822.HEADER)"))[0][1].endswith(b"<1@example.org>\r\n\r\n")
ok(m.store("1", "+FLAGS", r"(\Answered $Important)"))
ok(m.store("1", "-FLAGS", r"(\Flagged)"))
flags = ok(m.fetch("1", "(FLAGS)"))[0]
assert rb"\Answered" in flags and b"$Important" in flags and rb"\Flagged" not in flags, flags
ok(m.store("3", "FLAGS", r"(\Draft)"))
assert imaplib.ParseFlags(ok(m.fetch("3", "(FLAGS)"))[0])[0] == rb"\Draft"

for criteria, found in (
    (("ALL",), b"1 2 3"),
    (("SUBJECT", "drei"), b"3"),
    (("FROM", "anna", "SMALLER", "5000"), b"2"),
    (("OR", "DRAFT", "ANSWERED"), b"1 3"),
    (("NOT", "KEYWORD", "$Important"), b"2 3"),
    (("SENTBEFORE", "02-Feb-2026"), b"2"),
    (("HEADER", "In-Reply-To", '""'), b"2"),
    (("TEXT", "Anlage"), b"2"),
    (("(ANSWERED UNDELETED)", "1:2"), b"1"),
    (("BODY", '"nothing like it"'), b""),
):
    assert ok(m.search(None, *criteria))[0] == found, (criteria, m.search(None, *criteria))
m.literal = "Grüße".encode()
assert ok(m.search("UTF-8", "SUBJECT"))[0] == b"1 2"
uids = ok(m.uid("SEARCH", "ALL"))[0].split()
assert len(uids) == 3
assert ok(m.uid("FETCH", uids[1], "(UID FLAGS)"))[0].startswith(b"2 (")
ok(m.uid("STORE", uids[1], "+FLAGS.SILENT", r"(\Flagged)"))
assert b"COPYUID" in (m.copy("1:2", "INBOX")[1][0] or b"") or m.untagged_responses.get("COPYUID")
ok(m.uid("COPY", uids[2], "INBOX"))
no(m.copy("1", "Nowhere"))

# Deletion.
ok(m.store("2", "+FLAGS", r"(\Deleted)"))
assert ok(m.expunge()) == [b"2"]
ok(m.store("1", "+FLAGS", r"(\Deleted)"))
ok(m.close())
assert ok(m.select("Projects", readonly=True))[0] == b"1"
no(m.store("1", "+FLAGS", r"(\Seen)"))
ok(m.unselect())
assert m.state == "AUTH"
# The module allows it before a mailbox is open only.
ok(m.enable("CONDSTORE"))
assert ok(m.select("INBOX"))[0] == b"3"

# Extensions.
assert ok(m.sort("(DATE)", "UTF-8", "1:2"))[0] == b"2 1"
assert ok(m.sort("(REVERSE FROM)", "UTF-8", "1:2"))[0] == b"1 2"
assert ok(m.thread("REFERENCES", "UTF-8", "1:2"))[0] == b"(1 2)"
assert b"1" in ok(m.thread("ORDEREDSUBJECT", "UTF-8", "ALL"))[0]
roots, quotas = ok(m.getquotaroot("INBOX"))
assert b"INBOX" in roots[0], (roots, quotas)
root = roots[0].split(b" ", 1)[1].decode()
assert ok(m.getquota(root))
assert b"alice" in ok(m.getacl("INBOX"))[0]
assert b"l" in ok(m.myrights("INBOX"))[0]
ok(m.setacl("Projects", "name", "lr"))
assert b"name" in ok(m.getacl("Projects"))[0]
ok(m.deleteacl("Projects", "name"))
assert b" name " not in ok(m.getacl("Projects"))[0]
ok(m.uid("MOVE", "3", "Projects"))
assert ok(m.status("Projects", "(MESSAGES)"))[0].endswith(b"(MESSAGES 2)")
imaplib.Commands.setdefault("ID", ("NONAUTH", "AUTH", "SELECTED"))
ok(m.xatom("ID", '("name" "imaplib")'))
try:
    m.xatom("XNONSENSE")
    raise SystemExit("an unknown command was taken")
except imaplib.IMAP4.error as e:
    assert "BAD" in str(e), e
assert m.logout()[0] == "BYE"

with imaplib.IMAP4_SSL(host, ports["imaps"], ssl_context=tls, timeout=30) as m:
    ok(m.login("alice", "wonderland"))
    ok(m.enable("UTF8=ACCEPT"))
    ok(m.create('"Größe"'))
    assert "Größe".encode() in b"\n".join(ok(m.list()))
    ok(m.append('"Größe"', None, None, "Subject: Köln\r\n\r\nx\r\n".encode()))
    assert ok(m.select('"Größe"'))[0] == b"1"
print("all good")
