//! A fake OpenAI on loopback, for people who want to see the product with a model and have no key.

use clap::Parser;
use guildhall_tests::by_hand;
use guildhall_tests::fake_openai::{FakeOpenAi, Gullible, Known, Mind, Options};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc;

/// The key that it wants.
const KEY: &str = "fake";

/// Answers as OpenAI does, without a model: it counts words.
#[derive(Parser)]
#[command(name = "fake-openai")]
struct Arguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8123")]
    listen: SocketAddr,
    /// Every answer comes so many milliseconds later.
    #[arg(long, value_name = "N", default_value_t = 0)]
    latency_ms: u64,
    /// Obey whatever texts say, as a model without defenses does.
    #[arg(long)]
    gullible: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    by_hand::run(run(Arguments::parse())).await
}

async fn run(arguments: Arguments) -> io::Result<()> {
    let Arguments { listen, latency_ms, gullible } = arguments;
    let (tell, mut lines) = mpsc::channel(by_hand::LINES_MAX);
    let options = Options {
        listen,
        key: KEY.to_owned(),
        chat_models: Known::Any,
        embedding_models: Known::Any,
        mind: if gullible { Mind::Gullible(Gullible::ReadsMarks) } else { Mind::Sensible },
        tell: Some(tell),
    };
    let fake = FakeOpenAi::with(options).await.map_err(by_hand::cannot_listen(listen))?;
    // A person is shown what is wrong line by line.
    fake.allow_complaints();
    fake.take_plain_chats();
    fake.set_latency(Duration::from_millis(latency_ms));
    let mut out = io::stdout();
    writeln!(out, "A fake OpenAI listens on {}. It has no model: it counts words.", fake.base_url())?;
    writeln!(out, "Try: OPENAI_BASE_URL={} OPENAI_API_KEY={KEY} cargo run -- demo", fake.base_url())?;
    writeln!(out, "Ctrl-C ends it.")?;
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => writeln!(out, "{line}")?,
                None => return Ok(()),
            },
            interrupted = tokio::signal::ctrl_c() => return interrupted,
        }
    }
}
