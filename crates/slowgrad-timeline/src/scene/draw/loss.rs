//! The loss at the right of the network: what came out, what was wanted, the difference, and the number that
//! training makes small.
//!
//! It must not know layers before the last.

use super::{MOST_PILLS, Play, Slot, Stage, equation, gradient, slope, value};
use crate::event::{Cell, Event, EventKind, Phase};
use crate::scene::computed_values::{Forward, Loss};
use crate::scene::label_placement::{Rank, Words as Lettering};
use crate::scene::layout::Density;
use crate::scene::moment_progress::ARRIVE;
use crate::scene::{Anchor, Disc, Edge, Ink, Math, Target};
use slowgrad_tape::{Instruction, Op};

/// The letters of outputs and targets, and the distance of their lines as a multiple of these.
const OUTCOME: f32 = 15.0;
const LINE: f32 = 1.4;
/// A line of so many letters has room above the loss.
const MOST_LETTERS: usize = 16;

impl Stage<'_> {
    /// Outputs, targets and the loss as they stand.
    pub(crate) fn outcome(&mut self) {
        let outputs = self.known.step.shape.outputs();
        let density = self.layout.density(self.known.step.shape.layers());
        if density != Density::Block {
            for output in 0..outputs {
                self.loss_edge(output);
                self.output_words(output, density);
            }
        }
        self.loss_disc();
    }

    fn loss_edge(&mut self, output: usize) {
        let (from, to) = self.layout.loss_edge(output);
        let is_current = self.reads_output(output);
        let is_lit = self.comes_from_output(output);
        self.canvas.edges.push(Edge {
            from,
            to,
            width: 1.2,
            ink: if is_current { Ink::Accent } else { Ink::Faint },
            alpha: if is_current || is_lit { 0.9 } else { 0.45 },
            ghost_width: None,
            glow: if is_lit { super::gradient_path::GLOW } else { 0.0 },
            is_frozen: false,
            target: Target::Loss,
        });
    }

    /// ŷ, y and their difference at the right of an output.
    fn output_words(&mut self, output: usize, density: Density) {
        let layer = self.known.step.shape.layers() - 1;
        let disc = Target::Neuron { layer, neuron: output };
        let ([x, y], radius) = (self.layout.position(disc), self.layout.radius(disc));
        let x = x + radius + 10.0;
        let index = (output + 1).to_string();
        let (actual, wanted) = (Math::indexed("ŷ", index.clone()), Math::indexed("y", index));
        let known = match self.known.forward(layer, output) {
            Forward::Active(a) => Some(a),
            _ => None,
        };
        let target = self.known.recorded().target[output];
        let wanted_words = equation(wanted.clone(), self.number(target));
        let is_read = self.reads_output(output);
        if density == Density::Tight {
            let mut parts = vec![wanted_words];
            if let Some(a) = known {
                parts.insert(0, Math::row([equation(actual, self.number(a)), Math::text("   ")]));
            }
            let size = self.legible(11.0);
            // Both where there is room; else what came out is worth more than what is the same in every picture.
            let wide = |math: &Math| 0.55 * size * math.plain().chars().count() as f32;
            let both = Math::row(parts.clone());
            let math = if wide(&both) > self.layout.output_words() - 10.0 { parts.swap_remove(0) } else { both };
            let words = Lettering::new(math, size, Ink::Text).about(disc);
            self.canvas.label(Rank::Outcome, [x, y], Anchor::Right, words);
            return;
        }
        let size = self.legible(OUTCOME);
        let mut line = |nth: f32, math: Math, ink: Ink| {
            let words = Lettering::new(math, size, ink).about(disc);
            self.canvas.label(Rank::Outcome, [x, y + nth * LINE * size], Anchor::Right, words);
        };
        line(0.0, wanted_words, if is_read { Ink::Accent } else { Ink::Faint });
        if let Some(a) = known {
            let number = |x| crate::words::number(x, self.options.digits);
            line(-1.0, equation(actual.clone(), number(a)), value(a));
            if self.known.is_compared() {
                let difference = Math::row([actual, Math::text(" − "), wanted]);
                line(1.0, equation(difference, number(a - target)), Ink::Loss);
            }
        }
    }

    fn loss_disc(&mut self) {
        let loss = self.known.loss();
        let is_current = match &self.play {
            Play::One(event) => event.address.cell == Cell::Loss,
            Play::Loss | Play::LossBack => true,
            _ => false,
        };
        let is_seeded = self.known.is_seeded();
        self.canvas.discs.push(Disc {
            center: self.layout.position(Target::Loss),
            radius: self.layout.radius(Target::Loss),
            fill: if matches!(loss, Loss::Value(_)) && self.known.phase != Phase::Update {
                Ink::Loss
            } else {
                Ink::Empty
            },
            ring: if is_seeded { gradient(1.0) } else { Ink::Loss },
            ring_width: if is_seeded { 4.0 } else { 1.5 },
            glow: if is_current { self.wave.glow() } else { 0.0 },
            alpha: 1.0,
            target: Target::Loss,
        });
        self.loss_name();
        match loss {
            Loss::Empty => {}
            Loss::Running(x) | Loss::Value(x) => self.value_of(Target::Loss, "", x),
        }
        if is_seeded {
            let one = Lettering::new(Math::text("∂L/∂L = 1"), self.legible(OUTCOME), gradient(1.0));
            self.around(Target::Loss, Slot::Gradient, Rank::Around, one);
        }
    }

    /// `L = mse(ŷ, y)`, or what it is on a line above it when that is long; on several, where it would cover the outputs.
    fn loss_name(&mut self) {
        let loss = &self.known.step.names.loss;
        let whole = format!("L = {loss}(ŷ, y)");
        let size = self.legible(OUTCOME);
        let is_short = whole.chars().count() <= MOST_LETTERS;
        let ([x, y], radius) = (self.layout.position(Target::Loss), self.layout.radius(Target::Loss));
        let beside = self.layout.bounds().max[0] - self.layout.extent(self.known.step.shape.layers()).max[0];
        let fits = |line: &str| 0.55 * size * (line.chars().count() as f32 + 1.0) < beside;
        let lines = if is_short && fits(&whole) {
            vec![whole]
        } else {
            let parts: Vec<&str> = if fits(loss) { vec![loss] } else { loss.split_inclusive('_').collect() };
            ["L"].into_iter().chain(parts.into_iter().rev()).map(str::to_owned).collect()
        };
        for (nth, line) in lines.into_iter().enumerate() {
            let place = [x, y - radius - 5.0 - 1.22 * size * nth as f32];
            let words = Lettering::new(Math::text(line), size, Ink::Faint).about(Target::Loss);
            self.canvas.label(Rank::Outcome, place, Anchor::Above, words);
        }
    }

    /// Which outputs the running operation of the loss takes, or gives a gradient to.
    fn reads_output(&self, output: usize) -> bool {
        let Play::One(event) = &self.play else { return matches!(self.play, Play::Loss | Play::LossBack) };
        match event.address.phase {
            Phase::Loss => {
                let outputs = self.known.step.shape.outputs();
                self.operands(event).into_iter().any(|node| node == output || node == outputs + output)
            }
            Phase::Backward if event.address.cell == Cell::Loss => {
                matches!(event.target, Target::Neuron { neuron, .. } if neuron == output)
            }
            _ => false,
        }
    }

    /// The nodes that an operation of the loss takes, as indices: outputs first, then targets.
    fn operands(&self, event: &Event) -> Vec<usize> {
        let trace = &self.known.recorded().loss_trace;
        let ids = match trace.instructions().get(event.address.operation) {
            Some(Instruction::Compute(id)) => {
                let node = trace.node(*id);
                node.operands[..Op::arity(node.op)].to_vec()
            }
            Some(Instruction::Ask(guard)) => vec![trace.guards()[*guard].a, trace.guards()[*guard].b],
            None => Vec::new(),
        };
        ids.into_iter().map(slowgrad_tape::ValueId::index).collect()
    }

    /// One operation of the loss. Outputs that it takes travel to it.
    pub(crate) fn loss_event(&mut self, event: &Event) {
        let outputs = self.known.step.shape.outputs();
        let mut taken: Vec<usize> = self.operands(event).into_iter().filter(|&node| node < outputs).collect();
        taken.dedup();
        for output in taken {
            self.output_travels(output, true);
        }
        match &event.kind {
            EventKind::LossValue { value, .. } => {
                let math = equation(Math::variable("L"), self.number(*value));
                self.current(Target::Loss, Slot::Above, math, Ink::Loss);
            }
            kind => self.operation(Target::Loss, Slot::Above, kind, |_| Ink::Loss),
        }
    }

    /// All outputs go to the loss together.
    pub(crate) fn outputs_compared(&mut self) {
        let outputs = self.known.step.shape.outputs();
        for output in 0..outputs {
            self.output_travels(output, outputs <= MOST_PILLS);
        }
        if self.wave.arrived() {
            let math = equation(Math::variable("L"), self.number(self.known.recorded().loss));
            self.current(Target::Loss, Slot::Above, math, Ink::Loss);
        }
    }

    fn output_travels(&mut self, output: usize, with_text: bool) {
        let layer = self.known.step.shape.layers() - 1;
        let a = self.known.recorded().layers[layer].a[output];
        let (from, to) = self.layout.loss_edge(output);
        if self.wave.arrived() {
            self.melt(to, value(a));
        } else {
            let text = if with_text { self.number(a) } else { String::new() };
            self.pulse(from, to, self.wave.way(0.0, ARRIVE), value(a), text);
        }
    }

    /// The gradients of all outputs leave the loss together.
    pub(crate) fn outputs_receive(&mut self) {
        let layer = self.known.step.shape.layers() - 1;
        let grads = &self.known.recorded().layers[layer].grad_a;
        for (output, &grad) in grads.iter().enumerate() {
            self.gradient_travels(output, grad, grads.len() <= MOST_PILLS);
        }
    }

    /// A share of ∂L/∂ŷ goes from the loss to an output.
    pub(crate) fn gradient_travels(&mut self, output: usize, grad: f64, with_text: bool) {
        let (from, to) = self.layout.loss_edge(output);
        if self.wave.arrived() {
            self.melt(from, gradient(grad));
        } else {
            let text = if with_text { self.number(grad) } else { String::new() };
            self.pulse(to, from, self.wave.way(0.0, ARRIVE), gradient(grad), text);
        }
    }

    /// One step of the loss's chain rule.
    pub(crate) fn loss_chain_event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Seed => self.current(Target::Loss, Slot::Gradient, Math::text("∂L/∂L = 1"), gradient(1.0)),
            EventKind::Chain { contribution, .. } => {
                if let Target::Neuron { neuron, .. } = event.target {
                    self.gradient_travels(neuron, *contribution, true);
                }
                self.chain(Target::Loss, &event.kind);
            }
            _ => {}
        }
    }

    /// Upstream × local = contribution, below a disc.
    pub(crate) fn chain(&mut self, target: Target, kind: &EventKind) {
        let EventKind::Chain { operands, into, upstream, local, contribution, before, after, .. } = kind else {
            return;
        };
        let of = operands.get(*into).map_or(Math::text("?"), |operand| crate::words::symbol(&operand.name));
        let product = format!("{} · {}", self.number(*upstream), self.enclosed(*local));
        let math = if !self.wave.arrived() {
            Math::text(product)
        } else if before.is_some() {
            Math::row([slope(of), Math::text(format!(" + {} = {}", self.enclosed(*contribution), self.number(*after)))])
        } else {
            Math::row([slope(of), Math::text(format!(" = {product} = {}", self.number(*after)))])
        };
        self.current(target, Slot::Gradient, math, gradient(*after));
    }
}
