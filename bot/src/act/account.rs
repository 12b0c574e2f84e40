//! About one's own account: by which clock somebody lives, and what they use.

use super::{Answer, Bot, request_of};
use crate::draft::Clock;
use crate::hall::Person;
use crate::incoming::Incoming;
use crate::render;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::time::{Timestamp, is_local, show_clock, zone, zone_names};

impl Bot {
    /// Says a time zone, forgets it, or shows it.
    pub(super) async fn timezone(&self, person: &Person, of: &Incoming, said: Option<String>) -> Answer {
        let _one_at_a_time = self.settings.lock().await;
        let mut settings =
            person.call(|service, context| async move { service.settings(context).await }).await?;
        if let Some(said) = said {
            settings.timezone = (said != "off").then_some(said);
            let (request, changed) = (request_of(of), settings);
            let set = person.call(|service, context| async move {
                service.set_settings(context, request, changed).await
            });
            settings = set.await?.settings;
        }
        Ok(render::timezone(settings.timezone.as_deref(), Timestamp::now()))
    }

    pub(super) async fn usage(&self, person: &Person) -> Answer {
        let usage = person.call(|service, context| async move { service.usage(context, None).await });
        Ok(render::usage(&usage.await?))
    }
}

/// Now, and the zone of whoever typed this time, if it takes one to read it.
pub(super) async fn clock(person: &Person, typed: Option<&str>) -> Result<Clock, ApiError> {
    let now = Timestamp::now();
    if !typed.is_some_and(is_local) {
        return Ok(Clock { now, zone: None });
    }
    let settings = person.call(|service, context| async move { service.settings(context).await }).await?;
    Ok(Clock { now, zone: settings.timezone.as_deref().and_then(zone) })
}

/// Time zones whose names hold this, those of a city that begins so first; with what their clocks show.
pub(super) fn zone_choices(text: &str) -> Vec<(String, String)> {
    let wanted = text.trim().replace(' ', "_").to_lowercase();
    let now = Timestamp::now();
    let mut found: Vec<String> =
        zone_names().into_iter().filter(|name| name.to_lowercase().contains(&wanted)).collect();
    let city = |name: &String| name.rsplit('/').next().unwrap_or_default().to_lowercase();
    found.sort_by_key(|name| !city(name).starts_with(&wanted));
    found.truncate(super::CHOICES_MAX.into());
    let shown = |name: String| {
        let clock = zone(&name).map(|zone| format!(" ({} now)", show_clock(now, &zone)));
        (format!("{name}{}", clock.unwrap_or_default()), name)
    };
    found.into_iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_by_their_cities() {
        let names = |text: &str| zone_choices(text).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names("berl"), ["Europe/Berlin"]);
        assert_eq!(names("new york")[0], "America/New_York");
        assert!(names("").len() == usize::from(super::super::CHOICES_MAX) && names("atlantis").is_empty());
    }
}
