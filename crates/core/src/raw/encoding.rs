//! Parquet's encodings of one page, as far as raw objects need them.
//!
//! Source of the formats: `Encodings.md` of apache/parquet-format.

/// Unsigned LEB128.
pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while 0x7f < value {
        out.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}

fn zigzag(value: i64, out: &mut Vec<u8>) {
    varint(((value << 1) ^ (value >> 63)).cast_unsigned(), out);
}

#[expect(clippy::cast_possible_truncation, reason = "the low byte is what is wanted")]
const fn low_byte(value: u64) -> u8 {
    value as u8
}

/// How many bits the value takes.
pub(super) const fn bit_width(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// Appends values of `width` bits each (at most 64), lowest bit first, and fills up the last byte with zeros.
pub(super) fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    // Less than 64 bits wait in `word` between two values; of a value that does not fit the rest goes to the next word.
    let (mut word, mut used) = (0_u64, 0);
    for value in values {
        word |= value << used;
        used += width;
        if u64::BITS <= used {
            out.extend_from_slice(&word.to_le_bytes());
            used -= u64::BITS;
            word = value.checked_shr(width - used).unwrap_or(0);
        }
    }
    out.extend_from_slice(&word.to_le_bytes()[..used.div_ceil(8) as usize]);
}

/// One run of the RLE and bit-packing hybrid: `count` times the same value of `width` bits.
pub(super) fn repeated_run(value: u64, count: usize, width: u32, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// The header of a run of the hybrid whose values stand bit-packed behind it, filled up to a multiple of eight values.
pub(super) fn packed_run_header(count: usize, out: &mut Vec<u8>) {
    varint((count.div_ceil(8) as u64) << 1 | 1, out);
}

/// One bit-packed run of the hybrid. Its data has `width` bytes for each eight values.
pub(super) fn packed_run(values: impl ExactSizeIterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let count = values.len();
    packed_run_header(count, out);
    let end = out.len() + count.div_ceil(8) * width as usize;
    pack(values, width, out);
    out.resize(end, 0);
}

/// Values in a block of the delta encoding, and in each of its miniblocks, which have a width of their own.
const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/// The most bits of a delta that all readers get right.
///
/// fastparquet loses the upper bits of wider ones without an error: it gathers them in a word of 64 bits that may hold
/// 36 bits already used.
const WIDEST_DELTA: u32 = 28;

/// Whether all readers get these values right from [`delta`]: whether the steps between neighbours differ by so little
/// that no miniblock needs more than [`WIDEST_DELTA`] bits.
pub(super) fn fits_delta(values: &[i64]) -> bool {
    let (mut least, mut greatest) = (i64::MAX, i64::MIN);
    for (before, value) in values.iter().zip(values.iter().skip(1)) {
        let step = value.wrapping_sub(*before);
        least = least.min(step);
        greatest = greatest.max(step);
    }
    greatest < least || bit_width(greatest.wrapping_sub(least).cast_unsigned()) <= WIDEST_DELTA
}

/// DELTA_BINARY_PACKED: the differences of neighbours, less the least of their block, with as few bits as they need.
/// Differences wrap around, and so do the readers' sums.
pub(super) fn delta(values: &[i64], out: &mut Vec<u8>) {
    varint(BLOCK as u64, out);
    varint((BLOCK / MINIBLOCK) as u64, out);
    varint(values.len() as u64, out);
    zigzag(values.first().copied().unwrap_or(0), out);
    let mut deltas = [0; BLOCK];
    let mut previous = values;
    while let [_, rest @ ..] = previous
        && !rest.is_empty()
    {
        let count = rest.len().min(BLOCK);
        for ((delta, value), before) in deltas.iter_mut().zip(&rest[..count]).zip(previous) {
            *delta = value.wrapping_sub(*before);
        }
        delta_block(&deltas[..count], out);
        previous = &previous[count..];
    }
}

fn delta_block(deltas: &[i64], out: &mut Vec<u8>) {
    let least = deltas.iter().copied().min().unwrap_or(0);
    zigzag(least, out);
    let widths = out.len();
    // A block has all its widths, also those of miniblocks without values, which have no data.
    out.resize(widths + BLOCK / MINIBLOCK, 0);
    for (index, miniblock) in deltas.chunks(MINIBLOCK).enumerate() {
        let excess = |delta: &i64| delta.wrapping_sub(least).cast_unsigned();
        let width = bit_width(miniblock.iter().map(excess).fold(0, |all, excess| all | excess));
        out[widths + index] = low_byte(u64::from(width));
        let end = out.len() + MINIBLOCK * width as usize / 8;
        pack(miniblock.iter().map(excess), width, out);
        out.resize(end, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unpack(bytes: &[u8], width: u32, count: usize) -> Vec<u64> {
        let bit = |at: usize| u64::from(bytes[at / 8] >> (at % 8) & 1);
        let width = width as usize;
        (0..count).map(|index| (0..width).fold(0, |value, place| value | bit(index * width + place) << place)).collect()
    }

    #[test]
    fn varints() {
        let check = |value, expect: &[u8]| {
            let mut out = Vec::new();
            varint(value, &mut out);
            assert_eq!(out, expect, "{value}");
        };
        check(0, &[0]);
        check(127, &[127]);
        check(128, &[0x80, 1]);
        check(300, &[0xac, 2]);
        check(u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    }

    #[test]
    fn the_example_of_the_specification() {
        // Encodings.md: 7, 5, 3, 1, 2, 3, 4, 5 in one block; ours has 128 values and 4 miniblocks.
        let mut out = Vec::new();
        delta(&[7, 5, 3, 1, 2, 3, 4, 5], &mut out);
        assert_eq!(out[..10], [0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0]);
        assert_eq!(unpack(&out[10..], 2, 7), [0, 0, 0, 3, 3, 3, 3]);
        assert_eq!(out.len(), 10 + 8);
    }

    const LIMIT: i64 = 1 << WIDEST_DELTA;

    #[test]
    fn steps_that_differ_by_more_than_28_bits_do_not_fit() {
        let check = |values: &[i64], expect: bool| assert_eq!(fits_delta(values), expect, "{values:?}");
        check(&[], true);
        check(&[i64::MAX], true);
        check(&[i64::MIN, i64::MAX], true);
        check(&[0, LIMIT, 2 * LIMIT], true);
        check(&[0, 0, LIMIT - 1], true);
        check(&[0, 0, LIMIT], false);
        check(&[0, -LIMIT / 2, -1], true);
        check(&[0, -LIMIT / 2, 0], false);
        check(&[0, i64::MAX, -1], false);
    }

    proptest! {
        #[test]
        fn what_fits_has_no_wider_miniblock(steps in proptest::collection::vec(-LIMIT..LIMIT, 1..BLOCK)) {
            let mut values = vec![0];
            values.extend(steps.iter().scan(0, |sum, step| { *sum += step; Some(*sum) }));
            let (mut least, mut block) = (Vec::new(), Vec::new());
            zigzag(*steps.iter().min().unwrap(), &mut least);
            delta_block(&steps, &mut block);
            let widest = block[least.len()..][..BLOCK / MINIBLOCK].iter().max().unwrap();
            prop_assert_eq!(fits_delta(&values), u32::from(*widest) <= WIDEST_DELTA);
        }

        #[test]
        fn packed_values_are_where_they_should_be(width in 0..=64_u32, values in proptest::collection::vec(any::<u64>(), 0..100)) {
            let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            let values: Vec<u64> = values.into_iter().map(|value| value & mask).collect();
            let mut out = Vec::new();
            pack(values.iter().copied(), width, &mut out);
            prop_assert_eq!(out.len(), (values.len() * width as usize).div_ceil(8));
            prop_assert_eq!(unpack(&out, width, values.len()), values);
        }
    }
}
