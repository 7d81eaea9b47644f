//! The sandbox in which Rhai scripts define activations, losses, optimizers, initializers, data sets and
//! lessons, and the tracing that turns their functions into traces.
//!
//! A script is handed traced numbers instead of floats. Each operator and function writes its operation onto
//! a tape, with the expression it came from, and each comparison writes down its answer; from there on
//! [`slowgrad_tape`] needs no interpreter, and no derivative is ever written by hand. What a script may use
//! up is bounded by [`Limits`], what it may read is the [`Library`] of texts it is handed, and everything
//! that goes wrong comes out as a [`Diagnostic`] with its place and a way out.
//!
//! The interpreter goes into nested arrays and maps by recursion, and it keeps as many values as it has variables.
//! Whoever lets scripts of others run should do it on a thread with a stack of 256 MiB, and install
//! [`CountingAllocator`] so that memory can be counted.
//!
//! This crate is the only one that knows Rhai. It must not know threads, the disk or graphics, nor how
//! training or playing works: it fills in the plain data of [`slowgrad_engine::spec`],
//! [`slowgrad_engine::plugin`] and [`slowgrad_timeline::cue`].
//!
//! ```
//! use slowgrad_engine::spec::PluginRef;
//! use slowgrad_script::{Files, Library, Limits, Root, Sandbox};
//!
//! let script = "fn activation(z) { if z > 0.0 { z } else { 0.1 * z } }";
//! let files = Files::from_iter([("activations/leaky.rhai", script.as_bytes())]);
//! let library = Library { roots: vec![Root { name: "mine".into(), files }] };
//! let sandbox = Sandbox::new(library, Limits::default());
//!
//! let leaky = sandbox.activation(&PluginRef::named("leaky"), 1)?;
//! let call = leaky.function.borrow_mut().call(&[-2.0])?;
//! assert_eq!(call.output(0), -0.2);
//!
//! let mut grads = Vec::new();
//! call.trace.backward(&call.values, &[1.0], &mut grads);
//! assert_eq!(grads[0], 0.1);
//!
//! // Mistakes come with their place.
//! assert!(sandbox.check("activations/leaky.rhai").is_empty());
//! # Ok::<(), Box<slowgrad_script::Diagnostic>>(())
//! ```

mod bindings;
mod check;
mod diagnostics;
pub mod editing;
mod lesson;
mod library;
mod plugins;
pub mod reference;
mod runtime;
mod sandbox;
mod text;

pub use check::{Checked, Report, Tried, Worst};
pub use diagnostics::explain;
pub use library::{Files, Library, Root};
pub use plugins::PluginKind;
pub use plugins::catalogue::CatalogueItem;
pub use runtime::counting_allocator::CountingAllocator;
pub use runtime::host::ConsoleLine;
pub use runtime::limits::{LimitError, Limits};
pub use sandbox::{Lesson, Sandbox};
pub use slowgrad_tape::Diagnostic;
pub use text::lexer::{TokenKind, highlight};
