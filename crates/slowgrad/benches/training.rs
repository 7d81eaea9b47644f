//! slowgrad's training steps beside the same written by hand in Rust: `cargo bench -p slowgrad --bench training`.
//!
//! All are timed in turn, in many short rounds of one run, and the shortest round of each counts, so that what else the
//! machine does falls on all of them; only the ratios mean anything. Before that it is seen that both train the same
//! network: the same samples, and nearly the same parameters after some hundred steps.
//!
//! Names of workloads choose among them, `--json` prints for programs, `--seconds N` is the time for each. With
//! `--steps N` slowgrad alone trains so many steps, for `instructions.py` to count what they take.
//! `SLOWGRAD_ISA` chooses the vector unit.

mod by_hand;

use by_hand::{Activation, Adam, Net, Optimizer, Recipe, fixed};
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

type Done<T> = Result<T, Box<dyn Error>>;

const MOMENTUM: Optimizer = Optimizer::Momentum(0.9);
/// Steps after which the parameters must still agree: sums in another order drift apart slowly.
const SAME_STEPS: u64 = 200;
const SAME: f64 = 1e-9;

/// A lesson beside `slowgrad bench`, and the same by hand.
struct Workload {
    name: &'static str,
    recipe: Recipe,
    /// Whether there is one with shapes at compile time.
    is_fixed: bool,
    /// Whether it is large enough for two threads.
    is_shared: bool,
}

fn workloads() -> Vec<Workload> {
    use Activation::{Mish, Relu, Softmax, Tanh};
    let recipe = |sizes: &[usize], activations: &[Activation], optimizer, lr, batch| Recipe {
        sizes: sizes.to_vec(),
        activations: activations.to_vec(),
        optimizer,
        is_huber: false,
        lr,
        batch,
    };
    let w1 = recipe(&[2, 4, 2, 1], &[Tanh, Tanh, Tanh], Optimizer::Sgd, 0.03, 10);
    let w2 = recipe(&[2, 8, 8, 8, 1], &[Relu, Relu, Relu, Tanh], MOMENTUM, 0.03, 32);
    let other = Recipe {
        is_huber: true,
        ..recipe(&[2, 8, 8, 8, 1], &[Mish, Mish, Mish, Tanh], Optimizer::AdamW(0.01), 0.01, 32)
    };
    let w3 = recipe(&[784, 128, 64, 10], &[Tanh, Tanh, Softmax], MOMENTUM, 0.03, 64);
    vec![
        Workload { name: "w1", recipe: w1.clone(), is_fixed: true, is_shared: false },
        Workload { name: "w1-exp", recipe: w1.clone(), is_fixed: false, is_shared: false },
        Workload { name: "w1-value", recipe: w1, is_fixed: false, is_shared: false },
        Workload { name: "w2", recipe: w2, is_fixed: true, is_shared: false },
        Workload { name: "w2-other", recipe: other, is_fixed: false, is_shared: false },
        Workload { name: "w3", recipe: w3, is_fixed: false, is_shared: true },
    ]
}

/// Trains steps, and tells its parameters.
trait Trained {
    fn step(&mut self);
    fn parameters(&self) -> Vec<f64>;
}

/// slowgrad itself, its functions from scripts.
struct Scripted {
    setup: Rc<Setup>,
    model: Model,
    work: Workspace,
    step: u64,
}

impl Trained for Scripted {
    fn step(&mut self) {
        self.step += 1;
        let trained = train::step(&self.setup, &mut self.model, self.step, &mut self.work);
        assert!(black_box(trained).is_ok(), "the scripts of this lesson cannot fail");
    }

    fn parameters(&self) -> Vec<f64> {
        self.model.values.clone()
    }
}

/// slowgrad's update alone, with the same gradients in each step.
struct ScriptedUpdate {
    of: Scripted,
    grads: Vec<f64>,
}

impl Trained for ScriptedUpdate {
    fn step(&mut self) {
        let Scripted { setup, model, work, step } = &mut self.of;
        *step += 1;
        let updated = train::update(setup, model, &self.grads, *step, work);
        assert!(black_box(updated).is_ok(), "this rule cannot fail");
    }

    fn parameters(&self) -> Vec<f64> {
        self.of.parameters()
    }
}

impl Trained for Adam {
    fn step(&mut self) {
        Adam::step(self);
    }

    fn parameters(&self) -> Vec<f64> {
        self.w.clone()
    }
}

impl Trained for Net {
    fn step(&mut self) {
        Net::step(self);
    }

    fn parameters(&self) -> Vec<f64> {
        Net::parameters(self)
    }
}

impl Trained for fixed::W1 {
    fn step(&mut self) {
        fixed::W1::step(self);
    }

    fn parameters(&self) -> Vec<f64> {
        fixed::W1::parameters(self)
    }
}

impl Trained for fixed::W2 {
    fn step(&mut self) {
        fixed::W2::step(self);
    }

    fn parameters(&self) -> Vec<f64> {
        fixed::W2::parameters(self)
    }
}

/// Who trains, with what it is called.
type Rival = (&'static str, Box<dyn Trained>);

const SCRIPTED: &str = "slowgrad";
const TWO_THREADS: &str = "slowgrad with two threads";
const RUN_TIME: &str = "by hand";
const COMPILE_TIME: &str = "by hand, shapes at compile time";

fn rivals(sandbox: &Sandbox, workload: &Workload) -> Done<Vec<Rival>> {
    let lesson = sandbox.open(&format!("{}.rhai", workload.name)).map_err(|errors| errors[0].to_string())?;
    let parameters = lesson.parameters;
    let setup = Rc::new(lesson.setup);
    let model = Model::new(parameters.clone(), &setup.optimizer);
    let scripted = |threads| {
        let mut work = Workspace::default();
        work.set_threads(threads);
        Box::new(Scripted { setup: Rc::clone(&setup), model: model.clone(), work, step: 0 })
    };
    let mut rivals: Vec<Rival> = vec![(SCRIPTED, scripted(1))];
    if workload.is_shared {
        rivals.push((TWO_THREADS, scripted(2)));
    }
    rivals.push((RUN_TIME, Box::new(Net::new(&workload.recipe, &setup, &parameters))));
    if workload.is_fixed {
        let fixed: Box<dyn Trained> = match workload.name {
            "w1" => Box::new(fixed::W1::new(&setup, &parameters)),
            _ => Box::new(fixed::W2::new(&setup, &parameters)),
        };
        rivals.push((COMPILE_TIME, fixed));
    }
    Ok(rivals)
}

/// The update of adam over 10⁶ parameters.
fn updates(sandbox: &Sandbox) -> Done<Vec<Rival>> {
    let mut spec = sandbox.open("wide.rhai").map_err(|errors| errors[0].to_string())?.spec;
    for layer in spec.layers.iter_mut().rev().skip(1) {
        layer.size = 998;
    }
    let setup = Rc::new(sandbox.assemble(&spec).map_err(|errors| errors[0].to_string())?);
    let numbers = |count: usize| (0..count).map(|at| (at as f64 * 0.618_034).fract() - 0.5).collect::<Vec<_>>();
    let (parameters, grads) = (numbers(setup.shape.parameters()), numbers(setup.shape.parameters()));
    let by_hand = Adam::new(&parameters, &grads);
    let model = Model::new(parameters, &setup.optimizer);
    let of = Scripted { setup, model, work: Workspace::default(), step: 0 };
    Ok(vec![(SCRIPTED, Box::new(ScriptedUpdate { of, grads })), (RUN_TIME, Box::new(by_hand))])
}

/// They must do the same work.
fn compare(of: &str, rivals: &mut [Rival]) -> Done<()> {
    for _ in 0..SAME_STEPS {
        for (_, rival) in rivals.iter_mut() {
            rival.step();
        }
    }
    let expected = rivals[0].1.parameters();
    for (name, rival) in &rivals[1..] {
        let found = rival.parameters();
        let apart = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if found.len() != expected.len() || apart.is_nan() || apart > SAME {
            return Err(format!("{of}: {name} trains another network, {apart:e} apart").into());
        }
    }
    Ok(())
}

/// The shortest time of a step of each, in seconds.
fn race(rivals: &mut [Rival], budget: Duration) -> Vec<f64> {
    let time = |rival: &mut dyn Trained, steps: u32| {
        let began = Instant::now();
        for _ in 0..steps {
            rival.step();
        }
        began.elapsed().as_secs_f64() / f64::from(steps)
    };
    let round = Duration::from_micros(500).as_secs_f64();
    let steps: Vec<u32> =
        rivals.iter_mut().map(|(_, rival)| (round / time(&mut **rival, 3)).clamp(1.0, 1e6) as u32).collect();
    let mut shortest = vec![f64::MAX; rivals.len()];
    let deadline = Instant::now() + budget;
    while Instant::now() < deadline {
        for (((_, rival), steps), shortest) in rivals.iter_mut().zip(&steps).zip(&mut shortest) {
            *shortest = shortest.min(time(&mut **rival, *steps));
        }
    }
    shortest
}

fn main() -> Done<()> {
    let mut names: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let is_json = names.iter().position(|name| name == "--json").map(|at| names.remove(at)).is_some();
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
    // Making the data takes many times as long while instructions are counted.
    limits.set("seconds", 30.0).map_err(|error| error.message)?;
    let sandbox = Sandbox::new(library()?, limits);
    let mut out = std::io::stdout().lock();
    if !is_json && steps.is_none() {
        writeln!(
            out,
            "float64, {unit}, one thread unless it says two; slowgrad computes the value of the loss in each step, by hand it is not"
        )?;
    }
    let mut told = serde_json::Map::new();
    for workload in workloads() {
        if !names.is_empty() && !names.iter().any(|name| name == workload.name) {
            continue;
        }
        let mut rivals = rivals(&sandbox, &workload)?;
        if let Some(steps) = steps {
            (0..steps).for_each(|_| rivals[0].1.step());
            continue;
        }
        compare(workload.name, &mut rivals)?;
        let times = race(&mut rivals, Duration::from_secs_f64(seconds));
        let rate = |time: f64| workload.recipe.batch as f64 / time;
        for ((name, _), time) in rivals.iter().zip(&times) {
            let (of, share) = (workload.name, time / times[0]);
            if is_json {
                told.insert(format!("{of}, {name}"), json!(rate(*time)));
            } else if *name == SCRIPTED {
                writeln!(out, "{of:9} {name:32} {:10.0} k samples/s", rate(*time) / 1e3)?;
            } else {
                writeln!(out, "{of:9} {name:32} {:10.0} k samples/s; slowgrad is {share:.2} of it", rate(*time) / 1e3)?;
            }
        }
    }
    if steps.is_none() && (names.is_empty() || names.iter().any(|name| name == "adam")) {
        let mut rivals = updates(&sandbox)?;
        compare("adam", &mut rivals)?;
        let times = race(&mut rivals, Duration::from_secs_f64(seconds));
        let parameters = rivals[0].1.parameters().len() as f64;
        for ((name, _), time) in rivals.iter().zip(&times) {
            let each = time / parameters;
            if is_json {
                told.insert(format!("adam, {name}"), json!(each));
            } else {
                let times = times[0] / time;
                writeln!(
                    out,
                    "adam      {name:32} {:10.2} ns a parameter of 10⁶; slowgrad takes {times:.2} of it",
                    each * 1e9
                )?;
            }
        }
    }
    if is_json {
        writeln!(out, "{}", json!({ "vector_unit": unit, "rates": told }))?;
    }
    Ok(())
}

/// As `slowgrad` itself does.
fn choose_vector_unit() -> Done<&'static str> {
    let names = [("portable", Isa::Portable), ("avx2", Isa::Avx2), ("avx512", Isa::Avx512)];
    if let Some(asked) = std::env::var_os("SLOWGRAD_ISA") {
        let unit = names.iter().find(|(name, _)| asked == *name).map(|(_, unit)| *unit);
        if !unit.is_some_and(isa::force) {
            return Err("this machine does not have that vector unit".into());
        }
    }
    let in_use = isa::current();
    Ok(names.iter().find(|(_, unit)| *unit == in_use).map_or("", |(name, _)| name))
}

/// The shipped scripts, and the lessons of `slowgrad bench`.
fn library() -> Done<Library> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = |name: &str, folder: PathBuf| -> Done<Root> {
        let mut files = Files::new();
        collect(&folder, &folder, &mut files)?;
        Ok(Root { name: name.into(), files })
    };
    let shipped = root("shipped", here.join("../../scripts"))?;
    Ok(Library { roots: vec![shipped, root("bench", here.join("src/cli/bench/scripts"))?] })
}

fn collect(top: &Path, folder: &Path, files: &mut Files) -> Done<()> {
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
