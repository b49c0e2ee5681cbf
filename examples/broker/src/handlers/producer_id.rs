//! InitProducerId.

use std::rc::Rc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};

use super::Call;
use crate::errors;
use crate::node::Node;

/// InitProducerId, for idempotent producers; there are no transactions.
pub async fn init(
    node: Rc<Node>,
    _: Call,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    let given = match request.transactional_id {
        Some(_) => Err(ResponseError::TransactionalIdAuthorizationFailed),
        None => node.producer_ids.next().await.map_err(|error| errors::of_append(&error)),
    };
    match given {
        Ok(id) => {
            InitProducerIdResponse::default().with_producer_id(id.into()).with_producer_epoch(0)
        }
        Err(error) => InitProducerIdResponse::default()
            .with_error_code(error.code())
            .with_producer_id((-1).into())
            .with_producer_epoch(-1),
    }
}
