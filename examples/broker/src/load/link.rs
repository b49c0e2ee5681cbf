//! A generator's connection: requests out, whole responses in, nothing ever waits for it.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::{Buf, Bytes};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::LoadError;

/// A connection to a broker.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    unsent: VecDeque<Bytes>,
    /// What came; whole responses are taken off the front.
    came: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Link {
    /// Connects. `response_bytes` is what one response is expected to have at most.
    pub(super) fn connect(address: SocketAddr, response_bytes: usize) -> Result<Link, LoadError> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let came = vec![0; response_bytes];
        Ok(Link { stream, unsent: VecDeque::new(), came, begin: 0, end: 0 })
    }

    /// Puts a request in line, with its length in front.
    pub(super) fn send(&mut self, pieces: impl IntoIterator<Item = Bytes>) {
        self.unsent.extend(pieces);
    }

    /// Writes as much as the socket takes.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let slices: Vec<IoSlice<'_>> =
                self.unsent.iter().take(PIECES_MAX).map(|piece| IoSlice::new(piece)).collect();
            let mut sent = match self.stream.write_vectored(&slices) {
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            while let Some(front) = self.unsent.front_mut() {
                if front.len() > sent {
                    front.advance(sent);
                    break;
                }
                sent -= front.len();
                self.unsent.pop_front();
            }
        }
        Ok(())
    }

    /// Reads what is there, once: `poll` tells if there is more.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        } else if self.end == self.came.len() {
            self.make_room();
        }
        match self.stream.read(&mut self.came[self.end..]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => {
                self.end += bytes;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next whole response, without its length.
    pub(super) fn response(&mut self) -> Option<&[u8]> {
        let rest = &self.came[self.begin..self.end];
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let response = rest.get(4..4 + length)?;
        self.begin += 4 + length;
        Some(response)
    }

    /// Asks one thing and waits for the answer.
    pub(super) fn call(&mut self, request: Bytes) -> Result<Vec<u8>, LoadError> {
        self.send([request]);
        loop {
            self.flush()?;
            wait(std::slice::from_ref(self), SILENCE)?;
            self.fill()?;
            if let Some(response) = self.response() {
                return Ok(response.to_vec());
            }
        }
    }

    fn make_room(&mut self) {
        self.came.copy_within(self.begin..self.end, 0);
        (self.begin, self.end) = (0, self.end - self.begin);
        if self.end * 2 > self.came.len() {
            self.came.resize(self.came.len() * 2, 0);
        }
    }
}

/// What `poll` said of one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    /// Something came.
    pub(super) can_read: bool,
    /// What could not be sent before can be now.
    pub(super) can_write: bool,
}

/// Waits until something can be done for one of the connections, or the time is over.
pub(super) fn wait(links: &[Link], time: Duration) -> Result<Vec<Ready>, LoadError> {
    let polled = |link| {
        let Link { stream, unsent, .. }: &Link = link;
        let wanted = if unsent.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        PollFd::new(stream, wanted)
    };
    let mut polled: Vec<PollFd<'_>> = links.iter().map(polled).collect();
    let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
    let ready = poll(&mut polled, Some(&time)).map_err(io::Error::from)?;
    if ready == 0 && time.tv_sec >= SILENCE.as_secs() as i64 {
        return Err(LoadError::Silent);
    }
    let ready = |polled: &PollFd<'_>| {
        let said = polled.revents();
        Ready {
            can_read: said.intersects(!PollFlags::OUT),
            can_write: said.contains(PollFlags::OUT),
        }
    };
    Ok(polled.iter().map(ready).collect())
}

/// How long a broker may say nothing.
pub(super) const SILENCE: Duration = Duration::from_mins(2);
/// Pieces of one write.
const PIECES_MAX: usize = 64;
