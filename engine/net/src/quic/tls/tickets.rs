//! Session tickets that any shard can read, also after a restart.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use ring::{aead, hkdf};
use rustls::server::ProducesTickets;

use crate::quic::clock::WallClock;
use crate::quic::secrets::Secrets;

/// Seals session state into tickets (RFC 5077) under keys that everyone with the same [`Secrets`]
/// derives: one key per period, made from its number.
///
/// ```text
/// | period, u64 LE | nonce, 12 | sealed session state, tag |
/// ```
///
/// A ticket is accepted in the period it was made in and in the one after.
pub(super) struct SharedTickets {
    key: hkdf::Prk,
    clock: WallClock,
}

/// Twelve hours a key, so that a ticket lives between twelve hours and a day.
const PERIOD_SECONDS: u64 = 12 * 60 * 60;
const PERIOD_BYTES: usize = 8;

impl SharedTickets {
    pub(super) fn new(secrets: &Secrets, clock: WallClock) -> SharedTickets {
        SharedTickets { key: secrets.ticket.clone(), clock }
    }

    fn period(&self) -> u64 {
        self.clock.now().as_millis() / 1000 / PERIOD_SECONDS
    }

    fn key(&self, period: u64) -> aead::LessSafeKey {
        let period = period.to_le_bytes();
        let info = [&period[..]];
        let okm = self.key.expand(&info, &aead::AES_256_GCM);
        aead::LessSafeKey::new(okm.expect("a cipher's key length can be derived").into())
    }
}

impl ProducesTickets for SharedTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        PERIOD_SECONDS as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let period = self.period();
        let mut nonce = [0; aead::NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = plain.to_vec();
        let unique = aead::Nonce::assume_unique_for_key(nonce);
        let key = self.key(period);
        key.seal_in_place_append_tag(unique, aead::Aad::empty(), &mut sealed).ok()?;
        Some([&period.to_le_bytes(), &nonce[..], &sealed].concat())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (period, rest) = ticket.split_first_chunk::<PERIOD_BYTES>()?;
        let (nonce, sealed) = rest.split_first_chunk::<{ aead::NONCE_LEN }>()?;
        let (period, now) = (u64::from_le_bytes(*period), self.period());
        if period > now || now - period > 1 {
            return None;
        }
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let mut sealed = sealed.to_vec();
        let plain = self.key(period).open_in_place(nonce, aead::Aad::empty(), &mut sealed).ok()?;
        Some(plain.to_vec())
    }
}

impl fmt::Debug for SharedTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedTickets")
    }
}

#[cfg(test)]
mod tests {
    use roundhouse_base::WallTime;

    use super::*;

    fn tickets(master: u8, clock: &WallClock) -> SharedTickets {
        SharedTickets::new(&Secrets::new(&[master; 32]), clock.clone())
    }

    #[test]
    fn a_ticket_is_good_on_every_shard_for_one_period_more() {
        let clock = WallClock::new(WallTime::from_millis(1000 * PERIOD_SECONDS));
        let ticket = tickets(1, &clock).encrypt(b"session").unwrap();
        let elsewhere = tickets(1, &clock);
        assert_eq!(elsewhere.decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        clock.set(WallTime::from_millis(2999 * PERIOD_SECONDS));
        assert!(elsewhere.decrypt(&ticket).is_some(), "the end of the period after");
        clock.set(WallTime::from_millis(3000 * PERIOD_SECONDS));
        assert!(elsewhere.decrypt(&ticket).is_none());
    }

    #[test]
    fn damaged_foreign_and_short_tickets_are_refused() {
        let clock = WallClock::new(WallTime::from_millis(0));
        let ticket = tickets(1, &clock).encrypt(b"session").unwrap();
        assert!(tickets(2, &clock).decrypt(&ticket).is_none());
        for at in 0..ticket.len() {
            let mut damaged = ticket.clone();
            damaged[at] ^= 1;
            assert!(tickets(1, &clock).decrypt(&damaged).is_none(), "bit 0 of byte {at}");
            assert!(tickets(1, &clock).decrypt(&ticket[..at]).is_none(), "cut at {at}");
        }
    }
}
