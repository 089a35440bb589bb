//! The traps of testing by hand, in front of Postfix and Dovecot.

use crate::hand::{Place, TRAPS};
use crate::site::{services, variable};

fn place() -> Place {
    let services = services("TS_HOST");
    let port = move |scheme: &str| services.iter().find(|s| s.scheme == scheme).unwrap().port.clone();
    Place {
        name: variable("TS_NAME"),
        address: variable("TS_HOST"),
        ca: variable("TS_CA"),
        domain: variable("TS_DOMAIN"),
        port: Box::new(port),
    }
}

#[test]
#[ignore = "needs real servers: cargo xtask interop"]
fn no_trap_bites() {
    let place = place();
    for (number, trap) in TRAPS.iter().enumerate() {
        place.walk(number, trap);
    }
}
