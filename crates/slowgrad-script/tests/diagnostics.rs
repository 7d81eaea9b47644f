//! Faulty scripts, each with its expected diagnostics and their locations.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;
use slowgrad_script::{Diagnostic, Library, Limits, Root, Sandbox};
use slowgrad_tape::Severity;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One file of `tests/diagnostics`: scripts with the expected diagnostics below the lines that cause them.
///
/// A line `//@ path` starts a script with this path; the first script is checked. Lines that start with `//~` are
/// expectations and not part of the script. `//@ path latin-1` is a script in that encoding, and `//@ limits a=1 b=2`
/// sets limits.
struct Fixture {
    /// Path, text and whether the text is in Latin-1.
    scripts: Vec<(String, String, bool)>,
    limits: Limits,
}

impl Fixture {
    fn read(text: &str) -> Self {
        // The operation limit stops scripts before the clock does, so that slow machines give the same result.
        let (time, setup_time) = (Duration::from_mins(1), Duration::from_mins(1));
        let mut limits = Limits { time, setup_time, setup_operations: 5_000_000, ..Limits::default() };
        let mut scripts: Vec<(String, String, bool)> = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with("//~")) {
            if let Some(settings) = line.strip_prefix("//@ limits ") {
                for (name, value) in settings.split(' ').map(|setting| setting.split_once('=').unwrap()) {
                    let value = value.parse().unwrap();
                    match name {
                        "operations" => limits.operations = value,
                        "milliseconds" => limits.time = Duration::from_millis(value),
                        _ => panic!("no limit {name}"),
                    }
                }
            } else if let Some(head) = line.strip_prefix("//@ ") {
                let path = head.trim_end_matches(" latin-1");
                scripts.push((path.to_owned(), String::new(), path != head));
            } else {
                let (_, script, _) = scripts.last_mut().expect("the first line is //@ path");
                script.push_str(line);
                script.push('\n');
            }
        }
        Self { scripts, limits }
    }

    fn check(&self) -> Vec<Diagnostic> {
        let encoded = |text: &str, latin: bool| -> Vec<u8> {
            if latin {
                text.chars().map(|ch| u8::try_from(u32::from(ch)).unwrap()).collect()
            } else {
                text.as_bytes().to_vec()
            }
        };
        let files = self.scripts.iter().map(|(path, text, latin)| (path.clone(), encoded(text, *latin))).collect();
        let library = Library { roots: vec![common::shipped(), Root { name: "own".into(), files }] };
        Sandbox::new(library, self.limits).check(&self.scripts[0].0)
    }
}

/// A fixture's text with these diagnostics inserted.
fn with(original: &str, found: &[Diagnostic]) -> String {
    let mut text = String::new();
    let mut script: Option<&str> = None;
    let mut number = 0;
    let mut written_below = vec![false; found.len()];
    for line in original.lines().filter(|line| !line.starts_with("//~")) {
        writeln!(text, "{line}").unwrap();
        if let Some(head) = line.strip_prefix("//@ ") {
            if !head.starts_with("limits ") {
                (script, number) = (Some(head.trim_end_matches(" latin-1")), 0);
            }
            continue;
        }
        number += 1;
        for (i, problem) in found.iter().enumerate() {
            if let Some(at) = &problem.location
                && (Some(at.source.name.as_str()), at.span.line) == (script, number)
            {
                written_below[i] = true;
                text.push_str(&written(problem, line));
            }
        }
    }
    for problem in found.iter().zip(written_below).filter_map(|(problem, done)| (!done).then_some(problem)) {
        text.push_str(&written(problem, ""));
    }
    text
}

/// A diagnostic as it is written below its line.
fn written(problem: &Diagnostic, line: &str) -> String {
    let mut text = String::new();
    let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
    match &problem.location {
        Some(at) => {
            // A span over several lines is marked to the end of the first line.
            let shown = at.span.text(&at.source);
            let marked = shown.lines().next().unwrap_or("").chars().count().max(1);
            let before = at.span.column as usize - 1;
            if before >= 3 {
                writeln!(text, "//~{}{}", " ".repeat(before - 3), "^".repeat(marked)).unwrap();
            } else {
                writeln!(text, "//~ column {}: {}", before + 1, "^".repeat(marked)).unwrap();
            }
            assert!(before <= line.chars().count(), "{line}");
        }
        None => writeln!(text, "//~ nowhere").unwrap(),
    }
    writeln!(text, "//~ {severity}[{}]: {}", problem.code, problem.message).unwrap();
    for frame in &problem.frames {
        let place = frame.location.as_ref().map_or_else(String::new, |at| format!(", called at {at}"));
        writeln!(text, "//~ in {}{place}", frame.function).unwrap();
    }
    if let Some(help) = &problem.help {
        writeln!(text, "//~ help: {help}").unwrap();
    }
    text
}

/// `UPDATE_FIXTURES=1` writes the actual diagnostics as the new expectations.
#[test]
fn faulty_scripts_get_their_expected_diagnostics() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 40);
    let mut differing = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let found = Fixture::read(&text).check();
        assert!(!found.is_empty(), "{} has no fault", path.display());
        let now = with(&text, &found);
        if update {
            fs::write(&path, now).unwrap();
        } else if now != text {
            differing.push(format!("{}\n{now}", path.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// Every diagnostic has a location.
#[test]
fn every_expectation_has_a_location() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let count = |what: &str| text.lines().filter(|line| line.starts_with(what)).count();
        let expectations = count("//~ error[") + count("//~ warning[");
        assert!(expectations > 0, "{}", path.display());
        assert_eq!(count("//~ nowhere"), 0, "{}", path.display());
    }
}

#[test]
fn all_errors_of_a_lesson_are_reported_together() {
    let text = "fn lesson() { #{ titel: 5, layers: [2, \"3\"], data: \"xor\", batch: -1 } }";
    let found = common::sandbox(&[("mine.rhai", text)]).open("mine.rhai").unwrap_err();
    let codes: Vec<&str> = found.iter().map(|diagnostic| diagnostic.code).collect();
    assert_eq!(codes, ["unknown-field", "missing-field", "wrong-type", "wrong-value"], "{found:#?}");
}

#[test]
fn the_call_stack_is_listed_innermost_first() {
    let text =
        "fn inner(x) {\n    x + \"a\"\n}\nfn outer(x) {\n    inner(x * 2.0)\n}\nfn activation(z) {\n    outer(z)\n}";
    let found = common::sandbox(&[("activations/a.rhai", text)]).check("activations/a.rhai");
    let frames: Vec<(String, Option<String>)> = found[0]
        .frames
        .iter()
        .map(|frame| {
            (frame.function.clone(), frame.location.as_ref().map(|l| format!("{l} {}", l.span.text(&l.source))))
        })
        .collect();
    let at = |text: &str| Some(text.to_owned());
    assert_eq!(
        frames,
        [
            ("inner".to_owned(), at("activations/a.rhai:5:5 inner(x * 2.0)")),
            ("outer".to_owned(), at("activations/a.rhai:8:5 outer(z)")),
            ("activation".to_owned(), None),
        ]
    );
    assert_eq!(found[0].location.as_ref().unwrap().to_string(), "activations/a.rhai:2:5");
}

#[test]
fn an_error_in_an_imported_file_points_there() {
    let own = [
        ("shared/m.rhai", "// a module\nfn f(x) {\n    x + \"a\"\n}"),
        ("activations/a.rhai", "import \"shared/m\" as m;\nfn activation(z) { m::f(z) }"),
        ("shared/broken.rhai", "fn f(x) {\n    x +\n}"),
        ("activations/b.rhai", "import \"shared/broken\" as m;\nfn activation(z) { m::f(z) }"),
    ];
    let sandbox = common::sandbox(&own);
    let found = sandbox.check("activations/a.rhai");
    assert_eq!(found[0].location.as_ref().unwrap().to_string(), "shared/m.rhai:3:5", "{found:#?}");
    let found = sandbox.check("activations/b.rhai");
    assert!(
        found[0].message.contains("`shared/broken` cannot be imported")
            && found[0].message.contains("shared/broken.rhai:3:1"),
        "{found:#?}"
    );
}

fn warnings(text: &str) -> Vec<Diagnostic> {
    let found = common::sandbox(&[("t.rhai", text)]).check("t.rhai");
    assert!(found.iter().all(|d| d.severity == Severity::Warning && d.location.is_some()), "{found:#?}");
    found
}

#[test]
fn check_compares_derivatives_and_names_the_worst_input() {
    let found = warnings("fn activation(z) { tanh(z) }\nfn derivative(z, a) { 1.0 - a }");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, "derivative-mismatch");
    assert!(found[0].message.contains("at z = ") && found[0].message.contains("`derivative` returns"), "{found:#?}");
    assert_eq!(found[0].location.as_ref().unwrap().span.line, 2);

    let found = warnings("fn activation(z) { value(z) * z }");
    let codes: Vec<&str> = found.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["runs-each-time", "gradient-mismatch"], "{found:#?}");
    assert!(found[0].message.contains("`value(…)`"), "{found:#?}");

    let found = warnings("fn activation(z) {\n    ln(z)\n}");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].code, found[0].location.as_ref().unwrap().to_string().as_str()), ("not-finite", "t.rhai:2:5"));

    assert!(warnings("fn activation(z) { stop_gradient(z) * z }").is_empty());
    assert!(warnings("fn activation(z) { if z > 0.0 { z } else { 0.0 } }").is_empty());
    assert!(warnings("fn activation(z) { max(z, 0.0) + abs(z) + clamp(z, -1, 1) }").is_empty());
    assert!(warnings("fn helper(x) { x }").is_empty());
}

#[test]
fn check_finds_a_gradient_that_is_not_a_number() {
    let sandbox = common::sandbox(&[("activations/root.rhai", "fn activation(z) { sqrt(z * z) }")]);
    let found = sandbox.check("activations/root.rhai");
    let warning = found.iter().find(|found| found.code == "gradient-not-finite").expect("a warning");
    assert!(warning.message.contains("NaN") && warning.location.is_some(), "{warning}");
}
