//! Strings: found eight bytes at a time, unescaped only where somebody needs them.

use std::borrow::Cow;

use super::{Fault, Problem, Scan, Scanner};

/// A string as it stands in the text, without its quotes. Its escapes have been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    pub(crate) raw: &'a [u8],
    pub(crate) escaped: bool,
}

impl<'a> Text<'a> {
    /// The string's bytes; borrowed unless it has escapes.
    #[inline]
    pub(crate) fn unescape(self) -> Cow<'a, [u8]> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH_BITS: u64 = ONES << 7;

/// The high bit of each byte of `word` that ends a run of plain characters: a quote, a backslash or a control character.
/// Bits above the lowest one that is set may be wrong (a subtraction borrows from the byte above); only the lowest counts.
#[inline]
const fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let is_zero = quote.wrapping_sub(ONES) & !quote | backslash.wrapping_sub(ONES) & !backslash;
    let is_control = word.wrapping_sub(ONES * 0x20) & !word;
    (is_zero | is_control) & HIGH_BITS
}

/// The string whose opening quote stands at `start`, without its quotes, if it has no escapes.
/// Otherwise, and where it ends less than eight bytes before the text, perhaps `None`.
#[inline]
pub(crate) fn plain_string(text: &[u8], start: usize) -> Option<&[u8]> {
    let mut at = start + 1;
    loop {
        let found = special(u64::from_le_bytes(*text.get(at..)?.first_chunk()?));
        if found != 0 {
            let end = at + found.trailing_zeros() as usize / 8;
            return (text[end] == b'"').then(|| &text[start + 1..end]);
        }
        at += 8;
    }
}

impl<'a> Scanner<'a> {
    /// A string; the scanner stands at its opening quote.
    #[inline]
    pub(crate) fn string(&mut self) -> Scan<Text<'a>> {
        let start = self.at + 1;
        self.at = start;
        self.skip_plain();
        if self.peek() == b'"' {
            let raw = self.since(start);
            self.at += 1;
            return Ok(Text { raw, escaped: false });
        }
        self.string_with_escapes(start)
    }

    #[cold]
    fn string_with_escapes(&mut self, start: usize) -> Scan<Text<'a>> {
        loop {
            self.skip_plain();
            match self.text.get(self.at) {
                Some(b'"') => {
                    let raw = self.since(start);
                    self.at += 1;
                    return Ok(Text { raw, escaped: true });
                }
                Some(b'\\') => {
                    self.at += escape(&self.text[self.at..]).map_err(|problem| Fault { at: self.at, problem })?.length
                }
                Some(_) => return self.fault(Problem::ControlCharacter),
                None => return self.fault(Problem::OpenString),
            }
        }
    }

    /// Goes to the next quote, backslash or control character, or to the end of the text.
    #[inline]
    fn skip_plain(&mut self) {
        while let Some(chunk) = self.text.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let found = special(u64::from_le_bytes(*chunk));
            if found != 0 {
                self.at += found.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self.text.get(self.at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
            self.at += 1;
        }
    }
}

struct Escape {
    character: char,
    /// Bytes that the escape takes in the text.
    length: usize,
}

/// Reads the escape at the start of `text`, a surrogate pair as one.
fn escape(text: &[u8]) -> Result<Escape, Problem> {
    let character = match text.get(1) {
        Some(&byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(text),
        Some(_) => return Err(Problem::Escape),
        None => return Err(Problem::OpenString),
    };
    Ok(Escape { character, length: 2 })
}

fn unicode_escape(text: &[u8]) -> Result<Escape, Problem> {
    let unit = code_unit(text)?;
    if let Some(character) = char::from_u32(unit) {
        return Ok(Escape { character, length: 6 });
    }
    let low = text.get(6..).filter(|rest| rest.starts_with(b"\\u")).ok_or(Problem::LoneSurrogate)?;
    let pair = [unit, code_unit(low)?].map(|unit| u16::try_from(unit).unwrap_or_default());
    match char::decode_utf16(pair).next() {
        Some(Ok(character)) => Ok(Escape { character, length: 12 }),
        _ => Err(Problem::LoneSurrogate),
    }
}

/// The four hex digits of `\uXXXX`.
fn code_unit(escape: &[u8]) -> Result<u32, Problem> {
    let digits = escape.get(2..6).ok_or(Problem::Escape)?;
    digits
        .iter()
        .try_fold(0, |unit, &digit| char::from(digit).to_digit(16).map(|value| unit << 4 | value))
        .ok_or(Problem::Escape)
}

#[cold]
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        // The scanner has checked every escape, so that there is always one here.
        let Ok(Escape { character, length }) = escape(rest) else { break };
        plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[length..];
    }
    plain.extend_from_slice(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expect: Result<&str, Problem>) {
        let found = Scanner::new(text.as_bytes()).string();
        let found = found.map(|found| String::from_utf8(found.unescape().into_owned()).unwrap());
        assert_eq!(found.map_err(|fault| fault.problem), expect.map(str::to_owned), "{text}");
    }

    #[test]
    fn strings() {
        check(r#""""#, Ok(""));
        check(r#""plain", "next""#, Ok("plain"));
        check(r#""exactly8""#, Ok("exactly8"));
        check(r#""a\"b\\c\/d\b\f\n\r\t""#, Ok("a\"b\\c/d\u{8}\u{c}\n\r\t"));
        check(r#""\u00E9\u00e9\u0000""#, Ok("éé\0"));
        check(r#""\uD83D\uDE00!""#, Ok("😀!"));
        check(r#""\uFFFE\uFFFF""#, Ok("\u{fffe}\u{ffff}"));
        check("\"ä\u{7f}\u{80}😀\"", Ok("ä\u{7f}\u{80}😀"));
    }

    #[test]
    fn what_is_no_string() {
        check(r#"""#, Err(Problem::OpenString));
        check(r#""abc"#, Err(Problem::OpenString));
        check(r#""abcdefghijkl"#, Err(Problem::OpenString));
        check(r#""abc\"#, Err(Problem::OpenString));
        check("\"a\nb\"", Err(Problem::ControlCharacter));
        check("\"abcdefgh\0\"", Err(Problem::ControlCharacter));
        check(r#""\x41""#, Err(Problem::Escape));
        check(r#""\u12""#, Err(Problem::Escape));
        check(r#""\u12g4""#, Err(Problem::Escape));
        check(r#""\u+123""#, Err(Problem::Escape));
        check(r#""\ud83d""#, Err(Problem::LoneSurrogate));
        check(r#""\ude00\ud83d""#, Err(Problem::LoneSurrogate));
        check(r#""\ud83d\u0041""#, Err(Problem::LoneSurrogate));
        check(r#""\ud83dx""#, Err(Problem::LoneSurrogate));
        check(r#""\ud83d\n""#, Err(Problem::LoneSurrogate));
        check(r#""\ud83d\ud83d""#, Err(Problem::LoneSurrogate));
    }

    proptest! {
        #[test]
        fn the_first_special_byte_is_found(bytes: [u8; 8]) {
            let expect = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            let found = special(u64::from_le_bytes(bytes));
            prop_assert_eq!((found != 0).then(|| found.trailing_zeros() as usize / 8), expect);
        }

        #[test]
        fn reads_what_serde_json_writes(text: String) {
            let written = serde_json::to_string(&text).unwrap();
            let found = Scanner::new(written.as_bytes()).string().unwrap();
            prop_assert_eq!(found.unescape(), text.as_bytes());
        }

        #[test]
        fn agrees_with_serde_json(inner in r#"([a-z"äß\x00-\x1f]|\\["\\/bfnrtux0]|\\u[dD][89a-fA-F][0-9]{2}|\\u[0-9a-g]{4}){0,10}"#) {
            let written = format!("\"{inner}\"");
            let mut scanner = Scanner::new(written.as_bytes());
            let found = scanner.string().and_then(|text| scanner.finish().map(|()| text));
            match serde_json::from_str::<String>(&written) {
                Ok(expect) => prop_assert_eq!(found.unwrap().unescape(), expect.as_bytes()),
                Err(error) => prop_assert!(found.is_err(), "{}: {}", written, error),
            }
        }
    }
}
