//! A job with all that its step needs, read from the store.

use super::input::Given;
use crate::market::Compiled;
use crate::store::{AttemptRecord, Fence, JobNote, JobRecord, Query, Store, StoreError};
use guildhall_protocol::attempt::{CriterionRef, Decision, EndedAs, Finding};
use guildhall_protocol::clean::{clean, cut};
use guildhall_protocol::ids::{AttemptNumber, BodyId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::json::Json;
use serde_json::{Value, json};

/// Longest evidence that is handed to another agent, in graphemes.
const EVIDENCE_MAX: usize = 300;

/// A job in hand.
pub(super) struct Work {
    pub(super) job: JobRecord,
    /// Oldest first.
    pub(super) attempts: Vec<AttemptRecord>,
    pub(super) draft: JobDraft,
    /// What the client said when the marketplace asked.
    pub(super) told: Given,
}

impl Work {
    /// Reads a job's attempts and draft.
    pub(super) async fn load(store: &dyn Store, job: JobRecord) -> Result<Self, StoreError> {
        let attempts = store.attempts(Query::Attempts(job.id)).await?;
        let draft = match store.body(job.draft).await? {
            Some(bytes) => read(&bytes)?,
            // A forgotten job has ended; nothing is done with its draft.
            None => JobDraft::default(),
        };
        let told = match job.reply {
            Some(reply) => {
                store.body(reply).await?.map(|bytes| read(&bytes)).transpose()?.unwrap_or_default()
            }
            None => Given::default(),
        };
        Ok(Self { job, attempts, draft, told })
    }

    pub(super) fn fence(&self) -> Fence {
        Fence { job: self.job.id, epoch: self.job.epoch, revision: self.job.chain.revision }
    }

    /// One of its attempts.
    pub(super) fn attempt(&self, number: AttemptNumber) -> Option<&AttemptRecord> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    /// The same job with this attempt in the place of the one with its number.
    pub(super) fn with(mut self, attempt: AttemptRecord) -> Self {
        if let Some(known) = self.attempts.iter_mut().find(|known| known.number == attempt.number) {
            *known = attempt;
        }
        self
    }

    /// A note that changes nothing.
    pub(super) fn note(&self) -> JobNote {
        JobNote {
            deadline: self.job.deadline,
            due_at: self.job.due_at,
            window: self.job.window,
            priority: self.job.priority,
            steering: None,
            attempt: None,
        }
    }

    pub(super) fn newest(&self) -> Option<&AttemptRecord> {
        self.attempts.last()
    }

    /// The input that the client gave, with the job or when they were asked.
    pub(super) fn given(&self) -> Option<&Json> {
        self.told.input.as_ref().or(self.draft.input.as_ref())
    }

    /// The brief, and what the client added to it.
    pub(super) fn words(&self) -> String {
        let added = self.told.words.iter().map(String::as_str);
        std::iter::once(self.draft.brief.as_str()).chain(added).collect::<Vec<_>>().join("\n\n")
    }

    /// The input as agents get it: what the client gave, else their words as text.
    pub(super) fn input(&self) -> Value {
        self.given().map_or_else(|| json!({"text": self.words()}), Json::value)
    }

    /// The input of an attempt: what a model built for it, else as above.
    pub(super) async fn input_of(
        &self,
        store: &dyn Store,
        attempt: &AttemptRecord,
    ) -> Result<Option<Json>, StoreError> {
        let Some(body) = attempt.input else { return Ok(self.given().cloned()) };
        let bytes = store.body(body).await?;
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.and_then(|text| Json::from_text(text).ok()))
    }

    /// A number that follows from the job alone.
    pub(super) fn seed(&self) -> u64 {
        u64::from_le_bytes(self.job.chain.hash[..8].try_into().unwrap_or_default())
    }

    /// What the next delivery of an attempt tells its agent about earlier answers: its own findings whole, those about
    /// somebody else's answer without anything that could quote it.
    pub(super) async fn findings(
        &self,
        store: &dyn Store,
        attempt: &AttemptRecord,
    ) -> Result<Vec<Finding>, StoreError> {
        let earlier = self
            .attempts
            .iter()
            .rev()
            .find(|before| before.number < attempt.number && before.findings.is_some());
        let Some(id) = earlier.and_then(|before| before.findings) else { return Ok(self.correction()) };
        let findings = findings(store, Some(id)).await?;
        let own = earlier.is_some_and(|before| before.agent == attempt.agent);
        let failed = findings.into_iter().filter(|finding| finding.decision == Decision::Fail);
        let shown = |finding: Finding| match finding.criterion {
            _ if own => finding,
            CriterionRef::Review => Finding { evidence: String::new(), ..finding },
            CriterionRef::Contract
            | CriterionRef::AgentSchema
            | CriterionRef::Job(_)
            | CriterionRef::Brief => {
                let evidence = cut(&clean(&finding.evidence), EVIDENCE_MAX);
                Finding { evidence, quote: None, ..finding }
            }
        };
        Ok(failed.map(shown).collect())
    }

    /// What was wrong with the result of the job that this one repeats, as a finding.
    fn correction(&self) -> Vec<Finding> {
        let label = "what was wrong with an earlier answer";
        let finding = |text: &String| Finding::new(CriterionRef::Review, label, Decision::Fail, text.clone());
        self.draft.correction.iter().map(finding).collect()
    }

    /// Whether the newest attempt failed by a criterion, so that its agent can be told what to mend.
    pub(super) async fn failed_by_criteria(&self, store: &dyn Store) -> Result<bool, StoreError> {
        let Some(newest) = self.newest().filter(|newest| newest.state.ended() == Some(EndedAs::Failed))
        else {
            return Ok(false);
        };
        let findings = findings(store, newest.findings).await?;
        Ok(!findings.is_empty() && findings.iter().all(|finding| finding.criterion != CriterionRef::Contract))
    }
}

/// The findings of an attempt.
pub(super) async fn findings(store: &dyn Store, id: Option<BodyId>) -> Result<Vec<Finding>, StoreError> {
    let Some(id) = id else { return Ok(Vec::new()) };
    store.body(id).await?.map_or(Ok(Vec::new()), |bytes| read(&bytes))
}

pub(super) fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes)
        .map_err(|error| StoreError::Unavailable(format!("a stored body cannot be read: {error}")))
}

/// The part of an answer that people should read.
pub(super) fn display(compiled: &Compiled) -> Option<String> {
    compiled.definition.display.clone()
}
