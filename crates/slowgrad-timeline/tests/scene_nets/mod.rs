//! Small networks with plugins written in Rust, recorded for the tests of the scene.

#![allow(dead_code, reason = "each test program uses a part of it")]

use slowgrad_engine::data::Data;
use slowgrad_engine::model::Model;
use slowgrad_engine::plugin::{
    Activation, Control, ControlKind, InitialState, Loss, Optimizer, PluginInfo, Regularizer, Schedule, StateField,
    UpdateRule,
};
use slowgrad_engine::record::record;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::{LessonSpec, Sample};
use slowgrad_tape::{
    Call, Compare, Diagnostic, Function, Op, Site, Source, Span, TapeFull, TraceBuilder, Tracer, ValueId,
};
use slowgrad_timeline::Timeline;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

type Draw = fn(&mut Tape, &[ValueId]) -> Result<Vec<ValueId>, TapeFull>;

/// A builder that gives every operation a location in a script.
pub(crate) struct Tape {
    builder: TraceBuilder,
    source: u32,
    line: u32,
}

impl Tape {
    fn op(&mut self, op: Op, operands: &[ValueId]) -> Result<ValueId, TapeFull> {
        let site = self.site(None);
        self.builder.push(op, operands, Some(site))
    }

    fn named(&mut self, name: &str, op: Op, operands: &[ValueId]) -> Result<ValueId, TapeFull> {
        let name = self.builder.name(&name.into());
        let site = self.site(Some(name));
        self.builder.push(op, operands, Some(site))
    }

    fn site(&mut self, name: Option<u32>) -> Site {
        self.line += 1;
        Site { source: self.source, span: Span { start: 0, end: 4, line: self.line, column: 1 }, name }
    }
}

struct Drawn {
    inputs: Vec<(String, bool)>,
    draw: Draw,
}

impl Tracer for Drawn {
    fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        let mut builder = TraceBuilder::new(10_000);
        let source = builder.source(&Arc::new(Source { name: "plugin.rhai".into(), text: "text".into() }));
        let ids: Vec<ValueId> =
            self.inputs.iter().zip(inputs).map(|((name, grad), &x)| builder.input(name.clone(), x, *grad)).collect();
        let mut tape = Tape { builder, source, line: 0 };
        let outputs = (self.draw)(&mut tape, &ids).expect("small enough");
        Ok(tape.builder.finish(outputs))
    }
}

fn function(inputs: Vec<(String, bool)>, outputs: usize, draw: Draw) -> Rc<RefCell<Function>> {
    Rc::new(RefCell::new(Function::new(inputs.len(), outputs, Box::new(Drawn { inputs, draw }))))
}

fn info(name: &str) -> PluginInfo {
    PluginInfo { name: name.into(), ..PluginInfo::default() }
}

/// tanh in one operation.
pub(crate) fn tanh() -> Activation {
    let draw: Draw = |tape, ids| Ok(vec![tape.op(Op::Tanh, &[ids[0]])?]);
    Activation {
        info: info("tanh"),
        whole_layer: false,
        function: function(vec![("z".into(), true)], 1, draw),
        derivative_text: None,
    }
}

/// 1 / (1 + exp(−z)) in four operations.
pub(crate) fn sigmoid() -> Activation {
    let draw: Draw = |tape, ids| {
        let minus = tape.op(Op::Neg, &[ids[0]])?;
        let e = tape.named("e", Op::Exp, &[minus])?;
        let one = tape.builder.constant(1.0)?;
        let sum = tape.op(Op::Add, &[one, e])?;
        Ok(vec![tape.op(Op::Div, &[one, sum])?])
    };
    Activation {
        info: info("sigmoid"),
        whole_layer: false,
        function: function(vec![("z".into(), true)], 1, draw),
        derivative_text: None,
    }
}

/// z if z > 0, otherwise z · 0: a comparison, sometimes followed by an operation.
pub(crate) fn relu() -> Activation {
    let draw: Draw = |tape, ids| {
        let zero = tape.builder.constant(0.0)?;
        let site = tape.site(None);
        if tape.builder.compare(Compare::Greater, ids[0], zero, Some(site))? {
            Ok(vec![ids[0]])
        } else {
            Ok(vec![tape.op(Op::Mul, &[ids[0], zero])?])
        }
    };
    Activation {
        info: info("relu"),
        whole_layer: false,
        function: function(vec![("z".into(), true)], 1, draw),
        derivative_text: None,
    }
}

/// exp(zᵢ) / Σ exp(z) over the whole layer.
pub(crate) fn softmax(size: usize) -> Activation {
    let draw: Draw = |tape, ids| {
        let mut powers = Vec::new();
        for &z in ids {
            powers.push(tape.op(Op::Exp, &[z])?);
        }
        let mut sum = powers[0];
        for &power in &powers[1..] {
            sum = tape.named("sum", Op::Add, &[sum, power])?;
        }
        powers.iter().map(|&power| tape.op(Op::Div, &[power, sum])).collect()
    };
    let inputs = (0..size).map(|i| (format!("z[{i}]"), true)).collect();
    Activation {
        info: info("softmax"),
        whole_layer: true,
        function: function(inputs, size, draw),
        derivative_text: None,
    }
}

/// The mean of the squared differences.
pub(crate) fn mse(outputs: usize) -> Loss {
    let names = |name: &str, grad: bool| (0..outputs).map(move |i| (format!("{name}[{i}]"), grad)).collect::<Vec<_>>();
    let inputs = [names("output", true), names("target", false)].concat();
    let draw: Draw = |tape, ids| {
        let outputs = ids.len() / 2;
        let mut sum = None;
        for i in 0..outputs {
            let d = tape.named("d", Op::Sub, &[ids[i], ids[outputs + i]])?;
            let two = tape.builder.constant(2.0)?;
            let square = tape.op(Op::Pow, &[d, two])?;
            sum = Some(match sum {
                None => square,
                Some(sum) => tape.named("s", Op::Add, &[sum, square])?,
            });
        }
        let n = tape.builder.constant(outputs as f64)?;
        Ok(vec![tape.op(Op::Div, &[sum.expect("outputs"), n])?])
    };
    Loss { info: info("mse"), function: function(inputs, 1, draw) }
}

fn context(state: &[&str]) -> Vec<(String, bool)> {
    let names = ["w", "grad"].into_iter().map(String::from).chain(state.iter().map(|name| format!("state.{name}")));
    names.chain(Optimizer::CONTEXT.iter().map(|name| format!("ctx.{name}"))).map(|name| (name, false)).collect()
}

fn optimizer(name: &str, state: &[&str], draw: Draw) -> Optimizer {
    let lr = Control { name: "lr".into(), kind: ControlKind::Slider { value: 0.5, min: 0.0, max: 1.0, log: false } };
    let rule = || function(context(state), 1 + state.len(), draw);
    Optimizer {
        info: PluginInfo { controls: vec![lr], ..info(name) },
        state: state.iter().map(|name| StateField::per_parameter(*name, 0.125)).collect(),
        rule: UpdateRule::Parameter { weights: rule(), biases: rule() },
    }
}

/// w − lr · grad.
pub(crate) fn sgd() -> Optimizer {
    optimizer("sgd", &[], |tape, ids| {
        let change = tape.op(Op::Mul, &[ids[2], ids[1]])?;
        Ok(vec![tape.op(Op::Sub, &[ids[0], change])?])
    })
}

/// v ← 0.9 · v + grad, w − lr · v.
pub(crate) fn momentum() -> Optimizer {
    optimizer("momentum", &["v"], |tape, ids| {
        let beta = tape.builder.constant(0.9)?;
        let kept = tape.op(Op::Mul, &[beta, ids[2]])?;
        let v = tape.named("v", Op::Add, &[kept, ids[1]])?;
        let change = tape.op(Op::Mul, &[ids[3], v])?;
        Ok(vec![tape.op(Op::Sub, &[ids[0], change])?, v])
    })
}

/// An optimizer of whole layers, for a network of these sizes: w − lr · (grad − the layer's mean gradient). Its state is one
/// number for each layer, the sum of all gradients so far.
fn centred(sizes: &[usize]) -> Optimizer {
    let draw: Draw = |tape, ids| {
        let parameters = (ids.len() - 1 - Optimizer::CONTEXT.len()) / 2;
        let (w, grads) = ids[..2 * parameters].split_at(parameters);
        let mut sum = grads[0];
        for grad in &grads[1..] {
            sum = tape.op(Op::Add, &[sum, *grad])?;
        }
        let count = tape.builder.constant(parameters as f64)?;
        let mean = tape.named("mean", Op::Div, &[sum, count])?;
        let lr = ids[2 * parameters + 1];
        let mut results = Vec::new();
        for (w, grad) in w.iter().zip(grads) {
            let centred = tape.op(Op::Sub, &[*grad, mean])?;
            let change = tape.op(Op::Mul, &[lr, centred])?;
            results.push(tape.op(Op::Sub, &[*w, change])?);
        }
        results.push(tape.named("state.total", Op::Add, &[ids[2 * parameters], sum])?);
        Ok(results)
    };
    let rule = |fan_in: usize, fan_out: usize| {
        let arrays = |name: &str| {
            let weights = (0..fan_out).flat_map(|j| (0..fan_in).map(move |k| format!("weights[{j}][{k}]")));
            let parts = weights.chain((0..fan_out).map(|j| format!("biases[{j}]")));
            parts.map(|part| format!("{name}.{part}")).collect::<Vec<_>>()
        };
        let context = Optimizer::CONTEXT.iter().map(|name| format!("ctx.{name}"));
        let names = [arrays("w"), arrays("grad"), vec!["state.total[0]".to_owned()]].concat();
        let results = (fan_in + 1) * fan_out + 1;
        function(names.into_iter().chain(context).map(|name| (name, false)).collect(), results, draw)
    };
    let lr = Control { name: "lr".into(), kind: ControlKind::Slider { value: 0.5, min: 0.0, max: 1.0, log: false } };
    let total = InitialState::PerLayer(vec![vec![0.25]; sizes.len() - 1]);
    Optimizer {
        info: PluginInfo { controls: vec![lr], ..info("centred") },
        state: vec![StateField { name: "total".into(), initial: total }],
        rule: UpdateRule::Layer(sizes.windows(2).map(|pair| rule(pair[0], pair[1])).collect()),
    }
}

/// A pseudo-random number between −1 and 1, equal on every machine.
fn noise(seed: u64) -> f64 {
    let mixed = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 40) as f64 / f64::from(1 << 23) - 1.0
}

/// A recorded step of a network of this shape.
pub(crate) fn timeline(sizes: &[usize], activations: Vec<Activation>, optimizer: Optimizer, batch: usize) -> Timeline {
    trained(sizes, activations, optimizer, batch, None, None, &[])
}

/// A recorded step with frozen parameters, given by flat index.
pub(crate) fn frozen(sizes: &[usize], activations: Vec<Activation>, frozen: &[usize]) -> Timeline {
    trained(sizes, activations, momentum(), 2, Some(squares()), None, frozen)
}

/// w²/8
fn squares() -> Regularizer {
    let draw: Draw = |tape, i| {
        let eighth = tape.builder.constant(0.125)?;
        let square = tape.op(Op::Mul, &[i[0], i[0]])?;
        Ok(vec![tape.op(Op::Mul, &[eighth, square])?])
    };
    Regularizer { info: info("squares"), function: function(vec![("w".to_owned(), true)], 1, draw) }
}

/// 1 / (1 + step)
fn slower() -> Schedule {
    let draw: Draw = |tape, i| {
        let one = tape.builder.constant(1.0)?;
        let sum = tape.op(Op::Add, &[one, i[0]])?;
        Ok(vec![tape.op(Op::Div, &[one, sum])?])
    };
    let names = ["step", "ctx.epoch", "ctx.steps_per_epoch"];
    let inputs = names.map(|name| (name.to_owned(), false)).to_vec();
    Schedule { info: info("slower"), function: function(inputs, 1, draw) }
}

/// A recorded step, optionally with a regularizer, a schedule and frozen parameters.
fn trained(
    sizes: &[usize],
    activations: Vec<Activation>,
    optimizer: Optimizer,
    batch: usize,
    regularizer: Option<Regularizer>,
    schedule: Option<Schedule>,
    frozen: &[usize],
) -> Timeline {
    let shape = Shape::new(sizes[0], &sizes[1..]);
    recorded(shape, activations, optimizer, batch, (regularizer, schedule), frozen, LessonSpec::default())
}

/// A recorded step of any network, with the gradients of its inputs if the description asks for them.
fn recorded(
    shape: Shape,
    activations: Vec<Activation>,
    optimizer: Optimizer,
    batch: usize,
    (regularizer, schedule): (Option<Regularizer>, Option<Schedule>),
    frozen: &[usize],
    spec: LessonSpec,
) -> Timeline {
    let shape = Arc::new(shape);
    let samples: Vec<Sample> = (0..batch)
        .map(|s| Sample {
            input: (0..shape.inputs())
                .map(|i| if (s + i) % 3 == 2 { 0.0 } else { noise((s * 1000 + i) as u64) })
                .collect(),
            target: (0..shape.outputs()).map(|i| f64::from(u8::from((s + i) % 2 == 0))).collect(),
        })
        .collect();
    let data = Data::new(&samples, shape.inputs(), shape.outputs()).expect("samples of the network's size");
    let setup = Setup {
        spec: Arc::new(spec),
        loss: mse(shape.outputs()),
        activations,
        train: Arc::new(data),
        test: Arc::new(Data::default()),
        batch,
        shuffle: false,
        seed: 1,
        shape: Arc::clone(&shape),
        optimizer,
        regularizer,
        schedule,
        initializer: PluginInfo::default(),
        dataset: None,
        io_names: Arc::default(),
        frozen: Arc::new(frozen.iter().copied().collect()),
    };
    let values = (0..shape.parameters()).map(|i| 1.5 * noise(i as u64 + 77)).collect();
    let model = Model::new(values, &setup.optimizer);
    Timeline::new(Arc::new(record(&setup, &model, 1).expect("the plugins cannot fail")))
}

/// A recorded step of a network whose layers have biases or not, with the gradients of the inputs.
pub(crate) fn with_input_gradients(
    inputs: usize,
    layers: &[(usize, bool)],
    activations: Vec<Activation>,
    batch: usize,
) -> Timeline {
    let shape = Shape::with_biases(inputs, layers.iter().copied());
    let spec = LessonSpec { input_gradients: true, ..LessonSpec::default() };
    recorded(shape, activations, momentum(), batch, (None, None), &[], spec)
}

/// The networks of most tests.
pub(crate) fn small_nets() -> Vec<(&'static str, Timeline)> {
    vec![
        ("2-3-1", timeline(&[2, 3, 1], vec![tanh(), sigmoid()], sgd(), 2)),
        ("2-4-2-1", timeline(&[2, 4, 2, 1], vec![relu(), tanh(), tanh()], momentum(), 1)),
        (
            "2-3-1 regularized",
            trained(&[2, 3, 1], vec![tanh(), sigmoid()], sgd(), 2, Some(squares()), Some(slower()), &[]),
        ),
        ("2-3-1 partly frozen", frozen(&[2, 3, 1], vec![tanh(), sigmoid()], &[0, 3, 8, 12])),
        ("2-3-1 without biases", with_input_gradients(2, &[(3, false), (1, false)], vec![tanh(), sigmoid()], 2)),
        ("3-2-2 partly without biases", with_input_gradients(3, &[(2, true), (2, false)], vec![relu(), softmax(2)], 1)),
        ("2-3-1 by layers", timeline(&[2, 3, 1], vec![tanh(), sigmoid()], centred(&[2, 3, 1]), 2)),
        (
            "2-2-2 by layers, partly frozen",
            trained(
                &[2, 2, 2],
                vec![tanh(), sigmoid()],
                centred(&[2, 2, 2]),
                1,
                Some(squares()),
                None,
                &[0, 1, 2, 3, 4, 5, 7],
            ),
        ),
        ("3-5-4-2", timeline(&[3, 5, 4, 2], vec![relu(), sigmoid(), softmax(2)], momentum(), 2)),
    ]
}

/// 784-128-64-10 with one sample.
pub(crate) fn large_net() -> Timeline {
    timeline(&[784, 128, 64, 10], vec![relu(), relu(), softmax(10)], sgd(), 1)
}
