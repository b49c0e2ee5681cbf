//! Which handler a request goes to.

use std::future::ready;
use std::rc::Rc;

use bytes::{Buf, BytesMut};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::{Decodable, HeaderVersion};

use super::Response;
use crate::handlers::{self, Call};
use crate::node::Node;
use crate::protocol::api::Api;
use crate::protocol::control;
use crate::protocol::fetch::FetchRequest;
use crate::protocol::header::RequestHeader;
use crate::protocol::produce::ProduceRequest;
use crate::protocol::reader::Malformed;

/// How a request stands to the others of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Beside those before and after it.
    Beside,
    /// After those before it, and before those after it.
    Alone,
}

impl Order {
    pub(super) fn of(frame: &[u8]) -> Order {
        match frame.first_chunk::<2>() {
            Some(key) if i16::from_be_bytes(*key) == ApiKey::Produce as i16 => Order::Beside,
            _ => Order::Alone,
        }
    }
}

/// Starts to answer a request. What has to be in order has happened when this returns.
pub(super) fn dispatch(
    node: &Rc<Node>,
    client_host: &str,
    mut frame: BytesMut,
) -> LocalBoxFuture<'static, Response> {
    let header = match RequestHeader::read(&frame) {
        Ok(header) => header,
        Err(error) => return close(error),
    };
    let Some((api, bytes)) = Api::of(header.key).zip(header.bytes) else {
        node.metrics.unsupported.add(1);
        return ready(handlers::versions::unsupported(&header)).boxed_local();
    };
    frame.advance(bytes);
    let client_host = client_host.to_owned();
    let request = Request { node: node.clone(), header, client_host, api };
    match request.start(frame) {
        Ok(response) => response,
        Err(error) => close(error),
    }
}

fn close(error: Malformed) -> LocalBoxFuture<'static, Response> {
    ready(Response::Close(error.to_string())).boxed_local()
}

/// A request whose header was read.
struct Request {
    node: Rc<Node>,
    header: RequestHeader,
    client_host: String,
    api: &'static Api,
}

impl Request {
    fn start(self, body: BytesMut) -> Result<LocalBoxFuture<'static, Response>, Malformed> {
        let version = self.header.version;
        match self.api.key {
            ApiKey::Produce => {
                let request = ProduceRequest::read(body, version)?;
                Ok(handlers::produce::start(&self.node, &self.header, request))
            }
            ApiKey::Fetch => {
                let request = FetchRequest::read(&body, version)?;
                Ok(handlers::fetch::answer(self.node, self.header, request).boxed_local())
            }
            ApiKey::ApiVersions => self.answer(body, handlers::versions::answer),
            ApiKey::OffsetCommit => self.answer(body, handlers::commits::commit),
            ApiKey::OffsetFetch => self.answer(body, handlers::commits::fetch),
            ApiKey::OffsetDelete => self.answer(body, handlers::commits::delete),
            ApiKey::FindCoordinator => self.answer(body, handlers::membership::find),
            ApiKey::JoinGroup => self.answer(body, handlers::membership::join),
            ApiKey::SyncGroup => self.answer(body, handlers::membership::sync),
            ApiKey::Heartbeat => self.answer(body, handlers::membership::heartbeat),
            ApiKey::LeaveGroup => self.answer(body, handlers::membership::leave),
            ApiKey::DescribeGroups => self.answer(body, handlers::groups::describe),
            ApiKey::ListGroups => self.answer(body, handlers::groups::list),
            ApiKey::DeleteGroups => self.answer(body, handlers::groups::delete),
            ApiKey::CreateTopics => self.answer(body, handlers::topic_admin::create),
            ApiKey::DeleteTopics => self.answer(body, handlers::topic_admin::delete),
            ApiKey::CreatePartitions => self.answer(body, handlers::topic_admin::grow),
            ApiKey::DeleteRecords => self.answer(body, handlers::topic_admin::delete_records),
            ApiKey::DescribeConfigs => self.answer(body, handlers::configs::describe),
            ApiKey::AlterConfigs => self.answer(body, handlers::configs::replace),
            ApiKey::IncrementalAlterConfigs => self.answer(body, handlers::configs::change_some),
            ApiKey::DescribeCluster => self.answer(body, handlers::cluster::describe),
            ApiKey::OffsetForLeaderEpoch => self.answer(body, handlers::cluster::epoch_ends),
            ApiKey::InitProducerId => self.answer(body, handlers::producer_id::init),
            ApiKey::Metadata => self.answer(body, handlers::metadata::answer),
            ApiKey::ListOffsets => self.answer(body, handlers::offsets::list),
            _ => unreachable!("every key in the table of requests has a handler"),
        }
    }

    /// Has the generated code read the body, after its lengths were checked, and write the response.
    fn answer<Q, R, F, Fut>(
        self,
        body: BytesMut,
        handler: F,
    ) -> Result<LocalBoxFuture<'static, Response>, Malformed>
    where
        Q: Decodable,
        R: kafka_protocol::protocol::Encodable + HeaderVersion,
        F: FnOnce(Rc<Node>, Call, Q) -> Fut,
        Fut: Future<Output = R> + 'static,
    {
        let (version, correlation) = (self.header.version, self.header.correlation);
        let request = control::read::<Q>(self.api, body, version)?;
        let (client_id, client_host) = (self.header.client_id, self.client_host);
        let call = Call { version, client_id, client_host };
        let answer = handler(self.node, call, request);
        let response = answer.map(move |answer| Response::message(correlation, version, &answer));
        Ok(response.boxed_local())
    }
}
