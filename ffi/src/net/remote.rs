//! What lives on a shard, as other threads hold it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_channel::{mpsc, oneshot};
use futures_core::Stream;
use roundhouse::{Shard, Task};

use crate::failure::Failure;
use crate::status::{RH_E_CLOSED, RH_E_FULL};

/// The way to a `T` on a shard, which it never leaves. Clones are the same way. When it is closed, or the last
/// clone dropped, everything that is being done with the object is given up and the object dropped, there.
pub(super) struct Remote<T> {
    jobs: mpsc::UnboundedSender<Job<T>>,
    /// Jobs that were not begun.
    waiting: Arc<AtomicUsize>,
}

/// Something to do with the object: begun in order, then carried on beside others.
type Job<T> = Box<dyn FnOnce(Rc<T>) -> Doing + Send>;
type Doing = Pin<Box<dyn Future<Output = ()>>>;

impl<T: 'static> Remote<T> {
    /// Settles an object on the shard that this runs on.
    pub(super) fn settle(shard: &Shard, object: T) -> Remote<T> {
        let (jobs, receiver) = mpsc::unbounded();
        let waiting = Arc::new(AtomicUsize::new(0));
        let home = Home { shard: shard.clone(), object: Rc::new(object), waiting: waiting.clone() };
        shard.spawn(home.serve(receiver)).detach();
        Remote { jobs, waiting }
    }

    /// Starts a job: the function is called behind those of earlier jobs, and the future it makes goes on by
    /// itself.
    ///
    /// # Errors
    /// `RH_E_CLOSED`; `RH_E_FULL` if the shard has not begun `JOBS_MAX` others.
    pub(super) fn start<F>(
        &self,
        job: impl FnOnce(Rc<T>) -> F + Send + 'static,
    ) -> Result<(), Failure>
    where
        F: Future<Output = ()> + 'static,
    {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= JOBS_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Failure::new(RH_E_FULL, "the shard is too busy to begin anything more"));
        }
        let job: Job<T> = Box::new(move |object| Box::pin(job(object)));
        self.jobs.unbounded_send(job).map_err(|_| closed())
    }

    /// The same with an end that is awaited. Dropping what is returned does not end the job.
    pub(super) fn call<R, F, J>(
        &self,
        job: J,
    ) -> impl Future<Output = Result<R, Failure>> + Send + use<T, R, F, J>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Failure>> + 'static,
        J: FnOnce(Rc<T>) -> F + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let started = self.start(move |object| {
            let job = job(object);
            async move {
                // Whoever asked may have given up.
                drop(tell.send(job.await));
            }
        });
        async move {
            started?;
            told.await.map_err(|_| closed())?
        }
    }

    /// Does something that takes no time, behind what was started before.
    pub(super) fn tell(&self, what: impl FnOnce(&T) + Send + 'static) -> Result<(), Failure> {
        self.start(move |object| {
            what(&object);
            std::future::ready(())
        })
    }

    /// Ends the object after the jobs that were begun; whoever waits for one learns that it is closed.
    pub(super) fn close(&self) {
        self.jobs.close_channel();
    }
}

impl<T> Clone for Remote<T> {
    fn clone(&self) -> Remote<T> {
        Remote { jobs: self.jobs.clone(), waiting: self.waiting.clone() }
    }
}

/// Where the object lives.
struct Home<T> {
    shard: Shard,
    object: Rc<T>,
    waiting: Arc<AtomicUsize>,
}

impl<T: 'static> Home<T> {
    async fn serve(self, mut jobs: mpsc::UnboundedReceiver<Job<T>>) {
        let under_way: Rc<RefCell<BTreeMap<u64, Task<()>>>> = Rc::default();
        let mut number = 0;
        while let Some(job) = poll_fn(|context| Pin::new(&mut jobs).poll_next(context)).await {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            let doing = job(self.object.clone());
            number += 1;
            let (tasks, own) = (under_way.clone(), number);
            let task = self.shard.spawn(async move {
                doing.await;
                let ended = tasks.borrow_mut().remove(&own);
                drop(ended);
            });
            under_way.borrow_mut().insert(own, task);
        }
        // Dropping a task cancels it.
        let given_up = under_way.take();
        drop(given_up);
    }
}

pub(super) fn closed() -> Failure {
    Failure::new(RH_E_CLOSED, "the socket, or the engine it is on, was closed")
}

/// Jobs that wait to be begun. Those of operations are bounded by the queues too; only calls without completions
/// come to so many.
const JOBS_MAX: usize = 1 << 20;
