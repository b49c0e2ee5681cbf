//! What follows when frames are written and synced: acknowledgements, readers, slots to use again.

use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{Monotonic, Pos};

use crate::format::{CATALOGUE_LOG, Durability};
use crate::state::State;
use crate::wal::Touch;

impl State {
    /// Takes in that the frame at `pos` was written, and settles everything that this completes.
    pub(crate) fn landed(&mut self, pos: Pos, now: Monotonic) {
        self.writer.landed(pos);
        while let Some(landed) = self.writer.next_landed() {
            self.written_low_water = landed.low_water;
            let is_durable = landed.durable || planted(Bug::AckBeforeSync);
            for touch in &landed.touches {
                self.settle(*touch, is_durable, now);
            }
            if landed.durable {
                self.release_slots(landed.low_water);
            }
            self.writer.recycle(landed.touches);
        }
        self.after_progress(now);
    }

    /// Takes in that everything below `upto` is durable.
    pub(crate) fn synced(&mut self, upto: Pos, now: Monotonic) {
        let touches = self.writer.synced(upto);
        for touch in &touches {
            self.settle(*touch, true, now);
        }
        self.writer.recycle(touches);
        if upto == self.writer.written_upto() {
            self.release_slots(self.written_low_water);
        }
        self.deadlines.sync = None;
        self.after_progress(now);
    }

    /// Takes dead segments at the front out of the live ones, which moves the low-water mark of the
    /// frames that are closed from now on. A segment with frames still on their way stays.
    pub(crate) fn bury_dead_segments(&mut self) {
        while self.segments.oldest_end() <= self.writer.durable_upto()
            && let Some(segment) = self.segments.pop_dead()
        {
            let end = segment.no.next().base(self.slot_bytes);
            self.dead.push_back((end, segment.slot));
        }
        self.writer.set_low_water(self.segments.low_water());
    }

    /// What may be due whenever frames were written or synced.
    fn after_progress(&mut self, now: Monotonic) {
        self.wake_room_waiters();
        self.bury_dead_segments();
        if self.writer.is_idle() && self.written_low_water < self.writer.low_water() {
            // Only a frame can make the new mark known, and none is on its way.
            self.deadlines.anchor = Some(now);
            self.kick_deadlines();
        } else if let Some(delay) = self.anchor_delay
            && self.writer.needs_anchor()
        {
            // Moving an armed deadline needs no kick: the task looks again when it fires.
            let was = self.deadlines.anchor.replace(now + delay);
            if was.is_none() {
                self.kick_deadlines();
            }
        }
    }

    fn settle(&mut self, touch: Touch, durable: bool, now: Monotonic) {
        if touch.log == CATALOGUE_LOG {
            if durable {
                self.control_progress.made_durable(touch.ticket, &mut self.answers);
            }
            return;
        }
        // A log that was deleted meanwhile has told its waiters.
        let Some(log) = self.catalogue.log_mut(touch.log) else { return };
        if durable {
            log.made_durable(touch.ticket, touch.end, &mut self.answers);
            return;
        }
        log.written(touch.ticket, touch.end, &mut self.answers);
        if let Durability::Interval(interval) = log.config.durability {
            let deadline = now + interval;
            if self.deadlines.sync.is_none_or(|sync| deadline < sync) {
                self.deadlines.sync = Some(deadline);
                self.kick_deadlines();
            }
        }
    }

    /// Gives back the slots of segments that a durable frame says are dead.
    fn release_slots(&mut self, low_water: Pos) {
        while let Some(&(end, slot)) = self.dead.front()
            && end <= low_water
        {
            self.dead.pop_front();
            self.pool.release(slot);
        }
    }
}
