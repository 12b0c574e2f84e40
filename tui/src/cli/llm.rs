//! The command line of language models.

use clap::{Args, Subcommand, ValueEnum};
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::model::{BudgetScope, Micros, MicrosError};
use std::str::FromStr;

#[derive(Debug, Subcommand)]
pub(crate) enum LlmCommand {
    /// Show how models are, what they cost, and what was done without one
    Status,
    /// Operators: ask models; what was given up is tried again
    On(SwitchArgs),
    /// Operators: do not ask models; jobs go on without
    Off(SwitchArgs),
    /// Operators: the most that models may cost on a day, UTC
    Budget {
        /// Of what
        #[arg(value_enum)]
        scope: ScopeArg,
        /// Dollars, such as 5 or 0.25; 0 for nothing, `off` for no limit
        #[arg(allow_hyphen_values = true)]
        amount: Amount,
        /// Why, and a key
        #[command(flatten)]
        args: SwitchArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    /// Why
    #[arg(long, short)]
    pub(crate) reason: Option<String>,
    /// The same key again does it once
    #[arg(long)]
    pub(crate) key: Option<RequestId>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ScopeArg {
    /// Everything together
    Day,
    /// Each place
    Place,
    /// Each user
    User,
}

impl From<ScopeArg> for BudgetScope {
    fn from(argument: ScopeArg) -> Self {
        match argument {
            ScopeArg::Day => Self::Day,
            ScopeArg::Place => Self::Place,
            ScopeArg::User => Self::User,
        }
    }
}

/// A budget; none: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Option<Micros>);

/// Text that is no budget.
#[derive(Debug, thiserror::Error)]
#[error("{0}, or `off` for no limit")]
pub(crate) struct AmountError(MicrosError);

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        match text.trim() {
            "off" => Ok(Self(None)),
            amount => amount.parse().map(|amount| Self(Some(amount))).map_err(AmountError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn amount(text: &str) -> Result<Amount, String> {
        let line = ["guildhall", "llm", "budget", "day", text, "--reason", "it is enough"];
        let cli = Cli::try_parse_from(line).map_err(|error| error.to_string())?;
        let Some(Command::Llm(LlmCommand::Budget { amount, .. })) = cli.command else { panic!("{cli:?}") };
        Ok(amount)
    }

    #[test]
    fn budgets_are_dollars_or_off() {
        assert_eq!(amount("off"), Ok(Amount(None)));
        assert_eq!(amount("$0.25"), Ok(Amount(Some(Micros(250_000)))));
        assert_eq!(amount("0"), Ok(Amount(Some(Micros(0)))));
        for text in ["five", "-1", "1.2345678", ""] {
            let error = amount(text).expect_err(text);
            assert!(error.contains("write dollars such as 5 or 0.25"), "{error}");
        }
    }
}
