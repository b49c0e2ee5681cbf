//! Who the server is and whom the client trusts.

use std::fs;
use std::path::Path;

use roundhouse::net::tls::{Certificates, ClientTls, Identity, ServerTls, trust_anchors};

use super::Failure;
use super::arguments::{Call, Serve};

/// The application protocol (ALPN, RFC 7301) that both sides must name.
const PROTOCOL: &[u8] = b"echo";

/// Shows the certificate that was given. Without one, makes one and publishes it.
pub(super) fn server(arguments: &Serve) -> Result<ServerTls, Failure> {
    let identity = match (&arguments.certificate, &arguments.key) {
        (Some(certificate), Some(key)) => Identity::from_pem(&read(certificate)?, &read(key)?)?,
        _ => make(&arguments.publish)?,
    };
    Ok(ServerTls::new(Certificates::new(identity), vec![PROTOCOL.to_vec()]))
}

pub(super) fn client(arguments: &Call) -> Result<ClientTls, Failure> {
    let trust = trust_anchors(&read(&arguments.trust)?)?;
    Ok(ClientTls::new(trust, vec![PROTOCOL.to_vec()]))
}

/// A certificate that its own key signed: good for whoever was given it.
fn make(publish: &Path) -> Result<Identity, Failure> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)?;
    let certificate = made.cert.pem();
    fs::write(publish, &certificate).map_err(|error| failure(publish, &error))?;
    let key = made.signing_key.serialize_pem();
    Ok(Identity::from_pem(certificate.as_bytes(), key.as_bytes())?)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| failure(path, &error))
}

fn failure(path: &Path, error: &std::io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}
