#![no_main]

use ehlo_wire::imap::{SequenceSet, quote};
use ehlo_wire::server::{ImapInput, ImapServer};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut server = ImapServer::new();
    for portion in data.chunks(7) {
        server.push(portion);
        while let Some(input) = server.next() {
            match input {
                ImapInput::Literal(announced) => {
                    let _ = server.announcing();
                    if announced.size < 100 {
                        server.accept_literal()
                    } else {
                        drop(server.refuse_literal())
                    }
                }
                ImapInput::TooLong => return,
                _ => {}
            }
        }
    }
    if let Some(set) = SequenceSet::parse(data) {
        let _ = (set.contains(1, 10), set.exceeds(10));
    }
    if let Some(quoted) = quote(data) {
        assert!(quoted.first() == Some(&b'"') && quoted.last() == Some(&b'"'));
    }
});
