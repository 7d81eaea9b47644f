//! Colours and text styles. Each quantity has the same colour everywhere: values and weights range from orange
//! (negative) to blue (positive), gradients are violet, updates green.
//!
//! The colours suit readers with any one type of colour blindness: signs differ (orange against blue for values, light
//! against deep violet and green for gradients and updates), and gradients differ from weights. Text and lines have the
//! contrast to their background that WCAG 2.2 requires. A theme must not know where on the screen a colour is used;
//! panels look it up by meaning ([`Ink`]).

use std::sync::Arc;

use crate::fonts::install_fonts;
use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, Vec2, Visuals};
use slowgrad_timeline::scene::Ink;

/// A diverging colour scale over −1 to +1, interpolated between three colours.
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
    /// The colour of a level. Levels are clamped to −1 … 1; NaN is neutral.
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
    /// Names of called functions.
    pub function: Color32,
    /// Background of the running expression.
    pub running: Color32,
}

/// The colours of the interface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theme {
    /// Whether text is light on a dark background.
    pub dark_mode: bool,
    /// Minimum contrast ratio of text to its background: 4.5 is level AA of WCAG 2.2, 7 is level AAA.
    pub min_contrast: f32,
    /// Background of the network.
    pub background: Color32,
    /// Background of panels.
    pub panel: Color32,
    /// Background of raised areas of a panel: text fields, code.
    pub raised: Color32,
    /// Hairlines between panels and outlines of labels.
    pub line: Color32,
    /// Body text.
    pub text: Color32,
    /// Secondary text; still legible.
    pub faint: Color32,
    /// The current operation and the selection.
    pub accent: Color32,
    /// Elements without a computed value.
    pub empty: Color32,
    /// The loss.
    pub loss: Color32,
    /// Values and weights.
    pub value: Ramp,
    /// Gradients.
    pub gradient: Ramp,
    /// Updates of parameters.
    pub update: Ramp,
    /// Script text.
    pub code: CodeColors,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

impl Theme {
    /// Light text on a dark background: the default, and suitable for projectors.
    pub const fn dark() -> Self {
        Self {
            dark_mode: true,
            min_contrast: 4.5,
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

    /// Dark text on a light background: for print and bright rooms.
    pub const fn light() -> Self {
        Self {
            dark_mode: false,
            min_contrast: 4.5,
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

    /// The dark theme on black with brighter text and lines, for weak projectors and readers with low vision.
    pub const fn high_contrast_dark() -> Self {
        let mut theme = Self::dark();
        theme.min_contrast = 7.0;
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

    /// The light theme on white with deeper text and lines, for readers with low vision in bright rooms.
    pub const fn high_contrast_light() -> Self {
        let mut theme = Self::light();
        theme.min_contrast = 7.0;
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

    /// The colour of a line with this meaning: like [`Theme::color`], but with a visible hue on thin lines even near
    /// zero. Exactly zero stays neutral.
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

    /// The fill colour of an area with this meaning.
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

    /// The colour of text with this meaning: like [`Theme::color`], but legible on `background` even near zero.
    pub fn text_color(&self, ink: Ink, background: Color32) -> Color32 {
        let at_least = |level: f32| if level < 0.0 { level.min(-0.7) } else { level.max(0.7) };
        let color = match ink {
            Ink::Value(level) | Ink::Weight(level) => self.value.at(at_least(level)),
            Ink::Gradient(level) => self.gradient.at(at_least(level)),
            Ink::Update(level) => self.update.at(at_least(level)),
            Ink::Empty => self.faint,
            other => self.color(other),
        };
        self.legible(color, background)
    }

    /// The colour, mixed with white or black until it is legible on `background`.
    fn legible(&self, color: Color32, background: Color32) -> Color32 {
        let pole = if luminance(background) < 0.2 { Color32::WHITE } else { Color32::BLACK };
        let mixtures = (0..=20).map(|step| mix(color, pole, step as f32 * 0.05));
        mixtures.into_iter().find(|mixed| contrast(*mixed, background) >= self.min_contrast).unwrap_or(pole)
    }

    /// Near-black or white, whichever has the higher contrast to `background`.
    pub fn readable_on(&self, background: Color32) -> Color32 {
        let dark = rgb(0x0d_1117);
        if contrast(dark, background) >= contrast(Color32::WHITE, background) { dark } else { Color32::WHITE }
    }

    /// Applies the colours, fonts, text styles and spacing to an egui context.
    pub fn apply(&self, ctx: &egui::Context) {
        install_fonts(ctx);
        let base = if self.dark_mode { egui::Theme::Dark } else { egui::Theme::Light };
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
        let mut visuals = if self.dark_mode { Visuals::dark() } else { Visuals::light() };
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
        // Selected text keeps its colour, so the selection must not be too strong behind it.
        let selected = if self.min_contrast > 4.5 { 0.3 } else { 0.45 };
        visuals.selection.bg_fill = mix(self.panel, self.value.positive, selected);
        visuals.selection.stroke = Stroke::new(1.5, if self.dark_mode { self.accent } else { self.text });
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
        // Fill of a slider rail; buttons use the weak fill.
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

/// The style with all text sizes and gaps scaled by a factor.
pub(crate) fn scaled(style: &Arc<egui::Style>, factor: f32) -> Arc<egui::Style> {
    let mut style = egui::Style::clone(style);
    for font in style.text_styles.values_mut() {
        font.size = (font.size * factor * 4.0).round() / 4.0;
    }
    style.spacing.item_spacing *= factor;
    style.spacing.interact_size *= factor;
    style.into()
}

/// Interpolates between two colours: 0 is `a`, 1 is `b`.
pub(crate) fn mix(a: Color32, b: Color32, amount: f32) -> Color32 {
    a.lerp_to_gamma(b, amount)
}

/// Relative luminance of a colour (WCAG 2.2), 0 to 1.
pub(crate) fn luminance(color: Color32) -> f32 {
    let rgba = egui::Rgba::from(color);
    0.2126 * rgba.r() + 0.7152 * rgba.g() + 0.0722 * rgba.b()
}

/// Contrast ratio of two colours (WCAG 2.2), 1 to 21.
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
        fn backgrounds(&self) -> [Color32; 3] {
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
    fn slider_rails_are_visible() {
        for theme in THEMES {
            let rail = theme.visuals().widgets.inactive.bg_fill;
            assert!(contrast(rail, theme.panel) > 1.8, "{rail:?} on {:?}", theme.panel);
        }
    }

    #[test]
    fn ramps_depart_monotonically_from_neutral() {
        for theme in THEMES {
            for ramp in theme.ramps() {
                for sign in [-1.0, 1.0] {
                    let mut last = -1;
                    for step in 0..=10 {
                        let departure = distance(ramp.at(sign * step as f32 / 10.0), ramp.neutral);
                        assert!(departure > last, "{ramp:?} at {step}");
                        last = departure;
                    }
                }
            }
        }
    }

    #[test]
    fn colours_of_different_meaning_are_distinct() {
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

    /// Simulates dichromacy in linear light: Viénot, Brettel and Mollon (1999) for red and green; for blue the planes of
    /// Brettel, Viénot and Mollon (1997) merged into one.
    fn dichromat(cones: usize, color: Color32) -> Color32 {
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

    /// Perceived difference: the distance in Oklab, where 0.02 is just noticeable side by side.
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
    fn signs_and_quantities_are_distinct_for_dichromats() {
        for theme in THEMES {
            for cones in 0..3 {
                let [value, gradient, update] =
                    theme.ramps().map(|ramp| ramp.ends().map(|color| dichromat(cones, color)));
                for [minus, plus] in [value, gradient, update] {
                    let distance = difference(minus, plus);
                    assert!(distance > 0.15, "{theme:?} without cones {cones}: signs {distance}");
                }
                for (one, other, min) in [(gradient, value, 0.13), (update, value, 0.1), (update, gradient, 0.08)] {
                    for (a, b) in one.into_iter().flat_map(|a| other.map(|b| (a, b))) {
                        let distance = difference(a, b);
                        assert!(distance > min, "{theme:?} without cones {cones}: {a:?} and {b:?} {distance}");
                    }
                }
            }
        }
    }

    #[test]
    fn text_is_legible_on_every_background() {
        for theme in THEMES {
            let check = |text: Color32, background: Color32, role: &str| {
                let ratio = contrast(text, background);
                assert!(ratio >= theme.min_contrast, "{role}, {text:?} on {background:?}: {ratio}");
            };
            for background in theme.backgrounds() {
                assert!(contrast(theme.text, background) > 10.0);
                check(theme.faint, background, "secondary text");
                check(theme.loss, background, "loss");
                for level in [-1.0, -0.3, 0.0, 0.3, 1.0] {
                    for ink in [Ink::Value(level), Ink::Gradient(level), Ink::Update(level), Ink::Loss, Ink::Accent] {
                        check(theme.text_color(ink, background), background, &format!("{ink:?}"));
                    }
                }
            }
            let code = theme.code;
            for background in theme.backgrounds().into_iter().chain([code.running]) {
                for text in [code.keyword, code.number, code.string, code.function, theme.text] {
                    check(text, background, "script");
                }
                // No operation runs in a comment.
                if background != code.running {
                    check(code.comment, background, "comment");
                }
            }
            let visuals = theme.visuals();
            for text in [visuals.hyperlink_color, visuals.warn_fg_color, visuals.error_fg_color] {
                check(text, theme.panel, "message");
            }
            check(visuals.selection.stroke.color, visuals.selection.bg_fill, "selection");
            let widgets = &visuals.widgets;
            for widget in [widgets.noninteractive, widgets.inactive, widgets.hovered, widgets.active, widgets.open] {
                check(widget.fg_stroke.color, widget.weak_bg_fill, "button");
            }
            // At the middle of a ramp, neither black nor white reaches a contrast of 7.
            for level in [-1.0, -0.5, 0.0, 0.5, 1.0] {
                for background in theme.ramps().map(|ramp| ramp.at(level)) {
                    assert!(contrast(theme.readable_on(background), background) >= 4.4, "{background:?}");
                }
            }
        }
    }

    #[test]
    fn lines_are_visible_on_every_background() {
        for theme in THEMES {
            // WCAG requires 3 for graphics.
            let min = if theme.min_contrast > 4.5 { 4.5 } else { 3.0 };
            let ends = theme.ramps().into_iter().flat_map(Ramp::ends);
            for color in ends.chain([theme.accent, theme.loss]) {
                for background in theme.backgrounds() {
                    let ratio = contrast(color, background);
                    assert!(ratio >= min, "{color:?} on {background:?}: {ratio}");
                }
            }
            if theme.min_contrast > 4.5 {
                assert!(contrast(theme.line, theme.background) >= 4.5, "outlines of panels and controls");
            }
        }
    }

    #[test]
    fn nan_is_neutral() {
        assert_eq!(Theme::dark().value.at(f32::NAN), Theme::dark().value.neutral);
    }
}
