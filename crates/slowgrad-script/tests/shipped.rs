//! Every shipped script works, and its texts are correct.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout, reason = "a test")]

mod common;

use slowgrad_engine::run::Run;
use slowgrad_script::PluginKind;
use slowgrad_timeline::playback::cue::{Cue, PlayPart};
use std::sync::Arc;
use std::time::Instant;

#[test]
fn every_lesson_opens_without_a_warning() {
    let sandbox = common::sandbox(&[]);
    for name in common::LESSONS {
        let start = Instant::now();
        let lesson = sandbox.open(&format!("lessons/{name}.rhai"));
        let lesson = lesson.unwrap_or_else(|errors| panic!("{name}: {errors:#?}"));
        println!("{name}: {:?}", start.elapsed());
        let warnings = lesson.all_warnings();
        assert!(warnings.is_empty(), "{name}: {warnings:#?}");
        assert!(!lesson.cues.is_empty() && !lesson.page.is_empty(), "{name}");
        assert_eq!(lesson.parameters.len(), lesson.setup.shape.parameters());
        assert!(lesson.files.contains(&format!("lessons/{name}.rhai")));
    }
}

/// The captions of `why-not-zeros` make claims about numbers. This test replays the cues and checks the numbers.
#[test]
fn the_captions_of_the_lesson_about_zeros_are_true() {
    let lesson = common::sandbox(&[]).open("lessons/why-not-zeros.rhai").unwrap();
    let shape = Arc::clone(&lesson.setup.shape);
    let mut run = Run::new(lesson.setup.clone(), lesson.parameters.clone());
    let predictions = |run: &mut Run| -> Vec<f64> {
        let inputs: Vec<Vec<f64>> = (0..4).map(|i| lesson.setup.train.input(i).to_vec()).collect();
        run.predict(&inputs).unwrap().concat()
    };
    // The parameters and the predictions at the end of each section.
    let mut ends: Vec<(&str, Vec<f64>, Vec<f64>)> = Vec::new();
    for cue in &lesson.cues {
        match cue {
            Cue::Section(name) => ends.push((name, Vec::new(), Vec::new())),
            Cue::Play { part: PlayPart::Update | PlayPart::Step, .. } => {
                run.advance().unwrap();
            }
            Cue::Train { steps } => {
                for _ in 0..*steps {
                    run.advance().unwrap();
                }
            }
            Cue::Tweak { parameter, value } => run.set_parameter(shape.index(*parameter), *value),
            _ => {}
        }
        let (_, values, predicted) = ends.last_mut().unwrap();
        *values = run.model().values.clone();
        *predicted = predictions(&mut run);
    }
    let end = |section: &str| ends.iter().find(|(name, ..)| *name == section).unwrap();

    let (_, values, predicted) = end("One bias learns");
    let last_bias = shape.biases(1).start;
    assert!(values.iter().enumerate().all(|(i, value)| (*value == 0.0) == (i != last_bias)), "{values:?}");
    assert!(predicted.iter().all(|y| *y == predicted[0]) && predicted[0] != 0.5, "{predicted:?}");

    let (_, values, _) = end("Equal is not enough");
    let row = |neuron: usize| &values[shape.weights(0)][2 * neuron..][..2];
    assert!((1..3).all(|neuron| row(neuron) == row(0)) && row(0) != [0.5, 0.5], "{values:?}");
    for equal in [shape.biases(0), shape.weights(1)] {
        assert!(values[equal.clone()].iter().all(|value| *value == values[equal.start]), "{values:?}");
    }

    let (_, _, predicted) = end("Random weights");
    for (i, prediction) in predicted.iter().enumerate() {
        assert!((prediction - lesson.setup.train.target(i)[0]).abs() < 0.2, "{predicted:?}");
    }
}

/// The tables of `scripts/README.md` repeat the description of each plugin.
#[test]
fn the_readme_lists_the_whole_library() {
    let sandbox = common::sandbox(&[]);
    let readme = String::from_utf8(common::shipped().files.get("README.md").unwrap().to_vec()).unwrap();
    for kind in PluginKind::ALL.into_iter().filter(|kind| *kind != PluginKind::Lesson) {
        for plugin in sandbox.list(kind) {
            let row = format!("| `{}` | {} |", plugin.name, plugin.description);
            assert!(readme.lines().any(|line| line == row), "scripts/README.md lacks the line\n{row}");
        }
    }
}

#[test]
fn every_script_passes_its_check() {
    let root = common::shipped();
    let sandbox = common::sandbox(&[]);
    let scripts: Vec<&str> = root.files.paths().filter(|path| path.strip_suffix(".rhai").is_some()).collect();
    assert!(scripts.len() >= 86, "{scripts:?}");
    for path in scripts {
        let found = sandbox.check(path);
        assert!(found.is_empty(), "{path}: {found:#?}");
    }
}
