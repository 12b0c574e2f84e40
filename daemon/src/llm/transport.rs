//! The way to a server of models: one HTTP request each through async-openai, answers and errors of bounded size.
//!
//! async-openai knows paths, headers and bodies. Its own retries, response types and error types are not used: they sleep
//! for as long as a server says, lose a whole answer for one missing field, and lose the status of an error whose body is
//! not as expected. So every request passes [`Exchange`], which makes exactly one request, keeps the status, caps what it
//! reads, and hands over a body only if it is JSON (async-openai would write any other body into the log).

mod answer;
mod failure;

pub(super) use answer::{Embedded, Reply, Usage};
pub(super) use failure::{Failure, FailureKind, Paid, PermanentWhy, WHY_CHARACTERS_MAX};

use super::LlmSetupError;
use super::settings::{ApiKey, LlmSettings};
use crate::agents::egress::CONNECT_MS_MAX;
use crate::retry_after::read_retry_after;
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use failure::Trouble;
use guildhall_protocol::model::ModelName;
use guildhall_protocol::time::Timestamp;
use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::Duration;
use url::Url;

/// Most bytes of a chat's answer.
const CHAT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most bytes of an answer with vectors.
const EMBEDDINGS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of an error's body that are looked at.
const ERROR_BYTES_MAX: usize = 2048;

/// A question in the form that servers take.
#[derive(Serialize)]
pub(super) struct ChatRequest<'a> {
    model: &'a str,
    messages: [Message<'a>; 2],
    response_format: ResponseFormat<'a>,
    max_completion_tokens: u32,
    stream: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct ResponseFormat<'a> {
    r#type: &'static str,
    json_schema: JsonSchema<'a>,
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    name: &'a str,
    strict: bool,
    schema: &'a Value,
}

impl<'a> ChatRequest<'a> {
    /// A question whose answer follows `schema` and has at most so many tokens. No temperature: newer models refuse it.
    pub(super) fn new(
        model: &'a ModelName,
        system: &'a str,
        user: &'a str,
        schema_name: &'a str,
        schema: &'a Value,
        answer_tokens_max: u32,
    ) -> Self {
        let json_schema = JsonSchema { name: schema_name, strict: true, schema };
        Self {
            model: model.as_str(),
            messages: [Message { role: "system", content: system }, Message { role: "user", content: user }],
            response_format: ResponseFormat { r#type: "json_schema", json_schema },
            max_completion_tokens: answer_tokens_max,
            stream: false,
        }
    }
}

#[derive(Serialize)]
struct EmbeddingRequest<'a> {
    model: &'a str,
    input: &'a [&'a str],
    encoding_format: &'static str,
}

/// One server of models. Its client keeps connections open.
pub(super) struct Server {
    client: Client<OpenAIConfig>,
    /// So that it can be struck out of what a server says.
    key: Option<ApiKey>,
}

/// The servers that the settings name: for chats, and for embeddings if there is a model. The key goes to the origin of
/// `base_url` only: a second server, often one on the same machine, has no business with it.
pub(super) fn servers(settings: &LlmSettings) -> Result<(Server, Option<Server>), LlmSetupError> {
    // An error only says that one was installed before, which is just as well. Without one, reqwest panics.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("a TLS provider was installed before");
    }
    let chat_url = check(&settings.base_url)?;
    let key = settings.key.as_ref().filter(|key| !key.reveal().is_empty());
    if key.is_some_and(|key| !key.reveal().bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(LlmSetupError::Key); // async-openai would panic
    }
    // Shorter than a call's time limit, so that a server that cannot be reached is told apart from one that is slow: only
    // the slow one has seen the prompt.
    let connect_limit = Duration::from_millis(CONNECT_MS_MAX).min(settings.time_limit / 2);
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(connect_limit)
        .user_agent(concat!("guildhall/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let embedder = match &settings.embedding {
        Some(embedding) => {
            let url = check(&embedding.base_url)?;
            let key = key.filter(|_| url.origin() == chat_url.origin());
            Some(Server::new(&url, key, http.clone(), EMBEDDINGS_BYTES_MAX))
        }
        None => None,
    };
    Ok((Server::new(&chat_url, key, http, CHAT_BYTES_MAX), embedder))
}

fn check(base_url: &str) -> Result<Url, LlmSetupError> {
    let wrong = |why: &str| LlmSetupError::BaseUrl { why: why.to_owned() };
    let url = Url::parse(base_url).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err(wrong("it is not http or https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it holds a user name or password; the key is configured apart"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a query or a fragment"));
    }
    Ok(url)
}

impl Server {
    fn new(base_url: &Url, key: Option<&ApiKey>, http: reqwest::Client, bytes_max: usize) -> Self {
        // Everything is set: the configuration's defaults come from the environment.
        let config = OpenAIConfig::new()
            .with_api_base(base_url.as_str().trim_end_matches('/'))
            .with_api_key(key.map_or("", ApiKey::reveal))
            .with_org_id("")
            .with_project_id("");
        let exchange = Exchange { http: http.clone(), bytes_max, with_key: key.is_some() };
        let service = tower::service_fn(move |request: HttpRequestFactory| {
            let exchange = exchange.clone();
            async move { exchange.run(request).await }
        });
        // `build` instead of `with_config`, which makes an HTTP client of its own first.
        let client = Client::build(http, config).with_http_service(service);
        Self { client, key: key.cloned() }
    }

    /// Asks a chat model, once. Has no time limit of its own; may be dropped midway.
    ///
    /// # Errors
    /// What went wrong before there was an answer. That an answer cannot be used stands in the [`Reply`].
    pub(super) async fn chat(&self, request: &ChatRequest<'_>) -> Result<Reply, Failure> {
        let body = self.client.chat().create_byot::<_, Box<RawValue>>(request).await;
        let body = body.map_err(|error| self.failure(error))?;
        let mut reply = answer::read_chat(body.get());
        if let Err(failure) = &mut reply.content {
            failure.strike_out(self.key.as_ref());
        }
        Ok(reply)
    }

    /// Embeds texts, once. One vector for each text, in their order, as long as the server says.
    ///
    /// # Errors
    /// What went wrong; [`FailureKind::Malformed`] if a vector is missing.
    pub(super) async fn embed(&self, model: &ModelName, texts: &[&str]) -> Result<Embedded, Failure> {
        let request = EmbeddingRequest { model: model.as_str(), input: texts, encoding_format: "float" };
        let body = self.client.embeddings().create_byot::<_, Box<RawValue>>(request).await;
        let body = body.map_err(|error| self.failure(error))?;
        answer::read_embeddings(body.get(), texts.len())
    }

    /// The names of its models, if it lists them in the usual form.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) async fn models(&self) -> Result<Vec<String>, Failure> {
        let body = self.client.models().list_byot::<Box<RawValue>>().await;
        let body = body.map_err(|error| self.failure(error))?;
        Ok(answer::read_models(body.get()))
    }

    fn failure(&self, error: OpenAIError) -> Failure {
        let trouble = match error {
            OpenAIError::Boxed(error) => match error.downcast::<Trouble>() {
                Ok(trouble) => *trouble,
                Err(error) => Trouble::Other(error.to_string()),
            },
            // Not from `Exchange`, so the request was never made. Their texts may hold a body, so they are not kept.
            OpenAIError::Reqwest(_)
            | OpenAIError::ApiError(_)
            | OpenAIError::JSONDeserialize(..)
            | OpenAIError::FileSaveError(_)
            | OpenAIError::FileReadError(_)
            | OpenAIError::StreamError(_)
            | OpenAIError::InvalidArgument(_) => Trouble::Other("the request could not be made".to_owned()),
        };
        let mut failure = trouble.failure();
        failure.strike_out(self.key.as_ref());
        failure
    }
}

/// Makes one HTTP request and reads its answer within bounds.
#[derive(Clone)]
struct Exchange {
    http: reqwest::Client,
    bytes_max: usize,
    with_key: bool,
}

impl Exchange {
    async fn run(&self, request: HttpRequestFactory) -> Result<reqwest::Response, OpenAIError> {
        let request = request.build().await?;
        self.exchange(request).await.map_err(|trouble| OpenAIError::Boxed(Box::new(trouble)))
    }

    async fn exchange(&self, mut request: reqwest::Request) -> Result<reqwest::Response, Trouble> {
        if self.with_key {
            if let Some(value) = request.headers_mut().get_mut(AUTHORIZATION) {
                value.set_sensitive(true);
            }
        } else {
            request.headers_mut().remove(AUTHORIZATION); // it would be an empty one
        }
        let response = self.http.execute(request).await.map_err(Trouble::of_request)?;
        let status = response.status();
        if !status.is_success() {
            let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let retry_after =
                header.and_then(|text| read_retry_after(text, Timestamp::now(), failure::RETRY_AFTER_MAX));
            // What the server says about its error is a help, not a condition.
            let (body, _) = read_up_to(response, ERROR_BYTES_MAX).await;
            return Err(Trouble::Status {
                status: status.as_u16(),
                retry_after,
                body: String::from_utf8_lossy(&body).into_owned(),
            });
        }
        let headers = response.headers().clone();
        let body = match read_up_to(response, self.bytes_max).await {
            (body, Ending::Whole) => body,
            (_, Ending::TooLong) => return Err(Trouble::TooLong { bytes_max: self.bytes_max }),
            (_, Ending::Broken(error)) => return Err(Trouble::Broken(failure::cause(&error))),
        };
        if serde_json::from_slice::<IgnoredAny>(&body).is_err() {
            return Err(Trouble::NotJson);
        }
        let mut whole = hyper::Response::new(body);
        *whole.status_mut() = status;
        *whole.headers_mut() = headers;
        Ok(whole.into())
    }
}

/// How a body ended.
enum Ending {
    Whole,
    TooLong,
    Broken(reqwest::Error),
}

async fn read_up_to(mut response: reqwest::Response, bytes_max: usize) -> (Vec<u8>, Ending) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return (body, Ending::Whole),
            Ok(Some(chunk)) if chunk.len() > bytes_max - body.len() => {
                body.extend_from_slice(&chunk[..bytes_max - body.len()]);
                return (body, Ending::TooLong);
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(error) => return (body, Ending::Broken(error.without_url())),
        }
    }
}
