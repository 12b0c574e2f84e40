//! Notices as Standard Webhooks: a signed POST to the URL that a person named, behind the same guard as agents' endpoints.

use super::Told;
use super::pace::Bundle;
use super::words::Words;
use crate::agents::egress::{Egress, Grants, PrivateAddresses, came_from_allowed, check};
use crate::agents::signing::SigningSecret;
use crate::engine::Engine;
use guildhall_protocol::ids::UserId;
use guildhall_protocol::notice::Settings;
use guildhall_protocol::time::Timestamp;
use reqwest::StatusCode;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Time for one POST.
pub(super) const POST_LIMIT: Duration = Duration::from_secs(15);

pub(super) struct Webhook {
    pub(super) engine: Arc<Engine>,
    pub(super) egress: Egress,
    pub(super) private: PrivateAddresses,
}

impl Webhook {
    /// Posts a bundle to its person's URL.
    pub(super) async fn tell(&self, bundle: &Bundle, words: &Words) -> Told {
        let user = bundle.first.user;
        let settings = self.engine.parts().people.settings(user);
        let Some(url) = &settings.webhook else {
            return Told::Refused("no webhook is set any more".to_owned());
        };
        let checked = match check(url, &grants(&settings), self.private) {
            Ok(checked) => checked,
            Err(error) => return Told::Refused(error.to_string()),
        };
        let Some(secret) = self.secret(user) else {
            return Told::Refused("its secret does not open: set the webhook anew".to_owned());
        };
        let tag = self.engine.parts().tag;
        let (id, now) = (format!("ntf_{tag}_{}", bundle.first.id.0), Timestamp::now());
        let first = &bundle.first;
        let body = json!({
            "type": format!("guildhall.{}", first.kind),
            "timestamp": now.to_string(),
            "data": {
                "text": words.text,
                "next": words.next,
                "count": 1 + bundle.others.len(),
                "job": first.job,
                "attempt": first.attempt,
                "jobs": bundle.rows().filter_map(|row| row.job).collect::<Vec<_>>(),
            },
        })
        .to_string();
        let seconds = now.0.div_euclid(1_000);
        let Ok(signature) = secret.sign(&id, seconds, body.as_bytes()) else {
            return Told::Refused("it cannot be signed".to_owned());
        };
        let request = self
            .egress
            .client(&checked)
            .post(checked.url.clone())
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signature)
            .header("content-type", "application/json")
            .timeout(POST_LIMIT)
            .body(body);
        match request.send().await {
            Ok(response) if !came_from_allowed(&checked, response.remote_addr()) => {
                Told::Refused("the answer came from an address that is not public".to_owned())
            }
            Ok(response) => by_status(response.status()),
            Err(error) => Told::Later(format!("not delivered: {}", error.without_url())),
        }
    }

    fn secret(&self, user: UserId) -> Option<SigningSecret> {
        let parts = self.engine.parts();
        let sealed = parts.people.secret(user)?;
        let bytes = parts.key.open(&place(user), &sealed).ok()?;
        SigningSecret::from_bytes(&bytes)
    }
}

/// The place that a person's webhook secret is sealed for.
pub(crate) fn place(user: UserId) -> String {
    format!("people|{}|secret", user.0)
}

/// Where an operator's own webhook may be, although it is private.
pub(crate) fn grants(settings: &Settings) -> Grants {
    let url =
        settings.webhook.as_ref().filter(|_| settings.webhook_private).and_then(|url| Url::parse(url).ok());
    let host = url.and_then(|url| Some((url.host()?.to_string(), url.port_or_known_default()?)));
    Grants::new(host)
}

fn by_status(status: StatusCode) -> Told {
    if status.is_success() {
        return Told::Taken(format!("taken ({})", status.as_u16()));
    }
    if status == StatusCode::GONE {
        return Told::Refused("the webhook is gone (410)".to_owned());
    }
    Told::Later(format!("answered {}", status.as_u16()))
}
