//! Every script that ships works and says what it should.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout, reason = "a test")]

mod common;
use std::time::Instant;

#[test]
fn every_lesson_opens_without_a_warning() {
    let sandbox = common::sandbox(&[]);
    for name in common::LESSONS {
        let start = Instant::now();
        let lesson = sandbox.open(&format!("lessons/{name}.rhai"));
        let lesson = lesson.unwrap_or_else(|errors| panic!("{name}: {errors:#?}"));
        println!("{name}: {:?}", start.elapsed());
        assert!(lesson.warnings.is_empty(), "{name}: {:#?}", lesson.warnings);
        assert!(!lesson.cues.is_empty() && !lesson.page.is_empty(), "{name}");
        assert_eq!(lesson.parameters.len(), lesson.setup.shape.parameters());
        assert!(lesson.files.contains(&format!("lessons/{name}.rhai")));
    }
}

#[test]
fn every_script_passes_its_check() {
    let root = common::shipped();
    let sandbox = common::sandbox(&[]);
    let scripts: Vec<&str> = root.files.paths().filter(|path| path.strip_suffix(".rhai").is_some()).collect();
    assert!(scripts.len() >= 35, "{scripts:?}");
    for path in scripts {
        let found = sandbox.check(path);
        assert!(found.is_empty(), "{path}: {found:#?}");
    }
}
