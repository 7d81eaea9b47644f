//! Scalar operations with their derivative rules, traces with guards, reverse-mode differentiation, and evaluation of a
//! trace over many inputs at once.
//!
//! This crate is the mathematics of slowgrad and nothing else. It must not know Rhai, networks, graphics or files. A
//! script is traced into a [`Trace`]: a straight line of [`Op`]s in execution order, with the [`Guard`]s (the results
//! of comparisons) under which it is valid. A [`Function`] stores the tree of all traces recorded so far and asks its
//! [`Tracer`] for a new one when an input takes another path.
//!
//! ```
//! use slowgrad_tape::{Op, TraceBuilder};
//!
//! // f(z) = z² + 1, as a tracer would record it for z = 3.
//! let mut tape = TraceBuilder::new(1_000);
//! let z = tape.input("z", 3.0, true);
//! let square = tape.push(Op::Mul, &[z, z], None)?;
//! let one = tape.constant(1.0)?;
//! let y = tape.push(Op::Add, &[square, one], None)?;
//! let trace = tape.finish(vec![y]).trace;
//!
//! let mut values = Vec::new();
//! assert!(trace.evaluate(&[4.0], &mut values));
//! assert_eq!(values[trace.outputs()[0].index()], 17.0);
//!
//! let mut grads = Vec::new();
//! trace.backward(&values, &[1.0], &mut grads);
//! assert_eq!(grads[z.index()], 8.0); // d(z² + 1)/dz = 2z
//! # Ok::<(), slowgrad_tape::TapeFull>(())
//! ```

mod executor;
mod function;
mod fuse;
mod instruction;
pub mod isa;
mod kernels;
pub mod math;
mod op;
mod pass;
mod program;
mod source;
mod trace;
mod trace_tree;

pub use function::{Function, Tracer};
pub use isa::LANE_GROUP;
pub use op::{Notation, Op};
pub use pass::{CallerRow, Pass};
pub use source::{Diagnostic, Frame, Location, Severity, Source, Span};
pub use trace::{Call, ChainStep, Compare, Guard, Instruction, Node, Site, TapeFull, Trace, TraceBuilder, ValueId};
pub use trace_tree::TraceTree;
