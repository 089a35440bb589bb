use crate::{Connection, Lab, LabError, Ports, Service, Step};
use ehlo_core::{Address, Scheme, Tick};
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Where a write is not made longer by what comes next.
const MOST_IN_A_WRITE: usize = 64 * 1024;

/// So long nobody need say anything (RFC 5321 §4.5.3.2.7: at least five minutes; RFC 9051 §5.4: thirty).
const PATIENCE: Duration = Duration::from_secs(1800);
/// So often a store that other programs may change is looked at.
const LOOK: std::time::Duration = std::time::Duration::from_secs(2);

/// Sockets that listen for a lab, and nothing serves yet.
pub struct Listeners {
    tcp: Vec<(Scheme, TcpListener, SocketAddr)>,
    #[cfg(unix)]
    unix: Option<(tokio::net::UnixListener, PathBuf)>,
    refused: Vec<(Scheme, SocketAddr)>,
}

/// A lab that serves. It ends when this is dropped.
pub struct Running {
    addresses: Vec<(Scheme, Address)>,
    _tasks: JoinSet<()>,
    socket: Option<PathBuf>,
}

impl Listeners {
    /// Takes the ports.
    ///
    /// # Errors
    /// [`LabError::Listen`] for the first that cannot be had. IPv6 addresses are left out on a machine without IPv6.
    pub async fn bind(lab: &Lab, ports: &Ports) -> Result<Listeners, LabError> {
        let mut tcp = Vec::new();
        let mut refused = Vec::new();
        for &scheme in Service::SCHEMES {
            let mut port = ports.of(scheme);
            let wanted = port;
            for attempt in 0.. {
                let mut bound = Vec::new();
                let mut problem = None;
                for &ip in &ports.addresses {
                    let address = SocketAddr::new(ip, port);
                    match listen(address) {
                        Ok(listener) => {
                            let local = listener
                                .local_addr()
                                .map_err(|error| listen_error(scheme, address, error))?;
                            port = local.port();
                            bound.push((listener, local));
                        }
                        Err(error) if ip.is_ipv6() && no_such_address(&error) => {}
                        Err(error) => {
                            problem = Some(listen_error(scheme, address, error));
                            break;
                        }
                    }
                }
                match problem {
                    None => {
                        for (listener, local) in bound {
                            let service = Service { scheme, family: Address::Ip(local).family() };
                            if lab.settings(service).listening {
                                tcp.push((scheme, listener, local));
                            } else {
                                refused.push((scheme, local));
                            }
                        }
                        break;
                    }
                    // A free port of one family may be taken in the other: try another one.
                    Some(_) if wanted == 0 && attempt < 20 => port = 0,
                    Some(problem) => return Err(problem),
                }
            }
        }
        Ok(Listeners {
            tcp,
            #[cfg(unix)]
            unix: bind_unix(ports)?,
            refused,
        })
    }

    /// Serves.
    pub fn serve(self, lab: &Arc<Lab>) -> Running {
        let mut tasks = JoinSet::new();
        let mut addresses: Vec<(Scheme, Address)> = Vec::new();
        let start = Instant::now();
        let queue = Arc::clone(lab);
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                crate::queue::release(&queue, tick_since(start));
            }
        });
        for (scheme, listener, local) in self.tcp {
            addresses.push((scheme, Address::Ip(local)));
            let lab = Arc::clone(lab);
            tasks.spawn(async move {
                let service = Service { scheme, family: Address::Ip(local).family() };
                let mut connections = JoinSet::new();
                loop {
                    tokio::select! {
                        accepted = listener.accept() => {
                            let Ok((stream, peer)) = accepted else {
                                // Out of descriptors, most likely: asking again at once would not help.
                                tokio::time::sleep(Duration::from_millis(50)).await;
                                continue;
                            };
                            let lab = Arc::clone(&lab);
                            connections.spawn(async move { serve_tcp(&lab, service, stream, peer.ip(), start).await });
                        }
                        Some(_) = connections.join_next() => {}
                    }
                }
            });
        }
        addresses.extend(self.refused.iter().map(|&(scheme, local)| (scheme, Address::Ip(local))));
        #[cfg(not(unix))]
        let socket = None;
        #[cfg(unix)]
        let socket = self.unix.map(|(listener, path)| {
            addresses.push((Scheme::Lmtp, Address::Unix(path.clone())));
            let lab = Arc::clone(lab);
            tasks.spawn(async move {
                let service = Service { scheme: Scheme::Lmtp, family: ehlo_core::Family::Unix };
                let mut connections = JoinSet::new();
                loop {
                    tokio::select! {
                        accepted = listener.accept() => {
                            let Ok((stream, _)) = accepted else { continue };
                            let lab = Arc::clone(&lab);
                            connections.spawn(async move { serve(&lab, service, "unix", stream, start).await; });
                        }
                        Some(_) = connections.join_next() => {}
                    }
                }
            });
            path
        });
        if lab.store().is_shared() {
            tasks.spawn(look(Arc::clone(lab)));
        }
        addresses.sort_by_key(|(scheme, address)| {
            (Service::SCHEMES.iter().position(|s| s == scheme), address.family(), address.clone())
        });
        Running { addresses, _tasks: tasks, socket }
    }
}

/// Looks at what other programs do to the mailboxes on the disk.
async fn look(lab: Arc<Lab>) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let store = Arc::clone(lab.store());
        if tokio::task::spawn_blocking(move || store.look()).await.is_err() {
            return;
        }
    }
}

impl Running {
    /// Where it listens, service by service. A port whose fault is not to listen is among them.
    pub fn addresses(&self) -> &[(Scheme, Address)] {
        &self.addresses
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(path) = &self.socket {
            // Nobody can be told if that fails; the next start finds the file and takes it away.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Lab {
    /// Serves one connection on a transport that is no socket, e.g. in memory.
    pub async fn serve_stream<S>(self: &Arc<Self>, service: Service, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        serve(self, service, "192.0.2.1", stream, Instant::now()).await;
    }

    /// The same for a lab that was started at `start`, so that all its connections have one clock.
    pub async fn serve_stream_since<S>(self: &Arc<Self>, service: Service, stream: S, start: Instant)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        serve(self, service, "192.0.2.1", stream, start).await;
    }
}

/// Serves one connection on any transport; yields whether it is to be reset.
async fn serve<S>(lab: &Arc<Lab>, service: Service, peer: &str, stream: S, start: Instant) -> (S, bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = stream;
    let reset = drive(lab, service, peer, &mut stream, start).await;
    (stream, reset)
}

async fn drive<S>(lab: &Arc<Lab>, service: Service, peer: &str, stream: &mut S, start: Instant) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let now = || tick_since(start);
    let mut connection = Connection::new(lab, service, peer, now());
    let mut mailboxes = Mailboxes::default();
    // One timer for all waits: it is set anew only where it would ring too late.
    let timer = tokio::time::sleep(PATIENCE);
    tokio::pin!(timer);
    let mut heard = Instant::now();
    loop {
        let mut idle = false;
        let until = match connection.poll(now()) {
            Step::Transmit(bytes) => {
                // The answers to pipelined commands go out in one write.
                let mut bytes = bytes;
                while bytes.len() < MOST_IN_A_WRITE
                    && let Some(more) = connection.more(now())
                {
                    bytes.extend_from_slice(&more);
                }
                if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                    connection.handle_loss(now());
                    return false;
                }
                continue;
            }
            Step::Close => {
                // Half-close and read on for a moment: closing with unread bytes would reset the connection and
                // destroy what the client has not read yet. It is over all the same for whoever watches.
                drop(connection);
                let _ = stream.shutdown().await;
                let linger = tokio::time::sleep(Duration::from_millis(500));
                tokio::pin!(linger);
                loop {
                    tokio::select! {
                        read = read_some(stream) => if !matches!(read, Ok(bytes) if !bytes.is_empty()) { return false },
                        () = &mut linger => return false,
                    }
                }
            }
            Step::Reset => return true,
            Step::WaitUntil(tick) => start + Duration::from_micros(tick.0),
            Step::Idle => {
                idle = true;
                heard + PATIENCE
            }
        };
        if mailboxes.follow(lab, connection.watched()) {
            // What changed until now would be missed.
            connection.wake(now());
            continue;
        }
        if timer.deadline() > until || timer.is_elapsed() {
            timer.as_mut().reset(until);
        }
        tokio::select! {
            read = read_some(stream) => match read {
                Ok(bytes) if !bytes.is_empty() => {
                    heard = Instant::now();
                    connection.handle(&bytes, now());
                }
                _ => {
                    connection.handle_loss(now());
                    return false;
                }
            },
            () = mailboxes.changed() => connection.wake(now()),
            () = &mut timer => {
                if idle && until <= Instant::now() {
                    connection.handle_end();
                }
                timer.as_mut().reset(until);
            }
        }
    }
}

/// The mailboxes that a connection waits for news of, and no others, so that a delivery does not wake everybody.
#[derive(Default)]
struct Mailboxes {
    account: Option<String>,
    changes: Option<watch::Receiver<u64>>,
}

impl Mailboxes {
    /// Follows another account; whether it is another.
    fn follow(&mut self, lab: &Lab, account: Option<&str>) -> bool {
        if self.account.as_deref() == account {
            return false;
        }
        self.account = account.map(str::to_owned);
        self.changes = account.and_then(|name| lab.store().watch_account(name));
        self.changes.is_some()
    }

    async fn changed(&mut self) {
        let there = match &mut self.changes {
            Some(changes) => changes.changed().await.is_ok(),
            None => false,
        };
        if !there {
            std::future::pending::<()>().await;
        }
    }
}

/// Reads what is there. The buffer lives on the stack while something is read, and not in the connection while nothing
/// comes: a thousand idle connections hold a thousand times nothing.
async fn read_some<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Vec<u8>> {
    poll_fn(|cx| {
        let mut space = [MaybeUninit::<u8>::uninit(); 16 * 1024];
        let mut buffer = ReadBuf::uninit(&mut space);
        Pin::new(&mut *stream).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().to_vec())
    })
    .await
}

/// Takes a port. So many clients may wait to be taken in that a crowd that comes at once is not turned away: what does
/// not fit is dropped by the system, and clients that wait for a greeting wait in vain for seconds.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As the standard library does: a port is free again as soon as the lab has ended.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(4096)
}

fn tick_since(start: Instant) -> Tick {
    Tick(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX))
}

async fn serve_tcp(lab: &Arc<Lab>, service: Service, stream: TcpStream, peer: IpAddr, start: Instant) {
    let _ = stream.set_nodelay(true);
    let (stream, reset) = serve(lab, service, &peer.to_string(), stream, start).await;
    if reset {
        // With a linger time of zero, closing sends RST.
        let _ = stream.set_zero_linger();
    }
}

fn listen_error(scheme: Scheme, address: SocketAddr, error: std::io::Error) -> LabError {
    LabError::Listen { scheme, address: address.to_string(), error }
}

fn no_such_address(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{AddrNotAvailable, Unsupported};
    matches!(error.kind(), AddrNotAvailable | Unsupported) || error.raw_os_error() == Some(97)
}

#[cfg(unix)]
fn bind_unix(ports: &Ports) -> Result<Option<(tokio::net::UnixListener, PathBuf)>, LabError> {
    let Some(path) = &ports.lmtp_socket else { return Ok(None) };
    let failed =
        |error| LabError::Listen { scheme: Scheme::Lmtp, address: path.display().to_string(), error };
    // A socket that nobody serves any more is in the way; one that somebody serves is not ours to take.
    if std::os::unix::net::UnixStream::connect(path).is_err()
        && std::fs::symlink_metadata(path)
            .is_ok_and(|m| std::os::unix::fs::FileTypeExt::is_socket(&m.file_type()))
    {
        std::fs::remove_file(path).map_err(failed)?;
    }
    let listener = tokio::net::UnixListener::bind(path).map_err(failed)?;
    Ok(Some((listener, path.clone())))
}
