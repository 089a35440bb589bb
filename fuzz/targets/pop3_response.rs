#![no_main]

use ehlo_core::Protocol;
use ehlo_fuzz::{server_says, within};
use ehlo_wire::{Reply, pop3};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let commands = b"CAPA\r\nAUTH PLAIN\r\nSTAT\r\nLIST\r\nRETR 1\r\n";
    for reply in server_says(Protocol::Pop3, commands, data) {
        if let Reply::Pop3(response) = reply {
            for capability in pop3::capa(&response).value {
                within(capability.span, data);
            }
            if let Some((stamp, at)) = pop3::apop_stamp(&response.text) {
                assert_eq!(&response.text[at..at + stamp.len()], stamp);
            }
        }
    }
});
