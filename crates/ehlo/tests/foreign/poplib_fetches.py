"""poplib: every command."""

import poplib
import smtplib
import ssl
import sys

ca = sys.argv[1]
ports = dict((name, int(port)) for name, port in (word.split("=") for word in sys.argv[2:]))
tls = ssl.create_default_context(cafile=ca)
host = "127.0.0.1"


def deliver(*subjects):
    with smtplib.LMTP(host, ports["lmtp"]) as s:
        s.ehlo()
        for subject in subjects:
            text = f"Subject: {subject}\r\n\r\n.punkt\r\n..\r\nende\r\n"
            assert s.sendmail("bob@example.org", ["name@lab.test"], text) == {}


deliver("eins", "zwei", "drei")

p = poplib.POP3(host, ports["pop3"], timeout=30)
assert p.getwelcome().startswith(b"+OK")
assert {"STLS", "UIDL", "TOP"} <= set(p.capa()), p.capa()
p.stls(context=tls)
capabilities = p.capa()
assert "STLS" not in capabilities and {"PLAIN", "LOGIN", "CRAM-MD5"} <= set(capabilities["SASL"]), capabilities
p.user("name")
p.pass_("gEhEiM!")
count, octets = p.stat()
assert count == 3
answer, listing, _ = p.list()
assert len(listing) == 3 and sum(int(line.split()[1]) for line in listing) == octets
assert p.list(2) == b"+OK " + listing[1]
identifiers = p.uidl()[1]
assert len(set(line.split()[1] for line in identifiers)) == 3
assert p.uidl(2).endswith(identifiers[1])
answer, lines, size = p.retr(1)
assert b".punkt" in lines and b".." in lines and b"Subject: eins" in lines
# The octets that are announced are those that come, without the dots that were stuffed.
assert int(listing[0].split()[1]) == sum(len(line) + 2 for line in lines)
answer, lines, size = p.top(1, 1)
assert lines[-1] == b".punkt" and b"ende" not in lines
assert p.top(1, 0)[1][-1] == b""
p.dele(2)
assert p.stat()[0] == 2
try:
    p.retr(2)
    raise SystemExit("a deleted message was given out")
except poplib.error_proto as e:
    assert e.args[0].startswith(b"-ERR")
p.rset()
assert p.stat()[0] == 3
p.noop()
# A maildrop belongs to one session at a time.
q = poplib.POP3(host, ports["pop3"], timeout=30)
try:
    q.apop("name", "gEhEiM!")
    raise SystemExit("two sessions in one maildrop")
except poplib.error_proto as e:
    assert b"[IN-USE]" in e.args[0], e
q.close()
p.dele(2)
p.quit()

p = poplib.POP3(host, ports["pop3"], timeout=30)
p.apop("name", "gEhEiM!")
assert p.stat()[0] == 2
kept = [line.split()[1] for line in p.uidl()[1]]
assert kept == [line.split()[1] for line in (identifiers[0], identifiers[2])], "identifiers do not change"
p.dele(1)
# Without QUIT nothing is deleted.
p.close()

p = poplib.POP3_SSL(host, ports["pop3s"], context=tls, timeout=30)
try:
    p.user("name")
    p.pass_("falsch")
    raise SystemExit("a wrong password was taken")
except poplib.error_proto as e:
    assert b"[AUTH]" in e.args[0], e
p.user("name")
p.pass_("gEhEiM!")
assert p.stat()[0] == 2
for number in (1, 2):
    p.dele(number)
p.quit()
deliver("vier")
p = poplib.POP3_SSL(host, ports["pop3s"], context=tls, timeout=30)
# RFC 6856 §2.1: before the login.
assert "UTF8" in p.capa()
p.utf8()
p.user("name")
p.pass_("gEhEiM!")
assert p.stat()[0] == 1 and p.uidl()[1][0].split()[1] not in [line.split()[1] for line in identifiers]
p.quit()
print("all good")
