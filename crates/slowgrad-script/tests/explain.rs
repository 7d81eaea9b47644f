//! Every diagnostic code has a page of `slowgrad explain`, and the examples on the pages behave as described.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;
use slowgrad_script::explain::{Page, nearest_code, page, pages};
use slowgrad_script::{Diagnostic, Files, Library, Limits, Root, Sandbox};
use slowgrad_tape::Severity;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Codes that no short script can trigger.
const WITHOUT_EXAMPLE: [&str; 6] =
    ["incomplete-folder", "interpreter", "stale-scalar", "too-many-functions", "too-many-variables", "unusable-file"];

/// Collects the codes in the sources: the first argument of each constructor of a diagnostic.
fn used(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            used(&path, codes);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for maker in ["Diagnostic::error(", "Diagnostic::warning(", "Problem::new(", "const CODE: &str ="] {
                for after in text.split(maker).skip(1) {
                    if let Some(code) = after.trim_start().strip_prefix('"').and_then(|code| code.split('"').next()) {
                        codes.insert(code.to_owned());
                    }
                }
            }
        }
    }
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let mut codes = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap() {
        used(&entry.unwrap().path().join("src"), &mut codes);
    }
    assert!(codes.len() > 50);
    let explained: BTreeSet<String> = pages().map(|page| page.code.to_owned()).collect();
    assert_eq!(codes, explained);
    let in_order: Vec<&str> = pages().map(|page| page.code).collect();
    assert!(in_order.is_sorted());
}

/// The scripts of a page's faulty or corrected example, with paths and encoded texts.
fn example(page: &Page, which: &str) -> Vec<(String, Vec<u8>)> {
    let blocks = page.body.split("```rhai ").skip(1).filter_map(|block| block.split("```").next());
    let examples = blocks.filter_map(|block| block.strip_prefix(which)?.split_once('\n'));
    let encoded = |(head, text): (&str, &str)| match head.trim().strip_suffix(" latin-1") {
        Some(path) => (path.to_owned(), text.chars().map(|ch| u8::try_from(u32::from(ch)).unwrap()).collect()),
        None => (head.trim().to_owned(), text.as_bytes().to_vec()),
    };
    examples.map(encoded).collect()
}

fn check(page: &Page, which: &str) -> Vec<Diagnostic> {
    let scripts = example(page, which);
    assert!(!scripts.is_empty(), "{} has no {which} example", page.code);
    let first = scripts[0].0.clone();
    // The time limit is generous, so that even on a slow machine the limit of the page stops the script.
    let limits = match page.code {
        "too-slow" => Limits { operations: u64::MAX, time: Duration::from_millis(50), ..Limits::default() },
        _ => Limits { time: Duration::from_mins(1), setup_time: Duration::from_mins(1), ..Limits::default() },
    };
    let files: Files = scripts.into_iter().collect();
    let roots = vec![common::shipped(), Root { name: "own".into(), files }];
    Sandbox::new(Library { roots }, limits).check(&first)
}

#[test]
fn every_example_triggers_or_avoids_the_code_of_its_page() {
    let mut wrong = Vec::new();
    for page in pages().filter(|page| !WITHOUT_EXAMPLE.contains(&page.code)) {
        let codes = |found: &[Diagnostic]| found.iter().map(|found| found.code).collect::<Vec<_>>();
        let faulty = codes(&check(&page, "faulty"));
        if !faulty.contains(&page.code) {
            wrong.push(format!("{}: the faulty example gives {faulty:?}", page.code));
        }
        let corrected = check(&page, "corrected");
        if corrected.iter().any(|found| found.code == page.code || found.severity == Severity::Error) {
            wrong.push(format!("{}: the corrected example gives {:?}", page.code, codes(&corrected)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_page_is_found_by_its_code() {
    let found = page("unknown-name").unwrap();
    assert_eq!(found.title, "A name is not defined here.");
    assert!(page("unknown-nam").is_none());
    assert_eq!(nearest_code("unknown-nam"), Some("unknown-name"));
}
