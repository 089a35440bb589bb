"""IMAPClient: the methods, and what its parser makes of the answers."""

import smtplib
import ssl
import sys
from datetime import datetime

import imapclient
import imapclient.imapclient
from imapclient import IMAPClient, exceptions

ca = sys.argv[1]
ports = dict((name, int(port)) for name, port in (word.split("=") for word in sys.argv[2:]))
tls = ssl.create_default_context(cafile=ca)
host = "127.0.0.1"


def deliver(subject):
    with smtplib.LMTP(host, ports["lmtp"]) as s:
        s.ehlo()
        assert s.sendmail("bob@example.org", ["alice@lab.test"], f"Subject: {subject}\r\n\r\nx\r\n") == {}


c = IMAPClient(host, ports["imap"], ssl=False, timeout=30)
c.starttls(ssl_context=tls)
c.plain_login("alice", "wonderland")
c.logout()
c = IMAPClient(host, ports["imaps"], ssl_context=tls, timeout=30)
try:
    c.login("alice", "falsch")
    raise SystemExit("a wrong password was taken")
except exceptions.LoginError:
    pass
c.login("alice", "wonderland")
assert c.id_({"name": "IMAPClient"})
personal = c.namespace().personal[0]
assert personal == ("", "/"), personal

for word in ("ACL", "CONDSTORE", "ENABLE", "ID", "IDLE", "MOVE", "QUOTA", "SORT", "THREAD=REFERENCES", "UIDPLUS"):
    assert c.has_capability(word), (word, c.capabilities())

# Names beyond ASCII, special use, subscriptions.
for name in ("Größe", "Größe/日本語", "R&D", 'Mit "Zitat" \\ und (Klammern)'):
    c.create_folder(name)
    assert c.folder_exists(name), name
    c.subscribe_folder(name)
names = {name for _, _, name in c.list_folders()}
assert {"INBOX", "Größe", "Größe/日本語", "R&D", 'Mit "Zitat" \\ und (Klammern)'} <= names, names
assert "R&D" in {name for _, _, name in c.list_sub_folders()}
c.unsubscribe_folder("R&D")
assert "R&D" not in {name for _, _, name in c.list_sub_folders()}
assert c.find_special_folder(imapclient.imapclient.SENT) == "Sent"
c.rename_folder("R&D", "Forschung & Entwicklung")
c.delete_folder("Forschung & Entwicklung")
assert not c.folder_exists("R&D") and not c.folder_exists("Forschung & Entwicklung")

# Messages.
message = (
    b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\nSender: s@example.org\r\n"
    b"To: A <a@lab.test>, b@lab.test\r\nCc: Gruppe: c@lab.test, d@lab.test;\r\nDate: Mon, 2 Feb 2026 10:00:00 +0100\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n'
    b'Text\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text\r\n--b--\r\n'
)
c.append("Größe", message, flags=[imapclient.FLAGGED, b"$Label1"], msg_time=datetime(2026, 2, 2, 12, 0, 0))
info = c.select_folder("Größe")
assert info[b"EXISTS"] == 1 and info[b"UIDVALIDITY"] > 0 and info[b"UIDNEXT"] == 2, info
assert c.folder_status("Größe", [b"MESSAGES", b"UIDNEXT"]) == {b"MESSAGES": 1, b"UIDNEXT": 2}
[(uid, data)] = c.fetch(
    c.search(), ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "BODY.PEEK[]", "BODY.PEEK[2.HEADER]"]
).items()
assert data[b"BODY[]"] == message and data[b"RFC822.SIZE"] == len(message)
assert set(data[b"FLAGS"]) >= {b"\\Flagged", b"$Label1"}, data[b"FLAGS"]
assert data[b"INTERNALDATE"] == datetime(2026, 2, 2, 12, 0, 0), data[b"INTERNALDATE"]
assert data[b"BODY[2.HEADER]"] == b"Subject: inner\r\n\r\n", data
envelope = data[b"ENVELOPE"]
assert envelope.message_id == b"<1@example.org>" and envelope.subject == b"=?utf-8?q?Gr=C3=BC=C3=9Fe?="
assert str(envelope.from_[0]).endswith("<joerg@example.org>") and len(envelope.to) == 2
assert [a.mailbox for a in envelope.cc] == [b"Gruppe", b"c", b"d", None], envelope.cc
structure = data[b"BODYSTRUCTURE"]
assert structure.is_multipart and len(structure[0]) == 2 and structure[1] == b"mixed"
assert structure[0][1][:2] == (b"message", b"rfc822")

c.add_flags(uid, [imapclient.ANSWERED])
c.remove_flags(uid, [imapclient.FLAGGED])
assert imapclient.ANSWERED in c.get_flags(uid)[uid]
c.set_flags(uid, [imapclient.SEEN])
assert set(c.get_flags(uid)[uid]) - {b"\\Recent"} == {b"\\Seen"}
assert c.search(["SUBJECT", "Grüße"], charset="UTF-8") == [uid]
assert c.search(["SEEN", "NOT", "DELETED"]) == [uid]
assert c.search(["FROM", "nobody"]) == []
c.copy(uid, "INBOX")
c.move(uid, "Größe/日本語")
assert c.search() == [] and c.folder_status("Größe/日本語", ["MESSAGES"])[b"MESSAGES"] == 1
c.close_folder()

# IDLE: news come by themselves.
assert c.select_folder("INBOX")[b"EXISTS"] == 1
c.idle()
deliver("hello")
news = c.idle_check(timeout=20)
while (2, b"EXISTS") not in news:
    more = c.idle_check(timeout=20)
    assert more, f"IDLE told {news} only"
    news += more
text, more = c.idle_done()
assert text.startswith(b"OK") or text, text
uids = c.search()
c.delete_messages(uids)
c.uid_expunge([uids[1]])
assert c.search() == uids[:1]
c.unselect_folder()

c.select_folder("INBOX")
assert c.sort("ARRIVAL") == c.search()
assert c.thread("REFERENCES") == ((uids[0],),)
[root] = c.get_quota_root("INBOX")[0].quota_roots
c.set_quota([imapclient.imapclient.Quota(root, "STORAGE", None, 5000), imapclient.imapclient.Quota(root, "MESSAGE", None, 50)])
limits = {quota.resource: quota.limit for quota in c.get_quota("INBOX")}
assert limits == {"STORAGE": 5000, "MESSAGE": 50}, limits
# The module leaves the quotes about a name.
def acl():
    return {name.strip(b'"'): rights for name, rights in c.getacl("INBOX")}

assert acl()[b"alice"]
c.setacl("INBOX", "name", "lr")
assert acl()[b"name"] == b"lr"
c.unselect_folder()
assert b"CONDSTORE" in c.enable("CONDSTORE")
c.select_folder("INBOX")
modseq = c.fetch(c.search(), ["MODSEQ"])
assert all(data[b"MODSEQ"][0] > 0 for data in modseq.values()), modseq
c.noop()
c.logout()
print("all good")
