//! Why a job is not posted: what is wrong with it field by field, or something else that stands in the way.

use guildhall_protocol::account::CONSENT_FIELD;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::job::FieldError;

/// Why a job is not posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Everything that is wrong with what was given, each with what to do. Never empty.
    Fields(Vec<FieldError>),
    /// Nothing that another text in some field would mend.
    Other(ApiError),
}

impl From<Vec<FieldError>> for Refusal {
    fn from(problems: Vec<FieldError>) -> Self {
        Self::Fields(problems)
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        // Of a field that is named, another text may do.
        let mends = matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound);
        match &error.field {
            Some(field) if mends && field != CONSENT_FIELD => {
                // The name stands before it already.
                let told = error.message.strip_prefix(field.as_str()).unwrap_or(&error.message).trim_start();
                let problem = match &error.hint {
                    Some(hint) => format!("{told}: {hint}"),
                    None => told.to_owned(),
                };
                Self::Fields(vec![FieldError::new(field, &problem)])
            }
            Some(_) | None => Self::Other(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_daemon_is_one_of_its_field() {
        let error = ApiError::new(ErrorKind::Invalid, "criteria[2] is empty").in_field("criteria[2]");
        assert_eq!(
            Refusal::from(error.hint("leave the line out")),
            Refusal::Fields(vec![FieldError::new("criteria[2]", "is empty: leave the line out")])
        );
        for other in [
            ApiError::new(ErrorKind::Limited, "you have 10 open jobs").in_field("brief"),
            ApiError::new(ErrorKind::Invalid, "read the policy").in_field(CONSENT_FIELD),
            ApiError::new(ErrorKind::NotFound, "it is no longer kept"),
        ] {
            assert_eq!(Refusal::from(other.clone()), Refusal::Other(other));
        }
    }
}
