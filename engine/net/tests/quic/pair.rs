//! A client and a server with a connection between them.

use bytes::{Bytes, BytesMut};
use roundhouse_net::quic::machine::{ConnectionKey, Event, Machine, ReadOutcome};
use roundhouse_net::quic::tls::{ClientTls, ServerTls};
use roundhouse_net::quic::{ClientConfig, EndpointOptions, ReadError, ServerConfig, StreamId};

use crate::identities::{Authority, NAME};
use crate::world::{World, options};

pub(crate) const CLIENT: usize = 0;
pub(crate) const SERVER: usize = 1;

/// Two hosts of a world, ready to connect.
pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) client: ClientConfig,
}

impl Pair {
    pub(crate) fn new(seed: u64) -> Pair {
        Pair::with_options(seed, options(), options())
    }

    pub(crate) fn with_options(
        seed: u64,
        client: EndpointOptions,
        server: EndpointOptions,
    ) -> Pair {
        let authority = Authority::new();
        Pair::with(seed, (client, &authority.client()), (server, &authority.server()))
    }

    pub(crate) fn with(
        seed: u64,
        (client_options, client_tls): (EndpointOptions, &ClientTls),
        (server_options, server_tls): (EndpointOptions, &ServerTls),
    ) -> Pair {
        let client = ClientConfig::new(client_tls, &client_options.shared).unwrap();
        let server = ServerConfig::new(server_tls, &server_options.shared).unwrap();
        let mut world = World::new(seed);
        world.add(client_options);
        world.add(server_options);
        world.hosts[SERVER].machine.listen(Some(&server));
        Pair { world, client }
    }

    pub(crate) fn machine(&mut self, host: usize) -> &mut Machine {
        &mut self.world.hosts[host].machine
    }

    /// Begins a connection from the client to the server.
    pub(crate) fn begin(&mut self) -> ConnectionKey {
        let to = self.world.hosts[SERVER].address;
        let now = self.world.now;
        let machine = &mut self.world.hosts[CLIENT].machine;
        machine.connect(now, &self.client, to, NAME).unwrap()
    }

    /// Connects, and returns the connection as both sides know it.
    pub(crate) fn connect(&mut self) -> (ConnectionKey, ConnectionKey) {
        let before = self.world.incoming(SERVER).len();
        let key = self.begin();
        self.world.run(|world| {
            let events = &world.hosts[CLIENT].events;
            if let Some((_, Event::Lost(error))) =
                events.iter().find(|(lost, event)| *lost == key && matches!(event, Event::Lost(_)))
            {
                panic!("the connection was lost: {error}");
            }
            let incoming = world.incoming(SERVER);
            world.hosts[CLIENT].events.contains(&(key, Event::Connected))
                && incoming[before..]
                    .iter()
                    .any(|theirs| world.hosts[SERVER].events.contains(&(*theirs, Event::Connected)))
        });
        let theirs = *self.world.incoming(SERVER).last().unwrap();
        self.machine(SERVER).accepted(theirs);
        (key, theirs)
    }
}

/// Writes `data` to a stream over as many passes as it takes, then ends the stream.
pub(crate) struct Sending {
    pub(crate) key: ConnectionKey,
    pub(crate) stream: StreamId,
    rest: Option<Bytes>,
}

impl Sending {
    pub(crate) fn new(key: ConnectionKey, stream: StreamId, data: Bytes) -> Sending {
        Sending { key, stream, rest: Some(data) }
    }

    /// Goes on as far as it can. True when everything was written.
    pub(crate) fn step(&mut self, machine: &mut Machine) -> bool {
        let Some(rest) = &mut self.rest else { return true };
        while !rest.is_empty() {
            let taken = machine.write(self.key, self.stream, rest).unwrap();
            if taken == 0 {
                return false;
            }
            let _written = rest.split_to(taken);
        }
        machine.finish(self.key, self.stream).unwrap();
        self.rest = None;
        true
    }
}

/// Reads a stream to its end over as many passes as it takes.
pub(crate) struct Receiving {
    pub(crate) key: ConnectionKey,
    pub(crate) stream: StreamId,
    pub(crate) data: BytesMut,
    pub(crate) is_done: bool,
}

impl Receiving {
    pub(crate) fn new(key: ConnectionKey, stream: StreamId) -> Receiving {
        Receiving { key, stream, data: BytesMut::new(), is_done: false }
    }

    /// Goes on as far as it can. True when the end was read.
    pub(crate) fn step(&mut self, machine: &mut Machine) -> bool {
        while !self.is_done && self.read(machine).unwrap() {}
        self.is_done
    }

    fn read(&mut self, machine: &mut Machine) -> Result<bool, ReadError> {
        match machine.read(self.key, self.stream, usize::MAX)? {
            ReadOutcome::Data(data) => self.data.extend_from_slice(&data),
            ReadOutcome::End => self.is_done = true,
            ReadOutcome::Nothing => return Ok(false),
        }
        Ok(true)
    }
}
