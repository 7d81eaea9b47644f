//! Packs on the command line: a lesson leaves its folder as one file, and computes the same numbers everywhere.

mod common;

use common::{run, slowgrad};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

const FILES: [(&str, &str); 5] = [
    (
        "m.rhai",
        r#"fn lesson() {
            #{ title: "Mine", layers: [2, 3, 1], activation: "tanh", output: "sigmoid", loss: "own", optimizer: "adam",
               data: csv("points.csv", #{ inputs: ["a", "b"], target: "y" }), weights: "start.json", seed: 5 }
        }"#,
    ),
    ("losses/own.rhai", "fn loss(output, target) { let d = output[0] - target[0]; d * d }\n"),
    ("optimizers/other.rhai", "fn update(w, grad, state, ctx) { w - ctx.lr * grad / 2.0 }\n"),
    ("points.csv", "a,b,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"),
    ("unused.csv", "a\n1\n"),
];

/// A folder with the lesson, a pack of it in another folder, and what the command printed.
fn packed(options: &[&str]) -> (tempfile::TempDir, tempfile::TempDir, String) {
    let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    for (path, text) in FILES {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }
    let start = folder.path().join("start.json");
    let source = folder.path().join("m.rhai");
    let lesson = FILES[0].1.replace(r#"weights: "start.json", "#, "");
    fs::write(&source, lesson).expect("the lesson");
    succeeds(&[&"train", &source, &"--steps", &"3", &"--weights-out", &start]);
    fs::write(&source, FILES[0].1).expect("the lesson");
    let pack = other.path().join("m.slowgrad");
    let mut command = slowgrad();
    command.arg("pack").arg(&source).arg("-o").arg(&pack).args(options);
    let (code, out, problems) = run(&mut command);
    assert_eq!(code, 0, "{problems}");
    (folder, other, out)
}

fn succeeds(command: &[&dyn AsRef<OsStr>]) -> String {
    let (code, out, problems) = run(slowgrad().args(command));
    assert_eq!(code, 0, "{problems}");
    out
}

fn fails(code: i32, command: &[&dyn AsRef<OsStr>]) -> String {
    let (found, out, problems) = run(slowgrad().args(command));
    assert_eq!(found, code, "{out}{problems}");
    problems
}

/// The metrics of some steps, bit for bit.
fn metrics(lesson: &Path) -> String {
    succeeds(&[&"train", &lesson, &"--steps", &"5", &"--metrics", &"-"])
}

#[test]
fn a_pack_computes_what_its_lesson_computes_without_its_folder() {
    let (folder, other, out) = packed(&[]);
    assert!(out.contains("8 files") && out.contains("losses/own.rhai") && out.contains("start.json"), "{out}");
    assert!(!out.contains("other") && !out.contains("unused"), "{out}");
    let expected = metrics(&folder.path().join("m.rhai"));
    let trace = |lesson: &Path| succeeds(&[&"trace", &lesson, &"--format", &"jsonl"]);
    let expected_trace = trace(&folder.path().join("m.rhai"));
    // The same pack again.
    let again = other.path().join("again.slowgrad");
    succeeds(&[&"pack", &folder.path().join("m.rhai"), &"-o", &again]);
    let pack = other.path().join("m.slowgrad");
    assert_eq!(fs::read(&again).expect("a pack"), fs::read(&pack).expect("a pack"));
    drop(folder);

    assert_eq!(metrics(&pack), expected);
    assert_eq!(trace(&pack), expected_trace);
    assert!(succeeds(&[&"check", &pack]).contains("m.slowgrad: ok"));
    // A pack of the pack, and the unpacked folder.
    let copy = other.path().join("copy.slowgrad");
    succeeds(&[&"pack", &pack, &"-o", &copy]);
    assert_eq!(metrics(&copy), expected);
    let out = succeeds(&[&"unpack", &pack, &"-o", &other.path().join("new/folder")]);
    assert!(out.contains("wrote 8 files") && out.contains("new/folder/m.rhai"), "{out}");
    assert_eq!(metrics(&other.path().join("new/folder/m.rhai")), expected);
    assert_eq!(fs::read_to_string(other.path().join("new/folder/losses/own.rhai")).expect("a script"), FILES[1].1);
}

#[test]
fn a_pack_sees_nothing_but_itself_and_the_built_in_library() {
    let (_folder, other, _) = packed(&[]);
    let pack = other.path().join("m.slowgrad");
    // A user's script of the same name has no effect, and other scripts of the user are not found.
    let user = other.path().join("user");
    fs::create_dir_all(user.join("losses")).expect("a folder");
    fs::create_dir_all(other.path().join("losses")).expect("a folder");
    for folder in [&user, other.path()] {
        fs::write(folder.join("losses/own.rhai"), "fn loss(output, target) { output[0] * 0.0 }").expect("a script");
        fs::write(folder.join("losses/mine.rhai"), "fn loss(output, target) { output[0] }").expect("a script");
    }
    let expected = metrics(&pack);
    let with_user = |arguments: &[&dyn AsRef<OsStr>]| run(slowgrad().env("SLOWGRAD_SCRIPTS", &user).args(arguments));
    let (code, out, _) = with_user(&[&"train", &pack, &"--steps", &"5", &"--metrics", &"-"]);
    assert_eq!((code, out), (0, expected));
    let (code, _, problems) = with_user(&[&"train", &pack, &"--steps", &"1", &"--set", &"loss=mine"]);
    assert!(code == 2 && problems.contains("there is no loss named «mine»"), "{problems}");
    let (code, ..) = with_user(&[&"train", &pack, &"--steps", &"1", &"--set", &"loss=huber"]);
    assert_eq!(code, 0, "the built-in library is there");
}

#[test]
fn further_scripts_are_packed_on_request() {
    let (_folder, other, out) = packed(&["--with", "optimizers/other.rhai"]);
    assert!(out.contains("9 files") && out.contains("optimizers/other.rhai"), "{out}");
    succeeds(&[&"train", &other.path().join("m.slowgrad"), &"--steps", &"1", &"--set", &"optimizer=other"]);
    let problems =
        fails(2, &[&"pack", &"welcome", &"-o", &other.path().join("x.slowgrad"), &"--with", &"losses/no.rhai"]);
    assert!(problems.contains("there is no script losses/no.rhai"), "{problems}");
}

#[test]
fn nothing_is_overwritten_and_bad_input_is_told() {
    let (folder, other, _) = packed(&[]);
    let (pack, source) = (other.path().join("m.slowgrad"), folder.path().join("m.rhai"));
    let before = fs::read(&pack).expect("a pack");

    let problems = fails(2, &[&"pack", &pack, &"-o", &pack]);
    assert!(problems.contains("the command reads this file"), "{problems}");
    let problems = fails(2, &[&"pack", &source, &"-o", &other.path().join("m.zip")]);
    assert!(problems.contains("must end in .slowgrad"), "{problems}");
    fs::write(folder.path().join("losses/own.rhai"), "fn loss(output, target) { nothing }").expect("a script");
    let problems = fails(1, &[&"pack", &source, &"-o", &pack]);
    assert!(problems.contains("losses/own.rhai:1:"), "{problems}");
    assert_eq!(fs::read(&pack).expect("a pack"), before, "a broken lesson does not replace a good pack");

    let full = other.path().join("full");
    fs::create_dir(&full).expect("a folder");
    fs::write(full.join("m.rhai"), "mine").expect("a file");
    let problems = fails(1, &[&"unpack", &pack, &"-o", &full]);
    assert!(problems.contains("is not empty; choose another"), "{problems}");
    let problems = fails(1, &[&"unpack", &pack, &"-o", &full.join("m.rhai")]);
    assert!(problems.contains("is not a folder"), "{problems}");
    assert_eq!(fs::read_to_string(full.join("m.rhai")).expect("a file"), "mine");
    assert!(fails(2, &[&"unpack", &source]).contains("is not the name of a pack"));

    fs::write(&pack, &before[..before.len() / 2]).expect("a file");
    for command in ["trace", "check", "unpack"] {
        let problems = fails(1, &[&command, &pack]);
        assert!(problems.contains("m.slowgrad is not a usable pack: the zip file is damaged"), "{command}: {problems}");
    }
    assert!(fails(1, &[&"trace", &other.path().join("no.slowgrad")]).contains("cannot read"));
}
