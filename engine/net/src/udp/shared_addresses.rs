//! Addresses that the sockets of several shards share.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roundhouse_base::ShardId;
use roundhouse_runtime::Errno;

/// Knows in which order the datagram sockets of an engine's shards were bound to each address, which
/// is how the kernel numbers them. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct SharedAddresses(Arc<Mutex<HashMap<SocketAddr, Vec<ShardId>>>>);

/// A socket's place at an address; given up when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    addresses: SharedAddresses,
    local: SocketAddr,
    shard: ShardId,
}

impl SharedAddresses {
    /// Nobody shares anything yet.
    pub fn new() -> SharedAddresses {
        SharedAddresses::default()
    }

    /// Notes the place of a socket that `bind` binds. One at a time, so that the order is the
    /// kernel's.
    pub(super) fn bind<T>(
        &self,
        shard: ShardId,
        bind: impl FnOnce() -> Result<(T, SocketAddr), Errno>,
    ) -> Result<(T, SocketAddr, Place), Errno> {
        let mut orders = self.lock();
        let (bound, local) = bind()?;
        orders.entry(local).or_default().push(shard);
        Ok((bound, local, Place { addresses: self.clone(), local, shard }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Vec<ShardId>>> {
        // Every change is one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// For each of `shards` shards, the place of its socket at this address.
    pub(super) fn all(&self, shards: u16) -> Vec<Option<u16>> {
        let orders = self.addresses.lock();
        let order = orders.get(&self.local).map_or(&[][..], Vec::as_slice);
        let place = |shard| order.iter().position(|bound| *bound == ShardId(shard));
        (0..shards).map(|shard| place(shard).map(|place| place as u16)).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut orders = self.addresses.lock();
        let Some(order) = orders.get_mut(&self.local) else { return };
        if let Some(place) = order.iter().position(|shard| *shard == self.shard) {
            // As the kernel does when a socket of a group is closed.
            order.swap_remove(place);
        }
        if order.is_empty() {
            orders.remove(&self.local);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(addresses: &SharedAddresses, shard: u16) -> Place {
        let bind = || Ok(((), ([127, 0, 0, 1], 1).into()));
        addresses.bind(ShardId(shard), bind).unwrap().2
    }

    #[test]
    fn places_follow_the_order_of_binding_and_the_last_one_fills_a_gap() {
        let addresses = SharedAddresses::new();
        let [two, zero, one] = [2, 0, 1].map(|shard| bind(&addresses, shard));
        assert_eq!(zero.all(4), [Some(1), Some(2), Some(0), None]);
        drop(two);
        assert_eq!(zero.all(3), [Some(1), Some(0), None]);
        drop((zero, one));
        assert!(addresses.lock().is_empty());
    }

    #[test]
    fn a_socket_that_could_not_be_bound_has_no_place() {
        let addresses = SharedAddresses::new();
        let refused = addresses.bind(ShardId(0), || Err::<((), _), _>(Errno::ADDRINUSE));
        assert_eq!(refused.err(), Some(Errno::ADDRINUSE));
        assert!(addresses.lock().is_empty());
    }
}
