use crate::{ClientIdentity, Connector, TlsSettings, Trust, resolve};
use ehlo_core::{Address, Endpoint, Failure, Family, Limits};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// More addresses than this are not looked at: a hostile zone could name hundreds.
const MOST_ADDRESSES: usize = 8;

/// How connections to services are made, whatever is done with them.
#[derive(Clone)]
pub struct ConnectionOptions {
    /// How long to wait and how much to take.
    pub limits: Limits,
    /// Only addresses of this family.
    pub family: Option<Family>,
    /// Go there instead of the addresses of the name.
    pub connect: Option<IpAddr>,
    /// Makes connections.
    pub connector: Connector,
    /// What is trusted.
    pub trust: Arc<Trust>,
    /// Our own certificate.
    pub identity: Option<ClientIdentity>,
    /// The server name to ask for instead of the host's.
    pub sni: Option<String>,
    /// The name that we give ourselves in EHLO; none for the address literal of the connection.
    pub helo: Option<String>,
    /// The clock by which dates are judged, seconds since 1970.
    pub now: i64,
    /// Makes tags that nobody can guess.
    pub seed: u64,
}

impl ConnectionOptions {
    /// TLS as these options want it, of any version.
    pub fn tls_settings(&self) -> TlsSettings {
        TlsSettings {
            trust: Arc::clone(&self.trust),
            sni: self.sni.clone(),
            also_named: Vec::new(),
            identity: self.identity.clone(),
            now: self.now,
            oldest: None,
            newest: None,
            alpn: Vec::new(),
        }
    }

    /// The addresses of a service; `known` where they need no looking up.
    ///
    /// # Errors
    /// The name cannot be resolved.
    pub async fn addresses(
        &self,
        endpoint: &Endpoint,
        known: Option<&[Address]>,
    ) -> Result<Vec<Address>, Failure> {
        if let Some(path) = &endpoint.path {
            return Ok(vec![Address::Unix(path.clone())]);
        }
        let at = |ip| Address::Ip(SocketAddr::new(ip, endpoint.port));
        if let Some(known) = known {
            let wanted = |a: &&Address| self.family.is_none_or(|f| f == a.family());
            return Ok(known.iter().filter(wanted).cloned().collect());
        }
        if let Some(ip) = self.connect {
            return Ok(vec![at(ip)]);
        }
        let found = resolve(&endpoint.host, self.family, self.limits.connect).await?;
        Ok(found.into_iter().take(MOST_ADDRESSES).map(at).collect())
    }
}
