//! A confused program: the bytes it is made of decide which calls it makes, with handles that are NULL, closed, of
//! another kind or made up. Nothing may panic, hang or be left over. `main.rs` runs it on random bytes and on the
//! corpus, `fuzz/` on what libFuzzer makes up.

mod engines;
mod logs;
mod quic;
mod sockets;
mod streams;

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::{MaybeUninit, zeroed};
use std::path::Path;
use std::ptr::{null, null_mut, without_provenance_mut};

use roundhouse_ffi::*;

/// Runs the program that the bytes are, on a directory that is there and empty.
///
/// # Panics
/// If the library panics, or does not end what it began.
pub(crate) fn run(bytes: &[u8], directory: &Path) {
    let mut program = Program::new(Choices(bytes), directory);
    let (closes_first, connects) =
        program.choices.one_of(&[(false, false), (false, true), (true, false), (true, true)]);
    if connects {
        program.connect();
    }
    for call in 0.. {
        if program.choices.0.is_empty() {
            break;
        }
        let status = program.call();
        assert_ne!(status, RH_E_PANIC, "call {call}");
    }
    program.end(closes_first);
}

/// Bytes that are used up one by one; when there are none left, each is 0.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, end: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % end
    }

    fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }
}

/// Handles as a confused program has them: good ones and others, all as numbers.
struct Program<'a> {
    choices: Choices<'a>,
    path: CString,
    handles: Vec<usize>,
    /// Those of them that operations made, with the operation; and what is no operation's.
    made: Vec<(u32, usize)>,
    /// Addresses of sockets, with the operation that opened each; and others.
    addresses: Vec<(u32, rh_address)>,
    /// Operations that were accepted and whose last completion was not taken, by queue.
    under_way: BTreeMap<usize, usize>,
    /// Gives back what operations fill, which is lent to them until the end.
    lent: Vec<Box<dyn FnOnce()>>,
    /// The last completion that was taken.
    last: rh_completion,
    queue: *mut rh_queue,
    engine: *mut rh_engine,
    /// Whether closing the engine was accepted.
    is_closing: bool,
}

impl<'a> Program<'a> {
    fn new(choices: Choices<'a>, directory: &Path) -> Program<'a> {
        let path =
            CString::new(directory.join("store").to_str().expect("is UTF-8")).expect("has no NUL");
        let (mut options, mut engine) = (null_mut(), null_mut());
        // SAFETY: the texts end with a NUL and the out-parameters are variables.
        unsafe {
            assert_eq!(rh_options_new(&raw mut options, null_mut()), RH_OK);
            let toml = c"shards = 1\nslot_size = '4MiB'";
            assert_eq!(rh_options_load_toml(options, toml.as_ptr(), null_mut()), RH_OK);
            assert_eq!(
                rh_engine_open(path.as_ptr(), options, 0, &raw mut engine, null_mut()),
                RH_OK
            );
        }
        let mut program = Program {
            choices,
            path,
            handles: vec![0, 7, usize::MAX, options.addr(), engine.addr()],
            made: Vec::new(),
            addresses: sockets::addresses(),
            under_way: BTreeMap::new(),
            lent: Vec::new(),
            // SAFETY: numbers and pointers may be 0.
            last: unsafe { zeroed() },
            queue: null_mut(),
            engine,
            is_closing: false,
        };
        program.queue = program.open_queue(DEPTH);
        program.make_tls();
        program.begin();
        program
    }

    fn open_queue(&mut self, depth: u32) -> *mut rh_queue {
        let mut queue = null_mut();
        // SAFETY: the out-parameter is a variable.
        assert_eq!(unsafe { rh_queue_open(depth, &raw mut queue, null_mut()) }, RH_OK);
        self.handles.push(queue.addr());
        self.under_way.insert(queue.addr(), 0);
        queue
    }

    /// Opens something of each kind, for the calls to come upon.
    fn begin(&mut self) {
        let (engine, queue, no_error) = (self.engine, self.queue, null_mut());
        let local = &raw const self.addresses[0].1;
        // SAFETY: the text ends with a NUL and the rest is there.
        unsafe {
            let server = self.made_last(TLS_SERVER);
            let flags = RH_LOG_OPEN_OR_CREATE;
            let opened = [
                rh_log_open(engine, queue, c"a".as_ptr(), flags, null(), 0, no_error),
                rh_udp_open(engine, queue, 0, local, null(), 1, no_error),
                rh_tcp_listen(engine, queue, 0, local, null(), null(), 2, no_error),
                rh_tcp_listen(engine, queue, 0, local, server, null(), 2, no_error),
                rh_quic_open(engine, queue, 0, local, server, null(), 3, no_error),
            ];
            assert_eq!(opened, [RH_OK; 5]);
            self.under_way.insert(queue.addr(), opened.len());
        }
        self.take_all();
    }

    /// Both ends of a TCP connection, and of a QUIC connection with a stream.
    fn connect(&mut self) {
        let (engine, queue, no_error) = (self.engine, self.queue, null_mut());
        let (tcp, udp) = (self.address_of(RH_OP_TCP_LISTEN), self.address_of(RH_OP_QUIC_OPEN));
        let (listener, quic) = (self.made_last(RH_OP_TCP_LISTEN), self.made_last(RH_OP_QUIC_OPEN));
        let (client, name) = (self.made_last(TLS_CLIENT), c"localhost".as_ptr());
        // SAFETY: the handles are good, the text ends with a NUL and the addresses are there.
        unsafe {
            let began = [
                rh_listener_accept(listener, queue, RH_ONCE, 4, no_error),
                rh_tcp_connect(engine, queue, 0, &raw const tcp, client, name, null(), 5, no_error),
                rh_quic_accept(quic, queue, RH_ONCE, 6, no_error),
                rh_quic_connect(quic, queue, &raw const udp, client, name, 0, 7, no_error),
            ];
            assert_eq!(began, [RH_OK; 4]);
            self.under_way.insert(queue.addr(), began.len());
            self.take_all();
            let (connection, way) = (self.made_last(RH_OP_QUIC_CONNECT), RH_BIDIRECTIONAL);
            let opened = rh_connection_open_stream(connection, queue, way, 8, no_error);
            assert_eq!(opened, RH_OK);
            self.under_way.insert(queue.addr(), 1);
        }
        self.take_all();
    }

    fn made_last<H>(&self, by: u32) -> *mut H {
        let made = self.made.iter().rev().find(|made| made.0 == by);
        without_provenance_mut(made.expect("one was made").1)
    }

    /// Any handle as one of any kind.
    fn handle<H>(&mut self) -> *mut H {
        without_provenance_mut(self.choices.one_of(&self.handles))
    }

    /// One that one of these operations made lately, mostly, so that something happens.
    fn made<H>(&mut self, by: &[u32]) -> *mut H {
        let is_by = |made: &&(u32, usize)| by.contains(&made.0);
        let made: Vec<usize> =
            self.made.iter().rev().filter(is_by).take(4).map(|made| made.1).collect();
        if made.is_empty() || self.choices.below(8) == 0 {
            return self.handle();
        }
        without_provenance_mut(self.choices.one_of(&made))
    }

    fn log(&mut self) -> *mut rh_log {
        self.made(&[RH_OP_LOG_OPEN])
    }

    /// The good queue mostly.
    fn queue(&mut self) -> *const rh_queue {
        if self.choices.below(8) > 0 { self.queue } else { self.handle() }
    }

    fn engine(&mut self) -> *const rh_engine {
        if self.choices.below(4) > 0 { self.engine } else { self.handle() }
    }

    fn user_data(&mut self) -> u64 {
        self.choices.below(USER_DATA) as u64
    }

    fn text(&mut self) -> *const c_char {
        let text: Option<&CStr> = self.choices.one_of(TEXTS);
        text.map_or(null(), CStr::as_ptr)
    }

    /// A place that an operation may fill.
    fn lend<T: 'static>(&mut self, value: T) -> *mut T {
        let place = Box::into_raw(Box::new(value));
        // SAFETY: made just before, and taken back after the last completion only.
        self.lent.push(Box::new(move || drop(unsafe { Box::from_raw(place) })));
        place
    }

    /// What is there, or NULL now and then.
    fn or_null<T>(&mut self, there: &T) -> *const T {
        if self.choices.below(8) > 0 { there } else { null() }
    }

    /// Makes one call and returns what it did.
    fn call(&mut self) -> i32 {
        if self.choices.below(2) > 0 {
            // What was begun may be done by now.
            self.take(self.queue, 50_000);
        }
        let queue = self.queue();
        let user_data = self.user_data();
        let (accepted, status) = match self.choices.below(16) {
            0 | 1 => self.append(queue, user_data),
            2 => self.use_log(queue, user_data),
            3 => self.use_engine(queue, user_data),
            4 | 5 => (0, self.use_queue(queue, user_data)),
            6 => (0, self.use_options()),
            7 => (0, self.look()),
            8 => self.end_something(queue, user_data),
            9 => self.use_datagrams(queue, user_data),
            10 => self.use_listeners(queue, user_data),
            11 | 12 => self.use_streams(queue, user_data),
            13 => self.use_endpoints(queue, user_data),
            14 => self.use_connections(queue, user_data),
            _ => (0, self.use_buffers_and_tls()),
        };
        if accepted > 0 {
            *self.under_way.entry(queue.addr()).or_default() += accepted;
        }
        status
    }

    fn end_something(&mut self, queue: *const rh_queue, user_data: u64) -> (usize, i32) {
        let no_error = null_mut();
        // SAFETY: handles may be anything.
        unsafe {
            match self.choices.below(14) {
                0 => {
                    let status = rh_engine_close(self.handle(), queue, user_data, no_error);
                    // NULL is fine, and nothing is done.
                    let is_closing =
                        status == RH_OK && rh_engine_shards(self.engine, no_error) == RH_E_CLOSED;
                    let is_first = is_closing && !std::mem::replace(&mut self.is_closing, true);
                    (usize::from(is_first), status)
                }
                1 => {
                    let handle: *mut rh_queue = self.handle();
                    let status = rh_queue_close(handle, no_error);
                    if status == RH_OK
                        && self.under_way.remove(&handle.addr()).is_some()
                        && handle == self.queue
                    {
                        self.queue = self.open_queue(DEPTH);
                    }
                    (0, status)
                }
                2 | 3 => (0, rh_log_close(self.handle(), no_error)),
                4 => (0, rh_options_free(self.handle(), no_error)),
                5 => (0, rh_shard_free(self.handle(), no_error)),
                6 => (0, rh_metrics_free(self.handle(), no_error)),
                7 => (0, rh_records_free(self.made(RECORDS), no_error)),
                _ => (0, self.close_socket()),
            }
        }
    }

    /// Takes completions and keeps their handles.
    fn take(&mut self, queue: *const rh_queue, timeout_ns: u64) -> i32 {
        let mut room = [MaybeUninit::<rh_completion>::uninit(); 8];
        // SAFETY: there is room for so many, and so many are there afterwards.
        let taken = unsafe {
            let taken = rh_queue_wait(queue, room.as_mut_ptr().cast(), 8, timeout_ns, null_mut());
            if taken < 0 {
                return taken;
            }
            room[..taken as usize].assume_init_ref()
        };
        for completion in taken {
            if completion.flags & RH_CQ_MORE == 0 {
                let under_way = self.under_way.get_mut(&queue.addr());
                *under_way.expect("only queues have completions") -= 1;
            }
            self.last = *completion;
            self.keep(completion.op, completion.handle.addr());
            self.learn_address(completion);
        }
        RH_OK
    }

    fn keep(&mut self, op: u32, handle: usize) {
        self.handles.push(handle);
        self.made.push((op, handle));
    }

    fn take_all(&mut self) {
        while let Some((queue, _)) = self.under_way.iter().find(|(_, under_way)| **under_way > 0) {
            let queue: *const rh_queue = without_provenance_mut(*queue);
            assert_eq!(self.take(queue, RH_FOREVER), RH_OK);
        }
    }

    /// Ends everything; each operation that was accepted must complete. If the engine is closed first, that alone
    /// has to end them.
    fn end(mut self, closes_first: bool) {
        if !closes_first {
            self.cancel_all();
            self.close_sockets();
            self.take_all();
        }
        let no_error = null_mut();
        // SAFETY: handles may be anything, and ending them twice is an error of no consequence. What was lent to
        // operations is taken back after their completions.
        unsafe {
            if rh_engine_close(self.engine, self.queue, 0, no_error) == RH_OK {
                *self.under_way.entry(self.queue.addr()).or_default() += 1;
            }
            self.credit_all();
            self.take_all();
            self.close_sockets();
            for handle in &self.handles {
                rh_log_close(without_provenance_mut(*handle), no_error);
                rh_records_free(without_provenance_mut(*handle), no_error);
                rh_metrics_free(without_provenance_mut(*handle), no_error);
                rh_options_free(without_provenance_mut(*handle), no_error);
            }
            for queue in self.under_way.keys() {
                assert_eq!(rh_queue_close(without_provenance_mut(*queue), no_error), RH_OK);
            }
        }
        self.lent.into_iter().for_each(|give_back| give_back());
    }

    /// Gives up whatever can be.
    fn cancel_all(&self) {
        for queue in self.under_way.keys().map(|queue| without_provenance_mut(*queue)) {
            for user_data in 0..USER_DATA as u64 {
                // SAFETY: queues that are closed are an error of no consequence.
                while unsafe { rh_queue_cancel(queue, user_data, null_mut()) } == RH_OK {}
            }
        }
    }

    /// Lets operations without credits learn their end.
    fn credit_all(&self) {
        for queue in self.under_way.keys().map(|queue| without_provenance_mut(*queue)) {
            for user_data in 0..USER_DATA as u64 {
                // SAFETY: as above.
                unsafe { rh_queue_credit(queue, user_data, u32::MAX, null_mut()) };
            }
        }
    }

    /// The size of a structure, or a wrong one.
    fn size_of<T>(&mut self) -> usize {
        self.choices.one_of(&[size_of::<T>(), 0, 8, usize::MAX])
    }
}

unsafe extern "C" fn ignore(_: *mut c_void, _: c_int, _: *const c_char, _: usize) {}

/// The operations that make handles of each kind; no operation makes the configuration of TLS.
const RECORDS: &[u32] = &[RH_OP_READ, RH_OP_FOLLOW];
const STREAMS: &[u32] =
    &[RH_OP_TCP_ACCEPT, RH_OP_TCP_CONNECT, RH_OP_STREAM_OPEN, RH_OP_STREAM_ACCEPT];
const CONNECTIONS: &[u32] = &[RH_OP_QUIC_ACCEPT, RH_OP_QUIC_CONNECT, RH_OP_POOL_CONNECTION];
const TLS_SERVER: u32 = u32::MAX;
const TLS_CLIENT: u32 = u32::MAX - 1;
const BUFFERS: &[u32] = &[RH_OP_UDP_RECEIVE, RH_OP_STREAM_RECEIVE, RH_OP_DATAGRAM_RECEIVE];

/// What operations are numbered by, from 0 on.
const USER_DATA: usize = 16;

/// Of the good queue: operations that wait for ever do not fill it soon.
const DEPTH: u32 = 256;

/// Queues at once; each has a descriptor.
const QUEUES_MAX: usize = 8;

/// Names, keys, values and documents that are good for something or nothing.
const TEXTS: &[Option<&CStr>] = &[
    Some(c"a"),
    Some(c"b"),
    Some(c""),
    Some(c"\xff"),
    Some(c"shards"),
    Some(c"1"),
    Some(c"pin = true"),
    Some(c"syncs"),
    None,
];

const NOWHERE: *const c_char = c"/nowhere".as_ptr();

const RECORD: rh_slice = rh_slice { data: c"record".as_ptr().cast(), len: 6 };
