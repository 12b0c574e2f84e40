//! What a chat endpoint is asked, and what its completions are taken for.

use super::*;
use guildhall_protocol::ids::JobId;

fn chat() -> Chat {
    Chat { model: "small-1".parse().expect("a model"), prompt: "You write verse.".to_owned() }
}

fn assignment<'a>(criteria: &'a [Criterion], findings: &'a [Finding]) -> Assignment<'a> {
    Assignment {
        job: JobId(7),
        attempt: 2,
        title: "A poem",
        brief: "Write about rain.",
        input: None,
        criteria,
        findings,
        callback_url: Some("https://guildhall.example/v1/attempts/att_x"),
    }
}

fn sent(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("JSON")
}

#[test]
fn completions_are_asked_for_under_the_base_url() {
    for (base, expected) in [
        ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/chat/completions"),
        ("https://x.example/v1?version=2", "https://x.example/v1/chat/completions?version=2"),
        ("no URL", "no URL"),
    ] {
        assert_eq!(address(base), expected);
    }
}

#[test]
fn a_job_in_words() {
    let criteria = [Criterion::Rule("max 40 words".to_owned()), Criterion::Judge("It rhymes.".to_owned())];
    let finding = json!({
        "criterion": {"job": 0}, "label": "max 40 words", "decision": "fail", "evidence": "it has 53\u{1b}[2J words"
    });
    let findings = [serde_json::from_value(finding).expect("a finding")];
    let input = Json::from(json!({"mood": "sad"}));
    let assignment = Assignment { input: Some(&input), ..assignment(&criteria, &findings) };
    let body = sent(&ask(&chat(), None, &assignment));
    let words = "# A poem\n\nWrite about rain.\n\nThe input, as JSON:\n{\"mood\":\"sad\"}\n\n\
        The answer must meet all of this:\n- max 40 words\n- It rhymes.\n\n\
        An earlier answer was not good enough. What was wrong:\n- max 40 words: it has 53[2J words";
    let expected = json!({
        "model": "small-1",
        "messages": [{"role": "system", "content": "You write verse."}, {"role": "user", "content": words}],
    });
    assert_eq!(body, expected);
}

#[test]
fn what_the_brief_says_is_not_said_twice() {
    let input = Json::from(json!({"text": "Write about rain."}));
    let assignment = Assignment { title: "Write about…", input: Some(&input), ..assignment(&[], &[]) };
    let body = sent(&ask(&chat(), None, &assignment));
    assert_eq!(body["messages"][1]["content"], "Write about rain.");
}

#[test]
fn an_output_schema_is_the_form_of_the_answer() {
    let strict = json!({
        "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false
    });
    let loose = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    for (schema, expected) in [(strict, Some(true)), (loose, Some(false)), (json!({"type": "array"}), None)] {
        let body = sent(&ask(&chat(), Some(&Json::from(&schema)), &assignment(&[], &[])));
        let told = body["messages"][1]["content"].as_str().expect("text");
        assert!(told.contains(&schema.to_string()), "{told}");
        assert_eq!(schema_warning(&Json::from(&schema)).is_none(), expected == Some(true), "{schema}");
        match expected {
            None => assert_eq!(body.get("response_format"), None, "{schema}"),
            Some(strict) => {
                let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": strict}});
                assert_eq!(body["response_format"], format);
            }
        }
    }
}

fn read(structured: bool, body: &Value) -> Reply {
    read_body(MessageType::JobAssigned, structured, body.to_string().as_bytes())
}

fn says(content: impl Into<Value>) -> Value {
    json!({"choices": [{"message": {"role": "assistant", "content": content.into()}, "finish_reason": "stop"}]})
}

#[test]
fn what_completions_mean() {
    let output = |value: Value| Reply::Output(Json::from(value));
    assert_eq!(read(false, &says("Rain.")), output(json!({"text": "Rain."})));
    let parts = json!([{"type": "text", "text": "Ra"}, {"type": "text", "text": "in."}]);
    assert_eq!(read(false, &says(parts)), output(json!({"text": "Rain."})));
    assert_eq!(
        read(false, &json!({"choices": [{"message": {"content": "Rain."}, "new": 1}]})),
        output(json!({"text": "Rain."}))
    );
    for content in ["{\"n\":1}", " {\"n\":1}\n", "```json\n{\"n\":1}\n```", "```\n{\"n\":1}```"] {
        assert_eq!(read(true, &says(content)), output(json!({"n": 1})), "{content}");
    }
    let ready = says("Ready.").to_string();
    assert_eq!(
        read_body(MessageType::AgentChallenge, true, ready.as_bytes()),
        Reply::Challenge("Ready.".to_owned())
    );
}

#[test]
fn a_refusal_is_no_failure() {
    let refused = |reply| matches!(reply, Reply::Declined(_));
    let refusal = json!({"choices": [{"message": {"content": null, "refusal": "I\u{7}can't."}, "finish_reason": "stop"}]});
    assert_eq!(read(true, &refusal), Reply::Declined("the model refused: Ican't.".to_owned()));
    let filtered = json!({"choices": [{"message": {"content": "Ra"}, "finish_reason": "content_filter"}]});
    assert!(refused(read(false, &filtered)));
    let long = json!({"choices": [{"message": {"refusal": "no ".repeat(5_000)}}]});
    let Reply::Declined(reason) = read(false, &long) else { panic!("it is a refusal") };
    assert!(reason.len() <= 4_000, "{}", reason.len());
}

#[test]
fn what_cannot_be_used_is_told() {
    let cut_off = json!({"choices": [{"message": {"content": "Ra"}, "finish_reason": "length"}]});
    let tool =
        json!({"choices": [{"message": {"content": null, "tool_calls": []}, "finish_reason": "tool_calls"}]});
    for (structured, body, expected) in [
        (false, cut_off, "was cut off"),
        (false, tool, "no content"),
        (false, says(" \n"), "no content"),
        (false, says(7), "no content"),
        (false, json!({"choices": []}), "no choices"),
        (false, json!([]), "no choices"),
        (false, json!({"error": {"message": "over\nloaded"}}), "an error: over loaded"),
        (true, says("It is 1."), "the model's answer is not JSON"),
        (true, says("```json\n{\"n\":\n```"), "the model's answer is not JSON"),
    ] {
        let Reply::Malformed { why } = read(structured, &body) else { panic!("{body} was taken") };
        assert!(why.contains(expected), "{body}: {why}");
    }
    for body in [b"<html>".as_slice(), b"", b"{\"choices\": \"\xff\"}"] {
        assert!(matches!(read_body(MessageType::JobAssigned, false, body), Reply::Malformed { .. }));
    }
}

#[test]
fn statuses_that_mean_something_else_here() {
    let asked = Reply::Accepted;
    assert!(matches!(read_status(202, asked.clone()), Reply::Malformed { .. }));
    assert_eq!(read_status(404, Reply::NotSupported), Reply::Refused { status: 404 });
    assert_eq!(read_status(422, Reply::Declined(String::new())), Reply::Refused { status: 422 });
    assert!(matches!(read_status(409, asked), Reply::Unclear { .. }));
    assert_eq!(read_status(410, Reply::Gone), Reply::Gone);
    assert!(hint(401).is_some() && hint(500).is_none());
}
