//! The bodies of catalogue records: what happens to a log, said in the log of logs.
//!
//! ```text
//!              0                 4                 8
//!   create    | log             | name_bytes      | LogConfig, name, zeros to a multiple of 8
//!   configure | log             | 0               | LogConfig
//!   delete    | log             | 0               |
//!   trim      | log             | 0               | start_offset (u64)
//!   truncate  | log             | 0               | end_offset (u64)
//! ```

use bytes::{BufMut, BytesMut};
use roundhouse_base::{LogId, Offset};
use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::config::{LogConfig, RawLogConfig};
use super::payload::{PayloadReader, assert_encodable, check_name_bytes, put_name};
use super::record::{CATALOGUE_LOG, RecordKind};
use super::reject::{FieldReject, PayloadReject, check_field};

/// A record of the catalogue log: what happens to another log. Trimming and truncating never touch
/// the records they drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRecord {
    /// A log begins, at offset 0.
    Create {
        /// Its number, never used before.
        log: LogId,
        /// Its name, 1..=255 bytes.
        name: String,
        /// Its settings.
        config: LogConfig,
    },
    /// A log gets other settings.
    Configure {
        /// The log.
        log: LogId,
        /// All its settings from here on.
        config: LogConfig,
    },
    /// A log ends, with all its records.
    Delete {
        /// The log.
        log: LogId,
    },
    /// A log loses its beginning.
    Trim {
        /// The log.
        log: LogId,
        /// The first offset it keeps.
        start: Offset,
    },
    /// A log loses its end: records of it before this one in the write-ahead log that have this
    /// offset or a higher one are dead, and the next record gets this offset.
    Truncate {
        /// The log.
        log: LogId,
        /// The first offset it loses.
        end: Offset,
    },
}

impl ControlRecord {
    /// The kind of the record that carries this body.
    pub fn kind(&self) -> RecordKind {
        match self {
            ControlRecord::Create { .. } => RecordKind::Create,
            ControlRecord::Configure { .. } => RecordKind::Configure,
            ControlRecord::Delete { .. } => RecordKind::Delete,
            ControlRecord::Trim { .. } => RecordKind::Trim,
            ControlRecord::Truncate { .. } => RecordKind::Truncate,
        }
    }

    /// The log that the record is about; the record itself belongs to [`CATALOGUE_LOG`].
    pub fn log(&self) -> LogId {
        match *self {
            ControlRecord::Create { log, .. }
            | ControlRecord::Configure { log, .. }
            | ControlRecord::Delete { log }
            | ControlRecord::Trim { log, .. }
            | ControlRecord::Truncate { log, .. } => log,
        }
    }

    /// Appends the body to `out`.
    ///
    /// # Panics
    /// If the log is [`CATALOGUE_LOG`] or the name is empty or longer than 255 bytes.
    pub fn encode(&self, out: &mut BytesMut) {
        assert_encodable(check_log(self.log()));
        let name_bytes = match self {
            ControlRecord::Create { name, .. } => {
                assert_encodable(check_name_bytes(name.len()));
                name.len() as u32
            }
            _ => 0,
        };
        let subject = RawSubject { log: self.log().0.into(), name_bytes: name_bytes.into() };
        out.put_slice(subject.as_bytes());
        match self {
            ControlRecord::Create { name, config, .. } => {
                out.put_slice(&config.encode());
                put_name(out, name);
            }
            ControlRecord::Configure { config, .. } => out.put_slice(&config.encode()),
            ControlRecord::Delete { .. } => {}
            ControlRecord::Trim { start: offset, .. }
            | ControlRecord::Truncate { end: offset, .. } => out.put_u64_le(offset.0),
        }
    }

    /// Reads the body of a record of the given kind. A data record's body is the user's and holds
    /// none; that is an error of the field `kind`.
    ///
    /// # Errors
    /// The first part of the body that no writer of this version produces.
    pub fn decode(kind: RecordKind, body: &[u8]) -> Result<ControlRecord, PayloadReject> {
        let mut reader = PayloadReader::new(body);
        let RawSubject { log, name_bytes } = reader.take()?;
        let (log, name_bytes) = (LogId(log.get()), name_bytes.get());
        reader.check(check_log(log))?;
        if kind != RecordKind::Create {
            let unused = check_field(name_bytes == 0, "reserved", name_bytes, "0");
            reader.check(unused)?;
        }
        let record = match kind {
            RecordKind::Data => {
                let (name, expected) = ("kind", "a kind of catalogue record");
                return reader.check(Err(FieldReject { name, found: 1, expected }));
            }
            RecordKind::Create => {
                let config = take_config(&mut reader)?;
                let name = reader.take_name(name_bytes)?.to_owned();
                ControlRecord::Create { log, name, config }
            }
            RecordKind::Configure => {
                ControlRecord::Configure { log, config: take_config(&mut reader)? }
            }
            RecordKind::Delete => ControlRecord::Delete { log },
            RecordKind::Trim => ControlRecord::Trim { log, start: take_offset(&mut reader)? },
            RecordKind::Truncate => ControlRecord::Truncate { log, end: take_offset(&mut reader)? },
        };
        reader.finish()?;
        Ok(record)
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawSubject {
    log: U32,
    name_bytes: U32,
}

fn take_config(reader: &mut PayloadReader<'_>) -> Result<LogConfig, PayloadReject> {
    let config = LogConfig::from_raw(reader.take::<RawLogConfig>()?);
    reader.check(config)
}

fn take_offset(reader: &mut PayloadReader<'_>) -> Result<Offset, PayloadReject> {
    Ok(Offset(reader.take::<U64>()?.get()))
}

fn check_log(log: LogId) -> Result<(), FieldReject> {
    check_field(log != CATALOGUE_LOG, "log", log.0, "a log other than the catalogue")
}
