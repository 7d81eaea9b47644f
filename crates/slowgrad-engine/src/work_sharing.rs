//! Jobs shared by several threads.
//!
//! Each job writes its own numbers, and these do not depend on the thread that runs it, so the number of threads
//! changes no bit. Idle threads take the next job: if a thread starts late or is preempted, the others take over its
//! jobs. This module must not know what the jobs compute.

#[cfg(feature = "threads")]
use smallvec::SmallVec;
#[cfg(feature = "threads")]
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// Jobs per thread: more of them balance better, fewer cost less to distribute.
pub(crate) const JOBS_PER_THREAD: usize = 4;

/// Number of unsuccessful polls for work before a thread sleeps. They take some hundred microseconds, enough to bridge
/// the time between two large layers of a step; waking a thread would take longer than many layers.
#[cfg(feature = "threads")]
const MAX_IDLE_POLLS: usize = 4_000;

/// The training thread and one more thread for each other processor.
///
/// The training thread is a member of the pool. It takes back jobs that no other thread has started, so it never waits
/// for a sleeping thread.
#[cfg(feature = "threads")]
struct TrainingPool {
    pool: rayon::ThreadPool,
    /// Number of other threads that are polling for work.
    awake: Arc<AtomicUsize>,
}

#[cfg(feature = "threads")]
thread_local! {
    static POOL: Option<TrainingPool> = TrainingPool::new();
}

#[cfg(feature = "threads")]
impl TrainingPool {
    fn new() -> Option<Self> {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let named = rayon::ThreadPoolBuilder::new().thread_name(|_| "slowgrad-train".to_owned());
        let pool = named.use_current_thread().num_threads(processors.max(2)).build().ok()?;
        Some(Self { pool, awake: Arc::default() })
    }

    /// Runs `work` on `threads` threads, each with its index.
    fn run(&self, threads: usize, work: &(impl Fn(usize) + Sync)) {
        self.wake(threads - 1);
        let busy = AtomicUsize::new(0);
        let own = || {
            work(0);
            // A thread that sleeps here would be woken late, so it spins for a while.
            for _ in 0..MAX_IDLE_POLLS {
                if busy.load(Ordering::Relaxed) == 0 {
                    break;
                }
                std::hint::spin_loop();
            }
        };
        let other = |thread| {
            busy.fetch_add(1, Ordering::Relaxed);
            work(thread);
            busy.fetch_sub(1, Ordering::Relaxed);
        };
        self.pool.install(|| rayon::join(own, || run_threads(threads - 1, &other)));
    }

    /// Makes `others` further threads poll until they have found no work for a while.
    fn wake(&self, others: usize) {
        let others = others.min(self.pool.current_num_threads() - 1);
        while self.awake.load(Ordering::Relaxed) < others {
            self.awake.fetch_add(1, Ordering::Relaxed);
            let awake = Arc::clone(&self.awake);
            self.pool.spawn(move || {
                // The training thread has index 0 and must not poll here.
                let mut polls = if rayon::current_thread_index() == Some(0) { MAX_IDLE_POLLS } else { 0 };
                while polls < MAX_IDLE_POLLS {
                    match rayon::yield_now() {
                        Some(rayon::Yield::Executed) => polls = 0,
                        _ => polls += 1,
                    }
                    std::hint::spin_loop();
                }
                awake.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

/// Runs `work` with the indices from `thread` down to 1, in parallel if threads are free.
#[cfg(feature = "threads")]
fn run_threads(thread: usize, work: &(impl Fn(usize) + Sync)) {
    if thread < 2 {
        return work(thread);
    }
    rayon::join(|| work(thread), || run_threads(thread - 1, work));
}

/// Runs all jobs on at most `threads` threads.
///
/// Each thread starts with its own part of the jobs, the same in each step, so that their numbers stay in its cache;
/// then it takes jobs that no other thread has started. If a job panics, the other jobs still run, and the panic is
/// propagated at the end.
#[cfg(feature = "threads")]
pub(crate) fn run_jobs<J: Send>(threads: usize, jobs: impl Iterator<Item = J>, work: impl Fn(J) + Sync) {
    if threads < 2 {
        return jobs.for_each(work);
    }
    let jobs: SmallVec<[Mutex<Option<J>>; 16]> = jobs.map(|job| Mutex::new(Some(job))).collect();
    let begin = |thread: usize| {
        let first = thread * jobs.len() / threads;
        for job in jobs[first..].iter().chain(&jobs[..first]) {
            // A poisoned lock means that a job panicked on another thread.
            let job = job.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(job) = job {
                work(job);
            }
        }
    };
    POOL.with(|pool| match pool {
        Some(pool) => pool.run(threads, &begin),
        None => begin(0),
    });
}

/// Runs all jobs on the calling thread, in a build without threads.
#[cfg(not(feature = "threads"))]
pub(crate) fn run_jobs<J>(_: usize, jobs: impl Iterator<Item = J>, work: impl Fn(J)) {
    jobs.for_each(work);
}

#[cfg(all(test, feature = "threads"))]
mod tests {
    use super::run_jobs;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn every_job_runs_once_on_any_number_of_threads() {
        for threads in 1..6 {
            for count in [0, 1, 2, 7, 40] {
                let mut numbers = vec![0; count];
                // Often enough to find the other threads both polling and asleep.
                for _ in 0..50 {
                    run_jobs(threads, numbers.iter_mut(), |number| *number += 1);
                }
                assert!(numbers.iter().all(|&number| number == 50), "{threads} threads, {count} jobs: {numbers:?}");
            }
        }
    }

    #[test]
    fn a_panicking_job_is_reported_and_later_jobs_run() {
        for bad in [0, 9] {
            let result = catch_unwind(AssertUnwindSafe(|| run_jobs(2, 0..10, |job| assert_ne!(job, bad, "a bad job"))));
            assert!(result.is_err(), "job {bad}");
            let mut numbers = [0; 10];
            run_jobs(2, numbers.iter_mut().enumerate(), |(at, number)| *number = at);
            assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }
    }
}
