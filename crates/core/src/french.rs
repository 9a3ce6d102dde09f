//! Numbers in French words.
//!
//! ```
//! use penstock_core::french::{Spelling, number_to_french};
//! let words = |number| number_to_french(number, Spelling::Of1990);
//! assert_eq!(words(271).as_deref(), Some("deux-cent-soixante-et-onze"));
//! assert_eq!(words(80_000_000).as_deref(), Some("quatre-vingts-millions"));
//! assert_eq!(words(i64::MAX), None);
//! ```

/// The largest number that has words here, and with a minus the least.
pub const LARGEST: u64 = 1_000_000_000_000;

/// Which rules join the words of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// The rectifications of 1990: hyphens between all words, `deux-cent-un`.
    Of1990,
    /// Hyphens below a hundred alone, and none around `et`: `deux cent un`, `vingt et un`.
    Traditional,
}

const SMALL: [&str; 17] = [
    "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze", "treize",
    "quatorze", "quinze", "seize",
];
/// Of ten, twenty and so on. Seventy and ninety go on counting from sixty and eighty.
const TENS: [&str; 10] =
    ["", "dix", "vingt", "trente", "quarante", "cinquante", "soixante", "soixante", "quatre-vingt", "quatre-vingt"];
/// Nouns: they have a plural, and so have `vingt` and `cent` before them.
const NOUNS: [(u64, &str); 3] = [(LARGEST, "billion"), (1_000_000_000, "milliard"), (1_000_000, "million")];

/// The cardinal number in words, `None` beyond [`LARGEST`].
/// Negative ones begin with `moins `, which is no part of the number and takes no hyphen.
#[must_use]
pub fn number_to_french(number: i64, spelling: Spelling) -> Option<String> {
    let magnitude = number.unsigned_abs();
    if LARGEST < magnitude {
        return None;
    }
    let mut words = Words { text: String::new(), spelling };
    words.add_number(magnitude);
    Some(if number < 0 { format!("moins {}", words.text) } else { words.text })
}

struct Words {
    text: String,
    spelling: Spelling,
}

impl Words {
    fn add_number(&mut self, number: u64) {
        if number == 0 {
            return self.add(SMALL[0]);
        }
        let mut rest = number;
        for (value, noun) in NOUNS {
            let count = rest / value;
            rest %= value;
            if 0 < count {
                self.add_below_thousand(count, true);
                self.add(noun);
                self.text.push_str(if 1 < count { "s" } else { "" });
            }
        }
        let thousands = rest / 1000;
        if 1 < thousands {
            // `mille` is a numeral: what stands before it has no plural.
            self.add_below_thousand(thousands, false);
        }
        if 0 < thousands {
            self.add("mille");
        }
        self.add_below_thousand(rest % 1000, true);
    }

    /// `is_last`: no other numeral follows, so that a whole hundred and eighty take their plural.
    fn add_below_thousand(&mut self, number: u64, is_last: bool) {
        let (hundreds, rest) = (number / 100, number % 100);
        if 1 < hundreds {
            self.add(small(hundreds));
        }
        if 0 < hundreds {
            self.add(if 1 < hundreds && rest == 0 && is_last { "cents" } else { "cent" });
        }
        self.add_below_hundred(rest, is_last);
    }

    fn add_below_hundred(&mut self, number: u64, is_last: bool) {
        let (ten, unit) = (number / 10, number % 10);
        match (ten, unit) {
            (0, 0) => {}
            (8, 0) => self.add(if is_last { "quatre-vingts" } else { "quatre-vingt" }),
            _ if number < 17 => self.add(small(number)),
            (7 | 9, _) => {
                self.add(tens(ten));
                self.add_unit(10 + unit, ten == 7);
            }
            (_, 0) => self.add(tens(ten)),
            _ => {
                self.add(tens(ten));
                self.add_unit(unit, ten != 1 && ten != 8);
            }
        }
    }

    /// What follows a ten: 1 to 19. From `vingt` to `soixante`, one and eleven are joined by `et`.
    fn add_unit(&mut self, unit: u64, takes_et: bool) {
        if takes_et && matches!(unit, 1 | 11) {
            self.add("et");
            self.add(small(unit));
        } else if unit < 17 {
            self.hyphen(small(unit));
        } else {
            self.hyphen(tens(1));
            self.hyphen(small(unit - 10));
        }
    }

    fn add(&mut self, word: &str) {
        if !self.text.is_empty() {
            self.text.push(if self.spelling == Spelling::Of1990 { '-' } else { ' ' });
        }
        self.text.push_str(word);
    }

    fn hyphen(&mut self, word: &str) {
        self.text.push('-');
        self.text.push_str(word);
    }
}

/// The word of a number up to 16.
fn small(number: u64) -> &'static str {
    SMALL[number as usize]
}

fn tens(ten: u64) -> &'static str {
    TENS[ten as usize]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Number, by the rules of 1990, traditional.
    const HARD: [(i64, &str, &str); 34] = [
        (0, "zéro", "zéro"),
        (1, "un", "un"),
        (16, "seize", "seize"),
        (17, "dix-sept", "dix-sept"),
        (20, "vingt", "vingt"),
        (21, "vingt-et-un", "vingt et un"),
        (22, "vingt-deux", "vingt-deux"),
        (61, "soixante-et-un", "soixante et un"),
        (70, "soixante-dix", "soixante-dix"),
        (71, "soixante-et-onze", "soixante et onze"),
        (77, "soixante-dix-sept", "soixante-dix-sept"),
        (80, "quatre-vingts", "quatre-vingts"),
        (81, "quatre-vingt-un", "quatre-vingt-un"),
        (90, "quatre-vingt-dix", "quatre-vingt-dix"),
        (91, "quatre-vingt-onze", "quatre-vingt-onze"),
        (99, "quatre-vingt-dix-neuf", "quatre-vingt-dix-neuf"),
        (100, "cent", "cent"),
        (101, "cent-un", "cent un"),
        (171, "cent-soixante-et-onze", "cent soixante et onze"),
        (180, "cent-quatre-vingts", "cent quatre-vingts"),
        (200, "deux-cents", "deux cents"),
        (201, "deux-cent-un", "deux cent un"),
        (1000, "mille", "mille"),
        (1001, "mille-un", "mille un"),
        (2000, "deux-mille", "deux mille"),
        (21_000, "vingt-et-un-mille", "vingt et un mille"),
        (80_000, "quatre-vingt-mille", "quatre-vingt mille"),
        (200_000, "deux-cent-mille", "deux cent mille"),
        (1_000_000, "un-million", "un million"),
        (80_000_000, "quatre-vingts-millions", "quatre-vingts millions"),
        (200_000_200, "deux-cents-millions-deux-cents", "deux cents millions deux cents"),
        (1_001_001_001, "un-milliard-un-million-mille-un", "un milliard un million mille un"),
        (1_000_000_000_000, "un-billion", "un billion"),
        (
            999_999_999_999,
            "neuf-cent-quatre-vingt-dix-neuf-milliards-neuf-cent-quatre-vingt-dix-neuf-millions-\
             neuf-cent-quatre-vingt-dix-neuf-mille-neuf-cent-quatre-vingt-dix-neuf",
            "neuf cent quatre-vingt-dix-neuf milliards neuf cent quatre-vingt-dix-neuf millions \
             neuf cent quatre-vingt-dix-neuf mille neuf cent quatre-vingt-dix-neuf",
        ),
    ];

    fn both(number: i64) -> [Option<String>; 2] {
        [Spelling::Of1990, Spelling::Traditional].map(|spelling| number_to_french(number, spelling))
    }

    #[test]
    fn hard_cases_by_both_spellings() {
        for (number, of_1990, traditional) in HARD {
            assert_eq!(both(number), [of_1990, traditional].map(|words| Some(words.to_owned())), "{number}");
        }
    }

    #[test]
    fn a_minus_is_a_word_of_its_own() {
        assert_eq!(both(-21), ["moins vingt-et-un", "moins vingt et un"].map(|words| Some(words.to_owned())));
        for (number, ..) in HARD.into_iter().filter(|(number, ..)| 0 < *number) {
            assert_eq!(both(-number), both(number).map(|words| words.map(|words| format!("moins {words}"))));
        }
    }

    #[test]
    fn beyond_a_billion_there_are_no_words() {
        for number in [1_000_000_000_001, -1_000_000_000_001, i64::MAX, i64::MIN] {
            assert_eq!(both(number), [None, None], "{number}");
        }
        assert_eq!(both(-1_000_000_000_000)[0].as_deref(), Some("moins un-billion"));
    }

    #[test]
    fn no_two_numbers_share_their_words_and_spellings_differ_in_hyphens_alone() {
        let numbers = (0..20_000).chain((0..1000).map(|group| group * 1_001_000)).chain(999_000_000..999_001_000);
        let numbers: HashSet<i64> = numbers.collect();
        let words: HashSet<String> =
            numbers.iter().flat_map(|number| number_to_french(*number, Spelling::Of1990)).collect();
        assert_eq!(words.len(), numbers.len());
        for number in numbers {
            let [of_1990, traditional] = both(number);
            assert_eq!(of_1990, traditional.map(|words| words.replace(' ', "-")), "{number}");
        }
    }
}
