//! A request as it came: its path in parts, its query, its JSON, its files.

use super::multipart;
use super::refused::Refused;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri, header};
use serde_json::Value;
use std::collections::BTreeMap;

/// Bytes of one request.
const REQUEST_BYTES_MAX: usize = 25 << 20;

/// The type of a file whose name tells nothing.
const UNKNOWN: &str = "application/octet-stream";

/// A file that came with a request.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    /// The `n` of `files[n]`.
    pub(super) number: String,
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
}

/// A request.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) method: Method,
    /// Below `/api/v10`, without the first slash.
    pub(super) path: String,
    /// As the description names it; empty where there is none like that.
    pub(super) route: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: HeaderMap,
    /// Null where there was no body.
    pub(super) json: Value,
    pub(super) files: Vec<Upload>,
}

impl Form {
    pub(super) fn asks(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(|value| value == "true" || value == "1")
    }

    /// Without its body: what can be said before it is read.
    pub(super) fn of_head(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let path = uri.path().trim_start_matches("/api/v10").trim_matches('/').to_owned();
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let query = query.into_owned().collect();
        Self {
            method: method.clone(),
            path,
            route: String::new(),
            query,
            headers: headers.clone(),
            json: Value::Null,
            files: Vec::new(),
        }
    }

    /// Reads the body.
    pub(super) async fn read(&mut self, request: Request<Body>) -> Result<(), Refused> {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let body = axum::body::to_bytes(request.into_body(), REQUEST_BYTES_MAX).await;
        let body = body.map_err(|_| Refused::by_the_bot(413, 40_005, "Request entity too large"))?;
        match kind.split(';').next().unwrap_or_default() {
            "multipart/form-data" => self.read_parts(&kind, &body),
            _ if body.is_empty() => Ok(()),
            "application/json" => {
                self.json = serde_json::from_slice(&body).map_err(|_| not_json())?;
                Ok(())
            }
            _ => Err(Refused::by_the_bot(400, 50_035, "the body is not said to be JSON")),
        }
    }

    fn read_parts(&mut self, kind: &str, body: &[u8]) -> Result<(), Refused> {
        let broken = || Refused::by_the_bot(400, 50_035, "the multipart body is broken");
        for part in multipart::read(kind, body).ok_or_else(broken)? {
            if part.name == "payload_json" {
                self.json = serde_json::from_slice(part.bytes).map_err(|_| not_json())?;
                continue;
            }
            let number = part.name.strip_prefix("files[").and_then(|rest| rest.strip_suffix(']'));
            let Some(number) = number else {
                return Err(Refused::form(&part.name, "UNKNOWN_PART", "neither payload_json nor files[n]"));
            };
            let name = part.file_name.unwrap_or_else(|| "unknown.bin".to_owned());
            // What the name tells counts more than what the bot says.
            let content_type = match content_type_of(&name) {
                UNKNOWN => part.content_type.unwrap_or_else(|| UNKNOWN.to_owned()),
                known => known.to_owned(),
            };
            let (number, bytes) = (number.to_owned(), part.bytes.to_vec());
            self.files.push(Upload { number, name, content_type, bytes });
        }
        Ok(())
    }
}

/// What Discord takes a file for, by its name.
pub(super) fn content_type_of(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default().to_lowercase().as_str() {
        "md" => "text/markdown; charset=utf-8",
        "txt" | "log" => "text/plain; charset=utf-8",
        "json" => "application/json; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        _ => UNKNOWN,
    }
}

fn not_json() -> Refused {
    Refused::by_the_bot(400, 50_109, "The request body contains invalid JSON.")
}
