//! Who the client is: by what it says, and by what a proxy says for it (XCLIENT and XFORWARD of Postfix).

use super::{Smtp, reply};
use crate::context::Context;
use crate::talk::Talk as _;
use ehlo_core::escape;
use ehlo_wire::smtp::Attributes;
use std::net::IpAddr;

/// Who the client is.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    /// What it called itself, escaped.
    pub(super) hello: Option<String>,
    /// What was said in its place.
    given: Option<String>,
    forwarded: Option<String>,
}

impl Client {
    /// Its address.
    pub(super) fn address<'a>(&'a self, peer: &'a str) -> &'a str {
        self.given.as_deref().unwrap_or(peer)
    }

    /// How a trace field names it (RFC 5321 §4.4).
    pub(super) fn trace(&self, peer: &str) -> String {
        let hello = self.hello.as_deref().unwrap_or("unknown");
        let address = self.forwarded.as_deref().unwrap_or(self.address(peer));
        format!("{hello} ([{address}])")
    }
}

impl Smtp {
    /// The session begins anew, as that of another client.
    pub(super) fn xclient(&mut self, attributes: &Attributes, cx: &mut Context<'_>) {
        if self.mail.is_some() {
            return reply(cx, "XCLIENT", 503, "5.5.1", "not in a transaction");
        }
        let mut next = Client { given: self.client.given.clone(), ..Client::default() };
        let mut user = None;
        for (name, value) in attributes {
            let unavailable = is_unavailable(value);
            match name.as_str() {
                "ADDR" if unavailable => next.given = None,
                "ADDR" => match address(value) {
                    Some(address) => next.given = Some(address),
                    None => return reply(cx, "XCLIENT", 501, "5.5.4", "ADDR is no address"),
                },
                "HELO" if !unavailable => next.hello = Some(escape(value)),
                "LOGIN" if !unavailable => user = cx.lab.account_of(&String::from_utf8_lossy(value)),
                "NAME" | "PORT" | "PROTO" | "HELO" | "LOGIN" | "DESTADDR" | "DESTPORT" => {}
                _ => return reply(cx, "XCLIENT", 501, "5.5.4", "there is no such attribute"),
            }
        }
        self.client = next;
        self.user = user;
        self.extended = false;
        // The answer is the greeting.
        self.greet(cx);
    }

    /// Changes what trace fields say, and nothing else.
    pub(super) fn xforward(&mut self, attributes: &Attributes, cx: &mut Context<'_>) {
        if self.mail.is_some() {
            return reply(cx, "XFORWARD", 503, "5.5.1", "not in a transaction");
        }
        for (name, value) in attributes {
            match name.as_str() {
                "ADDR" if is_unavailable(value) => self.client.forwarded = None,
                "ADDR" => match address(value) {
                    Some(address) => self.client.forwarded = Some(address),
                    None => return reply(cx, "XFORWARD", 501, "5.5.4", "ADDR is no address"),
                },
                "NAME" | "PORT" | "PROTO" | "HELO" | "IDENT" | "SOURCE" => {}
                _ => return reply(cx, "XFORWARD", 501, "5.5.4", "there is no such attribute"),
            }
        }
        reply(cx, "XFORWARD", 250, "2.0.0", "OK");
    }
}

fn is_unavailable(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"[UNAVAILABLE]") || value.eq_ignore_ascii_case(b"[TEMPUNAVAIL]")
}

fn address(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let tagged = text.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    let text = if tagged { &text[5..] } else { text };
    text.parse::<IpAddr>().ok().map(|address| address.to_string())
}
