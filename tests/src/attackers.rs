//! A crowd on the network that means no good, and one that just stands there. Both come from addresses of their own on
//! loopback. What they do is paced: a peer that spins would take the processor from the daemon without touching it.

use guildhall_protocol::client::Client;
use guildhall_protocol::endpoint::{Endpoint, read_certificates};
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::handshake::{Hello, Welcome};
use guildhall_protocol::transport;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Pause of one that sends garbage, between two connections.
const GARBAGE_EVERY: Duration = Duration::from_millis(200);
/// Pause of one that begins a handshake and is silent until it is turned away.
const SILENT_EVERY: Duration = Duration::from_millis(100);
/// Pause of one that connects and closes.
const CLOSE_EVERY: Duration = Duration::from_millis(100);
/// Pause of one that floods, between two calls.
const CALL_EVERY: Duration = Duration::from_millis(20);

/// Whom they meet.
pub struct Target {
    address: SocketAddr,
    ca: PathBuf,
    tls: TlsConnector,
    /// Pauses are so many times shorter.
    speed: u32,
}

/// What they have done so far.
#[derive(Default)]
pub struct Deeds {
    /// Connections that sent garbage.
    pub garbage: AtomicU64,
    /// Handshakes that were begun and not finished.
    pub silent: AtomicU64,
    /// Connections that were closed as soon as they were open.
    pub closed: AtomicU64,
    /// Calls that were answered.
    pub calls: AtomicU64,
    /// Calls that were refused, because there were too many.
    pub refused: AtomicU64,
}

impl Target {
    /// The daemon at this address, which this authority vouches for. It is met with pauses that are `speed` times shorter than
    /// the usual ones.
    ///
    /// # Errors
    /// The authority's file cannot be used.
    pub fn new(address: SocketAddr, ca: PathBuf, speed: u32) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in read_certificates(&ca).map_err(io::Error::other)? {
            roots.add(certificate).map_err(io::Error::other)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(io::Error::other)?.with_root_certificates(roots);
        let mut config = builder.with_no_client_auth();
        // Those who resume a session spare the daemon most of a handshake.
        config.resumption = Resumption::disabled();
        Ok(Self { address, ca, tls: TlsConnector::from(Arc::new(config)), speed })
    }

    /// Somebody who has said who they are, and says nothing more.
    ///
    /// # Errors
    /// They are not let in.
    pub async fn idle(&self, number: usize, token: &str) -> io::Result<TlsStream<TcpStream>> {
        let mut connection = self.secure(self.plain(1, number).await?).await?;
        let hello = Hello { credential: Some(token.to_owned()), ..Hello::of("idle") };
        match transport::greet(&mut connection, &hello).await? {
            Welcome::Accepted { .. } => Ok(connection),
            Welcome::Refused { reason, .. } => Err(io::Error::other(reason)),
        }
    }

    /// One attacker of a crowd, which goes on until it is dropped. `number` says which kind it is, and whence it comes.
    pub async fn attack(&self, number: usize, token: &str, deeds: &Deeds) {
        match number % 4 {
            0 => self.send_garbage(number, deeds).await,
            1 => self.be_silent(number, deeds).await,
            2 => self.connect_and_close(number, deeds).await,
            _ => self.flood(token, deeds).await,
        }
    }

    /// Half of them without TLS, half as a first frame that is none.
    async fn send_garbage(&self, number: usize, deeds: &Deeds) {
        loop {
            let sent = async {
                let mut plain = self.plain(2, number).await?;
                if number % 8 < 4 {
                    plain.write_all(&[0x16; 200]).await?;
                    return plain.read_to_end(&mut Vec::new()).await;
                }
                let mut secure = self.secure(plain).await?;
                secure.write_all(&[b'{'; 200]).await?;
                secure.flush().await?;
                secure.read_to_end(&mut Vec::new()).await
            };
            // The daemon ends it as it likes.
            drop(sent.await);
            deeds.garbage.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(GARBAGE_EVERY / self.speed).await;
        }
    }

    /// Half of them within TLS, half before the first frame has ended.
    async fn be_silent(&self, number: usize, deeds: &Deeds) {
        loop {
            let begun = async {
                let mut plain = self.plain(3, number).await?;
                if number % 8 < 4 {
                    plain.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await?;
                    return plain.read_to_end(&mut Vec::new()).await;
                }
                let mut secure = self.secure(plain).await?;
                secure.write_all(&[0, 0, 0, 100, b'{']).await?;
                secure.flush().await?;
                secure.read_to_end(&mut Vec::new()).await
            };
            deeds.silent.fetch_add(1, Ordering::Relaxed);
            drop(begun.await);
            tokio::time::sleep(SILENT_EVERY / self.speed).await;
        }
    }

    /// Half of them after a whole TLS handshake.
    async fn connect_and_close(&self, number: usize, deeds: &Deeds) {
        loop {
            let opened = async {
                let plain = self.plain(4, number).await?;
                if number % 8 < 4 { Ok(None) } else { self.secure(plain).await.map(Some) }
            };
            drop(opened.await);
            deeds.closed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(CLOSE_EVERY / self.speed).await;
        }
    }

    async fn flood(&self, token: &str, deeds: &Deeds) {
        let hello = Hello { credential: Some(token.to_owned()), ..Hello::of("flood") };
        let endpoint = Endpoint::server(&self.address.to_string(), Some(self.ca.clone()));
        let client = Client::new(endpoint.expect("an address is one"), hello);
        let mut every = tokio::time::interval(CALL_EVERY / self.speed);
        loop {
            every.tick().await;
            let answer = client.call(|service, context| async move { service.status(context).await }).await;
            let count = match answer {
                Ok(_) => &deeds.calls,
                Err(error) if error.kind == ErrorKind::Limited => &deeds.refused,
                Err(_) => continue,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A connection from an address of this crowd's.
    async fn plain(&self, crowd: u8, number: usize) -> io::Result<TcpStream> {
        let last = u8::try_from(number % 200 + 1).expect("it is at most 200");
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::new(127, 0, crowd, last), 0).into())?;
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn secure(&self, plain: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.tls.connect(ServerName::IpAddress(self.address.ip().into()), plain).await
    }
}
