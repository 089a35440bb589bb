#![no_main]
//! Any text, as anything that can be imported: no panic, no control character.

use ehlo_script::import::{ImportFormat, import};

libfuzzer_sys::fuzz_target!(|input: (u8, &str)| {
    let format = ImportFormat::ALL[usize::from(input.0) % ImportFormat::ALL.len()];
    let imported = import(format, input.1, "x");
    assert!(imported.script.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()), "{}", imported.script);
});
