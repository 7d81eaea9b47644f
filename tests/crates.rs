//! The order of the crates, as ARCHITECTURE.md gives it: a forbidden dependency is a failing test.

mod common;

use std::collections::BTreeSet;
use std::process::Command;

/// Each crate with the crates of the workspace it may use, and the outside crates that only it may name.
const ALLOWED: &[(&str, &[&str])] = &[
    ("slowgrad-tape", &[]),
    ("slowgrad-engine", &["slowgrad-tape"]),
    ("slowgrad-timeline", &["slowgrad-tape", "slowgrad-engine"]),
    ("slowgrad-script", &["slowgrad-tape", "slowgrad-engine", "slowgrad-timeline"]),
    ("slowgrad-render", &["slowgrad-timeline"]),
    ("slowgrad", &["slowgrad-tape", "slowgrad-engine", "slowgrad-timeline", "slowgrad-script", "slowgrad-render"]),
];

/// Outside crates and the crates of the workspace that may use them.
const GUARDED: &[(&str, &[&str])] = &[
    ("rhai", &["slowgrad-script"]),
    ("wgpu", &["slowgrad-render"]),
    ("egui-wgpu", &["slowgrad-render"]),
    ("egui", &["slowgrad-render", "slowgrad"]),
    ("winit", &["slowgrad"]),
    ("notify", &["slowgrad"]),
    ("mundy", &["slowgrad"]),
];

fn direct_dependencies() -> Vec<(String, BTreeSet<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(common::root())
        .output()
        .expect("cargo metadata runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let name = |value: &serde_json::Value| value["name"].as_str().expect("a name").to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    let direct = |package: &serde_json::Value| {
        let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
        dependencies.filter(|dependency| dependency["kind"].is_null()).map(name).collect()
    };
    packages.iter().map(|package| (name(package), direct(package))).collect()
}

#[test]
fn crates_use_only_what_stands_before_them() {
    let found = direct_dependencies();
    assert_eq!(found.len(), ALLOWED.len(), "a new crate needs its place in this test and in ARCHITECTURE.md");
    for (name, dependencies) in &found {
        let (_, allowed) = ALLOWED.iter().find(|(known, _)| known == name).expect("a known crate");
        for dependency in dependencies.iter().filter(|dependency| dependency.starts_with("slowgrad")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not use {dependency}");
        }
    }
}

#[test]
fn guarded_crates_are_named_in_one_place() {
    for (name, dependencies) in direct_dependencies() {
        for (guarded, users) in GUARDED {
            let uses = dependencies.contains(*guarded);
            assert!(!uses || users.contains(&name.as_str()), "{name} must not use {guarded}");
        }
    }
}

#[test]
fn the_architecture_names_every_crate() {
    let text = std::fs::read_to_string(common::root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for (name, _) in ALLOWED {
        assert!(text.contains(&format!("`{name}`")), "ARCHITECTURE.md does not mention {name}");
    }
}
