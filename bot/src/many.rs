//! Files that hold many jobs, one a line, and what is given beside them for each.

use crate::draft::{Clock, options_alone};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::job::{FieldError, JobDraft};
use std::collections::BTreeMap;

/// Most jobs in one file.
pub(crate) const JOBS_MAX: usize = 50;

/// The jobs of a file, one a line, as JSON or as words.
///
/// # Errors
/// The first line that is no job, with its number.
pub(crate) fn jobs_of(file: &str) -> Result<Vec<JobDraft>, ApiError> {
    let wrong = |told: String| ApiError::new(ErrorKind::Invalid, told).in_field("material");
    let mut jobs = Vec::new();
    for (line, number) in file.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        if jobs.len() == JOBS_MAX {
            return Err(wrong(format!(
                "the file holds more than {JOBS_MAX} jobs, the most that are posted at once"
            )));
        }
        let line = line.trim();
        let job = if line.starts_with('{') {
            serde_json::from_str(line).map_err(|error| wrong(format!("line {number} is no job: {error}")))?
        } else {
            JobDraft { brief: line.to_owned(), ..JobDraft::default() }
        };
        job.check().map_err(|error| wrong(format!("line {number}: {error}")))?;
        jobs.push(job);
    }
    if jobs.is_empty() { Err(wrong("the file holds no job".to_owned())) } else { Ok(jobs) }
}

/// What was given beside a file of jobs, for each job that does not say it itself.
///
/// # Errors
/// Every option that cannot be, or what does not fit a job with them.
pub(crate) fn beside(
    options: &BTreeMap<String, String>,
    jobs: Vec<JobDraft>,
    clock: &Clock,
) -> Result<Vec<JobDraft>, Vec<FieldError>> {
    let given = options_alone(options, clock)?;
    let usual = JobDraft::default();
    let complete = |mut job: JobDraft| {
        if job.only.is_empty() {
            job.only.clone_from(&given.only);
        }
        if job.review == usual.review {
            job.review = given.review;
        }
        job.visibility = job.visibility.or(given.visibility);
        job.label = job.label.or_else(|| given.label.clone());
        if job.deadline.is_none() && job.within_ms.is_none() {
            (job.deadline, job.within_ms) = (given.deadline, given.within_ms);
        }
        if job.criteria.is_empty() {
            job.criteria.clone_from(&given.criteria);
        }
        let problems = job.problems();
        if problems.is_empty() { Ok(job) } else { Err(problems) }
    };
    jobs.into_iter().map(complete).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::job::Review;
    use guildhall_protocol::time::Timestamp;

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn clock() -> Clock {
        Clock { now: Timestamp(1_795_390_000_000), zone: None }
    }

    #[test]
    fn a_file_holds_a_job_a_line() {
        let jobs = jobs_of("Count the words\n\n{\"brief\": \"Add\", \"label\": \"sums\"}\n").expect("jobs");
        assert_eq!((jobs.len(), jobs[1].label.as_deref()), (2, Some("sums")));
        let told = |file: &str| jobs_of(file).expect_err("it is wrong").message;
        assert!(told("Count\n{\"brief\": 7}").contains("line 2"));
        assert!(told(&"x\n".repeat(JOBS_MAX + 1)).contains("more than 50"));
        assert!(told("\n \n").contains("no job"));
    }

    #[test]
    fn what_is_given_beside_a_file_is_every_job_s() {
        let given = options(&[("agent", "@sum"), ("review", "always"), ("criteria", "max 9 words")]);
        let jobs = jobs_of("Count\n{\"brief\": \"Add\", \"only\": [\"@add\"]}").expect("jobs");
        let jobs = beside(&given, jobs, &clock()).expect("they can be");
        let only: Vec<String> = jobs.iter().map(|job| job.only[0].to_string()).collect();
        assert_eq!(only, ["@sum", "@add"], "a line that names its own agent keeps it");
        assert!(jobs.iter().all(|job| job.review == Review::Always && job.criteria.len() == 1));
        let wrong = options(&[("deadline", "soon"), ("agent", "a b")]);
        let wrong = beside(&wrong, jobs, &clock()).expect_err("neither can be");
        assert_eq!(wrong.iter().map(|wrong| wrong.field.as_str()).collect::<Vec<_>>(), ["agent", "deadline"]);
    }
}
