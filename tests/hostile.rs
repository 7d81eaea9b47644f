//! Hostile scripts and files through the real program: one clear word each, the usual exit code, and no harm.

mod common;

use common::{run, slowgrad};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        fs::write(path, bytes).expect("the file is written");
    }
    folder
}

/// Checks a file of a folder and answers what is said, which must be what is wrong with scripts.
fn refused(folder: &Path, file: &str) -> String {
    let (code, _, problems) = run(slowgrad().arg("check").arg(folder.join(file)));
    assert_eq!(code, 1, "{problems}");
    assert!(!problems.contains("panicked"), "{problems}");
    problems
}

fn lesson(fields: &str) -> String {
    format!("fn lesson() {{\n    #{{ title: \"t\", layers: [2, 1], {fields} }}\n}}\n")
}

#[test]
fn a_script_that_runs_away_is_stopped_with_its_place() {
    let folder = folder(&[("t.rhai", b"fn activation(z) {\n    loop {}\n}\n")]);
    let problems = refused(folder.path(), "t.rhai");
    assert!(problems.contains("the script was stopped after") && problems.contains("t.rhai:2:5"), "{problems}");
}

#[test]
fn files_that_are_there_but_cannot_be_used_say_why() {
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
    // A hole takes no room on the disk.
    for name in ["big.rhai", "big.csv"] {
        let file = fs::File::options().write(true).open(folder.path().join(name)).expect("the file");
        file.set_len(100 << 20).expect("a large file");
    }
    let told = |file: &str, word: &str| {
        let problems = refused(folder.path(), file);
        assert!(problems.contains(word), "{file}: {problems}");
    };
    told("big.rhai", "104857600 bytes");
    told("table.rhai", "104857600 bytes");
    told("import.rhai", "104857600 bytes");
    told("latin.rhai", "not a text in UTF-8");
    told("uses_latin.rhai", "not a text in UTF-8");
    told("odd näme ☃.rhai", "`oops`");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("out.rhai")).expect("a link");
        told("linked.rhai", "points outside the folder");
    }
}

/// What is no file is not opened, so that nothing waits for a pipe that nobody writes to.
#[test]
fn a_path_that_leads_to_no_file_says_what_is_there() {
    let folder = folder(&[("folder.rhai/inner.csv", b"")]);
    let told = |command: &str, file: &str, word: &str| {
        let (code, _, problems) = run(slowgrad().arg(command).arg(folder.path().join(file)));
        assert_eq!(code, 1, "{problems}");
        assert!(problems.contains(word) && !problems.contains("available lessons"), "{problems}");
    };
    told("check", "missing.rhai", "missing.rhai does not exist");
    told("trace", "missing.rhai", "missing.rhai does not exist");
    told("trace", "folder.rhai", "folder.rhai is not a file");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.rhai")).expect("a link");
        std::os::unix::fs::symlink("nothing", folder.path().join("stale.rhai")).expect("a link");
        told("check", "zero.rhai", "zero.rhai is not a file");
        told("check", "stale.rhai", "stale.rhai is a broken link");
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
    for (wrong, said) in [
        ("operation=5", "did you mean `operations`?"),
        ("operations", "NAME=NUMBER"),
        ("tape=x", "not a number"),
        ("tape=0", "whole number from 1"),
        ("seconds=1e9", "60 at most"),
    ] {
        let (code, _, problems) = check(&["--limits", wrong]);
        assert!(code == 2 && problems.contains(said), "{wrong}: {problems}");
    }
}

#[test]
fn an_optimizer_that_fails_late_leaves_what_was_measured_before() {
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

/// Files that change all the time, also while they are read: whatever is met, the program ends in its usual way.
#[test]
fn files_that_are_half_written_or_gone_do_no_harm() {
    let text = lesson("data: \"xor\", activation: \"own\", output: \"own\"");
    let folder = folder(&[("t.rhai", text.as_bytes())]);
    let own = folder.path().join("activations/own.rhai");
    fs::create_dir(folder.path().join("activations")).expect("a folder");
    let script = b"fn activation(z) {\n    tanh(z) * 2.0\n}\n";
    let file = folder.path().join("t.rhai");
    let ended = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut n = 0;
            while !ended.load(Ordering::Relaxed) {
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
        ended.store(true, Ordering::Relaxed);
        assert!(codes.iter().all(|code| [0, 1].contains(code)), "{codes:?}");
    });
}
