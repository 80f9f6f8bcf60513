//! The thread that owns the store: it looks for changes that other processes made, stores usage every
//! second, and runs whatever else needs the store. Nothing that carries live traffic waits for it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use peerhall_auth::keyring::Keyring;
use peerhall_hub::UsageFigures;
use peerhall_proto::ids::AppId;
use tokio::sync::oneshot;

use crate::clock::unix_ms;
use crate::control::Control;
use crate::store::{AuditEntry, Period, Revision, Store, StoreError, Usage};
use crate::usage::UsageBook;

/// How often changes by other processes are looked for. A new key works within a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often usage is stored: a crash forgets at most this much of it.
const USAGE_EVERY: Duration = Duration::from_secs(1);

type Job = Box<dyn FnOnce(&mut dyn Store) + Send>;

/// Lines of the audit trail that may wait for the disk.
pub(crate) const AUDIT_WAITING: usize = 10_000;

/// Something for the storage thread to do.
enum Order {
    Job(Job, Done),
    Stop,
}

/// Told when a job is done and what it changed is in force.
type Done = Box<dyn FnOnce() + Send>;

/// A way to the storage thread, also before that has begun. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Orders(mpsc::Sender<Order>);

/// The other end of [`Orders`].
pub(crate) struct Inbox(mpsc::Receiver<Order>);

/// Makes both ends.
pub(crate) fn orders() -> (Orders, Inbox) {
    let (sender, receiver) = mpsc::channel();
    (Orders(sender), Inbox(receiver))
}

impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Orders")
    }
}

impl Orders {
    /// Runs `job` with the store and waits until the shards have been told of what it changed.
    /// `None`: the thread has ended. A caller that stops waiting does not stop the job.
    pub(crate) async fn with<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Store) -> R + Send + 'static,
    ) -> Option<R> {
        let (result, answer) = mpsc::sync_channel(1);
        let (done, finished) = oneshot::channel();
        let job: Job = Box::new(move |store| drop(result.send(job(store))));
        self.0.send(Order::Job(job, Box::new(move || done.send(()).unwrap_or_default()))).ok()?;
        finished.await.ok()?;
        answer.try_recv().ok()
    }
}

/// Handle on the storage thread.
pub(crate) struct Storage {
    orders: Orders,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Storage")
    }
}

struct Keeper {
    store: Box<dyn Store>,
    revision: Revision,
    control: Control,
    usage: Arc<UsageBook>,
    audit: mpsc::Receiver<AuditEntry>,
    stored: HashMap<AppId, UsageFigures>,
    period: Period,
    usage_at: Instant,
    /// The last look failed; said once, not four times a second.
    failing: bool,
    /// Usage could not be stored the last time; said once, too.
    usage_failing: bool,
}

/// The current period.
pub(crate) fn current_period() -> Period {
    Period::containing(u64::try_from(unix_ms() / 1000).unwrap_or(0))
}

impl Storage {
    /// Starts the thread. `revision` is that of the apps and keys which `control` knows already.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(crate) fn start(
        (orders, inbox): (Orders, Inbox),
        store: Box<dyn Store>,
        revision: Revision,
        control: Control,
        usage: Arc<UsageBook>,
        audit: mpsc::Receiver<AuditEntry>,
    ) -> std::io::Result<Self> {
        let stored = usage.figures().into_iter().collect();
        let keeper = Keeper {
            store,
            revision,
            control,
            usage,
            audit,
            stored,
            period: current_period(),
            usage_at: Instant::now(),
            failing: false,
            usage_failing: false,
        };
        let thread =
            std::thread::Builder::new().name("storage".into()).spawn(move || keeper.run(&inbox.0))?;
        Ok(Self { orders, thread: Some(thread) })
    }

    /// Runs `job` with the store and waits until the shards have been told of what it changed.
    /// `None`: the thread has ended.
    pub(crate) fn with<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Store) -> R + Send + 'static,
    ) -> Option<R> {
        let (result, answer) = mpsc::sync_channel(1);
        let (done, finished) = mpsc::sync_channel(1);
        let job: Job = Box::new(move |store| drop(result.send(job(store))));
        self.orders.0.send(Order::Job(job, Box::new(move || done.send(()).unwrap_or_default()))).ok()?;
        finished.recv().ok()?;
        answer.recv().ok()
    }

    /// Stores the last usage and ends the thread.
    pub(crate) fn stop(&mut self) {
        let _ = self.orders.0.send(Order::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the storage thread panicked");
        }
    }
}

impl Keeper {
    fn run(mut self, orders: &mpsc::Receiver<Order>) {
        loop {
            match orders.recv_timeout(LOOK_EVERY) {
                Ok(Order::Job(job, done)) => {
                    job(&mut *self.store);
                    self.look();
                    done();
                }
                Err(mpsc::RecvTimeoutError::Timeout) => self.look(),
                Ok(Order::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if self.usage_at.elapsed() >= USAGE_EVERY {
                self.usage_at = Instant::now();
                self.store_usage();
                self.store_audit();
            }
        }
        self.store_usage();
        self.store_audit();
    }

    fn store_audit(&mut self) {
        for entry in self.audit.try_iter() {
            if let Err(error) = self.store.audit(&entry) {
                tracing::warn!(%error, action = entry.action.as_str(), "cannot write the audit trail; a line is lost");
            }
        }
    }

    fn look(&mut self) {
        let outcome = self.take_changes();
        if let Err(error) = &outcome
            && !self.failing
        {
            tracing::error!(%error, "cannot read keys; those that are known stay in force");
        }
        self.failing = outcome.is_err();
    }

    fn take_changes(&mut self) -> Result<(), StoreError> {
        if self.store.revision()? == self.revision {
            return Ok(());
        }
        let snapshot = self.store.load()?;
        self.revision = snapshot.revision;
        match Keyring::new(snapshot.apps, snapshot.keys) {
            Ok(keyring) => self.control.set_keyring(Arc::new(keyring)),
            Err(error) => tracing::error!(%error, "the stored keys contradict each other; the old ones stay"),
        }
        Ok(())
    }

    fn store_usage(&mut self) {
        let figures = self.usage.figures();
        let used: Vec<(AppId, Usage)> = figures
            .iter()
            .filter_map(|(app, now)| {
                let before = self.stored.get(app).copied().unwrap_or_default();
                let unlike = UsageFigures { concurrent: now.concurrent, ..before } != *now;
                unlike.then(|| (app.clone(), since(before, *now)))
            })
            .collect();
        if !used.is_empty() {
            if let Err(error) = self.store.add_usage(self.period.start, &used) {
                if !std::mem::replace(&mut self.usage_failing, true) {
                    tracing::warn!(%error, "cannot store usage; it is counted on and stored later");
                }
                return;
            }
            self.usage_failing = false;
            self.stored = figures.into_iter().collect();
        }
        let period = current_period();
        if period != self.period {
            self.period = period;
            self.usage.start_period();
            self.stored.clear();
        }
    }
}

fn since(before: UsageFigures, now: UsageFigures) -> Usage {
    Usage {
        messages: now.messages.saturating_sub(before.messages),
        overage_messages: now.overage_messages.saturating_sub(before.overage_messages),
        overage_connections: now.overage_connections.saturating_sub(before.overage_connections),
        peak_concurrent: now.peak,
    }
}
