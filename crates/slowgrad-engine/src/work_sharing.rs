//! Work that several threads do at once.
//!
//! Each job writes numbers of its own, and no job's numbers depend on who does it, so the number of threads never
//! changes a bit. Whoever is free takes the next job: a thread that comes late, or that the system stops for a
//! while, leaves more of them to the others. It must not know what the work is.

#[cfg(feature = "threads")]
use smallvec::SmallVec;
#[cfg(feature = "threads")]
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// Jobs a thread: more of them spread better, fewer cost less to hand out.
pub(crate) const JOBS_A_THREAD: usize = 4;

/// So often a thread looks in vain for work before it sleeps: some hundred microseconds, in which a step goes from one
/// large layer to the next. Waking it would take longer than many layers.
#[cfg(feature = "threads")]
const LOOKS: usize = 4_000;

/// The thread that trains, with one more for each other processor, since more would only take turns. It is one of
/// them: what no other has begun when it has time for it, it takes back, and so it never waits for one that sleeps.
#[cfg(feature = "threads")]
struct Crew {
    pool: rayon::ThreadPool,
    /// How many of the others look for work.
    awake: Arc<AtomicUsize>,
}

#[cfg(feature = "threads")]
thread_local! {
    static CREW: Option<Crew> = Crew::new();
}

#[cfg(feature = "threads")]
impl Crew {
    fn new() -> Option<Self> {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let named = rayon::ThreadPoolBuilder::new().thread_name(|_| "slowgrad-train".to_owned());
        let pool = named.use_current_thread().num_threads(processors.max(2)).build().ok()?;
        Some(Self { pool, awake: Arc::default() })
    }

    /// Has so many threads work, each told which one it is.
    fn run(&self, threads: usize, work: &(impl Fn(usize) + Sync)) {
        self.wake(threads - 1);
        let busy = AtomicUsize::new(0);
        let own = || {
            work(0);
            // Who sleeps is woken late.
            for _ in 0..LOOKS {
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
        self.pool.install(|| rayon::join(own, || at_once(threads - 1, &other)));
    }

    /// Has so many of the others look for work until there has been none for a while.
    fn wake(&self, others: usize) {
        let others = others.min(self.pool.current_num_threads() - 1);
        while self.awake.load(Ordering::Relaxed) < others {
            self.awake.fetch_add(1, Ordering::Relaxed);
            let awake = Arc::clone(&self.awake);
            self.pool.spawn(move || {
                // The thread that trains has the index 0, and other things to do.
                let mut looks = if rayon::current_thread_index() == Some(0) { LOOKS } else { 0 };
                while looks < LOOKS {
                    match rayon::yield_now() {
                        Some(rayon::Yield::Executed) => looks = 0,
                        _ => looks += 1,
                    }
                    std::hint::spin_loop();
                }
                awake.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

/// Works as the threads from this number down to 1, at once where there are threads for it.
#[cfg(feature = "threads")]
fn at_once(thread: usize, work: &(impl Fn(usize) + Sync)) {
    if thread < 2 {
        return work(thread);
    }
    rayon::join(|| work(thread), || at_once(thread - 1, work));
}

/// Does all jobs with at most so many threads. Each begins with its own share of them, which is the same in each step, so
/// that the numbers of these jobs stay in its cache, and then takes what the others have not begun.
#[cfg(feature = "threads")]
pub(crate) fn share<J: Send>(threads: usize, jobs: impl Iterator<Item = J>, work: impl Fn(J) + Sync) {
    if threads < 2 {
        return jobs.for_each(work);
    }
    let jobs: SmallVec<[Mutex<Option<J>>; 16]> = jobs.map(|job| Mutex::new(Some(job))).collect();
    let begin = |thread: usize| {
        let first = thread * jobs.len() / threads;
        for job in jobs[first..].iter().chain(&jobs[..first]) {
            // A job that panics ends its thread; the others go on, and the panic is told at the end.
            let job = job.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(job) = job {
                work(job);
            }
        }
    };
    CREW.with(|crew| match crew {
        Some(crew) => crew.run(threads, &begin),
        None => begin(0),
    });
}

/// Does all jobs; this build knows one thread.
#[cfg(not(feature = "threads"))]
pub(crate) fn share<J>(_: usize, jobs: impl Iterator<Item = J>, work: impl Fn(J)) {
    jobs.for_each(work);
}

#[cfg(all(test, feature = "threads"))]
mod tests {
    use super::share;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn every_job_is_done_once_by_however_many() {
        for threads in 1..6 {
            for count in [0, 1, 2, 7, 40] {
                let mut numbers = vec![0; count];
                // Many times, so that the others are met awake as well as asleep.
                for _ in 0..50 {
                    share(threads, numbers.iter_mut(), |number| *number += 1);
                }
                assert!(numbers.iter().all(|&number| number == 50), "{threads} threads, {count} jobs: {numbers:?}");
            }
        }
    }

    #[test]
    fn a_job_that_panics_is_told_of_and_the_next_ones_are_done() {
        for bad in [0, 9] {
            let told = catch_unwind(AssertUnwindSafe(|| share(2, 0..10, |job| assert_ne!(job, bad, "a bad job"))));
            assert!(told.is_err(), "job {bad}");
            let mut numbers = [0; 10];
            share(2, numbers.iter_mut().enumerate(), |(at, number)| *number = at);
            assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }
    }
}
