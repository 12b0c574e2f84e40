//! What models may cost, and whose money it is.

use crate::ids::{PlaceId, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Money: millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl Micros {
    /// The sum; the largest amount instead of an overflow.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Micros {
    /// `$0.001234`, without zeros at the end beyond cents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, millionths) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let digits = format!("{millionths:06}");
        let shown = digits.trim_end_matches('0');
        write!(f, "${dollars}.{shown:0<2}")
    }
}

/// Text that is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no amount: write dollars such as 5 or 0.25, at most six places")]
pub struct MicrosError {
    text: String,
}

impl FromStr for Micros {
    type Err = MicrosError;

    /// Dollars, with or without the sign: `5`, `$0.25`.
    fn from_str(text: &str) -> Result<Self, MicrosError> {
        let error = || MicrosError { text: text.chars().take(40).collect() };
        let number = text.trim().trim_start_matches('$');
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 6 || (whole.is_empty() && part.is_empty()) {
            return Err(error());
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| error())? };
        let part: u64 = format!("{part:0<6}").parse().map_err(|_| error())?;
        let sum = whole.checked_mul(1_000_000).and_then(|millionths| millionths.checked_add(part));
        sum.map(Self).ok_or_else(error)
    }
}

/// Whose money it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Payer {
    /// Where the job was posted.
    pub place: PlaceId,
    /// Who posted it.
    pub user: UserId,
}

/// What a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetScope {
    /// Everything on one UTC day.
    Day,
    /// Each place on one UTC day.
    Place,
    /// Each user on one UTC day.
    User,
}

impl BudgetScope {
    /// Every scope once.
    pub const ALL: [Self; 3] = [Self::Day, Self::Place, Self::User];

    /// The name in commands and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Place => "place",
            Self::User => "user",
        }
    }
}

impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "all of a day",
            Self::Place => "each place and day",
            Self::User => "each user and day",
        })
    }
}

/// Most that models may cost on one UTC day; none: no limit. Zero: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budgets {
    /// In all.
    pub day: Option<Micros>,
    /// Of each place.
    pub place: Option<Micros>,
    /// Of each user.
    pub user: Option<Micros>,
}

impl Budgets {
    /// The budget of a scope.
    pub fn of(self, scope: BudgetScope) -> Option<Micros> {
        match scope {
            BudgetScope::Day => self.day,
            BudgetScope::Place => self.place,
            BudgetScope::User => self.user,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_and_prints() {
        let table =
            [("5", "$5.00"), ("$0.25", "$0.25"), ("0.001234", "$0.001234"), (".5", "$0.50"), ("0", "$0.00")];
        for (text, shown) in table {
            assert_eq!(text.parse::<Micros>().expect(text).to_string(), shown);
        }
        for text in ["", ".", "-1", "1.2345678", "a", "99999999999999999999"] {
            assert!(text.parse::<Micros>().is_err(), "{text}");
        }
    }
}
