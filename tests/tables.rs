//! Tables on the command line: what `check` prints of them, what `train` tells, and how mistakes in a table are reported.
#![allow(clippy::format_collect, clippy::format_push_string, reason = "a test")]

mod common;

use common::{run, slowgrad};
use std::fs;
use std::io::Write as _;
use std::path::Path;

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (path, bytes) in files {
        fs::write(folder.path().join(path), bytes).expect("write the file");
    }
    folder
}

fn lesson(layers: &str, more: &str) -> String {
    format!("fn lesson() {{\n    #{{ title: \"t\", layers: {layers}, seed: 30,\n       {more} }}\n}}\n")
}

fn check(folder: &Path, limits: &[&str]) -> (i32, String, String) {
    run(slowgrad().current_dir(folder).args(["check", "t.rhai"]).args(limits))
}

/// A table with words, gaps and a decimal comma.
const PEOPLE: &str = "sex;height;age;answer\nm;1,80;30;yes\nf;1,70;25;no\nm;?;40;no\nf;1,65;35;yes\nm;1,75;;yes\n";

#[test]
fn check_prints_what_was_read_and_train_tells_what_was_changed() {
    let options = "output: \"softmax\", loss: \"categorical_cross_entropy\", data: csv(\"people.csv\", #{ target: \"answer\", missing: \"drop\", scale: \"minmax\" })";
    let folder = folder(&[("t.rhai", lesson("[4, 2]", options).as_bytes()), ("people.csv", PEOPLE.as_bytes())]);
    let (code, out, problems) = check(folder.path(), &[]);
    assert_eq!((code, problems.as_str()), (0, ""), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines,
        [
            "t.rhai: ok",
            "  people.csv: 5 rows, 4 columns, named in the first row, a text with semicolons and decimal commas",
            "  4 inputs: sex (2 words), height, age",
            "  2 targets: answer (2 classes)",
            "  2 classes: yes 2, no 1",
            "  2 of 5 rows dropped for a missing or unreadable value, first line 4, column «height», «?»",
            "  sex is 2 inputs, one for each word: m, f",
            "  2 inputs scaled to 0 to 1, computed on the 3 rows for training",
            "  (height − 1.65) / 0.15, (age − 25) / 10",
            "  3 samples for training, 0 for testing",
        ]
    );
    let (code, _, told) = run(slowgrad().current_dir(folder.path()).args(["train", "t.rhai", "--steps", "1"]));
    assert_eq!(code, 0, "{told}");
    assert_eq!(
        told,
        "note: people.csv: 2 of 5 rows dropped for a missing or unreadable value, first line 4, column «height», «?»; \
         sex is 2 inputs, one for each word: m, f; 2 inputs scaled to 0 to 1, computed on the 3 rows for training\n"
    );
}

#[test]
fn a_rare_class_is_in_both_parts_and_a_lost_one_is_told() {
    let options = "output: \"softmax\", loss: \"categorical_cross_entropy\", test_fraction: 0.3,
       data: csv(\"t.csv\", #{ target: \"k\", missing: \"drop\" })";
    let table = |last: &str| format!("x,k\n{}9,b\n{last},b\n", (1..9).map(|i| format!("{i},a\n")).collect::<String>());
    let folder = folder(&[("t.rhai", lesson("[1, 2]", options).as_bytes()), ("t.csv", table("10").as_bytes())]);
    let (code, out, problems) = check(folder.path(), &[]);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert!(
        out.contains("2 classes: a 8, b 2")
            && out.contains("7 samples for training, 3 for testing, each class in its share"),
        "{out}"
    );
    fs::write(folder.path().join("t.csv"), table("NA")).expect("write the file");
    let (code, out, problems) = check(folder.path(), &[]);
    assert!(code == 0 && out.contains("ok (1 warning)"), "{out}");
    assert!(
        problems.contains("class `b` has no sample in the test data") && problems.contains("[class-missing]"),
        "{problems}"
    );
    fs::write(folder.path().join("t.csv"), table("NA").replace("9,b", "NA,b")).expect("write the file");
    let (_, _, problems) = check(folder.path(), &[]);
    assert!(problems.contains("class `b` has no sample in the training data"), "{problems}");
}

#[test]
fn a_mistake_in_a_table_names_the_file_the_line_and_the_cell() {
    let data = "data: csv(\"t.csv\", #{ inputs: [\"x\"], target: \"y\" })";
    let folder = folder(&[("t.rhai", lesson("[1, 1]", data).as_bytes())]);
    for (table, parts) in [
        (&b"x,y\n0.1,1\n0.2,?\n"[..], &["`t.csv`: line 3, column «y»: the value is missing («?»)", "t.rhai:3:"][..]),
        (b"x,y\n1,yes\n2,no\n", &["`t.csv`: column «y» needs one output for each word: yes, no"]),
        (b"x,y\n1,caf\xe9\n", &["[not-text]", "line 2: the text is not UTF-8", "save it as UTF-8"]),
        (b"x,z\n1,2\n", &["there is no column «y»; the columns are x, z"]),
    ] {
        fs::write(folder.path().join("t.csv"), table).expect("write the file");
        let (code, _, problems) = check(folder.path(), &[]);
        assert_eq!(code, 1);
        for part in parts {
            assert!(problems.contains(part), "{part} is missing from\n{problems}");
        }
        for word in ["layers", "sample 1", "panicked"] {
            assert!(!problems.contains(&format!("error: {word}")) && !problems.contains("sample 1 has"), "{problems}");
        }
    }
}

#[test]
fn the_limit_of_a_table_has_a_name() {
    let data = "data: csv(\"t.csv\", #{ inputs: [\"x\"], target: \"y\" })";
    let folder = folder(&[("t.rhai", lesson("[1, 1]", data).as_bytes()), ("t.csv", b"x,y\n1,2\n2,3\n")]);
    let (code, _, problems) = check(folder.path(), &["--limits", "table=8"]);
    assert!(code == 1 && problems.contains("the file has 12 bytes; the limit is 8"), "{problems}");
    assert!(problems.contains("`--limits table=16` raises this limit"), "{problems}");
    assert_eq!(check(folder.path(), &["--limits", "table=16"]).0, 0);
}

/// The large table of the limits: it is read in parts, so a small one with the same number of columns shows that it works.
#[test]
fn a_wide_table_is_read_without_naming_its_columns() {
    let data = "output: \"softmax\", loss: \"categorical_cross_entropy\", test_fraction: 0.2,
       data: csv(\"t.csv\", #{ target: 0, scale: \"minmax\" })";
    let folder = folder(&[("t.rhai", lesson("[784, 10]", data).as_bytes())]);
    let mut file = fs::File::create(folder.path().join("t.csv")).expect("a file");
    for row in 0..200 {
        let pixels: Vec<String> = (0..784).map(|at| ((row * 31 + at * 7) % 256).to_string()).collect();
        writeln!(file, "{},{}", row % 10, pixels.join(",")).expect("written");
    }
    let (code, out, problems) = check(folder.path(), &[]);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert!(out.contains("t.csv: 200 rows, 785 columns, without names"), "{out}");
    assert!(out.contains("784 inputs: column 1, column 2,") && out.contains("and 772 more"), "{out}");
    assert!(out.contains("160 samples for training, 40 for testing, each class in its share"), "{out}");
}
