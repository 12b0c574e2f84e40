//! What is wrong with what somebody wrote, field by field, and their text back.

use super::error;
use super::modal::{BRIEF, CRITERIA, DEADLINE, MATERIAL, TITLE};
use crate::custom_id::CustomId;
use crate::draft::{Draft, INPUT, lines_of};
use crate::message::{Button, Embed, File, Message, Style, block, fit, length, line};
use crate::refusal::Refusal;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::job::FieldError;
use std::collections::BTreeMap;

/// Longest complaint about one field, graphemes; and all of them, units of UTF-16.
const PROBLEM_MAX: usize = 240;
const PROBLEMS_MAX: usize = 1_600;
/// As much of what was typed is shown, units of UTF-16; more goes along as a file.
const TYPED_MAX: usize = 3_000;

/// Everything that is wrong with a definition, a job or an answer, field by field.
pub(crate) fn problems(what: &str, problems: &[FieldError]) -> Message {
    let told = |problem: &FieldError| {
        format!("• **{}** {}", line(&problem.field, 60), line(&problem.problem, PROBLEM_MAX))
    };
    let told: Vec<String> = problems.iter().map(told).collect();
    Message::of(format!("⚠️ The {what} does not fit:\n{}", fit(&told.join("\n"), PROBLEMS_MAX)))
}

/// The same, with what was typed, since nobody else keeps it: by the names of the fields, as it came.
pub(crate) fn returned<'a>(
    mut message: Message,
    typed: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Message {
    let typed = typed.into_iter().filter(|(_, text)| !text.trim().is_empty());
    let texts: Vec<String> = typed.map(|(name, text)| format!("{name}:\n{text}\n")).collect();
    if !texts.is_empty() {
        message.content.push_str("\nWhat you typed is in the file.");
        let bytes = texts.join("\n").into_bytes();
        message.files.push(File { name: "what-you-typed.txt".to_owned(), bytes });
    }
    message
}

/// Why nothing is posted.
pub(crate) fn refusal(refusal: &Refusal) -> Message {
    match refusal {
        Refusal::Fields(wrong) => problems("job", wrong),
        Refusal::Other(told) => error(told),
    }
}

/// Why a draft is not posted, and what was typed; with the way back to it if the daemon keeps it under a number.
pub(crate) fn not_posted(why: &Refusal, draft: &Draft, kept: Option<u64>) -> Message {
    let mut message = match why {
        Refusal::Fields(wrong) => {
            let named: Vec<FieldError> = wrong.iter().map(|wrong| named(draft, wrong)).collect();
            problems("job", &named)
        }
        Refusal::Other(told) => error(told),
    };
    let is_said = matches!(why, Refusal::Other(told) if told.kind == ErrorKind::Unavailable);
    if !is_said {
        message.content.push_str("\nNothing was posted.");
    }
    let typed = typed(draft);
    let Some(number) = kept else { return returned(message, pairs(&typed)) };
    message.content.push_str(" What you typed is kept for a day.");
    message.buttons.push(Button::new("Edit again", Style::Primary, &CustomId::EditPost { draft: number }));
    in_sight(message, &typed)
}

/// Why an answer does not go to the agent that asked.
pub(crate) fn not_answered(wrong: &[FieldError], typed: &BTreeMap<String, String>) -> Message {
    let mut message = problems("answer", wrong);
    message.content.push_str("\nThe agent did not get it: answer once more.");
    returned(message, typed)
}

/// A job of which nobody knows whether it is posted.
pub(crate) fn may_be_posted(unknown: &ApiError, draft: &Draft) -> Message {
    let mut message = error(unknown);
    message.content.push_str("\nIt may have been posted: look at `/job list` before you post it again.");
    returned(message, pairs(&typed(draft)))
}

/// Where somebody gave something, and what it is called there.
enum Given {
    InForm(String),
    /// As an option of the command, or in a file: no form shows it.
    Beside(String),
}

/// Where something was given, by its path in a job or among what is typed.
fn given(draft: &Draft, path: &str) -> Given {
    let is_typed = |name: &str| draft.typed.get(name).is_some_and(|text| !text.trim().is_empty());
    let place = |name: &str, label: &str| {
        if draft.options.contains_key(name) && !is_typed(name) {
            Given::Beside(name.to_owned())
        } else {
            Given::InForm(label.to_owned())
        }
    };
    let form = |label: &str| Given::InForm(label.to_owned());
    match path {
        "brief" => place("brief", BRIEF),
        "title" => form(TITLE),
        "deadline" | "within_ms" => place("deadline", DEADLINE),
        "criteria" => place("criteria", CRITERIA),
        "material" | "input" if draft.material.is_some() && !is_typed("material") => {
            Given::Beside("the file".to_owned())
        }
        "input" if !draft.fields.is_empty() => form("What the agent works on"),
        "material" | "input" => form(MATERIAL),
        "only" => Given::Beside("agent".to_owned()),
        _ => {
            let asked = path.strip_prefix(INPUT);
            let asked = asked.and_then(|name| draft.fields.iter().find(|field| field.name == name));
            let line = path.strip_prefix("criteria[").and_then(|rest| rest.strip_suffix(']')?.parse().ok());
            match (asked, line) {
                (Some(field), _) => form(&field.label),
                (None, Some(index)) => criterion(draft, index),
                (None, None) => Given::Beside(path.to_owned()),
            }
        }
    }
}

/// Where a criterion was given: those of the option come first.
fn criterion(draft: &Draft, index: usize) -> Given {
    let beside = lines_of(draft.options.get("criteria")).count();
    match index.checked_sub(beside) {
        None => Given::Beside(format!("criteria, line {}", index + 1)),
        Some(index) => Given::InForm(format!("{CRITERIA} Line {}", index + 1)),
    }
}

/// A complaint by the words that stand above the field. What no form shows is changed by another command.
fn named(draft: &Draft, wrong: &FieldError) -> FieldError {
    match given(draft, &wrong.field) {
        Given::InForm(label) => FieldError::new(&label, &wrong.problem),
        Given::Beside(name) => {
            let told = format!("{} (given beside the form: change it with another /job post)", wrong.problem);
            FieldError::new(&name, &told)
        }
    }
}

/// What was typed, by the words that stand above it; what is wanted comes first.
fn typed(draft: &Draft) -> Vec<(String, String)> {
    let mut written: Vec<(&String, &String)> =
        draft.typed.iter().filter(|(_, text)| !text.trim().is_empty()).collect();
    written.sort_by_key(|(name, _)| *name != "brief");
    let by_label = |(name, text): (&String, &String)| match given(draft, name) {
        Given::InForm(name) | Given::Beside(name) => (name, text.clone()),
    };
    written.into_iter().map(by_label).collect()
}

/// What was typed, in the message if it is short.
fn in_sight(mut message: Message, typed: &[(String, String)]) -> Message {
    let shown = typed.iter().map(|(label, text)| {
        let text = block(text, TYPED_MAX)?;
        Some(format!("**{}**\n{text}", line(label, 60)))
    });
    let shown: Option<Vec<String>> = shown.collect();
    let shown = shown.map(|shown| shown.join("\n")).filter(|shown| length(shown) <= TYPED_MAX);
    match shown {
        None => returned(message, pairs(typed)),
        Some(shown) if shown.is_empty() => message,
        Some(description) => {
            message.embed =
                Some(Embed { title: "What you typed".to_owned(), description, ..Embed::default() });
            message
        }
    }
}

fn pairs(typed: &[(String, String)]) -> impl Iterator<Item = (&String, &String)> {
    typed.iter().map(|(label, text)| (label, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Clock;
    use guildhall_protocol::time::Timestamp;
    use serde_json::json;

    fn all(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn draft(options: &[(&str, &str)], typed: &[(&str, &str)]) -> Draft {
        Draft { options: all(options), typed: all(typed), ..Draft::default() }
    }

    fn told(draft: &Draft, kept: Option<u64>) -> Message {
        let clock = Clock { now: Timestamp(1_795_390_000_000), zone: None };
        not_posted(&Refusal::from(draft.job(&clock).expect_err("it is wrong")), draft, kept)
    }

    fn description(message: &Message) -> &str {
        message.embed.as_ref().map_or("", |embed| embed.description.as_str())
    }

    #[test]
    fn everything_is_said_by_the_words_above_the_field_with_what_was_typed() {
        let schema = json!({"required": ["url", "depth"], "properties": {
            "url": {"type": "string", "title": "Which page"}, "depth": {"type": "integer", "title": "How deep"},
            "tone": {"enum": ["dry", "warm"]}}});
        let fields = crate::fields::asked(&schema, 4).expect("a form shows it");
        let typed = [("brief", "Read it"), ("in.depth", "very"), ("in.tone", "cold")];
        let draft = Draft { fields, ..draft(&[("agent", "@reader")], &typed) };
        let message = told(&draft, Some(7));
        for part in [
            "• **Which page** is missing: it cannot be left empty",
            "• **How deep** \\`very\\` is no whole number: write one such as 3",
            "• **tone** \\`cold\\` is none of these, write one of them: dry, warm",
            "Nothing was posted. What you typed is kept for a day.",
        ] {
            let content = message.content.replace('\u{200b}', "");
            assert!(content.contains(part), "{part}: {content}");
        }
        assert_eq!(
            description(&message),
            "**What do you want?**\n```\nRead it\n```\n**How deep**\n```\nvery\n```\n**tone**\n```\ncold\n```"
        );
        assert_eq!(message.buttons[0].label, "Edit again");
    }

    #[test]
    fn what_no_form_shows_says_how_it_is_changed() {
        let criteria = "max 9 words\nvalid JSON";
        let draft = draft(&[("criteria", criteria), ("deadline", "soon")], &[("criteria", "\nmax x words")]);
        let content = told(&draft, Some(7)).content.replace(['\\', '\u{200b}'], "");
        assert!(content.contains("**What do you want?** is empty: say what you want done"), "{content}");
        assert!(content.contains("**deadline**") && content.contains("another /job post"), "{content}");
        for (path, label) in [
            ("criteria[1]", "• **criteria, line 2** is odd (given beside the form"),
            ("criteria[2]", "• **How will you know that it is right? Line 1** is odd\n"),
            ("only", "• **agent** is odd (given beside the form"),
            ("input", "• **Material to work on** is odd\n"),
            ("title", "• **Title** is odd\n"),
        ] {
            let error = ApiError::new(ErrorKind::Invalid, format!("{path} is odd")).in_field(path);
            let content =
                not_posted(&Refusal::from(error), &draft, Some(7)).content.replace(['\\', '\u{200b}'], "");
            assert!(content.contains(label), "{label}: {content}");
        }
    }

    #[test]
    fn what_is_too_long_to_be_shown_is_a_file_and_nothing_ends_its_block() {
        let short = told(&draft(&[], &[("title", "```\n@everyone")]), Some(7));
        assert!(short.files.is_empty() && description(&short).matches("```").count() == 2);
        for heavy in ["x".repeat(4_000), "😀".repeat(2_000), "`".repeat(4_000)] {
            let message = told(&draft(&[], &[("criteria", &heavy), ("deadline", "soon")]), Some(7));
            let file = String::from_utf8_lossy(&message.files[0].bytes).into_owned();
            assert!(message.embed.is_none() && message.content.contains("is in the file"));
            assert!(file.contains(&heavy) && file.contains("When must it be done?:\nsoon"), "as it came");
        }
        // What nobody keeps is given back whole.
        let message = told(&draft(&[], &[("title", "short")]), None);
        assert!(message.buttons.is_empty() && message.files.len() == 1);
    }

    #[test]
    fn what_is_not_about_a_field_is_said_as_ever() {
        let full = ApiError::new(ErrorKind::Limited, "you have 10 open jobs, the most");
        let message = not_posted(&Refusal::from(full), &draft(&[], &[("brief", "x")]), Some(7));
        assert!(message.content.starts_with("⚠️ you have 10 open jobs"), "{}", message.content);
        assert!(description(&message).contains("```\nx\n```") && message.buttons.len() == 1);
    }
}
