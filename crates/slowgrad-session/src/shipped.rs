//! The scripts inside the program: lessons and plugins, and the order in which lessons are taught.

use include_dir::{Dir, include_dir};
use slowgrad_script::{CatalogueItem, Files, Root};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scripts");

/// The lesson that opens when none is named.
pub const WELCOME: &str = "welcome";

/// The shipped lessons in the order in which they are best watched; a lesson that is not named here comes last.
const TEACHING_ORDER: [&str; 9] = [
    WELCOME,
    "which-weights-change",
    "how-much-does-each-weight-change",
    "why-not-zeros",
    "sgd-and-momentum",
    "custom-loss",
    "playground",
    "iris",
    "large",
];

/// The library that every installation has.
pub fn shipped() -> Root {
    let mut files = Files::new();
    collect(&SHIPPED, &mut files);
    Root { name: "slowgrad".into(), files }
}

/// Adds all files of a folder in the binary.
pub fn collect(dir: &Dir<'_>, files: &mut Files) {
    for file in dir.files() {
        files.insert(file.path().to_string_lossy().replace('\\', "/"), file.contents());
    }
    for dir in dir.dirs() {
        collect(dir, files);
    }
}

/// Where a lesson's name stands in the teaching order.
pub fn taught(name: &str) -> (usize, String) {
    let at = TEACHING_ORDER.iter().position(|known| *known == name);
    (at.unwrap_or(TEACHING_ORDER.len()), name.to_owned())
}

/// Orders lessons as menus show them: those of the strongest root first, the shipped ones as they are best watched.
pub fn order_lessons(lessons: &mut [CatalogueItem]) {
    lessons.sort_by_key(|entry| {
        let shipped = if entry.root == 0 { taught(&entry.info.name).0 } else { 0 };
        (std::cmp::Reverse(entry.root), shipped, entry.title.to_lowercase())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_lesson_has_its_place_in_the_teaching_order() {
        let root = shipped();
        let lessons: Vec<&str> =
            root.files.paths().filter_map(|path| path.strip_prefix("lessons/")?.strip_suffix(".rhai")).collect();
        let mut taught = TEACHING_ORDER.to_vec();
        taught.sort_unstable();
        assert_eq!(lessons, taught);
    }
}
