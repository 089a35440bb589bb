#![no_main]
//! Any text: the lines put together are the file; what can be read means the same after formatting.

use ehlo_script::{NoFiles, format, lines, parse};

libfuzzer_sys::fuzz_target!(|text: &str| {
    assert_eq!(lines(text).iter().map(|l| l.text).collect::<String>(), text);
    let Ok(script) = parse("x", text, &NoFiles) else { return };
    let formatted = format(text);
    let Ok(again) = parse("x", &formatted, &NoFiles) else { panic!("{formatted}") };
    assert_eq!(script.shape(), again.shape());
    assert_eq!(format(&formatted), formatted);
});
