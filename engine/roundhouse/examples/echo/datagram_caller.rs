//! One socket that carries datagrams.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use futures_util::future::{Either, select};
use roundhouse::net::UdpSocket;
use roundhouse::net::udp::{Arrival, Ecn, Transmit};
use roundhouse::{Errno, Monotonic, Shard};

use super::arguments::SIZE_MIN;
use super::call::Load;
use super::report::Report;

/// Keeps so many datagrams on their way. Each begins with a number, by which its answer is known;
/// an answer that does not come in time is lost, and another datagram takes its place.
pub(super) struct DatagramCaller {
    shard: Shard,
    socket: UdpSocket,
    to: SocketAddr,
    load: Load,
    /// Number and time of the datagram in each place. Numbers of a place are congruent to it.
    places: Vec<Option<(u64, Monotonic)>>,
    report: Report,
}

/// After this an answer counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(1);

impl DatagramCaller {
    pub(super) fn new(
        shard: &Shard,
        socket: UdpSocket,
        to: SocketAddr,
        load: Load,
    ) -> DatagramCaller {
        let places = vec![None; load.outstanding];
        DatagramCaller { shard: shard.clone(), socket, to, load, places, report: Report::new() }
    }

    /// Sends until the time has come, then waits for the answers that are missing.
    pub(super) async fn run(mut self, until: Monotonic) -> Result<Report, Errno> {
        let start = self.shard.now();
        for place in 0..self.places.len() {
            self.ask(place as u64).await;
        }
        let mut look_at = start + LOST_AFTER;
        while self.places.iter().any(Option::is_some) {
            let arrival = {
                let receive = pin!(self.socket.receive());
                match select(receive, self.shard.sleep_until(look_at)).await {
                    Either::Left((arrival, _)) => Some(arrival?),
                    Either::Right(_) => None,
                }
            };
            if let Some(arrival) = arrival {
                self.take(arrival, until).await;
            }
            if self.shard.now() >= look_at {
                self.replace_lost(until).await;
                look_at = self.shard.now() + LOST_AFTER / 4;
            }
        }
        self.report.time = self.shard.now().since(start);
        Ok(self.report)
    }

    async fn ask(&mut self, number: u64) {
        let mut data = BytesMut::with_capacity(self.load.size);
        data.put_u64(number);
        data.resize(self.load.size, filling(number));
        let place = self.place(number);
        self.places[place] = Some((number, self.shard.now()));
        let transmit = Transmit {
            destination: self.to,
            source: None,
            ecn: Ecn::NotCapable,
            data: data.freeze().into(),
            segment_bytes: None,
        };
        self.socket.send(transmit).await;
    }

    /// What came late, twice, from elsewhere or damaged is none of the answers awaited.
    async fn take(&mut self, arrival: Arrival, until: Monotonic) {
        let now = self.shard.now();
        if arrival.source != self.to {
            return;
        }
        for answer in arrival.into_segments() {
            let Some((number, filled)) = answer.split_first_chunk::<SIZE_MIN>() else { continue };
            let number = u64::from_be_bytes(*number);
            let is_whole = answer.len() == self.load.size
                && filled.iter().all(|byte| *byte == filling(number));
            let place = self.place(number);
            match self.places[place] {
                Some((awaited, asked)) if is_whole && awaited == number => {
                    self.places[place] = None;
                    self.report.answered(now.since(asked), answer.len());
                    self.next(number, now, until).await;
                }
                _ => (),
            }
        }
    }

    async fn replace_lost(&mut self, until: Monotonic) {
        let now = self.shard.now();
        for place in 0..self.places.len() {
            match self.places[place] {
                Some((number, asked)) if now >= asked + LOST_AFTER => {
                    self.places[place] = None;
                    self.report.lost += 1;
                    self.next(number, now, until).await;
                }
                _ => (),
            }
        }
    }

    /// The datagram that takes the place of another.
    async fn next(&mut self, number: u64, now: Monotonic, until: Monotonic) {
        if now < until {
            self.ask(number + self.places.len() as u64).await;
        }
    }

    fn place(&self, number: u64) -> usize {
        (number % self.places.len() as u64) as usize
    }
}

fn filling(number: u64) -> u8 {
    (number % 251) as u8
}
