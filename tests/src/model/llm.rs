//! What language models are asked, what it costs and what their judgement is worth, in memory.

use super::State;
use guildhall_daemon::store::{Answer, Entry, JudgementSum, NewJudgement, Query, SpentRecord};
use guildhall_protocol::attempt::Decision;
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{JobId, UserId};
use guildhall_protocol::model::{
    CallOutcome, Micros, ModelCall, ModelName, ModelRole, ModelSpending, ModelTotal, Payer, WithoutModel,
};
use std::collections::BTreeMap;

/// What is known about language models.
#[derive(Default)]
pub(super) struct LanguageModels {
    pub(super) settings: Option<String>,
    calls: Vec<(Option<JobId>, ModelCall)>,
    days: BTreeMap<(i64, Payer), (u64, Micros)>,
    without: BTreeMap<(&'static str, &'static str), (ModelRole, WithoutModel, u64)>,
    judgements: BTreeMap<(JobId, u32, u32), Judgement>,
}

struct Judgement {
    model: ModelName,
    criterion: &'static str,
    decision: Decision,
    accepted: Option<bool>,
}

impl LanguageModels {
    pub(super) fn log(
        &mut self,
        job: Option<JobId>,
        payer: Payer,
        day: i64,
        calls: Vec<ModelCall>,
        without: &[(ModelRole, WithoutModel)],
    ) {
        for call in calls {
            let tokens = u64::from(call.tokens_in) + u64::from(call.tokens_out);
            if tokens > 0 || call.cost.0 > 0 {
                let spent = self.days.entry((day, payer)).or_default();
                *spent = (spent.0 + tokens, spent.1.plus(call.cost));
            }
            self.calls.push((job, call));
        }
        for (role, why) in without {
            self.without.entry((role.name(), why.name())).or_insert((*role, *why, 0)).2 += 1;
        }
    }

    /// What one user spent, another one did.
    pub(super) fn move_user(&mut self, to: UserId, from: UserId) {
        let days: Vec<_> = self.days.keys().filter(|(_, payer)| payer.user == from).copied().collect();
        for (day, payer) in days {
            if let Some((tokens, cost)) = self.days.remove(&(day, payer)) {
                let spent = self.days.entry((day, Payer { user: to, ..payer })).or_default();
                *spent = (spent.0 + tokens, spent.1.plus(cost));
            }
        }
    }

    pub(super) fn judge(&mut self, subject: Subject, entry: &Entry) {
        let Subject::Job(job) = subject else { return };
        for NewJudgement { attempt, place, model, criterion, decision } in &entry.judgements {
            let before = self.judgements.get(&(job, attempt.0, *place));
            let judgement = Judgement {
                model: model.clone(),
                criterion: criterion.name(),
                decision: *decision,
                accepted: before.and_then(|before| before.accepted),
            };
            self.judgements.insert((job, attempt.0, *place), judgement);
        }
        if let Some((attempt, accepted)) = entry.opinion {
            let of_attempt = self.judgements.range_mut((job, attempt.0, 0)..=(job, attempt.0, u32::MAX));
            of_attempt.for_each(|(_, judgement)| judgement.accepted = Some(accepted));
        }
    }

    fn totals(&self) -> Vec<ModelTotal> {
        let mut totals: BTreeMap<(&str, &ModelName, &str), ModelTotal> = BTreeMap::new();
        for (_, call) in &self.calls {
            let key = (call.role.name(), &call.model, call.outcome.name());
            let total = totals.entry(key).or_insert_with(|| ModelTotal {
                role: call.role,
                model: call.model.clone(),
                outcome: call.outcome,
                calls: 0,
                tokens_in: 0,
                tokens_out: 0,
                cost: Micros(0),
                latency_ms: 0,
            });
            total.calls += 1;
            total.tokens_in += u64::from(call.tokens_in);
            total.tokens_out += u64::from(call.tokens_out);
            total.cost = total.cost.plus(call.cost);
            total.latency_ms += u64::from(call.latency_ms);
        }
        totals.into_values().collect()
    }

    fn of_job(&self, job: JobId) -> ModelSpending {
        let mut spent = ModelSpending::default();
        for (_, call) in self.calls.iter().filter(|(of, _)| *of == Some(job)) {
            spent.calls += u64::from(call.outcome != CallOutcome::Cached);
            spent.tokens_in += u64::from(call.tokens_in);
            spent.tokens_out += u64::from(call.tokens_out);
            spent.cost = spent.cost.plus(call.cost);
        }
        spent
    }

    fn sums(&self) -> Vec<JudgementSum> {
        let mut sums = BTreeMap::new();
        for Judgement { model, criterion, decision, accepted } in self.judgements.values() {
            let sum =
                sums.entry((model, criterion, decision.name(), accepted)).or_insert_with(|| JudgementSum {
                    model: model.clone(),
                    criterion: (*criterion).to_owned(),
                    decision: *decision,
                    accepted: *accepted,
                    count: 0,
                });
            sum.count += 1;
        }
        sums.into_values().collect()
    }
}

impl State {
    /// The queries about language models.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists what comes here")]
    pub(super) fn answer_llm(&self, query: Query) -> Answer {
        let llm = &self.llm;
        match query {
            Query::ModelSettings => Answer::Text(llm.settings.clone()),
            Query::Spent { day } => {
                let of_day = llm.days.iter().filter(|((known, _), _)| *known == day);
                let row = |((_, payer), (tokens, cost)): (&(_, Payer), &(u64, Micros))| SpentRecord {
                    payer: *payer,
                    tokens: *tokens,
                    cost: *cost,
                };
                Answer::Spent(of_day.map(row).collect())
            }
            Query::JobSpending(job) => Answer::Spending(llm.of_job(job)),
            Query::ModelTotals => Answer::ModelTotals(llm.totals()),
            Query::Without => Answer::Without(llm.without.values().copied().collect()),
            Query::Judgements => Answer::Judgements(llm.sums()),
            other => unreachable!("{other:?} is answered elsewhere"),
        }
    }
}
