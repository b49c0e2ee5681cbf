//! A datagram socket on a shard.

use std::cell::Cell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use roundhouse_runtime::socket::{Arrival, Received, SocketKind, SocketOptions, Transmit};
use roundhouse_runtime::{Completion, CompletionQueue, Errno, Op, Shard, SocketId, SocketOp};

use super::shared_addresses::Place;
use super::{SharedAddresses, UdpCounters, UdpOptions, trains};
use crate::limits::UDP_TRAIN_DATAGRAMS;

/// A datagram socket: a bounded queue of arrivals, a bounded queue of transmissions.
///
/// Transmissions that are queued in one turn of the shard's loop go out together at its end, in
/// one system call. Nothing waits for their outcome: what the network refuses is lost, like what it
/// loses later, and counted.
///
/// Dropping the socket closes it; transmissions queued before are still sent.
#[derive(Debug)]
pub struct UdpSocket {
    shard: Shard,
    socket: SocketId,
    local: SocketAddr,
    /// Among the sockets of other shards at the same address.
    place: Option<Place>,
    /// `Some` until the socket is dropped.
    sends: Option<CompletionQueue>,
    send_queue: usize,
    receives: CompletionQueue,
    trains: Cell<bool>,
    counters: Arc<UdpCounters>,
}

impl UdpSocket {
    /// Opens a socket. The kernel keeps what arrives until it is asked for.
    ///
    /// # Errors
    /// The kernel's: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` for a port below 1024, and the like.
    pub fn bind(shard: &Shard, options: &UdpOptions) -> Result<UdpSocket, Errno> {
        let (socket, local) = open(shard, options)?;
        Ok(UdpSocket::new(shard, options, socket, local, None))
    }

    /// Opens a socket whose address the other shards' sockets may have, too: the kernel spreads peers
    /// over them, and a QUIC endpoint on it can have it choose by connection ID.
    ///
    /// # Errors
    /// As [`UdpSocket::bind`]; `EADDRINUSE` if somebody who does not share has the address.
    pub fn bind_shared(
        shard: &Shard,
        options: &UdpOptions,
        addresses: &SharedAddresses,
    ) -> Result<UdpSocket, Errno> {
        let options = UdpOptions { reuse_port: true, ..options.clone() };
        let (socket, local, place) = addresses.bind(shard.id(), || open(shard, &options))?;
        Ok(UdpSocket::new(shard, &options, socket, local, Some(place)))
    }

    fn new(
        shard: &Shard,
        options: &UdpOptions,
        socket: SocketId,
        local: SocketAddr,
        place: Option<Place>,
    ) -> UdpSocket {
        UdpSocket {
            shard: shard.clone(),
            socket,
            local,
            place,
            sends: Some(shard.completion_queue(usize::MAX)),
            send_queue: options.send_queue.max(1),
            receives: shard.completion_queue(options.receive_queue.max(1)),
            trains: Cell::new(true),
            counters: Arc::default(),
        }
    }

    /// Has the kernel give each QUIC datagram to the socket of its shard, of `shards` that share the
    /// address by [`UdpSocket::bind_shared`]. What was bound later is left out until it asks, too.
    ///
    /// # Errors
    /// `EINVAL` for a socket that shares nothing; otherwise as
    /// [`Driver::steer_datagrams`](roundhouse_runtime::Driver::steer_datagrams). Datagrams then go
    /// on arriving anywhere.
    pub fn steer(&self, shards: u16) -> Result<(), Errno> {
        let places = self.place.as_ref().ok_or(Errno::INVAL)?.all(shards);
        self.shard.steer_datagrams(self.socket, &places)
    }

    /// Whether other shards' sockets may have the address, too.
    pub fn is_shared(&self) -> bool {
        self.place.is_some()
    }

    /// The socket's own address.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// What this socket counts; stays readable after it is gone.
    pub fn counters(&self) -> Arc<UdpCounters> {
        self.counters.clone()
    }

    /// Datagrams that are worth putting into one train: 1 once trains turned out not to work here.
    pub fn train_datagrams(&self) -> usize {
        if self.trains.get() { UDP_TRAIN_DATAGRAMS } else { 1 }
    }

    /// The next arrival. Cancelling it loses none.
    ///
    /// # Errors
    /// As [`UdpSocket::poll_receive`].
    pub async fn receive(&self) -> Result<Arrival, Errno> {
        poll_fn(|context| self.poll_receive(context)).await
    }

    /// The next arrival, or a wake-up when there is one, for the last task that asked.
    ///
    /// # Errors
    /// The system's, `ENOMEM` or `ENOBUFS` at worst: nothing was lost by it, and the next call
    /// receives again.
    pub fn poll_receive(&self, context: &mut Context<'_>) -> Poll<Result<Arrival, Errno>> {
        loop {
            if self.receives.in_flight() == 0 && self.receives.is_empty() {
                let socket = self.socket;
                self.receives.submit(Op::Socket(SocketOp::ReceiveDatagrams { socket }));
            }
            let Poll::Ready(completion) = self.receives.poll_next(context) else {
                return Poll::Pending;
            };
            if let Some(taken) = self.take(completion) {
                return Poll::Ready(taken);
            }
        }
    }

    /// Queues a datagram, or a train of any length, which is cut as the kernel needs it. It leaves
    /// at the end of this turn of the shard's loop.
    ///
    /// # Errors
    /// Gives it back if [`UdpOptions::send_queue`] transmissions are on their way; wait for
    /// [`UdpSocket::send_ready`], or count it as lost.
    pub fn try_send(&self, transmit: Transmit) -> Result<(), Transmit> {
        self.collect_sent();
        if self.sends().in_flight() >= self.send_queue {
            self.counters.refused.add(1);
            return Err(transmit);
        }
        self.submit(transmit);
        Ok(())
    }

    /// Queues a datagram or a train as soon as there is room.
    pub async fn send(&self, transmit: Transmit) {
        self.send_ready().await;
        self.submit(transmit);
    }

    /// Waits until the queue of transmissions has room for one more, of which a train is one even
    /// if it has to be cut.
    pub async fn send_ready(&self) {
        poll_fn(|context| self.poll_send_ready(context)).await;
    }

    /// Whether the queue of transmissions has room, or a wake-up when it may have, for the last
    /// task that asked.
    pub fn poll_send_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        self.collect_sent();
        while self.sends().in_flight() >= self.send_queue {
            match self.sends().poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(completion) => self.sent(completion),
            }
        }
        Poll::Ready(())
    }

    /// Whether the kernel has taken, or refused, everything that was queued, so that nothing looks at its memory any
    /// more; or a wake-up when it may have, for the last task that asked this or for room.
    pub fn poll_sent(&self, context: &mut Context<'_>) -> Poll<()> {
        self.collect_sent();
        while self.sends().in_flight() > 0 {
            match self.sends().poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(completion) => self.sent(completion),
            }
        }
        Poll::Ready(())
    }

    /// Whether [`UdpSocket::try_send`] would take a transmission.
    pub fn has_room(&self) -> bool {
        self.collect_sent();
        self.sends().in_flight() < self.send_queue
    }

    fn sends(&self) -> &CompletionQueue {
        self.sends.as_ref().expect("only the drop takes it")
    }

    fn submit(&self, transmit: Transmit) {
        let socket = self.socket;
        for transmit in trains::cut(transmit, self.trains.get()) {
            self.sends().submit(Op::Socket(SocketOp::SendDatagrams { socket, transmit }));
        }
    }

    /// What a completion of the receive says; `None` if it only ended, to be started again.
    fn take(&self, completion: Completion) -> Option<Result<Arrival, Errno>> {
        match (completion.received, completion.result) {
            (Some(Received::Datagrams(arrival)), _) => {
                self.counters.arrivals.add(1);
                self.counters.bytes_received.add(arrival.data.len() as u64);
                Some(Ok(arrival))
            }
            (_, Err(Errno::CANCELED)) => {
                self.counters.receive_pauses.add(1);
                None
            }
            (_, Err(errno)) => Some(Err(errno)),
            (_, Ok(_)) => None,
        }
    }

    /// Learns what became of transmissions.
    fn collect_sent(&self) {
        while let Some(completion) = self.sends().try_next() {
            self.sent(completion);
        }
    }

    fn sent(&self, completion: Completion) {
        let counters = &self.counters;
        match completion.result {
            Ok(bytes) => {
                counters.transmits.add(1);
                counters.bytes_sent.add(bytes.into());
            }
            Err(errno @ (Errno::IO | Errno::INVAL)) => self.refused_train(completion.op, errno),
            Err(Errno::NOBUFS | Errno::NOMEM | Errno::AGAIN) => counters.lost_no_buffers.add(1),
            Err(Errno::MSGSIZE) => counters.lost_too_long.add(1),
            Err(_) => counters.lost_other.add(1),
        }
    }

    /// A device that can't compute checksums refuses trains: sends its datagrams one by one, and
    /// all later ones too.
    fn refused_train(&self, op: Option<Op>, errno: Errno) {
        match op {
            Some(Op::Socket(SocketOp::SendDatagrams { transmit, .. }))
                if transmit.segment_bytes.is_some() =>
            {
                tracing::info!(local = %self.local, %errno, "trains don't work here: not used again");
                self.trains.set(false);
                self.counters.trains_off.set(1);
                self.submit(transmit);
            }
            _ => self.counters.lost_other.add(1),
        }
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        // Sends are started in the order they were submitted, so before the close.
        if let Some(sends) = self.sends.take() {
            sends.detach();
        }
        self.shard.close_socket(self.socket);
    }
}

fn open(shard: &Shard, options: &UdpOptions) -> Result<(SocketId, SocketAddr), Errno> {
    let socket = shard.open_socket(&SocketOptions {
        kind: SocketKind::Datagram,
        local: options.local,
        reuse_port: options.reuse_port,
        receive_buffer_bytes: Some(options.receive_bytes),
        send_buffer_bytes: Some(options.send_bytes),
    })?;
    Ok((socket, shard.local_address(socket)?))
}
