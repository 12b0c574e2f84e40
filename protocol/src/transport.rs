//! Frames on a unix socket: first the handshake, then the service. A frame is a 4-byte length and that many bytes.

use crate::handshake::{FRAME_BYTES_MAX, Hello, WAIT_MS_MAX, Welcome};
use futures::{SinkExt, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::time::Duration;
use tarpc::serde_transport::Transport;
use tarpc::tokio_serde::formats::Json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Framed, LengthDelimitedCodec, LengthDelimitedCodecError};

/// Where the daemon of this user listens unless somebody says otherwise: in the runtime folder, or else in the state
/// folder. None without a home.
pub fn usual_socket() -> Option<std::path::PathBuf> {
    let folder =
        |name| std::env::var_os(name).map(std::path::PathBuf::from).filter(|path| path.is_absolute());
    let runtime = folder("XDG_RUNTIME_DIR").or_else(|| Some(folder("HOME")?.join(".local/state")));
    Some(runtime?.join("guildhall").join("guildhalld.sock"))
}

/// Where a demo that stays is found: beside where the daemon of this user usually listens. None without a home.
pub fn demo_socket() -> Option<std::path::PathBuf> {
    Some(usual_socket()?.with_file_name("demo.sock"))
}

/// Largest frame of the service, bytes.
pub const SERVICE_FRAME_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The transport of the service over a connection whose handshake is done.
pub type ServiceTransport<IO, Incoming, Outgoing> =
    Transport<IO, Incoming, Outgoing, Json<Incoming, Outgoing>>;

/// Starts the service on a connection.
pub fn service<IO, Incoming, Outgoing>(connection: IO) -> ServiceTransport<IO, Incoming, Outgoing>
where
    IO: AsyncRead + AsyncWrite,
    Incoming: DeserializeOwned,
    Outgoing: Serialize,
{
    let codec = LengthDelimitedCodec::builder().max_frame_length(SERVICE_FRAME_BYTES_MAX).new_codec();
    tarpc::serde_transport::new(Framed::new(connection, codec), Json::default())
}

/// Whether this is the refusal of a frame that is larger than [`SERVICE_FRAME_BYTES_MAX`]: nothing of it was sent, and the
/// connection is as good as before.
pub fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<LengthDelimitedCodecError>() || is_too_large(inner))
}

/// The caller's side of the handshake.
///
/// # Errors
/// The connection failed, the daemon was silent for [`WAIT_MS_MAX`], or what came is no handshake.
pub async fn greet<IO>(connection: &mut IO, hello: &Hello) -> io::Result<Welcome>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    send(connection, hello).await?;
    receive(connection).await
}

/// Reads the caller's hello.
///
/// # Errors
/// As [`greet`].
pub async fn receive_hello<IO>(connection: &mut IO) -> io::Result<Hello>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    receive(connection).await
}

/// Sends the daemon's answer to a hello.
///
/// # Errors
/// The connection failed.
pub async fn send_welcome<IO>(connection: &mut IO, welcome: &Welcome) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    send(connection, welcome).await
}

async fn send<IO, T>(connection: &mut IO, message: &T) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    T: Serialize,
{
    let bytes = serde_json::to_vec(message)?;
    let frame = tokio_util::bytes::Bytes::from(bytes);
    frames(connection).send(frame).await
}

async fn receive<IO, T>(connection: &mut IO) -> io::Result<T>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    T: DeserializeOwned,
{
    let mut frames = frames(connection);
    let frame = tokio::time::timeout(Duration::from_millis(WAIT_MS_MAX), frames.next())
        .await
        .map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, "the peer did not finish the handshake in time")
        })?
        .ok_or_else(|| {
            io::Error::new(io::ErrorKind::UnexpectedEof, "the peer hung up before the handshake")
        })??;
    // The peer waits for our answer before it sends more, so nothing of the service can be in this buffer.
    Ok(serde_json::from_slice(&frame)?)
}

fn frames<IO: AsyncRead + AsyncWrite + Unpin>(connection: &mut IO) -> Framed<&mut IO, LengthDelimitedCodec> {
    Framed::new(connection, LengthDelimitedCodec::builder().max_frame_length(FRAME_BYTES_MAX).new_codec())
}
