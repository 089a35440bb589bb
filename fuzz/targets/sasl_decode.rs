#![no_main]

use ehlo_wire::sasl::decode::{Kind, decode, recognise};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = recognise(data);
    for kind in Kind::ALL {
        let decoded = decode(kind, data);
        assert_eq!(decoded.kind, kind);
        for field in &decoded.fields {
            assert!(ehlo_core::is_escaped(&field.name), "{field:?}");
            assert!(field.shown().is_none_or(ehlo_core::is_escaped), "{field:?}");
            assert!(data.get(field.at.clone()).is_some(), "{:?} of {}", field.at, data.len());
        }
        for flaw in &decoded.flaws {
            assert!(data.get(flaw.at.clone()).is_some(), "{:?} of {}", flaw.at, data.len());
        }
    }
});
