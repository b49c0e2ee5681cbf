//! What all shards of an engine must agree on, derived from one secret.

use std::fmt;

use ring::{hkdf, hmac};

/// Bytes of the secret from which everything is derived.
pub const MASTER_SECRET_BYTES: usize = 32;

/// The keys that all shards of an engine share, so that any of them can check what another made:
/// connection IDs, stateless reset tokens (RFC 9000 section 10.3), address validation tokens
/// (section 8.1), and session tickets.
///
/// Whoever keeps the master secret over a restart can send resets for connections from before it
/// and accepts the tokens and tickets handed out then.
#[derive(Clone)]
pub struct Secrets {
    pub(crate) reset: hmac::Key,
    pub(crate) token: hkdf::Prk,
    pub(crate) ticket: hkdf::Prk,
    pub(crate) connection_id: hmac::Key,
}

impl Secrets {
    /// Derives all keys from `master`, which must be random and secret (HKDF, RFC 5869).
    ///
    /// # Panics
    /// Never: the lengths asked of HKDF are constants that it allows.
    pub fn new(master: &[u8; MASTER_SECRET_BYTES]) -> Secrets {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"roundhouse quic").extract(master);
        let derive = |label: &[u8]| {
            let info = [label];
            let okm = root.expand(&info, hkdf::HKDF_SHA256).expect("32 bytes can be derived");
            let mut key = [0; 32];
            okm.fill(&mut key).expect("the buffer has the length asked for");
            key
        };
        let signing = |label| hmac::Key::new(hmac::HMAC_SHA256, &derive(label));
        let deriving = |label| hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &derive(label));
        Secrets {
            reset: signing(b"reset"),
            token: deriving(b"token"),
            ticket: deriving(b"ticket"),
            connection_id: signing(b"connection id"),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}
