#![no_main]

use ehlo_core::Protocol;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    ehlo_fuzz::server_says(Protocol::Sieve, b"", data);
});
