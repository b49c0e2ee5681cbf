//! What a seed decides once: the store's options, the disk, the work and what goes wrong.

use std::time::Duration;

use roundhouse_base::{Random, WallTime};
use roundhouse_runtime::sim::{Fault, FaultOptions, WorldOptions};
use roundhouse_store::{Durability, LogConfig, Retention, StoreOptions, SyncChoice, SyncMethod};

use crate::scenario::Scenario;

/// Everything that stays the same through the lives of a store.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    pub(crate) options: StoreOptions,
    /// Faults while the store is being used.
    pub(crate) faults: FaultOptions,
    pub(crate) lives: u64,
    pub(crate) clients: u64,
    pub(crate) followers: u64,
    /// Most operations of one client in one life.
    pub(crate) steps_max: u64,
    pub(crate) logs_max: usize,
    sizes: [u64; 3],
}

impl Plan {
    pub(crate) fn draw(scenario: Scenario, random: &mut Random) -> Plan {
        let is_large = random.chance(0.03) && scenario != Scenario::Full;
        let slot_bytes = if is_large { 4 << 20 } else { 256 << 10 };
        let options = StoreOptions {
            slot_bytes,
            capacity_bytes: None,
            memory_bytes: if random.chance(0.8) { 8 << 20 } else { 32 << 20 },
            sync_method: match random.below(8) {
                0 if !is_large => SyncChoice::Probe,
                0..=3 => SyncChoice::Fixed(SyncMethod::Dsync),
                _ => SyncChoice::Fixed(SyncMethod::Fdatasync),
            },
            anchor_delay: [None, Some(1), Some(250)][random.below(3) as usize]
                .map(Duration::from_millis),
            zero_slots: random.chance(0.5),
        };
        let record_bytes_max = slot_bytes / 8;
        let sizes = match random.below(4) {
            0 => [0, 40, 300],
            1 => [10, 200, 5_000],
            2 => [100, 4_000, record_bytes_max],
            _ => [0, 20_000, record_bytes_max],
        };
        let busy = [4, 40, 150][random.below(3) as usize];
        let mut plan = Plan {
            scenario,
            options,
            faults: FaultOptions::default(),
            lives: 2 + random.below(6),
            clients: 1 + random.below(4),
            followers: random.below(3),
            steps_max: 1 + random.below(busy),
            logs_max: 1 + random.below(5) as usize,
            sizes,
        };
        plan.draw_trouble(random);
        plan
    }

    fn draw_trouble(&mut self, random: &mut Random) {
        use Fault::{
            BadSector, BitRot, DuplicatedWrite, LyingSync, MisdirectedToFile, MisdirectedWrite,
            NoSpace, PhantomWrite, ReadError, ReadFlip, ShortWrite, Stall, SyncError,
            SyncErrorCached, SyncStall, WriteError,
        };
        let kinds: &[Fault] = match self.scenario {
            Scenario::Crashes | Scenario::Recovery | Scenario::Damage => &[],
            Scenario::Writing => {
                &[WriteError, SyncError, SyncErrorCached, SyncStall, ShortWrite, NoSpace, Stall]
            }
            Scenario::Reading => &[ReadError, ReadFlip],
            Scenario::Lying => &[
                LyingSync,
                PhantomWrite,
                MisdirectedWrite,
                MisdirectedToFile,
                DuplicatedWrite,
                BitRot,
                BadSector,
            ],
            Scenario::Full => {
                let slots = 3 + random.below(4);
                if random.chance(0.5) {
                    self.options.capacity_bytes = Some(slots * self.options.slot_bytes);
                }
                // Enough work for the slots to run out.
                self.sizes = [100, 16_000, 32_000];
                self.steps_max = 100;
                return;
            }
        };
        for fault in kinds {
            if random.chance(0.5) {
                // A read that fails has no other effect, so more of them can.
                let highest = if self.scenario == Scenario::Reading { 0.5 } else { 0.1 };
                let rate = [0.001, 0.01, highest][random.below(3) as usize];
                self.faults = self.faults.clone().with(*fault, rate);
            }
        }
    }

    /// Faults while the store is opened. A bit that flips whenever the last frame is looked at
    /// cannot be told from a torn write, nor a directory whose creation a failed sync dropped from
    /// one that is there. What a failed sync left in a cache would be believed by a second attempt
    /// of the same process; direct reads do not meet it.
    pub(crate) fn faults_of_opening(&self, is_created: bool) -> FaultOptions {
        let faults = self.faults.clone().without(Fault::ReadFlip).without(Fault::SyncErrorCached);
        if is_created { faults } else { faults.without(Fault::SyncError).without(Fault::NoSpace) }
    }

    /// Whether what was acknowledged may turn out to be unreadable.
    pub(crate) fn may_misread(&self) -> bool {
        matches!(self.scenario, Scenario::Reading | Scenario::Lying)
    }

    /// What the world is like.
    pub(crate) fn world(&self, random: &mut Random) -> WorldOptions {
        let mut world = WorldOptions::default();
        if self.scenario == Scenario::Full && self.options.capacity_bytes.is_none() {
            let slots = 3 + random.below(4);
            world.capacity_bytes = slots * self.options.slot_bytes + DISK_SLACK_BYTES;
        }
        world
    }

    /// A size of a record, in bytes.
    pub(crate) fn size(&self, random: &mut Random) -> usize {
        let [low, middle, high] = self.sizes;
        let high = if random.chance(0.2) { high } else { middle };
        (low + random.below(high - low + 1)) as usize
    }

    /// Settings of a log.
    pub(crate) fn config(random: &mut Random) -> LogConfig {
        let durability = match random.below(4) {
            0 | 1 => Durability::Always,
            2 => Durability::Interval(Duration::from_millis(1 + random.below(50))),
            _ => Durability::Never,
        };
        let retention = match random.below(8) {
            0 => Retention { age: None, bytes: Some(random.below(400_000)) },
            1 => Retention { age: Some(Duration::from_millis(random.below(2000))), bytes: None },
            _ => Retention::default(),
        };
        LogConfig { durability, retention }
    }

    /// A time of a record near `wall`, or none.
    pub(crate) fn time(random: &mut Random, wall: WallTime) -> Option<WallTime> {
        match random.below(4) {
            0 => Some(wall + Duration::from_millis(random.below(500))),
            1 => Some(wall - Duration::from_millis(random.below(500))),
            _ => None,
        }
    }
}

/// Room on a small disk beside the slots: the superblock and what a crash leaves in quarantine.
const DISK_SLACK_BYTES: u64 = 320 << 10;
