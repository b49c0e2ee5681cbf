//! What TLS alone keeps for a QUIC connection, to be taken off what an idle one costs.

use std::sync::Arc;

use roundhouse_measure::{MeasureError, Measurement, Stage, Subject, machine};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::quic::{
    ClientConnection, Connection, KeyChange, Keys, PacketKeySet, Secrets, ServerConnection, Version,
};
use rustls::{ClientConfig, ServerConfig};

use super::identity::{Identity, NAME, PROTOCOL};
use super::idle::{CONNECTIONS, NO_FIGURE};

/// Both ends of as many TLS sessions as there are idle connections, with the keys that a QUIC
/// connection has.
pub(super) struct Sessions {
    pub(super) name: &'static str,
}

impl Subject for Sessions {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> String {
        "TLS sessions alone, with the keys of this phase and of the next: the same, halved"
            .to_owned()
    }

    fn measure(&self, _stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let identity = Identity::new()?;
        let (client, server) = (client_config(&identity)?, server_config(&identity)?);
        let agree = |_| agree(&client, &server);
        // What the first ones cost once and for all.
        let mut held: Vec<_> = (0..FIRST).map(agree).collect::<Result<_, _>>()?;
        let before = machine::resident_mib().ok_or(NO_FIGURE)?;
        for number in FIRST..CONNECTIONS {
            held.push(agree(number)?);
        }
        let after = machine::resident_mib().ok_or(NO_FIGURE)?;
        let ends_made = 2 * (held.len() - FIRST);
        let each = (after - before) * 1024.0 / ends_made as f64;
        Ok(vec![Measurement::new("KiB/connection", each)])
    }
}

/// One end of a session.
struct End {
    session: Connection,
    /// Where all that a connection of QUIC needs afterwards is kept.
    kept: Option<(Keys, PacketKeySet, Secrets)>,
}

impl End {
    fn new(session: impl Into<Connection>) -> Box<End> {
        Box::new(End { session: session.into(), kept: None })
    }

    /// What it has to say, each part under keys of its own.
    fn say(&mut self) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        loop {
            let mut part = Vec::new();
            let change = self.session.write_hs(&mut part);
            parts.extend(Some(part).filter(|part| !part.is_empty()));
            match change {
                Some(KeyChange::OneRtt { keys, mut next }) => {
                    self.kept = Some((keys, next.next_packet_keys(), next));
                }
                Some(KeyChange::Handshake { .. }) => {}
                None => return parts,
            }
        }
    }

    fn hear(&mut self, parts: &[Vec<u8>]) -> Result<(), MeasureError> {
        Ok(parts.iter().try_for_each(|part| self.session.read_hs(part))?)
    }
}

/// A session that both ends have agreed on.
fn agree(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> Result<[Box<End>; 2], MeasureError> {
    let parameters = || vec![0; PARAMETER_BYTES];
    let name = ServerName::try_from(NAME)?;
    let client = ClientConnection::new(client.clone(), Version::V1, name, parameters())?;
    let server = ServerConnection::new(server.clone(), Version::V1, parameters())?;
    let (mut here, mut there) = (End::new(client), End::new(server));
    loop {
        let (question, answer) = (here.say(), there.say());
        there.hear(&question)?;
        here.hear(&answer)?;
        if question.is_empty() && answer.is_empty() {
            break;
        }
    }
    if here.kept.is_none() || there.kept.is_none() {
        return Err("the two ends did not agree".into());
    }
    Ok([here, there])
}

fn client_config(identity: &Identity) -> Result<Arc<ClientConfig>, MeasureError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(identity.roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

fn server_config(identity: &Identity) -> Result<Arc<ServerConfig>, MeasureError> {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Sessions made before memory is looked at.
const FIRST: usize = 100;
/// About as long as transport parameters are.
const PARAMETER_BYTES: usize = 100;
