//! Files that people send along: fetched at once, since their addresses expire, and within bounds.

use crate::incoming::Attachment;
use guildhall_protocol::job::limits::INPUT_BYTES_MAX;
use reqwest_of_serenity::Client;
use reqwest_of_serenity::redirect::Policy;
use std::time::Duration;
use url::Url;

/// Longest time for a file.
const FETCH_MAX: Duration = Duration::from_secs(20);
/// Where Discord keeps files.
const HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];

/// Why a file is not taken. Its text is for whoever sent it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("the file has {0} bytes, the most is {INPUT_BYTES_MAX}")]
    TooLarge(u64),
    #[error("the file has more than {INPUT_BYTES_MAX} bytes, the most, and not {0} as is said")]
    LargerThanSaid(u64),
    #[error("the file is no text")]
    NoText,
    #[error("the file is not where Discord keeps files")]
    Elsewhere,
    #[error("the file cannot be fetched: send it again")]
    Away,
}

/// Fetches files.
pub(crate) struct Files {
    http: Client,
    /// A server on this machine that stands for Discord.
    api: Option<Url>,
}

impl Files {
    pub(crate) fn new(api: Option<&str>) -> anyhow::Result<Self> {
        let mut http = Client::builder().timeout(FETCH_MAX).redirect(Policy::none());
        if api.is_some() {
            http = http.no_proxy();
        }
        Ok(Self { http: http.build()?, api: api.map(Url::parse).transpose()? })
    }

    /// The text of a file.
    pub(crate) async fn text(&self, attachment: &Attachment) -> Result<String, FileError> {
        let url = Url::parse(&attachment.url).map_err(|_| FileError::Elsewhere)?;
        let is_known = match &self.api {
            Some(api) => url.host() == api.host() && url.port() == api.port(),
            None => url.scheme() == "https" && url.host_str().is_some_and(|host| HOSTS.contains(&host)),
        };
        if !is_known {
            return Err(FileError::Elsewhere);
        }
        if attachment.size > INPUT_BYTES_MAX as u64 {
            return Err(FileError::TooLarge(attachment.size));
        }
        let mut response = self.http.get(url).send().await.map_err(|_| FileError::Away)?;
        if !response.status().is_success() {
            return Err(FileError::Away);
        }
        let mut bytes = Vec::new();
        // What it says about its size may be a lie.
        while let Some(chunk) = response.chunk().await.map_err(|_| FileError::Away)? {
            if chunk.len() > INPUT_BYTES_MAX - bytes.len() {
                return Err(FileError::LargerThanSaid(attachment.size));
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(bytes).map_err(|_| FileError::NoText)?;
        if text.contains('\0') {
            Err(FileError::NoText)
        } else {
            Ok(text.trim_start_matches('\u{feff}').to_owned())
        }
    }
}
