//! `llm ...`: how models are, what they cost, whether they are asked.

use crate::cli::{Amount, LlmCommand, SwitchArgs};
use crate::fault::Fault;
use crate::session::Session;
use crate::table::table;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::model::{
    BudgetScope, Micros, ModelName, ModelOrder, ModelRole, ModelStatus, ModelTotal, WithoutModel,
};
use guildhall_protocol::time::show_span;
use std::time::Duration;

const NOT_CONFIGURED: &str = "\
No model is configured: agents are chosen by the embedded rank, and what only a model could judge is
reviewed by the client. To use one, say one of these in the daemon's configuration and start it anew:
  llm_base_url  any server that speaks as OpenAI does, such as http://127.0.0.1:11434/v1
  llm_key_file  a file with a key, which only its owner can read; OPENAI_API_KEY is understood, too
  llm_model     which model; `guildhalld config show` lists the rest
";

pub(crate) async fn run(session: &Session, command: LlmCommand) -> Result<(), Fault> {
    match command {
        LlmCommand::Status => {
            let status =
                session.call(|service, context| async move { service.models(context).await }).await?;
            session.answer(&status, show)
        }
        LlmCommand::On(args) => order(session, ModelOrder::On, args).await,
        LlmCommand::Off(args) => order(session, ModelOrder::Off, args).await,
        LlmCommand::Budget { scope, amount: Amount(limit), args } => {
            order(session, ModelOrder::Budget { scope: scope.into(), limit }, args).await
        }
    }
}

async fn order(session: &Session, order: ModelOrder, args: SwitchArgs) -> Result<(), Fault> {
    let (request, reason) = (args.key.unwrap_or_else(RequestId::fresh), args.reason);
    let status = session
        .call(|service, context| async move { service.order_models(context, request, order, reason).await })
        .await?;
    session.answer(&status, |status| ordered(order, status))
}

/// What an order led to. The same order may have been given before, and another one since: what is in force is told.
fn ordered(order: ModelOrder, status: &ModelStatus) -> String {
    match order {
        ModelOrder::On | ModelOrder::Off if status.on => {
            format!("models are asked; {}\n", clean_line(&status.health))
        }
        ModelOrder::On | ModelOrder::Off => "models are not asked; jobs go on without\n".to_owned(),
        ModelOrder::Budget { scope, .. } => {
            let whose = match scope {
                BudgetScope::Day => "in all",
                BudgetScope::Place => "for each place",
                BudgetScope::User => "for each user",
            };
            let may = match status.budgets.of(scope) {
                Some(limit) => format!("models may cost {limit} a day {whose}"),
                None => format!("what models cost on a day {whose} has no limit"),
            };
            format!("{may}; {} is spent today in all\n", status.spent)
        }
    }
}

fn show(status: &ModelStatus) -> String {
    let mut text = match &status.model {
        Some(_) => configured(status),
        None => NOT_CONFIGURED.to_owned(),
    };
    if !status.totals.is_empty() {
        text.push_str(&format!("\nAsked since the store was made\n{}", totals(&status.totals)));
    }
    if !status.without.is_empty() {
        text.push_str(&format!("\nDone without a model\n{}", without(&status.without)));
    }
    text
}

fn configured(status: &ModelStatus) -> String {
    let url = clean_line(status.base_url.as_deref().unwrap_or_default());
    let mut text = format!("Models at {url}\n");
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:8}  {value}\n"));
    line("asked", if status.on { "yes" } else { "no, an operator switched them off: `guildhall llm on`" });
    let roles = [
        (&status.model, "chooses, shapes and judges"),
        (&status.second, "judges a second time"),
        (&status.embedding, "embeds texts for the rank"),
    ];
    for (model, does) in roles {
        if let Some(model) = model {
            line("model", &format!("{model} {does}"));
        }
    }
    line("health", &clean_line(&status.health));
    line("cache", &clean_line(&status.cache));
    if !status.unpriced.is_empty() {
        let names: Vec<&str> = status.unpriced.iter().map(ModelName::as_str).collect();
        line(
            "no price",
            &format!("{}: what it costs is not counted; `llm_prices` sets it", names.join(", ")),
        );
    }
    text.push_str(&format!("\nToday (UTC), {} tokens\n{}", status.tokens, spending(status)));
    text
}

/// What is spent today beside the budgets: in all, then the places and users that spent most.
fn spending(status: &ModelStatus) -> String {
    let mut rows = vec![["in all".to_owned(), status.spent.to_string(), limit(status, BudgetScope::Day)]];
    rows[0][2] += used_up(status, BudgetScope::Day, status.spent);
    let mut add = |scope, name: &str, spent: Vec<(String, Micros)>| {
        rows.push([name.to_owned(), String::new(), limit(status, scope)]);
        let row = |(who, spent): (String, Micros)| {
            let used_up = used_up(status, scope, spent).trim_start_matches(", ");
            [format!("- {who}"), spent.to_string(), used_up.to_owned()]
        };
        rows.extend(spent.into_iter().map(row));
    };
    let places = status.places.iter().map(|(place, spent)| (place.to_string(), *spent));
    add(BudgetScope::Place, "each place", places.collect());
    let users = status.users.iter().map(|(user, spent)| (user.to_string(), *spent));
    add(BudgetScope::User, "each user", users.collect());
    indented(&table(["for", "spent", "budget"], rows))
}

fn limit(status: &ModelStatus, scope: BudgetScope) -> String {
    status.budgets.of(scope).map_or_else(|| "no limit".to_owned(), |limit| limit.to_string())
}

fn used_up(status: &ModelStatus, scope: BudgetScope, spent: Micros) -> &'static str {
    if status.budgets.of(scope).is_some_and(|limit| spent >= limit) { ", used up" } else { "" }
}

fn totals(totals: &[ModelTotal]) -> String {
    let rows = totals.iter().map(|total| {
        let mean_ms = total.latency_ms.checked_div(total.calls).unwrap_or(0);
        [
            role(total.role).to_owned(),
            total.model.to_string(),
            total.outcome.name().replace('_', " "),
            total.calls.to_string(),
            total.tokens_in.to_string(),
            total.tokens_out.to_string(),
            total.cost.to_string(),
            show_span(Duration::from_millis(mean_ms)),
        ]
    });
    indented(&table(["to", "model", "outcome", "calls", "read", "written", "cost", "each took"], rows))
}

fn without(rows: &[(ModelRole, WithoutModel, u64)]) -> String {
    let rows =
        rows.iter().map(|(what, why, times)| [role(*what).to_owned(), times.to_string(), why.to_string()]);
    indented(&table(["to", "times", "why"], rows))
}

/// To be read after `to`.
fn role(role: ModelRole) -> &'static str {
    match role {
        ModelRole::Choose => "choose",
        ModelRole::Shape => "shape",
        ModelRole::Judge => "judge",
        ModelRole::SecondJudge => "judge again",
        ModelRole::Embed => "embed",
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::ids::{PlaceId, UserId};
    use guildhall_protocol::model::{Budgets, CallOutcome};

    fn status() -> ModelStatus {
        let model = || "gpt-x".parse().expect("a name");
        ModelStatus {
            model: Some(model()),
            base_url: Some("http://127.0.0.1:1/v1\u{1b}[31m".to_owned()),
            on: true,
            health: "nothing is known to be wrong".to_owned(),
            budgets: Budgets { day: Some(Micros(5_000_000)), place: None, user: Some(Micros(0)) },
            spent: Micros(12_340),
            tokens: 120,
            places: vec![(PlaceId(1), Micros(12_340))],
            users: vec![(UserId(2), Micros(12_340))],
            totals: vec![ModelTotal {
                role: ModelRole::SecondJudge,
                model: model(),
                outcome: CallOutcome::OverBudget,
                calls: 2,
                tokens_in: 100,
                tokens_out: 20,
                cost: Micros(12_340),
                latency_ms: 3_000,
            }],
            without: vec![(ModelRole::Judge, WithoutModel::Unavailable, 3)],
            unpriced: vec![model()],
            cache: "memory: 1 of 3 answers found since start".to_owned(),
            ..ModelStatus::default()
        }
    }

    #[test]
    fn a_status_says_everything() {
        let expected = "\
Models at http://127.0.0.1:1/v1[31m
  asked     yes
  model     gpt-x chooses, shapes and judges
  health    nothing is known to be wrong
  cache     memory: 1 of 3 answers found since start
  no price  gpt-x: what it costs is not counted; `llm_prices` sets it

Today (UTC), 120 tokens
  for         spent     budget
  in all      $0.01234  $5.00
  each place            no limit
  - place 1   $0.01234
  each user             $0.00
  - user 2    $0.01234  used up

Asked since the store was made
  to           model  outcome      calls  read  written  cost      each took
  judge again  gpt-x  over budget  2      100   20       $0.01234  1.5 s

Done without a model
  to     times  why
  judge  3      it cannot be reached or used at the moment
";
        assert_eq!(show(&status()), expected);
    }

    #[test]
    fn without_a_model_it_says_what_to_set() {
        let told = show(&ModelStatus::default());
        assert!(told.starts_with("No model is configured") && told.contains("llm_base_url"), "{told}");
        assert!(!told.contains("Asked since"), "{told}");
    }

    #[test]
    fn an_order_is_answered_with_what_is_in_force() {
        let status = status();
        let budget = |scope| ModelOrder::Budget { scope, limit: None };
        for (order, told) in [
            (ModelOrder::On, "models are asked; nothing is known to be wrong\n"),
            (
                budget(BudgetScope::Day),
                "models may cost $5.00 a day in all; $0.01234 is spent today in all\n",
            ),
            (
                budget(BudgetScope::Place),
                "what models cost on a day for each place has no limit; $0.01234 is spent today in all\n",
            ),
        ] {
            assert_eq!(ordered(order, &status), told);
        }
        let off = ModelStatus { on: false, ..status };
        assert_eq!(ordered(ModelOrder::Off, &off), "models are not asked; jobs go on without\n");
    }
}
