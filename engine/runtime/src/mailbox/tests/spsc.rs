use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use super::{CountingUnpark, CountingWaker, parking, poll};
use crate::mailbox::{Closed, Parking, TrySendError, spsc};

#[test]
fn a_batch_is_seen_when_published_and_costs_one_wake() {
    let unpark = CountingUnpark::new();
    let parking = Arc::new(Parking::new(unpark.clone()));
    let (mut sender, mut receiver) = spsc(8, parking.clone());
    assert!(parking.prepare_park());
    for message in 0..5 {
        sender.try_send(message).expect("there is room");
    }
    assert_eq!((receiver.try_recv(), unpark.wakes()), (None, 0));
    sender.publish();
    sender.publish();
    assert_eq!(unpark.wakes(), 1);
    let mut received = Vec::new();
    assert_eq!(receiver.drain(3, |message| received.push(message)), 3);
    assert_eq!(receiver.drain(3, |message| received.push(message)), 2);
    assert_eq!(received, [0, 1, 2, 3, 4]);
}

#[test]
fn a_full_ring_gives_the_message_back_and_shows_the_rest() {
    let (mut sender, mut receiver) = spsc(2, parking());
    assert_eq!(sender.try_send(1), Ok(()));
    assert_eq!(sender.try_send(2), Ok(()));
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(receiver.try_recv(), Some(1));
    assert_eq!(sender.try_send(3), Ok(()));
}

#[test]
fn a_send_into_a_full_ring_waits_until_the_receiver_made_room() {
    let (mut sender, mut receiver) = spsc(1, parking());
    sender.try_send(1).expect("there is room");
    let waker = CountingWaker::new();
    {
        let mut send = pin!(sender.send(2));
        assert_eq!(poll(send.as_mut(), &waker), Poll::Pending);
        assert_eq!(receiver.try_recv(), Some(1));
        assert_eq!(waker.wakes(), 1);
        assert_eq!(poll(send.as_mut(), &waker), Poll::Ready(Ok(())));
    }
    assert_eq!(receiver.try_recv(), Some(2), "a send publishes by itself");
}

#[test]
fn a_waiting_send_that_is_dropped_sends_nothing() {
    let (mut sender, mut receiver) = spsc(1, parking());
    let message = Arc::new(());
    sender.try_send(message.clone()).expect("there is room");
    {
        let mut send = Box::pin(sender.send(message.clone()));
        assert!(poll(send.as_mut(), &CountingWaker::new()).is_pending());
    }
    assert_eq!(receiver.drain(9, drop), 1);
    assert_eq!(Arc::strong_count(&message), 1);
}

#[test]
fn dropping_the_receiver_closes_drops_what_is_inside_and_wakes_the_sender() {
    let (mut sender, receiver) = spsc(1, parking());
    let (inside, waiting) = (Arc::new(()), Arc::new(()));
    sender.try_send(inside.clone()).expect("there is room");
    let waker = CountingWaker::new();
    {
        let mut send = pin!(sender.send(waiting.clone()));
        assert!(poll(send.as_mut(), &waker).is_pending());
        drop(receiver);
        assert_eq!(Arc::strong_count(&inside), 1);
        assert_eq!(waker.wakes(), 1);
        let outcome = poll(send.as_mut(), &waker);
        assert!(matches!(outcome, Poll::Ready(Err(Closed(back))) if Arc::ptr_eq(&back, &waiting)));
    }
    assert!(matches!(sender.try_send(inside), Err(TrySendError::Closed(_))));
}

#[test]
fn a_message_unpublished_when_the_receiver_goes_is_dropped_at_the_publication() {
    let (mut sender, receiver) = spsc(4, parking());
    let message = Arc::new(());
    sender.try_send(message.clone()).expect("there is room");
    drop(receiver);
    assert_eq!(Arc::strong_count(&message), 2);
    sender.publish();
    assert_eq!(Arc::strong_count(&message), 1);
}

#[test]
fn dropping_the_sender_publishes_and_closes_after_what_was_sent() {
    let unpark = CountingUnpark::new();
    let parking = Arc::new(Parking::new(unpark.clone()));
    let (mut sender, mut receiver) = spsc(4, parking.clone());
    sender.try_send(1).expect("there is room");
    assert!(parking.prepare_park());
    drop(sender);
    assert_eq!(unpark.wakes(), 1);
    assert!(!receiver.is_closed());
    assert_eq!(receiver.try_recv(), Some(1));
    assert!(receiver.is_closed());
}

#[test]
fn every_message_is_dropped_exactly_once_whichever_end_goes_first() {
    for receiver_first in [true, false] {
        let message = Arc::new(());
        let (mut sender, mut receiver) = spsc(8, parking());
        for published in [true, true, false, false] {
            sender.try_send(message.clone()).expect("there is room");
            if published {
                sender.publish();
            }
        }
        drop(receiver.try_recv());
        assert_eq!(Arc::strong_count(&message), 4);
        if receiver_first {
            drop(receiver);
            drop(sender);
        } else {
            drop(sender);
            drop(receiver);
        }
        assert_eq!(Arc::strong_count(&message), 1);
    }
}
