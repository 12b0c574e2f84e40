//! Fakes that run by themselves, for people who try the product by hand.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

/// Lines about requests that wait to be printed; more are lost.
pub const LINES_MAX: usize = 1_000;

/// Runs a fake until it ends, and says why if it failed.
pub async fn run(fake: impl Future<Output = io::Result<()>>) -> ExitCode {
    match fake.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed, and there is nobody else to tell.
            drop(writeln!(io::stderr(), "error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What a person is told where a fake cannot listen.
pub fn cannot_listen(on: SocketAddr) -> impl FnOnce(io::Error) -> io::Error {
    move |error| {
        io::Error::new(error.kind(), format!("cannot listen on {on}: {error}; choose another with --listen"))
    }
}
