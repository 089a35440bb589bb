#![no_main]

use ehlo_wire::sieve::language::check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let lines = data.iter().filter(|&&b| b == b'\n').count() + 1;
    let checked = check(data);
    for problem in checked.errors.iter().chain(&checked.warnings) {
        assert!((1..=lines).contains(&problem.line), "{problem}");
        assert!((1..=data.len() + 1).contains(&problem.column), "{problem}");
    }
});
