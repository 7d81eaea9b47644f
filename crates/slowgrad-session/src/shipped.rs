//! The scripts that are compiled into the program: lessons and plugins, and the teaching order of the lessons.

use include_dir::{Dir, include_dir};
use slowgrad_script::{CatalogueItem, Files, Root};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scripts");

/// The name of the root of the built-in library.
pub const ROOT: &str = "slowgrad";

/// The lesson that opens by default.
pub const WELCOME: &str = "welcome";

/// The shipped lessons in teaching order. Lessons that are missing here come last.
const TEACHING_ORDER: [&str; 12] = [
    WELCOME,
    "which-weights-change",
    "how-much-does-each-weight-change",
    "why-not-zeros",
    "one-step-by-hand",
    "sgd-and-momentum",
    "custom-loss",
    "playground",
    "iris",
    "penguins",
    "digits",
    "large",
];

/// The root of the shipped library.
pub fn shipped() -> Root {
    let mut files = Files::new();
    add_files(&SHIPPED, &mut files);
    Root { name: ROOT.into(), files }
}

/// The contents of a file of the shipped library.
pub fn file(path: &str) -> Option<&'static [u8]> {
    SHIPPED.get_file(path).map(include_dir::File::contents)
}

/// Adds all files of an embedded folder.
pub fn add_files(dir: &Dir<'_>, files: &mut Files) {
    for file in dir.files() {
        files.insert(file.path().to_string_lossy().replace('\\', "/"), file.contents());
    }
    for dir in dir.dirs() {
        add_files(dir, files);
    }
}

/// The sort key of a lesson by its name: teaching order, then name.
pub fn teaching_position(name: &str) -> (usize, String) {
    let at = TEACHING_ORDER.iter().position(|known| *known == name);
    (at.unwrap_or(TEACHING_ORDER.len()), name.to_owned())
}

/// Sorts lessons for menus: by root, the one with the highest priority first; shipped lessons in teaching order, others
/// by title.
pub fn order_lessons(lessons: &mut [CatalogueItem]) {
    lessons.sort_by_key(|entry| {
        let shipped = if entry.root == 0 { teaching_position(&entry.info.name).0 } else { 0 };
        (std::cmp::Reverse(entry.root), shipped, entry.title.to_lowercase())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_lesson_is_in_the_teaching_order() {
        let root = shipped();
        let lessons: Vec<&str> =
            root.files.paths().filter_map(|path| path.strip_prefix("lessons/")?.strip_suffix(".rhai")).collect();
        let mut taught = TEACHING_ORDER.to_vec();
        taught.sort_unstable();
        assert_eq!(lessons, taught);
    }
}
