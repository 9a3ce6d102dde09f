//! Numbers, from their text.

use penstock_core::reject::Reason;

/// As many digits as a 64-bit integer may have.
const DIGITS: i128 = 19;

/// The number as a double.
pub(super) fn double(text: &str) -> Result<f64, Reason> {
    let value: f64 = text.parse().map_err(|_| Reason::NotJson)?;
    if value.is_finite() { Ok(value) } else { Err(Reason::NumberOutOfRange) }
}

/// The number as an integer, which it may be in any spelling.
pub(super) fn integer(text: &str) -> Result<i64, Reason> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let zeros = power(exponent) - fraction.len() as i128 + (digits.len() - significant.len()) as i128;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    if zeros < 0 {
        return Err(Reason::WrongType);
    }
    if DIGITS < significant.len() as i128 + zeros {
        return Err(Reason::NumberOutOfRange);
    }
    let zeros = "0".repeat(usize::try_from(zeros).expect("few digits"));
    format!("{sign}{significant}{zeros}").parse().map_err(|_| Reason::NumberOutOfRange)
}

/// An exponent; one of very many digits counts as very large.
fn power(text: &str) -> i128 {
    let digits = text.trim_start_matches(['+', '-']).trim_start_matches('0');
    let magnitude = if digits.len() > 30 { i128::MAX / 4 } else { format!("0{digits}").parse().expect("digits") };
    if text.starts_with('-') { -magnitude } else { magnitude }
}
