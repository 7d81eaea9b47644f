//! The fonts of the interface: which families exist, and substitutes for the characters they lack.
//!
//! This module must not know what text is set in them.

use std::borrow::Cow;
use std::sync::Arc;

use egui::FontFamily;

use crate::fallback_fonts;

/// Family of upright symbols and numbers in formulas.
pub(crate) const MATH_UPRIGHT: &str = "math upright";
/// Family of variables whose name is one letter.
pub(crate) const MATH_ITALIC: &str = "math italic";
/// Family of variables whose name is a word.
pub(crate) const MATH_WORD: &str = "math word";

/// Installs the interface fonts and the formula fonts in a context, and notes the letters that they lack. egui uses them
/// from the next pass on.
pub(crate) fn install_fonts(ctx: &egui::Context) {
    let mut fonts = egui::FontDefinitions::default();
    // Body text falls back to the code font, which has the arrows and ∇ that the body font lacks.
    let proportional = fonts.families.entry(FontFamily::Proportional).or_default();
    if !proportional.iter().any(|name| name == "Hack") {
        proportional.insert(proportional.len().min(1), "Hack".to_owned());
    }
    // Formulas use the fonts of KaTeX and fall back to those of body text.
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let families: [(&str, &[&str]); 3] = [
        (MATH_UPRIGHT, &["KaTeX_Main"]),
        (MATH_ITALIC, &["KaTeX_Math_Italic", "KaTeX_Main"]),
        (MATH_WORD, &["KaTeX_Main_Italic", "KaTeX_Math_Italic", "KaTeX_Main"]),
    ];
    let files: [(&str, &[u8]); 3] = [
        ("KaTeX_Main", include_bytes!("../fonts/KaTeX_Main-Regular.ttf")),
        ("KaTeX_Main_Italic", include_bytes!("../fonts/KaTeX_Main-Italic.ttf")),
        ("KaTeX_Math_Italic", include_bytes!("../fonts/KaTeX_Math-Italic.ttf")),
    ];
    for (name, bytes) in files {
        fonts.font_data.insert(name.to_owned(), Arc::new(egui::FontData::from_static(bytes)));
    }
    for (family, preferred) in families {
        let names = preferred.iter().map(|name| (*name).to_owned()).chain(fallback.iter().cloned()).collect();
        fonts.families.insert(FontFamily::Name(family.into()), names);
    }
    ctx.set_fonts(fonts);
    fallback_fonts::install(ctx);
}

/// Replaces characters that the bundled fonts lack by similar ones that they have.
pub(crate) fn replace_missing_glyphs(text: &str) -> Cow<'_, str> {
    const SUBSTITUTES: [(char, char); 14] = [
        ('ⁿ', 'n'),
        ('ᵀ', 'T'),
        ('ᵗ', 't'),
        ('ᵢ', 'i'),
        ('ⱼ', 'j'),
        ('ₖ', 'k'),
        ('ₙ', 'n'),
        ('ₜ', 't'),
        ('ₗ', 'l'),
        ('ẑ', 'z'),
        ('✓', '√'),
        ('✕', '×'),
        ('⚠', '!'),
        ('❄', '⊛'),
    ];
    let substitute = |c: char| SUBSTITUTES.iter().find(|(missing, _)| *missing == c).map(|(_, substitute)| *substitute);
    if text.chars().any(|c| substitute(c).is_some()) {
        text.chars().map(|c| substitute(c).unwrap_or(c)).collect::<String>().into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::FontId;

    #[test]
    fn bundled_fonts_have_every_glyph_of_the_interface() {
        let needed = "∂δηθαβγλμσεωφπρτΔΣΘ·−×÷ŷȳ←→↑↓⇒∑√∏½²³⁰⁴⁺⁻₀₁₂₃₄₅₆₇₈₉≤≥≠≈∞◀▶◂▸●○…′∇±ℓ⊙∘|—–";
        let substituted = replace_missing_glyphs("xᵀ ᵢⱼₖₙₜₗⁿᵗẑ✓✕⚠❄").into_owned();
        let ctx = egui::Context::default();
        install_fonts(&ctx);
        for _ in 0..2 {
            let output = ctx.run_ui(egui::RawInput::default(), |ui| {
                for family in [FontId::proportional(14.0), FontId::monospace(14.0)] {
                    for c in needed.chars().chain(substituted.chars()) {
                        let available = ui.painter().fonts_mut(|fonts| fonts.has_glyph(&family, c));
                        // The first pass still uses egui's default fonts.
                        assert!(available || ui.ctx().cumulative_pass_nr() == 0, "{c:?} in {family:?}");
                    }
                }
            });
            output.drop_without_applying_deltas();
        }
    }
}
