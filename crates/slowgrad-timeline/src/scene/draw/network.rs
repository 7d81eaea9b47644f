//! The network as it stands at a moment: discs, edges and the numbers that rest beside them.
//!
//! What moves is laid over it by the file of each phase.

use super::weight_labels::digits;
use super::{AROUND, ON_EDGE, Play, Slot, Stage, equation, gradient, slope, update, value};
use crate::event::{EventKind, Phase};
use crate::scene::computed_values::{Backward, Forward};
use crate::scene::label_placement::{Rank, Words as Lettering};
use crate::scene::{Anchor, Bounds, Disc, Edge, Ground, Ink, Math, Point, Target};
use crate::words::{self, number};

/// The letters of a value at the rim of its disc.
const CHIP: f32 = 13.5;
/// A number in a disc is not smaller than this on screen, in points, while fewer digits help.
const LEAST_NUMBER: f32 = 10.0;
/// Below this it is left out.
const LEAST_SEEN: f32 = 7.5;
/// Of a layer no more frozen weights than this are pointed out.
const MOST_FROZEN: usize = 64;
/// Widths of edges, as on TensorFlow's playground.
const EDGE_WIDTH: (f64, f64, f64) = (1.0, 1.8, 10.0);

impl Stage<'_> {
    /// Everything but the loss.
    pub(crate) fn network(&mut self) {
        for layer in 0..self.known.step.shape.layers() {
            self.layer_edges(layer);
        }
        for input in 0..self.known.step.shape.inputs() {
            self.input(input);
        }
        for layer in 0..self.known.step.shape.layers() {
            for neuron in 0..self.known.step.shape.size(layer) {
                self.neuron(layer, neuron);
            }
        }
    }

    fn input(&mut self, input: usize) {
        let target = Target::Input(input);
        let known = self.known.input(input);
        let is_current = matches!(&self.play, Play::One(event) if event.target == target)
            || matches!(self.play, Play::Entering)
            || self.feeds(0, input);
        self.disc(target, known.map_or(Ink::Empty, |x| self.filled(x)), None, is_current);
        self.name(target, Math::indexed("x", (input + 1).to_string()));
        if let Some(x) = known {
            self.value_of(target, "", x);
        }
    }

    fn neuron(&mut self, layer: usize, neuron: usize) {
        let target = Target::Neuron { layer, neuron };
        let (forward, backward) = (self.known.forward(layer, neuron), self.known.backward(layer, neuron));
        let fill = match forward {
            Forward::Active(a) => self.filled(a),
            _ => Ink::Empty,
        };
        let delta = match backward {
            Backward::Delta(delta) => Some(delta),
            _ => None,
        };
        let is_current = self.play.neurons().is_some_and(|(at, neurons)| at == layer && neurons.contains(&neuron))
            || self.feeds(layer + 1, neuron);
        self.disc(target, fill, delta, is_current);

        let z = Math::indexed("z", (neuron + 1).to_string());
        let activation = &self.known.step.names.activations[layer];
        let name = match &forward {
            Forward::Empty => self.activation_name(layer, neuron),
            Forward::Sum { .. } => Math::text("Σ w · x"),
            Forward::Z(_) => z,
            Forward::Running(_) => Math::row([Math::text(format!("{activation}(")), z, Math::text(") …")]),
            // The disc's number is the other side of the equation.
            Forward::Active(_) => {
                let z_value = self.number(self.known.recorded().layers[layer].z[neuron]);
                if self.known.step.names.whole_layer[layer] {
                    equation(z, z_value)
                } else {
                    equation(self.activation_name(layer, neuron), format!("{activation}({z_value})"))
                }
            }
        };
        self.name(target, name);
        if let Some(x) = forward.value() {
            self.value_of(target, if matches!(forward, Forward::Sum { .. }) { "Σ " } else { "" }, x);
        }
        if let Forward::Sum { waiting: Some((input, product)), .. } = forward {
            self.waiting(layer, neuron, input, product);
        }
        if self.has_words(target) || self.options.selected == Some(target) {
            // What the way back has come to is worth more than what has been there all the time.
            self.gradient_below(layer, neuron, &backward);
            if backward == Backward::Nothing || self.has_two_lines(target) {
                self.bias_below(layer, neuron);
            }
        }
    }

    /// A product that has arrived and waits for the sum; it enters with the accumulation.
    fn waiting(&mut self, layer: usize, neuron: usize, input: usize, product: f64) {
        let (_, rim) = self.layout.edge(layer, neuron, input);
        let center = self.layout.position(Target::Neuron { layer, neuron });
        let is_entering = matches!(&self.play, Play::One(event) if matches!(event.kind, EventKind::Accumulate { .. })
            && event.target == (Target::Weight { layer, neuron, input }));
        let share = if is_entering && !self.options.reduced_motion {
            0.4 * self.wave.way(0.0, crate::scene::moment_progress::ARRIVE)
        } else {
            0.0
        };
        let place = [rim[0] + (center[0] - rim[0]) * share, rim[1] + (center[1] - rim[1]) * share];
        let text = self.number(product);
        self.pulse(place, place, 1.0, value(product), text);
    }

    fn gradient_below(&mut self, layer: usize, neuron: usize, backward: &Backward) {
        let index = (neuron + 1).to_string();
        let (name, x) = match backward {
            Backward::Nothing => return,
            Backward::Arriving(grad) => (slope(self.activation_name(layer, neuron)), *grad),
            Backward::Running(named) => (slope(words::symbol(&named.name)), named.value),
            Backward::Delta(delta) => (Math::indexed("δ", index), *delta),
        };
        let target = Target::Neuron { layer, neuron };
        let lettering = Lettering::new(equation(name, self.number(x)), self.letters(AROUND, target), gradient(x));
        self.around(target, Slot::Gradient, Rank::Around, lettering);
    }

    fn bias_below(&mut self, layer: usize, neuron: usize) {
        let bias = self.known.parameter(layer, neuron, None);
        let mut text = equation(Math::indexed("b", (neuron + 1).to_string()), self.number(bias));
        if self.known.is_frozen(layer, neuron, None) {
            text = Math::row([Math::text(LOCK), text]);
        }
        let target = Target::Neuron { layer, neuron };
        let lettering = Lettering::new(text, self.letters(ON_EDGE, target), self.parameter_ink(layer, neuron, None));
        self.around(target, Slot::Bias, Rank::Around, lettering);
    }

    /// A parameter's own colour, or that of its change once the update has moved it.
    fn parameter_ink(&self, layer: usize, neuron: usize, input: Option<usize>) -> Ink {
        let (old, new) = self.known.old_and_new(layer, neuron, input);
        if self.known.is_updated(layer, neuron, input) { update(new - old) } else { Ink::Weight(words::level(old)) }
    }

    /// The fill of a disc; in the update the last sample's activations stay faintly.
    fn filled(&self, x: f64) -> Ink {
        let strength = if self.known.phase == Phase::Update { 0.35 } else { 1.0 };
        Ink::Value(words::level(x) * strength)
    }

    /// Whether the running operation takes its number from this disc.
    fn feeds(&self, layer: usize, input: usize) -> bool {
        matches!(&self.play, Play::One(event) if matches!(event.address.phase, Phase::Forward | Phase::Backward)
            && matches!(event.target, Target::Weight { layer: at, input: from, .. } if (at, from) == (layer, input)))
    }

    fn disc(&mut self, target: Target, fill: Ink, delta: Option<f64>, is_current: bool) {
        let radius = self.layout.radius(target);
        let scale = (radius / 30.0).clamp(0.3, 1.0);
        // A ring that is strong and wide where the loss depends much on the neuron.
        let (ring, width) = match delta {
            Some(delta) => (gradient(delta), 2.5 + 4.5 * delta.abs().sqrt().min(1.0) as f32),
            None => (Ink::Faint, 1.5),
        };
        // Many that glow together would outshine their own colours.
        let is_one = !matches!(&self.play, Play::Forward { .. } | Play::Backward { .. } | Play::Entering);
        let share = match radius {
            _ if is_one => 1.0,
            20.0.. => 0.75,
            13.0.. => 0.4,
            _ => 0.12,
        };
        let glow = if is_current { self.wave.glow() * share } else { 0.0 };
        let center = self.layout.position(target);
        self.canvas.discs.push(Disc {
            center,
            radius,
            fill,
            ring,
            ring_width: width * scale,
            glow,
            alpha: 1.0,
            target,
        });
    }

    fn name(&mut self, target: Target, name: Math) {
        if self.has_words(target) || self.options.selected == Some(target) {
            let lettering = Lettering::new(name, self.letters(AROUND, target), Ink::Faint);
            self.around(target, Slot::Above, Rank::Around, lettering);
        }
    }

    /// Whether a disc may be seen.
    fn is_in_view(&self, target: Target) -> bool {
        let ([x, y], radius) = (self.layout.position(target), self.layout.radius(target));
        let Some(view) = self.options.view else { return true };
        view.overlaps(Bounds { min: [x - radius, y - radius], max: [x + radius, y + radius] })
    }

    /// The number of a disc: in its middle, or at its lower rim where the middle has a map.
    pub(crate) fn value_of(&mut self, target: Target, before: &str, x: f64) {
        let ([cx, cy], radius) = (self.layout.position(target), self.layout.radius(target));
        // Of thousands of small discs none is looked at any further.
        if radius * self.options.zoom < LEAST_SEEN || !self.is_in_view(target) {
            return;
        }
        if self.has_map(target) {
            let size = self.letters(CHIP, target);
            if self.has_words(target) || radius > 1.8 * size {
                let words = Lettering::new(Math::text(format!("{before}{}", self.number(x))), size, Ink::Text);
                let words = words.on(Ground::Chip(self.filled(x))).about(target);
                self.canvas.label(Rank::Value, [cx, cy + 0.78 * radius], Anchor::Center, words);
            }
            return;
        }
        // A number as large as fits, with fewer digits where it would be too small to read.
        let sized = |digits: usize| {
            let text = format!("{before}{}", number(x, digits));
            let fits = 1.7 * radius / (0.55 * text.chars().count().max(1) as f32);
            (text, fits.min(0.56 * radius).min(self.legible(0.56 * radius)))
        };
        let (mut text, mut size) = sized(self.options.digits);
        for (digits, least) in [(2, LEAST_NUMBER), (1, LEAST_SEEN)] {
            if size * self.options.zoom < least && self.options.digits > digits {
                (text, size) = sized(digits);
            }
        }
        if size * self.options.zoom >= LEAST_SEEN {
            let words = Lettering::new(Math::text(text), size, Ink::Text).about(target);
            self.canvas.label(Rank::Value, [cx, cy], Anchor::Center, words);
        }
    }

    fn layer_edges(&mut self, layer: usize) {
        let fan_in = self.known.step.shape.fan_in(layer);
        if let Some(place) = self.layout.matrix(layer) {
            self.layer_matrix(layer, place);
            for flat in self.wanted_cells(layer) {
                self.edge(layer, flat / fan_in, flat % fan_in, 1);
            }
            self.selected_number(layer);
            return;
        }
        let followed = self.followed(layer);
        let chosen = self.crowds.strongest(layer, followed);
        let is_crowd = followed < self.known.step.shape.weights(layer).len();
        if is_crowd {
            self.bundles(layer);
        }
        for &flat in &chosen {
            self.edge(layer, flat / fan_in, flat % fan_in, chosen.len());
            if !is_crowd && self.spot(layer, flat).is_some() {
                self.weight_number(layer, flat / fan_in, flat % fan_in);
            }
        }
        for flat in self.wanted(layer) {
            if chosen.binary_search(&flat).is_err() {
                self.edge(layer, flat / fan_in, flat % fan_in, chosen.len());
            }
        }
        if let Some(Target::Weight { layer: at, neuron, input }) = self.options.selected
            && at == layer
            && (is_crowd || self.spot(layer, neuron * fan_in + input).is_none())
        {
            self.selected_number(layer);
        }
    }

    /// The number of a selected weight, when it is not among those that are shown anyway.
    fn selected_number(&mut self, layer: usize) {
        if let Some(Target::Weight { layer: at, neuron, input }) = self.options.selected
            && at == layer
            && !self.play.updates(layer, neuron, Some(input))
        {
            self.weight_number(layer, neuron, input);
        }
    }

    /// The weights that are drawn even when they are weak: those of the running operation and the selection, and some
    /// that are frozen.
    fn wanted(&self, layer: usize) -> Vec<usize> {
        let (size, fan_in) = (self.known.step.shape.size(layer), self.known.step.shape.fan_in(layer));
        let mut wanted: Vec<usize> = self.frozen(layer).collect();
        if let Some((at, neurons)) = self.play.neurons()
            && at == layer
            && neurons.len() == 1
        {
            wanted.extend(neurons.start * fan_in..neurons.end * fan_in);
        }
        let one = self.single_weight();
        for target in
            one.into_iter().filter(|target| matches!(target, Target::Weight { .. })).chain(self.options.selected)
        {
            match target {
                Target::Weight { layer: at, neuron, input } if at == layer => wanted.push(neuron * fan_in + input),
                Target::Neuron { layer: at, neuron } | Target::Bias { layer: at, neuron } if at == layer => {
                    wanted.extend(neuron * fan_in..(neuron + 1) * fan_in);
                }
                Target::Neuron { layer: at, neuron } if at + 1 == layer => {
                    wanted.extend((0..size).map(|to| to * fan_in + neuron));
                }
                Target::Input(input) if layer == 0 => wanted.extend((0..size).map(|to| to * fan_in + input)),
                _ => {}
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|&flat| flat < size * fan_in);
        wanted
    }

    /// The weight that the running operation is about.
    fn single_weight(&self) -> Option<Target> {
        match &self.play {
            Play::One(event) => Some(event.target),
            Play::Update { layer, first, last } if first == last && first.1 < usize::MAX => {
                Some(Target::Weight { layer: *layer, neuron: first.0, input: first.1 })
            }
            _ => None,
        }
    }

    /// Frozen weights of a layer, not too many.
    fn frozen(&self, layer: usize) -> impl Iterator<Item = usize> {
        let (step, weights) = (self.known.step, self.known.step.shape.weights(layer));
        let first = weights.start;
        step.frozen.range(weights).take(MOST_FROZEN).map(move |at| at - first)
    }

    /// The weights of a matrix that have a way of their own through it: of the running operation, the selected one,
    /// and some that are frozen.
    fn wanted_cells(&self, layer: usize) -> Vec<usize> {
        let fan_in = self.known.step.shape.fan_in(layer);
        let flat = |target| match target {
            Target::Weight { layer: at, neuron, input } if at == layer => Some(neuron * fan_in + input),
            _ => None,
        };
        let mut wanted: Vec<usize> = self
            .single_weight()
            .into_iter()
            .chain(self.options.selected)
            .filter_map(flat)
            .chain(self.frozen(layer))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    fn edge(&mut self, layer: usize, neuron: usize, input: usize, drawn: usize) {
        let target = Target::Weight { layer, neuron, input };
        let scale =
            ((self.layout.radius(Self::source(layer, input)) + self.layout.radius(target)) / 60.0).clamp(0.3, 1.0);
        let width = |w: f64| {
            let (least, slope, most) = EDGE_WIDTH;
            let wide = least + slope * w.abs();
            if wide.is_nan() { least as f32 } else { wide.min(most) as f32 * scale }
        };
        let (old, new) = self.known.old_and_new(layer, neuron, Some(input));
        let now = self.known.parameter(layer, neuron, Some(input));
        let is_updating = self.play.updates(layer, neuron, Some(input));
        let is_moving =
            is_updating && !matches!(&self.play, Play::One(event) if !matches!(event.kind, EventKind::Updated { .. }));
        let is_current = matches!(&self.play, Play::One(event) if event.target == target) || is_updating;
        let is_near = self.play.neurons().is_some_and(|(at, neurons)| at == layer && neurons.contains(&neuron));
        let (from, to) = self.layout.edge(layer, neuron, input);
        // Where many edges are drawn each is fainter, so that discs stay visible.
        let crowd = (40.0 / drawn.max(1) as f32).powf(0.35).min(1.0);
        let (mut ink, mut glow) = (Ink::Weight(words::level(now)), 0.0);
        if is_current {
            // Many that change together would outshine their own colours.
            glow = self.wave.glow() * if is_moving { crowd.powi(3) } else { 1.0 };
        } else if self.is_on_way(layer, neuron, input) {
            glow = super::gradient_path::GLOW;
        }
        if let Some(slope) = self.slope_shown(layer, neuron, input) {
            ink = gradient(slope);
            // Many that glow together would cover each other.
            glow = self.wave.glow() * if is_current { 1.0 } else { 0.35 };
        }
        let share = self.wave.way(0.1, 0.9);
        let alpha = if is_current || glow > 0.0 || self.options.selected == Some(target) {
            1.0
        } else if is_near {
            crowd.max(0.3)
        } else {
            0.8 * crowd
        };
        let edge = Edge {
            from,
            to,
            width: if is_moving { width(old) + (width(new) - width(old)) * share } else { width(now) },
            ink,
            alpha,
            ghost_width: is_moving.then(|| width(old)),
            glow,
            is_frozen: self.known.is_frozen(layer, neuron, Some(input)),
            target,
        };
        if self.layout.matrix(layer).is_some() {
            let cell = self.layout.position(target);
            self.canvas.edges.extend([Edge { to: cell, ..edge.clone() }, Edge { from: cell, ..edge }]);
        } else {
            self.canvas.edges.push(edge);
        }
    }

    /// ∂L/∂w of a weight whose edge stands for its gradient just now.
    fn slope_shown(&self, layer: usize, neuron: usize, input: usize) -> Option<f64> {
        match &self.play {
            Play::One(event) => match event.kind {
                EventKind::WeightGrad { contribution, .. }
                    if event.target == (Target::Weight { layer, neuron, input }) =>
                {
                    Some(contribution)
                }
                _ => None,
            },
            Play::Backward { layer: at, neurons } if *at == layer && neurons.contains(&neuron) => {
                let delta = self.known.recorded().layers[layer].delta[neuron];
                (self.wave.progress >= crate::scene::moment_progress::GROUP_DELTA)
                    .then(|| delta * self.known.source(layer, input))
            }
            _ => None,
        }
    }

    fn weight_number(&mut self, layer: usize, neuron: usize, input: usize) {
        let is_selected = self.options.selected == Some(Target::Weight { layer, neuron, input });
        let digits = if is_selected { self.options.digits } else { digits(self.options) };
        let mut text = Math::text(number(self.known.parameter(layer, neuron, Some(input)), digits));
        if self.known.is_frozen(layer, neuron, Some(input)) {
            text = Math::row([Math::text(LOCK), text]);
        }
        if is_selected && let Some(grad) = self.known.gradient(layer, neuron, input) {
            let grad = slope(Math::text(format!("w = {}", self.number(grad)))).ink(gradient(grad));
            text = Math::row([text, Math::text("   "), grad]);
        }
        let mut ink = self.parameter_ink(layer, neuron, Some(input));
        // While neurons move back together, each of their weights shows its gradient.
        if let (Play::Backward { .. }, Some(slope)) = (&self.play, self.slope_shown(layer, neuron, input)) {
            text = Math::text(format!("∂{}", number(slope, digits)));
            ink = gradient(slope);
        }
        let target = Target::Weight { layer, neuron, input };
        let lettering = Lettering::new(text, self.legible(ON_EDGE), ink).on(Ground::Plate).about(target);
        // What is selected says more than its number, and stays.
        let (rank, place) = if is_selected {
            (Rank::Outcome, self.between_discs(layer, neuron, input, &lettering))
        } else {
            (Rank::Weight, self.weight_spot(layer, neuron, input))
        };
        self.canvas.label(rank, place, Anchor::Center, lettering);
    }

    /// Where on its edge a weight's number stands.
    pub(crate) fn weight_spot(&self, layer: usize, neuron: usize, input: usize) -> Point {
        self.spot(layer, neuron * self.known.step.shape.fan_in(layer) + input)
            .unwrap_or_else(|| self.layout.position(Target::Weight { layer, neuron, input }))
    }

    /// The same, when numbers stand there by themselves.
    fn spot(&self, layer: usize, flat: usize) -> Option<Point> {
        self.spots[layer].get(flat).copied().flatten()
    }
}

/// Stands before the number of a parameter that is held fast: two lines, as its edge is drawn.
const LOCK: &str = "‖ ";
