//! A fake Discord on loopback, for people who want to see the bot and have no application at Discord.

use clap::Parser;
use guildhall_tests::by_hand;
use guildhall_tests::fake_discord::{Console, FakeDiscord, Setup, TOKEN};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::mpsc;

/// Is Discord for one bot, and you are its users: type /job post agent:@sum, or help.
#[derive(Parser)]
#[command(name = "fake-discord")]
struct Arguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8124")]
    listen: SocketAddr,
    /// The bot token that it wants.
    #[arg(long, default_value = TOKEN)]
    token: String,
    /// Who you are in the beginning.
    #[arg(long, value_name = "NAME", default_value = "ada")]
    user: String,
    /// Print every request of the bot.
    #[arg(long)]
    requests: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    by_hand::run(run(Arguments::parse())).await
}

async fn run(arguments: Arguments) -> io::Result<()> {
    let Arguments { listen, token, user, requests } = arguments;
    let (tell, mut lines) = mpsc::channel(by_hand::LINES_MAX);
    let setup = Setup { listen, token, tell: Some(tell) };
    let discord = FakeDiscord::with(setup).await.map_err(by_hand::cannot_listen(listen))?;
    // A person is shown what is wrong line by line.
    discord.allow_complaints();
    let mut out = io::stdout();
    writeln!(out, "A fake Discord listens on {}. Start the bot with:", discord.api())?;
    for (name, value) in discord.environment() {
        writeln!(out, "  {name}={value}")?;
    }
    writeln!(out, "Then type as its user; help tells what there is.")?;
    let mut changes = discord.changes();
    let mut console = Console::new(discord, "Guild", &user);
    let mut typed = BufReader::new(tokio::io::stdin()).lines();
    loop {
        write!(out, "{}", console.prompt())?;
        out.flush()?;
        let said = tokio::select! {
            line = typed.next_line() => match line? {
                None => return Ok(()),
                Some(line) => match console.hear(&line).await {
                    None => return Ok(()),
                    Some(said) => said + &console.news(),
                },
            },
            news = next_news(&mut console, &mut changes) => format!("\n{news}"),
            line = next_line(&mut lines, requests) => format!("\n{line}\n"),
            interrupted = tokio::signal::ctrl_c() => return interrupted,
        };
        write!(out, "{said}")?;
    }
}

/// Waits until there is something new to read.
async fn next_news(console: &mut Console, changes: &mut tokio::sync::watch::Receiver<u64>) -> String {
    loop {
        if changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        let news = console.news();
        if !news.is_empty() {
            return news;
        }
    }
}

/// The next line about the bot that a person wants to see.
async fn next_line(lines: &mut mpsc::Receiver<String>, requests: bool) -> String {
    loop {
        match lines.recv().await {
            Some(line) if requests || line.starts_with("complaint") => return line,
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}
