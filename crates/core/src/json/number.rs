//! Numbers: the full JSON grammar, exact for integers, correctly rounded for doubles.

use super::{Problem, Scan, Scanner};

/// A number, taken apart while it was scanned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number<'a> {
    pub(crate) text: &'a [u8],
    negative: bool,
    /// All digits before the exponent, as one integer; wrong if there are more than [`EXACT_DIGITS`] of them.
    digits: u64,
    digit_count: usize,
    /// The number is `digits` times ten to this power.
    exponent: i64,
}

/// As many digits as every `u64` can hold.
const EXACT_DIGITS: usize = 19;

/// Digits and exponents up to these convert exactly: the digits and the power of ten are doubles themselves,
/// so that one multiplication or division rounds once (Clinger, "How to Read Floating Point Numbers Accurately").
const EXACT_DOUBLE: u64 = 1 << 53;
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Why a number is no 64-bit integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoInteger {
    Fraction,
    OutOfRange,
}

impl Number<'_> {
    /// The number as a 64-bit integer: any number that is integral counts, `5`, `5.0`, `50e-1` alike.
    #[inline]
    pub(crate) fn integer(&self) -> Result<i64, NoInteger> {
        if self.exponent == 0 && self.digit_count < EXACT_DIGITS {
            #[expect(clippy::cast_possible_wrap, reason = "18 digits fit")]
            let magnitude = self.digits as i64;
            return Ok(if self.negative { -magnitude } else { magnitude });
        }
        self.integer_of_any_form()
    }

    /// Works on the decimal digits, so that no form of a number loses precision.
    fn integer_of_any_form(&self) -> Result<i64, NoInteger> {
        let mantissa = self.text.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or_default();
        let digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
        let Some(last) = digits.iter().rposition(|&digit| digit != b'0') else { return Ok(0) };
        let trailing_zeros = digits.len() - 1 - last;
        let zeros = self.exponent.saturating_add(i64::try_from(trailing_zeros).unwrap_or(i64::MAX));
        let zeros = usize::try_from(zeros).map_err(|_| NoInteger::Fraction)?;
        let first = digits.iter().position(|&digit| digit != b'0').unwrap_or_default();
        let significant = &digits[first..=last];
        if significant.len().saturating_add(zeros) > EXACT_DIGITS {
            return Err(NoInteger::OutOfRange);
        }
        let zeros = std::iter::repeat_n(&b'0', zeros);
        let magnitude = significant.iter().chain(zeros).fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        i64::try_from(if self.negative { -magnitude } else { magnitude }).map_err(|_| NoInteger::OutOfRange)
    }

    /// The double nearest to the number; `None` if that is infinite. What is too small for a double becomes zero.
    #[inline]
    pub(crate) fn double(&self) -> Option<f64> {
        let power = usize::try_from(self.exponent.unsigned_abs()).ok().and_then(|index| POWERS_OF_TEN.get(index));
        match power {
            Some(power) if self.digit_count <= EXACT_DIGITS && self.digits <= EXACT_DOUBLE => {
                #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
                let digits = self.digits as f64;
                let magnitude = if self.exponent < 0 { digits / power } else { digits * power };
                Some(if self.negative { -magnitude } else { magnitude })
            }
            _ => self.double_of_any_form(),
        }
    }

    #[cold]
    fn double_of_any_form(&self) -> Option<f64> {
        // JSON's grammar of numbers is a part of Rust's, which rounds correctly.
        let value: f64 = std::str::from_utf8(self.text).ok()?.parse().ok()?;
        value.is_finite().then_some(value)
    }
}

/// Digits that a plain number may have: all of them fit a double, and an integer of any kind.
const PLAIN_DIGITS: usize = 15;

/// The number at `start`, and where it ends, if it is the usual kind: few digits and no exponent.
/// Otherwise, and where no number stands, `None`. What stands behind it is not looked at.
#[inline]
pub(crate) fn plain_number(text: &[u8], start: usize) -> Option<(Number<'_>, usize)> {
    let negative = *text.get(start)? == b'-';
    let first = if negative { start + 1 } else { start };
    let (whole, point) = plain_digits(text, first, 0);
    let has_point = text.get(point) == Some(&b'.');
    let (digits, end) = if has_point { plain_digits(text, point + 1, whole) } else { (whole, point) };
    let places = if has_point { end - point - 1 } else { 0 };
    let digit_count = point - first + places;
    let is_canonical = first < point && (text[first] != b'0' || point == first + 1) && (0 < places || !has_point);
    if !is_canonical || PLAIN_DIGITS < digit_count {
        return None;
    }
    #[expect(clippy::cast_possible_wrap, reason = "there are few of them")]
    let exponent = -(places as i64);
    Some((Number { text: &text[start..end], negative, digits, digit_count, exponent }, end))
}

/// Appends digits to a value, which wraps around: the caller counts them. Returns it, and where they end.
#[inline]
fn plain_digits(text: &[u8], start: usize, mut value: u64) -> (u64, usize) {
    let mut at = start;
    while let Some(digit @ 0..=9) = text.get(at).map(|byte| byte.wrapping_sub(b'0')) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (value, at)
}

impl<'a> Scanner<'a> {
    /// A number; the scanner stands at its sign or first digit.
    #[inline]
    pub(crate) fn number(&mut self) -> Scan<Number<'a>> {
        let start = self.at;
        let negative = self.peek() == b'-';
        if negative {
            self.at += 1;
        }
        let first = self.at;
        let mut digits = self.digits(0)?;
        let mut digit_count = self.at - first;
        if digit_count > 1 && self.text[first] == b'0' {
            self.at = first;
            return self.fault(Problem::Number);
        }
        let mut exponent = 0;
        if self.peek() == b'.' {
            self.at += 1;
            let fraction = self.at;
            digits = self.digits(digits)?;
            let places = self.at - fraction;
            digit_count += places;
            exponent = -i64::try_from(places).unwrap_or(i64::MAX);
        }
        if matches!(self.peek(), b'e' | b'E') {
            exponent = exponent.saturating_add(self.exponent()?);
        }
        Ok(Number { text: self.since(start), negative, digits, digit_count, exponent })
    }

    /// At least one digit, appended to `value`, which wraps around: the caller counts digits.
    #[inline]
    fn digits(&mut self, mut value: u64) -> Scan<u64> {
        let start = self.at;
        loop {
            let digit = self.peek().wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.at += 1;
        }
        if self.at == start { self.fault(Problem::Number) } else { Ok(value) }
    }

    /// The exponent behind the `e`. Beyond a billion it no longer matters how large it is.
    fn exponent(&mut self) -> Scan<i64> {
        self.at += 1;
        let negative = self.peek() == b'-';
        if matches!(self.peek(), b'-' | b'+') {
            self.at += 1;
        }
        let start = self.at;
        self.digits(0)?;
        let magnitude = self.since(start).iter().fold(0, |sum, digit| {
            let next: i64 = sum * 10 + i64::from(digit - b'0');
            next.min(1_000_000_000)
        });
        Ok(if negative { -magnitude } else { magnitude })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Option<Number<'_>> {
        let mut scanner = Scanner::new(text.as_bytes());
        let number = scanner.number().ok()?;
        scanner.finish().ok()?;
        Some(number)
    }

    #[track_caller]
    fn check(text: &str, integer: Result<i64, NoInteger>, double: Option<f64>) {
        let number = number(text).unwrap_or_else(|| panic!("{text} is a number"));
        assert_eq!(number.integer(), integer, "{text}");
        assert_eq!(number.double().map(f64::to_bits), double.map(f64::to_bits), "{text}");
    }

    #[test]
    fn numbers() {
        use NoInteger::{Fraction, OutOfRange};
        check("0", Ok(0), Some(0.0));
        check("-0", Ok(0), Some(-0.0));
        check("-0.0e5", Ok(0), Some(-0.0));
        check("5", Ok(5), Some(5.0));
        check("5.0", Ok(5), Some(5.0));
        check("5e0", Ok(5), Some(5.0));
        check("50E-1", Ok(5), Some(5.0));
        check("0.5e+1", Ok(5), Some(5.0));
        check("-5.5", Err(Fraction), Some(-5.5));
        check("5e-1", Err(Fraction), Some(0.5));
        check("5e-999999999999999999999", Err(Fraction), Some(0.0));
        check("0e999999999999999999999", Ok(0), Some(0.0));
        check("9223372036854775807", Ok(i64::MAX), Some(9_223_372_036_854_775_807.0));
        check("-9223372036854775808", Ok(i64::MIN), Some(-9_223_372_036_854_775_808.0));
        check("9223372036854775807.000", Ok(i64::MAX), Some(9_223_372_036_854_775_807.0));
        check("9223372036854775807000e-3", Ok(i64::MAX), Some(9_223_372_036_854_775_807.0));
        check("9223372036854775808", Err(OutOfRange), Some(9_223_372_036_854_775_808.0));
        check("-9223372036854775809", Err(OutOfRange), Some(-9_223_372_036_854_775_809.0));
        check("18446744073709551617", Err(OutOfRange), Some(18_446_744_073_709_551_617.0));
        check("1e18", Ok(1_000_000_000_000_000_000), Some(1e18));
        check("1e19", Err(OutOfRange), Some(1e19));
        check("1e308", Err(OutOfRange), Some(1e308));
        check("1e309", Err(OutOfRange), None);
        check("-1e400", Err(OutOfRange), None);
        check("1e-400", Err(Fraction), Some(0.0));
        check("2.2250738585072014e-308", Err(Fraction), Some(f64::MIN_POSITIVE));
        check("9007199254740993", Ok(9_007_199_254_740_993), Some(9_007_199_254_740_992.0));
        check("0.1", Err(Fraction), Some(0.1));
        check("123.456", Err(Fraction), Some(123.456));
    }

    #[test]
    fn what_is_no_number() {
        for text in ["", "-", "+1", "01", "-01", "1.", ".5", "1.e5", "1e", "1e+", "0x10", "1_000", "--1", "1.5.2", "00"]
        {
            assert!(number(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn doubles_round_as_the_standard_library_does(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
            let expect: f64 = text.parse().unwrap();
            let found = number(&text).unwrap().double();
            prop_assert_eq!(found.map(f64::to_bits), expect.is_finite().then_some(expect.to_bits()));
        }

        #[test]
        fn every_double_survives(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(number(&text).unwrap().double().map(f64::to_bits), Some(value.to_bits()));
        }

        #[test]
        fn every_integer_survives_in_every_form(value: i64, zeros in 0..30_usize) {
            for text in [format!("{value}"), format!("{value}.{}", "0".repeat(zeros + 1)), format!("{value}{}e-{zeros}", "0".repeat(zeros))] {
                prop_assert_eq!(number(&text).unwrap().integer(), Ok(value), "{}", text);
            }
        }

        #[test]
        fn a_fraction_is_no_integer(value: i64, fraction in "[0-9]{0,20}[1-9]0{0,5}") {
            let text = format!("{value}.{fraction}");
            prop_assert_eq!(number(&text).unwrap().integer(), Err(NoInteger::Fraction));
        }
    }
}
