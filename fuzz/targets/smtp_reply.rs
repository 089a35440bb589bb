#![no_main]

use ehlo_core::Protocol;
use ehlo_fuzz::{server_says, within};
use ehlo_wire::{Reply, smtp};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let commands = b"EHLO x\r\nAUTH PLAIN\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
    for reply in server_says(Protocol::Smtp, commands, data) {
        if let Reply::Smtp(reply) = reply {
            let list = smtp::ehlo(&reply);
            for keyword in &list.value.keywords {
                within(keyword.span, data);
            }
        }
    }
});
