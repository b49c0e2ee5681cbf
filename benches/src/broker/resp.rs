//! As much of Redis' protocol as takes answers apart.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use roundhouse_measure::MeasureError;

/// A connection that counts answers.
pub(super) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// What of that was counted.
    counted: usize,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Connection, MeasureError> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, received: Vec::new(), counted: 0 })
    }

    pub(super) fn send(&mut self, commands: &[u8]) -> Result<(), MeasureError> {
        Ok(self.stream.write_all(commands)?)
    }

    /// Takes so many answers; an error among them is one.
    pub(super) fn receive(&mut self, answers: usize) -> Result<(), MeasureError> {
        let mut missing = answers;
        let mut buffer = vec![0; 256 << 10];
        loop {
            while missing > 0
                && let Some(end) = end_of_value(&self.received, self.counted)?
            {
                self.counted = end;
                missing -= 1;
            }
            if missing == 0 {
                return Ok(());
            }
            self.received.drain(..std::mem::take(&mut self.counted));
            match self.stream.read(&mut buffer)? {
                0 => return Err("Redis ended the connection".into()),
                bytes => self.received.extend_from_slice(&buffer[..bytes]),
            }
        }
    }
}

/// Where the value that begins at `at` ends; `None` if it is not all there.
fn end_of_value(bytes: &[u8], at: usize) -> Result<Option<usize>, MeasureError> {
    let mut values = 1_i64;
    let mut at = at;
    while values > 0 {
        let rest = &bytes[at..];
        let Some(line_bytes) = rest.windows(2).position(|two| two == b"\r\n") else {
            return Ok(None);
        };
        let line = std::str::from_utf8(&rest[..line_bytes])?;
        at += line_bytes + 2;
        values -= 1;
        match line.split_at_checked(1) {
            Some(("+" | ":", _)) => {}
            Some(("$", length)) => at += usize::try_from(length.parse::<i64>()?)? + 2,
            Some(("*", count)) => values += count.parse::<i64>()?,
            _ => return Err(format!("Redis answered {line:?}").into()),
        }
        if at > bytes.len() {
            return Ok(None);
        }
    }
    Ok(Some(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_its_last_part_does() {
        let bytes = b"*2\r\n$3\r\nabc\r\n:12\r\n+OK\r\n";
        assert_eq!(end_of_value(bytes, 0).ok(), Some(Some(18)));
        assert_eq!(end_of_value(bytes, 18).ok(), Some(Some(bytes.len())));
        for cut in 0..18 {
            assert_eq!(end_of_value(&bytes[..cut], 0).ok(), Some(None), "cut at {cut}");
        }
        assert!(end_of_value(b"-ERR no\r\n", 0).is_err());
    }
}
