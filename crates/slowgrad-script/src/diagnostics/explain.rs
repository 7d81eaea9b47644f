//! A page for each code that a diagnostic can have: what it means, a faulty example, the mended one, and why.
//!
//! The pages are one text, so that they can be read and mended as one. A test holds it against the codes that the
//! sources use and runs each example.

use crate::diagnostics::wording;

const PAGES: &str = include_str!("../explain.md");

/// The page of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The code, such as `unknown-name`.
    pub code: &'static str,
    /// What it means, in one line.
    pub title: &'static str,
    /// The page in Markdown, without code and title. Examples are blocks of `rhai faulty PATH` and `rhai mended PATH`.
    pub body: &'static str,
}

/// All pages in the order of their codes.
pub fn pages() -> impl Iterator<Item = Page> {
    let sections = PAGES.strip_prefix("# ").unwrap_or(PAGES).split("\n# ");
    sections.filter_map(|section| {
        let (code, rest) = section.split_once("\n\n")?;
        let (title, body) = rest.split_once("\n\n")?;
        Some(Page { code, title, body: body.trim_end() })
    })
}

/// The page of a code.
pub fn page(code: &str) -> Option<Page> {
    pages().find(|page| page.code == code)
}

/// The code that was probably meant.
pub fn nearest_code(code: &str) -> Option<&'static str> {
    wording::nearest(code, pages().map(|page| page.code))
}
