"""The broker's cases with confluent-kafka. Fails by an exception.

    confluent_cases.py CASE ADDRESS
    confluent_cases.py kills PROGRAM ROUNDS
"""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic,
)

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
    # The default takes 1 MiB with its header, as Kafka's does.
    wanted = NewTopic("t", 4, 1, config={"max.message.bytes": "2000000"})
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([wanted])["t"].result()
    sender = producer(address, **{"enable.idempotence": True, "message.max.bytes": 2_000_000})
    large = bytes(range(256)) * 4096
    assert len(large) == 1 << 20
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


def done(futures):
    """What administrative calls came to, each after the other."""
    return {key: future.result(SECONDS_MAX) for key, future in futures.items()}


def setting(admin, topic, name):
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    return done(admin.describe_configs([resource]))[resource][name].value


def administration(address):
    admin = AdminClient({"bootstrap.servers": address})
    done(admin.create_topics([NewTopic("a", 3, config={"retention.ms": "1000000"}), NewTopic("b", 1)]))
    for wrong in (NewTopic("a", 3), NewTopic("c", 1, config={"cleanup.policy": "compact"}), NewTopic("d", 1, 3)):
        try:
            done(admin.create_topics([wrong]))
        except KafkaException:
            continue
        raise AssertionError(f"{wrong} was created")
    assert set(admin.list_topics(timeout=SECONDS_MAX).topics) == {"a", "b"}
    assert setting(admin, "a", "retention.ms") == "1000000"
    change = ConfigEntry("retention.ms", "5000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, "a", incremental_configs=[change])
    done(admin.incremental_alter_configs([resource]))
    assert setting(admin, "a", "retention.ms") == "5000"
    done(admin.create_partitions([NewPartitions("a", 5)]))
    assert len(admin.list_topics("a", SECONDS_MAX).topics["a"].partitions) == 5

    produce(address, "b", 20, 0)
    receiver = consumer(address, "readers")
    receiver.subscribe(["b"])
    take(receiver, 20)
    receiver.commit(asynchronous=False)
    listed = admin.list_consumer_groups(request_timeout=SECONDS_MAX).result(SECONDS_MAX)
    assert [group.group_id for group in listed.valid] == ["readers"], listed.valid
    described = done(admin.describe_consumer_groups(["readers"]))["readers"]
    assert len(described.members) == 1, described.members
    receiver.close()
    trimmed = done(admin.delete_records([TopicPartition("b", 0, 15)]))
    assert [result.low_watermark for result in trimmed.values()] == [15]
    done(admin.delete_consumer_groups(["readers"]))
    done(admin.delete_topics(["a", "b"]))
    assert not admin.list_topics(timeout=SECONDS_MAX).topics
    cluster = admin.describe_cluster(request_timeout=SECONDS_MAX).result(SECONDS_MAX)
    assert [node.id for node in cluster.nodes] == [1]


def free_port():
    """A port that stays free while the broker is dead: the kernel gives none of these to anybody."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


class Broker:
    """A broker in a process of its own, to be killed."""

    def __init__(self, program, directory):
        self.command = [program, "--data", directory, "--set", "engine.zero_slots=false"]
        self.address = "127.0.0.1:%d" % free_port()

    def start(self):
        self.process = subprocess.Popen(
            [*self.command, "--listen", self.address], stdout=subprocess.PIPE, stderr=sys.stderr)
        assert b"Listening" in self.process.stdout.readline(), "the broker did not start"

    def end(self, how):
        self.process.send_signal(how)
        return self.process.wait(SECONDS_MAX)


def kills(program, rounds):
    """One idempotent producer goes on through all kills: what is acknowledged is there once, in order."""
    seed = int(os.environ.get("SEED", random.SystemRandom().getrandbits(32)))
    print(f"SEED={seed}", file=sys.stderr)
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        broker = Broker(program, os.path.join(directory, "data"))
        broker.start()
        acknowledged = [[] for _ in range(4)]
        failures = []

        def delivered(error, message):
            if error:
                failures.append(error)
            else:
                acknowledged[message.partition()].append((message.offset(), int(message.value())))

        sender = producer(broker.address, **{
            "enable.idempotence": True, "linger.ms": 2, "retry.backoff.ms": 20,
            "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100})
        number = 0
        for _ in range(rounds):
            target = sum(map(len, acknowledged)) + rng.randint(1, 3000)
            deadline = time.monotonic() + SECONDS_MAX
            while sum(map(len, acknowledged)) < target:
                assert time.monotonic() < deadline and not failures, failures
                for _ in range(rng.randint(1, 200)):
                    sender.produce("t", str(number).encode(), partition=number % 4, on_delivery=delivered)
                    number += 1
                sender.poll(0.001)
                while len(sender) > 10_000:
                    sender.poll(0.01)
            broker.end(signal.SIGKILL)
            broker.start()
        assert sender.flush(SECONDS_MAX) == 0 and not failures, failures
        check_partitions(broker.address, number, acknowledged)
        assert broker.end(signal.SIGTERM) == 0


def check_partitions(address, number, acknowledged):
    receiver = consumer(address, "checker", **{"session.timeout.ms": 60_000})
    for partition in range(4):
        receiver.assign([TopicPartition("t", partition, OFFSET_BEGINNING)])
        wanted = list(range(partition, number, 4))
        found = [(m.offset(), int(m.value())) for m in take(receiver, len(wanted))]
        assert [value for _, value in found] == wanted, f"partition {partition}"
        assert sorted(acknowledged[partition]) == found, f"acknowledged for partition {partition}"
        low, high = receiver.get_watermark_offsets(TopicPartition("t", partition), SECONDS_MAX)
        assert (low, high) == (0, len(wanted)), f"more in partition {partition} than was sent"
    receiver.close()


CASES = (idempotent, commits, rebalance, timestamps, administration)

if __name__ == "__main__":
    if sys.argv[1] == "kills":
        kills(sys.argv[2], int(sys.argv[3]))
    else:
        {case.__name__: case for case in CASES}[sys.argv[1]](sys.argv[2])
