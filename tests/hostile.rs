//! Hostile scripts and files on the command line: each leads to a clear message and the usual exit code, and does no
//! harm.

mod common;

use common::{run, slowgrad};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("create the folder");
        fs::write(path, bytes).expect("write the file");
    }
    folder
}

/// Runs `slowgrad check` on a file that must fail, and returns standard error.
fn check_fails(folder: &Path, file: &str) -> String {
    let (code, _, problems) = run(slowgrad().arg("check").arg(folder.join(file)));
    assert_eq!(code, 1, "{problems}");
    assert!(!problems.contains("panicked"), "{problems}");
    problems
}

fn lesson(fields: &str) -> String {
    format!("fn lesson() {{\n    #{{ title: \"t\", layers: [2, 1], {fields} }}\n}}\n")
}

#[test]
fn an_endless_script_is_stopped_and_its_location_reported() {
    let folder = folder(&[("t.rhai", b"fn activation(z) {\n    loop {}\n}\n")]);
    let problems = check_fails(folder.path(), "t.rhai");
    assert!(problems.contains("the script was stopped after") && problems.contains("t.rhai:2:5"), "{problems}");
}

#[test]
fn unusable_files_are_reported_with_the_reason() {
    let csv = lesson("data: csv(\"big.csv\", #{ inputs: [\"a\", \"b\"], target: \"c\" })");
    let folder = folder(&[
        ("big.rhai", b""),
        ("big.csv", b""),
        ("table.rhai", csv.as_bytes()),
        ("import.rhai", b"import \"big\" as big;\nfn activation(z) { z }\n"),
        ("linked.rhai", b"import \"out\" as out;\nfn activation(z) { z }\n"),
        ("latin.rhai", b"// caf\xe9\nfn activation(z) { z }\n"),
        ("uses_latin.rhai", b"import \"latin\" as latin;\nfn activation(z) { z }\n"),
        ("odd näme ☃.rhai", b"fn activation(z) { oops }\n"),
    ]);
    // Sparse files take no disk space.
    for name in ["big.rhai", "big.csv"] {
        let file = fs::File::options().write(true).open(folder.path().join(name)).expect("open the file");
        file.set_len(300 << 20).expect("resize the file");
    }
    let reports = |file: &str, part: &str| {
        let problems = check_fails(folder.path(), file);
        assert!(problems.contains(part), "{file}: {problems}");
    };
    reports("big.rhai", "314572800 bytes");
    reports("table.rhai", "314572800 bytes");
    reports("import.rhai", "314572800 bytes");
    reports("latin.rhai", "not valid UTF-8");
    reports("uses_latin.rhai", "not valid UTF-8");
    reports("odd näme ☃.rhai", "`oops`");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("out.rhai")).expect("create the link");
        reports("linked.rhai", "points outside the folder");
    }
}

/// Only regular files are opened, so that nothing blocks on a pipe without a writer.
#[test]
fn paths_that_are_no_files_are_reported() {
    let folder = folder(&[("folder.rhai/inner.csv", b"")]);
    let reports = |command: &str, file: &str, part: &str| {
        let (code, _, problems) = run(slowgrad().arg(command).arg(folder.path().join(file)));
        assert_eq!(code, 1, "{problems}");
        assert!(problems.contains(part) && !problems.contains("available lessons"), "{problems}");
    };
    reports("check", "missing.rhai", "missing.rhai does not exist");
    reports("trace", "missing.rhai", "missing.rhai does not exist");
    reports("trace", "folder.rhai", "folder.rhai is not a file");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.rhai")).expect("create the link");
        std::os::unix::fs::symlink("nothing", folder.path().join("stale.rhai")).expect("create the link");
        reports("check", "zero.rhai", "zero.rhai is not a file");
        reports("check", "stale.rhai", "stale.rhai is a broken link");
    }
}

#[test]
fn limits_are_raised_on_the_command_line_only() {
    let script = b"fn activation(z) {\n    let y = 0;\n    for i in 0..30000 { y += 1; }\n    z * y\n}\n";
    let long = folder(&[("t.rhai", script)]);
    let check = |limits: &[&str]| run(slowgrad().arg("check").arg(long.path().join("t.rhai")).args(limits));
    assert_eq!(check(&["--limits", "seconds=20"]).0, 0);
    let (code, _, problems) = check(&["--limits", "operations=1000,seconds=20"]);
    assert!(code == 1 && problems.contains("after 1000 operations"), "{problems}");
    for (wrong, message) in [
        ("operation=5", "did you mean `operations`?"),
        ("operations", "NAME=NUMBER"),
        ("tape=x", "not a number"),
        ("tape=0", "whole number from 1"),
        ("seconds=1e9", "at most 60"),
    ] {
        let (code, _, problems) = check(&["--limits", wrong]);
        assert!(code == 2 && problems.contains(message), "{wrong}: {problems}");
    }
}

#[test]
fn an_optimizer_that_fails_late_leaves_complete_metrics() {
    let optimizer = b"fn state() { #{ n: 0.0 } }\nfn update(w, grad, state, ctx) {\n    state.n += 1.0;\n    if state.n > 999.5 { throw \"no more\"; }\n    w - ctx.lr * grad\n}\n";
    let text = lesson("data: \"xor\", optimizer: \"late\"");
    let folder = folder(&[("t.rhai", text.as_bytes()), ("optimizers/late.rhai", optimizer)]);
    let metrics = folder.path().join("m.jsonl");
    let train = |steps: &str| {
        let mut command = slowgrad();
        command.arg("train").arg(folder.path().join("t.rhai")).args(["--steps", steps, "--metrics"]).arg(&metrics);
        run(&mut command)
    };
    assert_eq!(train("999").0, 0);
    let (code, _, problems) = train("2000");
    assert_eq!(code, 1);
    assert!(problems.contains("no more") && problems.contains("late.rhai:4"), "{problems}");
    assert_eq!(fs::read_to_string(&metrics).expect("metrics").lines().count(), 999);
}

/// Files change constantly, also while they are read: the program always ends with one of its exit codes.
#[test]
fn files_that_are_incomplete_or_deleted_do_no_harm() {
    let text = lesson("data: \"xor\", activation: \"own\", output: \"own\"");
    let folder = folder(&[("t.rhai", text.as_bytes())]);
    let own = folder.path().join("activations/own.rhai");
    fs::create_dir(folder.path().join("activations")).expect("create the folder");
    let script = b"fn activation(z) {\n    tanh(z) * 2.0\n}\n";
    let file = folder.path().join("t.rhai");
    let stop = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                let _ = fs::write(&own, &script[..n % script.len()]);
                let _ = fs::write(&own, script);
                let _ = fs::remove_file(&own);
                n += 1;
            }
        });
        let codes: Vec<i32> = (0..10)
            .map(|_| {
                let (code, _, problems) = run(slowgrad().arg("check").arg(&file));
                assert!(!problems.contains("panicked"), "{problems}");
                code
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        assert!(codes.iter().all(|code| [0, 1].contains(code)), "{codes:?}");
    });
}
