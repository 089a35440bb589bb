//! What a test suite asks a lab over HTTP: which messages came, what was said, what is to go wrong.
//!
//! It is meant for programs on the same machine. Whoever can reach it can read and change everything, so it answers
//! only who asks for this machine by name (a page in a browser that was led here by DNS asks for another), and no
//! page at all.

mod answer;
mod body;
mod document;
mod messages;
mod query;
mod routes;

use crate::{Lab, LabError};
use ehlo_core::{Address, Scheme, Tick};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// So many connections at once; who comes later is told so.
const MOST_CONNECTIONS: usize = 128;

/// So many more are told that there are too many.
const MOST_REFUSED: usize = 64;

/// So long may a client take for the head of a request, or be idle.
const PATIENCE: Duration = Duration::from_secs(30);

/// A socket for HTTP, and nothing serves yet.
pub struct HttpListener {
    listener: TcpListener,
    address: SocketAddr,
}

/// HTTP that is served. It ends when this is dropped.
pub struct HttpRunning {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// What all requests share.
struct Shared {
    lab: Arc<Lab>,
    /// Where the services of the lab listen.
    services: Vec<(Scheme, Address)>,
    address: IpAddr,
    start: Instant,
}

impl Shared {
    /// The time on the clock of the lab, in seconds since 1970.
    fn now(&self) -> i64 {
        let ticks = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.lab.unix_time(Tick(ticks))
    }
}

impl HttpListener {
    /// Takes the port; 0 for a free one.
    ///
    /// # Errors
    /// [`LabError::Http`].
    pub async fn bind(address: SocketAddr) -> Result<HttpListener, LabError> {
        let failed = |error| LabError::Http { address, error };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(HttpListener { listener, address })
    }

    /// Serves, and has the lab record its sessions from now on. `services` is told to who asks.
    pub fn serve(self, lab: &Arc<Lab>, services: &[(Scheme, Address)]) -> HttpRunning {
        lab.observe().record();
        let shared = Arc::new(Shared {
            lab: Arc::clone(lab),
            services: services.to_vec(),
            address: self.address.ip(),
            start: Instant::now(),
        });
        let mut tasks = JoinSet::new();
        let listener = self.listener;
        tasks.spawn(async move {
            let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
            let refusals = Arc::new(Semaphore::new(MOST_REFUSED));
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else {
                            tokio::time::sleep(Duration::from_millis(50)).await;
                            continue;
                        };
                        let (permit, full) = match Arc::clone(&places).try_acquire_owned() {
                            Ok(permit) => (permit, false),
                            Err(_) => match Arc::clone(&refusals).try_acquire_owned() {
                                Ok(permit) => (permit, true),
                                Err(_) => continue,
                            },
                        };
                        let shared = Arc::clone(&shared);
                        connections.spawn(async move {
                            let _permit = permit;
                            serve(stream, &shared, full).await;
                        });
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        HttpRunning { address: self.address, _tasks: tasks }
    }
}

impl HttpRunning {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(stream: tokio::net::TcpStream, shared: &Arc<Shared>, full: bool) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| async move {
        let response = if full { answer::busy() } else { routes::answer(shared, request).await };
        Ok::<_, Infallible>(response)
    });
    // A client that breaks the connection or the protocol is its own affair.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(64 * 1024)
        .keep_alive(!full)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
