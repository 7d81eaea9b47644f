//! One suite for all evaluators: derivatives against finite differences, lanes against single calls by bits, stored
//! traces against repeated runs.

use proptest::prelude::*;
use slowgrad_tape::isa::{self, Isa};
use slowgrad_tape::{
    Call, CallerRow, Compare, Diagnostic, Function, LANE_GROUP, Op, Pass, TapeFull, TraceBuilder, Tracer, ValueId,
};
use std::cell::RefCell;
use std::sync::Arc;

/// Points (a, b, c) at which an operation is defined and smooth.
fn smooth_points(op: Op) -> Vec<[f64; 3]> {
    match op {
        Op::Ln | Op::Log10 | Op::Log2 | Op::Sqrt => vec![[0.3, 0.0, 0.0], [1.7, 0.0, 0.0], [40.0, 0.0, 0.0]],
        Op::Asin | Op::Acos => vec![[-0.7, 0.0, 0.0], [0.1, 0.0, 0.0], [0.85, 0.0, 0.0]],
        Op::Pow => vec![[0.7, 2.3, 0.0], [1.9, -1.2, 0.0], [3.0, 0.5, 0.0]],
        Op::Clamp => vec![[0.3, -1.0, 1.0], [-2.0, -1.0, 1.0], [2.0, -1.0, 1.0]],
        Op::Rem => vec![[5.3, 2.0, 0.0], [-5.3, 2.1, 0.0]],
        _ => vec![[0.35, 0.8, 0.0], [-1.3, 0.45, 0.0], [2.2, -1.7, 0.0], [-0.6, -2.4, 0.0]],
    }
}

#[test]
fn every_derivative_agrees_with_finite_differences() {
    for &op in Op::ALL {
        // By definition, its derivative is not that of its value.
        if op == Op::StopGradient {
            continue;
        }
        for point in smooth_points(op) {
            for operand in 0..op.arity() {
                let at = |shift: f64| {
                    let mut moved = point;
                    moved[operand] += shift;
                    op.value(moved[0], moved[1], moved[2])
                };
                let h = 1e-6;
                let slope = (at(h) - at(-h)) / (2.0 * h);
                let rule = op.derivative(operand, point[0], point[1], point[2], at(0.0));
                let error = (slope - rule).abs() / rule.abs().max(1.0);
                assert!(error < 1e-7, "{op:?} operand {operand} at {point:?}: rule {rule}, slope {slope}");
            }
        }
    }
}

#[test]
fn kinks_follow_pytorch() {
    let d = |op: Op, operand, a: f64, b: f64| op.derivative(operand, a, b, 0.0, op.value(a, b, 0.0));
    assert_eq!(d(Op::Abs, 0, 0.0, 0.0), 0.0);
    assert_eq!((d(Op::Max, 0, 2.0, 2.0), d(Op::Max, 1, 2.0, 2.0)), (0.5, 0.5));
    assert_eq!((d(Op::Min, 0, 1.0, 2.0), d(Op::Min, 1, 1.0, 2.0)), (1.0, 0.0));
    assert_eq!(Op::Clamp.derivative(0, -1.0, -1.0, 1.0, -1.0), 1.0);
    assert_eq!(d(Op::Pow, 0, 0.0, 0.0), 0.0);
    assert_eq!(d(Op::Pow, 1, 0.0, 2.0), 0.0);
    for op in [Op::Sign, Op::Floor, Op::Ceil, Op::Round] {
        assert_eq!(d(op, 0, 1.5, 0.0), 0.0);
    }
    assert!(Op::Max.value(f64::NAN, 1.0, 0.0).is_nan() && Op::Max.value(1.0, f64::NAN, 0.0).is_nan());
}

/// A random straight-line function of two inputs, with comparisons that select one of three results.
#[derive(Debug, Clone)]
struct Recipe {
    steps: Vec<(usize, usize, usize, f64)>,
    threshold: f64,
}

const OPS: [Op; 12] = [
    Op::Add,
    Op::Sub,
    Op::Mul,
    Op::Tanh,
    Op::Sigmoid,
    Op::Sin,
    Op::Max,
    Op::Softplus,
    Op::Abs,
    Op::Neg,
    Op::Exp,
    Op::Div,
];

struct Runs {
    recipe: Recipe,
    traced: std::rc::Rc<std::cell::Cell<usize>>,
}

impl Runs {
    fn record(&self, inputs: &[f64]) -> Result<Call, TapeFull> {
        let mut tape = TraceBuilder::new(10_000);
        let mut ids: Vec<ValueId> = vec![tape.input("x", inputs[0], true), tape.input("y", inputs[1], true)];
        for &(op, a, b, constant) in &self.recipe.steps {
            let op = OPS[op % OPS.len()];
            let a = ids[a % ids.len()];
            let b = if b % 3 == 0 { tape.constant(constant)? } else { ids[b % ids.len()] };
            let id = if op.arity() == 1 { tape.push(op, &[a], None)? } else { tape.push(op, &[a, b], None)? };
            // Keeps values in a range in which finite differences are accurate.
            ids.push(tape.push(Op::Tanh, &[id], None)?);
        }
        let last = ids[ids.len() - 1];
        let threshold = tape.constant(self.recipe.threshold)?;
        let result = if tape.compare(Compare::Greater, last, threshold, None)? {
            tape.push(Op::Mul, &[last, ids[0]], None)?
        } else if tape.compare(Compare::LessOrEqual, ids[1], threshold, None)? {
            tape.push(Op::Add, &[last, ids[1]], None)?
        } else {
            last
        };
        Ok(tape.finish(vec![result]))
    }
}

impl Tracer for Runs {
    fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        self.traced.set(self.traced.get() + 1);
        self.record(inputs).map_err(|full| Box::new(Diagnostic::error("tape", full.to_string())))
    }
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let step = (0_usize..100, 0_usize..100, 0_usize..100, -2.0..2.0_f64);
    (prop::collection::vec(step, 1..12), -0.5..0.5_f64).prop_map(|(steps, threshold)| Recipe { steps, threshold })
}

/// Compares bits. All NaNs are equal, since Rust does not specify the bits of a NaN.
fn same_bits(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn reverse_mode_agrees_with_finite_differences(recipe in recipes(), x in -2.0..2.0_f64, y in -2.0..2.0_f64) {
        let traced = std::rc::Rc::default();
        let runs = Runs { recipe, traced };
        let trace = runs.record(&[x, y]).expect("a small tape").trace;
        let (mut values, mut grads) = (Vec::new(), Vec::new());
        prop_assert!(trace.evaluate(&[x, y], &mut values));
        // An infinite value has no slope, even if tanh maps it back to 1.
        prop_assume!(values.iter().all(|value| value.is_finite()));
        trace.backward(&values, &[1.0], &mut grads);
        for k in 0..2 {
            let mut at = |h: f64| {
                let mut inputs = [x, y];
                inputs[k] += h;
                trace.evaluate(&inputs, &mut values);
                values[trace.outputs()[0].index()]
            };
            let slope = |h: f64, at: &mut dyn FnMut(f64) -> f64| (at(h) - at(-h)) / (2.0 * h);
            let (coarse, fine) = (slope(1e-5, &mut at), slope(5e-6, &mut at));
            // If the two slopes differ, a kink is between the points, and there is no derivative to compare with.
            if (coarse - fine).abs() < 1e-4 * fine.abs().max(1.0) {
                let error = (fine - grads[k]).abs() / grads[k].abs().max(1.0);
                prop_assert!(error < 2e-4, "input {}: {} and {}", k, grads[k], fine);
            }
        }
    }

    #[test]
    fn lanes_give_the_bits_of_single_calls(recipe in recipes(), seed in prop::collection::vec((-3.0..3.0_f64, -3.0..3.0_f64), 1..200)) {
        let traced: std::rc::Rc<std::cell::Cell<usize>> = std::rc::Rc::default();
        let runs = || Box::new(Runs { recipe: recipe.clone(), traced: traced.clone() });
        let (xs, ys): (Vec<f64>, Vec<f64>) = seed.into_iter().unzip();
        let mut single = Function::new(2, 1, runs());
        let mut expected = Vec::new();
        for (&x, &y) in xs.iter().zip(&ys) {
            let call = single.call(&[x, y]).expect("it runs");
            let mut grads = Vec::new();
            call.trace.backward(&call.values, &[0.7], &mut grads);
            expected.push((call.output(0), grads[0], grads[1]));
        }
        for unit in isa::available() {
            prop_assert!(isa::force(unit));
            let lanes = RefCell::new(Function::new(2, 1, runs()));
            let mut pass = Pass::default();
            // The second half first, so that the whole brings new paths and another number of calls.
            for part in [xs.len() / 2..xs.len(), 0..xs.len()] {
                let (xs, ys) = (&xs[part.clone()], &ys[part.clone()]);
                pass.fit(&lanes.borrow(), xs.len());
                pass.input_mut(0).copy_from_slice(xs);
                pass.input_mut(1).copy_from_slice(ys);
                pass.set_seed(0, 0.7);
                pass.forward(&lanes).expect("it runs");
                pass.backward();
                let (out, dx, dy) = (pass.output(0), pass.grad(0), pass.grad(1));
                for (i, &(value, gx, gy)) in expected[part].iter().enumerate() {
                    prop_assert!(same_bits(out[i], value) && same_bits(dx[i], gx) && same_bits(dy[i], gy), "call {} on {:?}: {:?} and {:?}", i, unit, (out[i], dx[i], dy[i]), (value, gx, gy));
                }
            }
            prop_assert!(lanes.borrow().traces().len() <= 3);
        }
        let _ = isa::force(isa::available().into_iter().max().unwrap_or(Isa::Portable));
    }
}

/// A rule like an optimizer's: w, grad, a state field and the learning rate give two results, by plain arithmetic.
#[derive(Debug, Clone)]
struct Rule {
    /// Operations with the indices of their operands: the inputs, a constant, then the earlier results.
    steps: Vec<(Op, usize, usize)>,
    results: [usize; 2],
}

/// Number of values before the first operation's result.
const GIVEN_VALUES: usize = 5;

impl Tracer for Rule {
    fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        let full = |full: TapeFull| Box::new(Diagnostic::error("tape", full.to_string()));
        let mut tape = TraceBuilder::new(1_000);
        let names = ["w", "grad", "m", "lr"];
        let mut ids: Vec<ValueId> = names.iter().zip(inputs).map(|(name, &x)| tape.input(*name, x, true)).collect();
        ids.push(tape.constant(0.9).map_err(full)?);
        for &(op, a, b) in &self.steps {
            ids.push(tape.push(op, &[ids[a], ids[b]][..op.arity()], None).map_err(full)?);
        }
        Ok(tape.finish(self.results.map(|result| ids[result]).to_vec()))
    }
}

fn rules() -> impl Strategy<Value = Rule> {
    const PLAIN: [Op; 6] = [Op::Mul, Op::Add, Op::Sub, Op::Div, Op::Sqrt, Op::Abs];
    let step = (prop::sample::select(&PLAIN[..]), 0_usize..100, 0_usize..100);
    (prop::collection::vec(step, 1..16), prop::array::uniform2(0_usize..12)).prop_map(|(mut steps, results)| {
        for (at, (_, a, b)) in steps.iter_mut().enumerate() {
            let available = GIVEN_VALUES + at;
            // Mostly the latest values, so that there are chains to fuse.
            let pick =
                |x: usize| if x.is_multiple_of(2) { available - 1 - x / 2 % available.min(3) } else { x % available };
            (*a, *b) = (pick(*a), pick(*b));
        }
        let available = GIVEN_VALUES + steps.len();
        Rule { steps, results: results.map(|x| available - 1 - x % available) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn in_place_calls_have_the_bits_of_single_calls(
        rule in rules(), seed in 0.1..0.9_f64, count in 0_usize..300, offset in 0_usize..8, room in 1_usize..200,
    ) {
        for unit in isa::available() {
            prop_assert!(isa::force(unit));
            compare_in_place(&rule, seed, count, offset, room).map_err(|error| TestCaseError::fail(format!("{error} on {unit:?}")))?;
        }
        let _ = isa::force(isa::available().into_iter().max().unwrap_or(Isa::Portable));
    }
}

/// Runs a rule in place, from some offset in its buffers on, and through the rows of a pass with room for some of the
/// calls.
fn compare_in_place(rule: &Rule, seed: f64, count: usize, offset: usize, room: usize) -> Result<(), String> {
    let mut single = Function::new(4, 2, Box::new(rule.clone()));
    let function = RefCell::new(Function::new(4, 2, Box::new(rule.clone())));
    function.borrow_mut().call(&[1.0; 4]).expect("it runs");
    let mut pass = Pass::default();
    pass.fit(&function.borrow(), room);
    pass.set_forward_only();
    pass.set_input(3, 0.01);
    pass.prepare(&function);
    let all = offset + count;
    let numbers =
        |k: usize| (0..all).map(|at| slowgrad_tape::math::sin((at * k + at) as f64 * seed)).collect::<Vec<_>>();
    let [mut w, grads, mut m] = [numbers(1), numbers(2), numbers(3)];
    let before = [w.clone(), grads.clone(), m.clone()];
    let rows = &mut [
        CallerRow::Replace(&mut w[offset..], 0),
        CallerRow::Read(&grads[offset..]),
        CallerRow::Replace(&mut m[offset..], 1),
    ];
    let done = pass.forward_in_place(rows);
    if !done.is_empty() && (done.start >= LANE_GROUP || done.end + LANE_GROUP <= count) {
        return Err(format!("of {count} calls only {done:?} were done"));
    }
    let mut expected = |at: usize| {
        let call = single.call(&[before[0][at], before[1][at], before[2][at], 0.01]).expect("it runs");
        [call.output(0), call.output(1)]
    };
    for at in 0..all {
        let done_here = at >= offset && done.contains(&(at - offset));
        let expected = if done_here { expected(at) } else { [before[0][at], before[2][at]] };
        if !same_bits(w[at], expected[0]) || !same_bits(m[at], expected[1]) {
            return Err(format!("call {at} in place: {:?} and {expected:?}", (w[at], m[at])));
        }
    }
    let calls = count.min(room);
    for (input, numbers) in before.iter().enumerate() {
        pass.input_mut(input)[..calls].copy_from_slice(&numbers[offset..offset + calls]);
    }
    pass.forward_prepared(calls);
    for at in 0..calls {
        let (w, m, expected) = (pass.output(0)[at], pass.output(1)[at], expected(offset + at));
        if !same_bits(w, expected[0]) || !same_bits(m, expected[1]) {
            return Err(format!("call {at} in rows: {:?} and {expected:?}", (w, m)));
        }
    }
    Ok(())
}

#[test]
fn every_fused_chain_has_the_bits_of_single_calls() {
    // Possible tails: the operation, whether the running result is its right operand, and whether the other one is a
    // product.
    let plain = [Op::Add, Op::Sub, Op::Mul, Op::Div].into_iter().flat_map(|op| [(op, false), (op, true)]);
    let follows: Vec<_> = plain.map(|(op, right)| (op, right, false)).collect();
    let products = [Op::Add, Op::Sub].into_iter().flat_map(|op| [(op, false, true), (op, true, true)]);
    let mut chains = vec![Vec::new()];
    for last in products.chain(follows.iter().copied()) {
        chains.push(vec![last]);
        chains.extend(follows.iter().map(|&then| vec![then, last]));
    }
    for first in [Op::Add, Op::Sub, Op::Mul, Op::Div, Op::Sqrt] {
        for chain in &chains {
            let mut steps = vec![(first, 0, 1)];
            for &(op, right, product) in chain {
                let (latest, mut other) = (GIVEN_VALUES + steps.len() - 1, 2 + steps.len() % 3);
                if product {
                    steps.push((Op::Mul, other, 1));
                    other = latest + 1;
                }
                steps.push(if right { (op, other, latest) } else { (op, latest, other) });
            }
            let rule = Rule { results: [GIVEN_VALUES + steps.len() - 1, 2], steps };
            for unit in isa::available() {
                assert!(isa::force(unit));
                if let Err(error) = compare_in_place(&rule, 0.3, 90, 3, 90) {
                    panic!("{rule:?} on {unit:?}: {error}");
                }
            }
        }
    }
    let _ = isa::force(isa::available().into_iter().max().unwrap_or(Isa::Portable));
}

#[test]
fn a_rule_that_swaps_its_inputs_does_not_run_in_place() {
    let rule = Rule { steps: vec![(Op::Add, 1, 1)], results: [2, 0] };
    let function = RefCell::new(Function::new(4, 2, Box::new(rule)));
    function.borrow_mut().call(&[1.0; 4]).expect("it runs");
    let mut pass = Pass::default();
    pass.fit(&function.borrow(), 16);
    pass.set_forward_only();
    pass.set_input(3, 0.01);
    pass.prepare(&function);
    let width = function.borrow_mut().width();
    let (mut w, grads, mut m) = (vec![1.0; width], vec![2.0; width], vec![3.0; width]);
    let done = pass.forward_in_place(&mut [
        CallerRow::Replace(&mut w, 0),
        CallerRow::Read(&grads),
        CallerRow::Replace(&mut m, 1),
    ]);
    assert_eq!((done, w[0], m[0]), (0..0, 1.0, 3.0));
}

#[test]
fn each_path_is_traced_once() {
    let traced: std::rc::Rc<std::cell::Cell<usize>> = std::rc::Rc::default();
    let recipe = Recipe { steps: vec![(0, 0, 1, 0.0)], threshold: 0.0 };
    let mut function = Function::new(2, 1, Box::new(Runs { recipe, traced: traced.clone() }));
    for i in 0..100 {
        let (x, y) = (f64::from(i % 10) - 4.5, f64::from(i / 10) - 4.5);
        function.call(&[x, y]).expect("it runs");
    }
    assert_eq!(traced.get(), 3, "three paths, three runs of the script");
}

/// Reads a plain number out, like `value(x)` in a script, and branches on it.
struct Peeks;

impl Tracer for Peeks {
    fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        let mut tape = TraceBuilder::new(100);
        let x = tape.input("x", inputs[0], true);
        tape.mark_volatile();
        let op = if inputs[0] > 1.0 { Op::Exp } else { Op::Neg };
        let y = tape.push(op, &[x], None).map_err(|full| Box::new(Diagnostic::error("tape", full.to_string())))?;
        Ok(tape.finish(vec![y]))
    }
}

#[test]
fn a_volatile_trace_is_never_replayed() {
    let function = RefCell::new(Function::new(1, 1, Box::new(Peeks)));
    let xs = [0.0, 2.0, 0.5, 3.0, -1.0];
    let mut pass = Pass::default();
    pass.fit(&function.borrow(), xs.len());
    pass.input_mut(0).copy_from_slice(&xs);
    pass.set_seed(0, 0.5);
    pass.forward(&function).expect("it runs");
    pass.backward();
    let out = pass.output(0);
    let grads = pass.grad(0);
    for (i, x) in xs.into_iter().enumerate() {
        let expected = if x > 1.0 { Op::Exp.value(x, 0.0, 0.0) } else { -x };
        assert_eq!(out[i].to_bits(), expected.to_bits(), "at {x}");
        assert_eq!(grads[i], 0.5 * if x > 1.0 { expected } else { -1.0 }, "the slope at {x}");
    }
    assert!(function.borrow().runs_each_time() && function.borrow().traces().is_empty());
}

#[test]
fn runs_share_a_trace_only_if_they_are_equal_bit_for_bit() {
    let inputs = Arc::new(vec![("x".to_owned(), true)]);
    let mut tape = TraceBuilder::new(100);
    let mut run = |x: f64, factor: f64, op: Op, volatile: bool| {
        let ids = tape.restart(100, &inputs, &[x]);
        let factor = tape.constant(factor).expect("room");
        let y = tape.push(op, &[ids[0], factor], None).expect("room");
        tape.compare(Compare::Greater, y, factor, None).expect("room");
        if volatile {
            tape.mark_volatile();
        }
        tape.call(vec![y])
    };
    let first = run(2.0, 0.0, Op::Mul, false);
    let mut next = first.clone();
    for (x, factor, op, volatile, same) in [
        (3.0, 0.0, Op::Mul, false, true),
        (3.0, -0.0, Op::Mul, false, false),
        (3.0, -0.0, Op::Add, false, false),
        // The comparison has another result.
        (-3.0, -0.0, Op::Add, false, false),
        (-3.0, -0.0, Op::Add, true, false),
        (-5.0, -0.0, Op::Add, true, true),
    ] {
        let before = std::mem::replace(&mut next, run(x, factor, op, volatile));
        assert_eq!(Arc::ptr_eq(&before.trace, &next.trace), same, "{x} {factor} {op:?}");
        let mut values = Vec::new();
        assert!(next.trace.evaluate(&[x], &mut values), "the trace is right for its own input");
        assert_eq!(values, next.values);
        assert_eq!(next.trace.chain().len(), 1);
    }
    assert_eq!(first.values, [2.0, 0.0, 0.0], "an earlier call does not change");
}

#[test]
fn the_chain_rule_stops_at_stop_gradient_and_constants() {
    let mut tape = TraceBuilder::new(100);
    let x = tape.input("x", 3.0, true);
    let t = tape.input("t", 5.0, false);
    let stopped = tape.push(Op::StopGradient, &[x], None).expect("room");
    let product = tape.push(Op::Mul, &[stopped, x], None).expect("room");
    let y = tape.push(Op::Add, &[product, t], None).expect("room");
    let trace = tape.finish(vec![y]).trace;
    let (mut values, mut grads) = (Vec::new(), Vec::new());
    trace.evaluate(&[3.0, 5.0], &mut values);
    trace.backward(&values, &[1.0], &mut grads);
    assert_eq!(values[y.index()], 14.0);
    assert_eq!(grads[x.index()], 3.0, "only the factor that is not stopped");
    assert_eq!(trace.chain().len(), 2, "into the product, and into x");
}

#[test]
fn gradients_of_an_input_that_is_a_result_twice_add_up() {
    let mut tape = TraceBuilder::new(100);
    let x = tape.input("x", 2.0, true);
    let trace = tape.finish(vec![x, x]).trace;
    let (mut values, mut grads) = (Vec::new(), Vec::new());
    trace.evaluate(&[2.0], &mut values);
    trace.backward(&values, &[0.25, 0.5], &mut grads);
    assert_eq!(grads, [0.75]);
}

#[test]
fn a_full_tape_is_an_error() {
    let mut tape = TraceBuilder::new(3);
    let mut x = tape.input("x", 1.0, true);
    for _ in 0..2 {
        x = tape.push(Op::Exp, &[x], None).expect("room");
    }
    assert_eq!(tape.push(Op::Exp, &[x], None), Err(TapeFull { limit: 3 }));
    assert_eq!(tape.compare(Compare::Less, x, x, None), Err(TapeFull { limit: 3 }));
}

#[test]
fn comparisons_are_exact() {
    let next = f64::from_bits(1.0_f64.to_bits() + 1);
    assert!(Compare::Less.holds(1.0, next) && !Compare::Equal.holds(1.0, next));
    for compare in Compare::ALL {
        assert_eq!(compare.holds(f64::NAN, f64::NAN), compare == Compare::NotEqual, "{compare:?}");
    }
}
