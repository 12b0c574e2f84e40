//! The server over the wire: what it refuses, how it fails, what it keeps.

use super::tests::{block, body, choose_schema, judge_schema};
use super::*;
use guildhall_daemon::agents::egress::Egress;
use serde_json::{Value, json};

/// A response as far as it came: status, `Retry-After`, body.
struct Got {
    status: u16,
    retry_after: Option<String>,
    body: Result<String, reqwest::Error>,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(self.body.as_ref().expect("a body")).expect("JSON")
    }

    fn content(&self) -> String {
        self.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
    }
}

async fn post(fake: &FakeOpenAi, path: &str, key: &str, body: &Value) -> reqwest::Result<Got> {
    // Reqwest takes the TLS provider that the process has.
    drop(Egress::new().expect("the daemon's own client"));
    let request = reqwest::Client::new()
        .post(format!("{}{path}", fake.base_url()))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(body.to_string());
    let response = request.send().await?;
    let retry_after =
        response.headers().get("retry-after").map(|value| value.to_str().expect("text").to_owned());
    Ok(Got { status: response.status().as_u16(), retry_after, body: response.text().await })
}

async fn ask(fake: &FakeOpenAi, body: &Value) -> Got {
    post(fake, "/chat/completions", KEY, body).await.expect("it answers")
}

fn question() -> Value {
    let user = [
        block("brief", "Sum up", '▁'),
        block("criterion 0", "It is short", '▁'),
        block("answer", "Fine", '▁'),
    ];
    body("judge", &judge_schema(), &user.concat())
}

#[tokio::test]
async fn what_is_wrong_is_refused_as_openai_refuses_it_and_kept() {
    let fake = FakeOpenAi::sensible().await;
    fake.allow_complaints();
    let wrong_key = post(&fake, "/chat/completions", "sk-wrong", &question()).await.expect("it answers");
    assert_eq!((wrong_key.status, &wrong_key.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    let mut unknown = question();
    unknown["model"] = json!("gpt-99");
    let unknown = ask(&fake, &unknown).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (404, &json!("model_not_found")));
    let elsewhere = post(&fake, "/completions", KEY, &question()).await.expect("it answers");
    assert_eq!(elsewhere.status, 404);
    let empty =
        post(&fake, "/embeddings", KEY, &json!({"model": "text-embedding-3-small", "input": []})).await;
    assert_eq!(empty.expect("it answers").status, 400);
    assert_eq!((fake.complaints().len(), fake.seen().len()), (4, 0), "{:?}", fake.complaints());
}

#[tokio::test]
#[should_panic(expected = "requests were wrong")]
async fn a_wrong_request_fails_its_test() {
    let fake = FakeOpenAi::sensible().await;
    let got = ask(&fake, &json!({"model": "gpt-4.1-mini"})).await;
    assert_eq!(got.status, 400);
}

#[tokio::test]
async fn plans_come_before_the_mind_and_end() {
    let fake = FakeOpenAi::start(|chat| Reply::Text(format!("script {}", chat.number))).await;
    fake.next_replies(vec![Reply::Text("next".to_owned())]);
    fake.next_replies_to("judge", vec![Reply::Text("next judge".to_owned())]);
    fake.always_to("judge", Reply::Text("always judge".to_owned()));
    let choice = body("choose", &choose_schema(&["@a"]), "Hello.");
    for said in ["next judge", "next", "always judge"] {
        assert_eq!(ask(&fake, &question()).await.content(), said);
    }
    assert_eq!(ask(&fake, &choice).await.content(), "script 4");
    fake.recover();
    assert_eq!(ask(&fake, &question()).await.content(), "script 5");
    assert_eq!((fake.of_role("judge").len(), fake.of_role("choose").len(), fake.in_flight_max()), (4, 1, 1));
}

#[tokio::test]
async fn faults_look_as_they_do_in_the_world() {
    let fake = FakeOpenAi::sensible().await;
    let fault = async |fault| {
        fake.next_replies(vec![Reply::Fails(fault)]);
        ask(&fake, &question()).await
    };
    let limited = fault(Fault::RateLimited { retry_after_s: 7 }).await;
    assert_eq!((limited.status, limited.retry_after.as_deref()), (429, Some("7")));
    let quota = fault(Fault::QuotaSpent).await;
    assert_eq!((quota.status, &quota.json()["error"]["code"]), (429, &json!("insufficient_quota")));
    assert_eq!(fault(Fault::KeyRevoked).await.status, 401);
    let without = fault(Fault::NoStructuredOutput).await;
    assert_eq!((without.status, &without.json()["error"]["param"]), (400, &json!("response_format")));
    assert_eq!(fault(Fault::ServerError).await.status, 500);
    let overloaded = fault(Fault::Overloaded).await;
    assert!(overloaded.status == 503 && overloaded.body.expect("a page").starts_with("<html>"));
    let half = fault(Fault::HalfBody).await;
    assert!(half.status == 200 && half.body.is_err());
}

#[tokio::test]
async fn answers_can_be_odd_or_of_no_use() {
    let fake = FakeOpenAi::sensible().await;
    let reply = async |reply| {
        fake.next_replies(vec![reply]);
        ask(&fake, &question()).await.json()
    };
    let choice = |body: &Value| body["choices"][0].clone();
    assert!(choice(&reply(Reply::Refusal).await)["message"]["refusal"].is_string());
    assert_eq!(choice(&reply(Reply::CutShort).await)["finish_reason"], "length");
    assert_eq!(reply(Reply::NoChoices).await["choices"], json!([]));
    assert!(reply(Reply::Odd(Oddity::WithoutUsage)).await.get("usage").is_none());
    assert!(reply(Reply::Odd(Oddity::WithoutId)).await.get("id").is_none());
    assert!(reply(Reply::Odd(Oddity::FloatCreated)).await["created"].is_f64());
    assert_eq!(choice(&reply(Reply::Odd(Oddity::FinishEos)).await)["finish_reason"], "eos");
    let bare = choice(&reply(Reply::Odd(Oddity::Bare)).await);
    assert!(bare["message"]["content"].as_str().expect("a content").contains("\"pass\""));
    let injected = choice(&reply(Reply::InjectedVerdict).await);
    assert!(injected["message"]["content"].as_str().expect("a content").contains(reply::MADE_UP));
    let mut short = question();
    short["max_completion_tokens"] = json!(5);
    assert_eq!(choice(&ask(&fake, &short).await.json())["finish_reason"], "length");
}

#[tokio::test]
async fn it_embeds_and_goes_and_comes_back() {
    let mut fake = FakeOpenAi::sensible().await;
    let texts = json!({"model": "text-embedding-3-small", "input": ["sum up texts", "draw maps"]});
    let got = post(&fake, "/embeddings", KEY, &texts).await.expect("it answers").json();
    assert_eq!(got["data"][1]["embedding"].as_array().expect("a vector").len(), embeddings::DIMENSIONS);
    fake.next_embeddings(vec![EmbeddingReply::OneMissing]);
    let got = post(&fake, "/embeddings", KEY, &texts).await.expect("it answers").json();
    assert_eq!(got["data"].as_array().expect("vectors").len(), 1);
    assert_eq!(fake.embedded().len(), 2);
    fake.leave().await;
    assert!(post(&fake, "/embeddings", KEY, &texts).await.is_err());
    fake.come_back().await;
    assert!(post(&fake, "/embeddings", KEY, &texts).await.is_ok());
}
