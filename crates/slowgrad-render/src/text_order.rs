//! Right-to-left text: puts the letters of laid-out text into their visual order.
//!
//! egui shapes each run of one font and writes runs from left to right in the order of the text. It does not reorder
//! them as the Unicode bidirectional algorithm requires, and the characters of a right-to-left run are in visual order,
//! with superfluous entries. This module reorders finished galleys: the paint position of each letter, its caret
//! position, and one entry per character. Line breaks stay where egui has put them.
//!
//! Underlines, backgrounds and the rectangle of a selection are not moved. A word that is broken over two lines, because
//! it is wider than a line, keeps egui's order.

use std::ops::Range;
use std::sync::Arc;

use egui::epaint::text::{Glyph, Row};
use egui::epaint::{ClippedShape, Shape, Vertex};
use egui::text::{CCursor, LayoutJob};
use egui::{Align, ClippedPrimitive, Context, Galley, Pos2, TextBuffer, TextStyle, Ui, Vec2};
use unicode_bidi::{Level, ParagraphBidiInfo};

/// The vertices of a glyph's rectangle: left and right of the upper edge, then of the lower one.
const GLYPH_VERTICES: usize = 4;

/// Brackets and quotation marks in pairs. In right-to-left text each is drawn as its mirror image.
const MIRRORED: &str = "()[]{}<>«»‹›≤≥⟨⟩";

/// The order of a paragraph's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseDirection {
    /// As its first letter demands: prose.
    FirstLetter,
    /// Left to right: code.
    LeftToRight,
}

/// Turns the shapes of a frame into triangles, with right-to-left text in visual order.
pub fn tessellate(ctx: &Context, mut shapes: Vec<ClippedShape>, pixels_per_point: f32) -> Vec<ClippedPrimitive> {
    for clipped in &mut shapes {
        order_shape(&mut clipped.shape);
    }
    ctx.tessellate(shapes, pixels_per_point)
}

fn order_shape(shape: &mut Shape) {
    match shape {
        Shape::Text(text) => {
            if let Some(ordered) = visual_order(&text.galley, BaseDirection::FirstLetter) {
                text.galley = Arc::new(ordered);
            }
        }
        Shape::Vec(shapes) => shapes.iter_mut().for_each(order_shape),
        _ => {}
    }
}

/// The galley with its letters in visual order, or `None` if it is in that order already.
///
/// In the result, a row has one glyph per character, in the order of the text. A right-to-left letter has its position
/// at its right edge, and a negative advance.
pub fn visual_order(galley: &Galley, base: BaseDirection) -> Option<Galley> {
    if galley.text().is_ascii() || !galley.text().contains(is_right_to_left) || galley.rows.iter().any(is_ordered) {
        return None;
    }
    let mut ordered = galley.clone();
    let mut paragraphs = galley.text().split('\n');
    let mut first = 0;
    let mut changed = false;
    while first < galley.rows.len() {
        let end = galley.rows[first..].iter().position(|row| row.ends_with_newline);
        let end = end.map_or(galley.rows.len(), |at| first + at + 1);
        let text = if galley.job.break_on_newline { paragraphs.next() } else { Some(galley.text()) };
        let text = text.unwrap_or_default();
        if text.contains(is_right_to_left) {
            changed |= order_paragraph(&mut ordered, first..end, text, base);
        }
        first = end;
    }
    if !changed {
        return None;
    }
    ordered.mesh_bounds = ordered
        .rows
        .iter()
        .map(|row| row.visuals.mesh_bounds.translate(row.pos.to_vec2()))
        .fold(egui::Rect::NOTHING, egui::Rect::union);
    Some(ordered)
}

/// The caret position at a point of a galley, if a right-to-left letter is there. [`Galley::cursor_from_pos`] returns the
/// start of the word instead.
pub fn right_to_left_cursor(galley: &Galley, at: Vec2) -> Option<CCursor> {
    let mut first = 0;
    for row in &galley.rows {
        if (row.min_y()..row.max_y()).contains(&at.y) {
            let x = at.x - row.pos.x;
            let is_here = |glyph: &Glyph| glyph.max_x() <= x && x < glyph.pos.x;
            let nth = row.glyphs.iter().position(is_here)?;
            let glyph = &row.glyphs[nth];
            let is_left_half = x < glyph.pos.x + 0.5 * glyph.advance_width;
            return Some(CCursor::new(first + nth + usize::from(is_left_half)));
        }
        first += row.char_count_including_newline().0;
    }
    None
}

/// Lays out the text of a field, for [`egui::TextEdit::layouter`].
pub fn field_galley(ui: &Ui, buffer: &dyn TextBuffer, wrap_width: f32) -> Arc<Galley> {
    let font = TextStyle::Body.resolve(ui.style());
    let mut job = LayoutJob::simple_singleline(buffer.as_str().to_owned(), font, ui.visuals().text_color());
    job.wrap.max_width = wrap_width;
    let galley = ui.painter().layout_job(job);
    visual_order(&galley, BaseDirection::FirstLetter).map_or(galley, Arc::new)
}

/// Whether [`visual_order`] has made this row.
fn is_ordered(row: &egui::epaint::text::PlacedRow) -> bool {
    row.glyphs.iter().any(|glyph| glyph.advance_width < 0.0)
}

/// Whether a character is from a script that is written from right to left, including its digits and marks. Fonts for
/// other scripts do not have these characters, so they are in runs of their own.
fn is_right_to_left(c: char) -> bool {
    matches!(u32::from(c), 0x0590..=0x08FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFC | 0x10800..=0x10FFF | 0x1E800..=0x1EFFF)
}

/// A part of a row that is moved as a whole, in the order of the text.
struct Cluster {
    /// The glyphs in egui's row. The first one has the advance, the others are marks or empty.
    glyphs: Vec<usize>,
    /// The characters; one, or more where a ligature or a mark joins them. Empty if the glyphs are one per character.
    chars: Vec<char>,
    level: Level,
    advance: f32,
    /// The position in egui's row, from the sum of the advances.
    before: f32,
}

/// Reorders the rows of one paragraph; returns whether they have changed.
fn order_paragraph(galley: &mut Galley, rows: Range<usize>, text: &str, base: BaseDirection) -> bool {
    // A line feed in a line without breaks separates nothing.
    let text = text.replace('\n', " ");
    let base = match base {
        BaseDirection::FirstLetter => None,
        BaseDirection::LeftToRight => Some(Level::ltr()),
    };
    let bidi = ParagraphBidiInfo::new(&text, base);
    let base = bidi.paragraph_level;
    let chars: Vec<(char, Level)> = text.char_indices().map(|(at, c)| (c, bidi.levels[at])).collect();
    let glyphs: Vec<Vec<Glyph>> = galley.rows[rows.clone()].iter().map(|row| row.glyphs.clone()).collect();
    let Some(clusters) = clusters(&glyphs, &chars, base) else { return false };
    let left_aligned = galley.job.halign == Align::LEFT;
    let right = galley.rect.right();
    for (placed, mut clusters) in galley.rows[rows].iter_mut().zip(clusters) {
        // Spaces at the end of a line are at its end, whatever is around them.
        let is_space = |cluster: &Cluster, row: &Row| row.glyphs[cluster.glyphs[0]].chr.is_whitespace();
        let spaces = clusters.iter().rev().take_while(|cluster| is_space(cluster, &placed.row)).count();
        let letters = clusters.len() - spaces;
        clusters[letters..].iter_mut().for_each(|cluster| cluster.level = base);
        order_row(Arc::make_mut(&mut placed.row), &clusters, galley.pixels_per_point);
        if base.is_rtl() && left_aligned {
            placed.pos.x = right - placed.row.size.x;
        }
    }
    true
}

/// Assigns the glyphs of each row to the characters of the paragraph; `None` if they do not fit.
fn clusters(rows: &[Vec<Glyph>], chars: &[(char, Level)], base: Level) -> Option<Vec<Vec<Cluster>>> {
    let all: Vec<(usize, usize)> =
        rows.iter().enumerate().flat_map(|(row, glyphs)| (0..glyphs.len()).map(move |at| (row, at))).collect();
    let chr = |(row, at): (usize, usize)| rows[row][at].chr;
    let glyph_groups = groups(&all, |at| is_right_to_left(chr(*at)));
    let char_groups = groups(chars, |(c, _)| is_right_to_left(*c));
    // An elided text has fewer glyphs than characters.
    if glyph_groups.len() > char_groups.len() {
        return None;
    }
    let mut found: Vec<Vec<Cluster>> = rows.iter().map(|_| Vec::new()).collect();
    let before: Vec<Vec<f32>> = rows.iter().map(|glyphs| positions(glyphs)).collect();
    for ((from_right, glyphs), (also_from_right, letters)) in glyph_groups.into_iter().zip(char_groups) {
        if from_right != also_from_right {
            return None;
        }
        let (glyphs, letters) = (&all[glyphs], &chars[letters]);
        if from_right {
            // Each row of the group separately: its glyphs are in visual order.
            let mut left = letters;
            for part in glyphs.chunk_by(|a, b| a.0 == b.0) {
                let row = part[0].0;
                let at: Vec<usize> = part.iter().map(|(_, at)| *at).collect();
                let (clusters, used) = right_to_left(&rows[row], &before[row], &at, left);
                found[row].extend(clusters);
                left = &left[used..];
            }
        } else {
            for (nth, &(row, at)) in glyphs.iter().enumerate() {
                let from_end = glyphs.len() - nth;
                // Complex scripts have more or fewer glyphs than characters, but only between letters of one level.
                let forward = letters.get(nth).filter(|(c, _)| *c == chr((row, at)));
                let backward = letters.len().checked_sub(from_end).and_then(|at| letters.get(at));
                let backward = backward.filter(|(c, _)| *c == chr((row, at)));
                let level = forward.or(backward).map_or(base, |(_, level)| *level);
                let advance = rows[row][at].advance_width;
                found[row].push(Cluster {
                    glyphs: vec![at],
                    chars: Vec::new(),
                    level,
                    advance,
                    before: before[row][at],
                });
            }
        }
    }
    Some(found)
}

/// The longest groups of neighbours with the same answer, with that answer.
fn groups<T>(items: &[T], is_in: impl Fn(&T) -> bool) -> Vec<(bool, Range<usize>)> {
    let mut start = 0;
    let parts = items.chunk_by(|a, b| is_in(a) == is_in(b));
    parts
        .map(|part| {
            let range = start..start + part.len();
            start = range.end;
            (is_in(&part[0]), range)
        })
        .collect()
}

/// The position of each glyph, as the sum of the advances before it.
fn positions(glyphs: &[Glyph]) -> Vec<f32> {
    let mut sum = 0.0;
    let advance = |glyph: &Glyph| {
        let before = sum;
        sum += glyph.advance_width;
        before
    };
    glyphs.iter().map(advance).collect()
}

/// The clusters of a right-to-left group in the order of the text, and the number of characters in them.
fn right_to_left(row: &[Glyph], before: &[f32], group: &[usize], letters: &[(char, Level)]) -> (Vec<Cluster>, usize) {
    // egui appends an entry without advance and picture for each character but the first.
    let is_visible = |at: &&usize| row[**at].advance_width != 0.0 || !row[**at].uv_rect.is_nothing();
    let mut visible: Vec<usize> = group.iter().filter(is_visible).copied().collect();
    // The shaper writes digits and punctuation alone from left to right.
    if letters.iter().any(|(c, _)| c.is_alphabetic()) {
        visible.reverse();
    }
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut used = 0;
    for at in visible {
        let glyph = row[at];
        // A mark has no advance.
        if let Some(last) = clusters.last_mut().filter(|_| glyph.advance_width == 0.0) {
            last.glyphs.push(at);
            continue;
        }
        let skipped = letters[used..].iter().position(|(c, _)| *c == glyph.chr);
        let start = skipped.map_or(used, |skipped| used + skipped);
        if let Some(last) = clusters.last_mut() {
            last.chars.extend(letters[used..start].iter().map(|(c, _)| *c));
        }
        used = (start + 1).min(letters.len());
        let level = letters.get(start).map_or(Level::rtl(), |(_, level)| *level);
        let advance = glyph.advance_width;
        clusters.push(Cluster { glyphs: vec![at], chars: vec![glyph.chr], level, advance, before: before[at] });
    }
    if let Some(last) = clusters.last_mut() {
        // Marks and the rest of a ligature.
        let joined = letters[used..].iter().take_while(|(c, _)| !c.is_whitespace()).count();
        last.chars.extend(letters[used..used + joined].iter().map(|(c, _)| *c));
        used += joined;
    }
    (clusters, used)
}

/// Moves the clusters of a row to their visual places.
fn order_row(row: &mut Row, clusters: &[Cluster], pixels_per_point: f32) {
    let Some(first) = row.glyphs.first().copied() else { return };
    let levels: Vec<Level> = clusters.iter().map(|cluster| cluster.level).collect();
    let mut after = vec![0.0; clusters.len()];
    let mut x = 0.0;
    for at in ParagraphBidiInfo::reorder_visual(&levels) {
        after[at] = x;
        x += clusters[at].advance;
    }
    let old = std::mem::take(&mut row.glyphs);
    let start = old.iter().map(|glyph| glyph.pos.x).fold(first.pos.x, f32::min);
    let visuals = &mut row.visuals;
    let range = visuals.glyph_vertex_range.clone();
    let mut vertices: Vec<Vertex> = Vec::with_capacity(range.len());
    for (cluster, after) in clusters.iter().zip(after) {
        let from_right = cluster.level.is_rtl();
        let moved = ((after - cluster.before) * pixels_per_point).round() / pixels_per_point;
        let first_vertex = (range.start + vertices.len()) as u32;
        for &at in &cluster.glyphs {
            let glyph = &old[at];
            if glyph.uv_rect.is_nothing() {
                continue;
            }
            let from = glyph.first_vertex as usize;
            let mut corners: Vec<Vertex> = visuals.mesh.vertices[from..from + GLYPH_VERTICES].to_vec();
            for vertex in &mut corners {
                vertex.pos.x += moved;
            }
            if from_right && MIRRORED.contains(glyph.chr) {
                mirror(&mut corners, 2.0 * (glyph.pos.x + moved) + glyph.advance_width);
            }
            vertices.extend(corners);
        }
        let mut glyph = old[cluster.glyphs[0]];
        glyph.first_vertex = first_vertex;
        glyph.pos.x = if from_right { start + after + cluster.advance } else { glyph.pos.x + moved };
        glyph.advance_width = if from_right { -cluster.advance } else { cluster.advance };
        row.glyphs.push(glyph);
        for &chr in cluster.chars.iter().skip(1) {
            let mut joined = glyph;
            joined.chr = chr;
            joined.pos.x += glyph.advance_width;
            joined.advance_width = 0.0;
            joined.first_vertex = (range.start + vertices.len()) as u32;
            joined.is_color = false;
            row.glyphs.push(joined);
        }
    }
    if vertices.len() == range.len() {
        visuals.mesh.vertices.splice(range, vertices);
    }
    visuals.mesh_bounds = visuals.mesh.calc_bounds();
}

/// Exchanges left and right of a glyph's picture within its advance; `sum` is the sum of the left and right edges.
fn mirror(corners: &mut [Vertex], sum: f32) {
    for pair in corners.chunks_exact_mut(2) {
        let (left, right) = (pair[0].pos.x, pair[1].pos.x);
        pair[0].pos = Pos2::new(sum - right, pair[0].pos.y);
        pair[1].pos = Pos2::new(sum - left, pair[1].pos.y);
        let uv = pair[0].uv.x;
        pair[0].uv.x = pair[1].uv.x;
        pair[1].uv.x = uv;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fallback_fonts::{FallbackFont, FoundFonts, add_fallback_fonts};
    use egui::{Color32, FontId, Rect};

    /// Lays out a text with fonts for Hebrew and Arabic.
    fn lay_out(text: &str, width: f32) -> Arc<Galley> {
        let ctx = Context::default();
        crate::Theme::dark().apply(&ctx);
        let fonts: [&[u8]; 2] = [
            include_bytes!("../../../tests/fonts/NotoSansHebrew.ttf"),
            include_bytes!("../../../tests/fonts/NotoSansArabic.ttf"),
        ];
        let font = |(nth, bytes): (usize, &Vec<u8>)| FallbackFont {
            name: nth.to_string(),
            bytes: Arc::new(bytes.clone()),
            index: 0,
        };
        let fonts = fonts.map(<[u8]>::to_vec).iter().enumerate().map(font).collect();
        add_fallback_fonts(&ctx, FoundFonts { fonts, missing: String::new() });
        let mut galley = None;
        ctx.run_ui(egui::RawInput::default(), |ui| {
            let job = LayoutJob::simple(text.to_owned(), FontId::proportional(16.0), Color32::WHITE, width);
            galley = Some(ui.painter().layout_job(job));
        })
        .drop_without_applying_deltas();
        assert_eq!(crate::fallback_fonts::take_wanted_letters(&ctx), "", "the test fonts have all letters");
        galley.expect("a galley")
    }

    fn ordered(text: &str, base: BaseDirection) -> Galley {
        visual_order(&lay_out(text, f32::INFINITY), base).expect("another order")
    }

    /// The characters of a row from left to right.
    fn seen(row: &Row) -> String {
        let mut glyphs: Vec<&Glyph> = row.glyphs.iter().collect();
        let left = |glyph: &Glyph| glyph.pos.x.min(glyph.pos.x + glyph.advance_width);
        glyphs.sort_by(|a, b| left(a).total_cmp(&left(b)));
        glyphs.iter().map(|glyph| glyph.chr).collect()
    }

    fn seen_line(text: &str, base: BaseDirection) -> String {
        let galley = ordered(text, base);
        assert_eq!(galley.rows.len(), 1);
        assert_eq!(galley.rows[0].row.text(), text, "one entry per character, in the order of the text");
        seen(&galley.rows[0])
    }

    /// The pictures in a row, from left to right.
    fn pictures(galley: &Galley) -> Vec<Rect> {
        let row = &galley.rows[0].row;
        let mesh = &row.visuals.mesh.vertices[row.visuals.glyph_vertex_range.clone()];
        let picture = |corners: &[Vertex]| Rect::from_points(&[corners[0].pos, corners[GLYPH_VERTICES - 1].pos]);
        let mut found: Vec<Rect> = mesh.chunks_exact(GLYPH_VERTICES).map(picture).collect();
        found.sort_by(|a, b| a.left().total_cmp(&b.left()));
        found
    }

    /// Whether pictures show the same shapes. The fraction of a pixel at which a letter starts changes its width by one.
    fn are_alike(a: &[Rect], b: &[Rect]) -> bool {
        let differs = |(a, b): (&Rect, &Rect)| (a.size() - b.size()).abs().max_elem() > 1.0 || a.top() != b.top();
        a.len() == b.len() && !a.iter().zip(b).any(differs)
    }

    #[test]
    fn runs_are_in_the_order_of_the_bidirectional_algorithm() {
        let first = BaseDirection::FirstLetter;
        assert_eq!(seen_line("ab שלום cd", first), "ab םולש cd");
        assert_eq!(seen_line("ab שלום עולם cd", first), "ab םלוע םולש cd");
        assert_eq!(seen_line("שלום ab עולם", first), "םלוע ab םולש");
        assert_eq!(seen_line("שלום 12.5, עולם", first), "םלוע ,12.5 םולש");
        assert_eq!(seen_line("سنة١٢٣", first), "١٢٣ةنس");
        assert_eq!(seen_line("// שלום", first), "םולש //");
        assert_eq!(seen_line("// שלום", BaseDirection::LeftToRight), "// םולש");
        assert_eq!(seen_line("\"שלום\"; // ok", BaseDirection::LeftToRight), "\"םולש\"; // ok");
    }

    #[test]
    fn arabic_letters_join_and_keep_their_shapes() {
        let (isolated, word) = (ordered("ب ب", BaseDirection::FirstLetter), ordered("بب", BaseDirection::FirstLetter));
        let (isolated, word) = (pictures(&isolated), pictures(&word));
        assert!(are_alike(&isolated[..1], &isolated[1..]), "the same letter apart has the same shape");
        assert!(word[1].width() + 3.0 < isolated[1].width(), "the initial form on the right is narrower");
        assert!(word[1].left() <= word[0].right(), "the letters touch");
        assert!(isolated[1].left() > isolated[0].right());
        // The two letters of a ligature have one picture and two places for the caret.
        let ligature = ordered("لا", BaseDirection::FirstLetter);
        assert_eq!((pictures(&ligature).len(), ligature.rows[0].glyphs.len()), (1, 2));
        // A mark is above its letter and has a place of its own for the caret.
        let marked = ordered("بَب", BaseDirection::FirstLetter);
        assert_eq!((pictures(&marked).len(), marked.rows[0].row.text().as_str()), (3, "بَب"));
    }

    #[test]
    fn pictures_are_where_the_letters_are() {
        let before = lay_out("ab שלום cd", f32::INFINITY);
        let after = ordered("ab שלום cd", BaseDirection::FirstLetter);
        assert_eq!(pictures(&before), pictures(&after), "one word between Latin words is in order already");
        let apart = ordered("שלום ab", BaseDirection::FirstLetter);
        let word = pictures(&ordered("שלום", BaseDirection::FirstLetter));
        let latin = pictures(&lay_out("ab ", f32::INFINITY));
        assert!(are_alike(&pictures(&apart), &[latin, word].concat()), "Latin is on the left");
    }

    #[test]
    fn brackets_in_right_to_left_text_are_mirrored() {
        let plain = ordered("שלום א ab (", BaseDirection::LeftToRight);
        let mirrored = ordered("שלום (א) ab", BaseDirection::FirstLetter);
        let bracket = |galley: &Galley| {
            let row = &galley.rows[0].row;
            let glyph = row.glyphs.iter().find(|glyph| glyph.chr == '(').expect("a bracket");
            let first = glyph.first_vertex as usize;
            let [left, right] = [0, 1].map(|at| row.visuals.mesh.vertices[first + at]);
            (left.pos.x < right.pos.x, left.uv.x < right.uv.x)
        };
        assert_eq!(bracket(&plain), (true, true));
        assert_eq!(bracket(&mirrored), (true, false));
    }

    #[test]
    fn wrapped_lines_of_a_right_to_left_paragraph_are_aligned_right() {
        let text = "רשת לומדת לאט מאוד ואנחנו רואים כל פעולה";
        let galley = visual_order(&lay_out(text, 130.0), BaseDirection::FirstLetter).expect("another order");
        assert!(galley.rows.len() > 1);
        let mut rest = text;
        for row in &galley.rows {
            let line = row.row.text();
            rest = rest.strip_prefix(&line).expect("lines in the order of the text");
            assert_eq!(row.pos.x + row.size.x, galley.rect.right());
            assert_eq!(seen(&row.row), line.chars().rev().collect::<String>());
        }
        assert_eq!(rest, "");
    }

    #[test]
    fn carets_are_at_the_right_edge_of_right_to_left_letters() {
        let galley = ordered("a שלום b", BaseDirection::LeftToRight);
        let x = |at: usize| galley.pos_from_cursor(CCursor::new(at)).left();
        assert!(x(0) < x(1) && x(1) < x(5), "the last letter is left of the first");
        assert!(x(2) > x(3) && x(3) > x(4) && x(4) > x(5));
        assert!(x(7) > x(6) && x(6) > x(2) - 1.0, "the rest continues on the right");
        assert_eq!(galley.end().index.0, 8);
        let cursor = |x: f32| right_to_left_cursor(&galley, Vec2::new(x, 5.0)).map(|cursor| cursor.index.0);
        for at in 2..6 {
            assert_eq!(cursor(x(at) - 1.0), Some(at), "right half of a letter");
        }
        assert_eq!((cursor(x(0) + 1.0), cursor(x(7) + 1.0)), (None, None), "Latin letters");
    }

    #[test]
    fn other_text_and_ordered_text_stay_as_they_are() {
        assert!(visual_order(&lay_out("ab 12 Жé", f32::INFINITY), BaseDirection::FirstLetter).is_none());
        let once = ordered("ab שלום cd\nשלום ab", BaseDirection::FirstLetter);
        assert!(visual_order(&once, BaseDirection::FirstLetter).is_none());
        for odd in ["\u{5B0}", "ש", "\u{200F}", "שa", "aש", "١", "()ש()", "ש\n\nש", "ש\u{200D}ש", "لالالا"]
        {
            for width in [f32::INFINITY, 4.0] {
                let galley = lay_out(odd, width);
                if let Some(ordered) = visual_order(&galley, BaseDirection::FirstLetter) {
                    assert_eq!(ordered.size(), galley.size(), "{odd:?}");
                }
            }
        }
    }
}
