//! The queue between live sources and the engine: bounded in bytes, and never waited for by a source.
//!
//! A source fills a batch of its own and hands it over whole, so the lock is taken once for some hundred packets. The queue
//! is closed when the last inlet is gone; that is how the capture ends.

use super::counts::{Count, Counts};
use dpp::capture::Batch;
use dpp::limits::LIVE_CLOCKS_APART_NS;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A batch that has so many bytes is handed over.
const BATCH_BYTES: usize = 64 << 10;
/// A batch that has so many packets is handed over.
const BATCH_PACKETS: usize = 1 << 10;
/// Empty batches that are kept to be filled again.
const SPARE_MAX: usize = 64;

/// Batches on their way from sources to the engine.
#[derive(Debug)]
pub struct Queue {
    inside: Mutex<Inside>,
    arrived: Condvar,
    left: Condvar,
    bytes_max: usize,
    stop: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Inside {
    batches: VecDeque<Batch>,
    bytes: usize,
    spare: Vec<Batch>,
    inlets: usize,
    had_inlets: bool,
}

/// The queue is full: the engine is behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Queue {
    /// A queue of at most so many bytes (of packets, and of what is known of each). Once `stop` is set, sources are to end.
    pub fn new(bytes_max: usize, stop: Arc<AtomicBool>) -> Arc<Queue> {
        let (arrived, left) = (Condvar::new(), Condvar::new());
        Arc::new(Queue { inside: Mutex::default(), arrived, left, bytes_max, stop })
    }

    /// A place where the source of this number puts packets in. Each of its threads has one of its own.
    pub fn inlet(self: &Arc<Self>, input: u32, counts: Arc<Counts>) -> Inlet {
        let mut inside = self.lock();
        inside.inlets += 1;
        inside.had_inlets = true;
        drop(inside);
        Inlet { queue: Arc::clone(self), batch: Batch { input, ..Batch::default() }, counts }
    }

    /// Whether sources are to end.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Bytes that wait now.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// The next batch. `Ok(None)` if none has come until the deadline.
    ///
    /// # Errors
    /// [`Closed`] if none will ever come, for all inlets are gone.
    pub(super) fn take(&self, deadline: Instant) -> Result<Option<Batch>, Closed> {
        let mut inside = self.lock();
        loop {
            if let Some(batch) = inside.batches.pop_front() {
                inside.bytes -= size(&batch);
                self.left.notify_all();
                return Ok(Some(batch));
            }
            if inside.had_inlets && inside.inlets == 0 {
                return Err(Closed);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            inside = self.arrived.wait_timeout(inside, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes back the memory of a batch.
    pub(super) fn recycle(&self, mut batch: Batch) {
        batch.clear();
        let mut inside = self.lock();
        if inside.spare.len() < SPARE_MAX {
            inside.spare.push(batch);
        }
    }

    fn offer(&self, batch: &mut Batch) -> Result<(), Full> {
        let mut inside = self.lock();
        // A batch larger than the whole queue may pass when that is empty.
        if inside.bytes > 0 && inside.bytes + size(batch) > self.bytes_max {
            return Err(Full);
        }
        let empty = inside.spare.pop().unwrap_or_default();
        let full = std::mem::replace(batch, Batch { input: batch.input, ..empty });
        inside.bytes += size(&full);
        inside.batches.push_back(full);
        drop(inside);
        self.arrived.notify_one();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No batch will come any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closed;

fn size(batch: &Batch) -> usize {
    batch.bytes.len() + std::mem::size_of_val(&batch.records[..])
}

/// Where one thread of a source puts its packets.
#[derive(Debug)]
pub struct Inlet {
    queue: Arc<Queue>,
    batch: Batch,
    counts: Arc<Counts>,
}

impl Inlet {
    /// Adds a packet, whose bytes `write` appends. The batch is handed over when it is full, if there is room for it.
    ///
    /// # Errors
    /// [`Full`] if the batch should be handed over and cannot. The packet is kept all the same. The source then either waits
    /// ([`Inlet::wait_for_room`]) or drops what it has ([`Inlet::drop_batch`]).
    #[inline]
    pub fn push(
        &mut self,
        time_ns: i64,
        linktype: u16,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Full> {
        self.batch.push(time_ns, linktype, write);
        self.hand_over_full()
    }

    /// The same for a packet whose time is what somebody says, who may lie or have a wrong clock. If it is far from when the packet
    /// came, the capture's clock goes by that instead; the packet keeps its time all the same, and is counted.
    ///
    /// # Errors
    /// As for [`Inlet::push`].
    #[inline]
    pub fn push_said(
        &mut self,
        said_ns: i64,
        came_ns: i64,
        linktype: u16,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Full> {
        let is_wrong = said_ns.abs_diff(came_ns) > LIVE_CLOCKS_APART_NS as u64;
        self.counts.add(Count::TimesWrong, u64::from(is_wrong));
        self.batch.push_at(said_ns, if is_wrong { came_ns } else { said_ns }, linktype, write);
        self.hand_over_full()
    }

    #[inline]
    fn hand_over_full(&mut self) -> Result<(), Full> {
        let is_full = self.batch.bytes.len() >= BATCH_BYTES || self.batch.records.len() >= BATCH_PACKETS;
        if is_full { self.hand_over() } else { Ok(()) }
    }

    /// Hands over what there is; whoever has nothing more at hand does that.
    ///
    /// # Errors
    /// [`Full`] if there is no room; the batch is kept.
    pub fn hand_over(&mut self) -> Result<(), Full> {
        if self.batch.records.is_empty() {
            return Ok(());
        }
        let (packets, bytes) = (self.batch.records.len() as u64, self.batch.bytes.len() as u64);
        self.queue.offer(&mut self.batch)?;
        self.counts.add(Count::Taken, packets);
        self.counts.add(Count::TakenBytes, bytes);
        Ok(())
    }

    /// Gives up the batch, and counts its packets as dropped.
    pub fn drop_batch(&mut self) {
        self.counts.add(Count::DroppedQueueFull, self.batch.records.len() as u64);
        self.batch.clear();
    }

    /// Waits until the engine has taken something, or the deadline.
    pub fn wait_for_room(&self, deadline: Instant) {
        let inside = self.queue.lock();
        let left = deadline.saturating_duration_since(Instant::now());
        if inside.bytes > 0 && !left.is_zero() {
            let _ = self.queue.left.wait_timeout(inside, left);
        }
    }

    /// Whether the source is to end.
    pub fn is_stopping(&self) -> bool {
        self.queue.is_stopping()
    }

    /// What the source counts.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }
}

impl Drop for Inlet {
    /// What is left is handed over, if there is room; the last one closes the queue.
    fn drop(&mut self) {
        if self.hand_over().is_err() {
            self.drop_batch();
        }
        self.queue.lock().inlets -= 1;
        self.queue.arrived.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn queue(bytes_max: usize) -> (Arc<Queue>, Arc<Counts>) {
        (Queue::new(bytes_max, Arc::default()), Arc::default())
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn batches_come_out_in_the_order_in_which_they_were_handed_over() {
        let (queue, counts) = queue(1 << 20);
        let (mut one, mut two) = (queue.inlet(0, Arc::clone(&counts)), queue.inlet(1, Arc::clone(&counts)));
        one.push(1, 1, |bytes| bytes.push(1)).unwrap();
        two.push(2, 1, |bytes| bytes.push(2)).unwrap();
        two.hand_over().unwrap();
        one.hand_over().unwrap();
        for input in [1, 0] {
            assert_eq!(queue.take(soon()).unwrap().unwrap().input, input);
        }
        assert_eq!((counts.get(Count::Taken), counts.get(Count::TakenBytes)), (2, 2));
    }

    #[test]
    fn without_a_batch_the_deadline_ends_the_wait() {
        let (queue, counts) = queue(1 << 20);
        let _inlet = queue.inlet(0, counts);
        assert_eq!(queue.take(Instant::now()).unwrap().map(|batch| batch.input), None);
    }

    #[test]
    fn the_last_inlet_closes_the_queue_behind_its_packets() {
        let (queue, counts) = queue(1 << 20);
        let mut inlet = queue.inlet(3, counts);
        inlet.push(1, 1, |bytes| bytes.push(1)).unwrap();
        drop(inlet);
        assert_eq!(queue.take(soon()).unwrap().unwrap().records.len(), 1);
        assert_eq!(queue.take(soon()).unwrap_err(), Closed);
    }

    #[test]
    fn a_full_queue_takes_no_more_and_what_is_dropped_is_counted() {
        let (queue, counts) = queue(100);
        let mut inlet = queue.inlet(0, Arc::clone(&counts));
        let long = |bytes: &mut Vec<u8>| bytes.extend_from_slice(&[0; 80]);
        inlet.push(1, 1, long).unwrap();
        inlet.hand_over().unwrap();
        inlet.push(2, 1, long).unwrap();
        assert_eq!(inlet.hand_over(), Err(Full));
        inlet.drop_batch();
        assert_eq!((counts.get(Count::Taken), counts.get(Count::DroppedQueueFull)), (1, 1));
        let batch = queue.take(soon()).unwrap().unwrap();
        queue.recycle(batch);
        inlet.push(3, 1, long).unwrap();
        assert_eq!((inlet.hand_over(), queue.bytes() > 80), (Ok(()), true));
    }

    #[test]
    fn a_time_that_cannot_be_is_kept_and_counted_and_the_clock_goes_by_when_it_came() {
        const HOUR: i64 = 3_600_000_000_000;
        let (queue, counts) = queue(1 << 20);
        let mut inlet = queue.inlet(0, Arc::clone(&counts));
        for said_ns in [HOUR, 2 * HOUR, 0, HOUR - LIVE_CLOCKS_APART_NS, HOUR + LIVE_CLOCKS_APART_NS + 1] {
            inlet.push_said(said_ns, HOUR, 1, |bytes| bytes.push(1)).unwrap();
        }
        inlet.hand_over().unwrap();
        let batch = queue.take(soon()).unwrap().unwrap();
        let told: Vec<_> = batch.records.iter().map(|record| (record.time_ns, record.clock_ns)).collect();
        let near = HOUR - LIVE_CLOCKS_APART_NS;
        let far = HOUR + LIVE_CLOCKS_APART_NS + 1;
        assert_eq!(told, [(HOUR, HOUR), (2 * HOUR, HOUR), (0, HOUR), (near, near), (far, HOUR)]);
        assert_eq!((counts.get(Count::Taken), counts.get(Count::TimesWrong)), (5, 3));
    }

    #[test]
    fn a_batch_is_handed_over_by_itself_when_it_is_full() {
        let (queue, counts) = queue(1 << 20);
        let mut inlet = queue.inlet(0, counts);
        inlet.push(1, 1, |bytes| bytes.resize(BATCH_BYTES, 0)).unwrap();
        for _ in 0..BATCH_PACKETS {
            inlet.push(1, 1, |bytes| bytes.push(0)).unwrap();
        }
        let sizes = [(); 2].map(|()| queue.take(soon()).unwrap().unwrap().records.len());
        assert_eq!(sizes, [1, BATCH_PACKETS]);
    }
}
