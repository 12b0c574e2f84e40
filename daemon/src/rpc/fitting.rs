//! Answers that fit: one that is too large for a frame leaves as an error that says so, and the connection goes on.

use futures::{Sink, Stream};
use guildhall_protocol::transport::{SERVICE_FRAME_BYTES_MAX, is_too_large};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tarpc::{Response, ServerError};

/// A transport that sends an error in place of an answer that is too large.
pub(super) struct Fitting<T>(pub(super) T);

impl<T: Stream + Unpin> Stream for Fitting<T> {
    type Item = T::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T::Item>> {
        Pin::new(&mut self.0).poll_next(context)
    }
}

impl<T, Answer> Sink<Response<Answer>> for Fitting<T>
where
    T: Sink<Response<Answer>, Error = io::Error> + Unpin,
{
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_ready(context)
    }

    fn start_send(mut self: Pin<&mut Self>, answer: Response<Answer>) -> io::Result<()> {
        let request_id = answer.request_id;
        match Pin::new(&mut self.0).start_send(answer) {
            Err(error) if is_too_large(&error) => {
                let told = format!("the answer is larger than {SERVICE_FRAME_BYTES_MAX} bytes");
                let message = Err(ServerError::new(io::ErrorKind::InvalidData, told));
                Pin::new(&mut self.0).start_send(Response { request_id, message })
            }
            sent => sent,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{SinkExt, StreamExt};
    use guildhall_protocol::transport::service;

    #[tokio::test]
    async fn what_is_too_large_is_told_and_the_next_answer_arrives() {
        let (here, there) = tokio::io::duplex(64 * 1024);
        let mut daemon = Fitting(service::<_, Response<String>, Response<String>>(here));
        let mut caller = service::<_, Response<String>, Response<String>>(there);
        let large = "x".repeat(SERVICE_FRAME_BYTES_MAX);
        daemon.send(Response { request_id: 1, message: Ok(large) }).await.expect("it is told");
        daemon.send(Response { request_id: 2, message: Ok("small".to_owned()) }).await.expect("it is sent");
        let told = caller.next().await.expect("an answer").expect("it reads");
        assert_eq!(told.request_id, 1);
        assert_eq!(told.message.expect_err("too large").kind, io::ErrorKind::InvalidData);
        assert_eq!(
            caller.next().await.expect("an answer").expect("it reads").message.expect("small"),
            "small"
        );
    }
}
