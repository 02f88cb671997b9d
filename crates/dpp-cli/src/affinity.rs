//! `--affinity`: worker n runs on the n-th CPU that this process may use, and nowhere else.
//!
//! Called by each worker as it starts. The CPUs are looked up once, by the first worker that comes, since
//! those that are pinned already see only their own.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::sync::OnceLock;

/// Pins the calling thread, worker number `worker`.
pub(crate) fn pin(worker: usize) {
    static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();
    let allowed = ALLOWED.get_or_init(allowed);
    if let Some(&cpu) = allowed.get(worker % allowed.len().max(1)) {
        let mut only = CpuSet::new();
        only.set(cpu);
        // Where the system refuses, the worker runs anywhere: slower perhaps, but right.
        let _ = sched_setaffinity(None, &only);
    }
}

fn allowed() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
}
