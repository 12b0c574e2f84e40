//! How the API says no: a status, Discord's code, and for a form the field that is wrong.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Whose fault it is that a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// The bot sent what no bot may send: a complaint.
    Bot,
    /// The world is like this: a closed door, something that is gone, a clock that went on.
    World,
}

/// A refusal.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: String,
    pub(super) blame: Blame,
    errors: Option<Value>,
}

impl Refused {
    pub(super) fn by_the_world(status: u16, code: u32, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), blame: Blame::World, errors: None }
    }

    pub(super) fn by_the_bot(status: u16, code: u32, message: &str) -> Self {
        Self { blame: Blame::Bot, ..Self::by_the_world(status, code, message) }
    }

    /// 50035: a field, written as a path with dots, is not as it must be.
    pub(super) fn form(field: &str, code: &str, message: &str) -> Self {
        let leaf = json!({"_errors": [{"code": code, "message": message}]});
        let errors =
            field.rsplit('.').filter(|name| !name.is_empty()).fold(leaf, |inner, name| json!({name: inner}));
        let refused = Self::by_the_bot(400, 50_035, &format!("Invalid Form Body: {field}: {message}"));
        Self { errors: Some(errors), ..refused }
    }

    /// A required field is absent.
    pub(super) fn required(field: &str) -> Self {
        Self::form(field, "BASE_TYPE_REQUIRED", "This field is required")
    }

    pub(super) fn unauthorized() -> Self {
        Self::by_the_bot(401, 0, "401: Unauthorized")
    }

    pub(super) fn no_route() -> Self {
        Self::by_the_bot(404, 0, "404: Not Found")
    }

    pub(super) fn unknown_channel() -> Self {
        Self::by_the_world(404, 10_003, "Unknown Channel")
    }

    pub(super) fn unknown_message() -> Self {
        Self::by_the_world(404, 10_008, "Unknown Message")
    }

    pub(super) fn unknown_interaction() -> Self {
        Self::by_the_world(404, 10_062, "Unknown interaction")
    }

    pub(super) fn unknown_webhook() -> Self {
        Self::by_the_world(404, 10_015, "Unknown Webhook")
    }

    pub(super) fn missing_access() -> Self {
        Self::by_the_world(403, 50_001, "Missing Access")
    }

    pub(super) fn missing_permissions() -> Self {
        Self::by_the_world(403, 50_013, "Missing Permissions")
    }

    pub(super) fn body(&self) -> Value {
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            body["message"] = json!("Invalid Form Body");
            body["errors"] = errors.clone();
        }
        body
    }

    pub(super) fn answer(&self) -> Response {
        let status = StatusCode::from_u16(self.status).expect("a status of this file");
        (status, [(header::CONTENT_TYPE, "application/json")], self.body().to_string()).into_response()
    }
}
