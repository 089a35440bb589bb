use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::{Role, Severity};
use ehlo_wire::tls::{Suite, SuiteClass};

/// Whether suites of a class are taken. The classes differ in a line each.
pub(super) struct Class {
    meta: CheckMeta,
    class: SuiteClass,
    /// How bad it is where users log in, and on an MX.
    bad: [fn(&'static str) -> Verdict; 2],
    table: fn() -> &'static Class,
}

const META: CheckMeta = CheckMeta { group: "tls", manner: Manner::Active, ..CheckMeta::DEFAULT };

macro_rules! class {
    ($name:ident, $class:ident, $user:ident, $mx:ident, $meta:expr) => {
        pub(super) static $name: Class = Class {
            meta: $meta,
            class: SuiteClass::$class,
            bad: [Verdict::$user, Verdict::$mx],
            table: || &$name,
        };
    };
}

class!(
    NULL,
    Null,
    fail,
    fail,
    CheckMeta {
        id: "suite-null",
        severity: Severity::Critical,
        references: &["RFC 9325 §4.1"],
        exploitable: true,
        ..META
    }
);
class!(
    EXPORT,
    Export,
    fail,
    fail,
    CheckMeta {
        id: "suite-export",
        severity: Severity::Critical,
        references: &["RFC 9325 §4.1", "CVE-2015-0204", "CVE-2015-4000"],
        exploitable: true,
        ..META
    }
);
class!(
    ANON,
    Anonymous,
    fail,
    warn,
    CheckMeta {
        id: "suite-anon",
        severity: Severity::Critical,
        severity_mx: Some(Severity::Low),
        references: &["RFC 5246 §F.1.1.1"],
        exploitable: true,
        ..META
    }
);
class!(
    RC4,
    Rc4,
    fail,
    fail,
    CheckMeta {
        id: "suite-rc4",
        severity: Severity::High,
        severity_mx: Some(Severity::Medium),
        references: &["RFC 7465 §2", "RFC 9325 §4.1"],
        ..META
    }
);
class!(
    SMALL_BLOCK,
    SmallBlock,
    fail,
    fail,
    CheckMeta {
        id: "suite-64bit-block",
        severity: Severity::High,
        severity_mx: Some(Severity::Medium),
        references: &["RFC 9325 §4.1", "CVE-2016-2183"],
        ..META
    }
);
class!(
    STATIC_RSA,
    StaticRsa,
    fail,
    warn,
    CheckMeta {
        id: "suite-static-rsa",
        severity: Severity::Medium,
        references: &["RFC 10015", "RFC 9325 §4.1"],
        ..META
    }
);
class!(
    FFDHE,
    Ffdhe,
    warn,
    warn,
    CheckMeta { id: "suite-ffdhe12", severity: Severity::Low, references: &["RFC 10015"], ..META }
);
class!(
    CBC,
    Cbc,
    warn,
    warn,
    CheckMeta {
        id: "suite-cbc",
        severity: Severity::Low,
        references: &["RFC 9325 §4.2", "RFC 7366"],
        ..META
    }
);

impl Check for Class {
    fn meta(&self) -> &'static CheckMeta {
        &(self.table)().meta
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        let taken: Vec<_> = hello::chosen(probe).filter(|(_, c)| Suite(c.suite).is(self.class)).collect();
        if taken.is_empty() {
            return vec![match hello::refused_class(probe, self.class) {
                Some(proof) => Verdict::pass("refused").at(proof.iter().flat_map(|h| h.at.iter().copied())),
                None if hello::only_newest(probe) => Verdict::pass("refused"),
                None => hello::open(probe),
            }];
        }
        let protected = self.class == SuiteClass::Cbc && taken.iter().all(|(_, c)| c.encrypt_then_mac);
        let verdict = match facts.role() {
            _ if protected => Verdict::info("protected"),
            Role::Mx | Role::Lmtp => self.bad[1]("taken"),
            Role::Submission | Role::Access => self.bad[0]("taken"),
        };
        let suites = hello::names(taken.iter().map(|(_, c)| c.suite_name.as_str()));
        vec![verdict.with("suites", suites).at(taken.iter().flat_map(|(h, _)| h.at.iter().copied()))]
    }
}
