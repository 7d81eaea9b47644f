//! Every script that ships works and says what it should.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout, reason = "a test")]

mod common;

use slowgrad_script::PluginKind;
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

/// The tables of `scripts/README.md` say of each plugin what its own comment says.
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
