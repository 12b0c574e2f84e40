//! What came of a delivery, as it matters for the attempt. Pure, with a table.

use super::next_step::Failure;
use crate::agents::contract::Reply;
use crate::agents::delivery::Delivered;
use crate::store::Pulse;
use guildhall_protocol::attempt::{EndedAs, Question};
use guildhall_protocol::job::Policy;
use guildhall_protocol::json::Json;
use std::time::Duration;

/// Longest wait between two sends of a delivery.
pub const BACKOFF_MAX: Duration = Duration::from_mins(5);

/// What follows a delivery, or a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// An answer to judge.
    Answer(Json),
    /// The agent has it and answers later.
    Accepted,
    /// The agent is at it; perhaps it says how far.
    Working(Option<String>),
    /// The agent asks the client.
    Asked(Question),
    /// Send again, or ask again, after this wait, under the same id.
    Again {
        /// How long to wait.
        wait: Duration,
        /// Whether nobody knows what the last send did.
        unclear: bool,
    },
    /// Nothing new: listen on, until the agent has been silent for too long.
    Listen,
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
    /// Nobody can say, for this reason, and asking again may do the work twice: an operator decides.
    Hold(String),
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
    /// Until the attempt's time is up.
    pub time_left: Duration,
}

impl Sent<'_> {
    fn is_last(&self) -> bool {
        self.tries >= self.policy.delivery_tries_max || self.time_left < backoff(*self)
    }
}

/// Reads what came of a delivery, and what the agent's circuit hears of it.
pub fn read(delivered: Delivered, sent: Sent<'_>) -> (Reading, Option<Pulse>) {
    let last = sent.is_last();
    let pulse = pulse(&delivered);
    let reading = match delivered {
        Delivered::NotConnected { why } if last => ended(EndedAs::Unreachable, why),
        Delivered::NotConnected { .. } => Reading::Again { wait: backoff(sent), unclear: false },
        Delivered::TooLarge { bytes_max } => breach(format!("the answer is larger than {bytes_max} bytes")),
        Delivered::Reply(reply) => by_reply(reply, sent, last),
    };
    (reading, pulse)
}

/// What the agent's circuit hears: nothing where the agent only says that it is busy.
fn pulse(delivered: &Delivered) -> Option<Pulse> {
    match delivered {
        Delivered::NotConnected { .. } => Some(Pulse::Miss),
        Delivered::TooLarge { .. } => None,
        Delivered::Reply(reply) => match reply {
            Reply::Output(_)
            | Reply::Question { .. }
            | Reply::Declined(_)
            | Reply::Accepted
            | Reply::Working
            | Reply::UnknownJob
            | Reply::Challenge(_) => Some(Pulse::Beat),
            Reply::Unclear { .. } | Reply::Malformed { .. } | Reply::Refused { .. } => Some(Pulse::Miss),
            Reply::Later { .. } | Reply::Gone | Reply::NotSupported => None,
        },
    }
}

fn by_reply(reply: Reply, sent: Sent<'_>, last: bool) -> Reading {
    match reply {
        Reply::Output(output) => Reading::Answer(output),
        Reply::Declined(reason) => ended(EndedAs::Declined, reason),
        Reply::Refused { status } => {
            ended(EndedAs::Declined, format!("the agent refused the request ({status})"))
        }
        Reply::Accepted => Reading::Accepted,
        Reply::Question { text, schema } => Reading::Asked(Question { text, schema }),
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
        Reply::Unclear { why } if last && !sent.idempotent => Reading::Hold(why),
        Reply::Unclear { why } if last => ended(EndedAs::Unclear, why),
        Reply::Unclear { .. } => Reading::Again { wait: backoff(sent), unclear: true },
        Reply::Malformed { why } => breach(why),
        Reply::NotSupported => {
            ended(EndedAs::Declined, "the agent asked, and does not take the answer".to_owned())
        }
        Reply::Working | Reply::UnknownJob | Reply::Challenge(_) => {
            breach("the agent answered something that was not asked".to_owned())
        }
    }
}

/// Reads the answer to `job.status` about an attempt of which nobody knows whether it was done, and which must not be
/// sent twice.
pub fn read_unclear(delivered: Delivered, sent: Sent<'_>) -> (Reading, Option<Pulse>) {
    let pulse = pulse(&delivered);
    let again = if sent.is_last() {
        Reading::Hold("it cannot be asked".to_owned())
    } else {
        Reading::Again { wait: backoff(sent), unclear: true }
    };
    let reading = match delivered {
        Delivered::NotConnected { .. } | Delivered::TooLarge { .. } => again,
        Delivered::Reply(reply) => match reply {
            Reply::Working | Reply::Accepted => Reading::Accepted,
            // It cannot say, or forgot: that proves nothing.
            Reply::UnknownJob | Reply::NotSupported | Reply::Refused { .. } | Reply::Malformed { .. } => {
                Reading::Hold("the agent cannot say whether it did it".to_owned())
            }
            Reply::Later { .. } | Reply::Unclear { .. } => again,
            Reply::Output(_)
            | Reply::Question { .. }
            | Reply::Declined(_)
            | Reply::Challenge(_)
            | Reply::Gone => by_reply(reply, sent, true),
        },
    };
    (reading, pulse)
}

/// Reads the answer to `job.status` about an attempt that the agent accepted.
pub fn read_working(delivered: Delivered, sent: Sent<'_>, calls_back: bool) -> (Reading, Option<Pulse>) {
    let pulse = pulse(&delivered);
    let reading = match delivered {
        Delivered::NotConnected { .. } => Reading::Listen,
        Delivered::TooLarge { bytes_max } => breach(format!("the answer is larger than {bytes_max} bytes")),
        Delivered::Reply(reply) => match reply {
            Reply::Working | Reply::Accepted => Reading::Working(None),
            Reply::UnknownJob if !sent.idempotent => {
                Reading::Hold("the agent accepted it, and does not know it any more".to_owned())
            }
            Reply::UnknownJob if sent.tries < sent.policy.delivery_tries_max => {
                Reading::Again { wait: Duration::ZERO, unclear: false }
            }
            Reply::UnknownJob => ended(EndedAs::Silent, "the agent lost the job every time".to_owned()),
            Reply::NotSupported if !calls_back => {
                breach("the agent accepted (202), but answers no job.status and cannot call back".to_owned())
            }
            Reply::NotSupported
            | Reply::Later { .. }
            | Reply::Unclear { .. }
            | Reply::Refused { .. }
            | Reply::Malformed { .. }
            | Reply::Challenge(_) => Reading::Listen,
            Reply::Output(_) | Reply::Question { .. } | Reply::Declined(_) | Reply::Gone => {
                by_reply(reply, sent, true)
            }
        },
    };
    (reading, pulse)
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
        let time_left = Duration::from_hours(1);
        let sent = |tries, idempotent| Sent { tries, policy: &policy, idempotent, chance: 0.5, time_left };
        let how = |delivered: Delivered, tries, idempotent| match read(delivered, sent(tries, idempotent)).0 {
            Reading::Answer(_) => "answer".to_owned(),
            Reading::Accepted => "accepted".to_owned(),
            Reading::Working(_) => "working".to_owned(),
            Reading::Asked(_) => "asked".to_owned(),
            Reading::Listen => "listen".to_owned(),
            Reading::Again { wait, unclear } => {
                format!("again in {} ms{}", wait.as_millis(), if unclear { ", unclear" } else { "" })
            }
            Reading::Ended { ended, breach, gone, .. } => {
                format!("{ended}{}{}", if breach { ", breach" } else { "" }, if gone { ", gone" } else { "" })
            }
            Reading::Hold(_) => "hold".to_owned(),
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
            (unclear(), 1, false, "again in 1000 ms, unclear".to_owned()),
            (unclear(), 5, false, "hold".to_owned()),
            (reply(Reply::Accepted), 1, false, "accepted".to_owned()),
            (reply(Reply::Question { text: "?".to_owned(), schema: None }), 1, false, "asked".to_owned()),
        ];
        for (delivered, tries, idempotent, expected) in table {
            assert_eq!(how(delivered.clone(), tries, idempotent), expected, "{delivered:?}, try {tries}");
        }
    }

    #[test]
    fn waits_are_capped_and_jittered() {
        let policy = Policy { delivery_tries_max: 20, ..Policy::default() };
        let time_left = Duration::from_hours(1);
        let wait = |chance| backoff(Sent { tries: 19, policy: &policy, idempotent: true, chance, time_left });
        assert_eq!(wait(0.0), BACKOFF_MAX.mul_f64(0.9));
        assert_eq!(wait(1.0), BACKOFF_MAX.mul_f64(1.1));
    }

    #[test]
    fn what_asking_leads_to() {
        let policy = Policy::default();
        let time_left = Duration::from_hours(1);
        let sent = |tries, idempotent| Sent { tries, policy: &policy, idempotent, chance: 0.5, time_left };
        let reply = |reply| Delivered::Reply(reply);
        let lost = || Delivered::NotConnected { why: "nobody there".to_owned() };
        let unclear = |delivered, tries| read_unclear(delivered, sent(tries, false)).0;
        assert_eq!(unclear(reply(Reply::Working), 1), Reading::Accepted);
        let held = |reading| matches!(reading, Reading::Hold(_));
        assert!(held(unclear(reply(Reply::UnknownJob), 1)), "forgotten is not undone");
        assert!(held(unclear(reply(Reply::NotSupported), 1)));
        assert!(held(unclear(lost(), 5)));
        assert!(matches!(unclear(lost(), 1), Reading::Again { unclear: true, .. }));

        let working = |delivered, tries, idempotent, calls_back| {
            read_working(delivered, sent(tries, idempotent), calls_back).0
        };
        assert_eq!(working(reply(Reply::Working), 1, true, false), Reading::Working(None));
        assert_eq!(working(lost(), 1, true, false), Reading::Listen);
        assert_eq!(working(reply(Reply::NotSupported), 1, true, true), Reading::Listen);
        let breach = working(reply(Reply::NotSupported), 1, true, false);
        assert!(matches!(breach, Reading::Ended { breach: true, .. }), "nobody will ever hear of it");
        let again = working(reply(Reply::UnknownJob), 1, true, false);
        assert_eq!(again, Reading::Again { wait: Duration::ZERO, unclear: false }, "it gets it anew");
        assert!(held(working(reply(Reply::UnknownJob), 1, false, false)));
        let silent = working(reply(Reply::UnknownJob), 5, true, false);
        assert!(matches!(silent, Reading::Ended { ended: EndedAs::Silent, .. }));
    }

    #[test]
    fn no_wait_outlives_the_attempt() {
        let policy = Policy::default();
        let time_left = Duration::from_millis(500);
        let sent = Sent { tries: 1, policy: &policy, idempotent: true, chance: 0.5, time_left };
        let (reading, pulse) = read(Delivered::NotConnected { why: "x".to_owned() }, sent);
        assert!(matches!(reading, Reading::Ended { ended: EndedAs::Unreachable, .. }));
        assert_eq!(pulse, Some(Pulse::Miss));
    }
}
