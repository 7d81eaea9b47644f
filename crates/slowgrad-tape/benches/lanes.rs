//! The elementary functions over lanes, and a function with its chain rule: `cargo bench -p slowgrad-tape`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use slowgrad_tape::{Call, Diagnostic, Function, Op, Pass, TapeFull, TraceBuilder, Tracer, dispatch, math};
use std::cell::RefCell;

/// Few enough to fit into the L1 cache.
const LANES: usize = 256;

fn main() {
    divan::main();
}

/// Numbers of both signs, at most 3 in size.
fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|at| (at as f64 * 0.618_034).fract() * 6.0 - 3.0).collect()
}

/// Benchmarks of functions over lanes, compiled for the vector unit in use.
macro_rules! over_lanes {
    ($($name:ident)*) => {$(
        #[divan::bench]
        fn $name(bencher: Bencher<'_, '_>) {
            dispatch!(fn lanes(x: &[f64], y: &mut [f64]) = body);
            #[inline(always)]
            fn body(x: &[f64], y: &mut [f64]) {
                for (x, y) in x.iter().zip(y) {
                    *y = math::$name(*x);
                }
            }
            let (x, mut y) = (numbers(LANES), vec![0.0; LANES]);
            bencher.counter(ItemsCount::new(LANES)).bench_local(|| lanes(black_box(&x), black_box(&mut y)));
        }
    )*};
}

over_lanes!(exp ln tanh sigmoid softplus sin erf cbrt);

/// tanh computed from exp: four operations with their derivative rules.
struct FromExp;

impl FromExp {
    fn body(tape: &mut TraceBuilder, x: f64) -> Result<Call, TapeFull> {
        let z = tape.input("z", x, true);
        let (one, two) = (tape.constant(1.0)?, tape.constant(2.0)?);
        let doubled = tape.push(Op::Mul, &[two, z], None)?;
        let e = tape.push(Op::Exp, &[doubled], None)?;
        let above = tape.push(Op::Sub, &[e, one], None)?;
        let below = tape.push(Op::Add, &[e, one], None)?;
        let y = tape.push(Op::Div, &[above, below], None)?;
        Ok(std::mem::replace(tape, TraceBuilder::new(0)).finish(vec![y]))
    }
}

impl Tracer for FromExp {
    fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        let traced = Self::body(&mut TraceBuilder::new(100), inputs[0]);
        traced.map_err(|full| Box::new(Diagnostic::error("tape", full.to_string())))
    }
}

/// A traced function with its chain rule, for few and for many calls.
#[divan::bench(args = [16, 64, 256, 4096])]
fn pass(bencher: Bencher<'_, '_>, calls: usize) {
    let function = RefCell::new(Function::new(1, 1, Box::new(FromExp)));
    let mut pass = Pass::default();
    pass.fit(&function.borrow(), calls);
    pass.input_mut(0).copy_from_slice(&numbers(calls));
    pass.set_seed(0, 1.0);
    bencher.counter(ItemsCount::new(calls)).bench_local(|| {
        let went = pass.forward(&function);
        pass.backward();
        assert!(black_box(&went).is_ok(), "this function cannot fail");
    });
}
