"""smtplib: every command and every login, over each kind of connection."""

import smtplib
import ssl
import sys
from email.message import EmailMessage

ca = sys.argv[1]
ports = dict((name, int(port)) for name, port in (word.split("=") for word in sys.argv[2:]))
tls = ssl.create_default_context(cafile=ca)
host = "127.0.0.1"


def message(subject):
    mail = EmailMessage()
    mail["From"] = "alice@lab.test"
    mail["To"] = "name@lab.test"
    mail["Subject"] = subject
    mail.set_content("Ein Punkt:\n.\n..\nÄÖÜ\n")
    mail.add_attachment(bytes(range(256)), maintype="application", subtype="octet-stream", filename="bytes")
    return mail


# Port 25: mail for the house, without a login.
with smtplib.SMTP(host, ports["smtp"], timeout=30) as s:
    code, text = s.ehlo("client.example")
    assert code == 250 and s.does_esmtp and s.has_extn("STARTTLS") and s.has_extn("PIPELINING"), text
    assert not s.has_extn("AUTH") and int(s.esmtp_features["size"]) > 0
    code, _ = s.starttls(context=tls)
    assert code == 220 and s.sock.version().startswith("TLSv1")
    s.ehlo()
    assert not s.has_extn("STARTTLS")
    refused = s.send_message(message("port 25"), to_addrs=["name@lab.test", "niemand@lab.test"])
    assert list(refused) == ["niemand@lab.test"] and refused["niemand@lab.test"][0] == 550, refused
    try:
        s.sendmail("alice@lab.test", ["someone@elsewhere.example"], "Subject: no\r\n\r\n")
        raise SystemExit("relayed without a login")
    except smtplib.SMTPRecipientsRefused as e:
        assert e.recipients["someone@elsewhere.example"][0] in (550, 554)
    assert s.mail("alice@lab.test")[0] == 250
    assert s.rcpt("name@lab.test")[0] == 250
    assert s.rset()[0] == 250
    assert s.rcpt("name@lab.test")[0] == 503
    assert s.noop()[0] == 250
    assert s.verify("name@lab.test")[0] in (250, 252)
    assert s.docmd("NONSENSE")[0] == 500
    assert s.help()
with smtplib.SMTP(host, ports["smtp"], timeout=30) as s:
    assert s.helo("client.example")[0] == 250
    assert s.sendmail("alice@lab.test", "name@lab.test", "Subject: after HELO\r\n\r\n.\r\n..x\r\n") == {}
    assert s.sendmail("", "name@lab.test", "Subject: a bounce\r\n\r\nx\r\n") == {}

# Submission: no mail before TLS and login; each mechanism; a wrong password.
with smtplib.SMTP(host, ports["submission"], timeout=30) as s:
    s.ehlo()
    assert s.mail("alice@lab.test")[0] == 530
for where in ("submission", "submissions"):
    for mechanism in ("auth_plain", "auth_login", "auth_cram_md5"):
        for right in (True, False):
            s = (
                smtplib.SMTP_SSL(host, ports[where], context=tls, timeout=30)
                if where == "submissions"
                else smtplib.SMTP(host, ports[where], timeout=30)
            )
            with s:
                if where == "submission":
                    s.starttls(context=tls)
                s.ehlo()
                s.user, s.password = "alice", "wonderland" if right else "falsch"
                name = mechanism[len("auth_"):].replace("_", "-").upper()
                assert name in s.esmtp_features["auth"].split(), s.esmtp_features
                try:
                    code, _ = s.auth(name, getattr(s, mechanism))
                    assert right and code == 235
                except smtplib.SMTPAuthenticationError as e:
                    assert not right and e.smtp_code == 535, e
                    continue
                both = ["name@lab.test", "someone@elsewhere.example"]
                assert s.send_message(message(f"{where} {mechanism}"), to_addrs=both) == {}

# LMTP: an answer for each recipient.
with smtplib.LMTP(host, ports["lmtp"]) as s:
    s.ehlo()
    refused = s.sendmail("alice@lab.test", ["name@lab.test", "niemand@lab.test"], "Subject: lmtp\r\n\r\nx\r\n")
    assert list(refused) == ["niemand@lab.test"], refused
print("all good")
