//! What a user has of everything that is limited, against what they may have, and when there is room again.

use crate::ids::UserId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a user has, and may have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageReport {
    /// Whose.
    pub user: UserId,
    /// Jobs that have not ended.
    pub open_jobs: Allowance,
    /// Jobs posted in this minute.
    pub posts: Allowance,
    /// Bytes that their jobs hold in the store.
    pub stored_bytes: Allowance,
    /// Agents that are not retired.
    pub agents: Allowance,
}

/// How much there is of one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// So much.
    pub used: u64,
    /// The most; none: nothing limits it.
    pub most: Option<u64>,
    /// Where all of it is used: when there is room at the latest, if time alone makes some.
    pub free_at: Option<Timestamp>,
}

impl Allowance {
    /// Whether there is no room for one more.
    pub fn is_spent(&self) -> bool {
        self.most.is_some_and(|most| self.used >= most)
    }
}

impl UsageReport {
    /// A line for each thing, as people read it; `clock` writes a point in time.
    pub fn lines(&self, clock: impl Fn(Timestamp) -> String) -> [String; 4] {
        let told = |what: &str, allowance: &Allowance, next: &str| {
            let most = allowance.most.map_or_else(|| "no limit".to_owned(), |most| format!("of {most}"));
            let room = match allowance.free_at.filter(|_| allowance.is_spent()) {
                _ if !allowance.is_spent() => String::new(),
                _ if allowance.most == Some(0) => "; none is allowed: ask an operator".to_owned(),
                Some(at) => format!("; {next}, at the latest {}", clock(at)),
                None => format!("; {next}"),
            };
            format!("{what}: {} {most}{room}", allowance.used)
        };
        [
            told("Jobs that have not ended", &self.open_jobs, "free when one ends or is canceled"),
            told("Posts in this minute", &self.posts, "free with the next minute"),
            told("Bytes that your jobs hold", &self.stored_bytes, "only an operator can raise it"),
            told("Agents", &self.agents, "free when one is retired"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_says_when_there_is_room() {
        let allowance = |used, most, free_at| Allowance { used, most, free_at };
        let report = UsageReport {
            user: UserId(1),
            open_jobs: allowance(3, Some(3), Some(Timestamp(7))),
            posts: allowance(1, Some(120), None),
            stored_bytes: allowance(9, None, None),
            agents: allowance(0, Some(0), None),
        };
        let expected = [
            "Jobs that have not ended: 3 of 3; free when one ends or is canceled, at the latest at 7",
            "Posts in this minute: 1 of 120",
            "Bytes that your jobs hold: 9 no limit",
            "Agents: 0 of 0; none is allowed: ask an operator",
        ];
        assert_eq!(report.lines(|at| format!("at {}", at.0)), expected);
    }
}
