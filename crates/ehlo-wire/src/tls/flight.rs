//! What a server answers to a hello, as long as it is in clear: up to ServerHelloDone before TLS 1.3, the ServerHello
//! alone in TLS 1.3.

use super::bytes::{Reader, Writer};
use super::key_exchange::{CertificateRequest, SERVER_KEY_EXCHANGE, ServerKeyExchange};
use super::record::{
    ALERT, HANDSHAKE, MOST_BYTES, Message, Messages, Next, Record, Records, note, write_message,
    write_records,
};
use super::server_hello::{SERVER_HELLO, ServerHello};
use super::ssl2::Ssl2ServerHello;
use super::{Alert, Version};
use ehlo_core::{Deviation, DeviationKind, Side, Span};

/// The most certificates that are kept of a chain.
const LONGEST_CHAIN: usize = 10;

const HELLO_REQUEST: u8 = 0;
const CERTIFICATE: u8 = 11;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;
const CERTIFICATE_STATUS: u8 = 22;

/// What a server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flight {
    /// What it chose.
    pub hello: Option<ServerHello>,
    /// That it speaks SSL 2.0.
    pub ssl2: Option<Ssl2ServerHello>,
    /// The certificates, DER, as sent; ten at most.
    pub certificates: Vec<Vec<u8>>,
    /// Whether it stapled the status of its certificate.
    pub stapled: bool,
    /// What it says about the keys.
    pub key_exchange: Option<ServerKeyExchange>,
    /// That it wants a certificate of the client.
    pub certificate_request: Option<CertificateRequest>,
    /// Whether it has said all that it says in clear.
    pub done: bool,
    /// The alert that ended the handshake.
    pub alert: Option<Alert>,
    /// Alerts that were only warnings.
    pub warnings: Vec<Alert>,
    /// The rules that it broke.
    pub deviations: Vec<Deviation>,
}

/// How far a flight has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More may come.
    More,
    /// Nothing more will come in clear.
    Done,
    /// What came is no TLS.
    NotTls,
    /// It is more than anybody needs.
    TooLarge,
}

/// Reads what a server answers.
#[derive(Clone, Debug)]
pub struct FlightReader {
    records: Records,
    messages: Messages,
    flight: Flight,
    progress: Progress,
    taken: usize,
    records_seen: usize,
}

impl FlightReader {
    /// A reader of a stream of which `offset` bytes came before.
    pub fn new(offset: u64) -> FlightReader {
        FlightReader {
            records: Records::new(Side::Server, offset),
            messages: Messages::default(),
            flight: Flight::default(),
            progress: Progress::More,
            taken: 0,
            records_seen: 0,
        }
    }

    /// What was read so far.
    pub fn flight(&self) -> &Flight {
        &self.flight
    }

    /// Takes bytes. After anything but [`Progress::More`] nothing more is read.
    pub fn feed(&mut self, bytes: &[u8]) -> Progress {
        if self.progress != Progress::More {
            return self.progress;
        }
        self.taken += bytes.len();
        self.records.feed(bytes);
        self.progress = self.read();
        if self.progress == Progress::More && self.taken > MOST_BYTES {
            self.progress = Progress::TooLarge;
        }
        self.progress
    }

    /// Takes note that the stream has ended, and yields what was read.
    pub fn finish(mut self) -> Flight {
        let rest = self.records.pending().len();
        if self.progress == Progress::More && (rest > 0 || self.messages.is_within()) {
            let (_, span) = self.records.take(rest);
            note(&mut self.flight.deviations, DeviationKind::TlsBadLength, span);
        }
        self.flight
    }

    fn read(&mut self) -> Progress {
        if self.records_seen == 0 {
            match Ssl2ServerHello::read(self.records.pending()) {
                Some(Some(hello)) => {
                    self.flight.ssl2 = Some(hello);
                    self.flight.done = true;
                    return Progress::Done;
                }
                Some(None) => return Progress::More,
                None => {}
            }
        }
        loop {
            let record = match self.records.next() {
                Next::Incomplete => return Progress::More,
                // Behind a ServerHello it is broken TLS, and before it no TLS at all.
                Next::NotTls => return Progress::NotTls,
                Next::Record(record) => record,
            };
            self.records_seen += 1;
            let progress = match record.content {
                HANDSHAKE => self.handshake(&record),
                ALERT => self.alert(&record),
                _ => {
                    note(&mut self.flight.deviations, DeviationKind::TlsUnexpectedMessage, record.span);
                    // Encrypted from here on, or broken: in either case there is no more to read.
                    Progress::Done
                }
            };
            if progress != Progress::More {
                return progress;
            }
        }
    }

    fn alert(&mut self, record: &Record) -> Progress {
        let [level, number, ..] = record.fragment[..] else {
            note(&mut self.flight.deviations, DeviationKind::TlsBadLength, record.span);
            return Progress::More;
        };
        if record.fragment.len() > 2 {
            note(&mut self.flight.deviations, DeviationKind::TlsTrailingBytes, record.span);
        }
        let alert = Alert(number);
        if level == 1 && alert != Alert::CLOSE_NOTIFY {
            // A server may warn that it does not know the name, and go on (RFC 6066 §3).
            if self.flight.warnings.len() < 10 {
                self.flight.warnings.push(alert);
            }
            return Progress::More;
        }
        self.flight.alert = Some(alert);
        Progress::Done
    }

    fn handshake(&mut self, record: &Record) -> Progress {
        if record.fragment.is_empty() {
            note(&mut self.flight.deviations, DeviationKind::TlsBadLength, record.span);
        }
        self.messages.feed(record);
        loop {
            match self.messages.next() {
                Ok(None) => return Progress::More,
                Ok(Some(message)) => {
                    if self.message(&message) {
                        self.flight.done = true;
                        return Progress::Done;
                    }
                }
                Err(_) => return Progress::TooLarge,
            }
        }
    }

    /// Reads a message; whether it was the last one in clear.
    fn message(&mut self, message: &Message) -> bool {
        let Flight {
            hello, certificates: chain, stapled, key_exchange, certificate_request, deviations, ..
        } = &mut self.flight;
        let span = message.span;
        let Some(chosen) = hello.as_ref().map(|h| (h.suite, h.chosen())) else {
            match message.kind {
                SERVER_HELLO => {
                    let found = ServerHello::read(&message.body, span, deviations);
                    let last = found.chosen() >= Version::TLS13;
                    *hello = Some(found);
                    return last;
                }
                HELLO_REQUEST if message.body.is_empty() => {}
                _ => note(deviations, DeviationKind::TlsUnexpectedMessage, span),
            }
            return false;
        };
        let (suite, version) = chosen;
        match message.kind {
            CERTIFICATE if chain.is_empty() => {
                *chain = certificates(&message.body, span, deviations);
            }
            CERTIFICATE_STATUS => *stapled = true,
            SERVER_KEY_EXCHANGE if key_exchange.is_none() => {
                let read = ServerKeyExchange::read(&message.body, suite, version, span, deviations);
                *key_exchange = Some(read);
            }
            CERTIFICATE_REQUEST if certificate_request.is_none() => {
                let read = CertificateRequest::read(&message.body, version, span, deviations);
                *certificate_request = Some(read);
            }
            SERVER_HELLO_DONE => {
                if !message.body.is_empty() {
                    note(deviations, DeviationKind::TlsTrailingBytes, span);
                }
                return true;
            }
            _ => note(deviations, DeviationKind::TlsUnexpectedMessage, span),
        }
        false
    }
}

/// The chain of a Certificate message before TLS 1.3 (RFC 5246 §7.4.2).
fn certificates(body: &[u8], span: Span, deviations: &mut Vec<Deviation>) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut reader = Reader::new(body);
    let Some(list) = reader.vec24() else {
        note(deviations, DeviationKind::TlsBadLength, span);
        return found;
    };
    if !reader.is_empty() {
        note(deviations, DeviationKind::TlsTrailingBytes, span);
    }
    let mut list = Reader::new(list);
    while !list.is_empty() && found.len() < LONGEST_CHAIN {
        let Some(certificate) = list.vec24() else {
            note(deviations, DeviationKind::TlsBadLength, span);
            break;
        };
        found.push(certificate.to_vec());
    }
    found
}

/// Writes a server's answer in clear: the other side of [`FlightReader`], for servers that only pretend.
pub fn write_flight(flight: &Flight) -> Vec<u8> {
    if let Some(hello) = &flight.ssl2 {
        return hello.encode();
    }
    let mut payload = Vec::new();
    let version = flight.hello.as_ref().map_or(Version::TLS12, |h| h.version);
    if let Some(hello) = &flight.hello {
        payload.extend(hello.encode());
        if !flight.certificates.is_empty() {
            let mut body = Writer::new();
            body.vec24(|w| {
                for certificate in &flight.certificates {
                    w.vec24(|w| w.bytes(certificate));
                }
            });
            payload.extend(write_message(CERTIFICATE, &body.finish()));
        }
        if let Some(exchange) = &flight.key_exchange {
            let anonymous = hello.suite.is(super::SuiteClass::Anonymous);
            payload.extend(exchange.encode(version, !anonymous));
        }
        if flight.done && hello.chosen() < Version::TLS13 {
            payload.extend(write_message(SERVER_HELLO_DONE, &[]));
        }
    }
    let mut out = write_records(HANDSHAKE, version, &payload);
    if let Some(alert) = flight.alert {
        out.extend(super::alert(version, true, alert));
    }
    out
}
