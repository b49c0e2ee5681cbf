use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use super::{CountingUnpark, CountingWaker, parking, poll};
use crate::mailbox::{Closed, HostSender, Parking, TrySendError, host_mailbox};

#[test]
fn messages_arrive_in_order_and_no_more_than_asked_for() {
    let (sender, receiver) = host_mailbox(8, parking());
    for message in 0..6 {
        sender.try_send(message).expect("there is room");
    }
    let mut received = Vec::new();
    assert_eq!(receiver.drain(4, |message| received.push(message)), 4);
    assert_eq!(receiver.drain(4, |message| received.push(message)), 2);
    assert_eq!(received, [0, 1, 2, 3, 4, 5]);
    assert_eq!(receiver.try_recv(), None);
}

#[test]
fn a_full_mailbox_gives_the_message_back() {
    let (sender, receiver) = host_mailbox(2, parking());
    assert_eq!(sender.try_send(1), Ok(()));
    assert_eq!(sender.try_send(2), Ok(()));
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(receiver.try_recv(), Some(1));
    assert_eq!(sender.try_send(3), Ok(()));
}

#[test]
fn a_batch_to_a_sleeping_shard_costs_one_wake() {
    let unpark = CountingUnpark::new();
    let parking = Arc::new(Parking::new(unpark.clone()));
    let (sender, _receiver) = host_mailbox(64, parking.clone());
    assert!(parking.prepare_park());
    for message in 0..50 {
        sender.try_send(message).expect("there is room");
    }
    assert_eq!(unpark.wakes(), 1);
}

#[test]
fn a_drain_wakes_as_many_waiting_senders_as_it_made_room_for() {
    let (sender, receiver) = host_mailbox(2, parking());
    (0..2).for_each(|message| sender.try_send(message).expect("there is room"));
    let wakers: [_; 3] = std::array::from_fn(|_| CountingWaker::new());
    let mut sends: Vec<_> = (2..5).map(|message| Box::pin(sender.send(message))).collect();
    for (send, waker) in sends.iter_mut().zip(&wakers) {
        assert_eq!(poll(send.as_mut(), waker), Poll::Pending);
    }
    assert_eq!(receiver.drain(2, drop), 2);
    assert_eq!(wakers.each_ref().map(|waker| waker.wakes()), [1, 1, 0]);
    // The third does not get in before those in front of it, whoever is polled first.
    assert_eq!(poll(sends[2].as_mut(), &wakers[2]), Poll::Pending);
    assert_eq!(poll(sends[1].as_mut(), &wakers[1]), Poll::Ready(Ok(())));
    assert_eq!(poll(sends[0].as_mut(), &wakers[0]), Poll::Ready(Ok(())));
}

#[test]
fn a_new_send_does_not_overtake_waiting_ones() {
    let (sender, receiver) = host_mailbox(1, parking());
    let waker = CountingWaker::new();
    sender.try_send(0).expect("there is room");
    let mut first = pin!(sender.send(1));
    assert_eq!(poll(first.as_mut(), &waker), Poll::Pending);
    assert_eq!(receiver.try_recv(), Some(0));
    let mut second = pin!(sender.send(2));
    assert_eq!(poll(second.as_mut(), &waker), Poll::Pending);
    assert_eq!(poll(first.as_mut(), &waker), Poll::Ready(Ok(())));
}

#[test]
fn a_waiting_send_that_is_dropped_sends_nothing_and_passes_its_room_on() {
    let (sender, receiver) = host_mailbox(1, parking());
    let message = Arc::new(());
    sender.try_send(message.clone()).expect("there is room");
    let (gives_up, moves_up) = (CountingWaker::new(), CountingWaker::new());
    let mut first = Box::pin(sender.send(message.clone()));
    let mut second = pin!(sender.send(message.clone()));
    assert!(poll(first.as_mut(), &gives_up).is_pending());
    assert!(poll(second.as_mut(), &moves_up).is_pending());
    assert!(receiver.try_recv().is_some());
    assert_eq!((gives_up.wakes(), moves_up.wakes()), (1, 0));
    drop(first);
    assert_eq!(moves_up.wakes(), 1);
    assert_eq!(Arc::strong_count(&message), 2, "of the sends, only the second is left");
    assert!(poll(second.as_mut(), &moves_up).is_ready());
    assert!(receiver.try_recv().is_some());
    assert!(receiver.try_recv().is_none());
}

#[test]
fn dropping_the_receiver_gives_waiting_messages_back_and_drops_those_inside() {
    let (sender, receiver) = host_mailbox(1, parking());
    let (inside, waiting) = (Arc::new(()), Arc::new(()));
    sender.try_send(inside.clone()).expect("there is room");
    let waker = CountingWaker::new();
    let mut send = pin!(sender.send(waiting.clone()));
    assert!(poll(send.as_mut(), &waker).is_pending());
    drop(receiver);
    assert_eq!(Arc::strong_count(&inside), 1);
    assert_eq!(waker.wakes(), 1);
    let Poll::Ready(Err(Closed(returned))) = poll(send.as_mut(), &waker) else {
        panic!("a closed mailbox takes no message and leaves nobody waiting");
    };
    assert!(Arc::ptr_eq(&returned, &waiting));
    assert!(matches!(sender.try_send(returned), Err(TrySendError::Closed(_))));
    assert!(matches!(sender.send_blocking(waiting), Err(Closed(_))));
}

/// A waker that is the last owner of something which, when dropped, uses the mailbox: as a waker that
/// holds the last reference to a task whose future is sending.
struct SendsWhenDropped(HostSender<u8>);

impl Wake for SendsWhenDropped {
    fn wake(self: Arc<Self>) {}
}

impl Drop for SendsWhenDropped {
    fn drop(&mut self) {
        let mut send = pin!(self.0.send(9));
        let polled = send.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
}

#[test]
fn wakers_are_dropped_outside_the_lock() {
    let (sender, _receiver) = host_mailbox(1, parking());
    sender.try_send(0).expect("there is room");
    let mut send = Box::pin(sender.send(1));
    for _ in 0..2 {
        let waker = Waker::from(Arc::new(SendsWhenDropped(sender.clone())));
        assert!(send.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    drop(send);
}

#[test]
fn dropping_the_last_sender_closes_after_what_was_sent() {
    let unpark = CountingUnpark::new();
    let parking = Arc::new(Parking::new(unpark.clone()));
    let (sender, receiver) = host_mailbox(4, parking.clone());
    sender.clone().try_send(1).expect("there is room");
    parking.unparked();
    assert!(parking.prepare_park());
    drop(sender);
    assert_eq!(unpark.wakes(), 1, "the receiver learns of the end");
    assert!(!receiver.is_closed());
    assert_eq!(receiver.try_recv(), Some(1));
    assert!(receiver.is_closed());
}

#[test]
fn a_blocking_send_waits_for_room() {
    let (sender, receiver) = host_mailbox(1, parking());
    sender.try_send(1).expect("there is room");
    thread::scope(|scope| {
        let blocked = scope.spawn(|| sender.send_blocking(2));
        assert_eq!(receiver.try_recv(), Some(1));
        assert_eq!(blocked.join().expect("the sender does not panic"), Ok(()));
    });
    assert_eq!(receiver.try_recv(), Some(2));
}

#[test]
#[should_panic(expected = "at least one message")]
fn a_mailbox_without_room_is_refused() {
    let _ = host_mailbox::<u8>(0, parking());
}
