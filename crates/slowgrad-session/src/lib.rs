//! A slowgrad session without a window: the lesson in progress, the run that it trains, the viewer's changes, and the
//! file that restores all of it.
//!
//! A [`Session`] sends [`BackendCommand`]s over a [`BackendLink`] to a [`Backend`], which owns the scripts and the run
//! and returns [`Snapshot`]s. This crate must not know windows, egui, graphics, files, threads or a clock: callers pass
//! time, bytes and the number of threads.
//!
//! The welcome lesson plays until it waits for the presenter; then the run trains 200 steps, and the loss falls:
//!
//! ```
//! use slowgrad_script::{Library, Limits};
//! use slowgrad_session::{Backend, BackendCommand, BackendLink, Clock, InlineBackend, Machine, Session, shipped};
//! use std::sync::LazyLock;
//! use std::time::{Duration, Instant};
//!
//! static START: LazyLock<Instant> = LazyLock::new(Instant::now);
//! let clock = Clock::new(|| START.elapsed());
//! let library = Library { roots: vec![shipped::shipped()] };
//! let backend = Backend::new(library, Limits::default(), Machine { clock, max_threads: 1 });
//!
//! let mut link = InlineBackend::new(backend);
//! link.send(BackendCommand::Open("lessons/welcome.rhai".into()));
//! let mut session = Session::new(link);
//! while !session.player.waits_for_presenter() {
//!     session.tick(0.05);
//! }
//! let loss = |session: &Session| session.now().map(|(timeline, _)| timeline.step().loss);
//! let first = loss(&session).expect("a step is shown");
//!
//! session.hold();
//! session.send(BackendCommand::Train(200));
//! assert!(session.run_until_idle(clock.deadline(Duration::from_mins(1))));
//! let (timeline, _) = session.now().expect("a step is shown");
//! assert_eq!(timeline.step().step, 201);
//! assert!(loss(&session).expect("a step is shown") < first);
//! ```

mod backend;
mod clock;
mod file;
mod pack;
mod protocol;
mod session;
pub mod shipped;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use backend::link::{BackendLink, BackendStopped, InlineBackend, TableReading, is_idle};
pub use backend::plots::predictions::{neuron_maps, padded_range};
pub use backend::restored_run::RestoredRun;
pub use backend::slots::{control_symbol, layer_list};
pub use backend::thread_count::ThreadTuner;
pub use backend::{Backend, Machine};
pub use clock::{Clock, Deadline};
pub use file::limits::{MAX_FILE_BYTES as MAX_SESSION_BYTES, MAX_REPLAYED_STEPS, MAX_STEPS};
pub use file::{
    Bookmark, Digest, DrawerTab, FormatError, OpenPanels, OpenPlots, SESSION_ROOT, SessionFile, UnsavedScript,
    lesson_name,
};
pub use pack::{MAX_PACK_BYTES, PACK_EXTENSION, Pack, PackError, is_reserved_name, replace_in_pack};
pub use protocol::*;
pub use session::{
    Bookmarks, Editable, LessonPlayer, NextFrame, Notice, Notices, RunAction, RunStart, Session, event_at,
};
pub use session::{traversal, visible_range};
