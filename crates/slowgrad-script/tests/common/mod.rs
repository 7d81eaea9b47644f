//! The shipped scripts and small in-memory libraries, for all tests.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test uses only a part")]

use slowgrad_engine::plugin::{Optimizer, SharedFunction, UpdateRule};
use slowgrad_engine::shape::Shape;
use slowgrad_script::{Files, Library, Limits, Root, Sandbox};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

fn collect(top: &Path, folder: &Path, files: &mut Files) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(top, &path, files);
        } else {
            let name = path.strip_prefix(top).unwrap().to_string_lossy().replace('\\', "/");
            assert!(files.insert(name, fs::read(&path).unwrap()));
        }
    }
}

/// The library that ships with the program.
pub fn shipped() -> Root {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts");
    let mut files = Files::new();
    collect(&top, &top, &mut files);
    Root { name: "shipped".into(), files }
}

/// A sandbox with the shipped library and these files as the lesson's own folder.
pub fn sandbox(own: &[(&str, &str)]) -> Sandbox {
    sandbox_within(own, Limits::default())
}

pub fn sandbox_within(own: &[(&str, &str)], limits: Limits) -> Sandbox {
    let files = own.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes())).collect();
    Sandbox::new(Library { roots: vec![shipped(), Root { name: "own".into(), files }] }, limits)
}

pub const LESSONS: [&str; 12] = [
    "welcome",
    "which-weights-change",
    "how-much-does-each-weight-change",
    "sgd-and-momentum",
    "custom-loss",
    "iris",
    "penguins",
    "digits",
    "playground",
    "large",
    "why-not-zeros",
    "one-step-by-hand",
];

/// The rules of an optimizer of parameters, for weights and for biases.
pub fn rules(optimizer: &Optimizer) -> [SharedFunction; 2] {
    let UpdateRule::Parameter { weights, biases } = &optimizer.rule else { panic!("an optimizer of layers") };
    [Rc::clone(weights), Rc::clone(biases)]
}

/// The smallest network, for optimizers of parameters, which do not depend on it.
pub fn smallest() -> Shape {
    Shape::new(1, &[1])
}
