//! The queries, in memory.

use super::State;
use guildhall_daemon::store::{
    AgentRecord, Answer, DayRecord, JobRecord, JobSelection, Query, SystemRecord, TallyRecord,
};
use guildhall_protocol::ids::{AgentId, JobId, UserId};
use std::collections::BTreeMap;

impl State {
    #[expect(clippy::too_many_lines, reason = "one answer for each query")]
    pub(super) fn answer(&self, query: Query) -> Answer {
        match query {
            Query::System => {
                let delivered = self.deliveries.keys().next_back().copied();
                let notified = self.notifications.keys().next_back().map(|id| id.0);
                let told = self.messages.keys().next_back().map(|id| id.0);
                let newest = [delivered, notified, told]
                    .into_iter()
                    .flatten()
                    .chain([self.accounts.id_max(), self.front_ends.id_max(), self.places.id_max()])
                    .fold(self.id_max, i64::max);
                Answer::System(SystemRecord { id_max: newest, ..self.system })
            }
            Query::Job(id) => Answer::Jobs(self.jobs.get(&id).cloned().into_iter().collect()),
            Query::Select { selection, limit } => Answer::Jobs(self.select(selection, limit)),
            Query::NextDue => Answer::Time(self.jobs.values().filter_map(|job| job.due_at).min()),
            Query::List { states, client, place, label, agent, before, limit } => {
                let shown = |job: &&JobRecord| {
                    before.is_none_or(|before| job.id < before)
                        && (states.is_empty() || states.iter().any(|state| state == job.state.name()))
                        && client.is_none_or(|client| job.client == client)
                        && place.is_none_or(|place| job.place == place)
                        && label.as_ref().is_none_or(|label| job.label.as_ref() == Some(label))
                        && agent.is_none_or(|agent| self.tried(job.id, agent))
                };
                Answer::Jobs(self.jobs.values().rev().filter(shown).take(limit as usize).cloned().collect())
            }
            query @ (Query::Find(_)
            | Query::CountJobs(_)
            | Query::Waiting { .. }
            | Query::CountsOf { .. }
            | Query::CountsIn { .. }
            | Query::AttemptsOf { .. }) => self.answer_search(query),
            Query::Attempts(job) => {
                let of_job = self.attempts.values().filter(|attempt| attempt.job == job);
                Answer::Attempts(of_job.cloned().collect())
            }
            Query::NewestAttempts(jobs) => {
                let mut newest = BTreeMap::new();
                for attempt in self.attempts.values().filter(|attempt| jobs.contains(&attempt.job)) {
                    newest.insert(attempt.job, attempt.clone());
                }
                Answer::Attempts(newest.into_values().collect())
            }
            Query::Bodies(ids) => {
                Answer::Bodies(ids.iter().filter_map(|id| self.bodies.get(id)).cloned().collect())
            }
            Query::Events { subject, after, limit } => {
                let of_subject =
                    self.events.iter().filter(|event| event.subject == subject && event.seq > after);
                Answer::Events(of_subject.take(limit as usize).cloned().collect())
            }
            Query::Feed { after, limit } => {
                let later = self.events.iter().filter(|event| event.id > after);
                Answer::Events(later.take(limit as usize).cloned().collect())
            }
            Query::Agents { after, limit } => {
                let later = self.agents.values().filter(|agent| agent.id > after).take(limit as usize);
                Answer::Agents(later.map(|agent| self.shown(agent)).collect())
            }
            Query::Agent(id) => {
                Answer::Agents(self.agents.get(&id).map(|agent| self.shown(agent)).into_iter().collect())
            }
            Query::AgentNamed(name) => {
                let named = self.agents.values().find(|agent| agent.name == name);
                Answer::Agents(named.map(|agent| self.shown(agent)).into_iter().collect())
            }
            Query::Versions(agent) => {
                let of_agent = self.versions.iter().rev().filter(|((owner, _), _)| *owner == agent);
                Answer::Versions(of_agent.map(|((_, version), (at, body))| (*version, *at, *body)).collect())
            }
            Query::Tallies { since } => {
                let recent = self.tallies.iter().filter(|((_, day), _)| *day >= since);
                let row = |((agent, day), tally): (&(_, _), &_)| TallyRecord {
                    agent: *agent,
                    day: *day,
                    tally: *tally,
                };
                Answer::Tallies(recent.map(row).collect())
            }
            Query::Deliveries { agent, before, limit } => {
                let of_agent = self.deliveries.values().rev().filter(|delivery| {
                    delivery.agent == agent && before.is_none_or(|before| delivery.id < before)
                });
                Answer::Deliveries(of_agent.take(limit as usize).cloned().collect())
            }
            Query::Counts => self.counts(),
            query @ (Query::ModelSettings
            | Query::Spent { .. }
            | Query::JobSpending(_)
            | Query::ModelTotals
            | Query::Without
            | Query::Judgements) => self.answer_llm(query),
            Query::Account(query) => self.answer_account(query),
            Query::Place(query) => self.answer_place(query),
            Query::Draft { user, name, since } => self.draft(user, name, since),
            Query::Closed { user, channel } => self.closed(user, channel),
            Query::Surfaces(job) => self.surfaces(job),
            Query::User(id) => Answer::Users(self.users.get(&id).cloned().into_iter().collect()),
            query @ (Query::Days { .. }
            | Query::DueMessages { .. }
            | Query::Notifications { .. }
            | Query::NotificationsOf { .. }
            | Query::Notification(_)
            | Query::NoticeLog(_)
            | Query::OpenAppeals { .. }
            | Query::Appeals(_)
            | Query::People) => self.answer_outbox(query),
            Query::Receipt { user, id } => {
                Answer::Receipt(self.requests.get(&(user, id)).map(|kept| (kept.hash, kept.receipt.clone())))
            }
        }
    }

    fn counts(&self) -> Answer {
        let mut counts = BTreeMap::new();
        for job in self.jobs.values() {
            *counts.entry(job.state.name().to_owned()).or_insert(0) += 1;
        }
        Answer::Counts(counts.into_iter().collect())
    }

    /// What stands beside jobs and agents.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists what comes here")]
    fn answer_outbox(&self, query: Query) -> Answer {
        match query {
            Query::Days { day } => {
                let of_day = self.days.iter().filter(|((known, _, _), _)| *known == day);
                let row = |((day, agent, client), jobs): (&(i64, AgentId, UserId), &u32)| DayRecord {
                    agent: *agent,
                    client: *client,
                    day: *day,
                    jobs: *jobs,
                };
                Answer::Days(of_day.map(row).collect())
            }
            Query::DueMessages { now, limit } => {
                let due = self.messages.values().filter(|(_, due)| due.is_some_and(|due| due <= now));
                let mut due: Vec<_> = due.collect();
                due.sort_by_key(|(row, due)| (*due, row.id));
                Answer::Messages(due.into_iter().take(limit as usize).map(|(row, _)| row.clone()).collect())
            }
            Query::Notifications { user, before, limit } => {
                let shown = self.notifications.values().rev().map(|known| &known.row).filter(|row| {
                    user.is_none_or(|user| row.user == user) && before.is_none_or(|before| row.id < before)
                });
                Answer::Notifications(shown.take(limit as usize).cloned().collect())
            }
            Query::NotificationsOf { job, kind } => {
                let rows = self.notifications.values().map(|known| &known.row);
                Answer::Notifications(
                    rows.filter(|row| row.job == Some(job) && row.kind == kind).cloned().collect(),
                )
            }
            Query::Notification(id) => Answer::Notifications(
                self.notifications.get(&id).map(|known| known.row.clone()).into_iter().collect(),
            ),
            Query::NoticeLog(id) => Answer::NoticeLog(
                self.notifications.get(&id).map(|known| known.log.clone()).unwrap_or_default(),
            ),
            Query::OpenAppeals { limit } => {
                let mut open: Vec<_> = self.appeals.iter().filter(|(_, row)| row.upheld.is_none()).collect();
                open.sort_by_key(|(key, row)| (row.made_at, **key));
                Answer::Appeals(open.into_iter().take(limit as usize).map(|(_, row)| *row).collect())
            }
            Query::Appeals(job) => {
                let of_job = self.appeals.iter().filter(|((known, _, _), _)| *known == job);
                Answer::Appeals(of_job.map(|(_, row)| *row).collect())
            }
            Query::People => Answer::People(self.people.values().cloned().collect()),
            other => unreachable!("{other:?} is answered elsewhere"),
        }
    }

    pub(super) fn tried(&self, job: JobId, agent: guildhall_protocol::ids::AgentId) -> bool {
        self.attempts.values().any(|attempt| attempt.job == job && attempt.agent == agent)
    }

    fn shown(&self, agent: &AgentRecord) -> AgentRecord {
        AgentRecord { running: self.running(agent.id), ..agent.clone() }
    }

    fn select(&self, selection: JobSelection, limit: u32) -> Vec<JobRecord> {
        let mut chosen: Vec<&JobRecord> = self.jobs.values().collect();
        let queue = |job: &&JobRecord| (-job.priority.class(), job.fair_tag, job.id);
        match selection {
            JobSelection::Ready => {
                chosen.retain(|job| job.ready);
                chosen.sort_by_key(queue);
            }
            JobSelection::Due(now) => {
                chosen.retain(|job| {
                    job.due_at.is_some_and(|due| due <= now)
                        && job.lease.is_none_or(|lease| lease.until <= now)
                });
                chosen.sort_by_key(|job| (job.due_at, job.id));
            }
            JobSelection::Orphaned(incarnation) => {
                chosen.retain(|job| job.lease.is_some_and(|lease| lease.incarnation < incarnation));
                chosen.sort_by_key(|job| (job.lease.map(|lease| lease.incarnation), job.id));
            }
            JobSelection::WaitingFor(agent) => {
                chosen.retain(|job| self.waits.contains(&(agent, job.id)));
                chosen.sort_by_key(queue);
            }
        }
        chosen.into_iter().take(limit as usize).cloned().collect()
    }
}
