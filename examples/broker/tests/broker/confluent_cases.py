"""The broker's cases with confluent-kafka: confluent_cases.py CASE ADDRESS. Fails by an exception."""

import sys
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

# Nothing takes this long, unless it never comes.
SECONDS_MAX = 120


def producer(address, **options):
    return Producer({"bootstrap.servers": address, **options})


def consumer(address, group, **options):
    defaults = {
        "bootstrap.servers": address, "group.id": group, "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "session.timeout.ms": 6000,
    }
    return Consumer({**defaults, **options})


def produce(address, topic, count, partition=None, **options):
    """Produces the numbers below `count`, and checks that all are acknowledged."""
    sender = producer(address, **options)
    failures = []
    for number in range(count):
        place = {} if partition is None else {"partition": partition}
        sender.produce(
            topic, str(number).encode(), on_delivery=lambda error, _: error and failures.append(error),
            **place)
        sender.poll(0)
    assert sender.flush(SECONDS_MAX) == 0, "not everything was acknowledged"
    assert not failures, failures


def take(receiver, count):
    """The next `count` messages."""
    messages = []
    deadline = time.monotonic() + SECONDS_MAX
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} of {count} messages came"
        message = receiver.poll(1.0)
        if message is not None:
            assert message.error() is None, message.error()
            messages.append(message)
    return messages


def idempotent(address):
    sender = producer(address, **{"enable.idempotence": True, "message.max.bytes": 2_000_000})
    large = bytes(range(256)) * 4000
    headers = [("color", b"red"), ("color", b"blue"), ("empty", None)]
    sender.produce("t", large, key=b"k", headers=headers, partition=0)
    assert sender.flush(SECONDS_MAX) == 0
    produce(address, "t", 5000, 1, **{"enable.idempotence": True, "compression.type": "zstd"})
    receiver = consumer(address, "g")
    receiver.assign([TopicPartition("t", 0, OFFSET_BEGINNING)])
    message = take(receiver, 1)[0]
    assert (message.key(), message.value()) == (b"k", large)
    assert message.headers() == headers, message.headers()
    receiver.assign([TopicPartition("t", 1, OFFSET_BEGINNING)])
    assert [int(m.value()) for m in take(receiver, 5000)] == list(range(5000))
    receiver.close()


def commits(address):
    produce(address, "t", 30, 0)
    receiver = consumer(address, "by-hand")
    receiver.subscribe(["t"])
    last = take(receiver, 10)[-1]
    receiver.commit(message=last, asynchronous=False)
    receiver.close()
    receiver = consumer(address, "by-hand")
    receiver.subscribe(["t"])
    assert int(take(receiver, 1)[0].value()) == 10
    committed = receiver.committed([TopicPartition("t", 0)], SECONDS_MAX)
    assert committed[0].offset == 10, committed
    receiver.close()

    automatic = {"enable.auto.commit": True}
    receiver = consumer(address, "automatic", **automatic)
    receiver.subscribe(["t"])
    take(receiver, 30)
    receiver.close()
    produce(address, "t", 1, 0)
    receiver = consumer(address, "automatic", **automatic)
    receiver.subscribe(["t"])
    message = take(receiver, 1)[0]
    assert message.offset() == 30, message.offset()
    receiver.close()


class Worker(threading.Thread):
    """A consumer in a group: commits what it has seen before it gives anything up."""

    def __init__(self, address, seen):
        super().__init__()
        self.receiver = consumer(address, "workers", **{"auto.commit.interval.ms": 200})
        self.seen = seen
        self.assigned = 0
        self.ending = threading.Event()

    def run(self):
        self.receiver.subscribe(["t"], on_assign=self.take_over, on_revoke=self.give_up)
        while not self.ending.is_set():
            message = self.receiver.poll(0.1)
            if message is not None and message.error() is None:
                self.seen.add(int(message.value()))
        self.commit()
        self.receiver.close()

    def take_over(self, _, partitions):
        self.assigned = len(partitions)

    def give_up(self, *_):
        self.commit()
        self.assigned = 0

    def commit(self):
        try:
            self.receiver.commit(asynchronous=False)
        except Exception:  # Nothing to commit, or no longer ours: the next owner sees it again.
            pass


def wait_until(is_so, what):
    deadline = time.monotonic() + SECONDS_MAX
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def rebalance(address):
    produce(address, "t", 1)
    seen = set()
    workers = [Worker(address, seen) for _ in range(3)]
    workers[0].start()
    wait_until(lambda: workers[0].assigned == 4, "the first takes everything")
    load = threading.Thread(target=produce, args=(address, "t", 20_000))
    load.start()
    workers[1].start()
    workers[2].start()
    wait_until(lambda: all(w.assigned for w in workers), "everybody gets something")
    workers[0].ending.set()
    workers[0].join()
    wait_until(lambda: workers[1].assigned + workers[2].assigned == 4, "the others take over")
    load.join()
    wait_until(lambda: len(seen) == 20_000, "everything is seen")
    for worker in workers[1:]:
        worker.ending.set()
        worker.join()


def timestamps(address):
    sender = producer(address)
    for number in range(100):
        sender.produce("t", str(number).encode(), partition=0, timestamp=1_000_000 + number * 1000)
    assert sender.flush(SECONDS_MAX) == 0
    receiver = consumer(address, "g")
    found = receiver.offsets_for_times([TopicPartition("t", 0, 1_000_000 + 41_500)], SECONDS_MAX)
    assert found[0].offset == 42, found
    receiver.assign(found)
    assert int(take(receiver, 1)[0].value()) == 42
    assert receiver.get_watermark_offsets(TopicPartition("t", 0), SECONDS_MAX) == (0, 100)
    receiver.close()


if __name__ == "__main__":
    {case.__name__: case for case in (idempotent, commits, rebalance, timestamps)}[sys.argv[1]](sys.argv[2])
