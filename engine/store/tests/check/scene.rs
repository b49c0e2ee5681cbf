//! A store of several segments and two logs, and ways to look at it and to hurt it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use roundhouse_base::{Pos, ShardId, SlotNo};
use roundhouse_runtime::sim::{Cluster, Node, Outcome, ProcessId, RunLimits, World, WorldOptions};
use roundhouse_runtime::{Shard, ShardLoop, SpinOptions};
use roundhouse_store::format::{FrameHeader, FrameKind};
use roundhouse_store::*;

pub(crate) const DIRECTORY: &str = "data";
pub(crate) const SLOT_BYTES: u64 = 256 * 1024;
pub(crate) const IDENTITY: Identity =
    Identity { store: None, shard: ShardId(0), shards: 1, may_create: true };

/// Bodies by log that has any, in the order of their offsets.
pub(crate) type Bodies = BTreeMap<String, Vec<Vec<u8>>>;

/// A frame of a live segment and where it lies.
#[derive(Debug, Clone)]
pub(crate) struct PlacedFrame {
    pub(crate) file: PathBuf,
    pub(crate) file_offset: u64,
    pub(crate) header: FrameHeader,
}

/// A node with a store on it.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) node: Node,
}

pub(crate) fn options() -> StoreOptions {
    StoreOptions {
        slot_bytes: SLOT_BYTES,
        memory_bytes: 8 << 20,
        sync_method: SyncChoice::Fixed(SyncMethod::Dsync),
        ..StoreOptions::default()
    }
}

/// Appends batches to two logs until the store has `segments` segments and a little more.
pub(crate) async fn fill(store: &Store, segments: usize) {
    let mut logs = Vec::new();
    for name in ["orders", "audit"] {
        let log = match store.find(name) {
            Some(log) => log,
            None => store.create_log(name, LogConfig::default()).await.unwrap(),
        };
        logs.push(log);
    }
    let mut more = 3;
    let mut no = 0;
    while more > 0 {
        more -= u32::from(store.info().segments >= segments);
        for log in &logs {
            let bodies: Vec<Vec<u8>> = (0..9).map(|part| body(no * 9 + part)).collect();
            let batch: Vec<_> = bodies.iter().map(|b| NewRecord::from(b.as_slice())).collect();
            store.append(*log, &batch).await.unwrap();
        }
        no += 1;
    }
}

fn body(no: usize) -> Vec<u8> {
    let mut body = format!("record {no} ").into_bytes();
    body.resize(20 + no * 37 % 3000, b'x');
    body
}

pub(crate) async fn read_all(store: &Store) -> Bodies {
    let mut all = Bodies::new();
    for info in store.logs() {
        let mut reader = store.reader(info.id, info.start);
        if info.start == info.end {
            continue;
        }
        let bodies = all.entry(info.name).or_default();
        loop {
            let records = reader.read(64 * 1024).await.unwrap();
            if records.is_empty() {
                break;
            }
            bodies.extend(records.iter().map(|record| record.body.to_vec()));
        }
    }
    all
}

impl Scene {
    pub(crate) fn new(seed: u64) -> Scene {
        let world = World::new(seed, WorldOptions::default());
        let node = world.node("a");
        Scene { cluster: Cluster::new(world), node }
    }

    /// A store of four segments that was closed cleanly.
    pub(crate) fn with_store(seed: u64) -> Scene {
        let mut scene = Scene::new(seed);
        scene.run(async |shard| {
            let store = open(&shard).await.unwrap();
            fill(&store, 4).await;
            store.close().await.unwrap();
        });
        scene
    }

    /// The same files on a node of its own.
    pub(crate) fn copy(&self, seed: u64) -> Scene {
        let copy = Scene::new(seed);
        for (path, content) in self.files() {
            copy.node.write_file(path, &content);
        }
        copy
    }

    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let paths = self.node.files().into_iter();
        paths.map(|path| (path.clone(), self.node.read_file(path))).collect()
    }

    /// Runs a program on a fresh shard until it ends.
    pub(crate) fn run<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        program: impl FnOnce(Shard) -> F,
    ) -> T {
        let (process, result) = self.start(program);
        let outcome = self.cluster.run_until(RunLimits::default(), || result.borrow().is_some());
        assert_eq!(outcome, Outcome::Reached);
        self.cluster.kill(process);
        result.take().unwrap()
    }

    /// Runs a program for some steps, or until it ends, and cuts the power. Returns whether it
    /// ended.
    pub(crate) fn run_and_crash<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        steps: u64,
        program: impl FnOnce(Shard) -> F,
    ) -> bool {
        let (_, result) = self.start(program);
        let limits = RunLimits { steps_max: steps, ..RunLimits::default() };
        let outcome = self.cluster.run_until(limits, || result.borrow().is_some());
        self.cluster.crash(&self.node);
        outcome == Outcome::Reached
    }

    fn start<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        program: impl FnOnce(Shard) -> F,
    ) -> (ProcessId, Rc<RefCell<Option<T>>>) {
        let driver = Box::new(self.node.driver(ShardId(0)));
        let shard_loop = ShardLoop::new(ShardId(0), driver, SpinOptions::Never);
        let shard = shard_loop.shard();
        let result = Rc::new(RefCell::new(None));
        let (program, sink) = (program(shard.clone()), result.clone());
        shard.spawn(async move { drop(sink.replace(Some(program.await))) }).detach();
        drop(shard);
        (self.cluster.start(&self.node, ShardId(0), Box::new(shard_loop)), result)
    }

    pub(crate) fn verify(&mut self) -> Verification {
        self.run(async |shard| verify(&shard, Path::new(DIRECTORY), &mut |_| {}).await.unwrap())
    }

    /// The places of damage that a verification lists.
    pub(crate) fn damage(&mut self) -> Vec<Corruption> {
        match self.verify().verdict {
            Verdict::Corruption { places, .. } => places,
            Verdict::Clean | Verdict::TornTail(_) => Vec::new(),
        }
    }

    pub(crate) fn repair(&mut self) -> RepairReport {
        self.run(async |shard| repair_with(&shard, false).await.unwrap())
    }

    /// Opens the store and reads everything; leaves it without closing.
    pub(crate) fn read(&mut self) -> Bodies {
        self.run(async |shard| read_all(&open(&shard).await.unwrap()).await)
    }

    /// What salvaging gives.
    pub(crate) fn salvage(&mut self, all: bool) -> (Salvage, Bodies) {
        self.run(async move |shard| {
            let mut bodies = Bodies::new();
            let options = SalvageOptions { all };
            let directory = Path::new(DIRECTORY);
            let mut visitor = |record: SalvagedRecord<'_>| {
                let name = record.name.unwrap_or("?").to_owned();
                bodies.entry(name).or_default().push(record.body.to_vec());
            };
            let salvage = salvage(&shard, directory, options, &mut visitor).await.unwrap();
            (salvage, bodies)
        })
    }

    /// Every frame of every live segment, in the order of the log.
    pub(crate) fn frames(&mut self) -> Vec<PlacedFrame> {
        let slots = self.node.files().len() as u32 - 1;
        self.run(async move |shard| {
            let directory = Path::new(DIRECTORY);
            let mut frames = Vec::new();
            for slot in (0..slots).map(SlotNo) {
                let file = directory.join(format!("wal-{:08}", slot.0));
                let mut visitor = |part| {
                    if let SlotPart::Frame { file_offset, header, is_in_force: true } = part {
                        frames.push(PlacedFrame { file: file.clone(), file_offset, header });
                    }
                };
                list_frames(&shard, directory, slot, &mut visitor).await.unwrap();
            }
            frames.sort_by_key(|frame| frame.header.pos);
            frames
        })
    }

    /// Flips a bit of a byte of a frame; doing it again undoes it.
    pub(crate) fn flip(&self, frame: &PlacedFrame, byte: u64) {
        self.node.corrupt(&frame.file, frame.file_offset + byte, 1);
    }
}

impl PlacedFrame {
    /// A byte of each region: header, payload, padding.
    pub(crate) fn regions(&self) -> Vec<u64> {
        let payload_end = 128 + u64::from(self.header.payload_bytes);
        let mut regions = vec![24, 100];
        regions.extend((self.header.payload_bytes > 0).then_some(payload_end - 1));
        let frame_bytes = u64::from(self.header.frame_bytes);
        regions.extend((payload_end < frame_bytes).then_some(frame_bytes - 1));
        regions
    }
}

/// Records in the data frames before a position, with those of the catalogue.
pub(crate) fn records_before(frames: &[PlacedFrame], pos: Pos) -> u64 {
    let before = frames.iter().filter(|frame| frame.header.pos < pos);
    before.map(|frame| u64::from(frame.header.record_count)).sum()
}

/// The frames of one kind.
pub(crate) fn of_kind(frames: &[PlacedFrame], kind: FrameKind) -> Vec<PlacedFrame> {
    frames.iter().filter(|frame| frame.header.kind == kind).cloned().collect()
}

pub(crate) async fn open(shard: &Shard) -> Result<Store, OpenError> {
    Store::open(shard, Path::new(DIRECTORY), IDENTITY, &options()).await
}

pub(crate) async fn repair_with(shard: &Shard, dry_run: bool) -> Result<RepairReport, OpenError> {
    repair(shard, Path::new(DIRECTORY), RepairOptions { dry_run }).await
}

/// The repair that a report tells of.
pub(crate) fn repaired(report: RepairReport) -> Repair {
    match report {
        RepairReport::Repaired(repair) => repair,
        other => panic!("nothing was repaired: {other:?}"),
    }
}

/// Whether every log of `part` is the beginning of the same log in `whole`.
pub(crate) fn is_prefix(part: &Bodies, whole: &Bodies) -> bool {
    part.iter().all(|(log, bodies)| whole.get(log).is_some_and(|all| all.starts_with(bodies)))
}
