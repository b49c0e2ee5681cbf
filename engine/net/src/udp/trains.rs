//! Cutting a transmission into what the kernel takes at once.

use roundhouse_runtime::socket::{Pieces, Transmit};

use crate::limits::{UDP_TRAIN_BYTES, UDP_TRAIN_DATAGRAMS};

/// The transmissions that send the datagrams of `transmit` in order: as few as possible, or one for
/// each datagram.
pub(super) fn cut(transmit: Transmit, trains: bool) -> impl Iterator<Item = Transmit> {
    let Transmit { destination, source, ecn, data, segment_bytes } = transmit;
    let segment =
        segment_bytes.filter(|segment| (1..data.bytes()).contains(&usize::from(*segment)));
    let most = match segment.map(usize::from) {
        None => data.bytes(),
        Some(segment) if !trains => segment,
        Some(segment) => (UDP_TRAIN_BYTES / segment).clamp(1, UDP_TRAIN_DATAGRAMS) * segment,
    };
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let data = take_front(&mut rest, most)?;
        // One datagram is no train, and needs no device that can cut one.
        let segment_bytes = segment.filter(|segment| data.bytes() > usize::from(*segment));
        Some(Transmit { destination, source, ecn, data, segment_bytes })
    })
}

/// Takes up to `most` bytes off the front; all of it at once, which may be nothing, if it is no
/// more.
fn take_front(rest: &mut Option<Pieces>, most: usize) -> Option<Pieces> {
    let mut data = rest.take()?;
    if data.bytes() <= most {
        return Some(data);
    }
    let front = data.split_to(most);
    *rest = Some(data);
    Some(front)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use roundhouse_runtime::socket::Ecn;

    use super::*;

    fn transmit(data: impl Into<Pieces>, segment_bytes: Option<u16>) -> Transmit {
        let destination = ([127, 0, 0, 1], 9).into();
        Transmit { destination, source: None, ecn: Ecn::Ect0, data: data.into(), segment_bytes }
    }

    fn shape(transmit: Transmit, trains: bool) -> Vec<(usize, Option<u16>)> {
        cut(transmit, trains).map(|part| (part.data.bytes(), part.segment_bytes)).collect()
    }

    #[test]
    fn what_fits_goes_out_as_it_is() {
        let data = Bytes::from(vec![0; 2400]);
        assert_eq!(shape(transmit(data.clone(), Some(1200)), true), [(2400, Some(1200))]);
        assert_eq!(shape(transmit(data.clone(), None), true), [(2400, None)]);
        assert_eq!(shape(transmit(data, Some(2400)), true), [(2400, None)], "one is no train");
        assert_eq!(shape(transmit(Bytes::new(), None), true), [(0, None)]);
    }

    #[test]
    fn long_trains_are_cut_by_count_and_by_bytes() {
        let data = Bytes::from(vec![0; 70_000]);
        let by_count = shape(transmit(data.slice(..6500), Some(100)), true);
        assert_eq!(by_count, [(6400, Some(100)), (100, None)]);
        let by_bytes = shape(transmit(data, Some(1200)), true);
        assert_eq!(by_bytes, [(54 * 1200, Some(1200)), (70_000 - 54 * 1200, Some(1200))]);
    }

    #[test]
    fn without_trains_each_datagram_is_one_across_the_pieces() {
        let data = Bytes::from((0..25).collect::<Vec<u8>>());
        let pieces = vec![data.slice(..3), data.slice(3..17), data.slice(17..)];
        let cut: Vec<Transmit> = cut(transmit(pieces, Some(10)), false).collect();
        let joined: Vec<Vec<u8>> = cut.iter().map(|part| part.data.as_slice().concat()).collect();
        assert_eq!(joined, [&data[..10], &data[10..20], &data[20..]]);
        assert!(cut.iter().all(|part| part.segment_bytes.is_none() && part.ecn == Ecn::Ect0));
    }
}
