//! Commands of the seeded stream that are about language models.

use crate::random_commands::{Author, Seen};
use guildhall_daemon::store::{Command, Entry, JudgedCriterion, NewJudgement};
use guildhall_protocol::attempt::Decision;
use guildhall_protocol::history::Commitment;
use guildhall_protocol::ids::{AttemptNumber, PlaceId, UserId};
use guildhall_protocol::model::{CallOutcome, Micros, ModelCall, ModelRole, Payer, WithoutModel};
use rand::RngExt;

impl Author {
    /// What models decided about an answer, and what a person did with it.
    pub(crate) fn judged(&mut self, attempt: AttemptNumber, entry: &mut Entry) {
        for place in 0..self.random.random_range(0..3) {
            entry.judgements.push(NewJudgement {
                attempt,
                place,
                model: self.pick(&["small", "large"]).parse().expect("a name"),
                criterion: self.pick(&[JudgedCriterion::Brief, JudgedCriterion::Judge]),
                decision: self.pick(&[Decision::Pass, Decision::Fail, Decision::Abstain]),
            });
        }
        entry.opinion = self.one_in(2).then(|| (attempt, self.one_in(2)));
    }

    pub(crate) fn about_models(&mut self, seen: &Seen) -> Command {
        let mut chain = seen.chain;
        let entry = self.entry(chain);
        if self.one_in(4) {
            chain.revision += 1;
        }
        match self.random.random_range(0..4) {
            0 => {
                let settings = format!("{{\"on\": {}}}", self.one_in(2));
                Command::SetModels { request: self.request(), chain, settings, entry }
            }
            1 => Command::NoteSystem { chain, entry },
            _ => {
                let calls = (0..self.random.random_range(0..4)).map(|_| self.model_call()).collect();
                let payer = Payer {
                    place: PlaceId(self.random.random_range(1..3)),
                    user: UserId(self.random.random_range(1..3)),
                };
                let job = seen.jobs.first().map(|job| job.id).filter(|_| !self.one_in(3));
                let without = [(self.pick(&ModelRole::ALL), self.pick(&WithoutModel::ALL))];
                let without = without.into_iter().filter(|_| self.one_in(2)).collect();
                Command::LogCalls { job, payer, day: self.random.random_range(0..2), calls, without }
            }
        }
    }

    fn model_call(&mut self) -> ModelCall {
        ModelCall {
            role: self.pick(&ModelRole::ALL),
            model: self.pick(&["small", "large"]).parse().expect("a name"),
            prompt: Commitment("00".repeat(32)),
            tokens_in: self.random.random_range(0..3) * 100,
            tokens_out: self.random.random_range(0..3),
            cost: Micros(self.random.random_range(0..3)),
            latency_ms: self.random.random_range(0..500),
            outcome: self.pick(&CallOutcome::ALL),
        }
    }
}
