//! Connections that are there and do little, as most are.

use std::net::SocketAddr;

use super::LoadError;
use super::link::{Link, SILENCE, wait};
use super::requests::ping;

/// Open connections; closed when dropped.
#[derive(Debug)]
pub struct Held {
    links: Vec<Link>,
}

impl Held {
    /// Asks something over each, all at once, and waits for all answers.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn ask_all(&mut self) -> Result<(), LoadError> {
        for link in &mut self.links {
            link.send([ping()]);
            link.flush()?;
        }
        let mut answers = 0;
        while answers < self.links.len() {
            let ready = wait(&self.links, SILENCE)?;
            for (link, ready) in self.links.iter_mut().zip(ready) {
                if ready.can_read {
                    link.fill()?;
                    answers += usize::from(link.response().is_some());
                }
            }
        }
        Ok(())
    }
}

/// Opens connections, each of which was answered something.
///
/// # Errors
/// See [`LoadError`]. Each takes a file descriptor here and one of the broker.
pub fn hold(address: SocketAddr, connections: usize) -> Result<Held, LoadError> {
    let links = (0..connections).map(|_| Link::connect(address, 4096));
    let mut held = Held { links: links.collect::<Result<_, _>>()? };
    held.ask_all()?;
    Ok(held)
}
