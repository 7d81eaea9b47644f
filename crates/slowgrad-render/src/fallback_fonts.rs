//! Fonts for the letters that the built-in fonts lack.
//!
//! egui asks for them while it lays out text. Finding a font can take long, so the answer is always no: the letter is
//! noted, the program takes the noted letters after the frame, looks for fonts, and adds them for the following frames.
//! This module must not know where the fonts come from.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use egui::epaint::text::{FallbackRequest, FontInsert, FontPriority, FontProvider, InsertFontFamily};
use egui::{Context, FontData, FontFamily, Id};

/// A face of a font file.
#[derive(Clone)]
pub struct FallbackFont {
    /// The name, unique for each face.
    pub name: String,
    /// The contents of the file, in TrueType or OpenType format.
    pub bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    /// The index of the face within the file.
    pub index: u32,
}

/// The result of a search for fonts.
#[derive(Clone, Default)]
pub struct FoundFonts {
    /// The fonts, by decreasing priority.
    pub fonts: Vec<FallbackFont>,
    /// The letters that no font has.
    pub missing: String,
}

impl std::fmt::Debug for FoundFonts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.fonts.iter().map(|font| font.name.as_str()).collect();
        formatter.debug_struct("FoundFonts").field("fonts", &names).field("missing", &self.missing).finish()
    }
}

/// A group of letters that one font usually has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Script {
    /// Han, kana, hangul and their punctuation.
    EastAsian,
    /// Arabic.
    Arabic,
    /// Hebrew.
    Hebrew,
    /// Devanagari, as of Hindi.
    Devanagari,
    /// Thai.
    Thai,
    /// Pictures that are coloured in most fonts.
    Emoji,
    /// Latin, Greek, Cyrillic with rare accents.
    European,
    /// All other letters and symbols.
    Other,
}

impl Script {
    /// The script of a letter.
    pub fn of(letter: char) -> Self {
        match u32::from(letter) {
            0x00C0..=0x052F | 0x1AB0..=0x1AFF | 0x1D00..=0x1FFF => Self::European,
            0x0590..=0x05FF | 0xFB1D..=0xFB4F => Self::Hebrew,
            0x0600..=0x06FF | 0x0750..=0x077F | 0x0870..=0x08FF | 0xFB50..=0xFDFF | 0xFE70..=0xFEFC => Self::Arabic,
            0x0900..=0x097F | 0xA8E0..=0xA8FF => Self::Devanagari,
            0x0E00..=0x0E7F => Self::Thai,
            0x1100..=0x11FF
            | 0x2E80..=0x9FFF
            | 0xA960..=0xA97F
            | 0xAC00..=0xD7FF
            | 0xF900..=0xFAFF
            | 0xFE30..=0xFE4F
            | 0xFF00..=0xFFEF
            | 0x1B000..=0x1B16F
            | 0x20000..=0x3FFFF => Self::EastAsian,
            0x2600..=0x27BF | 0x2B05..=0x2B55 | 0x1F000..=0x1FAFF => Self::Emoji,
            _ => Self::Other,
        }
    }

    /// The name in messages, a font that has the script, and the Debian package of that font.
    fn help(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::EastAsian => ("Chinese, Japanese or Korean", "Noto Sans CJK", "fonts-noto-cjk"),
            Self::Arabic => ("Arabic", "Noto Sans Arabic", "fonts-noto-core"),
            Self::Hebrew => ("Hebrew", "Noto Sans Hebrew", "fonts-noto-core"),
            Self::Devanagari => ("Devanagari", "Noto Sans Devanagari", "fonts-noto-core"),
            Self::Thai => ("Thai", "Noto Sans Thai", "fonts-noto-core"),
            Self::Emoji => ("emoji", "Noto Color Emoji", "fonts-noto-color-emoji"),
            Self::European => ("accented", "Noto Sans", "fonts-noto-core"),
            Self::Other => ("some", "a Noto font of this script", "fonts-noto-core"),
        }
    }
}

#[derive(Default)]
struct State {
    fonts: Vec<FallbackFont>,
    /// The letters that have been noted at any time.
    noted: BTreeSet<char>,
    /// The letters that the program has not taken yet.
    wanted: BTreeSet<char>,
    /// The scripts whose lack of a font has been told.
    told: BTreeSet<Script>,
}

/// The fallback fonts of an egui context.
#[derive(Clone, Default)]
struct FallbackFonts(Arc<Mutex<State>>);

impl FallbackFonts {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fallback fonts of a context, after [`install`].
    fn of(ctx: &Context) -> Option<Self> {
        ctx.data(|data| data.get_temp(Id::unique("fallback fonts")))
    }
}

impl FontProvider for FallbackFonts {
    fn fonts_for_family(&self, family: &FontFamily) -> Vec<FontInsert> {
        let insert = |font: &FallbackFont| {
            let data = FontData::from_blob(Arc::clone(&font.bytes), font.index);
            let family = InsertFontFamily { family: family.clone(), priority: FontPriority::Lowest };
            FontInsert::new(&font.name, data, vec![family])
        };
        self.state().fonts.iter().map(insert).collect()
    }

    fn font_for(&self, request: &FallbackRequest<'_>) -> Option<FontInsert> {
        let letter = request.cluster.chars().next()?;
        let mut state = self.state();
        if state.noted.insert(letter) {
            state.wanted.insert(letter);
        }
        None
    }
}

/// Makes a context note the letters that its fonts lack.
pub(crate) fn install(ctx: &Context) {
    if FallbackFonts::of(ctx).is_none() {
        let fonts = FallbackFonts::default();
        ctx.data_mut(|data| data.insert_temp(Id::unique("fallback fonts"), fonts.clone()));
        ctx.add_font_provider(Arc::new(fonts));
    }
}

/// The letters without a font in the texts that a context has laid out since the last call. Each letter is returned once.
pub fn take_wanted_letters(ctx: &Context) -> String {
    let fonts = FallbackFonts::of(ctx);
    fonts.map(|fonts| std::mem::take(&mut fonts.state().wanted).into_iter().collect()).unwrap_or_default()
}

/// Adds fonts after those that a context has. Returns a message about scripts that have no font and have not been
/// mentioned before.
pub fn add_fallback_fonts(ctx: &Context, found: FoundFonts) -> Option<String> {
    let fonts = FallbackFonts::of(ctx)?;
    let mut state = fonts.state();
    let before = state.fonts.len();
    for font in found.fonts {
        if state.fonts.iter().all(|known| known.name != font.name) {
            state.fonts.push(font);
        }
    }
    let changed = state.fonts.len() > before;
    let untold: Vec<char> = found.missing.chars().filter(|letter| !state.told.contains(&Script::of(*letter))).collect();
    state.told.extend(untold.iter().map(|letter| Script::of(*letter)));
    drop(state);
    if changed {
        // egui asks again for the fonts of each family.
        ctx.set_font_providers(vec![Arc::new(fonts)]);
    }
    missing_text(&untold)
}

/// The message about letters that no font has, or `None` without any.
fn missing_text(letters: &[char]) -> Option<String> {
    let first = letters.first()?;
    let scripts: BTreeSet<Script> = letters.iter().map(|letter| Script::of(*letter)).collect();
    let parts = |part: fn(&Script) -> &'static str| scripts.iter().map(part).collect::<BTreeSet<&str>>();
    let packages: Vec<&str> = parts(|script| script.help().2).into_iter().collect();
    Some(format!(
        "no font has {} letters such as U+{:04X}, so boxes are shown; install {} (Debian and Ubuntu: {})",
        list(&parts(|script| script.help().0)),
        u32::from(*first),
        list(&parts(|script| script.help().1)),
        packages.join(" "),
    ))
}

/// Joins words as in a sentence: «a, b and c».
fn list(words: &BTreeSet<&str>) -> String {
    let mut text = String::new();
    for (nth, word) in words.iter().enumerate() {
        text += match words.len() - nth {
            _ if nth == 0 => "",
            1 => " and ",
            _ => ", ",
        };
        text += word;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay_out(ctx: &Context, text: &str) {
        ctx.run_ui(egui::RawInput::default(), |ui| {
            ui.label(text);
            ui.monospace(text);
        })
        .drop_without_applying_deltas();
    }

    #[test]
    fn letters_without_a_font_are_noted_once_and_those_with_one_are_not() {
        let ctx = Context::default();
        crate::Theme::dark().apply(&ctx);
        lay_out(&ctx, "loss ∂L/∂w → Ж");
        assert_eq!(take_wanted_letters(&ctx), "");
        lay_out(&ctx, "a 学 ש学");
        assert_eq!(take_wanted_letters(&ctx), "ש学");
        lay_out(&ctx, "a 学 ש学");
        assert_eq!(take_wanted_letters(&ctx), "");
    }

    #[test]
    fn added_font_is_used_by_all_families() {
        let ctx = Context::default();
        crate::Theme::dark().apply(&ctx);
        lay_out(&ctx, "שלום");
        let bytes: &'static [u8] = include_bytes!("../../../tests/fonts/NotoSansHebrew.ttf");
        let hebrew = FallbackFont { name: "Hebrew".into(), bytes: Arc::new(bytes), index: 0 };
        let told = add_fallback_fonts(&ctx, FoundFonts { fonts: vec![hebrew], missing: String::new() });
        assert_eq!(told, None);
        lay_out(&ctx, "שלום ם");
        for family in
            [FontFamily::Proportional, FontFamily::Monospace, FontFamily::Name(crate::fonts::MATH_WORD.into())]
        {
            let font = egui::FontId::new(14.0, family);
            assert!(ctx.fonts_mut(|fonts| fonts.has_glyphs(&font, "שלום")), "{font:?}");
        }
    }

    #[test]
    fn a_script_without_a_font_is_told_once_with_the_package_that_helps() {
        let ctx = Context::default();
        crate::Theme::dark().apply(&ctx);
        let missing = |missing: &str| FoundFonts { fonts: Vec::new(), missing: missing.into() };
        let told = add_fallback_fonts(&ctx, missing("学ไ")).expect("a message");
        assert_eq!(
            told,
            "no font has Chinese, Japanese or Korean and Thai letters such as U+5B66, so boxes are shown; install Noto \
             Sans CJK and Noto Sans Thai (Debian and Ubuntu: fonts-noto-cjk fonts-noto-core)"
        );
        assert_eq!(add_fallback_fonts(&ctx, missing("習ไท")), None);
        assert_eq!(list(&BTreeSet::from(["a", "b", "c"])), "a, b and c");
        assert!(add_fallback_fonts(&ctx, missing("習ש")).expect("a message").contains("Hebrew letters such as U+05E9"));
    }
}
