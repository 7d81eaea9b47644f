//! Letters that the built-in fonts lack, long captions, and input methods.

use super::lesson::performing;
use super::*;
use egui::ImeEvent;
use slowgrad_render::fallback_fonts::{FallbackFont, FoundFonts};
use std::sync::Arc;

/// An app that draws missing letters as boxes, unlike the windows of other tests, which panic.
struct BoxesApp {
    app: App,
    session: Session,
}

impl BoxesApp {
    fn open(lesson: &str) -> Self {
        let files = slowgrad_script::Files::from_iter([("t.rhai", lesson.as_bytes())]);
        let own = slowgrad_script::Root { name: "own".into(), files };
        let library = slowgrad_script::Library { roots: vec![shipped::shipped(), own] };
        let mut session = Session::new(inline(library, Limits::default(), "t.rhai"));
        assert!(session.run_until_idle(timeout()));
        Self { app: App::new(egui::Context::default(), NoFiles), session }
    }

    /// Draws some frames; returns the letters that need a font.
    fn wanted(&mut self) -> String {
        for _ in 0..4 {
            self.session.tick(0.1);
            let screen_rect = Some(egui::Rect::from_min_size(Pos2::ZERO, Vec2::new(1280.0, 720.0)));
            let raw = egui::RawInput { screen_rect, ..egui::RawInput::default() };
            let ctx = self.app.context().clone();
            ctx.run_ui(raw, |ui| self.app.window_ui(ui, &mut self.session)).drop_without_applying_deltas();
        }
        let requests = self.app.take_requests().into_iter();
        let letters = requests.filter_map(|request| match request {
            PlatformRequest::FindFonts(letters) => Some(letters),
            _ => None,
        });
        letters.collect()
    }

    fn notices(&self) -> Vec<&str> {
        self.session.notices.iter().map(|notice| notice.text.as_str()).collect()
    }
}

#[test]
fn fonts_are_requested_for_the_letters_of_a_lesson_and_only_for_them() {
    assert_eq!(BoxesApp::open(include_str!("../../../../scripts/lessons/welcome.rhai")).wanted(), "");
    let lesson = r#"fn lesson() { #{ title: "שלום", layers: [2, 1], data: "xor", seed: 3 } }"#;
    let mut window = BoxesApp::open(lesson);
    assert_eq!(window.wanted(), "ולםש");
    assert_eq!(window.wanted(), "", "a letter is requested once");

    let bytes: &'static [u8] = include_bytes!("../../../../tests/fonts/NotoSansHebrew.ttf");
    let fonts = vec![FallbackFont { name: "Hebrew".into(), bytes: Arc::new(bytes), index: 0 }];
    window.app.add_fonts(FoundFonts { fonts, missing: String::new() }, &mut window.session);
    assert_eq!((window.wanted().as_str(), window.notices().len()), ("", 0));
    let body = egui::FontId::proportional(14.0);
    assert!(window.app.context().fonts_mut(|fonts| fonts.has_glyphs(&body, "שלום")));
}

#[test]
fn a_notice_says_once_that_no_font_has_a_letter() {
    let lesson = r#"fn lesson() { #{ title: "学习", layers: [2, 1], data: "xor", seed: 3 } }"#;
    let mut window = BoxesApp::open(lesson);
    let missing = window.wanted();
    assert_eq!(missing, "习学");
    window.app.add_fonts(FoundFonts { fonts: Vec::new(), missing }, &mut window.session);
    let [notice] = window.notices()[..] else { panic!("{:?}", window.notices()) };
    assert!(notice.contains("U+4E60") && notice.contains("fonts-noto-cjk"), "{notice}");
    window.session.tick(10.0);
    window.app.add_fonts(FoundFonts { fonts: Vec::new(), missing: "网".into() }, &mut window.session);
    assert_eq!((window.notices().len(), window.wanted().as_str()), (0, ""));
}

#[test]
fn a_caption_of_any_length_leaves_the_network_its_room() {
    let words = "The network learns slowly, and every operation is shown. ".repeat(200);
    for (size, least) in [(Vec2::new(1280.0, 720.0), 240.0), (Vec2::new(800.0, 500.0), 120.0)] {
        let mut window = performing(&format!("stage.say(\"{words}\"); stage.wait();"));
        window.set_size(size);
        settle(&mut window);
        let network = window.state().app.as_ref().and_then(App::canvas_rect).expect("a network");
        let is_painted = |node: &egui_kittest::Node<'_>| node.accesskit_node().bounding_box().is_some();
        let caption = window.query_all_by_label(&words).find(is_painted);
        let caption = caption.expect("the whole text, for screen readers").rect();
        assert!(network.height() > least && network.bottom() <= caption.top(), "{size:?}: {network:?}, {caption:?}");
        assert!(caption.bottom() < size.y && caption.height() > 40.0, "{caption:?}");
        window.hover_at(caption.center());
        window.run_steps(30);
        let is_tall = |node: &egui_kittest::Node<'_>| is_painted(node) && node.rect().height() > 200.0;
        assert!(window.query_all_by_label(&words).any(|node| is_tall(&node)), "the whole text under the pointer");
    }
}

#[test]
fn a_question_of_any_length_leaves_the_network_its_room() {
    let words = "Which of the weights changes most in this step? ".repeat(60);
    let cues = format!("stage.ask(\"{words}\", [\"{words}\", \"that\", \"{words}\"], 1); stage.wait();");
    for (size, least) in [(Vec2::new(1280.0, 720.0), 200.0), (Vec2::new(800.0, 500.0), 60.0)] {
        let mut window = performing(&cues);
        window.set_size(size);
        settle(&mut window);
        let network = window.state().app.as_ref().and_then(App::canvas_rect).expect("a network");
        assert!(network.height() > least, "{size:?}: {network:?}");
        let answer = window.get_by_label(&format!("answer 1: {words}")).rect();
        assert!(answer.bottom() < size.y && network.bottom() < answer.top(), "{answer:?}");
    }
}

#[test]
fn a_field_takes_the_text_of_an_input_method() {
    let mut window = open("welcome");
    press(&mut window, Modifiers::COMMAND, Key::K);
    let preedit = ImeEvent::Preedit { text: "end of".into(), active_range_chars: None };
    window.event(Event::Ime(preedit));
    window.run_steps(2);
    window.event(Event::Ime(ImeEvent::Commit("end of the step".into())));
    window.run_steps(8);
    press(&mut window, Modifiers::NONE, Key::Enter);
    let events = window.state().session.now().map_or(0, |(timeline, _)| timeline.len());
    assert_eq!(position(&window), events as f64);
}
