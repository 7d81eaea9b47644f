//! Networks, data, training steps that are recorded or run at full speed, and exact history.
//!
//! This crate must not know Rhai, files, graphics or the clock. It receives traced functions
//! ([`slowgrad_tape::Function`]) and trains networks with them, in a fixed order of operations, so that a recorded step
//! and a full-speed step give the same bits.
//!
//! A [`Setup`](setup::Setup) describes the training: shape, functions and data. A [`Run`](run::Run) trains with it. A
//! linear neuron `y = w·x + b` that learns `y = 2x` from one sample by gradient descent:
//!
//! ```
//! use slowgrad_engine::plugin::{Activation, Control, ControlKind, Loss, Optimizer, PluginInfo, SharedFunction, UpdateRule};
//! use slowgrad_engine::{data::Data, run::Run, setup::Setup, shape::Shape, spec::Sample};
//! use slowgrad_tape::{Call, Diagnostic, Function, Op, TapeFull, TraceBuilder, Tracer, ValueId};
//! use std::{cell::RefCell, rc::Rc, sync::Arc};
//!
//! /// A function in Rust, in place of a script.
//! struct RustFunction(fn(&mut TraceBuilder, &[ValueId]) -> Result<ValueId, TapeFull>);
//!
//! impl Tracer for RustFunction {
//!     fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
//!         let mut tape = TraceBuilder::new(100);
//!         let ids: Vec<_> = inputs.iter().map(|&x| tape.input("x", x, true)).collect();
//!         let result = (self.0)(&mut tape, &ids).map_err(|full| Diagnostic::error("tape-full", full.to_string()))?;
//!         Ok(tape.finish(vec![result]))
//!     }
//! }
//!
//! let function = |inputs: usize, rust: RustFunction| -> SharedFunction {
//!     Rc::new(RefCell::new(Function::new(inputs, 1, Box::new(rust))))
//! };
//! let lr = ControlKind::Slider { value: 0.25, min: 0.0, max: 1.0, log: false };
//!
//! // a = z, L = (a − target)², w ← w − lr · grad. The optimizer's inputs are w, grad, and the context from lr on.
//! let identity = function(1, RustFunction(|_, z| Ok(z[0])));
//! let squared = function(2, RustFunction(|tape, x| {
//!     let error = tape.push(Op::Sub, &[x[0], x[1]], None)?;
//!     tape.push(Op::Mul, &[error, error], None)
//! }));
//! let descent = || {
//!     function(2 + Optimizer::CONTEXT.len(), RustFunction(|tape, x| {
//!         let change = tape.push(Op::Mul, &[x[2], x[1]], None)?;
//!         tape.push(Op::Sub, &[x[0], change], None)
//!     }))
//! };
//!
//! let setup = Setup {
//!     spec: Arc::default(),
//!     shape: Arc::new(Shape::new(1, &[1])),
//!     activations: vec![Activation {
//!         info: PluginInfo::default(),
//!         whole_layer: false,
//!         function: identity,
//!         derivative_text: None,
//!     }],
//!     loss: Loss { info: PluginInfo::default(), function: squared },
//!     regularizer: None,
//!     optimizer: Optimizer {
//!         info: PluginInfo { controls: vec![Control { name: "lr".into(), kind: lr }], ..PluginInfo::default() },
//!         state: Vec::new(),
//!         rule: UpdateRule::Parameter { weights: descent(), biases: descent() },
//!     },
//!     schedule: None,
//!     initializer: PluginInfo::default(),
//!     dataset: None,
//!     io_names: Arc::default(),
//!     train: Arc::new(Data::new(&[Sample { input: vec![1.0], target: vec![2.0] }], 1, 1)?),
//!     test: Arc::default(),
//!     batch: 1,
//!     shuffle: false,
//!     seed: 1,
//!     frozen: Arc::default(),
//! };
//!
//! let mut run = Run::new(setup, vec![0.5, 0.0]); // w, b
//! assert_eq!(run.record()?.grads, [-3.0, -3.0]); // ∂L/∂w = 2 (y − 2) x, ∂L/∂b = 2 (y − 2), with y = 0.5
//! assert_eq!(run.advance()?.loss, 2.25); // (0.5 − 2)²
//! assert_eq!(run.model().values, [1.25, 0.75]); // w + 0.25 · 3, b + 0.25 · 3
//! assert_eq!(run.advance()?.loss, 0.0); // y = 1.25 + 0.75 = 2
//!
//! run.seek(1)?; // Back to the state after the first step, bit for bit.
//! assert_eq!(run.predict(&[vec![1.0], vec![2.0]])?, [[2.0], [3.25]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod condition;
pub mod data;
pub mod dense;
pub mod evaluation;
pub mod finite_check;
pub mod io_names;
pub mod model;
pub mod norms;
pub mod orthogonal;
pub mod parameter_path;
pub mod plugin;
pub mod rate;
pub mod record;
pub mod rng;
pub mod run;
pub mod setup;
pub mod shape;
pub mod spec;
pub mod structure;
pub mod tensor_match;
pub mod train;
pub mod training_state;
mod update;
pub mod weights;
mod work_sharing;
