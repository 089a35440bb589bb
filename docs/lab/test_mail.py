"""A test of a program that sends and reads mail, in Python, with `ehlo lab` as a server of its own.

    EHLO=path/to/ehlo python3 -m unittest test_mail.py
"""

import imaplib
import json
import os
import smtplib
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from email.message import EmailMessage


class Lab:
    """`ehlo lab` on free ports, as long as the tests run."""

    def __init__(self, *flags):
        self.folder = tempfile.TemporaryDirectory()
        self.ca = os.path.join(self.folder.name, "ca.pem")
        ports_file = os.path.join(self.folder.name, "ports.json")
        command = [os.environ.get("EHLO", "ehlo"), "lab", "--port-base", "0", "--http", "0"]
        command += ["--ports-file", ports_file, "--ca-out", self.ca, *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not os.path.exists(ports_file):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the lab did not start")
            time.sleep(0.02)
        with open(ports_file, encoding="utf-8") as file:
            ports = json.load(file)
        self.ports = {s["service"]: s["port"] for s in ports["services"] if s.get("address") == "127.0.0.1"}
        self.http = "http://127.0.0.1:%d" % ports["http"]["port"]

    def ask(self, method, path, body=None, **parameters):
        """Asks the lab over HTTP; yields the document."""
        url = self.http + path
        if parameters:
            url += "?" + urllib.parse.urlencode(parameters)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, method=method, data=data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


class MailTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab("--account", "bob:secret")
        cls.tls = ssl.create_default_context(cafile=cls.lab.ca)

    @classmethod
    def tearDownClass(cls):
        cls.lab.stop()

    def setUp(self):
        self.lab.ask("POST", "/v1/reset")

    def send(self):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "shop@shop.test", "bob@lab.test", "Invoice 17"
        message.set_content("Please pay.")
        with smtplib.SMTP("127.0.0.1", self.lab.ports["submission"]) as smtp:
            smtp.starttls(context=self.tls)
            smtp.login("bob", "secret")
            smtp.send_message(message)

    def test_an_invoice_arrives(self):
        self.send()
        came = self.lab.ask("GET", "/v1/wait", to="bob@lab.test", timeout=5)["messages"][0]
        self.assertEqual(came["subject"], "Invoice 17")
        self.assertEqual(came["from"], "shop@shop.test")
        whole = self.lab.ask("GET", "/v1/messages/" + came["id"])["message"]
        self.assertEqual(whole["text"].strip(), "Please pay.")

    def test_it_can_be_read_with_imap(self):
        self.send()
        self.lab.ask("GET", "/v1/wait", to="bob@lab.test", timeout=5)
        with imaplib.IMAP4_SSL("127.0.0.1", self.lab.ports["imaps"], ssl_context=self.tls) as imap:
            imap.login("bob", "secret")
            imap.select("INBOX")
            _, found = imap.search(None, "SUBJECT", '"Invoice 17"')
            self.assertEqual(found, [b"1"])

    def test_a_server_that_is_busy_is_told_about(self):
        self.lab.ask("POST", "/v1/faults", {"fault": "reply=RCPT:450 4.2.1 come back later"})
        with self.assertRaises(smtplib.SMTPRecipientsRefused):
            self.send()
        self.assertEqual(self.lab.ask("GET", "/v1/messages")["total"], 0)

    def test_what_does_not_come_is_waited_for_in_vain(self):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.lab.ask("GET", "/v1/wait", to="eve@lab.test", timeout=0.1)
        self.assertEqual(caught.exception.code, 408)
        caught.exception.close()


if __name__ == "__main__":
    unittest.main()
