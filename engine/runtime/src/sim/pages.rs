//! Sparse content of a file: what was never written costs nothing and reads as zeros.

use std::collections::BTreeMap;
use std::ops::Range;

const PAGE_BYTES: usize = 4096;
const ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

/// Bytes of any position and length, kept in pages of 4 KiB of which the all-zero ones are absent.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pages: BTreeMap<u64, Box<[u8; PAGE_BYTES]>>,
}

impl Pages {
    /// Fills `buf` with the content from byte `at` on.
    pub(super) fn read(&self, at: u64, buf: &mut [u8]) {
        buf.fill(0);
        let end = at + buf.len() as u64;
        let touched = at / PAGE_BYTES as u64..end.div_ceil(PAGE_BYTES as u64);
        for (page, content) in self.pages.range(touched) {
            let base = page * PAGE_BYTES as u64;
            let from = base.max(at);
            let to = (base + PAGE_BYTES as u64).min(end);
            buf[(from - at) as usize..(to - at) as usize]
                .copy_from_slice(&content[(from - base) as usize..(to - base) as usize]);
        }
    }

    /// Replaces the content from byte `at` on with `data`.
    pub(super) fn write(&mut self, at: u64, data: &[u8]) {
        let mut done = 0;
        while done < data.len() {
            let position = at + done as u64;
            let start = (position % PAGE_BYTES as u64) as usize;
            let bytes = (PAGE_BYTES - start).min(data.len() - done);
            let part = &data[done..done + bytes];
            self.write_within_page(position / PAGE_BYTES as u64, start..start + bytes, part);
            done += bytes;
        }
    }

    /// Zeros are the common case (slots are zeroed before use), so they must not cost a page.
    fn write_within_page(&mut self, page: u64, range: Range<usize>, part: &[u8]) {
        let is_zero = part == &ZEROS[..part.len()];
        if is_zero && part.len() == PAGE_BYTES {
            self.pages.remove(&page);
        } else if !is_zero || self.pages.contains_key(&page) {
            self.pages.entry(page).or_insert_with(|| Box::new(ZEROS))[range].copy_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zeros_cost_no_page() {
        let mut pages = Pages::default();
        pages.write(0, &[0; 3 * PAGE_BYTES]);
        assert!(pages.pages.is_empty());
        pages.write(0, &[7; PAGE_BYTES]);
        pages.write(0, &[0; PAGE_BYTES]);
        assert!(pages.pages.is_empty());
    }

    proptest! {
        #[test]
        fn pages_behave_like_one_array(
            writes in prop::collection::vec((0..20_000usize, 0..9000usize, 0..3u8), 0..12),
            at in 0..20_000usize,
            bytes in 0..9000usize,
        ) {
            let mut pages = Pages::default();
            let mut model = vec![0; 30_000];
            for (at, bytes, value) in writes {
                pages.write(at as u64, &vec![value; bytes]);
                model[at..at + bytes].fill(value);
            }
            let mut buf = vec![9; bytes];
            pages.read(at as u64, &mut buf);
            prop_assert_eq!(&buf[..], &model[at..at + bytes]);
        }
    }
}
