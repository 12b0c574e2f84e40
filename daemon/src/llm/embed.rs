//! Texts to vectors.

use super::{Llm, NoAnswer};
use guildhall_protocol::model::{ModelCall, Payer, WithoutModel};
use std::sync::Arc;

impl Llm {
    /// Embeds texts.
    pub async fn embed(
        &self,
        texts: &[String],
        payer: Option<Payer>,
    ) -> (Result<Vec<Arc<[f32]>>, NoAnswer>, Option<ModelCall>) {
        drop((texts, payer));
        (Err(NoAnswer { without: WithoutModel::Unavailable, why: "not built yet".to_owned() }), None)
    }
}
