//! The walls between the crates, as ARCHITECTURE.md describes them: a forbidden dependency or path is a failing test.

mod common;
#[path = "common/source.rs"]
mod source;

use serde_json::Value;
use source::{Token, compiled_files, tokens, without_tests};
use std::collections::BTreeSet;
use std::process::Command;

/// Each crate, and the crates of the workspace that it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("slowgrad-tape", &[]),
    ("slowgrad-engine", &["slowgrad-tape"]),
    ("slowgrad-timeline", &["slowgrad-tape", "slowgrad-engine"]),
    ("slowgrad-script", &["slowgrad-tape", "slowgrad-engine", "slowgrad-timeline"]),
    ("slowgrad-render", &["slowgrad-timeline"]),
    ("slowgrad-session", &["slowgrad-tape", "slowgrad-engine", "slowgrad-timeline", "slowgrad-script"]),
    (
        "slowgrad-app",
        &[
            "slowgrad-tape",
            "slowgrad-engine",
            "slowgrad-timeline",
            "slowgrad-script",
            "slowgrad-render",
            "slowgrad-session",
        ],
    ),
    (
        "slowgrad",
        &[
            "slowgrad-tape",
            "slowgrad-engine",
            "slowgrad-timeline",
            "slowgrad-script",
            "slowgrad-render",
            "slowgrad-session",
            "slowgrad-app",
        ],
    ),
    ("slowgrad-web", &["slowgrad-script", "slowgrad-render", "slowgrad-session", "slowgrad-app"]),
    ("xtask", &[]),
];

/// Crates from outside the workspace, and the crates that may use each.
const GUARDED: &[(&str, &[&str])] = &[
    ("rhai", &["slowgrad-script"]),
    ("calamine", &["slowgrad-engine"]),
    ("wgpu", &["slowgrad-render"]),
    ("egui-wgpu", &["slowgrad-render"]),
    ("egui", &["slowgrad-render", "slowgrad-app", "slowgrad", "slowgrad-web"]),
    ("epaint", &["slowgrad-render"]),
    ("unicode-bidi", &["slowgrad-render"]),
    ("fontdb", &["slowgrad"]),
    ("ttf-parser", &["slowgrad"]),
    ("zip", &["slowgrad-engine", "slowgrad-session"]),
    ("winit", &["slowgrad"]),
    ("notify", &["slowgrad"]),
    ("mundy", &["slowgrad"]),
    ("rfd", &["slowgrad"]),
    ("libloading", &["xtask"]),
    ("web-sys", &["slowgrad-web"]),
    ("wasm-bindgen", &["slowgrad-web"]),
    ("wasm-bindgen-cli-support", &["xtask"]),
];

/// Crates that know neither files, threads, processes, environment variables nor a clock, and the least number of their
/// source files, so that an empty scan fails.
const PORTABLE: &[(&str, usize)] = &[("slowgrad-render", 15), ("slowgrad-session", 30), ("slowgrad-app", 50)];

/// Modules of the standard library that portable crates must not name.
const SYSTEM_MODULES: [&str; 4] = ["fs", "thread", "process", "env"];
/// Types that portable crates must not name, whichever crate they are from.
const CLOCKS: [&str; 2] = ["Instant", "SystemTime"];

/// The packages of the workspace, as `cargo metadata` describes them.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(common::root())
        .output()
        .expect("run cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn name(value: &Value) -> &str {
    value["name"].as_str().expect("a name")
}

/// The dependencies of a package, without those of its tests.
fn dependencies(package: &Value) -> BTreeSet<&str> {
    let all = package["dependencies"].as_array().expect("dependencies").iter();
    all.filter(|dependency| dependency["kind"] != "dev").map(name).collect()
}

#[test]
fn crates_use_only_lower_crates() {
    let packages = packages();
    let workspace: BTreeSet<&str> = packages.iter().map(name).collect();
    let listed: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    assert_eq!(workspace, listed, "the list of crates in this test is not that of the workspace");
    for package in &packages {
        let (_, allowed) = ALLOWED.iter().find(|(listed, _)| *listed == name(package)).expect("a listed crate");
        for dependency in dependencies(package).intersection(&workspace) {
            assert!(allowed.contains(dependency), "{} must not use {dependency}", name(package));
        }
    }
}

#[test]
fn allowed_crates_come_earlier_in_the_list() {
    for (at, (name, allowed)) in ALLOWED.iter().enumerate() {
        for lower in *allowed {
            assert!(ALLOWED[..at].iter().any(|(earlier, _)| earlier == lower), "{name} may not use {lower}");
        }
    }
}

#[test]
fn guarded_crates_are_used_in_one_place() {
    let packages = packages();
    for package in &packages {
        let dependencies = dependencies(package);
        for (guarded, users) in GUARDED {
            let allowed = users.contains(&name(package));
            assert!(allowed || !dependencies.contains(guarded), "{} must not use {guarded}", name(package));
        }
    }
    let all: BTreeSet<&str> = packages.iter().flat_map(|package| dependencies(package)).collect();
    let unused: Vec<&str> =
        GUARDED.iter().map(|(guarded, _)| *guarded).filter(|guarded| !all.contains(guarded)).collect();
    assert!(unused.iter().all(|guarded| *guarded == "rfd"), "no crate uses {unused:?}");
}

#[test]
fn the_architecture_names_every_crate_of_the_program() {
    let text = std::fs::read_to_string(common::root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for (name, _) in ALLOWED.iter().filter(|(name, _)| name.starts_with("slowgrad")) {
        assert!(text.contains(&format!("`{name}`")), "ARCHITECTURE.md does not mention {name}");
    }
}

/// Names that a portable crate must not use, each after its line.
fn violations(tokens: &[Token]) -> Vec<(usize, String)> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if CLOCKS.contains(&token.text.as_str()) {
            found.push((token.line, token.text.clone()));
        }
        if token.text != "std" {
            continue;
        }
        match text(at + 1) {
            "as" => found.push((token.line, "std under another name".into())),
            "::" if text(at + 2) == "{" => found.extend(group(&tokens[at + 3..])),
            "::" => found.extend(member(&tokens[at + 2..])),
            _ => {}
        }
    }
    found
}

/// Violations in the group `std::{…}`, after its opening brace.
fn group(tokens: &[Token]) -> Vec<(usize, String)> {
    let (mut found, mut depth, mut starts) = (Vec::new(), 1, true);
    for (at, token) in tokens.iter().enumerate() {
        if depth == 1 && starts {
            found.extend(member(&tokens[at..]));
        }
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        starts = token.text == ",";
        if depth == 0 {
            break;
        }
    }
    found
}

/// The violation at the start of a path below `std`.
fn member(tokens: &[Token]) -> Option<(usize, String)> {
    let token = tokens.first()?;
    let is_macro = tokens.get(1).is_some_and(|next| next.text == "!");
    match token.text.as_str() {
        "*" => Some((token.line, "all of std".into())),
        "self" => Some((token.line, "std under another name".into())),
        module if SYSTEM_MODULES.contains(&module) && !is_macro => Some((token.line, format!("std::{module}"))),
        _ => None,
    }
}

#[test]
fn portable_crates_name_neither_files_threads_processes_environment_nor_clocks() {
    let mut found = Vec::new();
    for (name, least) in PORTABLE {
        let files = compiled_files(&common::root().join("crates").join(name).join("src"));
        assert!(files.len() >= *least, "only {} files of {name} were scanned", files.len());
        for file in files {
            assert!(!file.tokens.is_empty(), "{} is empty", file.path.display());
            let path = file.path.strip_prefix(common::root()).expect("a file of the repository").display();
            found.extend(violations(&file.tokens).iter().map(|(line, name)| format!("{path}:{line}: {name}")));
        }
    }
    assert!(found.is_empty(), "these need a desktop; the crate `slowgrad` has to pass them in:\n{}", found.join("\n"));
}

#[test]
fn planted_violations_are_found() {
    let of = |text: &str| -> Vec<String> {
        let found = violations(&without_tests(&tokens(text)));
        found.into_iter().map(|(line, name)| format!("{line} {name}")).collect()
    };
    for (text, expected) in [
        ("fn f() { std::fs::read(\"x\"); }", "1 std::fs"),
        ("use std::thread;", "1 std::thread"),
        ("use ::std::process::Command;", "1 std::process"),
        ("use std::{\n    io,\n    env,\n};", "3 std::env"),
        ("use std::{collections::{HashMap, BTreeMap}, fs::File};", "1 std::fs"),
        ("use std::*;", "1 all of std"),
        ("use std as other;", "1 std under another name"),
        ("use std::{self as other};", "1 std under another name"),
        ("use std::time::{Duration, Instant};", "1 Instant"),
        ("fn f(at: web_time::SystemTime) {}", "1 SystemTime"),
        ("/* \n /* */ */ const A: &str = \"\\\"\"; use std::fs;", "2 std::fs"),
        ("const A: char = '\"'; use std::fs; const B: char = '\"';", "1 std::fs"),
        ("fn f<'a>(x: &'a str) { std::fs::read(x) } const Q: char = '\\'';", "1 std::fs"),
        ("const A: &str = r#\"\"#; use std::fs; const B: &str = r#\"\"#;", "1 std::fs"),
        ("#[cfg(test)]\nmod tests {\n    fn f() { {} }\n}\nuse std::fs;", "5 std::fs"),
        ("#[cfg(test)]\nmod tests;\nuse std::fs;", "3 std::fs"),
        ("struct S { #[cfg(test)] a: u8, b: std::fs::File }", "1 std::fs"),
        ("#[cfg(not(test))]\nuse std::fs;", "2 std::fs"),
        ("#[cfg(any(test, feature = \"testing\"))]\nmod testing;\nuse std::fs;", "3 std::fs"),
    ] {
        assert_eq!(of(text), [expected], "{text}");
    }
    for text in [
        "// use std::fs;\n/// std::env\nfn f() {}",
        "/* use std::fs; */",
        "const A: &str = \"use std::fs;\"; const B: &[u8] = br#\"\"std::env\"\"#;",
        "#[cfg(test)]\nmod tests {\n    use std::fs;\n}",
        "#[cfg(test)]\n#[allow(dead_code)]\nfn f() -> Instant { std::thread::yield_now() }",
        "use std::{collections::BTreeMap, fmt::{self, env}, time::Duration};",
        "const A: &str = std::env!(\"HOME\"); thread_local! {}",
        "fn fs() { env(thread, process::id(), my::fs::read()) }",
    ] {
        assert!(of(text).is_empty(), "{text}: {:?}", of(text));
    }
}
