use crate::{Lab, Service};
use ehlo_core::{Family, Scheme};
use ehlo_script::{PlayProblem, PlayWant, Player, Script, Value};
use rustls::{ServerConnection, StreamOwned};
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// A client that says nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(300);

/// How a client did.
#[derive(Debug)]
pub enum Played {
    /// It said all that the script expects.
    Whole,
    /// It said something else.
    Wrong(Box<PlayProblem>),
    /// The connection broke.
    Broken(io::Error),
}

/// Plays a script to every client that connects, one after the other, and tells how each did. `more` says whether to
/// go on.
///
/// # Errors
/// What the listener says.
pub fn play(
    lab: &Lab,
    scheme: Scheme,
    script: &Arc<Script>,
    listener: &TcpListener,
    seed: u64,
    mut more: impl FnMut(Played) -> bool,
) -> io::Result<()> {
    let mut number = 0u64;
    loop {
        let (stream, _) = listener.accept()?;
        number += 1;
        let played = one(lab, scheme, script, stream, seed ^ number).unwrap_or_else(Played::Broken);
        if !more(played) {
            return Ok(());
        }
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Wire::Plain(stream) => stream.write_all(bytes),
            Wire::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = match self {
            Wire::Plain(stream) => stream.read(buffer),
            Wire::Tls(stream) => stream.read(buffer),
        };
        match result {
            // Many clients end TLS without saying so.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(0),
            other => other,
        }
    }

    fn secure(self, lab: &Lab, service: Service) -> io::Result<Wire> {
        let Wire::Plain(mut stream) = self else { return Ok(self) };
        let mut connection = ServerConnection::new(lab.tls(service))
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Wire::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    fn close(self) {
        match self {
            Wire::Plain(stream) => {
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
            Wire::Tls(mut stream) => {
                stream.conn.send_close_notify();
                let _ = stream.flush();
                let _ = stream.sock.shutdown(std::net::Shutdown::Both);
            }
        }
    }
}

fn one(lab: &Lab, scheme: Scheme, script: &Arc<Script>, stream: TcpStream, seed: u64) -> io::Result<Played> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let family = if stream.local_addr()?.is_ipv4() { Family::V4 } else { Family::V6 };
    let service = Service { scheme, family };
    let mut variables = BTreeMap::from([
        ("host".to_owned(), Value::text(lab.host_name())),
        ("domain".to_owned(), Value::text(lab.host_name())),
    ]);
    for (user, (name, password)) in
        lab.accounts().names().take(2).zip([("user", "password"), ("user2", "password2")])
    {
        let secret = ehlo_wire::sasl::Passwords::password(lab.accounts(), user);
        variables.insert(name.to_owned(), Value::text(user));
        variables
            .insert(password.to_owned(), Value::text(secret.map_or(String::new(), |s| s.expose().clone())));
    }
    let mut player = Player::new(Arc::clone(script), variables, seed, lab.unix_time(ehlo_core::Tick(0)));
    let mut wire = Wire::Plain(stream);
    if scheme.tls_mode() == ehlo_core::TlsMode::Implicit {
        wire = wire.secure(lab, service)?;
    }
    let mut buffer = [0; 16 * 1024];
    loop {
        match player.poll() {
            PlayWant::Send(bytes) => wire.send(&bytes)?,
            PlayWant::Drip(bytes, pace) => {
                for byte in bytes {
                    wire.send(&[byte])?;
                    std::thread::sleep(pace);
                }
            }
            PlayWant::Read | PlayWant::ReadEnd => match wire.read(&mut buffer)? {
                0 => player.ended(),
                n => player.received(&buffer[..n]),
            },
            PlayWant::Tls => {
                wire = wire.secure(lab, service)?;
                player.secured();
            }
            PlayWant::Pause(time) => std::thread::sleep(time),
            PlayWant::Close => {
                wire.close();
                return Ok(Played::Whole);
            }
            // Dropping a socket with unread bytes resets it.
            PlayWant::Reset | PlayWant::Finished => return Ok(Played::Whole),
            PlayWant::Wrong(problem) => {
                wire.close();
                return Ok(Played::Wrong(problem));
            }
        }
    }
}
