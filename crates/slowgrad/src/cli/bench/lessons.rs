//! The lessons of the benchmarks: the scripts in `scripts`, with the plugins of the built-in library.

use crate::cli::Failure;
use include_dir::{Dir, include_dir};
use slowgrad_engine::run::Run;
use slowgrad_engine::spec::LayerSpec;
use slowgrad_script::{Files, Lesson, Library, Limits, Root, Sandbox};
use slowgrad_session::shipped;

static SCRIPTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/cli/bench/scripts");

/// A sandbox with the lessons of the benchmarks.
pub(super) fn sandbox(limits: Limits) -> Sandbox {
    let mut files = Files::new();
    shipped::add_files(&SCRIPTS, &mut files);
    let lessons = Root { name: "bench".into(), files };
    Sandbox::new(Library { roots: vec![shipped::shipped(), lessons] }, limits)
}

/// Loads a lesson.
pub(super) fn lesson(name: &str, limits: Limits) -> Result<Lesson, Failure> {
    sandbox(limits).open(&format!("{name}.rhai")).map_err(Failure::Scripts)
}

/// A run of a lesson, before its first step.
pub(super) fn run(name: &str, limits: Limits) -> Result<Run, Failure> {
    let lesson = lesson(name, limits)?;
    Ok(Run::new(lesson.setup, lesson.parameters))
}

/// The source of a script.
#[cfg(feature = "window")]
pub(super) fn source(file: &str) -> &'static str {
    SCRIPTS.get_file(file).and_then(|file| file.contents_utf8()).unwrap_or_default()
}

/// A run of a network with `layers` hidden layers of `size` neurons. With two, nearly all weights connect them.
pub(super) fn network(layers: usize, size: usize, limits: Limits) -> Result<Run, Failure> {
    let sandbox = sandbox(limits);
    let mut spec = sandbox.open("wide.rhai").map_err(Failure::Scripts)?.spec;
    let (output, hidden) = (spec.layers.pop(), spec.layers.pop());
    spec.layers.clear();
    spec.layers.extend(hidden.into_iter().flat_map(|layer| vec![LayerSpec { size, ..layer }; layers]).chain(output));
    let setup = sandbox.assemble(&spec).map_err(Failure::Scripts)?;
    // A script would need more time to initialize a million weights than the measurement takes.
    let scale = 2.0 / (size as f64).sqrt();
    let values =
        (0..setup.shape.parameters()).map(|index| ((index as f64 * 0.618_034).fract() - 0.5) * scale).collect();
    Ok(Run::new(setup, values))
}
