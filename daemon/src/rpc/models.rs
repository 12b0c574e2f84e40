//! Calls about models: how they are, what an operator says about them, and what their judgement is worth.

use super::Caller;
use super::errors::{internal, store};
use crate::llm::CacheStats;
use crate::report;
use crate::store::Query;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::matrix::Verb;
use guildhall_protocol::model::{JudgeReport, ModelOrder, ModelStatus};
use guildhall_protocol::time::Timestamp;

const NOT_CONFIGURED: &str = "no model is configured";

impl Caller {
    pub(super) async fn model_status(&self) -> Result<ModelStatus, ApiError> {
        let totals = self.desk.store().model_totals(Query::ModelTotals).await.map_err(store)?;
        let without = self.desk.store().without(Query::Without).await.map_err(store)?;
        let status = ModelStatus { totals, without, ..ModelStatus::default() };
        let Some(llm) = &self.desk.engine.parts().llm else {
            return Ok(ModelStatus { health: NOT_CONFIGURED.to_owned(), ..status });
        };
        let (settings, state) = (llm.settings(), llm.state(Timestamp::now()));
        // Who spent how much is the operators' business.
        let (places, users) =
            if self.is_operator() { (state.top_places, state.top_users) } else { (Vec::new(), Vec::new()) };
        let troubles: Vec<String> = state
            .breakers
            .iter()
            .filter_map(|breaker| Some(format!("{}: {}", breaker.model, breaker.trouble.as_ref()?)))
            .collect();
        let health = match (troubles.is_empty(), self.is_operator()) {
            (true, _) => "nothing is known to be wrong".to_owned(),
            (false, true) => troubles.join("; "),
            // A server may repeat there what others asked.
            (false, false) => "something is wrong: operators see what".to_owned(),
        };
        Ok(ModelStatus {
            model: Some(settings.model.clone()),
            second: settings.second.as_ref().map(|second| second.model.clone()),
            embedding: settings.embedding.as_ref().map(|embedding| embedding.model.clone()),
            base_url: Some(settings.base_url.clone()),
            on: state.on,
            health,
            budgets: state.budgets,
            spent: state.spent,
            tokens: state.tokens,
            places,
            users,
            unpriced: state.unpriced,
            cache: tell_cache(&state.cache),
            ..status
        })
    }

    pub(super) async fn models_ordered(
        &self,
        request: RequestId,
        order: ModelOrder,
        reason: Option<String>,
    ) -> Result<ModelStatus, ApiError> {
        self.check(Verb::SteerModels)?;
        if self.desk.engine.parts().llm.is_none() {
            return Err(ApiError::new(ErrorKind::Conflict, NOT_CONFIGURED)
                .hint("set llm_base_url, or a key, and start the daemon anew; see the README"));
        }
        let content = serde_json::to_vec(&(order, &reason)).map_err(|error| internal(&error))?;
        let request = self.request(request, "order-models", &content);
        self.desk.engine.order_models(self.who.user, request, order, reason).await.map_err(store)?;
        self.model_status().await
    }

    pub(super) async fn report_of_judges(&self) -> Result<JudgeReport, ApiError> {
        self.check(Verb::ReadJudges)?;
        report::read(self.desk.store()).await.map_err(store)
    }
}

/// A cache in words.
fn tell_cache(stats: &CacheStats) -> String {
    let CacheStats { kind, hits, misses, bytes, bytes_max, resets, .. } = stats;
    let mut told = format!("{kind}: {hits} of {} answers found since start", hits + misses);
    if *bytes_max > 0 {
        told += &format!(", {} of {} MB", bytes / 1_000_000, bytes_max / 1_000_000);
    }
    if *resets > 0 {
        told += &format!(", started empty {resets} times because it was broken");
    }
    match &stats.trouble {
        Some(trouble) => told + "; " + trouble,
        None => told,
    }
}
