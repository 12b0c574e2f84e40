//! A person at a terminal as a user of the fake: a line in, what is to be seen out. It reads and writes nothing itself.

use super::{Attachment, Channel, ClientRefuses, FakeDiscord, Message, Modal, Server, Shown, User, View};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Answers that are still followed.
const SHOWN_MAX: usize = 20;
/// The channel where a person begins.
const CHANNEL: &str = "general";
/// What a person can type.
const HELP: &str = "\
/job post agent:@sum brief:\"two words\"  a slash command; a value that is a path, such as ./brief.md, is a file
complete /job show id 12                  what the option id may be completed with
click 3, select 4 LABEL                   the button or list of this number
say TEXT                                  a message of your own
menu 5 Make this a job                    a command of the menu of message #5
dm, channel, channel NAME                 go there and read
as bob                                    be somebody else
install, close, open                      install the app for yourself; close or open your direct messages
break, reconnect                          the bot's connection is lost; the bot is asked to reconnect
pass 15                                   so many minutes pass at once
commands, help, quit";

/// A form that is being filled in.
struct Filling {
    modal: Modal,
    answers: Vec<(String, String)>,
}

/// A person at a terminal.
pub struct Console {
    discord: FakeDiscord,
    server: Server,
    user: User,
    name: String,
    place: Channel,
    filling: Option<Filling>,
    shown: Vec<Shown>,
    /// What was printed of each message.
    printed: BTreeMap<u64, String>,
    messages: Vec<Message>,
    /// The message and custom id of each number.
    controls: Vec<(Message, String)>,
}

impl Console {
    /// A user in a server of this name.
    pub fn new(discord: FakeDiscord, server: &str, name: &str) -> Self {
        let user = discord.user(name);
        let server = discord.server(server);
        let place = server.channel(CHANNEL);
        Self {
            discord,
            server,
            user,
            name: name.to_owned(),
            place,
            filling: None,
            shown: Vec::new(),
            printed: BTreeMap::new(),
            messages: Vec::new(),
            controls: Vec::new(),
        }
    }

    /// The server behind it.
    pub fn discord(&self) -> &FakeDiscord {
        &self.discord
    }

    /// What stands before the next line.
    pub fn prompt(&self) -> String {
        if let Some(filling) = &self.filling
            && let Some(field) = filling.modal.fields().get(filling.answers.len())
        {
            let standing = if field.value.is_empty() { &field.placeholder } else { &field.value };
            let star = if field.required { "*" } else { "" };
            return format!("  {}{star} ({standing}): ", field.label);
        }
        let place = self.place.name();
        let place = if place.is_empty() { "dm".to_owned() } else { format!("#{place}") };
        format!("{} {place}> ", self.name)
    }

    /// Does what a line says; nothing if the person leaves.
    pub async fn hear(&mut self, line: &str) -> Option<String> {
        if self.filling.is_some() {
            return Some(self.fill(line).await);
        }
        let line = line.trim();
        let (verb, rest) = line.split_once(' ').map_or((line, ""), |(verb, rest)| (verb, rest.trim()));
        let done = match verb {
            "" => Ok(String::new()),
            "quit" | "exit" => return None,
            "commands" => Ok(self.commands()),
            "as" if !rest.is_empty() => {
                self.user = self.discord.user(rest);
                rest.clone_into(&mut self.name);
                Ok(String::new())
            }
            "dm" => Ok(self.go(self.user.dm())),
            "channel" => Ok(self.go(self.server.channel(if rest.is_empty() { CHANNEL } else { rest }))),
            "install" => Ok(self.does(User::installs_app)),
            "close" => Ok(self.does(User::closes_dms)),
            "open" => Ok(self.does(User::opens_dms)),
            "break" => Ok(self.happens(FakeDiscord::drops_connection)),
            "reconnect" => Ok(self.happens(FakeDiscord::asks_to_reconnect)),
            "pass" => {
                self.discord.passes(Duration::from_mins(rest.parse().unwrap_or(0)));
                Ok(String::new())
            }
            "say" => {
                self.user.says(&self.place, rest, &[]);
                Ok(String::new())
            }
            "complete" => Ok(self.complete(rest).await),
            "click" => self.click(rest).await,
            "select" => self.select(rest).await,
            "menu" => self.menu(rest).await,
            _ if verb.starts_with('/') => self.types(line).await,
            _ => Ok(HELP.to_owned()),
        };
        Some(done.unwrap_or_else(|refused| format!("Discord does not let you: {refused}\n")))
    }

    fn does(&self, act: impl Fn(&User)) -> String {
        act(&self.user);
        String::new()
    }

    fn happens(&self, event: impl Fn(&FakeDiscord)) -> String {
        event(&self.discord);
        String::new()
    }

    /// What changed since somebody looked: answers, messages here and direct ones.
    pub fn news(&mut self) -> String {
        let mut said = String::new();
        for shown in self.shown.clone() {
            if let View::Message(message) = shown.view() {
                said += &self.print_new(&message);
            }
            for message in shown.followups() {
                said += &self.print_new(&message);
            }
        }
        for message in self.place.messages().into_iter().chain(self.user.dms()) {
            said += &self.print_new(&message);
        }
        said
    }

    fn go(&mut self, place: Channel) -> String {
        self.place = place;
        let messages = self.place.messages();
        messages.iter().map(|message| self.print(message)).collect()
    }

    fn commands(&self) -> String {
        let described = |command: &serde_json::Value| {
            let text = |name: &str| command[name].as_str().unwrap_or_default().to_owned();
            format!("{}: {}\n", text("name"), text("description"))
        };
        self.discord.commands().iter().map(described).collect()
    }

    async fn types(&mut self, line: &str) -> Result<String, ClientRefuses> {
        let (command, options) = read_command(line);
        let mut files = Vec::new();
        let mut named = Vec::new();
        for (name, value) in &options {
            let is_path = value.starts_with("./") || value.starts_with('/');
            let file = Path::new(value).file_name().and_then(|name| name.to_str()).filter(|_| is_path);
            if let Some(file) = file {
                let bytes =
                    std::fs::read(value).map_err(|error| ClientRefuses(format!("{value}: {error}")))?;
                files.push(Attachment::new(file, bytes));
            }
            named.push((name.as_str(), file.unwrap_or(value)));
        }
        let shown = self.user.try_types(&self.place, &command, &named, &files).await?;
        Ok(self.see(shown))
    }

    async fn complete(&mut self, rest: &str) -> String {
        let mut words = rest.rsplitn(3, ' ');
        let (Some(text), Some(option), Some(command)) = (words.next(), words.next(), words.next()) else {
            return HELP.to_owned();
        };
        match self.user.try_completes(&self.place, command, &[], option, text).await {
            Ok(choices) => {
                choices.iter().map(|choice| format!("  {} ({})\n", choice.name, choice.value)).collect()
            }
            Err(refused) => format!("Discord does not let you: {refused}\n"),
        }
    }

    fn control(&self, number: &str) -> Result<(Message, String), ClientRefuses> {
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let control = index.and_then(|index| self.controls.get(index)).cloned();
        control.ok_or_else(|| ClientRefuses(format!("nothing has the number {number:?}")))
    }

    async fn click(&mut self, rest: &str) -> Result<String, ClientRefuses> {
        let (message, button) = self.control(rest)?;
        let shown = self.user.try_clicks(&message, &button).await?;
        Ok(self.see(shown))
    }

    async fn select(&mut self, rest: &str) -> Result<String, ClientRefuses> {
        let (number, value) = rest.split_once(' ').unwrap_or((rest, ""));
        let (message, select) = self.control(number)?;
        let shown = self.user.try_selects(&message, &select, &[value]).await?;
        Ok(self.see(shown))
    }

    async fn menu(&mut self, rest: &str) -> Result<String, ClientRefuses> {
        let (number, command) = rest.split_once(' ').unwrap_or((rest, ""));
        let number = number.trim_start_matches('#').parse::<usize>().ok();
        let message = number.and_then(|number| self.messages.get(number.checked_sub(1)?)).cloned();
        let message = message.ok_or_else(|| ClientRefuses("no message has this number".to_owned()))?;
        let shown = self.user.try_uses_on(&message, command).await?;
        Ok(self.see(shown))
    }

    async fn fill(&mut self, line: &str) -> String {
        let Some(mut filling) = self.filling.take() else { return String::new() };
        let fields = filling.modal.fields();
        if let Some(field) = fields.get(filling.answers.len()) {
            let answer = if line.is_empty() { &field.value } else { line };
            filling.answers.push((field.custom_id.clone(), answer.to_owned()));
        }
        if filling.answers.len() < fields.len() {
            self.filling = Some(filling);
            return String::new();
        }
        let answers: Vec<(&str, &str)> =
            filling.answers.iter().map(|(name, answer)| (name.as_str(), answer.as_str())).collect();
        match self.user.try_fills(&filling.modal, &answers).await {
            Ok(shown) => self.see(shown),
            Err(refused) => {
                self.filling = Some(Filling { modal: filling.modal, answers: Vec::new() });
                format!("Discord does not let you: {refused}; once more:\n")
            }
        }
    }

    /// Shows an answer, and follows it.
    fn see(&mut self, shown: Shown) -> String {
        let said = match shown.view() {
            View::Nothing | View::DidNotRespond => "The application did not respond.\n".to_owned(),
            View::Thinking => "guildhall is thinking...\n".to_owned(),
            View::Deleted => "The answer is deleted.\n".to_owned(),
            View::Message(message) => self.print_new(&message),
            View::Choices(_) => String::new(),
            View::Modal(modal) => {
                let title = format!("{} (an empty line keeps what stands there)\n", modal.title());
                self.filling = Some(Filling { modal, answers: Vec::new() });
                title
            }
        };
        if self.shown.len() == SHOWN_MAX {
            self.shown.remove(0);
        }
        self.shown.push(shown);
        said
    }

    fn print_new(&mut self, message: &Message) -> String {
        if message.is_loading() {
            return String::new();
        }
        let now = format!("{message:?}");
        if self.printed.get(&message.id()) == Some(&now) { String::new() } else { self.print(message) }
    }

    fn print(&mut self, message: &Message) -> String {
        self.printed.insert(message.id(), format!("{message:?}"));
        self.messages.push(message.clone());
        let only = if message.is_ephemeral() { " (only you see this)" } else { "" };
        let dm = if message.channel_id() == self.user.dm().id() { " (dm)" } else { "" };
        let mut said = format!("#{} {}{only}{dm}\n", self.messages.len(), message.author());
        for line in message.text().lines() {
            said += &format!("  {line}\n");
        }
        for button in message.buttons() {
            let state = if button.disabled { ", disabled" } else { "" };
            if let Some(url) = &button.url {
                said += &format!("  [{}: {url}]\n", button.label);
            } else {
                self.controls.push((message.clone(), button.custom_id));
                said += &format!("  [{} {}{state}]\n", self.controls.len(), button.label);
            }
        }
        for select in message.selects() {
            self.controls.push((message.clone(), select.custom_id));
            let labels: Vec<&str> = select.options.iter().map(|(label, _)| label.as_str()).collect();
            said += &format!("  <{} {}: {}>\n", self.controls.len(), select.placeholder, labels.join(" | "));
        }
        for (file, url) in message.files().iter().zip(message.file_urls()) {
            said += &format!("  {file:?} {url}\n");
        }
        said
    }
}

/// Reads `/job post agent:@sum brief:"two words"` into its command and its options.
fn read_command(line: &str) -> (String, Vec<(String, String)>) {
    let mut words: Vec<String> = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().expect("there is one").push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    let first = words.iter().position(|word| word.contains(':')).unwrap_or(words.len());
    let options = words.split_off(first);
    let options = options.into_iter().map(|word| {
        let (name, value) = word.split_once(':').unwrap_or((&word, ""));
        (name.to_owned(), value.to_owned())
    });
    let options = options.collect();
    (words.join(" "), options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_a_command() {
        let (command, options) = read_command("/job post agent:@sum brief:\"sum up: this\" budget:5");
        let wanted = [("agent", "@sum"), ("brief", "sum up: this"), ("budget", "5")];
        let wanted: Vec<_> = wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!((command.as_str(), options), ("/job post", wanted));
    }

    #[tokio::test]
    async fn a_person_is_told_what_happens() {
        let mut console = Console::new(FakeDiscord::start().await, "Guild", "ada");
        assert_eq!(console.prompt(), "ada #general> ");
        let refused = console.hear("/job post").await.expect("it goes on");
        assert!(refused.contains("no command"), "{refused}");
        console.hear("say Hello").await;
        assert!(console.news().contains("ada\n  Hello"));
        assert_eq!(console.news(), "");
        assert!(console.hear("help").await.expect("it goes on").contains("menu 5"));
        assert!(console.hear("quit").await.is_none());
    }
}
