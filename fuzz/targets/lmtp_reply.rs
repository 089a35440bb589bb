#![no_main]

use ehlo_core::Protocol;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let commands = b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
    ehlo_fuzz::server_says(Protocol::Lmtp, commands, data);
});
