//! The lessons that are measured: scripts beside this file, with the plugins of the shipped library.

use crate::cli::Failure;
use crate::desktop::worker_thread::WorkerThread;
use crate::files::library;
use include_dir::{Dir, include_dir};
use slowgrad_engine::run::Run;
use slowgrad_engine::spec::LayerSpec;
use slowgrad_script::{Files, Lesson, Library, Limits, Root, Sandbox};
use slowgrad_session::Command;
use slowgrad_session::shipped;

static SCRIPTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/cli/bench/scripts");

/// A sandbox with the lessons that are measured.
pub(super) fn sandbox(limits: Limits) -> Sandbox {
    let mut files = Files::new();
    shipped::collect(&SCRIPTS, &mut files);
    let measured = Root { name: "bench".into(), files };
    Sandbox::new(Library { roots: vec![shipped::shipped(), measured] }, limits)
}

/// One of them, read.
pub(super) fn lesson(name: &str, limits: Limits) -> Result<Lesson, Failure> {
    sandbox(limits).open(&format!("{name}.rhai")).map_err(Failure::Scripts)
}

/// One of them, before its first step.
pub(super) fn run(name: &str, limits: Limits) -> Result<Run, Failure> {
    let lesson = lesson(name, limits)?;
    Ok(Run::new(lesson.setup, lesson.parameters))
}

/// A worker that opens a lesson with two hidden layers of this size.
pub(super) fn worker(size: usize, limits: Limits) -> Result<WorkerThread, Failure> {
    let wide = SCRIPTS.get_file("wide.rhai").and_then(|file| file.contents_utf8()).unwrap_or_default();
    let text = wide.replace("[2, 4, 4, 1]", &format!("[2, {size}, {size}, 1]"));
    let files = Files::from_iter([("wider.rhai", text.as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "bench".into(), files }] };
    let worker = WorkerThread::start(library, limits, Command::Open("wider.rhai".into()), || {});
    worker.map_err(|error| Failure::new(error.to_string()))
}

/// A network with so many hidden layers of this size; with two, nearly all weights lie between them.
pub(super) fn network(layers: usize, size: usize, limits: Limits) -> Result<Run, Failure> {
    let sandbox = sandbox(limits);
    let mut spec = sandbox.open("wide.rhai").map_err(Failure::Scripts)?.spec;
    let (output, hidden) = (spec.layers.pop(), spec.layers.pop());
    spec.layers.clear();
    spec.layers.extend(hidden.into_iter().flat_map(|layer| vec![LayerSpec { size, ..layer }; layers]).chain(output));
    let setup = sandbox.assemble(&spec).map_err(Failure::Scripts)?;
    // Drawing a million numbers in a script takes longer than what is measured.
    let scale = 2.0 / (size as f64).sqrt();
    let values = (0..setup.shape.parameters()).map(|at| ((at as f64 * 0.618_034).fract() - 0.5) * scale).collect();
    Ok(Run::new(setup, values))
}
