//! Compares slowgrad's training steps with hand-written Rust: `cargo bench -p slowgrad --bench training`.
//!
//! All implementations are timed in turn, in many short rounds of one run, and the shortest round of each counts, so that
//! other load affects them equally. Only the ratios are meaningful. Before timing, the benchmark checks that both train
//! the same network: the same samples, and nearly equal parameters after some hundred steps.
//!
//! Arguments select workloads by name. `--json` prints JSON, and `--seconds N` sets the time per workload. With `--steps N`
//! only slowgrad trains, for that number of steps, so that `instructions.py` can count their instructions. `SLOWGRAD_ISA`
//! selects the vector unit.

mod by_hand;

use by_hand::{Activation, Adam, Net, NetSpec, Optimizer, fixed};
use serde_json::json;
use slowgrad_engine::model::Model;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::train::{self, Workspace};
use slowgrad_script::{Files, Library, Limits, Root, Sandbox};
use slowgrad_tape::isa::{self, Isa};
use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

type BenchResult<T> = Result<T, Box<dyn Error>>;

const MOMENTUM: Optimizer = Optimizer::Momentum(0.9);
/// The number of steps before the parameters are compared.
const COMPARED_STEPS: u64 = 200;
/// The maximum difference of a parameter. The implementations add in different orders.
const TOLERANCE: f64 = 1e-9;

/// A lesson of `slowgrad bench`, and its description for the hand-written network.
struct Workload {
    name: &'static str,
    spec: NetSpec,
    /// Whether there is an implementation with shapes known at compile time.
    fixed: bool,
    /// Whether the network is large enough for two threads.
    two_threads: bool,
}

fn workloads() -> Vec<Workload> {
    use Activation::{Mish, Relu, Softmax, Tanh};
    let net_spec = |sizes: &[usize], activations: &[Activation], optimizer, lr, batch| NetSpec {
        sizes: sizes.to_vec(),
        activations: activations.to_vec(),
        optimizer,
        huber: false,
        lr,
        batch,
    };
    let w1 = net_spec(&[2, 4, 2, 1], &[Tanh, Tanh, Tanh], Optimizer::Sgd, 0.03, 10);
    let w2 = net_spec(&[2, 8, 8, 8, 1], &[Relu, Relu, Relu, Tanh], MOMENTUM, 0.03, 32);
    let other = NetSpec {
        huber: true,
        ..net_spec(&[2, 8, 8, 8, 1], &[Mish, Mish, Mish, Tanh], Optimizer::AdamW(0.01), 0.01, 32)
    };
    let w3 = net_spec(&[784, 128, 64, 10], &[Tanh, Tanh, Softmax], MOMENTUM, 0.03, 64);
    vec![
        Workload { name: "w1", spec: w1.clone(), fixed: true, two_threads: false },
        Workload { name: "w1-exp", spec: w1.clone(), fixed: false, two_threads: false },
        Workload { name: "w1-value", spec: w1, fixed: false, two_threads: false },
        Workload { name: "w2", spec: w2, fixed: true, two_threads: false },
        Workload { name: "w2-other", spec: other, fixed: false, two_threads: false },
        Workload { name: "w3", spec: w3, fixed: false, two_threads: true },
    ]
}

/// An implementation of training.
trait Trainer {
    fn step(&mut self);
    fn parameters(&self) -> Vec<f64>;
}

/// slowgrad, with functions from scripts.
struct Slowgrad {
    setup: Rc<Setup>,
    model: Model,
    work: Workspace,
    step: u64,
}

impl Trainer for Slowgrad {
    fn step(&mut self) {
        self.step += 1;
        let result = train::step(&self.setup, &mut self.model, self.step, &mut self.work);
        assert!(black_box(result).is_ok(), "the scripts of this lesson cannot fail");
    }

    fn parameters(&self) -> Vec<f64> {
        self.model.values.clone()
    }
}

/// slowgrad's update alone, with the same gradients in each step.
struct SlowgradUpdate {
    trainer: Slowgrad,
    grads: Vec<f64>,
}

impl Trainer for SlowgradUpdate {
    fn step(&mut self) {
        let Slowgrad { setup, model, work, step } = &mut self.trainer;
        *step += 1;
        let result = train::update(setup, model, &self.grads, *step, work);
        assert!(black_box(result).is_ok(), "this rule cannot fail");
    }

    fn parameters(&self) -> Vec<f64> {
        self.trainer.parameters()
    }
}

impl Trainer for Adam {
    fn step(&mut self) {
        Adam::step(self);
    }

    fn parameters(&self) -> Vec<f64> {
        self.w.clone()
    }
}

impl Trainer for Net {
    fn step(&mut self) {
        Net::step(self);
    }

    fn parameters(&self) -> Vec<f64> {
        Net::parameters(self)
    }
}

impl Trainer for fixed::W1 {
    fn step(&mut self) {
        fixed::W1::step(self);
    }

    fn parameters(&self) -> Vec<f64> {
        fixed::W1::parameters(self)
    }
}

impl Trainer for fixed::W2 {
    fn step(&mut self) {
        fixed::W2::step(self);
    }

    fn parameters(&self) -> Vec<f64> {
        fixed::W2::parameters(self)
    }
}

/// An implementation with its name in the output.
type Contender = (&'static str, Box<dyn Trainer>);

const SLOWGRAD: &str = "slowgrad";
const TWO_THREADS: &str = "slowgrad with two threads";
const RUN_TIME: &str = "by hand";
const COMPILE_TIME: &str = "by hand, shapes at compile time";

/// The implementations of a workload. The first is slowgrad.
fn contenders(sandbox: &Sandbox, workload: &Workload) -> BenchResult<Vec<Contender>> {
    let lesson = sandbox.open(&format!("{}.rhai", workload.name)).map_err(|errors| errors[0].to_string())?;
    let parameters = lesson.parameters;
    let setup = Rc::new(lesson.setup);
    let model = Model::new(parameters.clone(), &setup.optimizer);
    let slowgrad = |threads| {
        let mut work = Workspace::default();
        work.set_threads(threads);
        Box::new(Slowgrad { setup: Rc::clone(&setup), model: model.clone(), work, step: 0 })
    };
    let mut contenders: Vec<Contender> = vec![(SLOWGRAD, slowgrad(1))];
    if workload.two_threads {
        contenders.push((TWO_THREADS, slowgrad(2)));
    }
    contenders.push((RUN_TIME, Box::new(Net::new(&workload.spec, &setup, &parameters))));
    if workload.fixed {
        let fixed: Box<dyn Trainer> = match workload.name {
            "w1" => Box::new(fixed::W1::new(&setup, &parameters)),
            _ => Box::new(fixed::W2::new(&setup, &parameters)),
        };
        contenders.push((COMPILE_TIME, fixed));
    }
    Ok(contenders)
}

/// The implementations of Adam's update, for 10⁶ parameters.
fn updates(sandbox: &Sandbox) -> BenchResult<Vec<Contender>> {
    let mut spec = sandbox.open("wide.rhai").map_err(|errors| errors[0].to_string())?.spec;
    for layer in spec.layers.iter_mut().rev().skip(1) {
        layer.size = 998;
    }
    let setup = Rc::new(sandbox.assemble(&spec).map_err(|errors| errors[0].to_string())?);
    let numbers = |count: usize| (0..count).map(|at| (at as f64 * 0.618_034).fract() - 0.5).collect::<Vec<_>>();
    let (parameters, grads) = (numbers(setup.shape.parameters()), numbers(setup.shape.parameters()));
    let by_hand = Adam::new(&parameters, &grads);
    let model = Model::new(parameters, &setup.optimizer);
    let trainer = Slowgrad { setup, model, work: Workspace::default(), step: 0 };
    Ok(vec![(SLOWGRAD, Box::new(SlowgradUpdate { trainer, grads })), (RUN_TIME, Box::new(by_hand))])
}

/// Checks that all implementations train the same network.
fn compare(workload: &str, contenders: &mut [Contender]) -> BenchResult<()> {
    for _ in 0..COMPARED_STEPS {
        for (_, contender) in contenders.iter_mut() {
            contender.step();
        }
    }
    let expected = contenders[0].1.parameters();
    for (name, contender) in &contenders[1..] {
        let found = contender.parameters();
        let difference = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if found.len() != expected.len() || difference.is_nan() || difference > TOLERANCE {
            return Err(
                format!("{workload}: {name} trains another network; the parameters differ by {difference:e}").into()
            );
        }
    }
    Ok(())
}

/// The shortest time of a step of each implementation, in seconds.
fn shortest_times(contenders: &mut [Contender], budget: Duration) -> Vec<f64> {
    let time = |contender: &mut dyn Trainer, steps: u32| {
        let began = Instant::now();
        for _ in 0..steps {
            contender.step();
        }
        began.elapsed().as_secs_f64() / f64::from(steps)
    };
    let round = Duration::from_micros(500).as_secs_f64();
    let steps: Vec<u32> = contenders
        .iter_mut()
        .map(|(_, contender)| (round / time(&mut **contender, 3)).clamp(1.0, 1e6) as u32)
        .collect();
    let mut shortest = vec![f64::MAX; contenders.len()];
    let deadline = Instant::now() + budget;
    while Instant::now() < deadline {
        for (((_, contender), steps), shortest) in contenders.iter_mut().zip(&steps).zip(&mut shortest) {
            *shortest = shortest.min(time(&mut **contender, *steps));
        }
    }
    shortest
}

fn main() -> BenchResult<()> {
    let mut names: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let json_output = names.iter().position(|name| name == "--json").map(|at| names.remove(at)).is_some();
    let mut seconds = 4.0;
    if let Some(at) = names.iter().position(|name| name == "--seconds") {
        seconds = names.drain(at..(at + 2).min(names.len())).next_back().unwrap_or_default().parse()?;
    }
    let mut steps = None;
    if let Some(at) = names.iter().position(|name| name == "--steps") {
        steps = Some(names.drain(at..(at + 2).min(names.len())).next_back().unwrap_or_default().parse::<u64>()?);
    }
    let unit = choose_vector_unit()?;
    let mut limits = Limits::default();
    // Generating the data takes much longer while instructions are counted.
    limits.set("seconds", 30.0).map_err(|error| error.message)?;
    let sandbox = Sandbox::new(library()?, limits);
    let mut out = std::io::stdout().lock();
    if !json_output && steps.is_none() {
        writeln!(
            out,
            "float64, {unit}, one thread unless it says two; slowgrad computes the value of the loss in each step, by hand it is not"
        )?;
    }
    let mut rates = serde_json::Map::new();
    for workload in workloads() {
        if !names.is_empty() && !names.iter().any(|name| name == workload.name) {
            continue;
        }
        let mut contenders = contenders(&sandbox, &workload)?;
        if let Some(steps) = steps {
            (0..steps).for_each(|_| contenders[0].1.step());
            continue;
        }
        compare(workload.name, &mut contenders)?;
        let times = shortest_times(&mut contenders, Duration::from_secs_f64(seconds));
        let rate = |time: f64| workload.spec.batch as f64 / time;
        for ((name, _), time) in contenders.iter().zip(&times) {
            let (workload, share) = (workload.name, time / times[0]);
            if json_output {
                rates.insert(format!("{workload}, {name}"), json!(rate(*time)));
            } else if *name == SLOWGRAD {
                writeln!(out, "{workload:9} {name:32} {:10.0} k samples/s", rate(*time) / 1e3)?;
            } else {
                writeln!(
                    out,
                    "{workload:9} {name:32} {:10.0} k samples/s; slowgrad is {share:.2} of it",
                    rate(*time) / 1e3
                )?;
            }
        }
    }
    if steps.is_none() && (names.is_empty() || names.iter().any(|name| name == "adam")) {
        let mut contenders = updates(&sandbox)?;
        compare("adam", &mut contenders)?;
        let times = shortest_times(&mut contenders, Duration::from_secs_f64(seconds));
        let parameters = contenders[0].1.parameters().len() as f64;
        for ((name, _), time) in contenders.iter().zip(&times) {
            let secs = time / parameters;
            if json_output {
                rates.insert(format!("adam, {name}"), json!(secs));
            } else {
                let ratio = times[0] / time;
                writeln!(
                    out,
                    "adam      {name:32} {:10.2} ns a parameter of 10⁶; slowgrad takes {ratio:.2} of it",
                    secs * 1e9
                )?;
            }
        }
    }
    if json_output {
        writeln!(out, "{}", json!({ "vector_unit": unit, "rates": rates }))?;
    }
    Ok(())
}

/// Selects the vector unit from `SLOWGRAD_ISA`, as `slowgrad` does.
fn choose_vector_unit() -> BenchResult<&'static str> {
    let names = [("portable", Isa::Portable), ("avx2", Isa::Avx2), ("avx512", Isa::Avx512)];
    if let Some(requested) = std::env::var_os("SLOWGRAD_ISA") {
        let unit = names.iter().find(|(name, _)| requested == *name).map(|(_, unit)| *unit);
        if !unit.is_some_and(isa::force) {
            return Err("this machine does not have that vector unit".into());
        }
    }
    let in_use = isa::current();
    Ok(names.iter().find(|(_, unit)| *unit == in_use).map_or("", |(name, _)| name))
}

/// The built-in scripts and the lessons of `slowgrad bench`.
fn library() -> BenchResult<Library> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = |name: &str, folder: PathBuf| -> BenchResult<Root> {
        let mut files = Files::new();
        collect(&folder, &folder, &mut files)?;
        Ok(Root { name: name.into(), files })
    };
    let shipped = root("shipped", here.join("../../scripts"))?;
    Ok(Library { roots: vec![shipped, root("bench", here.join("src/cli/bench/scripts"))?] })
}

fn collect(top: &Path, folder: &Path, files: &mut Files) -> BenchResult<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(top, &path, files)?;
        } else {
            files.insert(path.strip_prefix(top)?.to_string_lossy().replace('\\', "/"), std::fs::read(&path)?);
        }
    }
    Ok(())
}
