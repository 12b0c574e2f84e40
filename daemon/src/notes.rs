//! What a person should know about this daemon: whether models help it, and if not, why. True at the moment it is said.

use crate::engine::Engine;
use crate::llm::LlmState;
use crate::llm::settings::LlmSettings;
use guildhall_protocol::time::Timestamp;

/// The notes, each a sentence without a full stop.
pub fn notes(engine: &Engine, now: Timestamp) -> Vec<String> {
    match &engine.parts().llm {
        None => vec![
            "no model is configured: agents are chosen by the embedded rank, and `judge` criteria are reviewed by the client"
                .to_owned(),
        ],
        Some(llm) => of_models(llm.settings(), &llm.state(now)),
    }
}

fn of_models(settings: &LlmSettings, state: &LlmState) -> Vec<String> {
    let mut notes = Vec::new();
    if !state.on {
        notes.push("an operator switched models off; jobs go on without (`guildhall llm on`)".to_owned());
        return notes;
    }
    let troubles =
        state.breakers.iter().filter_map(|breaker| Some((&breaker.model, breaker.trouble.as_ref()?)));
    for (model, trouble) in troubles {
        notes.push(format!("{model} at {} is not asked: {trouble}", settings.base_url));
    }
    match state.budgets.day {
        Some(limit) if limit.0 == 0 => {
            notes.push(
                "the budget for models is zero; jobs go on without (`guildhall llm budget`)".to_owned(),
            );
        }
        Some(limit) if state.spent >= limit => notes.push(format!(
            "the day's budget for models is spent, {} of {limit}; jobs go on without until midnight UTC",
            state.spent
        )),
        Some(_) | None => {}
    }
    if state.day_tokens_max.is_some_and(|limit| state.tokens >= limit) {
        notes.push(format!(
            "the day's tokens of models are used up, {}; jobs go on without until midnight UTC",
            state.tokens
        ));
    }
    if notes.is_empty() {
        notes.push(format!("{} at {} chooses agents and judges answers", settings.model, settings.base_url));
    }
    for model in &state.unpriced {
        notes.push(format!(
            "calls of {model} count as free and no budget limits them: `llm_prices` has no price"
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{BreakerState, CacheStats};
    use guildhall_protocol::model::{Budgets, Micros};
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn settings() -> LlmSettings {
        LlmSettings {
            base_url: "https://models.example/v1".to_owned(),
            key: None,
            model: "gpt-x".parse().expect("a name"),
            second: None,
            embedding: None,
            time_limit: Duration::from_secs(1),
            calls_max: 1,
            answer_tokens_max: 100,
            job_tokens_max: 1_000,
            day_tokens_max: None,
            prices: BTreeMap::new(),
            budgets: Budgets::default(),
        }
    }

    fn state() -> LlmState {
        LlmState {
            on: true,
            budgets: Budgets { day: Some(Micros(5_000_000)), ..Budgets::default() },
            spent: Micros(10_000),
            set_aside: Micros(0),
            tokens: 7,
            day_tokens_max: None,
            top_places: Vec::new(),
            top_users: Vec::new(),
            breakers: vec![BreakerState { model: "gpt-x".parse().expect("a name"), trouble: None }],
            counts: Vec::new(),
            cache: CacheStats::default(),
            in_flight: 0,
            calls_max: 1,
            unpriced: Vec::new(),
        }
    }

    #[test]
    fn a_model_that_works_is_named_and_one_that_does_not_says_why() {
        let told = |state: LlmState| of_models(&settings(), &state).join("; ");
        assert_eq!(told(state()), "gpt-x at https://models.example/v1 chooses agents and judges answers");
        let off = told(LlmState { on: false, spent: Micros(6_000_000), ..state() });
        assert!(off.starts_with("an operator switched models off") && !off.contains("budget"), "{off}");
        let spent = told(LlmState { spent: Micros(5_000_001), ..state() });
        assert!(spent.starts_with("the day's budget for models is spent, $5.000001 of $5.00"), "{spent}");
        let zero = Budgets { day: Some(Micros(0)), ..Budgets::default() };
        let zero = told(LlmState { budgets: zero, ..state() });
        assert!(zero.starts_with("the budget for models is zero"), "{zero}");
        let tokens = told(LlmState { day_tokens_max: Some(7), ..state() });
        assert!(tokens.starts_with("the day's tokens of models are used up, 7"), "{tokens}");
        let trouble = Some("the server does not accept the key: 401".to_owned());
        let refused = vec![BreakerState { model: "gpt-x".parse().expect("a name"), trouble }];
        let refused = told(LlmState { breakers: refused, ..state() });
        let expected =
            "gpt-x at https://models.example/v1 is not asked: the server does not accept the key: 401";
        assert_eq!(refused, expected);
    }
}
