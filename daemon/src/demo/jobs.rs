//! The demo's jobs, and how each should end. Nothing here is known to the agents.

use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::history::What;
use guildhall_protocol::job::{Criterion, JobDraft, Review};
use guildhall_protocol::json::Json;
use guildhall_protocol::model::{CallOutcome, ModelRole};
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::JobStory;
use serde_json::{Value, json};

/// A job and how it should end.
pub(super) struct Planned {
    pub(super) draft: JobDraft,
    /// What the client does when it is their turn.
    pub(super) then: Then,
    /// The state at the end.
    state: JobState,
    /// Who tries and how each attempt ends, where no model chooses.
    attempts: &'static [(&'static str, EndedAs)],
}

/// Whether models take part in the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Models {
    /// None is configured.
    None,
    /// They choose, shape and judge: who tries is theirs to say.
    Asked,
}

/// What the client does when it is their turn.
#[derive(Clone, Copy)]
pub(super) enum Then {
    /// It never is.
    Nothing,
    /// Accept the answer when asked.
    Accept,
    /// Call it off when nobody can take it.
    Cancel,
    /// Answer what its agent or the marketplace asks.
    Answer(&'static str),
}

impl Planned {
    /// Whether the job ended as it should.
    pub(super) fn ended_right(&self, story: &JobStory, models: Models) -> bool {
        let right_state = story.head.state.known() == Some(&self.state);
        if models == Models::Asked {
            return right_state;
        }
        let attempts = story.attempts.iter().map(|view| {
            let ended = view.state.known().and_then(|state| state.ended());
            (view.agent.as_str(), ended)
        });
        let expected = self.attempts.iter().map(|(agent, ended)| (*agent, Some(*ended)));
        right_state && attempts.eq(expected)
    }
}

/// Whether models were asked for everything that they are for, and answered.
pub(super) fn all_roles_answered(ended: &[(JobStory, Planned)]) -> bool {
    let answered = |role: ModelRole| {
        ended.iter().flat_map(|(story, _)| &story.events).any(|event| {
            matches!(&event.what, What::ModelCalled { call, .. }
                if call.role == role && matches!(call.outcome, CallOutcome::Answered | CallOutcome::Cached))
        })
    };
    [ModelRole::Choose, ModelRole::Shape, ModelRole::Judge].into_iter().all(answered)
}

const TOWER: &str = "The lighthouse stands on a rock two miles off the coast, where three currents meet. \
    Its lamp was first lit in 1811, after four years of work that could only be done at low tide. \
    The engineers cut each stone so that it locked into its neighbors. \
    Storms break over the top of the lighthouse several times in a winter, and the stones have never moved. \
    Since 1988 nobody lives there. \
    A computer on the mainland now watches the lamp of the lighthouse, and a boat visits the rock in summer.";

/// All of them.
pub(super) fn planned(models: Models) -> Vec<Planned> {
    let mut planned = quick();
    planned.extend(long());
    if models == Models::Asked {
        planned.push(in_words());
    }
    planned
}

fn job(brief: &str, input: Option<Value>, criteria: Vec<Criterion>) -> JobDraft {
    JobDraft {
        brief: brief.to_owned(),
        input: input.map(Json::from),
        criteria,
        review: Review::OnAbstain,
        ..JobDraft::default()
    }
}

fn rule(text: &str) -> Criterion {
    Criterion::Rule(text.to_owned())
}

fn completed(draft: JobDraft, attempts: &'static [(&'static str, EndedAs)]) -> Planned {
    Planned { draft, then: Then::Nothing, state: JobState::Completed, attempts }
}

/// Jobs of one exchange, or of a few.
fn quick() -> Vec<Planned> {
    use EndedAs::{Declined, Failed, Passed};
    let tagged = JobDraft {
        tags: vec!["latin".to_owned()],
        ..job("Translate this motto into Latin: nobody works alone.", None, vec![rule("max 10 words")])
    };
    vec![
        completed(
            job(
                "Count the words and sentences of this text.",
                Some(json!({"text": TOWER})),
                vec![rule("output.words == 91 && output.sentences == 6")],
            ),
            &[("wordsmith", Passed)],
        ),
        completed(
            job(
                "Turn this CSV table into JSON objects.",
                Some(json!({"csv": "item,price,stock\nlamp,19.90,4\nwick,0.80,120\noil,6.50,31\n"})),
                vec![
                    Criterion::Schema(Json::from(json!({"properties": {"rows": {"minItems": 3, "items":
                        {"required": ["item", "price", "stock"], "properties": {"price": {"type": "number"}}}}}}))),
                    rule("output.rows.all(row, row.stock > 0)"),
                ],
            ),
            &[("tabula", Passed)],
        ),
        completed(
            job(
                "Extract all mail addresses from this text.",
                Some(
                    json!({"text": "Ask ada@example.org or, in winter, keeper@rock.example.", "pattern": "[\\w.]+@[\\w.]+\\w"}),
                ),
                vec![rule("output.count == 2"), rule("'ada@example.org' in output.matches")],
            ),
            &[("finder", Passed)],
        ),
        completed(
            job(
                "Convert this measurement into another unit.",
                Some(json!({"value": 2, "from": "mi", "to": "km"})),
                vec![rule("output.unit == 'km' && output.value > 3.2 && output.value < 3.3")],
            ),
            &[("metric", Declined), ("furlong", Passed)],
        ),
        completed(
            job(
                "Summarize this text in a few words.",
                Some(json!({"text": TOWER})),
                vec![rule("max 25 words")],
            ),
            &[("gist", Failed), ("gist", Passed)],
        ),
        completed(
            job(
                "Extract the most important keywords of this text.",
                Some(json!({"text": TOWER})),
                vec![rule("output.keywords.exists(word, word == 'lighthouse')")],
            ),
            &[("hasty", Failed), ("hasty", Failed), ("lexis", Passed)],
        ),
        completed(
            job(
                "Sort these lines and remove the duplicates.",
                Some(json!({"text": "wick\nlamp\noil\nlamp\n"})),
                vec![rule("output.lines == ['lamp', 'oil', 'wick']")],
            ),
            &[("sleepy", Passed)],
        ),
        Planned {
            then: Then::Accept,
            ..completed(
                job(
                    "Summarize the text for children.",
                    Some(json!({"text": TOWER})),
                    vec![Criterion::Judge("A child would enjoy it.".to_owned())],
                ),
                &[("gist", Passed)],
            )
        },
        Planned { draft: tagged, then: Then::Cancel, state: JobState::Canceled, attempts: &[] },
    ]
}

/// A job in words for an agent that wants numbers: a model makes its input of them.
fn in_words() -> Planned {
    let draft = job(
        "Convert 26.2 mi to km",
        None,
        vec![rule("output.unit == 'km' && output.value > 42.1 && output.value < 42.2")],
    );
    // Asked only if the model cannot make it.
    let then = Then::Answer(r#"{"value": 26.2, "from": "mi", "to": "km"}"#);
    Planned { then, ..completed(draft, &[]) }
}

/// A job that takes a while, and one whose agent asks.
fn long() -> Vec<Planned> {
    use EndedAs::Passed;
    vec![
        completed(
            job(
                "Count the prime numbers below a limit.",
                Some(json!({"limit": 3_000_000})),
                vec![rule("output.primes == 216816")],
            ),
            &[("sieve", Passed)],
        ),
        Planned {
            then: Then::Answer("price"),
            ..completed(
                job(
                    "Sort the rows of this CSV table by a column.",
                    Some(json!({"csv": "item,price,stock\nlamp,19.90,4\nwick,0.80,120\noil,6.50,31\n"})),
                    vec![rule("output.rows[0].item == 'wick' && output.rows[2].item == 'lamp'")],
                ),
                &[("sorter", Passed)],
            )
        },
    ]
}
