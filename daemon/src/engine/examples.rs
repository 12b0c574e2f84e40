//! Trying an agent's examples at its endpoint, outside any job: what `agent test` does.

use super::Engine;
use super::deliver::{Outgoing, assigned};
use crate::agents::contract::{Assignment, MessageType, Reply};
use crate::agents::delivery::Delivered;
use crate::judge::schema::SchemaVerdict;
use crate::market::Compiled;
use crate::store::{Command, NewDelivery, StoreError};
use guildhall_protocol::agent::Example;
use guildhall_protocol::ids::{AgentId, DeliveryLogId, JobId};
use guildhall_protocol::json::Json;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::TestStep;
use std::sync::Arc;
use std::time::Duration;

/// Longest time for one example.
const EXAMPLE_LIMIT: Duration = Duration::from_secs(15);

impl Engine {
    /// Sends each example once and checks the answers against the agent's own schema.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn try_examples(&self, agent: AgentId) -> Result<Vec<TestStep>, StoreError> {
        let compiled = self
            .market()
            .get(agent)
            .map(|listing| Arc::clone(&listing.compiled))
            .ok_or(StoreError::NotFound)?;
        let mut steps = Vec::new();
        for (example, number) in compiled.definition.examples.iter().zip(1..) {
            let (passed, detail) = self.try_example(agent, &compiled, example, number).await?;
            steps.push(TestStep { name: format!("example {number}"), passed, detail });
        }
        Ok(steps)
    }

    async fn try_example(
        &self,
        agent: AgentId,
        compiled: &Arc<Compiled>,
        example: &Example,
        number: u32,
    ) -> Result<(bool, String), StoreError> {
        let now = Timestamp::now();
        let brief = format!("An example of {}: answer as you would answer a job.", compiled.definition.name);
        let assignment = Assignment {
            job: JobId(0),
            attempt: number,
            title: "Example",
            brief: &brief,
            input: Some(&example.input),
            criteria: &[],
            findings: &[],
            callback_url: None,
        };
        let id = format!("tst_{}_{}_{}", self.parts.tag, agent.0, self.parts.maker.id(now));
        let limit = Duration::from_millis(compiled.definition.time_limits.exchange_ms).min(EXAMPLE_LIMIT);
        let out = Outgoing {
            agent,
            definition: &compiled.definition,
            kind: MessageType::JobAssigned,
            id: &id,
            deadline: Some(now.after(limit)),
            body: assigned(&compiled.definition, now, &assignment),
            time_limit: limit,
            keep_reply: true,
        };
        let (delivered, log) = self.exchange(out, now).await?;
        let delivery = NewDelivery {
            id: DeliveryLogId(self.parts.maker.id(now)),
            agent,
            at: now,
            attempt: None,
            message: MessageType::JobAssigned.name(),
            log: serde_json::to_vec(&log).unwrap_or_default(),
        };
        self.parts.store.apply(now, Command::LogDeliveries { deliveries: vec![delivery] }).await?;
        match delivered {
            Delivered::Reply(Reply::Output(output)) => self.check_output(compiled, output).await,
            Delivered::Reply(_) | Delivered::NotConnected { .. } | Delivered::TooLarge { .. } => {
                Ok((false, log.summary))
            }
        }
    }

    async fn check_output(
        &self,
        compiled: &Arc<Compiled>,
        output: Json,
    ) -> Result<(bool, String), StoreError> {
        let Some(schema) = compiled.output.clone() else {
            return Ok((true, "answered; there is no output schema to check against".to_owned()));
        };
        let work = move || match schema.check(&output.value()) {
            SchemaVerdict::Pass => (true, "answered, and the output fits the schema".to_owned()),
            SchemaVerdict::Fail(violations) => {
                let first = violations.first();
                let line = first
                    .map_or_else(String::new, |found| format!("{}: {}", found.instance_path, found.message));
                (false, format!("the output does not fit the schema: {line}"))
            }
            SchemaVerdict::TooMuchWork { .. } => {
                (false, "the output schema is too heavy to check".to_owned())
            }
        };
        self.parts.pool.run(work).await.map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}
