//! The network as it stands at a moment: discs, edges and the numbers that rest beside them.
//!
//! What moves is laid over it by the file of each phase.

use super::canvas::{Rank, Words as Lettering, label_box, overlaps};
use super::known::{Backward, Forward};
use super::stage::{Play, Slot, Stage, equation, gradient, slope, update, value};
use crate::event::{EventKind, Phase};
use crate::layout::Density;
use crate::scene::{Anchor, Bounds, Disc, Edge, Ink, Label, Math, Point, Target};
use crate::words::{self, number};

/// The letters of numbers at rest.
const AROUND: f32 = 15.0;
const ON_EDGE: f32 = 13.5;
/// A layer with more weights than this has no numbers on its edges.
const MOST_WEIGHT_NUMBERS: usize = 16;
/// Small discs have numbers from this radius on screen, in points.
const LEAST_DISC: f32 = 13.0;
/// Of a matrix no more frozen weights than this are pointed out.
const MOST_FROZEN: usize = 64;
/// Widths of edges, as on TensorFlow's playground.
const EDGE_WIDTH: (f64, f64, f64) = (1.0, 1.8, 10.0);

impl Stage<'_> {
    /// Everything but the loss.
    pub(super) fn network(&mut self) {
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
        let Some(x) = known else {
            self.name(target, 0, Math::indexed("x", (input + 1).to_string()));
            return;
        };
        self.name(target, 0, Math::indexed("x", (input + 1).to_string()));
        self.number_inside(target, 0, self.number(x));
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
        self.name(target, layer + 1, name);
        if let Some(x) = forward.value() {
            let text = self.number(x);
            let text = if matches!(forward, Forward::Sum { .. }) { format!("Σ {text}") } else { text };
            self.number_inside(target, layer + 1, text);
        }
        if let Forward::Sum { waiting: Some((input, product)), .. } = forward {
            self.waiting(layer, neuron, input, product);
        }
        let is_shown = self.is_roomy(layer) || self.options.selected == Some(target);
        if is_shown {
            self.gradient_below(layer, neuron, &backward);
            self.bias_below(layer, neuron);
        }
    }

    /// A product that has arrived and waits for the sum; it enters with the accumulation.
    fn waiting(&mut self, layer: usize, neuron: usize, input: usize, product: f64) {
        let (_, rim) = self.layout.edge(layer, neuron, input);
        let center = self.layout.position(Target::Neuron { layer, neuron });
        let is_entering = matches!(&self.play, Play::One(event) if matches!(event.kind, EventKind::Accumulate { .. })
            && event.target == (Target::Weight { layer, neuron, input }));
        let share = if is_entering && !self.options.reduced_motion {
            0.4 * self.wave.way(0.0, super::wave::ARRIVE)
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
        let lettering = Lettering::new(equation(name, self.number(x)), AROUND, gradient(x));
        self.around(Target::Neuron { layer, neuron }, Slot::Gradient, Rank::Around, lettering);
    }

    fn bias_below(&mut self, layer: usize, neuron: usize) {
        let bias = self.known.parameter(layer, neuron, None);
        let mut text = equation(Math::indexed("b", (neuron + 1).to_string()), self.number(bias));
        if self.known.is_frozen(layer, neuron, None) {
            text = Math::row([Math::text(LOCK), text]);
        }
        let lettering = Lettering::new(text, ON_EDGE, self.parameter_ink(layer, neuron, None));
        self.around(Target::Neuron { layer, neuron }, Slot::Bias, Rank::Around, lettering);
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
        let is_one =
            !matches!(&self.play, Play::Forward { .. } | Play::Backward { .. } | Play::Entering) || radius > 20.0;
        let glow = if is_current { self.wave.glow() * if is_one { 1.0 } else { 0.3 } } else { 0.0 };
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

    fn name(&mut self, target: Target, column: usize, name: Math) {
        if self.layout.density(column) == Density::Roomy || self.options.selected == Some(target) {
            self.around(target, Slot::Above, Rank::Around, Lettering::new(name, AROUND, Ink::Faint));
        }
    }

    fn number_inside(&mut self, target: Target, column: usize, text: String) {
        let room = self.layout.radius(target) * self.options.zoom;
        if self.layout.density(column) != Density::Block || (room > LEAST_DISC && self.is_in_view(target)) {
            self.inside(target, text, Rank::Value);
        }
    }

    /// Whether a disc may be seen.
    fn is_in_view(&self, target: Target) -> bool {
        let ([x, y], radius) = (self.layout.position(target), self.layout.radius(target));
        let Some(view) = self.options.view else { return true };
        overlaps(view, Bounds { min: [x - radius, y - radius], max: [x + radius, y + radius] })
    }

    /// A number in a disc, as large as fits.
    pub(super) fn inside(&mut self, target: Target, text: String, rank: Rank) {
        let ([x, y], radius) = (self.layout.position(target), self.layout.radius(target));
        // A disc is narrower where it leaves room for a map.
        let (below, width, height) = if self.has_map(target) { (0.66, 1.3, 0.46) } else { (0.0, 1.6, 0.52) };
        let size = (width * radius / (0.55 * text.chars().count().max(1) as f32)).min(height * radius);
        let place = [x, y + below * radius];
        self.canvas.label(rank, place, Anchor::Center, Lettering::new(Math::text(text), size, Ink::Text));
    }

    fn layer_edges(&mut self, layer: usize) {
        let fan_in = self.known.step.shape.fan_in(layer);
        if let Some(place) = self.layout.matrix(layer) {
            self.layer_matrix(layer, place);
            for flat in self.wanted_cells(layer) {
                self.edge(layer, flat / fan_in, flat % fan_in, 1);
            }
            self.selected_number(layer, false);
            return;
        }
        let chosen = self.strongest.layer(layer);
        let spots = self.has_weight_numbers(layer).then(|| self.weight_spots(layer));
        for &flat in chosen {
            self.edge(layer, flat / fan_in, flat % fan_in, chosen.len());
            if let Some(spots) = &spots {
                self.weight_number(layer, flat / fan_in, flat % fan_in, spots[flat], Rank::Weight);
            }
        }
        for flat in self.wanted(layer) {
            if chosen.binary_search(&flat).is_err() {
                self.edge(layer, flat / fan_in, flat % fan_in, chosen.len());
            }
        }
        self.selected_number(layer, spots.is_some());
    }

    /// The number of a selected weight, when it is not among those that are shown anyway.
    fn selected_number(&mut self, layer: usize, all_are_shown: bool) {
        if let Some(Target::Weight { layer: at, neuron, input }) = self.options.selected
            && at == layer
            && !all_are_shown
            && !self.play.updates(layer, neuron, Some(input))
        {
            let spot = self.weight_spot(layer, neuron, input);
            self.weight_number(layer, neuron, input, spot, Rank::Around);
        }
    }

    /// The weights that are drawn even when they are weak: those of the running operation and the selection.
    fn wanted(&self, layer: usize) -> Vec<usize> {
        let (size, fan_in) = (self.known.step.shape.size(layer), self.known.step.shape.fan_in(layer));
        let mut wanted = Vec::new();
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

    /// The weights of a matrix that have a way of their own through it: of the running operation, the selected one,
    /// and some that are frozen.
    fn wanted_cells(&self, layer: usize) -> Vec<usize> {
        let step = self.known.step;
        let (weights, fan_in) = (step.shape.weights(layer), step.shape.fan_in(layer));
        let flat = |target| match target {
            Target::Weight { layer: at, neuron, input } if at == layer => Some(neuron * fan_in + input),
            _ => None,
        };
        let frozen = step.frozen.range(weights.clone()).take(MOST_FROZEN).map(|at| at - weights.start);
        let mut wanted: Vec<usize> =
            self.single_weight().into_iter().chain(self.options.selected).filter_map(flat).chain(frozen).collect();
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
            glow = self.wave.glow();
        } else if self.is_on_way(layer, neuron, input) {
            glow = super::way::GLOW;
        }
        if let Some(slope) = self.slope_shown(layer, neuron, input) {
            ink = gradient(slope);
            glow = self.wave.glow();
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
                (self.wave.progress >= super::wave::GROUP_DELTA).then(|| delta * self.known.source(layer, input))
            }
            _ => None,
        }
    }

    fn has_weight_numbers(&self, layer: usize) -> bool {
        let is_roomy = self.layout.density(layer) == Density::Roomy && self.is_roomy(layer);
        is_roomy && self.known.step.shape.weights(layer).len() <= MOST_WEIGHT_NUMBERS
    }

    fn weight_number(&mut self, layer: usize, neuron: usize, input: usize, place: Point, rank: Rank) {
        let mut text = Math::text(self.number(self.known.parameter(layer, neuron, Some(input))));
        if self.known.is_frozen(layer, neuron, Some(input)) {
            text = Math::row([Math::text(LOCK), text]);
        }
        let is_selected = self.options.selected == Some(Target::Weight { layer, neuron, input });
        if is_selected && let Some(grad) = self.known.gradient(layer, neuron, input) {
            let grad = slope(Math::text(format!("w = {}", self.number(grad)))).ink(gradient(grad));
            text = Math::row([text, Math::text("   "), grad]);
        }
        let mut ink = self.parameter_ink(layer, neuron, Some(input));
        // While neurons move back together, each of their weights shows its gradient.
        if let (Play::Backward { .. }, Some(slope)) = (&self.play, self.slope_shown(layer, neuron, input)) {
            text = Math::text(format!("∂ {}", self.number(slope)));
            ink = gradient(slope);
        }
        let lettering = Lettering::plated(text, ON_EDGE, ink);
        self.canvas.label(rank, place, Anchor::Center, lettering);
    }

    /// Where on its edge a weight's number stands.
    pub(super) fn weight_spot(&self, layer: usize, neuron: usize, input: usize) -> Point {
        if self.has_weight_numbers(layer) {
            return self.weight_spots(layer)[neuron * self.known.step.shape.fan_in(layer) + input];
        }
        self.layout.position(Target::Weight { layer, neuron, input })
    }

    /// Where the numbers of a layer's weights stand, `[neuron][input]`: all at the same share of their edges
    /// where possible, and elsewhere on the edge where they would meet.
    fn weight_spots(&self, layer: usize) -> Vec<Point> {
        let (size, fan_in) = (self.known.step.shape.size(layer), self.known.step.shape.fan_in(layer));
        let ends: Vec<(Point, Point)> = (0..size * fan_in)
            .map(|flat| {
                let neuron = Target::Neuron { layer, neuron: flat / fan_in };
                (self.layout.position(Self::source(layer, flat % fan_in)), self.layout.position(neuron))
            })
            .collect();
        let at = |flat: usize, share: f32| {
            let (from, to) = ends[flat];
            [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share]
        };
        let reach = widest(self.options.digits);
        let room = |flat: usize, share: f32| {
            let [x, y] = at(flat, share);
            Bounds { min: [x - reach[0], y - reach[1]], max: [x + reach[0], y + reach[1]] }
        };
        let clashes = |share: f32| {
            let rooms: Vec<Bounds> = (0..ends.len()).map(|flat| room(flat, share)).collect();
            let pairs = (0..rooms.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
            pairs.filter(|&(i, j)| overlaps(rooms[i], rooms[j])).count()
        };
        let best = SHARES.into_iter().min_by_key(|&share| clashes(share)).unwrap_or(0.5);
        let mut taken: Vec<Bounds> = Vec::with_capacity(ends.len());
        let mut spots = Vec::with_capacity(ends.len());
        for flat in 0..ends.len() {
            let is_free = |&share: &f32| taken.iter().all(|other| !overlaps(*other, room(flat, share)));
            let share = [best].into_iter().chain(SHARES).find(is_free).unwrap_or(best);
            taken.push(room(flat, share));
            spots.push(at(flat, share));
        }
        spots
    }
}

/// Stands before the number of a parameter that is held fast: two lines, as its edge is drawn.
const LOCK: &str = "‖ ";

/// Shares of an edge where a weight's number may stand, the preferred ones first.
const SHARES: [f32; 11] = [0.4, 0.42, 0.38, 0.44, 0.36, 0.58, 0.6, 0.56, 0.62, 0.46, 0.52];

/// How far the widest number that a weight is likely to have reaches from its middle, across and down.
fn widest(digits: usize) -> Point {
    let math = Math::text(number(-0.123_456_789, digits));
    let label = Label {
        place: [0.0, 0.0],
        anchor: Anchor::Center,
        math,
        size: ON_EDGE,
        ink: Ink::Text,
        plate: true,
        smallest: 0.0,
    };
    label_box(&label).max
}
