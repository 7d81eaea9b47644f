//! Every operation of a training step as an addressable event, the playhead, and the scene as plain data.
//!
//! A [`Timeline`] turns a recorded step into [`events`] that are computed on request. [`explain`] writes each event as a
//! formula in symbols and numbers and as a sentence. [`playback`] moves through the events, and a scene is a pure function
//! of a timeline and a moment.
//!
//! This crate must not know Rhai, wgpu, egui, files or the clock.
//!
//! # Example
//!
//! One neuron with two inputs, the identity as its activation and (ŷ − y)² as the loss, on one sample:
//!
//! ```
//! # use slowgrad_engine::data::Data;
//! # use slowgrad_engine::model::Model;
//! # use slowgrad_engine::plugin::{Activation, Control, ControlKind, Loss, Optimizer, PluginInfo, SharedFunction, UpdateRule};
//! # use slowgrad_engine::record::record;
//! # use slowgrad_engine::setup::Setup;
//! # use slowgrad_engine::shape::Shape;
//! # use slowgrad_engine::spec::Sample;
//! # use slowgrad_tape::{Call, Diagnostic, Function, Op, TapeFull, TraceBuilder, Tracer, ValueId};
//! # use std::{cell::RefCell, rc::Rc, sync::Arc};
//! # type Body = fn(&mut TraceBuilder, &[ValueId]) -> Result<Vec<ValueId>, TapeFull>;
//! # struct ByHand(&'static [&'static str], usize, Body);
//! # impl Tracer for ByHand {
//! #     fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
//! #         let mut tape = TraceBuilder::new(100);
//! #         let named = inputs.iter().zip(self.0).enumerate();
//! #         let ids: Vec<ValueId> = named.map(|(i, (&x, &name))| tape.input(name, x, i < self.1)).collect();
//! #         let outputs = (self.2)(&mut tape, &ids).map_err(|full| Diagnostic::error("tape-full", full.to_string()))?;
//! #         Ok(tape.finish(outputs))
//! #     }
//! # }
//! # fn function(names: &'static [&'static str], differentiable: usize, body: Body) -> SharedFunction {
//! #     Rc::new(RefCell::new(Function::new(names.len(), 1, Box::new(ByHand(names, differentiable, body)))))
//! # }
//! # fn info(name: &str) -> PluginInfo {
//! #     PluginInfo { name: name.into(), ..PluginInfo::default() }
//! # }
//! # let rule = || {
//! #     let names = &["w", "grad", "ctx.lr", "ctx.step", "ctx.grad_norm", "ctx.layer_grad_norm",
//! #         "ctx.layer_weight_norm", "ctx.layer", "ctx.layers"];
//! #     function(names, 0, |tape, i| {
//! #         let change = tape.push(Op::Mul, &[i[2], i[1]], None)?;
//! #         Ok(vec![tape.push(Op::Sub, &[i[0], change], None)?])
//! #     })
//! # };
//! # let squared: Body = |tape, i| {
//! #     let difference = tape.push(Op::Sub, &[i[0], i[1]], None)?;
//! #     Ok(vec![tape.push(Op::Mul, &[difference, difference], None)?])
//! # };
//! # let identity = function(&["z"], 1, |_, i| Ok(vec![i[0]]));
//! # let lr = Control { name: "lr".into(), kind: ControlKind::Slider { value: 0.1, min: 0.0, max: 1.0, log: false } };
//! # let shape = Shape::new(2, &[1]);
//! # let samples = [Sample { input: vec![2.0, 3.0], target: vec![1.0] }];
//! # let setup = Setup {
//! #     spec: Arc::default(),
//! #     train: Arc::new(Data::new(&samples, shape.inputs(), shape.outputs())?),
//! #     shape: Arc::new(shape),
//! #     activations: vec![Activation { info: info("identity"), whole_layer: false, function: identity, derivative_text: None }],
//! #     loss: Loss { info: info("squared"), function: function(&["output[0]", "target[0]"], 1, squared) },
//! #     regularizer: None,
//! #     optimizer: Optimizer { info: PluginInfo { controls: vec![lr], ..info("sgd") }, state: Vec::new(), rule: UpdateRule::Parameter { weights: rule(), biases: rule() } },
//! #     schedule: None,
//! #     initializer: PluginInfo::default(),
//! #     dataset: None,
//! #     io_names: Arc::default(),
//! #     test: Arc::default(),
//! #     batch: 1,
//! #     shuffle: false,
//! #     seed: 0,
//! #     frozen: Arc::default(),
//! # };
//! use slowgrad_timeline::Timeline;
//! use slowgrad_timeline::events::{Cell, Phase};
//! use slowgrad_timeline::explain::words::Explainer;
//!
//! // The weights 0.5 and −1, and the bias 0.25.
//! let model = Model::new(vec![0.5, -1.0, 0.25], &setup.optimizer);
//! let timeline = Timeline::new(Arc::new(record(&setup, &model, 1)?));
//! let explainer = Explainer { digits: 3 };
//!
//! // The operations of the neuron in the forward pass, as sentences:
//! let neuron = Cell::Neuron { layer: 0, neuron: 0 };
//! let forward = timeline.cell(Some(0), Phase::Forward, neuron).expect("the neuron computes");
//! let sentences: Vec<String> = forward.map(|index| explainer.sentence(&timeline, &timeline.event(index))).collect();
//! assert_eq!(
//!     sentences,
//!     [
//!         "Weight 0.5 times 2 is 1.",
//!         "Weight −1 times 3 is −3.",
//!         "The running sum becomes −2.",
//!         "With the bias 0.25 the pre-activation is −1.75.",
//!         "The activation of neuron 1 is −1.75.",
//!     ]
//! );
//!
//! // In the backward pass δ and the gradient of the bias come before those of the weights. The first weight's as a formula:
//! let backward = timeline.cell(Some(0), Phase::Backward, neuron).expect("the neuron has gradients");
//! let formula = explainer.formula(&timeline, &timeline.event(backward.start + 2));
//! assert_eq!(formula.symbols.plain(), "∂L/∂w₁₁ = ∂L/∂z₁ · ∂z₁/∂w₁₁ = δ₁ · x₁");
//! assert_eq!(formula.numbers.plain(), "−5.5 · 2");
//! assert_eq!(formula.result.plain(), "−11");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod events;
pub mod explain;
pub mod number_format;
pub mod playback;
pub mod scene;

pub use events::Timeline;
