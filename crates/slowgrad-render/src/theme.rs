//! The colours and letters of everything that is drawn, because one quantity has one colour everywhere:
//! values and weights run from orange (negative) to blue (positive), gradients are violet, updates green.
//!
//! The themes are chosen so that whoever lacks one kind of cones tells signs apart, orange against blue for values
//! and light against deep within the violet and the green family, and does not take a gradient for a weight; and so
//! that letters and lines have the contrast to their ground that WCAG 2.2 asks for. A theme must not know where on the
//! screen a colour lands; panels ask it by meaning ([`Ink`]).

use std::sync::Arc;

use crate::math::{ITALIC, UPRIGHT, WORD};
use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, Vec2, Visuals};
use slowgrad_timeline::scene::Ink;

/// Three colours for −1, 0 and +1; what lies between is mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ramp {
    /// At −1.
    pub negative: Color32,
    /// At 0.
    pub neutral: Color32,
    /// At +1.
    pub positive: Color32,
}

impl Ramp {
    /// The colour of a level, which is clamped to −1 … 1; a level that is no number is neutral.
    pub fn at(&self, level: f32) -> Color32 {
        let level = if level.is_nan() { 0.0 } else { level.clamp(-1.0, 1.0) };
        let end = if level < 0.0 { self.negative } else { self.positive };
        mix(self.neutral, end, level.abs())
    }
}

/// Colours of script text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeColors {
    /// `let`, `fn`, `if`.
    pub keyword: Color32,
    /// Numbers, `true`, `false`.
    pub number: Color32,
    /// Text in quotes.
    pub string: Color32,
    /// Comments.
    pub comment: Color32,
    /// A name that is called.
    pub function: Color32,
    /// Behind the running expression.
    pub running: Color32,
}

/// All colours of the program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theme {
    /// Light letters on a dark ground?
    pub is_dark: bool,
    /// The contrast that letters have at least to their ground: 4.5 is WCAG's level AA, 7 its level AAA.
    pub least_contrast: f32,
    /// Behind the network.
    pub background: Color32,
    /// Behind panels.
    pub panel: Color32,
    /// Behind what stands out from a panel: fields, code.
    pub raised: Color32,
    /// Hairlines between panels, outlines of plates.
    pub line: Color32,
    /// Ordinary letters.
    pub text: Color32,
    /// Letters of less weight; still readable.
    pub faint: Color32,
    /// The current operation and the selection.
    pub accent: Color32,
    /// What is not computed yet.
    pub empty: Color32,
    /// The loss.
    pub loss: Color32,
    /// Values and weights.
    pub value: Ramp,
    /// Gradients.
    pub gradient: Ramp,
    /// Changes of parameters.
    pub update: Ramp,
    /// Script text.
    pub code: CodeColors,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

impl Theme {
    /// Light letters on a dark ground: the default, and right for a projector.
    pub const fn dark() -> Self {
        Self {
            is_dark: true,
            least_contrast: 4.5,
            background: rgb(0x0f_1319),
            panel: rgb(0x16_1b23),
            raised: rgb(0x1f_2630),
            line: rgb(0x2c_3542),
            text: rgb(0xe8_ecf2),
            faint: rgb(0x93_9eae),
            accent: rgb(0xff_df6b),
            empty: rgb(0x20_2731),
            loss: rgb(0xff_6f7d),
            value: Ramp { negative: rgb(0xf5_9322), neutral: rgb(0x3b_434e), positive: rgb(0x3a_a5ee) },
            gradient: Ramp { negative: rgb(0xc2_399f), neutral: rgb(0x45_3c50), positive: rgb(0xef_c5ff) },
            update: Ramp { negative: rgb(0x2c_9265), neutral: rgb(0x33_463f), positive: rgb(0xa1_f5cf) },
            code: CodeColors {
                keyword: rgb(0xb9_a3ff),
                number: rgb(0x8f_d6c0),
                string: rgb(0xe6_c07b),
                comment: rgb(0x8b_98a8),
                function: rgb(0x7f_bff5),
                running: rgb(0x3d_3511),
            },
        }
    }

    /// Dark letters on a light ground: for paper and bright rooms.
    pub const fn light() -> Self {
        Self {
            is_dark: false,
            least_contrast: 4.5,
            background: rgb(0xfb_fcfd),
            panel: rgb(0xf3_f5f8),
            raised: rgb(0xff_ffff),
            line: rgb(0xd5_dbe3),
            text: rgb(0x17_1c24),
            faint: rgb(0x59_6473),
            accent: rgb(0xb0_8000),
            empty: rgb(0xe9_edf2),
            loss: rgb(0xc6_2f42),
            value: Ramp { negative: rgb(0xdc_6e00), neutral: rgb(0xdf_e3e6), positive: rgb(0x23_6fa6) },
            gradient: Ramp { negative: rgb(0x6a_0f73), neutral: rgb(0xe8_e0ec), positive: rgb(0xb1_68fe) },
            update: Ramp { negative: rgb(0x0a_5a43), neutral: rgb(0xdb_e8e3), positive: rgb(0x1c_9e79) },
            code: CodeColors {
                keyword: rgb(0x6b_3fc0),
                number: rgb(0x11_6b55),
                string: rgb(0x8a_5a00),
                comment: rgb(0x5c_6775),
                function: rgb(0x1a_62a8),
                running: rgb(0xff_ec9e),
            },
        }
    }

    /// The dark theme on black with brighter letters and lines, for weak projectors and weak eyes.
    pub const fn high_contrast_dark() -> Self {
        let mut theme = Self::dark();
        theme.least_contrast = 7.0;
        theme.background = Color32::BLACK;
        theme.panel = rgb(0x08_0a0d);
        theme.raised = rgb(0x12_161c);
        theme.line = rgb(0x85_92a3);
        theme.text = Color32::WHITE;
        theme.faint = rgb(0xc9_d1dc);
        theme.empty = rgb(0x14_1920);
        theme.loss = rgb(0xff_8a95);
        theme.value.negative = rgb(0xff_a73c);
        theme.value.positive = rgb(0x5c_bbff);
        theme.gradient.negative = rgb(0xb2_5ad5);
        theme.gradient.positive = rgb(0xfe_def9);
        theme.update.negative = rgb(0x25_a67a);
        theme.update.positive = rgb(0xa1_efb7);
        theme.code.keyword = rgb(0xc9_b8ff);
        theme.code.comment = rgb(0xb4_bfcd);
        theme.code.running = rgb(0x30_290a);
        theme
    }

    /// The light theme on white with deeper letters and lines, for weak eyes in bright rooms.
    pub const fn high_contrast_light() -> Self {
        let mut theme = Self::light();
        theme.least_contrast = 7.0;
        theme.background = Color32::WHITE;
        theme.panel = Color32::WHITE;
        theme.raised = rgb(0xf4_f6f8);
        theme.line = rgb(0x5f_6a78);
        theme.text = Color32::BLACK;
        theme.faint = rgb(0x3d_4652);
        theme.accent = rgb(0x7a_5600);
        theme.loss = rgb(0xa3_142a);
        theme.value.negative = rgb(0xb4_5103);
        theme.value.positive = rgb(0x34_48a1);
        theme.gradient.negative = rgb(0x54_035b);
        theme.gradient.positive = rgb(0x96_38f7);
        theme.update.negative = rgb(0x1b_3d2c);
        theme.update.positive = rgb(0x0f_7f5f);
        theme.code = CodeColors {
            keyword: rgb(0x4b_2a94),
            number: rgb(0x0b_4a3b),
            string: rgb(0x5c_3b00),
            comment: rgb(0x43_4c58),
            function: rgb(0x0f_4478),
            running: rgb(0xff_ec9e),
        };
        theme
    }

    /// The colour of a line of this meaning: like [`Theme::color`], but with a hue that is seen on a thin line even
    /// where the ramp is near zero. What is exactly zero has none.
    pub fn line_color(&self, ink: Ink) -> Color32 {
        let at_least = |level: f32| {
            if level == 0.0 { level } else { level.abs().max(0.3).copysign(level) }
        };
        self.color(match ink {
            Ink::Weight(level) => Ink::Weight(at_least(level)),
            Ink::Gradient(level) => Ink::Gradient(at_least(level)),
            other => other,
        })
    }

    /// The colour that fills an area of this meaning.
    pub fn color(&self, ink: Ink) -> Color32 {
        match ink {
            Ink::Value(level) | Ink::Weight(level) => self.value.at(level),
            Ink::Gradient(level) => self.gradient.at(level),
            Ink::Update(level) => self.update.at(level),
            Ink::Loss => self.loss,
            Ink::Text => self.text,
            Ink::Faint => self.faint,
            Ink::Accent => self.accent,
            Ink::Empty => self.empty,
        }
    }

    /// The colour of letters of this meaning: like [`Theme::color`], but strong enough to be read on
    /// `ground` even where the ramp is near zero.
    pub fn text_color(&self, ink: Ink, ground: Color32) -> Color32 {
        let at_least = |level: f32| if level < 0.0 { level.min(-0.7) } else { level.max(0.7) };
        let color = match ink {
            Ink::Value(level) | Ink::Weight(level) => self.value.at(at_least(level)),
            Ink::Gradient(level) => self.gradient.at(at_least(level)),
            Ink::Update(level) => self.update.at(at_least(level)),
            Ink::Empty => self.faint,
            other => self.color(other),
        };
        self.legible(color, ground)
    }

    /// The colour, pulled towards white or black until it can be read on the ground.
    fn legible(&self, color: Color32, ground: Color32) -> Color32 {
        let pole = if luminance(ground) < 0.2 { Color32::WHITE } else { Color32::BLACK };
        let pulled = (0..=20).map(|step| mix(color, pole, step as f32 * 0.05));
        pulled.into_iter().find(|seen| contrast(*seen, ground) >= self.least_contrast).unwrap_or(pole)
    }

    /// Black or white, whichever reads on the given colour.
    pub fn on(&self, ground: Color32) -> Color32 {
        let dark = rgb(0x0d_1117);
        if contrast(dark, ground) >= contrast(Color32::WHITE, ground) { dark } else { Color32::WHITE }
    }

    /// Gives an egui context this theme's colours, letters and spacing.
    pub fn apply(&self, ctx: &egui::Context) {
        install_fonts(ctx);
        let base = if self.is_dark { egui::Theme::Dark } else { egui::Theme::Light };
        ctx.set_theme(base);
        ctx.style_mut_of(base, |style| {
            style.text_styles = [
                (TextStyle::Small, FontId::new(12.0, FontFamily::Proportional)),
                (TextStyle::Body, FontId::new(14.5, FontFamily::Proportional)),
                (TextStyle::Button, FontId::new(14.5, FontFamily::Proportional)),
                (TextStyle::Heading, FontId::new(19.0, FontFamily::Proportional)),
                (TextStyle::Monospace, FontId::new(13.0, FontFamily::Monospace)),
            ]
            .into();
            style.spacing.item_spacing = Vec2::new(8.0, 6.0);
            style.spacing.button_padding = Vec2::new(9.0, 4.0);
            style.spacing.interact_size = Vec2::new(32.0, 24.0);
            style.spacing.slider_rail_height = 4.0;
            style.spacing.window_margin = Margin::same(12);
            style.spacing.menu_margin = Margin::same(8);
            style.visuals = self.visuals();
        });
    }

    fn visuals(&self) -> Visuals {
        let mut visuals = if self.is_dark { Visuals::dark() } else { Visuals::light() };
        let round = CornerRadius::same(6);
        visuals.panel_fill = self.panel;
        visuals.window_fill = self.panel;
        visuals.window_stroke = Stroke::new(1.0, self.line);
        visuals.window_corner_radius = CornerRadius::same(10);
        visuals.menu_corner_radius = CornerRadius::same(8);
        visuals.extreme_bg_color = self.background;
        visuals.faint_bg_color = mix(self.panel, self.raised, 0.5);
        visuals.code_bg_color = self.raised;
        visuals.hyperlink_color = self.text_color(Ink::Value(1.0), self.panel);
        visuals.warn_fg_color = self.text_color(Ink::Value(-1.0), self.panel);
        visuals.error_fg_color = self.text_color(Ink::Loss, self.panel);
        visuals.weak_text_color = Some(self.faint);
        // What is selected has letters of its own colour.
        let selected = if self.least_contrast > 4.5 { 0.3 } else { 0.45 };
        visuals.selection.bg_fill = mix(self.panel, self.value.positive, selected);
        visuals.selection.stroke = Stroke::new(1.5, if self.is_dark { self.accent } else { self.text });
        visuals.slider_trailing_fill = true;

        let widgets = &mut visuals.widgets;
        let fill = |amount: f32| mix(self.raised, self.text, amount);
        for (widget, amount) in [
            (&mut widgets.noninteractive, 0.0),
            (&mut widgets.inactive, 0.05),
            (&mut widgets.hovered, 0.14),
            (&mut widgets.active, 0.22),
            (&mut widgets.open, 0.1),
        ] {
            widget.corner_radius = round;
            widget.bg_fill = fill(amount);
            widget.weak_bg_fill = fill(amount);
            widget.bg_stroke = Stroke::new(1.0, self.line);
            widget.fg_stroke = Stroke::new(1.2, self.text);
            widget.expansion = 0.0;
        }
        // The rail of a slider; buttons have the weak fill.
        widgets.inactive.bg_fill = mix(self.panel, self.faint, 0.5);
        widgets.hovered.bg_stroke.color = self.faint;
        widgets.active.bg_stroke.color = self.accent;
        visuals
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::dark()
    }
}

/// Lets the running text fall back on the code font, which has the arrows and the ∇ that the former lacks.
pub(crate) fn install_fonts(ctx: &egui::Context) {
    let mut fonts = egui::FontDefinitions::default();
    let names = fonts.families.entry(FontFamily::Proportional).or_default();
    if !names.iter().any(|name| name == "Hack") {
        names.insert(names.len().min(1), "Hack".to_owned());
    }
    // A textbook's letters for formulas; what they lack comes from the running text's fonts.
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let book: [(&str, &[&str]); 3] = [
        (UPRIGHT, &["KaTeX_Main"]),
        (ITALIC, &["KaTeX_Math_Italic", "KaTeX_Main"]),
        (WORD, &["KaTeX_Main_Italic", "KaTeX_Math_Italic", "KaTeX_Main"]),
    ];
    let files: [(&str, &[u8]); 3] = [
        ("KaTeX_Main", include_bytes!("../fonts/KaTeX_Main-Regular.ttf")),
        ("KaTeX_Main_Italic", include_bytes!("../fonts/KaTeX_Main-Italic.ttf")),
        ("KaTeX_Math_Italic", include_bytes!("../fonts/KaTeX_Math-Italic.ttf")),
    ];
    for (name, bytes) in files {
        fonts.font_data.insert(name.to_owned(), Arc::new(egui::FontData::from_static(bytes)));
    }
    for (family, own) in book {
        let names = own.iter().map(|name| (*name).to_owned()).chain(fallback.iter().cloned()).collect();
        fonts.families.insert(FontFamily::Name(family.into()), names);
    }
    ctx.set_fonts(fonts);
}

/// The same style with every letter and gap larger or smaller.
pub(crate) fn scaled(style: &Arc<egui::Style>, factor: f32) -> Arc<egui::Style> {
    let mut style = egui::Style::clone(style);
    for font in style.text_styles.values_mut() {
        font.size = (font.size * factor * 4.0).round() / 4.0;
    }
    style.spacing.item_spacing *= factor;
    style.spacing.interact_size *= factor;
    style.into()
}

/// A mixture: 0 is all `a`, 1 is all `b`.
pub(crate) fn mix(a: Color32, b: Color32, amount: f32) -> Color32 {
    a.lerp_to_gamma(b, amount)
}

/// How bright a colour is, 0 to 1 (relative luminance of WCAG 2.2).
pub(crate) fn luminance(color: Color32) -> f32 {
    let rgba = egui::Rgba::from(color);
    0.2126 * rgba.r() + 0.7152 * rgba.g() + 0.0722 * rgba.b()
}

/// The contrast ratio of WCAG 2.2, from 1 to 21.
pub(crate) fn contrast(a: Color32, b: Color32) -> f32 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEMES: [Theme; 4] =
        [Theme::dark(), Theme::light(), Theme::high_contrast_dark(), Theme::high_contrast_light()];

    impl Theme {
        fn grounds(&self) -> [Color32; 3] {
            [self.background, self.panel, self.raised]
        }

        fn ramps(&self) -> [Ramp; 3] {
            [self.value, self.gradient, self.update]
        }
    }

    impl Ramp {
        fn ends(self) -> [Color32; 2] {
            [self.negative, self.positive]
        }
    }

    fn distance(a: Color32, b: Color32) -> i32 {
        let parts = |c: Color32| [i32::from(c.r()), i32::from(c.g()), i32::from(c.b())];
        parts(a).iter().zip(parts(b)).map(|(x, y)| (x - y).abs()).sum()
    }

    #[test]
    fn the_rail_of_a_slider_is_seen() {
        for theme in THEMES {
            let rail = theme.visuals().widgets.inactive.bg_fill;
            assert!(contrast(rail, theme.panel) > 1.8, "{rail:?} on {:?}", theme.panel);
        }
    }

    #[test]
    fn ramps_leave_the_neutral_colour_steadily() {
        for theme in THEMES {
            for ramp in theme.ramps() {
                for sign in [-1.0, 1.0] {
                    let mut last = -1;
                    for step in 0..=10 {
                        let far = distance(ramp.at(sign * step as f32 / 10.0), ramp.neutral);
                        assert!(far > last, "{ramp:?} at {step}");
                        last = far;
                    }
                }
            }
        }
    }

    #[test]
    fn signs_and_families_cannot_be_mistaken_for_each_other() {
        for theme in THEMES {
            let ends = theme.ramps().into_iter().flat_map(Ramp::ends).collect::<Vec<_>>();
            for (i, a) in ends.iter().enumerate() {
                for b in &ends[..i] {
                    assert!(distance(*a, *b) > 90, "{a:?} {b:?}");
                }
            }
            for ramp in [theme.gradient, theme.update] {
                assert!(contrast(ramp.negative, ramp.positive) > 1.9, "sign must show without hue: {ramp:?}");
            }
        }
    }

    /// What a person with one kind of cones missing sees, in linear light (Viénot, Brettel and Mollon 1999 for red and
    /// green; for blue the planes of Brettel, Viénot and Mollon 1997 as a single one).
    fn seen_without(cones: usize, color: Color32) -> Color32 {
        const MISSING: [[[f32; 3]; 3]; 3] = [
            [[0.112_38, 0.887_62, 0.0], [0.112_38, 0.887_62, 0.0], [0.004_01, -0.004_01, 1.0]],
            [[0.292_75, 0.707_25, 0.0], [0.292_75, 0.707_25, 0.0], [-0.022_34, 0.022_34, 1.0]],
            [[1.0, 0.144_61, -0.144_61], [0.0, 0.859_24, 0.140_76], [0.0, 0.859_24, 0.140_76]],
        ];
        let rgba = egui::Rgba::from(color);
        let part = |row: [f32; 3]| (row[0] * rgba.r() + row[1] * rgba.g() + row[2] * rgba.b()).clamp(0.0, 1.0);
        let [r, g, b] = MISSING[cones].map(part);
        egui::Rgba::from_rgb(r, g, b).into()
    }

    /// How far apart two colours look: the distance in Oklab, where 0.02 can just be told apart side by side.
    fn difference(a: Color32, b: Color32) -> f32 {
        let lab = |color: Color32| {
            let rgba = egui::Rgba::from(color);
            let (r, g, b) = (rgba.r(), rgba.g(), rgba.b());
            let l = (0.412_221_5 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
            let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
            let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
            [
                0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
                1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
                0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
            ]
        };
        lab(a).iter().zip(lab(b)).map(|(x, y)| (x - y) * (x - y)).sum::<f32>().sqrt()
    }

    #[test]
    fn whoever_lacks_one_kind_of_cones_tells_signs_apart_and_takes_no_gradient_for_a_weight() {
        for theme in THEMES {
            for cones in 0..3 {
                let [value, gradient, update] =
                    theme.ramps().map(|ramp| ramp.ends().map(|color| seen_without(cones, color)));
                for [minus, plus] in [value, gradient, update] {
                    let far = difference(minus, plus);
                    assert!(far > 0.15, "{theme:?} without cones {cones}: signs {far}");
                }
                for (one, other, least) in [(gradient, value, 0.13), (update, value, 0.1), (update, gradient, 0.08)] {
                    for (a, b) in one.into_iter().flat_map(|a| other.map(|b| (a, b))) {
                        let far = difference(a, b);
                        assert!(far > least, "{theme:?} without cones {cones}: {a:?} and {b:?} {far}");
                    }
                }
            }
        }
    }

    #[test]
    fn letters_are_readable_on_every_ground() {
        for theme in THEMES {
            let reads = |letters: Color32, ground: Color32, what: &str| {
                let seen = contrast(letters, ground);
                assert!(seen >= theme.least_contrast, "{what}, {letters:?} on {ground:?}: {seen}");
            };
            for ground in theme.grounds() {
                assert!(contrast(theme.text, ground) > 10.0);
                reads(theme.faint, ground, "less weight");
                reads(theme.loss, ground, "loss");
                for level in [-1.0, -0.3, 0.0, 0.3, 1.0] {
                    for ink in [Ink::Value(level), Ink::Gradient(level), Ink::Update(level), Ink::Loss, Ink::Accent] {
                        reads(theme.text_color(ink, ground), ground, &format!("{ink:?}"));
                    }
                }
            }
            let code = theme.code;
            for ground in theme.grounds().into_iter().chain([code.running]) {
                for letters in [code.keyword, code.number, code.string, code.function, theme.text] {
                    reads(letters, ground, "script");
                }
                // No operation runs in a comment.
                if ground != code.running {
                    reads(code.comment, ground, "comment");
                }
            }
            let visuals = theme.visuals();
            for letters in [visuals.hyperlink_color, visuals.warn_fg_color, visuals.error_fg_color] {
                reads(letters, theme.panel, "message");
            }
            reads(visuals.selection.stroke.color, visuals.selection.bg_fill, "selection");
            let widgets = &visuals.widgets;
            for widget in [widgets.noninteractive, widgets.inactive, widgets.hovered, widgets.active, widgets.open] {
                reads(widget.fg_stroke.color, widget.weak_bg_fill, "button");
            }
            // On the middle of a ramp neither black nor white reaches 7.
            for level in [-1.0, -0.5, 0.0, 0.5, 1.0] {
                for ground in theme.ramps().map(|ramp| ramp.at(level)) {
                    assert!(contrast(theme.on(ground), ground) >= 4.4, "{ground:?}");
                }
            }
        }
    }

    #[test]
    fn lines_of_every_meaning_stand_out_from_every_ground() {
        for theme in THEMES {
            // WCAG asks 3 of what is not text.
            let least = if theme.least_contrast > 4.5 { 4.5 } else { 3.0 };
            let ends = theme.ramps().into_iter().flat_map(Ramp::ends);
            for color in ends.chain([theme.accent, theme.loss]) {
                for ground in theme.grounds() {
                    let seen = contrast(color, ground);
                    assert!(seen >= least, "{color:?} on {ground:?}: {seen}");
                }
            }
            if theme.least_contrast > 4.5 {
                assert!(contrast(theme.line, theme.background) >= 4.5, "edges of panels and controls");
            }
        }
    }

    #[test]
    fn what_is_not_a_number_is_neutral() {
        assert_eq!(Theme::dark().value.at(f32::NAN), Theme::dark().value.neutral);
    }
}
