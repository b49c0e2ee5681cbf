//! A certificate made on the spot, which servers show and clients trust.

use roundhouse::net::quic::{ClientConfig, MASTER_SECRET_BYTES, ServerConfig, Shared};
use roundhouse::net::tls::{Certificates, ClientTls, Identity, ServerTls, trust_anchors};
use roundhouse::{ShardHandle, WallTime};

use super::Failure;

/// The name in it.
pub(super) const NAME: &str = "soak.test";
const PROTOCOL: &[u8] = b"soak";

/// Certificate and key as text, which can be sent to any shard.
#[derive(Clone, Debug)]
pub(super) struct Pem {
    certificate: String,
    key: String,
}

impl Pem {
    pub(super) fn new() -> Result<Pem, Failure> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        Ok(Pem { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() })
    }

    pub(super) fn server(&self) -> Result<ServerTls, Failure> {
        let identity = Identity::from_pem(self.certificate.as_bytes(), self.key.as_bytes())?;
        Ok(ServerTls::new(Certificates::new(identity), vec![PROTOCOL.to_vec()]))
    }

    pub(super) fn client(&self) -> Result<ClientTls, Failure> {
        let trust = trust_anchors(self.certificate.as_bytes())?;
        Ok(ClientTls::new(trust, vec![PROTOCOL.to_vec()]))
    }

    pub(super) fn quic_server(&self, shared: &Shared) -> Result<ServerConfig, Failure> {
        Ok(ServerConfig::new(&self.server()?, shared)?)
    }

    pub(super) fn quic_client(&self, shared: &Shared) -> Result<ClientConfig, Failure> {
        Ok(ClientConfig::new(&self.client()?, shared)?)
    }
}

/// The keys of a test: nobody else ever talks to these servers.
pub(super) const SECRET: [u8; MASTER_SECRET_BYTES] = [7; MASTER_SECRET_BYTES];

/// What endpoints of one shard share with nobody, at the shard's own time.
pub(super) fn shared(shard: &ShardHandle) -> Shared {
    let now: WallTime = shard.runtime().wall();
    Shared::new(&SECRET, now, 1)
}
