//! What came of a delivery, as it matters for the attempt. Pure, with a table.

use super::next_step::Failure;
use crate::agents::contract::Reply;
use crate::agents::delivery::Delivered;
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::job::Policy;
use guildhall_protocol::json::Json;
use std::time::Duration;

/// Longest wait between two sends of a delivery.
pub const BACKOFF_MAX: Duration = Duration::from_mins(5);

/// What follows a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// An answer to judge.
    Answer(Json),
    /// Send again after this wait, under the same id.
    Again {
        /// How long to wait.
        wait: Duration,
        /// Whether nobody knows what the last send did.
        unclear: bool,
    },
    /// The attempt is over.
    Ended {
        /// How.
        ended: EndedAs,
        /// Why, for people.
        reason: String,
        /// What it means for what follows.
        failure: Failure,
        /// Whether the agent broke the contract: a finding of its own.
        breach: bool,
        /// Whether the agent is gone and must be paused.
        gone: bool,
    },
    /// Nobody can say, and asking again may do the work twice: an operator decides.
    Hold,
}

/// How often the delivery went out, and what may be done about a failure.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// Sends so far, from 1.
    pub tries: u32,
    /// The job's policy.
    pub policy: &'a Policy,
    /// Whether the agent does the same delivery once.
    pub idempotent: bool,
    /// Between 0 and 1, for jitter.
    pub chance: f64,
}

/// Reads what came of a delivery.
pub fn read(delivered: Delivered, sent: Sent<'_>) -> Reading {
    let last = sent.tries >= sent.policy.delivery_tries_max;
    match delivered {
        Delivered::NotConnected { why } if last => ended(EndedAs::Unreachable, why),
        Delivered::NotConnected { .. } => Reading::Again { wait: backoff(sent), unclear: false },
        Delivered::TooLarge { bytes_max } => breach(format!("the answer is larger than {bytes_max} bytes")),
        Delivered::Reply(reply) => by_reply(reply, sent, last),
    }
}

fn by_reply(reply: Reply, sent: Sent<'_>, last: bool) -> Reading {
    match reply {
        Reply::Output(output) => Reading::Answer(output),
        Reply::Declined(reason) => ended(EndedAs::Declined, reason),
        Reply::Refused { status } => {
            ended(EndedAs::Declined, format!("the agent refused the request ({status})"))
        }
        Reply::Accepted => {
            ended(EndedAs::Declined, "the agent answers later (202), which needs callbacks".to_owned())
        }
        Reply::Question { .. } => {
            ended(EndedAs::Declined, "the agent asks a question, which needs callbacks".to_owned())
        }
        Reply::Gone => Reading::Ended {
            ended: EndedAs::Unreachable,
            reason: "the agent said that it is gone (410)".to_owned(),
            failure: Failure::Other,
            breach: false,
            gone: true,
        },
        Reply::Later { status, .. } if last => {
            ended(EndedAs::Unreachable, format!("the agent was busy every time ({status})"))
        }
        Reply::Later { after, .. } => {
            Reading::Again { wait: backoff(sent).max(after.unwrap_or_default()), unclear: false }
        }
        Reply::Unclear { .. } if !sent.idempotent => Reading::Hold,
        Reply::Unclear { why } if last => ended(EndedAs::Unclear, why),
        Reply::Unclear { .. } => Reading::Again { wait: backoff(sent), unclear: true },
        Reply::Malformed { why } => breach(why),
        Reply::Working | Reply::UnknownJob | Reply::Challenge(_) | Reply::NotSupported => {
            breach("the agent answered something that was not asked".to_owned())
        }
    }
}

fn ended(ended: EndedAs, reason: String) -> Reading {
    Reading::Ended { ended, reason, failure: Failure::Other, breach: false, gone: false }
}

fn breach(reason: String) -> Reading {
    Reading::Ended { ended: EndedAs::Failed, reason, failure: Failure::Other, breach: true, gone: false }
}

/// Doubling from the policy's first wait, capped, with a fifth of jitter.
fn backoff(sent: Sent<'_>) -> Duration {
    let doubled = 2_u64.saturating_pow(sent.tries.saturating_sub(1)).saturating_mul(sent.policy.backoff_ms);
    let wait = Duration::from_millis(doubled).min(BACKOFF_MAX);
    wait.mul_f64(0.9 + 0.2 * sent.chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_replies_lead_to() {
        use EndedAs::{Declined, Failed, Unclear, Unreachable};
        let policy = Policy::default();
        let sent = |tries, idempotent| Sent { tries, policy: &policy, idempotent, chance: 0.5 };
        let how = |delivered: Delivered, tries, idempotent| match read(delivered, sent(tries, idempotent)) {
            Reading::Answer(_) => "answer".to_owned(),
            Reading::Again { wait, unclear } => {
                format!("again in {} ms{}", wait.as_millis(), if unclear { ", unclear" } else { "" })
            }
            Reading::Ended { ended, breach, gone, .. } => {
                format!("{ended}{}{}", if breach { ", breach" } else { "" }, if gone { ", gone" } else { "" })
            }
            Reading::Hold => "hold".to_owned(),
        };
        let reply = Delivered::Reply;
        let unclear = || reply(Reply::Unclear { why: "lost".to_owned() });
        let later = |seconds| reply(Reply::Later { status: 503, after: Some(Duration::from_secs(seconds)) });
        let lost = || Delivered::NotConnected { why: "nobody there".to_owned() };
        let table = [
            (reply(Reply::Output(serde_json::json!(1).into())), 1, true, "answer".to_owned()),
            (reply(Reply::Declined("no".to_owned())), 1, true, Declined.to_string()),
            (reply(Reply::Refused { status: 401 }), 1, true, Declined.to_string()),
            (reply(Reply::Malformed { why: "x".to_owned() }), 1, true, format!("{Failed}, breach")),
            (Delivered::TooLarge { bytes_max: 1 }, 1, true, format!("{Failed}, breach")),
            (reply(Reply::Gone), 1, true, format!("{Unreachable}, gone")),
            (lost(), 1, true, "again in 1000 ms".to_owned()),
            (lost(), 3, true, "again in 4000 ms".to_owned()),
            (lost(), 5, true, Unreachable.to_string()),
            (later(9), 1, true, "again in 9000 ms".to_owned()),
            (later(0), 2, true, "again in 2000 ms".to_owned()),
            (later(9), 5, true, Unreachable.to_string()),
            (unclear(), 1, true, "again in 1000 ms, unclear".to_owned()),
            (unclear(), 5, true, Unclear.to_string()),
            (unclear(), 1, false, "hold".to_owned()),
        ];
        for (delivered, tries, idempotent, expected) in table {
            assert_eq!(how(delivered.clone(), tries, idempotent), expected, "{delivered:?}, try {tries}");
        }
    }

    #[test]
    fn waits_are_capped_and_jittered() {
        let policy = Policy { delivery_tries_max: 20, ..Policy::default() };
        let wait = |chance| backoff(Sent { tries: 19, policy: &policy, idempotent: true, chance });
        assert_eq!(wait(0.0), BACKOFF_MAX.mul_f64(0.9));
        assert_eq!(wait(1.0), BACKOFF_MAX.mul_f64(1.1));
    }
}
