//! Texts that are expected word for word, such as the keys of a dataset, compared without a loop.

/// A text to compare with.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    pub(crate) text: Box<[u8]>,
    /// The text and which of its bits count, if it is short enough.
    window: Option<([u64; WORDS], [u64; WORDS])>,
}

const WORDS: usize = 4;
const WINDOW: usize = WORDS * 8;

impl Literal {
    pub(crate) fn new(text: &[u8]) -> Self {
        let window = (text.len() <= WINDOW).then(|| {
            let (mut padded, mut mask) = ([0; WINDOW], [0; WINDOW]);
            padded[..text.len()].copy_from_slice(text);
            mask[..text.len()].fill(u8::MAX);
            (words(&padded), words(&mask))
        });
        Self { text: text.into(), window }
    }

    /// Whether `text` starts with this one.
    #[inline]
    pub(crate) fn starts(&self, text: &[u8]) -> bool {
        match (&self.window, text.first_chunk()) {
            (Some((expected, mask)), Some(window)) => {
                // Most of what is asked for and does not stand there differs in the first word.
                let found = words(window);
                (0..WORDS).all(|word| (found[word] ^ expected[word]) & mask[word] == 0)
            }
            _ => text.starts_with(&self.text),
        }
    }
}

#[inline]
fn words(window: &[u8; WINDOW]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(window.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn starts_as_slices_do(literal in "[ab]{0,40}", common in 0..40_usize, rest in "[ab]{0,40}") {
            let text = [&literal.as_bytes()[..common.min(literal.len())], rest.as_bytes()].concat();
            prop_assert_eq!(Literal::new(literal.as_bytes()).starts(&text), text.starts_with(literal.as_bytes()));
        }
    }
}
