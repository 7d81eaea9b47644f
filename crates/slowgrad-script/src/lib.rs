//! The sandbox for Rhai scripts, which define activations, losses, optimizers, initializers, data sets and lessons,
//! and the tracing that turns their functions into traces.
//!
//! A script computes with traced numbers instead of floats. Each operator and function records its operation on a
//! tape, with the expression that it came from, and each comparison becomes a guard. From there on
//! [`slowgrad_tape`] needs no interpreter, and no derivative is written by hand. [`Limits`] bound the resources of a
//! script, a [`Library`] holds all files that it can read, and every mistake becomes a [`Diagnostic`] with a location
//! and a suggestion.
//!
//! | module | duty |
//! | --- | --- |
//! | `text` | tokens, expression spans, and the guards compiled into a script |
//! | `runtime` | engine, limits, imports and calls; the contract with Rhai |
//! | `bindings` | native functions and value types |
//! | `plugins` | from a plugin's name and controls to traced functions |
//! | `lesson` | from `lesson()` and its conditions to plain data |
//! | `diagnostics` | analysis before a run, errors during a run, style warnings, [`explain`] |
//! | `check` | tries a file: does it run, is its gradient correct? |
//! | `combination` | tries whether output, loss and targets fit together |
//! | [`editing`] | completion and definitions for editors |
//! | [`mod@reference`] | the table of everything that a script can name |
//!
//! The interpreter descends into nested arrays and maps by recursion, and a script can hold many values. A program
//! that runs scripts of other people should do so on a thread with a stack of 256 MiB, and install
//! [`CountingAllocator`] so that memory is counted.
//!
//! This is the only crate that knows Rhai. It must not know threads, the disk or graphics, nor how training and
//! playback work. It fills in the plain data of [`slowgrad_engine::spec`], [`slowgrad_engine::plugin`] and
//! [`slowgrad_timeline::playback`].
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
//! // A correct file has no diagnostics.
//! assert!(sandbox.check("activations/leaky.rhai").is_empty());
//! # Ok::<(), Box<slowgrad_script::Diagnostic>>(())
//! ```

mod bindings;
mod check;
mod combination;
mod diagnostics;
pub mod editing;
mod lesson;
mod library;
mod plugins;
pub mod reference;
mod runtime;
mod sandbox;
mod text;

pub use check::{CheckReport, FunctionReport, Measurement, WorstPoint};
pub use diagnostics::explain;
pub use library::{FileError, FileReader, Files, Library, Root, import_candidates};
pub use plugins::PluginKind;
pub use plugins::catalogue::CatalogueItem;
pub use runtime::counting_allocator::CountingAllocator;
pub use runtime::host::ConsoleLine;
pub use runtime::limits::{LimitError, Limits};
pub use sandbox::{Lesson, Sandbox, TableProgress};
pub use slowgrad_tape::Diagnostic;
pub use text::lexer::{TokenKind, highlight};
