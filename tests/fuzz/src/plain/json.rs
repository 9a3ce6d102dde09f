//! A JSON text piece by piece, each piece read by `serde_json`.

use penstock_core::reject::Reason;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A text without the white space in front of it.
pub(super) fn after_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

/// The value at the start of `text` as it stands there, and what comes after it.
///
/// # Errors
/// It is no JSON, or too deep: whichever comes first from left to right.
pub(super) fn value(text: &str, max_depth: usize) -> Result<(&str, &str), Reason> {
    let text = after_space(text);
    if let Some(before) = before_too_deep(text, max_depth) {
        return Err(if one_value(&before).is_some() { Reason::TooDeep } else { Reason::NotJson });
    }
    let raw = one_value(text).ok_or(Reason::NotJson)?;
    Ok((raw, &text[raw.len()..]))
}

/// What the text of a string says.
pub(super) fn string(raw: &str) -> Result<String, Reason> {
    serde_json::from_str(raw).map_err(|_| Reason::NotJson)
}

/// Each member of the object at the start of `text`, and what comes after the object. `member` gets the key as it stands
/// in the text, what it says, and the text behind the colon; it returns the text behind the member's value.
pub(super) fn object<'t>(
    text: &'t str,
    mut member: impl FnMut(&'t str, String, &'t str) -> Result<&'t str, Reason>,
) -> Result<&'t str, Reason> {
    let mut rest = after_space(text).strip_prefix('{').ok_or(Reason::NotJson)?;
    if let Some(end) = after_space(rest).strip_prefix('}') {
        return Ok(end);
    }
    loop {
        rest = after_space(rest);
        if !rest.starts_with('"') {
            return Err(Reason::NotJson);
        }
        let (key, behind) = value(rest, 0)?;
        let name = string(key)?;
        let behind = after_space(behind).strip_prefix(':').ok_or(Reason::NotJson)?;
        rest = after_space(member(key, name, behind)?);
        match rest.chars().next() {
            Some(',') => rest = &rest[1..],
            Some('}') => return Ok(&rest[1..]),
            _ => return Err(Reason::NotJson),
        }
    }
}

/// The elements of the array `raw`, which is JSON.
pub(super) fn elements(raw: &str) -> Vec<&str> {
    serde_json::from_str::<Vec<&RawValue>>(raw).expect("the array is JSON").into_iter().map(RawValue::get).collect()
}

/// The first value of `text`, which has no white space in front.
fn one_value(text: &str) -> Option<&str> {
    let raw = <&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(text)).ok()?.get();
    // A value that nobody asked for serde_json does not look into as closely: of a surrogate pair both halves must be there.
    strings(raw).all(|text| string(text).is_ok()).then_some(raw)
}

/// All strings in the text of a value, keys too.
fn strings(raw: &str) -> impl Iterator<Item = &str> {
    let mut rest = if raw.contains("\\u") { raw } else { "" };
    std::iter::from_fn(move || {
        rest = &rest[rest.find('"')?..];
        let text = <&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(rest)).ok()?.get();
        rest = &rest[text.len()..];
        Some(text)
    })
}

/// What stands before the first container of a value that is nested too deep, made whole: a text in the container's place,
/// and every container before it closed. `None` if none is too deep.
fn before_too_deep(text: &str, max_depth: usize) -> Option<String> {
    if text.len() <= max_depth {
        return None;
    }
    let mut open = String::new();
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' if open.len() == max_depth => {
                let closing: String = open.chars().rev().collect();
                return Some(format!("{}\"\"{closing}", &text[..at]));
            }
            b'{' => open.push('}'),
            b'[' => open.push(']'),
            b'}' | b']' => drop(open.pop()),
            _ => {}
        }
        if open.is_empty() && !in_string {
            return None;
        }
    }
    None
}
