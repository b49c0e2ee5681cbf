//! What a queue holds under its lock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use roundhouse::Append;

use super::alarm::{Alarm, Bell};
use super::completion::{RH_CQ_MORE, RH_OP_APPEND, Success, rh_completion};
use super::source::{self, Event, Source};
use crate::failure::Failure;
use crate::status::{RH_E_FULL, RH_E_NOT_FOUND};

/// The sources of a queue, and where its consumer is.
pub(super) struct Inner {
    alarm: Arc<Alarm>,
    /// Operations that may be in the queue at once.
    depth: usize,
    /// Operations that were accepted and whose last completion was not taken.
    in_flight: usize,
    places: Vec<Place>,
    free: Vec<u32>,
    /// The lane of each log that was appended to, by the log's handle.
    lanes: BTreeMap<usize, u32>,
    /// Operations that complete many times, by their `user_data`, which several may have, and their place: credits
    /// look for them often.
    many: BTreeSet<(u64, u32)>,
    /// Places to look at.
    backlog: VecDeque<u32>,
    /// The place that is being looked at and may have more.
    current: Option<u32>,
    /// Completed while they were submitted.
    early: VecDeque<Event>,
    /// The last failures, each with its number.
    failures: VecDeque<(u64, Failure)>,
    next_failure: u64,
}

/// Room for a source, and what wakes the queue for it.
struct Place {
    source: Option<Source>,
    bell: Arc<Bell>,
    waker: Waker,
}

impl Inner {
    pub(super) fn new(alarm: Arc<Alarm>, depth: usize) -> Inner {
        let mut inner = Inner {
            alarm,
            depth,
            in_flight: 0,
            places: Vec::new(),
            free: Vec::new(),
            lanes: BTreeMap::new(),
            many: BTreeSet::new(),
            backlog: VecDeque::new(),
            current: None,
            early: VecDeque::new(),
            failures: VecDeque::new(),
            next_failure: 1,
        };
        // Its bell is rung for what completed early; no source is ever there.
        inner.add_place();
        inner
    }

    /// How many operations are in the queue.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many more it takes.
    pub(super) fn room(&self) -> usize {
        self.depth - self.in_flight
    }

    pub(super) fn check_room(&self) -> Result<(), Failure> {
        if self.room() > 0 {
            return Ok(());
        }
        let message =
            format!("the queue has {} operations, its depth: take completions first", self.depth);
        Err(Failure::new(RH_E_FULL, message).detail(self.depth as u64))
    }

    /// Puts appends behind those of the same log.
    pub(super) fn add_appends(&mut self, log: usize, new: impl Iterator<Item = (u64, Append)>) {
        let place = match self.lanes.get(&log) {
            Some(place) => *place,
            None => self.add_lane(log),
        };
        let Some(Source::Lane(appends)) = &mut self.places[place as usize].source else {
            unreachable!("lanes are where the map says")
        };
        let before = appends.len();
        for append in new {
            appends.push_back(append);
        }
        self.in_flight += appends.len() - before;
        if before == 0 {
            self.look_early(place);
        }
    }

    /// Puts any other source into the queue and gives it its first look, which starts it.
    pub(super) fn add(&mut self, source: Source) {
        let place = self.take_place();
        if let Source::Many { user_data, .. } = &source {
            self.many.insert((*user_data, place));
        }
        self.in_flight += 1;
        self.places[place as usize].source = Some(source);
        self.look_early(place);
    }

    /// Gives up an operation. Its completion says so.
    pub(super) fn cancel(&mut self, user_data: u64) -> Result<(), Failure> {
        let is_canceled = |place: &mut Place| {
            place.source.as_mut().is_some_and(|source| source.cancel(user_data))
        };
        let found = self.places.iter_mut().position(is_canceled);
        let place = found.ok_or_else(|| not_found(user_data))?;
        self.many.remove(&(user_data, place as u32));
        self.places[place].bell.ring();
        Ok(())
    }

    /// Lets operations complete so many more times.
    pub(super) fn credit(&mut self, user_data: u64, more: u32) -> Result<(), Failure> {
        let places = self.many.range((user_data, 0)..=(user_data, u32::MAX));
        let mut is_found = false;
        for (_, place) in places {
            let Place { source, bell, .. } = &mut self.places[*place as usize];
            if let Some(Source::Many { credits, .. }) = source {
                *credits = credits.saturating_add(more);
                bell.ring();
                is_found = true;
            }
        }
        if is_found { Ok(()) } else { Err(not_found(user_data)) }
    }

    /// Takes completions that are there, and returns how many. If there is room for more, the alarm is armed.
    pub(super) fn take(&mut self, out: &mut [MaybeUninit<rh_completion>]) -> usize {
        let mut taken = 0;
        while taken < out.len() {
            if let Some(event) = self.early.pop_front() {
                out[taken].write(self.complete(event));
                taken += 1;
            } else if let Some(place) = self.current.take().or_else(|| self.next_place()) {
                taken += self.take_from(place, &mut out[taken..]);
            } else if !self.alarm.take_or_arm(&mut self.backlog) {
                break;
            }
        }
        taken
    }

    /// Takes what a source has, as far as there is room.
    fn take_from(&mut self, place: u32, out: &mut [MaybeUninit<rh_completion>]) -> usize {
        if let Some(Source::Lane(_)) = &self.places[place as usize].source {
            return self.take_appended(place, out);
        }
        for (taken, room) in out.iter_mut().enumerate() {
            let Some(event) = self.look(place) else { return taken };
            room.write(self.complete(event));
        }
        self.current = Some(place);
        out.len()
    }

    /// The same for a lane. What went well, the common case, is written as it comes; a failure goes the way of
    /// all events.
    fn take_appended(&mut self, place: u32, out: &mut [MaybeUninit<rh_completion>]) -> usize {
        let Place { source: Some(Source::Lane(appends)), waker, .. } =
            &mut self.places[place as usize]
        else {
            unreachable!("whoever calls this has looked")
        };
        let mut context = Context::from_waker(waker);
        let mut taken = 0;
        let has_more = loop {
            // An empty lane gets a look with its next append.
            let Some(room) = out.get_mut(taken) else { break !appends.is_empty() };
            match source::poll_lane(appends, &mut context) {
                Poll::Ready((user_data, Ok(first))) => {
                    room.write(Success::number(first.0).completion(user_data, RH_OP_APPEND, 0));
                    taken += 1;
                }
                Poll::Ready((user_data, outcome)) => {
                    self.early.push_back(Event::appended(user_data, outcome));
                    break true;
                }
                Poll::Pending => break false,
            }
        };
        self.in_flight -= taken;
        self.current = has_more.then_some(place);
        taken
    }

    /// Whether a look at the queue may bring more completions.
    pub(super) fn may_have_more(&self) -> bool {
        self.current.is_some() || !self.backlog.is_empty() || !self.early.is_empty()
    }

    /// The failure of a number, if it was not long ago.
    pub(super) fn failure(&self, number: u64) -> Option<&Failure> {
        let at = self.failures.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.failures.get(at).map(|(_, failure)| failure)
    }

    fn next_place(&mut self) -> Option<u32> {
        let place = self.backlog.pop_front()?;
        // Before it is looked at, so that what happens meanwhile rings again.
        self.places[place as usize].bell.reset();
        Some(place)
    }

    /// Looks at a source once, and takes it out if that was its last completion.
    fn look(&mut self, place: u32) -> Option<Event> {
        let Place { source, waker, .. } = &mut self.places[place as usize];
        let Poll::Ready(event) = source.as_mut()?.poll(&mut Context::from_waker(waker)) else {
            return None;
        };
        if event.flags & RH_CQ_MORE != 0 || matches!(source, Some(Source::Lane(_))) {
            return Some(event);
        }
        if let Some(Source::Many { user_data, .. }) = source.take() {
            self.many.remove(&(user_data, place));
        }
        self.free.push(place);
        Some(event)
    }

    /// The look that a new source gets; what it yields waits for the consumer, who is woken.
    fn look_early(&mut self, place: u32) {
        if let Some(event) = self.look(place) {
            self.early.push_back(event);
            self.places[EARLY as usize].bell.ring();
            // There may be more behind it.
            self.places[place as usize].bell.ring();
        }
    }

    fn complete(&mut self, event: Event) -> rh_completion {
        let Event { user_data, op, flags, outcome } = event;
        if flags & RH_CQ_MORE == 0 {
            self.in_flight -= 1;
        }
        outcome.map_or_else(
            |failure| self.failed(failure).completion(user_data, op, flags),
            |success| success.completion(user_data, op, flags),
        )
    }

    /// Keeps the message of a failure for whoever asks soon.
    fn failed(&mut self, failure: Failure) -> Success {
        let number = self.next_failure;
        self.next_failure += 1;
        if self.failures.len() == self.depth.max(FAILURES_KEPT_MIN) {
            self.failures.pop_front();
        }
        let result = failure.status;
        self.failures.push_back((number, failure));
        Success { result: result.into(), detail: number, handle: 0, data: (0, 0) }
    }

    fn add_lane(&mut self, log: usize) -> u32 {
        if self.lanes.len() >= LANES_KEPT {
            self.drop_empty_lanes();
        }
        let place = self.take_place();
        self.places[place as usize].source = Some(Source::Lane(VecDeque::new()));
        self.lanes.insert(log, place);
        place
    }

    /// Forgets logs that have nothing under way, which may have been closed long ago.
    fn drop_empty_lanes(&mut self) {
        let (places, free) = (&mut self.places, &mut self.free);
        self.lanes.retain(|_, place| {
            let source = &mut places[*place as usize].source;
            let is_empty = matches!(source, Some(Source::Lane(appends)) if appends.is_empty());
            if is_empty {
                *source = None;
                free.push(*place);
            }
            !is_empty
        });
        self.current = self.current.filter(|place| self.places[*place as usize].source.is_some());
    }

    fn take_place(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| self.add_place())
    }

    fn add_place(&mut self) -> u32 {
        let place = self.places.len() as u32;
        let bell = Arc::new(Bell::new(self.alarm.clone(), place));
        let waker = Waker::from(bell.clone());
        self.places.push(Place { source: None, bell, waker });
        place
    }
}

fn not_found(user_data: u64) -> Failure {
    let message =
        format!("no operation of the queue that can be so treated has user_data {user_data}");
    Failure::new(RH_E_NOT_FOUND, message)
}

/// The place whose bell is rung for completions that are there already.
const EARLY: u32 = 0;

/// Logs whose lanes are kept without a look whether anything is in them.
const LANES_KEPT: usize = 64;

/// Messages of failures that are kept at least; otherwise as many as the queue is deep.
const FAILURES_KEPT_MIN: usize = 16;
