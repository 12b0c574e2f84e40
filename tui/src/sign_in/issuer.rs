//! What is asked of an `OpenID` Connect issuer: where its endpoints are, and tokens, by the flows of RFC 8628 and RFC 7636.

use super::saved::SignedIn;
use crate::fault::Fault;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::sign_in::{SignIn, is_safe};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthUrl, AuthorizationCode, Client, ClientId, CsrfToken, DeviceAuthorizationUrl, ErrorResponse,
    ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, RevocationUrl, Scope, StandardDeviceAuthorizationResponse,
    StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use url::Url;

/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Longest wait for a person with a code, whatever the issuer allows.
const PERSON_MAX: Duration = Duration::from_mins(15);
/// Largest answer, bytes.
const ANSWER_BYTES_MAX: usize = 262_144;

/// Why the issuer signs nobody in. Its text may quote the issuer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssuerError {
    /// It does not answer.
    #[error("the sign-in issuer {issuer} does not answer: {why}")]
    Away {
        /// Which.
        issuer: String,
        /// What went wrong.
        why: String,
    },
    /// It answers as no issuer does.
    #[error("{issuer} does not answer as OpenID Connect says: {why}")]
    Strange {
        /// Which.
        issuer: String,
        /// What is strange.
        why: String,
    },
    /// It says no, or the person did.
    #[error("{issuer} signs nobody in: {why}")]
    Refused {
        /// Which.
        issuer: String,
        /// Its reason.
        why: String,
    },
}

impl From<IssuerError> for ApiError {
    fn from(error: IssuerError) -> Self {
        let kind = match &error {
            IssuerError::Away { .. } => ErrorKind::Unavailable,
            IssuerError::Strange { .. } => ErrorKind::Unsupported,
            IssuerError::Refused { .. } => ErrorKind::Forbidden,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<IssuerError> for Fault {
    fn from(error: IssuerError) -> Self {
        Self::Api(error.into())
    }
}

/// What `OpenID` Connect adds to the answer with tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct IdToken {
    id_token: Option<String>,
}

impl ExtraTokenFields for IdToken {}

type Tokens = StandardTokenResponse<IdToken, BasicTokenType>;
type OauthClient = Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// Where an issuer's endpoints are (`OpenID` Connect Discovery 1.0, RFC 8628 section 4, RFC 8414).
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    device_authorization_endpoint: Option<Url>,
    revocation_endpoint: Option<Url>,
}

/// An issuer that told where its endpoints are.
pub(super) struct Issuer {
    sign_in: SignIn,
    discovery: Discovery,
    http: Http,
}

/// What a person is shown who signs in with a code.
pub(super) struct Device {
    told: StandardDeviceAuthorizationResponse,
    page: Url,
}

impl Device {
    /// The page to open, with the code in it if the issuer can do that.
    pub(super) fn page(&self) -> &Url {
        &self.page
    }

    /// The code.
    pub(super) fn code(&self) -> &str {
        self.told.user_code().secret()
    }
}

/// What was asked of a browser, and what its answer must fit.
pub(super) struct Asked {
    /// The page to open.
    pub(super) page: Url,
    state: CsrfToken,
    nonce: CsrfToken,
    verifier: PkceCodeVerifier,
    redirect: String,
}

impl Asked {
    /// What the answer must repeat.
    pub(super) fn state(&self) -> &str {
        self.state.secret()
    }
}

impl Issuer {
    /// Asks an issuer where its endpoints are.
    pub(super) async fn discover(sign_in: SignIn) -> Result<Self, IssuerError> {
        let strange =
            |why: &str| IssuerError::Strange { issuer: sign_in.issuer.clone(), why: why.to_owned() };
        let http = Http::new(&sign_in.issuer)?;
        let at = format!("{}/.well-known/openid-configuration", sign_in.issuer.trim_end_matches('/'));
        let at: Url = at.parse().ok().filter(is_safe).ok_or_else(|| strange("its address is not https"))?;
        let bytes = http.get(at).await.map_err(|error| http.away(&error))?;
        let discovery: Discovery = serde_json::from_slice(&bytes)
            .map_err(|error| strange(&format!("its discovery document: {error}")))?;
        if discovery.issuer != sign_in.issuer {
            return Err(strange("its discovery document names another issuer"));
        }
        let Discovery { authorization_endpoint, token_endpoint, .. } = &discovery;
        let others = discovery.device_authorization_endpoint.iter().chain(&discovery.revocation_endpoint);
        if ![authorization_endpoint, token_endpoint].into_iter().chain(others).all(is_safe) {
            return Err(strange("not all of its endpoints are https"));
        }
        Ok(Self { sign_in, discovery, http })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.sign_in.issuer
    }

    /// Whether people can sign in on another machine.
    pub(super) fn has_device_flow(&self) -> bool {
        self.discovery.device_authorization_endpoint.is_some()
    }

    /// A code to type on another machine.
    pub(super) async fn device(&self) -> Result<Device, IssuerError> {
        let at = self.discovery.device_authorization_endpoint.clone();
        let at = at.ok_or_else(|| self.http.strange("it offers no codes"))?;
        let client = self.client().set_device_authorization_url(DeviceAuthorizationUrl::from_url(at));
        let asked = client.exchange_device_code().add_scopes(self.scopes());
        let http = self.http.sender();
        let told: StandardDeviceAuthorizationResponse =
            asked.request_async(&http).await.map_err(|error| self.explain(error))?;
        let page = match told.verification_uri_complete() {
            Some(complete) => Url::parse(complete.secret()).ok(),
            None => Url::parse(told.verification_uri()).ok(),
        };
        let page =
            page.filter(is_safe).ok_or_else(|| self.http.strange("its page for codes is not https"))?;
        Ok(Device { told, page })
    }

    /// Waits until the person signed in with the code.
    pub(super) async fn by_device(&self, device: &Device) -> Result<SignedIn, IssuerError> {
        let client = self.client().set_token_uri(self.token_uri());
        let asked = client.exchange_device_access_token(&device.told).set_max_backoff_interval(ANSWER_MAX);
        let http = self.http.sender();
        let tokens = asked.request_async(&http, tokio::time::sleep, Some(PERSON_MAX)).await;
        self.signed_in(&tokens.map_err(|error| self.explain(error))?, None, None)
    }

    /// A page that sends the browser back to this address.
    pub(super) fn ask(&self, redirect: String) -> Result<Asked, IssuerError> {
        let client = self
            .client()
            .set_auth_uri(AuthUrl::from_url(self.discovery.authorization_endpoint.clone()))
            .set_redirect_uri(self.redirect(redirect.clone())?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = CsrfToken::new_random();
        let mut asked = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(self.scopes())
            .set_pkce_challenge(challenge)
            .add_extra_param("nonce", nonce.secret().clone());
        // OpenID Connect Core 11: without it an issuer ignores offline_access.
        if self.sign_in.scopes.split_whitespace().any(|scope| scope == "offline_access") {
            asked = asked.add_extra_param("prompt", "consent");
        }
        let (page, state) = asked.url();
        Ok(Asked { page, state, nonce, verifier, redirect })
    }

    /// The tokens for what the browser brought back.
    pub(super) async fn by_code(&self, asked: Asked, code: String) -> Result<SignedIn, IssuerError> {
        let client =
            self.client().set_token_uri(self.token_uri()).set_redirect_uri(self.redirect(asked.redirect)?);
        let exchange = client.exchange_code(AuthorizationCode::new(code)).set_pkce_verifier(asked.verifier);
        let http = self.http.sender();
        let tokens = exchange.request_async(&http).await.map_err(|error| self.explain(error))?;
        self.signed_in(&tokens, Some(asked.nonce.secret()), None)
    }

    /// New tokens for old ones.
    pub(super) async fn renew(&self, refresh: &str) -> Result<SignedIn, IssuerError> {
        let client = self.client().set_token_uri(self.token_uri());
        let token = RefreshToken::new(refresh.to_owned());
        let http = self.http.sender();
        let tokens = client.exchange_refresh_token(&token).request_async(&http).await;
        self.signed_in(&tokens.map_err(|error| self.explain(error))?, None, Some(refresh))
    }

    /// Ends what was given, if the issuer takes it back.
    pub(super) async fn revoke(&self, refresh: &str) -> Result<(), IssuerError> {
        let Some(at) = self.discovery.revocation_endpoint.clone() else { return Ok(()) };
        let client = self.client().set_revocation_url(RevocationUrl::from_url(at));
        let token = StandardRevocableToken::RefreshToken(RefreshToken::new(refresh.to_owned()));
        let revocation = client
            .revoke_token(token)
            .map_err(|_| self.http.strange("its address for revocation is not https"))?;
        let http = self.http.sender();
        revocation.request_async(&http).await.map_err(|error| self.explain(error))
    }

    fn client(&self) -> OauthClient {
        OauthClient::new(ClientId::new(self.sign_in.client_id.clone()))
    }

    fn token_uri(&self) -> TokenUrl {
        TokenUrl::from_url(self.discovery.token_endpoint.clone())
    }

    fn redirect(&self, address: String) -> Result<RedirectUrl, IssuerError> {
        RedirectUrl::new(address).map_err(|error| self.http.strange(&error.to_string()))
    }

    fn scopes(&self) -> Vec<Scope> {
        self.sign_in.scopes.split_whitespace().map(|scope| Scope::new(scope.to_owned())).collect()
    }

    /// The token for the daemon. It came from the issuer over TLS, and the daemon checks its signature; here only the
    /// nonce is ours to check (`OpenID` Connect Core 3.1.3.7).
    fn signed_in(
        &self,
        tokens: &Tokens,
        nonce: Option<&str>,
        refresh: Option<&str>,
    ) -> Result<SignedIn, IssuerError> {
        #[derive(Deserialize)]
        struct Claims {
            exp: i64,
            nonce: Option<String>,
        }
        let id_token = tokens.extra_fields().id_token.clone();
        // OpenID Connect Core 12.2: an answer to a renewal may lack it; then whoever wants one signs in.
        let without = || match refresh {
            Some(_) => self.refused("it renews no ID token"),
            None => self.http.strange("it gave no ID token"),
        };
        let id_token = id_token.ok_or_else(without)?;
        let body = id_token.split('.').nth(1).and_then(|body| URL_SAFE_NO_PAD.decode(body).ok());
        let claims = body.and_then(|body| serde_json::from_slice::<Claims>(&body).ok());
        let claims = claims.ok_or_else(|| self.http.strange("its ID token is none"))?;
        if nonce.is_some_and(|nonce| claims.nonce.as_deref() != Some(nonce)) {
            return Err(self.http.strange("its ID token answers another request"));
        }
        let refresh_token = tokens.refresh_token().map(|token| token.secret().as_str()).or(refresh);
        Ok(SignedIn::new(self.sign_in.clone(), id_token, claims.exp, refresh_token.map(str::to_owned)))
    }

    fn refused(&self, why: &str) -> IssuerError {
        IssuerError::Refused { issuer: self.sign_in.issuer.clone(), why: why.to_owned() }
    }

    fn explain<E: ErrorResponse + 'static>(&self, error: RequestTokenError<HttpError, E>) -> IssuerError {
        match error {
            RequestTokenError::ServerResponse(refusal) => {
                let why = said(&refusal);
                // RFC 6749 section 4.1.2.1: these pass.
                if why.starts_with("temporarily_unavailable") || why.starts_with("server_error") {
                    return IssuerError::Away { issuer: self.sign_in.issuer.clone(), why };
                }
                self.refused(&why)
            }
            RequestTokenError::Request(error) => self.http.away(&error),
            RequestTokenError::Parse(error, _) => self.http.strange(&error.into_inner().to_string()),
            RequestTokenError::Other(why) => self.http.strange(&why),
        }
    }
}

/// The words of RFC 6749 section 5.2 in a refusal: a code, and perhaps a description.
fn said<E: ErrorResponse>(refusal: &E) -> String {
    let words = serde_json::to_value(refusal).unwrap_or_default();
    let word = |key: &str| words.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
    match (word("error"), word("error_description")) {
        (Some(code), _) if code == "expired_token" => "the code was not used in time".to_owned(),
        (Some(code), _) if code == "access_denied" => "it was declined".to_owned(),
        (code, description) => [code, description].into_iter().flatten().collect::<Vec<_>>().join(": "),
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error(transparent)]
    Send(#[from] reqwest::Error),
    #[error("its answer has more than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    #[error("it answers with status {0}")]
    Status(u16),
}

/// Requests to one issuer, within bounds.
#[derive(Clone)]
struct Http {
    issuer: String,
    client: reqwest::Client,
}

impl Http {
    fn new(issuer: &str) -> Result<Self, IssuerError> {
        // An error only says that one was installed before. Without one, reqwest panics.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let client = builder.timeout(ANSWER_MAX).build();
        let away = |error| IssuerError::Away { issuer: issuer.to_owned(), why: said_by(&error) };
        Ok(Self { issuer: issuer.to_owned(), client: client.map_err(away)? })
    }

    fn away(&self, error: &HttpError) -> IssuerError {
        let why = match error {
            HttpError::Send(error) => said_by(error),
            HttpError::TooLarge | HttpError::Status(_) => error.to_string(),
        };
        IssuerError::Away { issuer: self.issuer.clone(), why }
    }

    fn strange(&self, why: &str) -> IssuerError {
        IssuerError::Strange { issuer: self.issuer.clone(), why: why.to_owned() }
    }

    async fn get(&self, url: Url) -> Result<Vec<u8>, HttpError> {
        let response = self.client.get(url).send().await?;
        match response.status().as_u16() {
            200 => bounded(response).await,
            status => Err(HttpError::Status(status)),
        }
    }

    /// What the library sends its requests with.
    fn sender(&self) -> impl Fn(HttpRequest) -> BoxFuture<Result<HttpResponse, HttpError>> {
        let client = self.client.clone();
        move |request| {
            let client = client.clone();
            Box::pin(async move {
                let response = client.execute(request.try_into()?).await?;
                let (status, headers) = (response.status(), response.headers().clone());
                let mut answer = HttpResponse::new(bounded(response).await?);
                *answer.status_mut() = status;
                *answer.headers_mut() = headers;
                Ok(answer)
            })
        }
    }
}

type BoxFuture<T> = futures::future::BoxFuture<'static, T>;

async fn bounded(mut response: reqwest::Response) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > ANSWER_BYTES_MAX - body.len() {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The innermost reason: the outer ones repeat the address.
fn said_by(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(inner) = reason.source() {
        reason = inner;
    }
    reason.to_string()
}
