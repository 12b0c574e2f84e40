//! One paid call: money set aside, a permit, the breaker, one request, at most one more, and the bill.
//!
//! Whatever a call holds is held by a guard. So a future that is dropped midway gives back its permit, leaves the decision of
//! an open breaker to the next call, and gives back what it set aside, except for the prompt if a request was under way: the
//! server may charge for it, and nobody will say so.

use super::breaker::Admission;
use super::transport::{Failure, FailureKind, Paid, Usage, WHY_CHARACTERS_MAX};
use super::{Llm, accounts};
use accounts::Reservation;
use guildhall_protocol::clean::cut;
use guildhall_protocol::history::Commitment;
use guildhall_protocol::model::{CallOutcome, Micros, ModelCall, ModelName, ModelRole, Payer, WithoutModel};
use guildhall_protocol::time::Timestamp;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Shortest wait before a second try, where the server names none, ms.
const RETRY_MS_MIN: u64 = 200;
/// The longest one is shorter than this much more, ms.
const RETRY_MS_SPREAD: u64 = 200;
/// Bytes of a text that make one token, about. English has four; this errs to the safe side.
const BYTES_PER_TOKEN: usize = 3;

/// A call that is wanted.
pub(super) struct Order<'a> {
    pub(super) model: &'a ModelName,
    /// None: the daemon's own money.
    pub(super) payer: Option<Payer>,
    /// The prompt's tokens, estimated.
    pub(super) tokens_in: u32,
    /// Most tokens of the answer.
    pub(super) tokens_out_max: u32,
    /// When there must be an answer.
    pub(super) deadline: Instant,
}

impl Order<'_> {
    fn worst(&self) -> Usage {
        Usage { tokens_in: self.tokens_in, tokens_out: self.tokens_out_max }
    }

    fn prompt(&self) -> Usage {
        Usage { tokens_in: self.tokens_in, tokens_out: 0 }
    }
}

/// What was used and paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bill {
    /// Requests that were made.
    pub(super) requests: u32,
    usage: Usage,
    cost: Micros,
}

impl Bill {
    pub(super) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.usage.tokens_in = self.usage.tokens_in.saturating_add(other.usage.tokens_in);
        self.usage.tokens_out = self.usage.tokens_out.saturating_add(other.usage.tokens_out);
        self.cost = self.cost.plus(other.cost);
    }

    fn tokens(self) -> u64 {
        u64::from(self.usage.tokens_in) + u64::from(self.usage.tokens_out)
    }

    /// The call as history tells it.
    pub(super) fn call(
        self,
        role: ModelRole,
        model: &ModelName,
        prompt: Commitment,
        started: Instant,
        outcome: CallOutcome,
    ) -> ModelCall {
        ModelCall {
            role,
            model: model.clone(),
            prompt,
            tokens_in: self.usage.tokens_in,
            tokens_out: self.usage.tokens_out,
            cost: self.cost,
            latency_ms: u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX),
            outcome,
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Nothing was called: an operator switched models off.
    SwitchedOff,
    /// Nothing was called: the breaker is open.
    Blocked(String),
    /// Nothing was called: it would have cost too much.
    OverBudget(String),
    /// Nothing was called: no permit in time.
    Busy,
    /// It took too long.
    TimedOut,
    /// It failed.
    Failed(Failure),
}

impl Stopped {
    /// What history says; none: there was no call to tell about.
    pub(super) fn outcome(&self) -> Option<CallOutcome> {
        match self {
            Self::SwitchedOff | Self::Blocked(_) => None,
            Self::OverBudget(_) => Some(CallOutcome::OverBudget),
            Self::Busy | Self::TimedOut => Some(CallOutcome::Transient),
            Self::Failed(failure) => Some(match failure.kind {
                FailureKind::Transient => CallOutcome::Transient,
                FailureKind::Permanent(_) => CallOutcome::Permanent,
                FailureKind::Refused => CallOutcome::Refused,
                FailureKind::Malformed => CallOutcome::Malformed,
            }),
        }
    }

    /// What the caller goes on without.
    pub(super) fn without(&self) -> WithoutModel {
        match self {
            Self::SwitchedOff => WithoutModel::SwitchedOff,
            Self::OverBudget(_) => WithoutModel::OverBudget,
            Self::Blocked(_) | Self::Busy | Self::TimedOut => WithoutModel::Unavailable,
            Self::Failed(failure) => match failure.kind {
                FailureKind::Transient | FailureKind::Permanent(_) => WithoutModel::Unavailable,
                FailureKind::Refused | FailureKind::Malformed => WithoutModel::NoUse,
            },
        }
    }

    /// Why, for people.
    pub(super) fn why(self, llm: &Llm) -> String {
        let seconds = llm.settings.time_limit.as_secs_f32();
        match self {
            Self::SwitchedOff => WithoutModel::SwitchedOff.to_string(),
            Self::Blocked(why) => why,
            Self::OverBudget(what) => format!("the budget is spent: {what}"),
            Self::Busy => format!("all {} calls were in use for {seconds} s", llm.calls_max()),
            Self::TimedOut => format!("the model did not answer within {seconds} s"),
            Self::Failed(failure) => cut(&failure.why, WHY_CHARACTERS_MAX),
        }
    }
}

/// The tokens of a text, estimated.
pub(super) fn estimate(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX)
}

impl Llm {
    /// Calls, and says what it cost. `send` makes one request and says what it used; it is called once, or twice if the first
    /// failed in a way that may pass, and not by taking too long.
    pub(super) async fn call<R, Sending>(
        &self,
        order: &Order<'_>,
        send: impl Fn() -> Sending,
    ) -> (Result<R, Stopped>, Bill)
    where
        Sending: Future<Output = Result<(R, Usage), Failure>>,
    {
        let mut bill = Bill::default();
        let answer = self.call_onto(order, send, &mut bill).await;
        (answer, bill)
    }

    async fn call_onto<R, Sending>(
        &self,
        order: &Order<'_>,
        send: impl Fn() -> Sending,
        bill: &mut Bill,
    ) -> Result<R, Stopped>
    where
        Sending: Future<Output = Result<(R, Usage), Failure>>,
    {
        self.breaker(order.model, |breaker| breaker.look(Timestamp::now())).map_err(Stopped::Blocked)?;
        let mut aside = Aside::reserve(self, order).map_err(Stopped::OverBudget)?;
        let permit = timeout_at(order.deadline, self.permits.acquire()).await;
        let Ok(Ok(_permit)) = permit else {
            return Err(Stopped::Busy); // the semaphore is never closed, so it took too long
        };
        // The wait may have been long.
        if !self.is_on() {
            return Err(Stopped::SwitchedOff);
        }
        let pass = Pass::admit(self, order.model).map_err(Stopped::Blocked)?;

        let failure = match aside.pay_for(order, &send, bill).await {
            Ok(value) => {
                pass.worked();
                return Ok(value);
            }
            Err(stopped) => stopped,
        };
        let Some(wait) = retry_wait(&failure, order.deadline) else { return Err(pass.failed(failure)) };
        sleep(wait).await;
        // What the first try cost is spent, so the second may be too much.
        let (true, Ok(mut aside)) = (self.is_on(), Aside::reserve(self, order)) else {
            return Err(pass.failed(failure));
        };
        match aside.pay_for(order, &send, bill).await {
            Ok(value) => {
                pass.worked();
                Ok(value)
            }
            Err(stopped) => Err(pass.failed(stopped)),
        }
    }

    /// What tokens cost, rounded up. Without a price: nothing.
    fn bill(&self, model: &ModelName, usage: Usage) -> Bill {
        let price = self.settings.prices.get(model).copied().unwrap_or_default();
        let part = |tokens: u32, price: Micros| u128::from(tokens) * u128::from(price.0);
        let millionths = part(usage.tokens_in, price.tokens_in) + part(usage.tokens_out, price.tokens_out);
        let cost = Micros(u64::try_from(millionths.div_ceil(1_000_000)).unwrap_or(u64::MAX));
        Bill { requests: 1, usage, cost }
    }
}

/// How long to wait before the second try; none: there is no second try, or no time for one.
fn retry_wait(stopped: &Stopped, deadline: Instant) -> Option<Duration> {
    let Stopped::Failed(failure) = stopped else { return None };
    if failure.kind != FailureKind::Transient || failure.timed_out {
        return None;
    }
    let wait = failure.retry_after.unwrap_or_else(|| {
        // Without randomness all that failed at once would come again at once; that is all it is for.
        let mut random = [0; 1];
        let spread =
            getrandom::fill(&mut random).map_or(0, |()| u64::from(random[0]) * RETRY_MS_SPREAD / 256);
        Duration::from_millis(RETRY_MS_MIN + spread)
    });
    // Where the server wants more time than there is, waiting would help nobody.
    (wait < deadline.saturating_duration_since(Instant::now())).then_some(wait)
}

/// Money set aside for one request. When dropped it is settled.
struct Aside<'a> {
    llm: &'a Llm,
    reservation: Option<Reservation>,
    /// What is paid when it is dropped.
    bill: Bill,
}

impl<'a> Aside<'a> {
    fn reserve(llm: &'a Llm, order: &Order<'_>) -> Result<Self, String> {
        let worst = llm.bill(order.model, order.worst());
        let reservation = llm.accounts().reserve(order.payer, worst.cost, worst.tokens(), Timestamp::now());
        let reservation = reservation.map_err(|limit| limit.to_string())?;
        Ok(Self { llm, reservation: Some(reservation), bill: Bill::default() })
    }

    /// Makes the request, puts it on the bill, and settles.
    async fn pay_for<R, Sending>(
        &mut self,
        order: &Order<'_>,
        send: &impl Fn() -> Sending,
        bill: &mut Bill,
    ) -> Result<R, Stopped>
    where
        Sending: Future<Output = Result<(R, Usage), Failure>>,
    {
        // From here on the server may charge for the prompt, even if nobody waits for the end.
        self.bill = self.llm.bill(order.model, order.prompt());
        let answer = match timeout_at(order.deadline, send()).await {
            Ok(Ok((value, usage))) => {
                self.bill = self.llm.bill(order.model, usage);
                Ok(value)
            }
            Ok(Err(failure)) => {
                self.bill = match failure.paid {
                    Paid::Nothing => self.llm.bill(order.model, Usage::default()),
                    Paid::Counted(usage) => self.llm.bill(order.model, usage),
                    Paid::Prompt => self.bill,
                };
                Err(Stopped::Failed(failure))
            }
            Err(_) => Err(Stopped::TimedOut),
        };
        bill.add(self.bill);
        self.settle();
        answer
    }

    fn settle(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            let (cost, tokens) = (self.bill.cost, self.bill.tokens());
            self.llm.accounts().settle(reservation, cost, tokens, Timestamp::now());
        }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        self.settle();
    }
}

/// The breaker's leave to call. When dropped without a report, the next call decides.
struct Pass<'a> {
    llm: &'a Llm,
    model: &'a ModelName,
    admission: Option<Admission>,
}

impl<'a> Pass<'a> {
    fn admit(llm: &'a Llm, model: &'a ModelName) -> Result<Self, String> {
        let admission = llm.breaker(model, |breaker| breaker.admit(Timestamp::now()))?;
        Ok(Self { llm, model, admission: Some(admission) })
    }

    fn worked(mut self) {
        if let Some(admission) = self.admission.take() {
            self.llm.breaker(self.model, |breaker| breaker.worked(admission));
        }
    }

    /// Reports a failure, and hands it back. Says so in the log if the model is not called any more.
    fn failed(mut self, stopped: Stopped) -> Stopped {
        let Some(admission) = self.admission.take() else { return stopped };
        let now = Timestamp::now();
        let words = self.llm.breaker(self.model, |breaker| {
            let opened = match &stopped {
                Stopped::TimedOut => breaker.failed(admission, "no answer in time", now),
                Stopped::Failed(failure) => match failure.kind {
                    FailureKind::Transient => breaker.failed(admission, &failure.why, now),
                    FailureKind::Permanent(what) => breaker.block(what, &failure.why, now, admission),
                    FailureKind::Refused | FailureKind::Malformed => {
                        breaker.worked(admission);
                        false
                    }
                },
                Stopped::SwitchedOff | Stopped::Blocked(_) | Stopped::OverBudget(_) | Stopped::Busy => {
                    breaker.abandoned(admission);
                    false
                }
            };
            opened.then(|| breaker.words(now)).flatten()
        });
        if let Some(words) = words {
            tracing::warn!(model = %self.model, "the model {} is not asked for now: {words}", self.model);
        }
        stopped
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(admission) = self.admission.take() {
            self.llm.breaker(self.model, |breaker| breaker.abandoned(admission));
        }
    }
}
