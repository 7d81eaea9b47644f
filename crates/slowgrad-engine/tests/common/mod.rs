//! Plugins written in Rust, so that the engine is tested without scripts.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use slowgrad_engine::data::Data;
use slowgrad_engine::plugin::{
    Activation, Control, ControlKind, Loss, Optimizer, PluginInfo, Regularizer, Schedule, SharedFunction, StateField,
    UpdateRule,
};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::Sample;
use slowgrad_tape::{Call, Compare, Diagnostic, Function, Op, TapeFull, TraceBuilder, Tracer, ValueId};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

type Ids<'a> = &'a [ValueId];
type Body = fn(&mut TraceBuilder, Ids) -> Result<Vec<ValueId>, TapeFull>;

/// A function in Rust. The first `differentiable` inputs are differentiable.
struct InRust {
    names: Vec<String>,
    differentiable: usize,
    body: Body,
}

impl Tracer for InRust {
    fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        let mut tape = TraceBuilder::new(100_000);
        let ids: Vec<ValueId> = inputs
            .iter()
            .zip(&self.names)
            .enumerate()
            .map(|(i, (&x, name))| tape.input(name, x, i < self.differentiable))
            .collect();
        let outputs = (self.body)(&mut tape, &ids);
        let outputs = outputs.map_err(|full| Box::new(Diagnostic::error("tape", full.to_string())))?;
        Ok(tape.finish(outputs))
    }
}

fn shared(inputs: usize, outputs: usize, differentiable: usize, body: Body) -> SharedFunction {
    let names = (0..inputs).map(|i| format!("i{i}")).collect();
    Rc::new(RefCell::new(Function::new(inputs, outputs, Box::new(InRust { names, differentiable, body }))))
}

fn named(names: &[impl AsRef<str>], outputs: usize, differentiable: usize, body: Body) -> SharedFunction {
    let inputs = names.len();
    let names = names.iter().map(|name| name.as_ref().to_owned()).collect();
    Rc::new(RefCell::new(Function::new(inputs, outputs, Box::new(InRust { names, differentiable, body }))))
}

/// The names of an optimizer's inputs with these state fields.
fn update_names(state: &[&str]) -> Vec<String> {
    let own = ["w", "grad"].iter().chain(state).map(|name| (*name).to_owned());
    own.chain(Optimizer::CONTEXT.map(|name| format!("ctx.{name}"))).collect()
}

fn info(name: &str) -> PluginInfo {
    PluginInfo { name: name.into(), ..PluginInfo::default() }
}

fn activation(name: &str, body: Body) -> Activation {
    Activation { info: info(name), whole_layer: false, function: shared(1, 1, 1, body), derivative_text: None }
}

pub fn identity() -> Activation {
    activation("identity", |_, i| Ok(vec![i[0]]))
}

pub fn tanh() -> Activation {
    activation("tanh", |tape, i| Ok(vec![tape.push(Op::Tanh, &[i[0]], None)?]))
}

/// Leaky ReLU: has a comparison, so that lanes diverge.
pub fn leaky() -> Activation {
    activation("leaky", |tape, i| {
        let zero = tape.constant(0.0)?;
        if tape.compare(Compare::Greater, i[0], zero, None)? {
            return Ok(vec![i[0]]);
        }
        let slope = tape.constant(0.1)?;
        Ok(vec![tape.push(Op::Mul, &[slope, i[0]], None)?])
    })
}

pub fn softmax(size: usize) -> Activation {
    let body: Body = |tape, i| {
        let mut exps = Vec::new();
        for &z in i {
            exps.push(tape.push(Op::Exp, &[z], None)?);
        }
        let mut sum = exps[0];
        for &e in &exps[1..] {
            sum = tape.push(Op::Add, &[sum, e], None)?;
        }
        exps.into_iter().map(|e| tape.push(Op::Div, &[e, sum], None)).collect()
    };
    Activation {
        info: info("softmax"),
        whole_layer: true,
        function: shared(size, size, size, body),
        derivative_text: None,
    }
}

pub fn squared(outputs: usize) -> Loss {
    let body: Body = |tape, i| {
        let n = i.len() / 2;
        let mut sum = tape.constant(0.0)?;
        for k in 0..n {
            let d = tape.push(Op::Sub, &[i[k], i[n + k]], None)?;
            let square = tape.push(Op::Mul, &[d, d], None)?;
            sum = tape.push(Op::Add, &[sum, square], None)?;
        }
        Ok(vec![sum])
    };
    Loss { info: info("squared"), function: shared(2 * outputs, 1, outputs, body) }
}

fn slider(name: &str, value: f64) -> Control {
    Control { name: name.into(), kind: ControlKind::Slider { value, min: 0.0, max: 10.0, log: false } }
}

pub fn lr(value: f64) -> Control {
    slider("lr", value)
}

/// s·w² above 0.3 and s·|w| below: has a comparison, so that lanes diverge.
pub fn elastic(strength: f64) -> Regularizer {
    let body: Body = |tape, i| {
        let limit = tape.constant(0.3)?;
        let op = if tape.compare(Compare::Greater, i[0], limit, None)? {
            tape.push(Op::Mul, &[i[0], i[0]], None)?
        } else {
            tape.push(Op::Abs, &[i[0]], None)?
        };
        Ok(vec![tape.push(Op::Mul, &[i[1], op], None)?])
    };
    let info = PluginInfo { controls: vec![slider("strength", strength)], ..info("elastic") };
    Regularizer { info, function: named(&["w", "p.strength"], 1, 1, body) }
}

/// 1 in the first epoch, then 1 / (1 + decay · step).
pub fn decay(decay: f64) -> Schedule {
    let body: Body = |tape, i| {
        let one = tape.constant(1.0)?;
        if tape.compare(Compare::Less, i[1], one, None)? {
            return Ok(vec![one]);
        }
        let product = tape.push(Op::Mul, &[i[3], i[0]], None)?;
        let sum = tape.push(Op::Add, &[one, product], None)?;
        Ok(vec![tape.push(Op::Div, &[one, sum], None)?])
    };
    let info = PluginInfo { controls: vec![slider("decay", decay)], ..info("decay") };
    let names = ["step", "ctx.epoch", "ctx.steps_per_epoch", "ctx.decay"];
    Schedule { info, function: named(&names, 1, 0, body) }
}

/// Gradient descent with momentum (one state field), or without.
pub fn descent(rate: f64, momentum: bool) -> Optimizer {
    let controls = vec![lr(rate)];
    if momentum {
        let body: Body = |tape, i| {
            let mu = tape.constant(0.9)?;
            let decayed = tape.push(Op::Mul, &[mu, i[2]], None)?;
            let velocity = tape.push(Op::Add, &[decayed, i[1]], None)?;
            let change = tape.push(Op::Mul, &[i[3], velocity], None)?;
            Ok(vec![tape.push(Op::Sub, &[i[0], change], None)?, velocity])
        };
        let make = || named(&update_names(&["state.velocity"]), 2, 0, body);
        let info = PluginInfo { name: "momentum".into(), controls, ..PluginInfo::default() };
        return Optimizer {
            info,
            state: vec![StateField::per_parameter("velocity", 0.0)],
            rule: UpdateRule::Parameter { weights: make(), biases: make() },
        };
    }
    // Clipped by the global norm, so that the context matters.
    let body: Body = |tape, i| {
        let one = tape.constant(1.0)?;
        let gradient = if tape.compare(Compare::Greater, i[4], one, None)? {
            tape.push(Op::Div, &[i[1], i[4]], None)?
        } else {
            i[1]
        };
        let change = tape.push(Op::Mul, &[i[2], gradient], None)?;
        Ok(vec![tape.push(Op::Sub, &[i[0], change], None)?])
    };
    let make = || named(&update_names(&[]), 1, 0, body);
    let info = PluginInfo { name: "clipped".into(), controls, ..PluginInfo::default() };
    Optimizer { info, state: Vec::new(), rule: UpdateRule::Parameter { weights: make(), biases: make() } }
}

/// Doubles each parameter and ignores its gradient.
pub fn doubling() -> Optimizer {
    let body: Body = |tape, i| Ok(vec![tape.push(Op::Add, &[i[0], i[0]], None)?]);
    let make = || named(&update_names(&[]), 1, 0, body);
    let info = PluginInfo { name: "doubling".into(), controls: vec![lr(0.1)], ..PluginInfo::default() };
    Optimizer { info, state: Vec::new(), rule: UpdateRule::Parameter { weights: make(), biases: make() } }
}

/// w − lr · g / g⁴, whose divisor may overflow.
pub fn tamed() -> Optimizer {
    let body: Body = |tape, i| {
        let square = tape.push(Op::Mul, &[i[1], i[1]], None)?;
        let fourth = tape.push(Op::Mul, &[square, square], None)?;
        let quotient = tape.push(Op::Div, &[i[1], fourth], None)?;
        let change = tape.push(Op::Mul, &[i[2], quotient], None)?;
        Ok(vec![tape.push(Op::Sub, &[i[0], change], None)?])
    };
    let make = || named(&update_names(&[]), 1, 0, body);
    let info = PluginInfo { name: "tamed".into(), controls: vec![lr(0.1)], ..PluginInfo::default() };
    Optimizer { info, state: Vec::new(), rule: UpdateRule::Parameter { weights: make(), biases: make() } }
}

/// A small seeded stream, independent of the engine's.
pub struct Stream(pub u64);

impl Stream {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0
    }
}

/// A setup with layers of these sizes (the input first), on random data, and random parameters.
pub fn setup(
    sizes: &[usize],
    activations: Vec<Activation>,
    optimizer: Optimizer,
    samples: usize,
    batch: usize,
) -> (Setup, Vec<f64>) {
    setup_of(Shape::new(sizes[0], &sizes[1..]), activations, optimizer, samples, batch)
}

/// A setup with this network, on random data, and random parameters.
pub fn setup_of(
    shape: Shape,
    activations: Vec<Activation>,
    optimizer: Optimizer,
    samples: usize,
    batch: usize,
) -> (Setup, Vec<f64>) {
    let mut stream = Stream(shape.sizes().iter().sum::<usize>() as u64 * 7919 + samples as u64);
    let mut numbers = |n: usize| (0..n).map(|_| stream.next()).collect::<Vec<f64>>();
    let samples: Vec<Sample> =
        (0..samples).map(|_| Sample { input: numbers(shape.inputs()), target: numbers(shape.outputs()) }).collect();
    let values = numbers(shape.parameters());
    let data = Data::new(&samples, shape.inputs(), shape.outputs()).expect("good data");
    let loss = squared(shape.outputs());
    let setup = Setup {
        spec: Arc::default(),
        shape: Arc::new(shape),
        activations,
        loss,
        regularizer: None,
        optimizer,
        schedule: None,
        initializer: PluginInfo::default(),
        dataset: None,
        io_names: Arc::default(),
        train: Arc::new(data),
        test: Arc::default(),
        batch,
        shuffle: false,
        seed: 3,
        frozen: Arc::default(),
    };
    (setup, values)
}
