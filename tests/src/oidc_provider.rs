//! A real `OpenID` Connect provider, `oidc-provider` from npm, and the browser of a person who signs in there.
//!
//! It needs Node.js and `npm ci` in `tests/oidc-provider`, which `.ci/run` does. Without them its tests are left out, unless
//! `GUILDHALL_TEST_OIDC` is set: then they must run.

use regex::Regex;
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Url};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running provider. It ends when it is dropped.
pub struct OidcProvider {
    /// Its address, which is its name.
    pub url: String,
    /// The application that `guildhall` is there.
    pub client_id: &'static str,
    _process: Child,
}

impl OidcProvider {
    /// Starts a provider with these options of `provider.mjs`; none where Node.js or the package is missing.
    ///
    /// # Panics
    /// It does not start, or it is missing where it must not be.
    pub async fn start(options: &[&str]) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc-provider");
        let has_node =
            Command::new("node").arg("--version").output().await.is_ok_and(|node| node.status.success());
        if !has_node || !folder.join("node_modules/oidc-provider").exists() {
            assert!(std::env::var_os("GUILDHALL_TEST_OIDC").is_none(), "`npm ci` in {}", folder.display());
            let told =
                format!("left out: there is no Node.js, or `npm ci` was not run in {}", folder.display());
            drop(writeln!(std::io::stderr(), "{told}"));
            return None;
        }
        let mut process = Command::new("node")
            .arg("provider.mjs")
            .args(options)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let url = lines.next_line().await.expect("it speaks").expect("it tells its address");
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        Some(Self { url, client_id: "guildhall-cli", _process: process })
    }
}

/// A browser that opens a page, fills in every form as one person, and follows where it is sent.
pub struct Browser {
    person: String,
    http: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// The browser of a person.
    ///
    /// # Panics
    /// There is no HTTP.
    pub fn of(person: &str) -> Self {
        // An error only says that one was installed before. Without one, reqwest panics.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("HTTP");
        Self { person: person.to_owned(), http, cookies: BTreeMap::new() }
    }

    /// Opens a page and goes on until there is nothing more to fill in; the last page.
    ///
    /// # Panics
    /// It leads nowhere.
    pub async fn open(&mut self, page: &str) -> String {
        let mut at: Url = page.parse().expect("an address");
        let mut form = None;
        for _ in 0..30 {
            let request = match form.take() {
                None => self.http.get(at.clone()),
                Some(fields) => self
                    .http
                    .post(at.clone())
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(fields),
            };
            let cookies: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let response = request.header(COOKIE, cookies.join("; ")).send().await.expect("a page");
            for cookie in response.headers().get_all(SET_COOKIE) {
                self.keep(cookie.to_str().expect("text"));
            }
            if let Some(next) = response.headers().get(LOCATION) {
                at = at.join(next.to_str().expect("text")).expect("an address");
                continue;
            }
            let text = response.text().await.expect("text");
            match self.filled_in(&text) {
                None => return text,
                Some((action, fields)) => {
                    at = at.join(&action).expect("an address");
                    form = Some(fields);
                }
            }
        }
        panic!("it goes round in circles at {at}");
    }

    fn keep(&mut self, cookie: &str) {
        let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
        if value.is_empty() {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Where the first form of a page goes, and what this person writes into it.
    fn filled_in(&self, page: &str) -> Option<(String, String)> {
        let regex = |pattern: &str| Regex::new(pattern).expect("an expression");
        let form = regex(r"(?s)<form[^>]*>.*?</form>").find(page)?.as_str();
        let attribute = |tag: &str, name: &str| {
            let found = regex(&format!(r#"\b{name}="([^"]*)""#)).captures(tag)?;
            Some(found[1].replace("&amp;", "&"))
        };
        let action = attribute(form, "action")?;
        let input = regex(r"<input[^>]*>");
        let fields = input.find_iter(form).filter_map(|tag| {
            let name = attribute(tag.as_str(), "name")?;
            let value = match name.as_str() {
                "login" => self.person.clone(),
                "password" => "anything".to_owned(),
                _ => attribute(tag.as_str(), "value")?,
            };
            Some((name, value))
        });
        let mut fields: Vec<(String, String)> = fields.collect();
        if form.contains("confirm") && !fields.iter().any(|(name, _)| name == "confirm") {
            fields.push(("confirm".to_owned(), "yes".to_owned()));
        }
        let encode = |text: &str| {
            text.bytes()
                .map(|byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                        char::from(byte).to_string()
                    }
                    other => format!("%{other:02X}"),
                })
                .collect::<String>()
        };
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        Some((action, pairs.join("&")))
    }
}
