//! Tokens: `hall_<kind>_<30 random letters and digits><6 of checksum>`.
//!
//! The prefix lets scanners find a leaked one, the checksum tells a mistyped one from one that was never given, and 178
//! random bits need no slow hash: the store keeps their SHA-256. (The form is GitHub's, behind the authentication tokens
//! of 2021.)

use guildhall_protocol::account::TokenKind;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "hall_";
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LETTERS: usize = 30;
const CHECK_LETTERS: usize = 6;

/// Why text is no token, so that the person knows what to mend. It says nothing that a guesser could use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is something else.
    #[error("this is no token of Guildhall: they begin with hall_api_ or hall_bridge_")]
    Form,
    /// Letters are missing or wrong.
    #[error("this token is cut short or mistyped: copy it again, whole")]
    Checksum,
}

/// A new token from random bytes.
pub fn make(kind: TokenKind, random: impl Fn() -> u64) -> String {
    // 2^64 is no multiple of 62: the last letters are less likely by less than 1 in 10^17.
    let letters: String = (0..RANDOM_LETTERS).map(|_| letter(random())).collect();
    let head = format!("{PREFIX}{kind}_{letters}");
    let check = checksum(&head);
    head + &check
}

/// Checks what can be checked without a store, and answers the hash to look for.
///
/// # Errors
/// See [`TokenError`].
pub fn check(text: &str) -> Result<[u8; 32], TokenError> {
    let kinds = [TokenKind::Api, TokenKind::Bridge];
    let prefixed = |kind: &TokenKind| text.strip_prefix(&format!("{PREFIX}{kind}_"));
    let secret = kinds.iter().find_map(prefixed).ok_or(TokenError::Form)?;
    let is_whole = secret.len() == RANDOM_LETTERS + CHECK_LETTERS && secret.is_ascii();
    let (head, check) = text.split_at_checked(text.len().saturating_sub(CHECK_LETTERS)).unwrap_or_default();
    if !is_whole || !bool::from(checksum(head).as_bytes().ct_eq(check.as_bytes())) {
        return Err(TokenError::Checksum);
    }
    Ok(hash(text))
}

/// What the store keeps of a token.
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// What people may see of a token.
pub fn last4(text: &str) -> String {
    text.chars().skip(text.len().saturating_sub(4)).collect()
}

fn letter(number: u64) -> char {
    char::from(LETTERS[usize::try_from(number % 62).unwrap_or(0)])
}

fn checksum(head: &str) -> String {
    let mut rest = u64::from(crc32fast::hash(head.as_bytes()));
    let mut letters = [' '; CHECK_LETTERS];
    for place in letters.iter_mut().rev() {
        *place = letter(rest);
        rest /= 62;
    }
    letters.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn token(kind: TokenKind) -> String {
        let next = Cell::new(0_u64);
        make(kind, || next.replace(next.get() + 7_919))
    }

    #[test]
    fn a_token_shows_its_kind_and_checks_itself() {
        let token = token(TokenKind::Bridge);
        assert!(token.starts_with("hall_bridge_") && token.len() == "hall_bridge_".len() + 36, "{token}");
        assert_eq!(check(&token), Ok(hash(&token)));
        assert_eq!(last4(&token), token[token.len() - 4..]);
    }

    #[test]
    fn what_is_changed_cut_or_something_else_is_told() {
        let token = token(TokenKind::Api);
        for at in "hall_api_".len()..token.len() {
            assert_eq!(check(&token[..at]), Err(TokenError::Checksum), "cut at {at}");
            let other = if token.as_bytes()[at] == b'x' { "y" } else { "x" };
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert_eq!(check(&changed), Err(TokenError::Checksum), "changed at {at}");
        }
        assert_eq!(check(&token.replace("_api_", "_bridge_")), Err(TokenError::Checksum));
        for text in ["", "hall_", "ghp_0123", "hall_root_0123", "eyJhbGciOi"] {
            assert_eq!(check(text), Err(TokenError::Form), "{text}");
        }
        assert_eq!(check("hall_api_\u{1f600}"), Err(TokenError::Checksum));
    }
}
