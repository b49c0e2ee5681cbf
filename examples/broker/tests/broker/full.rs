//! No space left: by the broker's own limit, and on a file system that runs full.

use std::time::Duration;

use broker::Config;
use broker::load::{LoadTopic, create_topic};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};

use crate::client::{Client, Sender, batch, topic_name, values};
use crate::mount::{Mount, skip};
use crate::server::Server;

#[test]
fn a_full_store_refuses_and_goes_on_when_records_are_deleted() {
    let options = [("slot_size", "1MiB"), ("capacity", "16MiB")];
    fill_and_empty(Server::with_options(Config::default(), &options));
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_records_are_deleted() {
    let scratch = tempfile::tempdir().unwrap();
    let image = scratch.path().join("image");
    let Some(mount) = Mount::make(&image, IMAGE_BYTES, &scratch.path().join("mnt")) else {
        return skip("a full disk under the broker");
    };
    fill_and_empty(Server::within(&mount.path, &[("slot_size", "1MiB")]));
}

fn fill_and_empty(server: Server) {
    // The batches' times are long ago.
    let (address, name) = (server.address(), "t".to_owned());
    let topic = LoadTopic { address, name, partitions: 2 };
    create_topic(&topic, &[("retention.ms", "-1")]).unwrap();
    let mut client = Client::connect(server.address());
    let large = "x".repeat(100_000);
    let storage = ResponseError::KafkaStorageError;
    // More than there is room for; where it is full is the store's matter.
    let refused = (0..2 * IMAGE_BYTES / large.len() as u64).find_map(|_| {
        let answer = client.produce("t", 0, batch(Sender::NOBODY, &[&large]));
        (answer.error_code != 0).then_some(answer.error_code)
    });
    assert_eq!(refused, Some(storage.code()), "{storage} is one that clients try again after");
    assert_eq!(values(&client.fetch("t", 0, 0))[0].1, large, "what was accepted can be read");

    assert_eq!(delete_all(&mut client, "t", 0), 0);
    // Room comes back by whole segments, a moment after the deletion is durable.
    let accepted = (0..ATTEMPTS_MAX).any(|_| {
        wait();
        client.produce("t", 0, batch(Sender::NOBODY, &[&large])).error_code == 0
    });
    assert!(accepted, "it never took anything again");
    server.stop();
}

/// Gives up everything before the end of a partition; its error code.
fn delete_all(client: &mut Client, topic: &str, partition: i32) -> i16 {
    let upto_the_end = -1;
    let wanted = DeleteRecordsPartition::default();
    let wanted = wanted.with_partition_index(partition).with_offset(upto_the_end);
    let wanted =
        DeleteRecordsTopic::default().with_name(topic_name(topic)).with_partitions(vec![wanted]);
    let request = DeleteRecordsRequest::default().with_topics(vec![wanted]);
    client.call(2, &request).topics[0].partitions[0].error_code
}

#[expect(clippy::disallowed_methods, reason = "the test is no shard")]
fn wait() {
    std::thread::sleep(Duration::from_millis(20));
}

const IMAGE_BYTES: u64 = 32 << 20;
const ATTEMPTS_MAX: u32 = 500;
