//! UUIDs as 16 bytes and as text.
//!
//! Accepted: 32 hex digits in any case, with hyphens after the digits 8, 12, 16 and 20, or without any.
//! Written: lower case with hyphens.

/// The length of a UUID's text with hyphens.
pub const TEXT_BYTES: usize = 36;

/// Where the hyphens stand in the text.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Reads a UUID; `None` if the text is none.
#[must_use]
#[inline]
pub fn parse(text: &[u8]) -> Option<[u8; 16]> {
    match text.len() {
        TEXT_BYTES if HYPHENS.iter().all(|at| text[*at] == b'-') => {
            parse_digits([word(text, 0, 4), word(text, 9, 14), word(text, 19, 24), word(text, 28, 32)])
        }
        32 => parse_digits([word(text, 0, 4), word(text, 8, 12), word(text, 16, 20), word(text, 24, 28)]),
        _ => None,
    }
}

/// Four digits from one place and four from another.
#[inline]
fn word(text: &[u8], first: usize, second: usize) -> u64 {
    let four = |at: usize| text[at..].first_chunk().map_or(0, |digits| u32::from_be_bytes(*digits));
    (u64::from(four(first)) << 32) | u64::from(four(second))
}

#[inline]
fn parse_digits(words: [u64; 4]) -> Option<[u8; 16]> {
    let digits = words.map(eight_digits);
    let uuid = digits.iter().fold(0, |uuid: u128, (value, _)| (uuid << 32) | u128::from(*value));
    let wrong = digits.iter().fold(0, |all, (_, wrong)| all | wrong);
    (wrong == 0).then(|| uuid.to_be_bytes())
}

/// The value of eight hex digits, all at once, and bits that are set where one is none.
const fn eight_digits(text: u64) -> (u32, u64) {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    // A letter has bit 6 set, and its low bits count from 1.
    let values = (text & (ONES * 0x0f)) + ((text >> 6) & ONES) * 9;
    // What is no digit gives a value above 15, or one whose digit is another.
    let letters = ((values + ONES * 6) >> 4) & ONES;
    let lower_case = values + ONES * 0x30 + letters * 39;
    let wrong = (values & (ONES * 0xf0)) | (lower_case ^ (text | (letters * 0x20)));
    let pairs = (values | (values >> 4)) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs | (pairs >> 8)) & 0x0000_ffff_0000_ffff;
    #[expect(clippy::cast_possible_truncation, reason = "the low half holds all eight")]
    let value = (quads | (quads >> 16)) as u32;
    (value, wrong)
}

/// Where the digits of each byte stand in the text.
const BYTES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// The two digits of every byte.
const PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// The text of a UUID, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct Text([u8; TEXT_BYTES]);

impl Text {
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Writes a UUID in lower case with hyphens.
#[must_use]
pub fn text(uuid: [u8; 16]) -> Text {
    let mut text = [b'-'; TEXT_BYTES];
    for (byte, at) in uuid.into_iter().zip(BYTES) {
        text[at..at + 2].copy_from_slice(&PAIRS[usize::from(byte)]);
    }
    Text(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_is_a_uuid_and_nothing_else() {
        let bytes = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef_u128.to_be_bytes();
        let check = |text: &str, expect: Option<[u8; 16]>| assert_eq!(parse(text.as_bytes()), expect, "{text}");
        check("01234567-89ab-cdef-0123-456789abcdef", Some(bytes));
        check("01234567-89AB-CDEF-0123-456789ABCDEF", Some(bytes));
        check("0123456789abcdef0123456789abcdef", Some(bytes));
        check("01234567-89ab-cdef-0123-456789abcdeg", None);
        check("01234567x89ab-cdef-0123-456789abcdef", None);
        check("0123456-789ab-cdef-0123-456789abcdef", None);
        check("01234567-89ab-cdef-0123-456789abcde", None);
        check("{01234567-89ab-cdef-0123-456789abcdef}", None);
        check("", None);
    }

    #[test]
    fn every_byte_is_a_digit_or_none() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut text = *b"0123ABcd";
                text[place] = byte;
                let (value, wrong) = eight_digits(u64::from_be_bytes(text));
                let expect = std::str::from_utf8(&text).ok().filter(|_| byte.is_ascii_hexdigit());
                let expect = expect.and_then(|text| u32::from_str_radix(text, 16).ok());
                assert_eq!((wrong == 0).then_some(value), expect, "{byte:#x} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(uuid in any::<[u8; 16]>()) {
            prop_assert_eq!(parse(text(uuid).as_str().as_bytes()), Some(uuid));
        }
    }
}
