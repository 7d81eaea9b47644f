//! The pages of `slowgrad explain`: for each diagnostic code its meaning, a faulty example, the corrected one, and
//! the reason.
//!
//! All pages are in one file, `explain.md`. A test compares its codes with those used in the sources, and runs the
//! examples.

use crate::diagnostics::wording;

const PAGES: &str = include_str!("../explain.md");

/// The page of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The code, such as `unknown-name`.
    pub code: &'static str,
    /// The meaning in one line.
    pub title: &'static str,
    /// The page in Markdown, without code and title. Examples are blocks of `rhai faulty PATH` and
    /// `rhai corrected PATH`.
    pub body: &'static str,
}

/// All pages, sorted by code.
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

/// The known code most similar to a mistyped one.
pub fn nearest_code(code: &str) -> Option<&'static str> {
    wording::nearest(code, pages().map(|page| page.code))
}
