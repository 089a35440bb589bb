use ehlo_core::facts::Vantage;
use ehlo_core::{Address, Cause, Failure, Family, Stage};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpSocket;
use tokio::time::timeout;

/// Anything that bytes go through: a socket, a Unix socket, memory.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// Makes connections.
#[derive(Clone, Default)]
pub struct Connector {
    /// The address to come from.
    pub source: Option<IpAddr>,
    /// Another way to get a transport than a socket: memory, in tests.
    pub dialer: Option<Arc<dyn Dialer>>,
}

/// Yields transports that are no sockets.
pub trait Dialer: Send + Sync {
    /// A transport to `address`, and the address that it comes from.
    ///
    /// # Errors
    /// What a socket would say, e.g. [`io::ErrorKind::ConnectionRefused`].
    fn dial(&self, address: &Address) -> io::Result<(Box<dyn Transport>, SocketAddr)>;
}

/// A connection that was made.
pub struct Connected {
    /// What bytes go through.
    pub transport: Box<dyn Transport>,
    /// The address we come from.
    pub local: Option<SocketAddr>,
}

impl Connector {
    /// Connects to `address` within `wait`.
    ///
    /// # Errors
    /// A [`Failure`] of stage [`Stage::Connect`].
    pub async fn connect(&self, address: &Address, wait: Duration) -> Result<Connected, Failure> {
        let failed = |cause| Failure::new(Stage::Connect, cause);
        match timeout(wait, self.attempt(address)).await {
            Ok(Ok(connected)) => Ok(connected),
            Ok(Err(error)) => Err(failed(cause_of(&error))),
            Err(_) => Err(failed(Cause::TimedOut { waited_ms: millis(wait) })),
        }
    }

    async fn attempt(&self, address: &Address) -> io::Result<Connected> {
        if let Some(dialer) = &self.dialer {
            let (transport, local) = dialer.dial(address)?;
            return Ok(Connected { transport, local: Some(local) });
        }
        match address {
            Address::Ip(address) => {
                let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
                if let Some(source) = self.source.filter(|s| s.is_ipv4() == address.is_ipv4()) {
                    socket.bind(SocketAddr::new(source, 0))?;
                }
                let stream = socket.connect(*address).await?;
                // Lines are short and each is one write: waiting to fill a packet only costs time.
                stream.set_nodelay(true)?;
                let local = stream.local_addr().ok();
                Ok(Connected { transport: Box::new(stream), local })
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?;
                Ok(Connected { transport: Box::new(stream), local: None })
            }
            #[cfg(not(unix))]
            Address::Unix(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "no Unix sockets on this system"))
            }
        }
    }
}

/// The addresses of `host`, in the order of the system's resolver, each once.
///
/// # Errors
/// A [`Failure`] of stage [`Stage::Resolve`].
pub async fn resolve(host: &str, family: Option<Family>, wait: Duration) -> Result<Vec<IpAddr>, Failure> {
    let failed = |cause| Failure::new(Stage::Resolve, cause);
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![address]);
    }
    let found = match timeout(wait, tokio::net::lookup_host((host, 0))).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return Err(failed(Cause::NoAddress { detail: ehlo_core::escape(error.to_string().as_bytes()) }));
        }
        Err(_) => return Err(failed(Cause::TimedOut { waited_ms: millis(wait) })),
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.map(|a| a.ip()) {
        let wanted = match family {
            Some(Family::V4) => address.is_ipv4(),
            Some(Family::V6) => address.is_ipv6(),
            _ => true,
        };
        if wanted && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(failed(Cause::NoAddress { detail: "no address of that family".into() }));
    }
    Ok(addresses)
}

/// How the peer may see us.
pub fn vantage(address: &Address, local: Option<IpAddr>) -> Vantage {
    let Address::Ip(peer) = address else { return Vantage::Unix };
    let peer = peer.ip().to_canonical();
    let private = match peer {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        // fc00::/7 and fe80::/10 (RFC 4193, RFC 4291)
        IpAddr::V6(v6) => (v6.segments()[0] & 0xfe00) == 0xfc00 || (v6.segments()[0] & 0xffc0) == 0xfe80,
    };
    if peer.is_loopback() {
        Vantage::Loopback
    } else if local.is_some_and(|local| local.to_canonical() == peer) {
        Vantage::OwnAddress
    } else if private {
        Vantage::Private
    } else {
        Vantage::Outside
    }
}

pub(crate) fn cause_of(error: &io::Error) -> Cause {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => Cause::Refused,
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Cause::Reset,
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::AddrNotAvailable => {
            Cause::Unreachable { detail: ehlo_core::escape(error.to_string().as_bytes()) }
        }
        Kind::TimedOut => Cause::TimedOut { waited_ms: 0 },
        Kind::UnexpectedEof => Cause::Closed,
        _ => Cause::Io { detail: ehlo_core::escape(error.to_string().as_bytes()) },
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_we_stand() {
        for (peer, local, expected) in [
            ("127.0.0.2:25", "127.0.0.1", Vantage::Loopback),
            ("[::1]:25", "::1", Vantage::Loopback),
            ("[::ffff:127.0.0.1]:25", "::1", Vantage::Loopback),
            ("198.51.100.7:25", "198.51.100.7", Vantage::OwnAddress),
            ("192.168.1.5:25", "192.168.1.9", Vantage::Private),
            ("[fd00::2]:25", "fd00::1", Vantage::Private),
            ("[fe80::2]:25", "fe80::1", Vantage::Private),
            ("198.51.100.7:25", "203.0.113.5", Vantage::Outside),
        ] {
            let address = Address::Ip(peer.parse().unwrap());
            assert_eq!(vantage(&address, Some(local.parse().unwrap())), expected, "{peer}");
        }
        assert_eq!(vantage(&Address::Unix("/x".into()), None), Vantage::Unix);
    }
}
