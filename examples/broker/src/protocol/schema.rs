//! The shapes of the requests that the generated decoders read, as far as lengths go.
//!
//! The decoders of `kafka-protocol` allocate what an array's count says before they look whether
//! the message is that long; thirty bytes could ask for gigabytes. So each request is first walked
//! along its shape here, with every length held against what is left ([`Request::check`]). The shapes
//! are the message definitions of Apache Kafka 4.1 (`clients/src/main/resources/common/message`).

use super::reader::{Malformed, Reader};

/// The body of a request.
#[derive(Debug)]
pub struct Request {
    /// The first version with compact lengths and tagged fields.
    pub flexible_since: i16,
    /// Its fields; empty if the broker reads it by hand.
    pub fields: &'static [Field],
}

/// A field and the versions that have it.
#[derive(Debug)]
pub struct Field {
    since: i16,
    until: i16,
    kind: Kind,
}

/// What a field holds. Whether a string or array may be null makes no difference here.
#[derive(Debug)]
pub enum Kind {
    /// So many bytes.
    Fixed(usize),
    /// A string.
    String,
    /// Bytes.
    Bytes,
    /// An array of structures.
    Structures(&'static [Field]),
    /// An array of plain values.
    Values(&'static Kind),
}

impl Request {
    /// Walks along a body of a version. What follows it is ignored, as Kafka does: librdkafka 2.16 asks
    /// for all topics with a few bytes too many.
    ///
    /// # Errors
    /// The first length that does not fit.
    pub fn check(&self, body: &[u8], version: i16) -> Result<(), Malformed> {
        let mut reader = Reader::new(body, self.is_flexible(version));
        structure(self.fields, &mut reader, version)
    }

    /// Whether a version has compact lengths and tagged fields.
    pub fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible_since
    }
}

fn structure(fields: &[Field], reader: &mut Reader<'_>, version: i16) -> Result<(), Malformed> {
    for field in fields.iter().filter(|field| (field.since..=field.until).contains(&version)) {
        value(&field.kind, reader, version)?;
    }
    reader.skip_tagged_fields()
}

fn value(kind: &Kind, reader: &mut Reader<'_>, version: i16) -> Result<(), Malformed> {
    match kind {
        Kind::Fixed(bytes) => reader.take(*bytes).map(drop),
        Kind::String => reader.nullable_string().map(drop),
        Kind::Bytes => reader.nullable_bytes().map(drop),
        Kind::Structures(fields) => {
            for _ in 0..reader.array_length()?.unwrap_or(0) {
                structure(fields, reader, version)?;
            }
            Ok(())
        }
        Kind::Values(kind) => {
            for _ in 0..reader.array_length()?.unwrap_or(0) {
                value(kind, reader, version)?;
            }
            Ok(())
        }
    }
}

const fn all(kind: Kind) -> Field {
    Field { since: 0, until: i16::MAX, kind }
}

const fn since(since: i16, kind: Kind) -> Field {
    Field { since, until: i16::MAX, kind }
}

const fn until(until: i16, kind: Kind) -> Field {
    Field { since: 0, until, kind }
}

const fn between(since: i16, until: i16, kind: Kind) -> Field {
    Field { since, until, kind }
}

const I8: Kind = Kind::Fixed(1);
const BOOL: Kind = Kind::Fixed(1);
const I16: Kind = Kind::Fixed(2);
const I32: Kind = Kind::Fixed(4);
const I64: Kind = Kind::Fixed(8);
const UUID: Kind = Kind::Fixed(16);
const STRING: Kind = Kind::String;
const STRINGS: Kind = Kind::Values(&STRING);
const NUMBERS: Kind = Kind::Values(&I32);

/// Read by hand.
pub(super) const PRODUCE: Request = Request { flexible_since: 9, fields: &[] };
/// Read by hand.
pub(super) const FETCH: Request = Request { flexible_since: 12, fields: &[] };

pub(super) const LIST_OFFSETS: Request = Request {
    flexible_since: 6,
    fields: &[
        all(I32),
        since(2, I8),
        all(Kind::Structures(&[
            all(STRING),
            all(Kind::Structures(&[all(I32), since(4, I32), all(I64)])),
        ])),
        since(10, I32),
    ],
};

pub(super) const METADATA: Request = Request {
    flexible_since: 9,
    fields: &[
        all(Kind::Structures(&[since(10, UUID), all(STRING)])),
        since(4, BOOL),
        between(8, 10, BOOL),
        since(8, BOOL),
    ],
};

pub(super) const OFFSET_COMMIT: Request = Request {
    flexible_since: 8,
    fields: &[
        all(STRING),
        all(I32),
        all(STRING),
        since(7, STRING),
        until(4, I64),
        all(Kind::Structures(&[
            all(STRING),
            all(Kind::Structures(&[all(I32), all(I64), since(6, I32), all(STRING)])),
        ])),
    ],
};

pub(super) const OFFSET_FETCH: Request = Request {
    flexible_since: 6,
    fields: &[
        until(7, STRING),
        until(7, Kind::Structures(&[all(STRING), all(NUMBERS)])),
        since(
            8,
            Kind::Structures(&[
                all(STRING),
                since(9, STRING),
                since(9, I32),
                all(Kind::Structures(&[all(STRING), all(NUMBERS)])),
            ]),
        ),
        since(7, BOOL),
    ],
};

pub(super) const FIND_COORDINATOR: Request =
    Request { flexible_since: 3, fields: &[until(3, STRING), since(1, I8), since(4, STRINGS)] };

pub(super) const JOIN_GROUP: Request = Request {
    flexible_since: 6,
    fields: &[
        all(STRING),
        all(I32),
        since(1, I32),
        all(STRING),
        since(5, STRING),
        all(STRING),
        all(Kind::Structures(&[all(STRING), all(Kind::Bytes)])),
        since(8, STRING),
    ],
};

pub(super) const HEARTBEAT: Request =
    Request { flexible_since: 4, fields: &[all(STRING), all(I32), all(STRING), since(3, STRING)] };

pub(super) const LEAVE_GROUP: Request = Request {
    flexible_since: 4,
    fields: &[
        all(STRING),
        until(2, STRING),
        since(3, Kind::Structures(&[all(STRING), all(STRING), since(5, STRING)])),
    ],
};

pub(super) const SYNC_GROUP: Request = Request {
    flexible_since: 4,
    fields: &[
        all(STRING),
        all(I32),
        all(STRING),
        since(3, STRING),
        since(5, STRING),
        since(5, STRING),
        all(Kind::Structures(&[all(STRING), all(Kind::Bytes)])),
    ],
};

pub(super) const DESCRIBE_GROUPS: Request =
    Request { flexible_since: 5, fields: &[all(STRINGS), since(3, BOOL)] };

pub(super) const LIST_GROUPS: Request =
    Request { flexible_since: 3, fields: &[since(4, STRINGS), since(5, STRINGS)] };

pub(super) const API_VERSIONS: Request =
    Request { flexible_since: 3, fields: &[since(3, STRING), since(3, STRING)] };

pub(super) const CREATE_TOPICS: Request = Request {
    flexible_since: 5,
    fields: &[
        all(Kind::Structures(&[
            all(STRING),
            all(I32),
            all(I16),
            all(Kind::Structures(&[all(I32), all(NUMBERS)])),
            all(Kind::Structures(&[all(STRING), all(STRING)])),
        ])),
        all(I32),
        all(BOOL),
    ],
};

pub(super) const DELETE_TOPICS: Request = Request {
    flexible_since: 4,
    fields: &[since(6, Kind::Structures(&[all(STRING), all(UUID)])), until(5, STRINGS), all(I32)],
};

pub(super) const DELETE_RECORDS: Request = Request {
    flexible_since: 2,
    fields: &[
        all(Kind::Structures(&[all(STRING), all(Kind::Structures(&[all(I32), all(I64)]))])),
        all(I32),
    ],
};

pub(super) const INIT_PRODUCER_ID: Request =
    Request { flexible_since: 2, fields: &[all(STRING), all(I32), since(3, I64), since(3, I16)] };

pub(super) const OFFSET_FOR_LEADER_EPOCH: Request = Request {
    flexible_since: 4,
    fields: &[
        since(3, I32),
        all(Kind::Structures(&[
            all(STRING),
            all(Kind::Structures(&[all(I32), all(I32), all(I32)])),
        ])),
    ],
};

pub(super) const DESCRIBE_CONFIGS: Request = Request {
    flexible_since: 4,
    fields: &[
        all(Kind::Structures(&[all(I8), all(STRING), all(STRINGS)])),
        since(1, BOOL),
        since(3, BOOL),
    ],
};

pub(super) const ALTER_CONFIGS: Request = Request {
    flexible_since: 2,
    fields: &[
        all(Kind::Structures(&[
            all(I8),
            all(STRING),
            all(Kind::Structures(&[all(STRING), all(STRING)])),
        ])),
        all(BOOL),
    ],
};

pub(super) const INCREMENTAL_ALTER_CONFIGS: Request = Request {
    flexible_since: 1,
    fields: &[
        all(Kind::Structures(&[
            all(I8),
            all(STRING),
            all(Kind::Structures(&[all(STRING), all(I8), all(STRING)])),
        ])),
        all(BOOL),
    ],
};

pub(super) const CREATE_PARTITIONS: Request = Request {
    flexible_since: 2,
    fields: &[
        all(Kind::Structures(&[all(STRING), all(I32), all(Kind::Structures(&[all(NUMBERS)]))])),
        all(I32),
        all(BOOL),
    ],
};

pub(super) const DELETE_GROUPS: Request = Request { flexible_since: 2, fields: &[all(STRINGS)] };

pub(super) const OFFSET_DELETE: Request = Request {
    flexible_since: i16::MAX,
    fields: &[
        all(STRING),
        all(Kind::Structures(&[all(STRING), all(Kind::Structures(&[all(I32)]))])),
    ],
};

pub(super) const DESCRIBE_CLUSTER: Request =
    Request { flexible_since: 0, fields: &[all(BOOL), since(1, I8), since(2, BOOL)] };
