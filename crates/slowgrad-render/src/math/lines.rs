//! Line breaking: splits a formula into unbreakable atoms and fills lines with them.
//!
//! This module must not know how an atom is drawn.

use super::boxes::{MathBox, Typesetter, marked};
use super::typeface::{PROSE_SPACE, TextRole};
use slowgrad_timeline::scene::Math;

/// An unbreakable part of a formula.
pub(super) struct Atom {
    pub(super) contents: MathBox,
    /// Space before the atom in points, dropped at the start of a line.
    lead: f32,
    /// Whether a line may start with this atom.
    breakable: bool,
    /// Lines preferably start with an operator.
    operator: bool,
}

impl Typesetter<'_> {
    /// Splits a formula into unbreakable atoms.
    pub(super) fn atoms(&self, math: &Math) -> Vec<Atom> {
        let mut atoms = Vec::new();
        let mut lead = 0.0;
        self.collect(math, &mut |contents| contents, &mut lead, &mut atoms);
        atoms
    }

    /// Appends the atoms of `math`. `finish` colours each one, `lead` is the space since the previous atom.
    fn collect(&self, math: &Math, finish: &mut dyn FnMut(MathBox) -> MathBox, lead: &mut f32, atoms: &mut Vec<Atom>) {
        let size = self.size;
        match math {
            Math::Row(parts) => {
                for part in parts {
                    self.collect(part, finish, lead, atoms);
                }
            }
            // A box with a link stays whole, so that it is one click target.
            Math::Marked { math: inner, ink, link: link @ None } => {
                let mut both = |contents: MathBox| finish(marked(contents, inner, *ink, *link));
                self.collect(inner, &mut both, lead, atoms);
            }
            Math::Text(text) | Math::Prose(text) => {
                let role = if matches!(math, Math::Prose(_)) { TextRole::Prose } else { TextRole::Upright };
                let gap = if role == TextRole::Prose { PROSE_SPACE } else { self.typeface.space_beside(text) } * size;
                for word in text.split_inclusive(' ') {
                    let body = word.trim_end_matches(' ');
                    if !body.is_empty() {
                        let operator = matches!(body, "+" | "−" | "-" | "=" | "·" | "×" | "/" | "←" | "→" | "≈" | "+=");
                        let breakable = *lead > 0.0;
                        let contents = finish(self.text(body, size, role));
                        atoms.push(Atom { contents, lead: std::mem::take(lead), breakable, operator });
                    }
                    *lead += (word.len() - body.len()) as f32 * gap;
                }
            }
            other => {
                let breakable = *lead > 0.0;
                let contents = finish(self.layout(other, size));
                atoms.push(Atom { contents, lead: std::mem::take(lead), breakable, operator: false });
            }
        }
    }
}

/// Fills lines of up to `max_width` points. A line that is too long breaks before its last operator, or else at its
/// last space. Continuation lines are indented.
pub(super) fn break_lines(atoms: Vec<Atom>, max_width: f32, size: f32) -> Vec<MathBox> {
    let indent = if max_width > 14.0 * size { size } else { 0.0 };
    let mut starts = vec![0];
    let mut x = 0.0;
    for (i, atom) in atoms.iter().enumerate() {
        let start = starts[starts.len() - 1];
        let lead = if i == start { 0.0 } else { atom.lead };
        let end = x + lead + atom.contents.width;
        if end <= max_width || i == start {
            x = end;
            continue;
        }
        let candidates = start + 1..=i;
        let at_operator = candidates.clone().rev().find(|&j| atoms[j].breakable && atoms[j].operator);
        // Breaking at an operator far back would leave the line half empty; then the last space is better.
        let width_to = |j: usize| atoms[start..j].iter().map(|a| a.lead + a.contents.width).sum::<f32>();
        let next = at_operator
            .filter(|&j| width_to(j) > 0.4 * max_width)
            .or_else(|| candidates.rev().find(|&j| atoms[j].breakable))
            .unwrap_or(i);
        starts.push(next);
        x = indent + atoms[next].contents.width;
        x += atoms[next + 1..=i.max(next)].iter().map(|a| a.lead + a.contents.width).sum::<f32>();
    }
    let mut lines: Vec<MathBox> = Vec::new();
    for (i, atom) in atoms.into_iter().enumerate() {
        if starts.contains(&i) {
            let width = if lines.is_empty() { 0.0 } else { indent };
            lines.push(MathBox { width, ..MathBox::default() });
        } else if let Some(line) = lines.last_mut() {
            line.width += atom.lead;
        }
        if let Some(line) = lines.last_mut() {
            line.push(atom.contents);
        }
    }
    lines
}
