#![no_main]

use ehlo_core::Secret;
use ehlo_wire::sasl::{MECHANISMS, Passwords, ServerGiven, Verdict};

struct Accounts;

impl Passwords for Accounts {
    fn password(&self, user: &str) -> Option<Secret<String>> {
        (user == "benutzername").then(|| Secret::new("passwort".to_owned()))
    }
}

// The first byte chooses the mechanism; the rest are the client's responses, cut by 0xff.
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((choice, responses)) = data.split_first() else { return };
    let mechanism = MECHANISMS[usize::from(*choice) % MECHANISMS.len()];
    let given = ServerGiven {
        challenge: "<1896.697170952@mail.example.org>".to_owned(),
        host: "mail.example.org".to_owned(),
        ..ServerGiven::default()
    };
    let mut server = mechanism.server(&given);
    let _ = server.initial();
    for response in responses.split(|byte| *byte == 0xff) {
        if !matches!(server.respond(response, &Accounts), Verdict::Challenge(_)) {
            break;
        }
    }
});
