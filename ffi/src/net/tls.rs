//! TLS: who each side is and whom it trusts, for streams and for QUIC.

use std::ffi::c_char;
use std::sync::Arc;

use roundhouse::WallTime;
use roundhouse::net::quic::{ClientConfig, MASTER_SECRET_BYTES, ServerConfig, Shared};
use roundhouse::net::tls::{
    Certificates, ClientCertificates, ClientTls, Identity, Protocol, Resumption, ServerTls,
    trust_anchors,
};
use roundhouse::net::{TlsAcceptor, TlsConnector};

use crate::entry::{Growable, Out, enter, free, read_growable, text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind, Latch};
use crate::log::{check_slice, rh_slice};
use crate::status::rh_status;

/// A server's side of TLS 1.3. The listeners and endpoints it is given to share its sessions.
pub struct rh_tls_server;

impl Handle for rh_tls_server {
    type Object = ServerObject;
    const KIND: Kind = Kind::TlsServer;
}

/// A client's side of TLS 1.3. The connections it is used for share what it remembers of servers.
pub struct rh_tls_client;

impl Handle for rh_tls_client {
    type Object = ClientObject;
    const KIND: Kind = Kind::TlsClient;
}

/// A server behind its handle.
pub(crate) struct ServerObject {
    pub(super) acceptor: TlsAcceptor,
    pub(super) quic: ServerConfig,
    /// Its clock is that of the endpoints it is given to.
    pub(super) shared: Shared,
    certificates: Certificates,
}

/// A client behind its handle.
pub(crate) struct ClientObject {
    pub(super) connector: TlsConnector,
    pub(super) quic: ClientConfig,
    pub(super) shared: Shared,
}

/// How a server or a client presents itself. Start from `RH_TLS_SETTINGS_INIT`. Everything is copied.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_tls_settings {
    /// The size of this structure.
    pub struct_size: usize,
    /// Its certificates in PEM, its own first. A server must have one; a client shows it to servers that ask.
    pub certificates: rh_slice,
    /// The private key of the first certificate in PEM.
    pub key: rh_slice,
    /// Whose certificates count, in PEM. A client must have them; a server, if it asks clients for certificates.
    pub roots: rh_slice,
    /// The protocols it speaks (ALPN), best first, with commas between, such as `h3,h2`. NULL for none, which for
    /// QUIC is refused by most peers.
    pub protocols: *const c_char,
    /// A server's: whether clients show certificates; one of the `RH_CLIENT_CERTIFICATES_` numbers.
    pub client_certificates: u32,
    /// A server's: how it recognises returning clients; one of the `RH_RESUME_` numbers.
    pub resumption: u32,
    /// Sessions that are remembered at most; 0 is the default.
    pub sessions: u64,
    /// Not 0: a server takes early data over QUIC from sessions it remembers, once each; a client may send it. See
    /// RFC 8446 section 8 before using it.
    pub early_data: u32,
    /// 0.
    pub reserved: u32,
    /// A server's with `RH_RESUME_TICKETS`: 32 random bytes that are kept secret; whoever has the same recognises the
    /// tickets, also after a restart.
    pub secret: rh_slice,
}

/// Clients are not asked.
pub const RH_CLIENT_CERTIFICATES_NOT_ASKED: u32 = 0;
/// Clients may have none, but one they show must be valid.
pub const RH_CLIENT_CERTIFICATES_OPTIONAL: u32 = 1;
/// Clients without a valid one are refused.
pub const RH_CLIENT_CERTIFICATES_REQUIRED: u32 = 2;
/// Clients resume by sessions that the server keeps in memory.
pub const RH_RESUME_SESSIONS: u32 = 0;
/// They resume by tickets that they keep.
pub const RH_RESUME_TICKETS: u32 = 1;
/// They do not resume.
pub const RH_RESUME_NEVER: u32 = 2;

// SAFETY: `repr(C)`, begins with its size, and integers and raw pointers have no invalid values.
unsafe impl Growable for rh_tls_settings {
    const NAME: &'static str = "rh_tls_settings";
    const SIZE_MIN: usize = 104;
}

/// Makes a server of certificates and their key.
///
/// Errors: `RH_E_INVALID` if they cannot be used; the message says why. `RH_E_VERSION`. Ended by
/// `rh_tls_server_free`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_tls_server_new(
    settings: *const rh_tls_settings,
    out: *mut *mut rh_tls_server,
    error: *mut rh_error,
) -> rh_status {
    let make = || {
        // SAFETY: an out-parameter may be written, and the settings are as long as they say; the header says so.
        let (out, settings) = unsafe { (Out::new(out, "out")?, read_growable(settings)?) };
        let settings = settings.ok_or_else(|| Failure::null("settings"))?;
        // SAFETY: what settings point to can be read; the header says so.
        let object = unsafe { settings.server() }?;
        out.write(handle::insert::<rh_tls_server>(Arc::new(object), Latch::default())?);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_tls_server>(std::ptr::null(), error, make) }
}

/// Has a server show another certificate from the next handshake on. Connections that stand are not disturbed.
///
/// Errors: `RH_E_INVALID` if it cannot be used: the server goes on with the one it has. `RH_E_CLOSED`,
/// `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_tls_server_replace(
    server: *const rh_tls_server,
    certificates: rh_slice,
    key: rh_slice,
    error: *mut rh_error,
) -> rh_status {
    let replace = || {
        let server = handle::get(server)?;
        // SAFETY: slices can be read; the header says so.
        let (certificates, key) = unsafe { (view(&certificates)?, view(&key)?) };
        server.certificates.replace(Identity::from_pem(certificates, key)?);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(server, error, replace) }
}

/// Ends the handle of a server; what uses it goes on. NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_tls_server_free(
    server: *mut rh_tls_server,
    error: *mut rh_error,
) -> rh_status {
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { free(server, error) }
}

/// Makes a client that trusts roots.
///
/// Errors: `RH_E_INVALID` if they cannot be used; the message says why. `RH_E_VERSION`. Ended by
/// `rh_tls_client_free`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_tls_client_new(
    settings: *const rh_tls_settings,
    out: *mut *mut rh_tls_client,
    error: *mut rh_error,
) -> rh_status {
    let make = || {
        // SAFETY: an out-parameter may be written, and the settings are as long as they say; the header says so.
        let (out, settings) = unsafe { (Out::new(out, "out")?, read_growable(settings)?) };
        let settings = settings.ok_or_else(|| Failure::null("settings"))?;
        // SAFETY: what settings point to can be read; the header says so.
        let object = unsafe { settings.client() }?;
        out.write(handle::insert::<rh_tls_client>(Arc::new(object), Latch::default())?);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_tls_client>(std::ptr::null(), error, make) }
}

/// Ends the handle of a client; what uses it goes on. NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_tls_client_free(
    client: *mut rh_tls_client,
    error: *mut rh_error,
) -> rh_status {
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { free(client, error) }
}

impl rh_tls_settings {
    /// # Safety
    /// What it points to can be read.
    unsafe fn server(&self) -> Result<ServerObject, Failure> {
        // SAFETY: the caller's promise, of each slice and the text.
        let (identity, protocols, client_certificates, secret) = unsafe {
            (self.identity()?, self.protocols()?, self.client_certificates()?, self.secret()?)
        };
        let identity = identity.ok_or_else(|| Failure::invalid("a server needs certificates"))?;
        let certificates = Certificates::new(identity);
        let mut tls = ServerTls::new(certificates.clone(), protocols);
        tls.client_certificates = client_certificates;
        tls.resumption = self.resumption(secret.is_some())?;
        // Without tickets nothing is derived from it.
        let shared = Shared::new(&secret.unwrap_or_default(), WallTime(0), 1);
        let acceptor = TlsAcceptor::new(&tls, &shared.secrets)?;
        let quic = ServerConfig::new(&tls, &shared)?;
        Ok(ServerObject { acceptor, quic, shared, certificates })
    }

    /// # Safety
    /// As [`rh_tls_settings::server`].
    unsafe fn client(&self) -> Result<ClientObject, Failure> {
        // SAFETY: the caller's promise, of each slice and the text.
        let (identity, protocols, roots) =
            unsafe { (self.identity()?, self.protocols()?, view(&self.roots)?) };
        let mut tls = ClientTls::new(trust_anchors(roots)?, protocols);
        tls.identity = identity;
        tls.early_data = self.early_data != 0;
        if self.sessions > 0 {
            tls.sessions = usize::try_from(self.sessions).unwrap_or(usize::MAX);
        }
        // A client derives nothing from it.
        let shared = Shared::new(&[0; MASTER_SECRET_BYTES], WallTime(0), 1);
        let connector = TlsConnector::new(&tls)?;
        let quic = ClientConfig::new(&tls, &shared)?;
        Ok(ClientObject { connector, quic, shared })
    }

    /// # Safety
    /// As [`rh_tls_settings::server`].
    unsafe fn identity(&self) -> Result<Option<Identity>, Failure> {
        // SAFETY: the caller's promise.
        let (certificates, key) = unsafe { (view(&self.certificates)?, view(&self.key)?) };
        if certificates.is_empty() {
            return Ok(None);
        }
        Ok(Some(Identity::from_pem(certificates, key)?))
    }

    /// # Safety
    /// As [`rh_tls_settings::server`].
    unsafe fn protocols(&self) -> Result<Vec<Protocol>, Failure> {
        if self.protocols.is_null() {
            return Ok(Vec::new());
        }
        // SAFETY: the caller's promise.
        let names = unsafe { text(self.protocols, "protocols") }?.split(',');
        names.map(|name| check_protocol(name.trim())).collect()
    }

    /// # Safety
    /// As [`rh_tls_settings::server`].
    unsafe fn client_certificates(&self) -> Result<ClientCertificates, Failure> {
        // SAFETY: the caller's promise.
        let roots = || trust_anchors(unsafe { view(&self.roots) }?).map_err(Failure::from);
        Ok(match self.client_certificates {
            RH_CLIENT_CERTIFICATES_NOT_ASKED => ClientCertificates::NotAsked,
            RH_CLIENT_CERTIFICATES_OPTIONAL => ClientCertificates::Optional(roots()?),
            RH_CLIENT_CERTIFICATES_REQUIRED => ClientCertificates::Required(roots()?),
            other => {
                return Err(Failure::invalid(format!("there are no client_certificates {other}")));
            }
        })
    }

    fn resumption(&self, has_secret: bool) -> Result<Resumption, Failure> {
        match self.resumption {
            RH_RESUME_SESSIONS => {
                let Resumption::Sessions { count, .. } = Resumption::default() else {
                    return Ok(Resumption::default());
                };
                let set = usize::try_from(self.sessions).unwrap_or(usize::MAX);
                let count = if set > 0 { set } else { count };
                Ok(Resumption::Sessions { count, early_data: self.early_data != 0 })
            }
            RH_RESUME_TICKETS if !has_secret => Err(Failure::invalid("tickets need a secret")),
            RH_RESUME_TICKETS => Ok(Resumption::Tickets),
            RH_RESUME_NEVER => Ok(Resumption::Off),
            other => Err(Failure::invalid(format!("there is no resumption {other}"))),
        }
    }

    /// # Safety
    /// As [`rh_tls_settings::server`].
    unsafe fn secret(&self) -> Result<Option<[u8; MASTER_SECRET_BYTES]>, Failure> {
        // SAFETY: the caller's promise.
        unsafe { read_secret(&self.secret) }
    }
}

/// A secret, if there is one.
///
/// # Safety
/// The slice can be read.
pub(super) unsafe fn read_secret(
    slice: &rh_slice,
) -> Result<Option<[u8; MASTER_SECRET_BYTES]>, Failure> {
    // SAFETY: the caller's promise.
    let secret = unsafe { view(slice) }?;
    if secret.is_empty() {
        return Ok(None);
    }
    let wrong = |_| {
        let message = format!("a secret has {MASTER_SECRET_BYTES} bytes, not {}", secret.len());
        Failure::invalid(message)
    };
    secret.try_into().map(Some).map_err(wrong)
}

/// What an endpoint without a server's TLS shares with nobody.
pub(super) fn shared_of(
    server: Option<&ServerObject>,
    secret: &[u8; MASTER_SECRET_BYTES],
    shards: u16,
) -> Shared {
    let mut shared = Shared::new(secret, WallTime(0), shards);
    if let Some(server) = server {
        shared.wall = server.shared.wall.clone();
    }
    shared
}

fn check_protocol(name: &str) -> Result<Protocol, Failure> {
    if (1..=255).contains(&name.len()) {
        return Ok(name.as_bytes().to_vec());
    }
    Err(Failure::invalid(format!("a protocol has a name of 1 to 255 bytes, not {}", name.len())))
}

/// # Safety
/// The slice can be read for as long as the result is used.
unsafe fn view<'a>(slice: &rh_slice) -> Result<&'a [u8], Failure> {
    check_slice(slice)?;
    if slice.len == 0 {
        return Ok(&[]);
    }
    // SAFETY: not NULL, since it has a length; the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(slice.data, slice.len) })
}
