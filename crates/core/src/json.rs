//! A strict RFC 8259 scanner that borrows from the text and builds nothing.
//!
//! In: bytes. Out: the pieces of a JSON text, one call at a time, as slices of it: the caller knows what it expects
//! and goes straight for it. What it does not want it skips, and skipping checks the same grammar.
//!
//! The scanner is strict (no trailing commas, no lone surrogates, no control characters in strings, no NaN), takes
//! stack for no nesting, never panics, and leaves two things to its caller: that the bytes are UTF-8, and what
//! a repeated key means.

mod literal;
mod number;
mod string;

use std::borrow::Cow;

pub(crate) use literal::Literal;
pub(crate) use number::{NoInteger, Number, plain_number};
pub(crate) use string::{Text, plain_string};

/// Where and why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {at}")]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the text is empty")]
    Empty,
    #[error("a byte order mark")]
    ByteOrderMark,
    #[error("expected a value")]
    Value,
    #[error("expected a key in double quotes")]
    Key,
    #[error("expected `:`")]
    Colon,
    #[error("expected `,` or `}}`")]
    CommaOrBrace,
    #[error("expected `,` or `]`")]
    CommaOrBracket,
    #[error("a string without an end")]
    OpenString,
    #[error("a control character in a string")]
    ControlCharacter,
    #[error("an escape that JSON does not have")]
    Escape,
    #[error("half of a surrogate pair")]
    LoneSurrogate,
    #[error("a malformed number")]
    Number,
    #[error("something after the end of the value")]
    Trailing,
    #[error("nested too deep")]
    TooDeep,
}

pub(crate) type Scan<T> = Result<T, Fault>;

/// What a value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

impl Kind {
    /// With its article, for messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        }
    }
}

/// A place in a JSON text.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Everything, read and unread.
    pub(crate) const fn text(&self) -> &'a [u8] {
        self.text
    }

    /// What has been read since `start`.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(crate) const fn fault<T>(&self, problem: Problem) -> Scan<T> {
        Err(Fault { at: self.at, problem })
    }

    /// The next byte, or 0 at the end: a zero byte is nowhere part of a JSON text.
    #[inline]
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// Goes to the next byte that is no white space, and returns it.
    #[inline]
    fn next_token(&mut self) -> u8 {
        let mut byte = self.peek();
        while matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
            byte = self.peek();
        }
        byte
    }

    /// Steps over white space and then over `byte`, if it stands there.
    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let found = self.next_token() == byte;
        // Not `self.at += usize::from(found)`: rustc 1.92 to 1.95 loses that addition when it optimizes (rust-lang/rust#158206).
        if found {
            self.at += 1;
        }
        found
    }

    /// The text's one value has been read: nothing may follow.
    pub(crate) fn finish(&mut self) -> Scan<()> {
        self.next_token();
        if self.at == self.text.len() { Ok(()) } else { self.fault(Problem::Trailing) }
    }

    /// What kind of value comes next. Checks its first byte only.
    #[inline]
    pub(crate) fn kind(&mut self) -> Scan<Kind> {
        match self.next_token() {
            b'"' => Ok(Kind::String),
            b'-' | b'0'..=b'9' => Ok(Kind::Number),
            b'{' => Ok(Kind::Object),
            b'[' => Ok(Kind::Array),
            b't' | b'f' => Ok(Kind::Bool),
            b'n' => Ok(Kind::Null),
            _ => self.fault(self.no_value()),
        }
    }

    fn no_value(&self) -> Problem {
        match self.text {
            text if text.starts_with(b"\xef\xbb\xbf") && self.at == 0 => Problem::ByteOrderMark,
            text if text.iter().all(u8::is_ascii_whitespace) => Problem::Empty,
            _ => Problem::Value,
        }
    }

    /// Enters an object. True if it has a first key.
    #[inline]
    pub(crate) fn enter_object(&mut self) -> Scan<bool> {
        self.enter(b'{', b'}')
    }

    /// Enters an array. True if it has a first element.
    #[inline]
    pub(crate) fn enter_array(&mut self) -> Scan<bool> {
        self.enter(b'[', b']')
    }

    #[inline]
    fn enter(&mut self, open: u8, close: u8) -> Scan<bool> {
        if self.take(open) { Ok(!self.take(close)) } else { self.fault(Problem::Value) }
    }

    /// Whether an object ends right here, without white space: the cheapest question to ask first.
    #[inline]
    pub(crate) fn at_brace(&self) -> bool {
        self.peek() == b'}'
    }

    /// Steps over `text` if exactly that stands next.
    #[inline]
    pub(crate) fn take_text(&mut self, text: &[u8]) -> bool {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(text));
        if found {
            self.at += text.len();
        }
        found
    }

    /// Steps over a natural number of at most 18 digits that stands next, and returns it.
    #[inline]
    pub(crate) fn take_natural(&mut self) -> Option<u64> {
        let start = self.at;
        let mut value = 0;
        while let digit @ 0..=9 = self.peek().wrapping_sub(b'0') {
            value = u64::wrapping_add(u64::wrapping_mul(value, 10), u64::from(digit));
            self.at += 1;
        }
        let canonical = match self.since(start) {
            [b'0', _, ..] | [] => false,
            digits => digits.len() <= 18,
        };
        canonical.then_some(value)
    }

    /// Steps to the quote that ends the string in which the scanner stands, and returns what was left of it.
    /// `None` if the string has an escape or no end. Control characters pass: this is for texts that are checked later.
    #[inline]
    pub(crate) fn take_to_quote(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.get(self.at..)?;
        let length = memchr::memchr2(b'"', b'\\', rest)?;
        let found = rest[length] == b'"';
        self.at += length;
        found.then(|| &rest[..length])
    }

    /// The bytes of a string in which control characters may pass; the scanner stands at its opening quote.
    pub(crate) fn loose_string(&mut self) -> Scan<Cow<'a, [u8]>> {
        let mut ahead = self.clone();
        ahead.at += 1;
        match ahead.take_to_quote() {
            Some(bytes) => {
                self.at = ahead.at + 1;
                Ok(Cow::Borrowed(bytes))
            }
            None => Ok(self.string()?.unescape()),
        }
    }

    /// Where the next value begins.
    pub(crate) fn value_start(&mut self) -> usize {
        self.next_token();
        self.at
    }

    /// After a member of an object: true if another follows, false if the object has ended.
    #[inline]
    pub(crate) fn next_member(&mut self) -> Scan<bool> {
        self.next_of(b'}', Problem::CommaOrBrace)
    }

    /// After an element of an array: true if another follows, false if the array has ended.
    #[inline]
    pub(crate) fn next_element(&mut self) -> Scan<bool> {
        self.next_of(b']', Problem::CommaOrBracket)
    }

    #[inline]
    fn next_of(&mut self, close: u8, problem: Problem) -> Scan<bool> {
        match self.next_token() {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            byte if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => self.fault(problem),
        }
    }

    /// A key and the colon after it.
    #[inline]
    pub(crate) fn key(&mut self) -> Scan<Text<'a>> {
        if self.next_token() != b'"' {
            return self.fault(Problem::Key);
        }
        let key = self.string()?;
        self.colon()?;
        Ok(key)
    }

    /// Steps over `literal` if exactly that stands next.
    #[inline]
    pub(crate) fn take_literal(&mut self, literal: &Literal) -> bool {
        let found = literal.starts(self.text.get(self.at..).unwrap_or_default());
        if found {
            self.at += literal.text.len();
        }
        found
    }

    #[inline]
    fn colon(&mut self) -> Scan<()> {
        if self.take(b':') { Ok(()) } else { self.fault(Problem::Colon) }
    }

    pub(crate) fn null(&mut self) -> Scan<()> {
        self.literal(b"null")
    }

    pub(crate) fn bool(&mut self) -> Scan<bool> {
        let value = self.next_token() == b't';
        self.literal(if value { b"true" } else { b"false" })?;
        Ok(value)
    }

    fn literal(&mut self, literal: &[u8]) -> Scan<()> {
        self.next_token();
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(literal)) {
            return self.fault(Problem::Value);
        }
        self.at += literal.len();
        Ok(())
    }

    /// Steps over one value and returns its text.
    ///
    /// # Errors
    /// The value is not JSON, or nests objects and arrays more than `max_depth` deep.
    pub(crate) fn skip(&mut self, max_depth: usize) -> Scan<&'a [u8]> {
        self.next_token();
        let start = self.at;
        // The containers that are open: true for an object. Scalars, the common case, allocate nothing.
        let mut open = Vec::new();
        loop {
            let mut more = self.skip_scalar_or_enter(&mut open, max_depth)?;
            while !more {
                more = match open.last() {
                    None => return Ok(self.since(start)),
                    Some(true) => self.next_member()?,
                    Some(false) => self.next_element()?,
                };
                if !more {
                    open.pop();
                }
            }
            if open.last() == Some(&true) {
                self.key()?;
            }
        }
    }

    /// True if a container has been entered that is not empty.
    fn skip_scalar_or_enter(&mut self, open: &mut Vec<bool>, max_depth: usize) -> Scan<bool> {
        let kind = self.kind()?;
        match kind {
            Kind::String => self.string().map(|_| false),
            Kind::Number => self.number().map(|_| false),
            Kind::Bool => self.bool().map(|_| false),
            Kind::Null => self.null().map(|()| false),
            Kind::Object | Kind::Array if open.len() == max_depth => self.fault(Problem::TooDeep),
            Kind::Object | Kind::Array => {
                let object = kind == Kind::Object;
                let entered = if object { self.enter_object()? } else { self.enter_array()? };
                if entered {
                    open.push(object);
                }
                Ok(entered)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(text: &[u8]) -> Scan<&[u8]> {
        let mut scanner = Scanner::new(text);
        let value = scanner.skip(100)?;
        scanner.finish()?;
        Ok(value)
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let found = match scan(text.as_bytes()) {
            Ok(_) => "ok".to_owned(),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(found, expect, "{text}");
        // serde_json is the reference; it counts no depth that we reach here.
        assert_eq!(serde_json::from_str::<serde_json::Value>(text).is_ok(), expect == "ok", "serde_json on {text}");
    }

    #[test]
    fn what_is_json() {
        for text in [
            "0",
            "-0",
            "1.5e+10",
            "1E5",
            "true",
            "false",
            "null",
            "\"\"",
            "{}",
            "[]",
            " [ ] ",
            "\r\n\t{ }\n",
            r#"{"a":1,"b":[1,2,{"c":null}],"a":{}}"#,
            r#"["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"]"#,
            "\"\u{7f}ä😀\"",
            "[[[[[[[[[[[[[[]]]]]]]]]]]]]]",
            r#""\uFFFF""#,
            r#""\u0000""#,
            "[1 , 2]",
            r#"{"a" : 1 , "b" : 2}"#,
        ] {
            check(text, "ok");
        }
    }

    #[test]
    fn what_is_no_json() {
        check("", "the text is empty at byte 0");
        check(" \n", "the text is empty at byte 2");
        check("\u{feff}{}", "a byte order mark at byte 0");
        check("{}{}", "something after the end of the value at byte 2");
        check("1 2", "something after the end of the value at byte 2");
        check("nul", "expected a value at byte 0");
        check("True", "expected a value at byte 0");
        check("NaN", "expected a value at byte 0");
        check("Infinity", "expected a value at byte 0");
        check("'a'", "expected a value at byte 0");
        check("{", "expected a key in double quotes at byte 1");
        check("{a:1}", "expected a key in double quotes at byte 1");
        check(r#"{"a"}"#, "expected `:` at byte 4");
        check(r#"{"a":}"#, "expected a value at byte 5");
        check(r#"{"a":1,}"#, "expected a key in double quotes at byte 7");
        check(r#"{"a":1 "b":2}"#, "expected `,` or `}` at byte 7");
        check("[1,]", "expected a value at byte 3");
        check("[1}", "expected `,` or `]` at byte 2");
        check("[", "expected a value at byte 1");
        check("]", "expected a value at byte 0");
        check("// x", "expected a value at byte 0");
        check("\u{a0}1", "expected a value at byte 0");
        check("\u{b}1", "expected a value at byte 0");
    }

    #[test]
    fn depth_is_bounded_by_what_the_caller_says() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(Scanner::new(&nested(32)).skip(32).is_ok());
        assert_eq!(Scanner::new(&nested(33)).skip(32), Err(Fault { at: 32, problem: Problem::TooDeep }));
        assert!(Scanner::new(br#"{"a":{"a":[]}}"#).skip(2).is_err());
        assert!(Scanner::new(b"1").skip(0).is_ok());
        // No stack is taken, however deep.
        assert!(Scanner::new(&nested(1_000_000)).skip(usize::MAX).is_ok());
        assert!(Scanner::new(&vec![b'['; 1_000_000]).skip(usize::MAX).is_err());
    }

    /// JSON texts with all that the grammar allows.
    pub(crate) fn json() -> impl Strategy<Value = String> {
        let text = prop_oneof!["\"[ -!#-\\[\\]-~äß😀]{0,20}\"", Just(r#""\u00e4\ud83d\ude00\n\"\\\/""#.to_owned()),];
        let number = prop_oneof!["-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?", "-?[1-9][0-9]{0,5}"];
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("false".to_owned()),
            text.clone(),
            number
        ];
        let space = "[ \t\r\n]{0,2}";
        leaf.prop_recursive(6, 40, 6, move |inner| {
            let element = (space, inner.clone(), space).prop_map(|(a, b, c)| format!("{a}{b}{c}"));
            let member =
                (space, text.clone(), space, element.clone()).prop_map(|(a, k, b, v)| format!("{a}{k}{b}:{v}"));
            prop_oneof![
                proptest::collection::vec(element, 0..6).prop_map(|all| format!("[{}]", all.join(","))),
                proptest::collection::vec(member, 0..6).prop_map(|all| format!("{{{}}}", all.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn accepts_what_is_json(text in json()) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            prop_assert_eq!(scan(text.as_bytes()), Ok(text.trim().as_bytes()));
        }

        #[test]
        fn agrees_with_serde_json_on_mutations(
            text in json(),
            at in any::<proptest::sample::Index>(),
            edit in prop_oneof![
                proptest::sample::select(b"{}[]\",:\\/0123456789eE+-.ntfu \x00\x1f\x7f\xc3\xff".to_vec()).prop_map(Some),
                Just(None),
            ],
        ) {
            let mut bytes = text.into_bytes();
            let place = at.index(bytes.len());
            match edit {
                Some(byte) => bytes[place] = byte,
                None => { bytes.remove(place); }
            }
            // serde_json gives up on numbers that overflow a double; the grammar does not know such a limit.
            if let Ok(text) = std::str::from_utf8(&bytes) {
                match serde_json::from_str::<serde_json::Value>(text) {
                    Ok(_) => prop_assert!(scan(&bytes).is_ok(), "{}", text),
                    Err(error) if error.to_string().starts_with("number out of range") => {}
                    Err(error) => prop_assert!(scan(&bytes).is_err(), "{}: {}", text, error),
                }
            }
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = scan(&bytes);
        }
    }
}
