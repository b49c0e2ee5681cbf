//! What a stream goes over: a TCP connection, plain or encrypted, or a stream of a QUIC connection.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, ready};

use bytes::{Buf, Bytes};
use futures_io::{AsyncBufRead, AsyncWrite};
use roundhouse::net::quic::{Code, RecvStream, SendStream};
use roundhouse::net::{TcpStream, TlsStream};

use super::failure::of_stream;
use super::remote::closed;
use super::turns::Turns;
use super::wakers::{Side, Wakers};
use crate::failure::Failure;
use crate::status::RH_E_UNSUPPORTED;

/// A stream where it lives.
pub(super) struct Home {
    carrier: RefCell<Carrier>,
    pub(super) sends: Rc<Turns>,
    wakers: Arc<Wakers>,
}

/// What is below a stream.
pub(super) enum Carrier {
    Tcp(Box<TcpStream>),
    Tls(Box<TlsStream>),
    Quic(Option<SendStream>, Option<RecvStream>),
    /// It was reset.
    Gone,
}

impl Home {
    pub(super) fn new(carrier: Carrier) -> Home {
        let carrier = RefCell::new(carrier);
        Home { carrier, sends: Rc::default(), wakers: Arc::default() }
    }

    /// Sends all of `data`, and the end if it is one.
    pub(super) async fn send(&self, mut data: Vec<Bytes>, is_end: bool) -> Result<(), Failure> {
        while !data.is_empty() {
            self.wait(Side::Sending, |carrier, context| carrier.poll_send(&mut data, context))
                .await?;
        }
        self.wait(Side::Sending, Carrier::poll_flush).await?;
        if is_end {
            self.wait(Side::Sending, Carrier::poll_end).await?;
        }
        Ok(())
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn receive(&self) -> Result<Option<Bytes>, Failure> {
        self.wait(Side::Receiving, Carrier::poll_receive).await
    }

    /// Waits until the peer has acknowledged everything up to the end.
    pub(super) async fn acknowledged(&self) -> Result<(), Failure> {
        self.wait(Side::Waiting, Carrier::poll_acknowledged).await
    }

    /// Gives up what was not sent, and tells the peer.
    pub(super) fn reset(&self, code: Code) {
        let mut carrier = self.carrier.borrow_mut();
        if let Carrier::Quic(Some(send), _) = &mut *carrier {
            send.reset(code);
        }
        if matches!(*carrier, Carrier::Tcp(_))
            && let Carrier::Tcp(stream) = std::mem::replace(&mut *carrier, Carrier::Gone)
        {
            stream.reset();
        }
        drop(carrier);
        self.wakers.wake_by_ref();
    }

    /// Tells the peer that nothing more is read.
    pub(super) fn stop(&self, code: Code) {
        if let Carrier::Quic(_, Some(receive)) = &mut *self.carrier.borrow_mut() {
            receive.stop(code);
        }
        self.wakers.wake_by_ref();
    }

    pub(super) fn set_priority(&self, priority: i32) {
        if let Carrier::Quic(Some(send), _) = &*self.carrier.borrow() {
            send.set_priority(priority);
        }
    }

    async fn wait<R>(
        &self,
        side: Side,
        mut poll: impl FnMut(&mut Carrier, &mut Context<'_>) -> Poll<Result<R, Failure>>,
    ) -> Result<R, Failure> {
        poll_fn(|context| {
            let waker = self.wakers.register(side, context.waker());
            poll(&mut self.carrier.borrow_mut(), &mut Context::from_waker(&waker))
        })
        .await
    }
}

impl Carrier {
    /// Takes a part off the front of `data` and sends it.
    fn poll_send(
        &mut self,
        data: &mut Vec<Bytes>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        let Some(first) = data.first_mut() else { return Poll::Ready(Ok(())) };
        let sent = match self {
            Carrier::Tcp(stream) => {
                let sent = stream.poll_write_front(data, context);
                return sent.map_err(|error| of_stream(&error));
            }
            Carrier::Tls(stream) => ready!(Pin::new(&mut **stream).poll_write(context, first))
                .map_err(|error| of_stream(&error))?,
            Carrier::Quic(Some(send), _) => ready!(send.poll_write(context, first))?,
            Carrier::Quic(None, _) => return Poll::Ready(Err(one_way())),
            Carrier::Gone => return Poll::Ready(Err(closed())),
        };
        first.advance(sent);
        if first.is_empty() {
            drop(data.remove(0));
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when nothing of the program's memory is needed any more.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match self {
            Carrier::Tcp(stream) => stream.poll_flush(context).map_err(|error| of_stream(&error)),
            Carrier::Tls(stream) => {
                Pin::new(&mut **stream).poll_flush(context).map_err(|error| of_stream(&error))
            }
            Carrier::Quic(Some(_), _) => Poll::Ready(Ok(())),
            Carrier::Quic(None, _) => Poll::Ready(Err(one_way())),
            Carrier::Gone => Poll::Ready(Err(closed())),
        }
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match self {
            Carrier::Tcp(stream) => {
                stream.poll_shut_down(context).map_err(|error| of_stream(&error))
            }
            Carrier::Tls(stream) => {
                Pin::new(&mut **stream).poll_close(context).map_err(|error| of_stream(&error))
            }
            Carrier::Quic(Some(send), _) => Poll::Ready(send.finish().map_err(Failure::from)),
            Carrier::Quic(None, _) => Poll::Ready(Err(one_way())),
            Carrier::Gone => Poll::Ready(Err(closed())),
        }
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Failure>> {
        let data = match self {
            Carrier::Tcp(stream) => {
                let arrived =
                    ready!(stream.poll_fill(context)).map_err(|error| of_stream(&error))?;
                arrived.split().freeze()
            }
            Carrier::Tls(stream) => {
                let mut stream = Pin::new(&mut **stream);
                let arrived = ready!(stream.as_mut().poll_fill_buf(context))
                    .map_err(|error| of_stream(&error))?;
                let data = Bytes::copy_from_slice(arrived);
                stream.consume(data.len());
                data
            }
            Carrier::Quic(_, Some(receive)) => {
                return receive.poll_chunk(context, CHUNK_BYTES).map_err(Failure::from);
            }
            Carrier::Quic(_, None) => return Poll::Ready(Err(one_way())),
            Carrier::Gone => return Poll::Ready(Err(closed())),
        };
        Poll::Ready(Ok((!data.is_empty()).then_some(data)))
    }

    fn poll_acknowledged(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match self {
            // The future has no state of its own, so each look makes a new one.
            Carrier::Quic(Some(send), _) => {
                pin!(send.finished()).poll(context).map_err(Failure::from)
            }
            _ => Poll::Ready(Err(one_way())),
        }
    }
}

fn one_way() -> Failure {
    Failure::new(RH_E_UNSUPPORTED, "the stream does not go that way")
}

/// Bytes of one completion of a QUIC stream at most.
const CHUNK_BYTES: usize = 256 * 1024;
