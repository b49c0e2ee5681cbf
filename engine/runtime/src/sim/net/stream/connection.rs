//! One end of a stream.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use roundhouse_base::{Monotonic, Random};

use super::incoming::Incoming;
use super::options::StreamOptions;
use super::outgoing::{Outgoing, Part};
use super::segment::{Kind, Segment};
use crate::op::{Errno, OpId};
use crate::socket::{Pieces, Received, Side};

/// One end: what it has in flight, what it knows of the other. It does nothing by itself: what is to
/// be done goes into [`Actions`].
#[derive(Debug)]
pub(in crate::sim::net) struct Connection {
    pub(in crate::sim::net) remote: SocketAddr,
    pub(in crate::sim::net) options: StreamOptions,
    state: State,
    incoming: Incoming,
    outgoing: Outgoing,
    connecting: Option<OpId>,
    receiving: Option<OpId>,
    sending: Option<Sending>,
    /// Why it broke, until somebody was told.
    error: Option<Errno>,
    /// Nobody holds it any more; it ends when everything is sent.
    is_orphan: bool,
    /// This end was finished before the other's end had come.
    ended_first: bool,
    /// Packets of the beginning, or questions to a silent peer, that had no answer.
    unanswered: u32,
    /// When the beginning is to be repeated, or an orphan is to be gone.
    deadline: Option<Monotonic>,
    heard_at: Monotonic,
    /// When the timer that is set comes.
    pub(in crate::sim::net) timer: Option<Monotonic>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// This end began.
    Beginning,
    /// The other end did.
    Agreeing,
    Open,
    /// Reset, timed out or refused.
    Broken,
}

#[derive(Debug)]
struct Sending {
    id: OpId,
    rest: Pieces,
    bytes: usize,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(in crate::sim::net) struct Actions {
    pub(in crate::sim::net) segments: Vec<Segment>,
    pub(in crate::sim::net) ended: Vec<(OpId, Result<u32, Errno>)>,
    pub(in crate::sim::net) received: Option<(OpId, Received)>,
    /// The handshake of a connection that the other end began is done.
    pub(in crate::sim::net) is_agreed: bool,
    /// It can be forgotten.
    pub(in crate::sim::net) is_gone: bool,
}

impl Connection {
    /// One that this end begins, for the operation `connecting`.
    pub(in crate::sim::net) fn begin(
        remote: SocketAddr,
        options: StreamOptions,
        segment_bytes: usize,
        connecting: OpId,
        now: Monotonic,
    ) -> Connection {
        let state = State::Beginning;
        let mut connection = Connection::new(remote, options, segment_bytes, state, now);
        connection.connecting = Some(connecting);
        connection
    }

    /// One that the other end began.
    pub(in crate::sim::net) fn agree(
        remote: SocketAddr,
        options: StreamOptions,
        segment_bytes: usize,
        now: Monotonic,
    ) -> Connection {
        Connection::new(remote, options, segment_bytes, State::Agreeing, now)
    }

    fn new(
        remote: SocketAddr,
        options: StreamOptions,
        segment_bytes: usize,
        state: State,
        now: Monotonic,
    ) -> Connection {
        Connection {
            remote,
            state,
            incoming: Incoming::new(options.receive_bytes),
            outgoing: Outgoing::new(options.send_bytes, segment_bytes, now),
            options,
            connecting: None,
            receiving: None,
            sending: None,
            error: None,
            is_orphan: false,
            ended_first: false,
            unanswered: 0,
            deadline: Some(now),
            heard_at: now,
            timer: None,
        }
    }

    /// Whether the other end's address is known to be right.
    pub(in crate::sim::net) fn is_connected(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the operation that connects it is in flight.
    pub(in crate::sim::net) fn is_connecting(&self) -> bool {
        self.connecting.is_some()
    }

    pub(in crate::sim::net) fn buffered_bytes(&self) -> usize {
        self.incoming.buffered_bytes() + self.outgoing.buffered_bytes()
    }

    /// When it wants to be looked at if nothing happens before.
    pub(in crate::sim::net) fn next_deadline(&self) -> Option<Monotonic> {
        if self.state == State::Broken {
            return None;
        }
        let timeout = self.outgoing.expires_at();
        let deadlines = [self.deadline, timeout, self.keep_alive_at()];
        deadlines.into_iter().flatten().min()
    }

    /// A segment of the other end came.
    pub(in crate::sim::net) fn arrive(
        &mut self,
        now: Monotonic,
        segment: Segment,
        random: &mut Random,
        actions: &mut Actions,
    ) {
        if self.state == State::Broken {
            return;
        }
        self.heard_at = now;
        match (segment.kind, self.state) {
            (Kind::Reset, State::Beginning) => self.fail(Errno::CONNREFUSED, actions),
            (Kind::Reset, _) => self.fail(Errno::CONNRESET, actions),
            (Kind::Begin, State::Agreeing) => actions.segments.push(self.bare(Kind::Agree)),
            (Kind::Begin, _) => {}
            (Kind::Agree, State::Beginning) => {
                self.open();
                actions.segments.push(self.bare(Kind::Go));
                let ended = self.connecting.take().map(|id| (id, Ok(0)));
                actions.ended.extend(ended);
                self.go(now, segment, random, actions);
            }
            // The answer to it was lost.
            (Kind::Agree, _) => actions.segments.push(self.bare(Kind::Go)),
            (Kind::Go | Kind::Ask, State::Beginning) => {}
            (Kind::Ask, _) => actions.segments.push(self.bare(Kind::Go)),
            (Kind::Go, State::Agreeing) => {
                self.open();
                actions.is_agreed = true;
                self.go(now, segment, random, actions);
            }
            (Kind::Go, _) => self.go(now, segment, random, actions),
        }
    }

    /// The time of [`Connection::next_deadline`] has come.
    pub(in crate::sim::net) fn expire(&mut self, now: Monotonic, actions: &mut Actions) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            match self.state {
                State::Beginning | State::Agreeing => self.repeat_beginning(now, actions),
                _ => actions.is_gone = self.is_orphan,
            }
        }
        if self.outgoing.expires_at().is_some_and(|at| at <= now) {
            let timeout = self.options.user_timeout;
            let timeout = if self.is_orphan { timeout.min(ORPHAN_TIME) } else { timeout };
            if self.outgoing.silence(now) >= timeout {
                return self.fail(Errno::TIMEDOUT, actions);
            }
            if let Some(probe) = self.outgoing.expire(now) {
                let segment = self.carry(probe);
                actions.segments.push(segment);
            }
        }
        if self.keep_alive_at().is_some_and(|at| at <= now) {
            self.ask_whether_alive(actions);
        }
        self.send_what_may_be_sent(now, actions);
    }

    /// Starts to receive: what is there, or what comes next.
    pub(in crate::sim::net) fn receive(
        &mut self,
        now: Monotonic,
        id: OpId,
        random: &mut Random,
        actions: &mut Actions,
    ) {
        assert!(self.receiving.is_none(), "two receives at once on one socket");
        self.receiving = Some(id);
        self.hand_over(random, actions);
        self.send_what_may_be_sent(now, actions);
    }

    /// Starts to send.
    pub(in crate::sim::net) fn send(
        &mut self,
        now: Monotonic,
        id: OpId,
        data: Pieces,
        actions: &mut Actions,
    ) -> Result<(), Errno> {
        assert!(self.sending.is_none(), "two sends at once on one socket have no order");
        if let Some(errno) = self.error.take() {
            return Err(errno);
        }
        match self.state {
            State::Open if !self.outgoing.is_ending() => {}
            State::Beginning | State::Agreeing => return Err(Errno::NOTCONN),
            State::Open | State::Broken => return Err(Errno::PIPE),
        }
        self.sending = Some(Sending { id, bytes: data.bytes(), rest: data });
        self.send_what_may_be_sent(now, actions);
        Ok(())
    }

    /// Ends one direction or both.
    pub(in crate::sim::net) fn shut_down(
        &mut self,
        now: Monotonic,
        side: Side,
        actions: &mut Actions,
    ) -> Result<(), Errno> {
        if self.state != State::Open {
            return Err(Errno::NOTCONN);
        }
        if matches!(side, Side::Receiving | Side::Both) {
            self.incoming.shut();
            actions.ended.extend(self.receiving.take().map(|id| (id, Ok(0))));
        }
        if matches!(side, Side::Sending | Side::Both) {
            self.end_send(Errno::PIPE, actions);
            self.finish();
        }
        self.send_what_may_be_sent(now, actions);
        Ok(())
    }

    /// Ends an operation that has not ended. False if there is no such operation.
    pub(in crate::sim::net) fn cancel(&mut self, id: OpId, actions: &mut Actions) -> bool {
        let is_same = |mine: &mut OpId| *mine == id;
        if self.receiving.take_if(is_same).is_some() {
            actions.ended.push((id, Err(Errno::CANCELED)));
        } else if self.connecting.take_if(is_same).is_some() {
            actions.ended.push((id, Err(Errno::CANCELED)));
            // Whoever gives an attempt up can't use the socket for another.
            self.state = State::Broken;
        } else if self.sending.as_ref().is_some_and(|sending| sending.id == id) {
            self.end_send(Errno::CANCELED, actions);
        } else {
            return false;
        }
        true
    }

    /// Its process lets go of it. What was sent before still is, unless it is to be reset, or was
    /// not read to its end.
    pub(in crate::sim::net) fn close(&mut self, now: Monotonic, actions: &mut Actions) {
        let waiting = [self.connecting.take(), self.receiving.take()].into_iter().flatten();
        actions.ended.extend(waiting.map(|id| (id, Err(Errno::CANCELED))));
        self.end_send(Errno::CANCELED, actions);
        let is_unread = self.incoming.ready_bytes() > 0;
        match self.state {
            State::Beginning | State::Broken => actions.is_gone = true,
            State::Agreeing => self.reset(actions),
            State::Open if self.options.reset_on_close || is_unread => self.reset(actions),
            State::Open => {
                self.is_orphan = true;
                self.incoming.shut();
                self.finish();
                self.send_what_may_be_sent(now, actions);
            }
        }
    }

    /// Tells the other end that there is no connection, and is gone.
    pub(in crate::sim::net) fn reset(&mut self, actions: &mut Actions) {
        actions.segments.push(self.bare(Kind::Reset));
        actions.is_gone = true;
    }

    fn open(&mut self) {
        self.state = State::Open;
        self.deadline = None;
        self.unanswered = 0;
    }

    fn repeat_beginning(&mut self, now: Monotonic, actions: &mut Actions) {
        let (kind, repeats) = match self.state {
            State::Beginning => (Kind::Begin, BEGIN_REPEATS),
            _ => (Kind::Agree, AGREE_REPEATS),
        };
        if self.unanswered > repeats {
            actions.is_gone = self.state == State::Agreeing;
            return self.fail(Errno::TIMEDOUT, actions);
        }
        actions.segments.push(self.bare(kind));
        self.deadline = Some(now + BEGIN_TIMEOUT * 2u32.pow(self.unanswered));
        self.unanswered += 1;
    }

    /// Takes in what an established connection says.
    fn go(&mut self, now: Monotonic, segment: Segment, random: &mut Random, actions: &mut Actions) {
        let Segment { position, data, is_end, acknowledged, window, .. } = segment;
        let is_bare = data.is_empty() && !is_end;
        if self.is_orphan && self.incoming.is_news(position, data.len()) {
            // Nobody will ever read it, and the other end should know.
            return self.reset(actions);
        }
        if !self.outgoing.acknowledged(now, acknowledged, window, is_bare) {
            return;
        }
        self.unanswered = 0;
        self.incoming.take_in(position, data, is_end);
        self.hand_over(random, actions);
        let segments = actions.segments.len();
        self.send_what_may_be_sent(now, actions);
        if !is_bare && actions.segments.len() == segments {
            let answer = self.bare(Kind::Go);
            actions.segments.push(answer);
        }
        self.settle(now, actions);
    }

    /// Gives the receive in flight what there is.
    fn hand_over(&mut self, random: &mut Random, actions: &mut Actions) {
        let Some(id) = self.receiving else { return };
        let bytes = self.incoming.ready_bytes().min(RECEIVE_BYTES_MAX);
        if bytes > 0 {
            let is_short = random.chance(SHORT_RECEIVES);
            let bytes = if is_short { 1 + random.below(bytes as u64) as usize } else { bytes };
            let data = self.incoming.take(bytes).map(|data| (id, Received::Bytes(data)));
            actions.received = data;
        } else if let Some(errno) = self.error.take() {
            actions.ended.push((id, Err(errno)));
        } else if let Some(end) = self.end_of_stream() {
            actions.ended.push((id, end));
        } else {
            return;
        }
        self.receiving = None;
    }

    /// What a receive comes to if no byte can come any more; `None` while some may.
    fn end_of_stream(&self) -> Option<Result<u32, Errno>> {
        match self.state {
            State::Beginning | State::Agreeing => Some(Err(Errno::NOTCONN)),
            State::Broken => Some(Ok(0)),
            State::Open => (self.incoming.has_ended() || self.incoming.is_shut).then_some(Ok(0)),
        }
    }

    /// Moves what waits into segments, as far as buffer and windows allow.
    fn send_what_may_be_sent(&mut self, now: Monotonic, actions: &mut Actions) {
        if self.state != State::Open {
            return;
        }
        if let Some(sending) = &mut self.sending {
            self.outgoing.push(&mut sending.rest);
            if sending.rest.bytes() == 0 {
                let ended = self.sending.take().map(|sending| (sending.id, sending.bytes));
                actions.ended.extend(ended.map(|(id, bytes)| (id, Ok(bytes as u32))));
            }
        }
        while let Some(part) = self.outgoing.next_part(now, self.options.no_delay) {
            let segment = self.carry(part);
            actions.segments.push(segment);
        }
        if self.incoming.has_news() {
            let news = self.bare(Kind::Go);
            actions.segments.push(news);
        }
        if self.is_orphan && self.deadline.is_none() && self.outgoing.is_finished() {
            self.settle(now, actions);
        }
    }

    /// Arranges for the end of a connection that nobody holds. Who ended first stays for a while to
    /// answer what comes late (RFC 9293, section 3.6.1), as does who waits for the other's end.
    fn settle(&mut self, now: Monotonic, actions: &mut Actions) {
        if !self.is_orphan || !self.outgoing.is_finished() {
            return;
        }
        if self.incoming.has_ended() && !self.ended_first {
            actions.is_gone = true;
        } else if self.deadline.is_none() {
            self.deadline = Some(now + ORPHAN_TIME);
        }
    }

    fn finish(&mut self) {
        if !self.outgoing.is_ending() {
            self.ended_first = !self.incoming.has_ended();
            self.outgoing.finish();
        }
    }

    /// Breaks it: everything in flight ends with the error, or else the next operation does.
    fn fail(&mut self, errno: Errno, actions: &mut Actions) {
        let is_waiting = self.connecting.is_some() || self.receiving.is_some();
        let waiting = [self.connecting.take(), self.receiving.take()].into_iter().flatten();
        actions.ended.extend(waiting.map(|id| (id, Err(errno))));
        let is_told = self.end_send(errno, actions) || is_waiting;
        self.error = (!is_told).then_some(errno);
        actions.is_gone |= self.is_orphan || self.state == State::Agreeing;
        self.state = State::Broken;
    }

    /// Ends the send in flight: with what was taken of it, or else with the error.
    /// Says whether the error was told.
    fn end_send(&mut self, errno: Errno, actions: &mut Actions) -> bool {
        let Some(Sending { id, rest, bytes }) = self.sending.take() else { return false };
        let taken = bytes - rest.bytes();
        actions.ended.push((id, if taken > 0 { Ok(taken as u32) } else { Err(errno) }));
        taken == 0
    }

    /// When to ask a peer that said nothing for long.
    fn keep_alive_at(&self) -> Option<Monotonic> {
        let keep_alive = self.options.keep_alive?;
        let is_owed_nothing = self.state == State::Open && self.outgoing.is_idle();
        let waited = keep_alive.idle + keep_alive.interval * self.unanswered;
        (is_owed_nothing && !self.is_orphan).then(|| self.heard_at + waited)
    }

    fn ask_whether_alive(&mut self, actions: &mut Actions) {
        let probes = self.options.keep_alive.map_or(0, |keep_alive| keep_alive.probes);
        if self.unanswered >= probes {
            return self.fail(Errno::TIMEDOUT, actions);
        }
        self.unanswered += 1;
        actions.segments.push(self.bare(Kind::Ask));
    }

    fn carry(&mut self, part: Part) -> Segment {
        let Part { position, data, is_end } = part;
        let (acknowledged, window) = self.incoming.tell();
        Segment { kind: Kind::Go, position, data, is_end, acknowledged, window }
    }

    fn bare(&mut self, kind: Kind) -> Segment {
        let (acknowledged, window) = self.incoming.tell();
        let position = self.outgoing.next();
        Segment { kind, position, data: Bytes::new(), is_end: false, acknowledged, window }
    }
}

/// As much as one receive brings: what a buffer of the ring holds by default.
const RECEIVE_BYTES_MAX: usize = 16 << 10;
/// Receives that bring less than there is, so that nobody counts on more.
const SHORT_RECEIVES: f64 = 0.1;
/// Time until the first packet is sent again; twice as long each time.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(1);
/// How often (Linux's `tcp_syn_retries`, `tcp_synack_retries`): for about two minutes, and one.
const BEGIN_REPEATS: u32 = 6;
const AGREE_REPEATS: u32 = 5;
/// How long an end that nobody holds waits: for what may come late, and for a silent peer.
const ORPHAN_TIME: Duration = Duration::from_mins(1);
