//! A hand-made scene of a small network, for the example and for pixel tests.

use std::sync::Arc;

use slowgrad_render::PhaseMark;
use slowgrad_tape::{Location, Source, Span};
use slowgrad_timeline::scene::{
    Anchor, Bounds, Disc, Edge, Formula, Ink, Inspector, InspectorRow, Label, LabelBackground, Link, Math,
    OutputComparison, Pulse, Scene, ScriptMark, Section, Target,
};

/// Distance between layers.
const LAYER_GAP_WORLD: f32 = 210.0;
/// Distance between the neurons of a layer.
const NEURON_GAP_WORLD: f32 = 110.0;
const RADIUS_WORLD: f32 = 30.0;

const SCRIPT: &str = "\
// Mean squared error: how far the outputs are from the targets.
fn loss(output, target) {
    let s = 0.0;
    for i in 0..output.len() {
        let d = output[i] - target[i];
        s += d ** 2.0;
    }
    s / output.len()
}

fn metadata() { #{ name: \"mse\", symbol: `L` } }
";

/// World position of a neuron.
fn position(layer: usize, index: usize, count: usize) -> [f32; 2] {
    [layer as f32 * LAYER_GAP_WORLD, (index as f32 - (count as f32 - 1.0) / 2.0) * NEURON_GAP_WORLD]
}

fn target(layer: usize, neuron: usize) -> Target {
    if layer == 0 { Target::Input(neuron) } else { Target::Neuron { layer: layer - 1, neuron } }
}

fn d_by_d(above: Math, below: Math) -> Math {
    Math::fraction(Math::row([Math::text("∂"), above]), Math::row([Math::text("∂"), below]))
}

/// The weight `w₁₂` of the second layer, during the backward pass.
pub(crate) const SELECTED: Target = Target::Weight { layer: 1, neuron: 0, input: 1 };

/// The phases of a step.
pub(crate) fn phases() -> Vec<PhaseMark> {
    [
        ("input", Ink::Faint, 0.0, 0.05),
        ("forward", Ink::Value(1.0), 0.05, 0.38),
        ("loss", Ink::Loss, 0.38, 0.46),
        ("backward", Ink::Gradient(1.0), 0.46, 0.84),
        ("update", Ink::Update(1.0), 0.84, 1.0),
    ]
    .into_iter()
    .map(|(label, ink, start, end)| PhaseMark { label: label.to_owned(), ink, start, end })
    .collect()
}

/// The explanation of the selected weight.
pub(crate) fn inspector() -> Inspector {
    let row = |label: Math, value: Math, why: &str| InspectorRow { label, value, why: why.to_owned() };
    Inspector {
        target: SELECTED,
        title: "weight w₁₂ of layer 2".to_owned(),
        sections: vec![Section {
            heading: "Why this change?".to_owned(),
            rows: vec![
                row(Math::text("now"), Math::text("+0.420").ink(Ink::Weight(0.42)), ""),
                row(
                    d_by_d(Math::variable("L"), Math::indexed("w", "12")),
                    Math::Marked {
                        math: Box::new(Math::text("−0.0447")),
                        ink: Ink::Gradient(-0.6),
                        link: Some(Link::Event(41)),
                    },
                    "the error asks for more, and the input is on",
                ),
                row(
                    Math::text("update"),
                    Math::row([
                        Math::text("− "),
                        Math::variable("η"),
                        Math::text(" · "),
                        d_by_d(Math::variable("L"), Math::indexed("w", "12")),
                        Math::text(" = −0.5 · (−0.0447) = "),
                        Math::text("+0.0224").ink(Ink::Update(0.5)),
                    ]),
                    "",
                ),
            ],
        }],
    }
}

/// The scene.
pub(crate) fn scene() -> Scene {
    let layers = [2, 4, 3, 1];
    let activations = [[0.9, -0.4, 0.0, 0.0], [0.62, 0.1, -0.8, 0.35], [0.42, -0.95, 0.7, 0.0], [0.73, 0.0, 0.0, 0.0]];
    let mut edges = Vec::new();
    for layer in 1..layers.len() {
        for neuron in 0..layers[layer] {
            for input in 0..layers[layer - 1] {
                let weight = (((layer * 7 + neuron * 5 + input * 3) % 11) as f32 - 5.0) / 5.0;
                let (from, to) =
                    (position(layer - 1, input, layers[layer - 1]), position(layer, neuron, layers[layer]));
                let along = [to[0] - from[0], to[1] - from[1]];
                let length = along[0].hypot(along[1]);
                let rim = |at: [f32; 2], sign: f32| {
                    [at[0] + sign * along[0] / length * RADIUS_WORLD, at[1] + sign * along[1] / length * RADIUS_WORLD]
                };
                let this = Target::Weight { layer: layer - 1, neuron, input };
                let current = this == SELECTED;
                edges.push(Edge {
                    from: rim(from, 1.0),
                    to: rim(to, -1.0),
                    width: 1.0 + 4.0 * weight.abs(),
                    ink: Ink::Weight(weight),
                    alpha: if current { 1.0 } else { 0.8 },
                    ghost_width: (layer == 3 && neuron == 0 && input == 2).then_some(9.0),
                    glow: if current { 1.0 } else { 0.0 },
                    frozen: false,
                    target: this,
                });
            }
        }
    }
    let mut discs = Vec::new();
    let mut labels = Vec::new();
    for (layer, &count) in layers.iter().enumerate() {
        for (neuron, &value) in activations[layer].iter().enumerate().take(count) {
            let center = position(layer, neuron, count);
            let has_gradient = layer == 3 || (layer == 2 && neuron == 0);
            discs.push(Disc {
                center,
                radius: RADIUS_WORLD,
                fill: if value == 0.0 { Ink::Empty } else { Ink::Value(value) },
                ring: if has_gradient { Ink::Gradient(if layer == 3 { 0.8 } else { -0.9 }) } else { Ink::Faint },
                ring_width: if has_gradient { 5.0 } else { 1.2 },
                glow: f32::from(u8::from(layer == 2 && neuron == 0)),
                alpha: 1.0,
                target: target(layer, neuron),
            });
            labels.push(Label {
                place: center,
                anchor: Anchor::Center,
                math: Math::text(format!("{value:+.2}").replace('-', "−")),
                size: 15.0,
                ink: Ink::Text,
                background: LabelBackground::Bare,
                alpha: 1.0,
                target: Some(target(layer, neuron)),
            });
            let name = if layer == 0 {
                Math::indexed("x", (neuron + 1).to_string())
            } else {
                Math::indexed("a", (neuron + 1).to_string())
            };
            labels.push(Label {
                place: [center[0], center[1] + RADIUS_WORLD + 4.0],
                anchor: Anchor::Below,
                math: name,
                size: 14.0,
                ink: Ink::Faint,
                background: LabelBackground::Bare,
                alpha: 1.0,
                target: None,
            });
        }
    }
    let (from, to) = (position(1, 1, 4), position(2, 0, 3));
    labels.push(Label {
        place: [from[0] * 0.72 + to[0] * 0.28, from[1] * 0.72 + to[1] * 0.28],
        anchor: Anchor::Center,
        math: Math::row([Math::indexed("w", "12"), Math::text(" = "), Math::text("+0.42").ink(Ink::Weight(0.42))]),
        size: 13.0,
        ink: Ink::Text,
        background: LabelBackground::Plate,
        alpha: 1.0,
        target: None,
    });
    let mut pulse = |share: f32, ink: Ink, text: &str, from: [f32; 2], to: [f32; 2]| {
        let center = [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
        let (math, background) = (Math::text(text), LabelBackground::Pill);
        if !text.is_empty() {
            let anchor = Anchor::Center;
            labels.push(Label { place: center, anchor, math, size: 14.0, ink, background, alpha: 1.0, target: None });
        }
        Pulse { center, radius: 7.0, ink }
    };
    let pulses = vec![
        pulse(0.62, Ink::Gradient(-0.7), "−0.0447", from, to),
        pulse(0.5, Ink::Gradient(0.7), "+0.106", position(2, 2, 3), position(3, 0, 1)),
        pulse(0.4, Ink::Value(0.9), "", position(0, 0, 2), position(1, 3, 4)),
    ];
    let source = Arc::new(Source { name: "losses/mse.rhai".to_owned(), text: SCRIPT.to_owned() });
    let start = SCRIPT.find("d ** 2.0").unwrap_or(0) as u32;
    Scene {
        bounds: Bounds { min: [-50.0, -230.0], max: [3.0 * LAYER_GAP_WORLD + 50.0, 240.0] },
        edges,
        matrices: Vec::new(),
        discs,
        maps: None,
        pulses,
        labels,
        formula: Formula {
            title: "step 1 · sample 1 of 4 · backward · layer 2 · neuron 1".to_owned(),
            question: "How does the loss change with w₁₂?".to_owned(),
            symbols: Math::row([
                d_by_d(Math::variable("L"), Math::indexed("w", "12")),
                Math::text(" = "),
                d_by_d(Math::variable("L"), Math::indexed("z", "1")),
                Math::text(" · "),
                d_by_d(Math::indexed("z", "1"), Math::indexed("w", "12")),
                Math::text(" = "),
                Math::indexed("δ", "1"),
                Math::text(" · "),
                Math::Sup(Box::new(Math::indexed("a", "2")), Box::new(Math::text("(1)"))),
            ]),
            numbers: Math::row([
                Math::Marked {
                    math: Box::new(Math::text("−0.106")),
                    ink: Ink::Gradient(-0.8),
                    link: Some(Link::Event(17)),
                },
                Math::text(" · "),
                Math::Marked { math: Box::new(Math::text("0.420")), ink: Ink::Value(0.42), link: Some(Link::Event(3)) },
            ]),
            result: Math::text("−0.0447").ink(Ink::Gradient(-0.5)),
            sentence:
                "How much the loss changes with this weight: the neuron's own error times the input of the weight."
                    .to_owned(),
            notes: vec![Math::row([
                Math::text("local rule  "),
                d_by_d(
                    Math::row([
                        Math::text("("),
                        Math::variable("w"),
                        Math::text(" · "),
                        Math::variable("a"),
                        Math::text(")"),
                    ]),
                    Math::variable("w"),
                ),
                Math::text(" = "),
                Math::variable("a"),
            ])],
            why: Vec::new(),
        },
        script: Some(ScriptMark {
            location: Location { source, span: Span { start, end: start + 8, line: 6, column: 14 } },
            value: "0.0729".to_owned(),
            name: "t₃".to_owned(),
        }),
        comparisons: vec![
            OutputComparison { output: 0.73, target: 1.0 },
            OutputComparison { output: 0.18, target: 0.0 },
            OutputComparison { output: -0.02, target: 0.0 },
        ],
        status: "step 1 · sample 1 of 4 · backward".to_owned(),
        caption: String::new(),
    }
}
