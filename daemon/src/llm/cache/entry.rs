//! A value as it lies in a file: with everything that is needed to see that it is still the same.
//!
//! ```text
//! format 1 byte | store tag 6 bytes | SHA-256 of all else and the key 32 bytes | value
//! ```

use super::CacheKey;
use guildhall_protocol::ids::StoreTag;
use sha2::{Digest, Sha256};

const FORMAT: u8 = 1;
const TAG_BYTES: usize = 6;
const HASH_BYTES: usize = 32;
/// Bytes of an entry before its value.
pub(super) const HEAD_BYTES: usize = 1 + TAG_BYTES + HASH_BYTES;

/// The entry of a value.
pub(super) fn write(tag: StoreTag, key: &CacheKey, value: &[u8]) -> Vec<u8> {
    let mut entry = Vec::with_capacity(HEAD_BYTES + value.len());
    entry.push(FORMAT);
    entry.extend_from_slice(tag.as_str().as_bytes());
    entry.extend_from_slice(&hash(tag, key, value));
    entry.extend_from_slice(value);
    entry
}

/// The value of an entry; none if it is another format's, store's or key's, or not what was written.
pub(super) fn read(tag: StoreTag, key: &CacheKey, entry: &[u8]) -> Option<Vec<u8>> {
    let (format, rest) = entry.split_first()?;
    let (of_tag, rest) = rest.split_at_checked(TAG_BYTES)?;
    let (of_hash, value) = rest.split_at_checked(HASH_BYTES)?;
    let whole = *format == FORMAT && of_tag == tag.as_str().as_bytes() && of_hash == hash(tag, key, value);
    whole.then(|| value.to_vec())
}

fn hash(tag: StoreTag, key: &CacheKey, value: &[u8]) -> [u8; HASH_BYTES] {
    let digest = Sha256::new().chain_update([FORMAT]).chain_update(tag.as_str()).chain_update(key);
    digest.chain_update(value).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_read() {
        let (tag, other) = (StoreTag::from_random(1), StoreTag::from_random(2));
        let entry = write(tag, &[7; 32], b"value");
        assert_eq!(read(tag, &[7; 32], &entry).as_deref(), Some(&b"value"[..]));
        assert_eq!(read(tag, &[8; 32], &entry), None, "another key's");
        assert_eq!(read(other, &[7; 32], &entry), None, "another store's");
        for place in 0..entry.len() {
            let mut flipped = entry.clone();
            flipped[place] ^= 0x10;
            assert_eq!(read(tag, &[7; 32], &flipped), None, "byte {place} was flipped");
            assert_eq!(read(tag, &[7; 32], &entry[..place]), None, "cut at {place}");
        }
    }
}
