//! The checks, one file each. The order of the table is the order of the report.

mod auth_channel_binding;
mod auth_error_oracle;
mod auth_login;
mod auth_not_offered_after_tls;
mod auth_ntlm_leak;
mod auth_on_mx;
mod auth_scram;
mod auth_scram_iterations;
mod auth_scram_server_proof;
mod auth_weak_mech;
mod banner_discloses;
mod banner_name;
mod caps_tls_diff;
mod cert;
mod cert_chain_incomplete;
mod cert_cn_only;
mod cert_expired;
mod cert_expiring;
mod cert_key_proof;
mod cert_key_weak;
mod cert_name_mismatch;
mod cert_not_yet_valid;
mod cert_self_signed;
mod cert_sig_weak;
mod cert_unknown_ca;
mod cert_variants;
mod cleartext_port_no_tls;
mod conn_client_address;
mod conn_family_parity;
mod conn_lost;
mod conn_rate_limited;
mod conn_reachable;
mod greeting_latency;
mod greeting_syntax;
mod hello;
mod imap_logindisabled;
mod imap_preauth_clear;
mod imap_referral;
mod imap_tag_confusion;
mod imap_untagged_early;
mod implicit_tls_missing;
mod injected;
mod kex_dh_size;
mod kex_ec_weak;
mod kex_groups;
mod kex_pq_hybrid;
mod mx_requires_tls;
mod plaintext_auth_accepted;
mod plaintext_auth_offered;
mod pop3_apop;
mod port_speaks_other;
mod sieve_caps_after_tls;
mod sig_sha1;
mod smtp_bare_lf;
mod smtp_null_sender;
mod smtp_open_relay;
mod smtp_postmaster;
mod smtp_rcpt_unknown;
mod smtp_requiretls;
mod smtp_smuggling_in;
mod smtp_unauth_pipelining;
mod smtp_vrfy_expn;
mod smtp_xclient;
mod starttls_accepts_unadvertised;
mod starttls_cleartext_after;
mod starttls_injection;
mod starttls_injection_split;
mod starttls_offered;
mod starttls_readvertised;
mod starttls_state_leak;
mod starttls_twice;
mod starttls_works;
mod submission_no_auth;
mod submission_sender_forge;
mod suite_aead_fs_missing;
mod suite_class;
mod suite_order;
mod tls_12_missing;
mod tls_13_missing;
mod tls_alpn_strict;
mod tls_compression;
mod tls_ems;
mod tls_fallback_scsv;
mod tls_handshake;
mod tls_heartbeat;
mod tls_intolerance;
mod tls_list;
mod tls_old_version;
mod tls_reneg_info;
mod tls_sni_strict;
mod tls_ssl2;

use crate::Check;

/// All checks.
pub static CHECKS: &[&dyn Check] = &[
    &conn_reachable::ConnReachable,
    &conn_family_parity::ConnFamilyParity,
    &conn_client_address::ConnClientAddress,
    &conn_lost::ConnLost,
    &conn_rate_limited::ConnRateLimited,
    &greeting_latency::GreetingLatency,
    &greeting_syntax::GreetingSyntax,
    &port_speaks_other::PortSpeaksOther,
    &tls_handshake::TlsHandshake,
    &implicit_tls_missing::ImplicitTlsMissing,
    &cleartext_port_no_tls::CleartextPortNoTls,
    &banner_discloses::BannerDiscloses,
    &banner_name::BannerName,
    &starttls_offered::StarttlsOffered,
    &starttls_works::StarttlsWorks,
    &starttls_accepts_unadvertised::StarttlsAcceptsUnadvertised,
    &starttls_injection::StarttlsInjection,
    &starttls_injection_split::StarttlsInjectionSplit,
    &starttls_cleartext_after::StarttlsCleartextAfter,
    &starttls_state_leak::StarttlsStateLeak,
    &starttls_twice::StarttlsTwice,
    &mx_requires_tls::MxRequiresTls,
    &starttls_readvertised::StarttlsReadvertised,
    &sieve_caps_after_tls::SieveCapsAfterTls,
    &caps_tls_diff::CapsTlsDiff,
    &tls_ssl2::TlsSsl2,
    &tls_old_version::SSL3,
    &tls_old_version::TLS_10,
    &tls_old_version::TLS_11,
    &tls_12_missing::Tls12Missing,
    &tls_13_missing::Tls13Missing,
    &suite_class::NULL,
    &suite_class::EXPORT,
    &suite_class::ANON,
    &suite_class::RC4,
    &suite_class::SMALL_BLOCK,
    &suite_class::STATIC_RSA,
    &suite_class::FFDHE,
    &suite_class::CBC,
    &suite_aead_fs_missing::SuiteAeadFsMissing,
    &suite_order::SuiteOrder,
    &tls_intolerance::TlsIntolerance,
    &kex_dh_size::KexDhSize,
    &kex_ec_weak::KexEcWeak,
    &kex_groups::KexGroups,
    &kex_pq_hybrid::KexPqHybrid,
    &sig_sha1::SigSha1,
    &tls_compression::TlsCompression,
    &tls_reneg_info::TlsRenegInfo,
    &tls_ems::TlsEms,
    &tls_fallback_scsv::TlsFallbackScsv,
    &tls_heartbeat::TlsHeartbeat,
    &tls_alpn_strict::TlsAlpnStrict,
    &tls_sni_strict::TlsSniStrict,
    &tls_list::TlsList,
    &cert_expired::CertExpired,
    &cert_not_yet_valid::CertNotYetValid,
    &cert_expiring::CertExpiring,
    &cert_self_signed::CertSelfSigned,
    &cert_unknown_ca::CertUnknownCa,
    &cert_chain_incomplete::CertChainIncomplete,
    &cert_key_proof::CertKeyProof,
    &cert_name_mismatch::CertNameMismatch,
    &cert_cn_only::CertCnOnly,
    &cert_key_weak::CertKeyWeak,
    &cert_sig_weak::CertSigWeak,
    &cert_variants::CertVariants,
    &plaintext_auth_offered::PlaintextAuthOffered,
    &plaintext_auth_accepted::PlaintextAuthAccepted,
    &auth_not_offered_after_tls::AuthNotOfferedAfterTls,
    &auth_on_mx::AuthOnMx,
    &auth_weak_mech::AuthWeakMech,
    &auth_scram::AuthScram,
    &auth_scram_server_proof::AuthScramServerProof,
    &auth_scram_iterations::AuthScramIterations,
    &auth_channel_binding::AuthChannelBinding,
    &auth_ntlm_leak::AuthNtlmLeak,
    &auth_login::AuthLogin,
    &auth_error_oracle::AuthErrorOracle,
    &submission_no_auth::SubmissionNoAuth,
    &submission_sender_forge::SubmissionSenderForge,
    &smtp_open_relay::SmtpOpenRelay,
    &smtp_vrfy_expn::SmtpVrfyExpn,
    &smtp_postmaster::SmtpPostmaster,
    &smtp_null_sender::SmtpNullSender,
    &smtp_rcpt_unknown::SmtpRcptUnknown,
    &smtp_smuggling_in::SmtpSmugglingIn,
    &smtp_bare_lf::SmtpBareLf,
    &smtp_unauth_pipelining::SmtpUnauthPipelining,
    &smtp_xclient::SmtpXclient,
    &smtp_requiretls::SmtpRequiretls,
    &imap_preauth_clear::ImapPreauthClear,
    &imap_logindisabled::ImapLogindisabled,
    &imap_untagged_early::ImapUntaggedEarly,
    &imap_referral::ImapReferral,
    &imap_tag_confusion::ImapTagConfusion,
    &pop3_apop::Pop3Apop,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_kebab_case() {
        let mut ids: Vec<_> = CHECKS.iter().map(|c| c.meta().id).collect();
        assert!(
            ids.iter()
                .all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        );
        assert!(CHECKS.iter().all(|c| !c.meta().references.is_empty() && !c.meta().group.is_empty()));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), CHECKS.len());
    }
}
