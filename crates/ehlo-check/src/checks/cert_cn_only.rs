use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether the name stands where clients look for it.
pub(super) struct CertCnOnly;

impl Check for CertCnOnly {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-cn-only",
            group: "cert",
            severity: Severity::High,
            severity_mx: Some(Severity::Medium),
            references: &["RFC 9525 §2"],
            function: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(leaf) = cert::leaf(facts) else { return cert::no_leaf(facts) };
        if leaf.certificate.unreadable.is_some() {
            return Vec::new();
        }
        if !leaf.certificate.names.is_empty() {
            return vec![
                Verdict::pass("has-names")
                    .with("names", cert::shortened(&leaf.certificate.names))
                    .at(leaf.at),
            ];
        }
        let name = leaf.certificate.common_name.clone().unwrap_or_default();
        vec![cert::bad(facts, "only-cn").with("name", name).at(leaf.at)]
    }
}
