//! A formula cut into parts that stay together, and these filled into lines.
//!
//! It must not know what a part looks like.

use super::boxes::{Set, Setter, marked};
use super::typeface::Letters;
use slowgrad_timeline::scene::Math;

/// A part of a formula that stays on one line.
pub(super) struct Atom {
    pub(super) set: Set,
    /// Room before it, dropped at the start of a line.
    lead: f32,
    /// A line may start here, and preferably where an operator stands.
    may_break: bool,
    is_operator: bool,
}

impl Setter<'_> {
    /// Cuts a formula into parts that stay together.
    pub(super) fn atoms(&self, math: &Math) -> Vec<Atom> {
        let mut atoms = Vec::new();
        let mut lead = 0.0;
        self.collect(math, &mut |set| set, &mut lead, &mut atoms);
        atoms
    }

    fn collect(&self, math: &Math, finish: &mut dyn FnMut(Set) -> Set, lead: &mut f32, atoms: &mut Vec<Atom>) {
        let size = self.full;
        match math {
            Math::Row(parts) => {
                for part in parts {
                    self.collect(part, finish, lead, atoms);
                }
            }
            // What is clicked is one piece.
            Math::Marked { math: inner, ink, link: link @ None } => {
                let mut both = |set: Set| finish(marked(set, inner, *ink, *link));
                self.collect(inner, &mut both, lead, atoms);
            }
            Math::Text(text) | Math::Prose(text) => {
                let letters = if matches!(math, Math::Prose(_)) { Letters::Prose } else { Letters::Upright };
                let gap = if letters == Letters::Prose { 0.25 } else { self.face.gap(text) } * size;
                for word in text.split_inclusive(' ') {
                    let body = word.trim_end_matches(' ');
                    if !body.is_empty() {
                        let is_operator =
                            matches!(body, "+" | "−" | "-" | "=" | "·" | "×" | "/" | "←" | "→" | "≈" | "+=");
                        let may_break = *lead > 0.0;
                        let set = finish(self.text(body, size, letters));
                        atoms.push(Atom { set, lead: std::mem::take(lead), may_break, is_operator });
                    }
                    *lead += (word.len() - body.len()) as f32 * gap;
                }
            }
            other => {
                let may_break = *lead > 0.0;
                let set = finish(self.set(other, size));
                atoms.push(Atom { set, lead: std::mem::take(lead), may_break, is_operator: false });
            }
        }
    }
}

/// Fills lines from the left. A line that is too long goes on the next one from its last operator, or else
/// from its last space; continued lines are set in a little.
pub(super) fn break_lines(atoms: Vec<Atom>, max_width: f32, size: f32) -> Vec<Set> {
    let indent = if max_width > 14.0 * size { size } else { 0.0 };
    let mut starts = vec![0];
    let mut x = 0.0;
    for (i, atom) in atoms.iter().enumerate() {
        let start = starts[starts.len() - 1];
        let lead = if i == start { 0.0 } else { atom.lead };
        let end = x + lead + atom.set.width;
        if end <= max_width || i == start {
            x = end;
            continue;
        }
        let candidates = start + 1..=i;
        let at_operator = candidates.clone().rev().find(|&j| atoms[j].may_break && atoms[j].is_operator);
        // An operator far back would leave the line half empty; prose breaks at its last space instead.
        let width_to = |j: usize| atoms[start..j].iter().map(|a| a.lead + a.set.width).sum::<f32>();
        let next = at_operator
            .filter(|&j| width_to(j) > 0.4 * max_width)
            .or_else(|| candidates.rev().find(|&j| atoms[j].may_break))
            .unwrap_or(i);
        starts.push(next);
        x = indent + atoms[next].set.width;
        x += atoms[next + 1..=i.max(next)].iter().map(|a| a.lead + a.set.width).sum::<f32>();
    }
    let mut lines: Vec<Set> = Vec::new();
    for (i, atom) in atoms.into_iter().enumerate() {
        if starts.contains(&i) {
            let width = if lines.is_empty() { 0.0 } else { indent };
            lines.push(Set { width, ..Set::default() });
        } else if let Some(line) = lines.last_mut() {
            line.width += atom.lead;
        }
        if let Some(line) = lines.last_mut() {
            line.push(atom.set);
        }
    }
    lines
}
