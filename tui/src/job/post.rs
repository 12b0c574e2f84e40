//! `job post`: one job, a look at who would get it, or a file of many.

use super::watch;
use super::why::pick_text;
use super::written::{self, Keys, Line};
use crate::cli::PostArgs;
use crate::fault::Fault;
use crate::input;
use crate::session::{Session, print};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::job::{Criterion, JobDraft, limits};
use guildhall_protocol::view::{NewJob, Posted};
use serde_json::json;
use std::collections::BTreeMap;

/// Most bytes of jobs in one call, unless a single one is larger: it is sent alone, and fits or is refused.
const POST_BYTES_MAX: usize = 1_500_000;

pub(super) async fn post(session: &Session, args: PostArgs) -> Result<(), Fault> {
    // Clock times are the poster's own.
    session.learn_zone().await;
    if let Some(file) = &args.batch {
        return batch(session, &args, file).await;
    }
    let draft = draft(&args)?;
    if args.dry_run {
        draft.check().map_err(ApiError::from)?;
        let preview =
            session.call(|service, context| async move { service.preview(context, draft).await }).await?;
        return session.answer(&preview, |preview| {
            let notes = preview.notes.iter().map(|note| format!("Note: {}.\n", clean_line(note)));
            pick_text(&preview.pick) + &notes.collect::<String>() + "Nothing was posted.\n"
        });
    }
    let posted = session.post(args.key.unwrap_or_else(RequestId::fresh), draft).await?;
    if args.wait {
        return watch(session, posted.id).await;
    }
    session.answer(&posted, |posted| {
        let verb = if posted.repeated { "was posted before" } else { "is posted" };
        format!("job {} {verb}; guildhall job watch {} tells what happens\n", posted.id, posted.id.0)
    })
}

/// The job that the arguments describe.
fn draft(args: &PostArgs) -> Result<JobDraft, Fault> {
    let mut draft: JobDraft = match &args.file {
        Some(file) => written::draft(&input::read(file)?, &input::shown(file))?,
        None => JobDraft::default(),
    };
    if args.brief.len() == 1 && args.brief[0] == "-" {
        draft.brief = input::read("-")?;
    } else if !args.brief.is_empty() {
        draft.brief = args.brief.join(" ");
    }
    if let Some(argument) = &args.input {
        draft.input = Some(input::json(argument)?);
    }
    change(&mut draft, args)?;
    Ok(draft)
}

/// What the arguments say about every job.
fn change(draft: &mut JobDraft, args: &PostArgs) -> Result<(), Fault> {
    for schema in &args.schema {
        draft.criteria.push(Criterion::Schema(input::json(schema)?));
    }
    draft.criteria.extend(args.rule.iter().cloned().map(Criterion::Rule));
    draft.criteria.extend(args.judge.iter().cloned().map(Criterion::Judge));
    draft.tags.extend(args.tag.iter().cloned());
    draft.only.extend(args.only.iter().cloned());
    draft.not.extend(args.not.iter().cloned());
    if args.title.is_some() {
        draft.title.clone_from(&args.title);
    }
    if args.label.is_some() {
        draft.label.clone_from(&args.label);
    }
    if let Some(text) = &args.deadline {
        written::set_deadline(draft, text).map_err(|error| Fault::Input(format!("--deadline: {error}")))?;
    }
    draft.review = args.review.map_or(draft.review, Into::into);
    draft.visibility = args.visibility().or(draft.visibility);
    draft.models = args.models.map_or(draft.models, Into::into);
    draft.priority = args.priority.map_or(draft.priority, Into::into);
    Ok(())
}

/// The lines of a file of jobs, each with its number. Every line is read before the first is posted: a mistake in the last
/// line posts nothing. A line's request id is `--key` and the line's own key, or what it says: so a run that was cut off can
/// be repeated, also after lines were added.
fn lines(args: &PostArgs, file: &str) -> Result<Vec<(usize, NewJob)>, Fault> {
    let prefix = args.key.as_ref().map_or("", RequestId::as_str);
    let mut jobs: Vec<(usize, NewJob)> = Vec::new();
    let (mut keys, mut seen) = (Keys::default(), BTreeMap::new());
    for (index, text) in input::read(file)?.lines().enumerate() {
        if text.trim().is_empty() {
            continue;
        }
        let number = index + 1;
        let name = format!("line {number}");
        let Line { mut draft, key } = written::line(text, &name)?;
        change(&mut draft, args)?;
        draft.check().map_err(|error| Fault::Input(format!("{name}: {error}")))?;
        let key = key.unwrap_or_else(|| keys.of(text));
        if let Some(earlier) = seen.insert(key.clone(), number) {
            return Err(Fault::Input(format!("{name}: its key {key:?} is that of line {earlier}")));
        }
        let request = format!("{prefix}:{key}").parse();
        let request = request.map_err(|error| Fault::Input(format!("{name}: with --key, {error}")))?;
        jobs.push((number, NewJob { request, draft }));
    }
    Ok(jobs)
}

/// Posts a file of jobs, one a line.
async fn batch(session: &Session, args: &PostArgs, file: &str) -> Result<(), Fault> {
    let jobs = lines(args, file)?;
    let (mut new, mut repeated, mut refused) = (0, 0, 0);
    for part in parts(&jobs) {
        let batch: Vec<NewJob> = part.iter().map(|(_, job)| job.clone()).collect();
        let posted =
            session.call(|service, context| async move { service.post(context, batch).await }).await?;
        for ((line, _), posted) in part.iter().zip(posted) {
            match &posted {
                Ok(Posted { repeated: true, .. }) => repeated += 1,
                Ok(Posted { repeated: false, .. }) => new += 1,
                Err(_) => refused += 1,
            }
            let text = match posted {
                _ if session.json => json!({"line": line, "posted": posted}).to_string(),
                Ok(posted) if posted.repeated => format!("line {line}: job {}, posted before", posted.id),
                Ok(posted) => format!("line {line}: job {}", posted.id),
                Err(error) => format!("line {line}: {}", refusal(&error)),
            };
            print(&(text + "\n"))?;
        }
    }
    if !session.json {
        print(&format!("{new} posted, {repeated} posted before, {refused} refused\n"))?;
    }
    if refused > 0 {
        return Err(Fault::EndedBadly(format!("{refused} of {} jobs were refused", jobs.len())));
    }
    Ok(())
}

/// An error on one line.
fn refusal(error: &ApiError) -> String {
    let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    clean_line(&format!("{}{hint}", error.message))
}

/// The jobs in parts that one call takes, by number and by size.
fn parts(jobs: &[(usize, NewJob)]) -> Vec<&[(usize, NewJob)]> {
    let size = |job: &NewJob| serde_json::to_vec(job).map_or(0, |text| text.len());
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, (_, job)) in jobs.iter().enumerate() {
        let more = size(job);
        if index > start && (index - start == limits::POST_JOBS_MAX || bytes + more > POST_BYTES_MAX) {
            parts.push(&jobs[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += more;
    }
    parts.extend((start < jobs.len()).then(|| &jobs[start..]));
    parts
}
