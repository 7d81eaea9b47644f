//! Finds fonts of the system for letters that the built-in fonts lack.
//!
//! The fonts are listed on the first search, so that a program that needs none starts without it. Searching takes up to
//! some hundred milliseconds; the window does it on another thread. This module must not know what is written.

use fontdb::{Database, FaceInfo, ID, Source, Stretch, Style};
use slowgrad_render::fallback_fonts::{FallbackFont, FoundFonts, Script};
use std::cmp::Reverse;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Overrides the system's fonts by those of a folder.
const FOLDER_VARIABLE: &str = "SLOWGRAD_FONTS";

/// Fonts whose letters are placeholders.
const PLACEHOLDER_FONTS: [&str; 3] = ["last resort", "lastresort", "adobe blank"];

/// The fonts of the system. A clone shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct SystemFonts(Arc<OnceLock<Database>>);

impl SystemFonts {
    /// Finds fonts that have these letters, one script after the other, the fewest fonts first.
    pub(crate) fn find(&self, letters: &str) -> FoundFonts {
        let database = self.0.get_or_init(|| {
            let mut database = Database::new();
            match std::env::var_os(FOLDER_VARIABLE) {
                Some(folder) => database.load_fonts_dir(PathBuf::from(folder)),
                None => database.load_system_fonts(),
            }
            database
        });
        let mut found = FoundFonts::default();
        let mut left: Vec<char> = letters.chars().collect();
        left.sort_by_key(|letter| (Script::of(*letter), *letter));
        for group in left.chunk_by(|a, b| Script::of(*a) == Script::of(*b)) {
            find_for_script(database, group, &mut found);
        }
        found
    }
}

/// Finds fonts for letters of one script.
fn find_for_script(database: &Database, letters: &[char], found: &mut FoundFonts) {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| std::env::var(name).ok());
    let region = region(letters, &locale.unwrap_or_default());
    let mut left = letters.to_vec();
    while !left.is_empty() {
        // The letters that each face has are compared before its style.
        let best = database
            .faces()
            .filter(|face| !is_placeholder(face))
            .filter_map(|face| {
                let count = letters_of(database, face.id, &left).len();
                (count > 0).then(|| (Reverse(count), style_rank(face, Script::of(left[0]), region), face.id))
            })
            .min_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let Some((.., id)) = best else { break };
        let has = letters_of(database, id, &left);
        left.retain(|letter| !has.contains(letter));
        // A file that has been removed since has no letters.
        if let Some(font) = read(database, id) {
            found.fonts.push(font);
        } else {
            found.missing.extend(has);
        }
    }
    found.missing.extend(left);
}

/// Those of `letters` that a face has.
fn letters_of(database: &Database, id: ID, letters: &[char]) -> Vec<char> {
    let in_face = |data: &[u8], index| {
        let Ok(face) = ttf_parser::Face::parse(data, index) else { return Vec::new() };
        letters.iter().copied().filter(|letter| face.glyph_index(*letter).is_some_and(|glyph| glyph.0 != 0)).collect()
    };
    database.with_face_data(id, in_face).unwrap_or_default()
}

fn read(database: &Database, id: ID) -> Option<FallbackFont> {
    let face = database.face(id)?;
    let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = match &face.source {
        Source::File(path) => Arc::new(std::fs::read(path).ok()?),
        Source::Binary(bytes) => Arc::clone(bytes),
        Source::SharedFile(_, bytes) => Arc::clone(bytes),
    };
    Some(FallbackFont { name: format!("{} {}", face.post_script_name, face.index), bytes, index: face.index })
}

fn name(face: &FaceInfo) -> String {
    face.families.first().map(|(name, _)| name.to_lowercase()).unwrap_or_default()
}

fn is_placeholder(face: &FaceInfo) -> bool {
    let name = name(face);
    PLACEHOLDER_FONTS.iter().any(|placeholder| name.contains(placeholder))
}

/// The region whose form of Han letters is wanted, as Noto names it: that of the other letters, or of the locale.
fn region(letters: &[char], locale: &str) -> &'static str {
    let has = |first: char, last: char| letters.iter().any(|letter| (first..=last).contains(letter));
    match locale {
        _ if has('\u{3040}', '\u{30FF}') => "jp",
        _ if has('\u{AC00}', '\u{D7AF}') => "kr",
        locale if locale.starts_with("ja") => "jp",
        locale if locale.starts_with("ko") => "kr",
        locale if locale.starts_with("zh_HK") => "hk",
        locale if locale.starts_with("zh_TW") => "tc",
        _ => "sc",
    }
}

/// The order of faces that have the same letters: the most suitable one is the smallest.
fn style_rank(face: &FaceInfo, script: Script, region: &str) -> (u32, u32, u32, u32, String, u32) {
    let name = name(face);
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let is_regional = name.ends_with(region) || name.contains(&format!(" {region} "));
    let wrong_region = script == Script::EastAsian && !is_regional;
    let style = u32::from(face.style != Style::Normal) + u32::from(face.stretch != Stretch::Normal);
    (
        u32::from(has(&["emoji"]) != (script == Script::Emoji)),
        style + u32::from(face.monospaced || has(&["mono", "unifont", "bitmap"])),
        u32::from(face.weight.0.abs_diff(400)) / 100 + u32::from(has(&["serif", "ming", "song", "nastaliq", "naskh"])),
        2 * u32::from(!name.starts_with("noto sans")) + u32::from(wrong_region),
        name,
        face.index,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fonts(names: &[&str]) -> Database {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fonts");
        let mut database = Database::new();
        for name in names {
            database.load_font_file(folder.join(name)).expect("a font");
        }
        database
    }

    fn find(database: Database, letters: &str) -> (Vec<String>, String) {
        let fonts = SystemFonts::default();
        fonts.0.set(database).expect("it is empty");
        let found = fonts.find(letters);
        (found.fonts.iter().map(|font| font.name.clone()).collect(), found.missing)
    }

    #[test]
    fn each_script_gets_the_font_that_has_it() {
        let database = fonts(&["NotoSansHebrew.ttf", "NotoSansArabic.ttf"]);
        let (names, missing) = find(database, "שבلأ");
        assert_eq!(names, ["NotoSansArabic-Regular 0", "NotoSansHebrew-Regular 0"]);
        assert_eq!(missing, "");
    }

    #[test]
    fn letters_without_a_font_are_missing() {
        let (names, missing) = find(fonts(&["NotoSansHebrew.ttf"]), "ש学習");
        assert_eq!((names.len(), missing.as_str()), (1, "学習"));
        assert_eq!(find(Database::new(), "ש").1, "ש");
    }

    #[test]
    fn regular_faces_of_the_script_come_first() {
        let face = |family: &str, style, weight| FaceInfo {
            id: ID::dummy(),
            source: Source::Binary(Arc::new([])),
            index: 0,
            families: vec![(family.into(), fontdb::Language::English_UnitedStates)],
            post_script_name: String::new(),
            style,
            weight: fontdb::Weight(weight),
            stretch: Stretch::Normal,
            monospaced: false,
        };
        let mut faces = [
            face("Noto Color Emoji", Style::Normal, 400),
            face("DejaVu Sans", Style::Normal, 400),
            face("Noto Sans CJK JP", Style::Normal, 700),
            face("Noto Sans CJK JP", Style::Italic, 400),
            face("Noto Sans CJK JP", Style::Normal, 400),
            face("Noto Sans CJK SC", Style::Normal, 400),
            face("Noto Sans Mono CJK SC", Style::Normal, 400),
        ];
        let mut first = |script, region| {
            faces.sort_by_key(|face| style_rank(face, script, region));
            (name(&faces[0]), faces[0].style, faces[0].weight.0)
        };
        assert_eq!(first(Script::EastAsian, "sc"), ("noto sans cjk sc".into(), Style::Normal, 400));
        assert_eq!(first(Script::EastAsian, "jp"), ("noto sans cjk jp".into(), Style::Normal, 400));
        assert_eq!(first(Script::Emoji, "sc").0, "noto color emoji");
    }

    #[test]
    fn han_letters_have_the_form_of_the_text_or_the_locale() {
        let han: Vec<char> = "学習".chars().collect();
        assert_eq!(region(&han, "de_DE.UTF-8"), "sc");
        assert_eq!(region(&han, "zh_TW.UTF-8"), "tc");
        assert_eq!(region(&[&han[..], &['す']].concat(), "zh_TW.UTF-8"), "jp");
        assert_eq!(region(&['학'], ""), "kr");
    }
}
