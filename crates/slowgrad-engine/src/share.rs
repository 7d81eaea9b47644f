//! Work that several threads do at once.
//!
//! Each job writes numbers of its own, and no job's numbers depend on who does it, so the number of threads never
//! changes a bit. Whoever is free takes the next job: a thread that comes late, or that the system stops for a
//! while, leaves more of them to the others. It must not know what the work is.

#[cfg(feature = "threads")]
use std::sync::{LazyLock, Mutex, PoisonError};

/// Jobs a thread: more of them spread better, fewer cost less to hand out.
pub(crate) const JOBS_A_THREAD: usize = 4;

/// The threads beside the one that trains: one for each other processor, since more would only take turns.
#[cfg(feature = "threads")]
static OTHERS: LazyLock<Option<rayon::ThreadPool>> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let named = rayon::ThreadPoolBuilder::new().thread_name(|_| "slowgrad-train".to_owned());
    named.num_threads(processors.saturating_sub(1).max(1)).build().ok()
});

/// Does all jobs with at most so many threads.
#[cfg(feature = "threads")]
pub(crate) fn share<J: Send>(threads: usize, jobs: impl Iterator<Item = J> + Send, work: impl Fn(J) + Sync) {
    if threads < 2 {
        return jobs.for_each(work);
    }
    let jobs = Mutex::new(jobs);
    let run = || {
        loop {
            // A job that panics ends its thread; the others go on, and the panic is told at the end.
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
            match job {
                Some(job) => work(job),
                None => return,
            }
        }
    };
    match &*OTHERS {
        Some(others) => others.in_place_scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|_| run());
            }
            run();
        }),
        None => run(),
    }
}

/// Does all jobs; this build knows one thread.
#[cfg(not(feature = "threads"))]
pub(crate) fn share<J>(_: usize, jobs: impl Iterator<Item = J>, work: impl Fn(J)) {
    jobs.for_each(work);
}
