//! Micro-benchmarks of the pieces that every record, message or datagram passes.
//!
//! `cargo bench -p roundhouse-benches`; `-- TEXT` runs those whose name contains the text.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use broker::protocol::batch::{BATCH_HEADER_BYTES, BatchInfo};
use broker::protocol::produce::ProduceRequest;
use bytes::{BufMut, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use roundhouse::sim::{World, WorldOptions};
use roundhouse_base::checksum::{crc32c, crc64};
use roundhouse_base::{Epoch, LogId, Offset, Pos, ShardId, StoreId, WallTime};
use roundhouse_runtime::mailbox::{Parking, host_mailbox, spsc};
use roundhouse_runtime::uring::pieces::BufferCycle;
use roundhouse_runtime::{ShardLoop, SpinOptions, Unpark};
use roundhouse_store::format::{
    FRAME_HEADER_BYTES, FrameHeader, FrameKind, RecordHeader, RecordKind, Records, Salts,
    complete_frame, write_record,
};
use roundhouse_store::pieces::Index;

criterion_group!(pieces, checksums, frames, index, mailboxes, timers, buffers, codec);
criterion_main!(pieces);

fn checksums(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    let data = vec![0xA5; FRAME_BYTES];
    group.throughput(Throughput::Bytes(RECORD_BODY_BYTES as u64));
    let record = &data[..RECORD_BODY_BYTES];
    group.bench_function("crc32c of 1 KiB", |bencher| bencher.iter(|| crc32c(0, &[record])));
    group.throughput(Throughput::Bytes(FRAME_BYTES as u64));
    group.bench_function("crc64 of 64 KiB", |bencher| bencher.iter(|| crc64(0, &data)));
    group.finish();
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    group.throughput(Throughput::Elements(RECORDS));
    let salts = Salts::new(StoreId([1; 16]), ShardId(0), 7);
    let empty = || BytesMut::with_capacity(2 * FRAME_BYTES);
    group.bench_function("encode 64 records of 1 KiB", |bencher| {
        bencher.iter_batched_ref(empty, |frame| encode(frame, salts), BatchSize::LargeInput);
    });
    let mut frame = empty();
    encode(&mut frame, salts);
    group.bench_function("decode 64 records of 1 KiB", |bencher| {
        bencher.iter(|| decode(&frame, salts));
    });
    group.finish();
}

fn encode(frame: &mut BytesMut, salts: Salts) {
    frame.clear();
    frame.resize(FRAME_HEADER_BYTES, 0);
    let body = [0xA5; RECORD_BODY_BYTES];
    for number in 0..RECORDS {
        let header = RecordHeader {
            kind: RecordKind::Data,
            log: LogId(1),
            first_offset: Offset(number),
            count: 1,
            time: WallTime(1),
        };
        write_record(frame, &header, &body);
    }
    let mut header = FrameHeader {
        kind: FrameKind::Data,
        pos: Pos(0),
        frame_bytes: 0,
        payload_bytes: 0,
        epoch: Epoch(1),
        next_slot: None,
        durable_upto: Pos(0),
        low_water: Pos(0),
        prev_hash: 0,
        payload_hash: 0,
        wall: WallTime(1),
        record_count: RECORDS as u32,
    };
    complete_frame(frame, &mut header, salts.epoch(Epoch(1)));
}

fn decode(frame: &[u8], salts: Salts) -> usize {
    let header = FrameHeader::decode(frame, &salts).expect("it was just encoded");
    header.check_payload(frame, &salts).expect("it was just encoded");
    let end = FRAME_HEADER_BYTES + header.payload_bytes as usize;
    Records::new(&frame[FRAME_HEADER_BYTES..end]).flatten().count()
}

fn index(criterion: &mut Criterion) {
    // What a log of a gigabyte or so has.
    let index = Index::new((0..8192).map(|number| (Offset(number * 128), Pos(number << 17))));
    let mut offset = 0;
    criterion.bench_function("index/lookup among 8,192 entries", |bencher| {
        bencher.iter(|| {
            offset = (offset + 777_777) % (8192 * 128);
            index.find(Offset(offset))
        });
    });
}

fn mailboxes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox");
    group.throughput(Throughput::Elements(RECORDS));
    let parking = Arc::new(Parking::new(Arc::new(Awake)));
    let (sender, receiver) = host_mailbox(RECORDS as usize, parking.clone());
    group.bench_function("64 messages from a host, on one thread", |bencher| {
        bencher.iter(|| {
            (0..RECORDS).for_each(|number| sender.try_send(number).expect("there is room"));
            receiver.drain(RECORDS as usize, consume)
        });
    });
    let (mut sender, mut receiver) = spsc(RECORDS as usize, parking);
    group.bench_function("64 messages from a shard, on one thread", |bencher| {
        bencher.iter(|| {
            (0..RECORDS).for_each(|number| sender.try_send(number).expect("there is room"));
            sender.publish();
            receiver.drain(RECORDS as usize, consume)
        });
    });
    group.finish();
}

fn consume(message: u64) {
    black_box(message);
}

fn timers(criterion: &mut Criterion) {
    let node = World::new(1, WorldOptions::default()).node("node");
    let driver = Box::new(node.driver(ShardId(0)));
    let shard = ShardLoop::new(ShardId(0), driver, SpinOptions::Never).shard();
    let mut context = Context::from_waker(Waker::noop());
    let mut others: Vec<_> = (1..=10_000)
        .map(|number| Box::pin(shard.sleep(Duration::from_micros(number * 37))))
        .collect();
    for other in &mut others {
        assert!(other.as_mut().poll(&mut context).is_pending());
    }
    criterion.bench_function("timer/set and cancel among 10,000", |bencher| {
        bencher.iter(|| pin!(shard.sleep(Duration::from_millis(100))).poll(&mut context));
    });
}

fn buffers(criterion: &mut Criterion) {
    let mut cycle = match BufferCycle::new() {
        Ok(cycle) => cycle,
        Err(error) => panic!("io_uring is needed here: {error}"),
    };
    criterion.bench_function("buffer ring/take, drop and give back", |bencher| {
        bencher.iter(|| cycle.turn());
    });
}

/// Of the broker's protocol, what every message passes.
fn codec(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Bytes(FRAME_BYTES as u64));
    let batch = batch();
    let request = produce_request(&batch);
    group.bench_function("take apart a Produce request of 64 KiB", |bencher| {
        bencher.iter_batched(
            || BytesMut::from(&request[..]),
            |request| ProduceRequest::read(request, PRODUCE_VERSION).expect("it was just made"),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("check its batch", |bencher| {
        bencher.iter(|| BatchInfo::check(&batch).expect("it was just made"));
    });
    group.finish();
}

/// A batch of one record. Brokers look no further than its header and its checksum.
fn batch() -> Vec<u8> {
    let mut batch = vec![0xA5; FRAME_BYTES];
    let mut header = &mut batch[..BATCH_HEADER_BYTES];
    header.put_i64(0);
    header.put_u32((FRAME_BYTES - 12) as u32);
    header.put_i32(-1);
    header.put_i8(2);
    header.put_u32(0);
    // Attributes, the last offset's distance, two times, no producer, one record.
    header.put_i16(0);
    header.put_i32(0);
    header.put_i64(1);
    header.put_i64(1);
    header.put_i64(-1);
    header.put_i16(-1);
    header.put_i32(-1);
    header.put_i32(1);
    let crc = crc32c(0, &[&batch[21..]]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch
}

/// What follows the header of a request for one partition of one topic.
fn produce_request(batch: &[u8]) -> Vec<u8> {
    let mut request = Vec::new();
    request.put_i16(-1);
    request.put_i16(-1);
    request.put_i32(1000);
    request.put_i32(1);
    request.put_i16(5);
    request.put_slice(b"topic");
    request.put_i32(1);
    request.put_i32(0);
    request.put_i32(batch.len() as i32);
    request.put_slice(batch);
    request
}

/// Wakes a shard that never sleeps.
#[derive(Debug)]
struct Awake;

impl Unpark for Awake {
    fn unpark(&self) {}
}

const RECORD_BODY_BYTES: usize = 1024;
const RECORDS: u64 = 64;
const FRAME_BYTES: usize = 64 << 10;
const PRODUCE_VERSION: i16 = 3;
