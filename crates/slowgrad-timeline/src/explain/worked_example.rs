//! A step as a worked example: text to follow with pencil and paper, and JSON lines for programs.
//!
//! The JSON schema is [`JsonLine`]; its version [`SCHEMA`] is increased whenever a field changes its meaning.

use super::symbols;
use super::words::{self, Explainer};
use crate::events::{Address, Cell, Event, EventKind, Granularity, NamedValue, Phase, Timeline};
use crate::number_format::{number, signed};
use serde::{Serialize, Serializer};
use std::fmt::{self, Write};
use std::ops::Range;

/// The version of the JSON lines.
pub const SCHEMA: u32 = 1;

/// A number in JSON. NaN and the infinities are the strings `NaN`, `Infinity` and `-Infinity`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JsonNumber(pub f64);

impl Serialize for JsonNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            x if x.is_nan() => serializer.serialize_str("NaN"),
            f64::INFINITY => serializer.serialize_str("Infinity"),
            f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            x => serializer.serialize_f64(x),
        }
    }
}

/// A named number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operand {
    /// The name.
    pub name: String,
    /// The value.
    pub value: JsonNumber,
}

/// A location in a script. The offsets count bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScriptLocation {
    /// The script's name.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// First byte of the expression.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// The expression's text.
    pub text: String,
}

/// An event as a JSON line. Layers, neurons, inputs and samples count from 0; steps from 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JsonLine {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Index in the step.
    pub event: usize,
    /// The step, from 1.
    pub step: u64,
    /// The sample of the batch; `null` in the update.
    pub sample: Option<usize>,
    /// `input`, `forward`, `loss`, `backward` or `update`.
    pub phase: Phase,
    /// The layer, from 0; `null` for inputs, the loss and the learning rate.
    pub layer: Option<usize>,
    /// The neuron, from 0.
    pub neuron: Option<usize>,
    /// The input of the layer, from 0, when the event is about a weight.
    pub input: Option<usize>,
    /// The name of the network's input that the event reads, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_name: Option<String>,
    /// The name of the network's output whose neuron the event belongs to, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_name: Option<String>,
    /// The operation within its cell (neuron, loss or parameter).
    pub operation: usize,
    /// `enter`, `product`, `accumulate`, `add_bias`, `operation`, `compare`, `activated`, `loss`, `seed`, `chain`,
    /// `delta`, `bias_grad`, `weight_grad`, `backprop`, `average`, `rate`, `penalized`, `frozen` or `updated`.
    pub kind: &'static str,
    /// The scalar operation of an `operation` or a `chain`, such as `mul`.
    pub op: Option<String>,
    /// The operands, by name.
    pub operands: Vec<Operand>,
    /// The result.
    pub result: JsonNumber,
    /// The formula in symbols.
    pub formula: String,
    /// The formula with its numbers.
    pub numbers: String,
    /// The event in words, with six significant digits.
    pub sentence: String,
    /// The expression that the event executes, if it is in a script.
    pub script: Option<ScriptLocation>,
}

impl JsonLine {
    /// The line of an event.
    pub fn new(timeline: &Timeline, event: &Event) -> Self {
        let formula = Explainer { digits: 17 }.formula(timeline, event);
        let sentence = Explainer { digits: 6 }.formula(timeline, event).sentence;
        let (neuron, input) = match (event.address.cell, &event.kind) {
            (Cell::Parameter { neuron, input, .. } | Cell::ParameterGradient { neuron, input, .. }, _) => {
                (Some(neuron), input)
            }
            (_, EventKind::Activated { neuron, .. } | EventKind::Delta { neuron, .. }) => (Some(*neuron), None),
            // An operation of a whole layer's update, where it belongs to a parameter.
            (Cell::Layer { .. }, _) if event.address.phase == Phase::Update => {
                let parameter = event.target.parameter();
                (parameter.map(|at| at.neuron), parameter.and_then(|at| at.input))
            }
            (Cell::Neuron { neuron, .. }, kind) => (Some(neuron), input_of(kind)),
            (_, kind) => (None, input_of(kind)),
        };
        let (layer, step) = (event.address.cell.layer(), timeline.step());
        let is_last = layer.is_some_and(|layer| layer + 1 == step.shape.layers());
        // Inputs enter before the first layer.
        let input_name = input.filter(|_| layer.unwrap_or(0) == 0).and_then(|input| step.io_names.input(input));
        let output_name = neuron.filter(|_| is_last).and_then(|neuron| step.io_names.output(neuron));
        let op = match &event.kind {
            EventKind::Operation { op, .. } | EventKind::Chain { op, .. } => Some(op.name()),
            EventKind::Compare { compare, .. } => Some(compare.operator().to_owned()),
            _ => None,
        };
        let script = event.location.as_ref().map(|location| ScriptLocation {
            file: location.source.name.clone(),
            line: location.span.line,
            column: location.span.column,
            start: location.span.start,
            end: location.span.end,
            text: location.span.text(&location.source).to_owned(),
        });
        Self {
            schema: SCHEMA,
            event: event.index,
            step: event.address.step,
            sample: event.address.sample,
            phase: event.address.phase,
            layer,
            neuron,
            input,
            input_name: input_name.map(str::to_owned),
            output_name: output_name.map(str::to_owned),
            operation: event.address.operation,
            kind: event.kind.name(),
            op,
            operands: operands(&event.kind),
            result: JsonNumber(event.kind.result()),
            formula: formula.symbols.plain(),
            numbers: formula.numbers.plain(),
            sentence,
            script,
        }
    }
}

fn input_of(kind: &EventKind) -> Option<usize> {
    match kind {
        EventKind::Enter { input, .. }
        | EventKind::Product { input, .. }
        | EventKind::Accumulate { input, .. }
        | EventKind::WeightGrad { input, .. }
        | EventKind::Backprop { input, .. } => Some(*input),
        _ => None,
    }
}

fn operands(kind: &EventKind) -> Vec<Operand> {
    let list = |pairs: &[(&str, Option<f64>)]| {
        let known = pairs.iter().filter_map(|(name, value)| value.map(|value| (name, value)));
        known.map(|(name, value)| Operand { name: (*name).to_owned(), value: JsonNumber(value) }).collect::<Vec<_>>()
    };
    let from = |named: &NamedValue| Operand { name: named.name.clone(), value: JsonNumber(named.value) };
    match kind {
        EventKind::Enter { .. } | EventKind::Seed | EventKind::LossValue { .. } => Vec::new(),
        EventKind::Product { weight, x, .. } => list(&[("weight", Some(*weight)), ("x", Some(*x))]),
        EventKind::Accumulate { weight, x, before, .. } => {
            list(&[("sum", Some(*before)), ("weight", Some(*weight)), ("x", Some(*x))])
        }
        EventKind::AddBias { sum, bias, .. } => list(&[("sum", Some(*sum)), ("bias", Some(*bias))]),
        EventKind::Operation { operands, .. } => operands.iter().map(from).collect(),
        EventKind::Compare { a, b, .. } => vec![from(a), from(b)],
        EventKind::Activated { z, .. } => list(&[("z", Some(*z))]),
        EventKind::Chain { operands, upstream, local, contribution, before, .. } => {
            let mut all = list(&[
                ("upstream", Some(*upstream)),
                ("local", Some(*local)),
                ("contribution", Some(*contribution)),
                ("before", *before),
            ]);
            all.extend(operands.iter().map(from));
            all
        }
        EventKind::Delta { grad_a, .. } => list(&[("grad_a", Some(*grad_a))]),
        EventKind::BiasGrad { delta, before, .. } => list(&[("delta", Some(*delta)), ("before", *before)]),
        EventKind::WeightGrad { delta, x, contribution, before, .. } => list(&[
            ("delta", Some(*delta)),
            ("x", Some(*x)),
            ("contribution", Some(*contribution)),
            ("before", *before),
        ]),
        EventKind::Backprop { weight, delta, contribution, before, .. } => list(&[
            ("weight", Some(*weight)),
            ("delta", Some(*delta)),
            ("contribution", Some(*contribution)),
            ("before", *before),
        ]),
        EventKind::Average { sum, count, .. } => list(&[("sum", Some(*sum)), ("count", Some(*count as f64))]),
        EventKind::Rate { base, factor, .. } => list(&[("base", Some(*base)), ("factor", Some(*factor))]),
        EventKind::Penalized { mean, share, .. } => list(&[("mean", Some(*mean)), ("share", Some(*share))]),
        EventKind::Frozen { value } => list(&[("old", Some(*value))]),
        EventKind::Updated { old, .. } => list(&[("old", Some(*old))]),
    }
}

/// A selection of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection {
    /// Only this sample of the batch, from 0, and the update.
    pub sample: Option<usize>,
    /// Only this phase.
    pub phase: Option<Phase>,
}

impl Selection {
    /// The selected phases of a step, each with its sample and its events.
    pub fn phases(self, timeline: &Timeline) -> Vec<(Phase, Option<usize>, Range<usize>)> {
        let mut phases = timeline.phases();
        phases.retain(|(phase, sample, _)| {
            let sample_fits = self.sample.is_none() || sample.is_none() || *sample == self.sample;
            sample_fits && self.phase.is_none_or(|selected| selected == *phase)
        });
        phases
    }
}

/// Passes the selected events to `write` as JSON lines. At a coarser granularity there is one line for each unit: its last
/// event.
///
/// # Errors
/// The first error of `write`.
pub fn json_lines(
    timeline: &Timeline,
    selection: Selection,
    by: Granularity,
    mut write: impl FnMut(&JsonLine) -> std::io::Result<()>,
) -> std::io::Result<()> {
    for (_, _, range) in selection.phases(timeline) {
        let mut index = range.start;
        while index < range.end {
            let end = timeline.unit(index, by).end.min(range.end);
            write(&JsonLine::new(timeline, &timeline.event(end - 1)))?;
            index = end;
        }
    }
    Ok(())
}

/// Writes the selected events as text, with this number of significant digits.
///
/// # Errors
/// If `out` returns an error; a `String` never does.
pub fn text(
    timeline: &Timeline,
    selection: Selection,
    by: Granularity,
    digits: usize,
    out: &mut impl Write,
) -> fmt::Result {
    let step = timeline.step();
    let (samples, mut sample_before) = (step.samples.len(), None);
    for (nth, (phase, sample, range)) in selection.phases(timeline).into_iter().enumerate() {
        if sample.is_some() && sample != sample_before {
            sample_before = sample;
            let number = sample.unwrap_or(0) + 1;
            let gap = if nth > 0 { "\n" } else { "" };
            writeln!(out, "{gap}── step {} · sample {number} of {samples} ──", step.step)?;
        }
        if sample.is_none() {
            let all = if samples == 1 { String::new() } else { format!(" · all {samples} samples") };
            writeln!(out, "\n── step {}{all} ──", step.step)?;
        }
        writeln!(out, "\n{}", phase.name().to_uppercase())?;
        if by == Granularity::Operation {
            operations(timeline, range, digits, out)?;
        } else {
            units(timeline, range, by, digits, out)?;
        }
    }
    Ok(())
}

/// One line for each operation: formula = numbers = result, in columns, and the location in the script.
fn operations(timeline: &Timeline, range: Range<usize>, digits: usize, out: &mut impl Write) -> fmt::Result {
    let explainer = Explainer { digits };
    let mut index = range.start;
    while index < range.end {
        let cell = timeline.unit(index, Granularity::Neuron);
        let address = timeline.address(index);
        let place = words::place(timeline.step(), &address).join(" · ");
        if !place.is_empty() {
            writeln!(out, "  {place}")?;
        }
        let rows: Vec<[String; 5]> =
            cell.clone().map(|index| row(timeline, &timeline.event(index), explainer)).collect();
        let width = |column: usize, max: usize| {
            rows.iter().map(|row| row[column].chars().count()).filter(|width| *width <= max).max().unwrap_or(0)
        };
        let (left, middle, right) = (width(0, 40), width(1, 46), width(2, 16));
        for [symbols, numbers, result, place, note] in rows {
            let equals = if numbers.is_empty() { " " } else { "=" };
            let line = format!(
                "    {}  {equals} {}  = {}  {place}",
                padded(&symbols, left),
                padded(&numbers, middle),
                padded(&result, right)
            );
            writeln!(out, "{}", line.trim_end())?;
            if !note.is_empty() {
                writeln!(out, "    {}      {note}", padded("", left))?;
            }
        }
        index = cell.end;
    }
    Ok(())
}

fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}

/// The columns of an event: symbols, numbers, result, location and a note.
fn row(timeline: &Timeline, event: &Event, explainer: Explainer) -> [String; 5] {
    let formula = explainer.formula(timeline, event);
    // The result of a call is not an operation of the script, so it has no location.
    let scripted =
        matches!(event.kind, EventKind::Operation { .. } | EventKind::Compare { .. } | EventKind::Chain { .. });
    let place = event.location.as_ref().filter(|_| scripted).map(ToString::to_string).unwrap_or_default();
    // Checking a chain step on paper needs the rule of its local derivative.
    let note = match &event.kind {
        EventKind::Chain { .. } => {
            let rule = formula.notes.first().map(crate::scene::Math::plain).unwrap_or_default();
            if rule.matches(" = ").count() > 1 { rule } else { String::new() }
        }
        EventKind::Delta { .. } => formula.notes.first().map(crate::scene::Math::plain).unwrap_or_default(),
        EventKind::Updated { old, new, .. } => format!("Δ = {}", signed(new - old, explainer.digits)),
        _ => String::new(),
    };
    let mut numbers = formula.numbers.plain();
    if let EventKind::Updated { old, .. } = &event.kind {
        numbers = format!("from {}", number(*old, explainer.digits));
    }
    [formula.symbols.plain(), numbers, formula.result.plain(), place, note]
}

/// One block for each unit, with its results.
fn units(
    timeline: &Timeline,
    range: Range<usize>,
    by: Granularity,
    digits: usize,
    out: &mut impl Write,
) -> fmt::Result {
    let mut index = range.start;
    while index < range.end {
        let end = timeline.unit(index, by).end.min(range.end);
        let mut results: Vec<(String, f64)> = Vec::new();
        let mut cell = index;
        while cell < end {
            let cell_end = timeline.unit(cell, Granularity::Neuron).end;
            cell_results(timeline, &timeline.address(cell), &mut results);
            cell = cell_end;
        }
        let place = unit_place(timeline, index, by);
        let listed: Vec<String> =
            results.iter().map(|(name, value)| format!("{name} = {}", number(*value, digits))).collect();
        let heading = if place.is_empty() { String::new() } else { format!("{place}: ") };
        // Five numbers per line.
        let mut lines = listed.chunks(5).map(|chunk| chunk.join("   "));
        writeln!(out, "  {heading}{}", lines.next().unwrap_or_default())?;
        for line in lines {
            writeln!(out, "  {}{line}", " ".repeat(heading.chars().count()))?;
        }
        index = end;
    }
    Ok(())
}

fn unit_place(timeline: &Timeline, index: usize, by: Granularity) -> String {
    let address = timeline.address(index);
    match by {
        Granularity::Neuron | Granularity::Operation => words::place(timeline.step(), &address).join(" · "),
        Granularity::Layer => match address.cell.layer() {
            Some(layer) => format!("layer {}", layer + 1),
            None => words::place(timeline.step(), &address).join(" · "),
        },
        Granularity::Phase | Granularity::Step => String::new(),
    }
}

/// The results of a cell that the rest of the step uses, by name.
fn cell_results(timeline: &Timeline, address: &Address, results: &mut Vec<(String, f64)>) {
    let step = timeline.step();
    let index = |k: usize| symbols::symbol(&format!("i[{k}]")).plain().replacen('i', "", 1);
    let recorded = address.sample.map(|sample| &step.samples[sample]);
    let last = step.shape.layers() - 1;
    let activation = |layer: usize| if layer == last { "ŷ" } else { "a" };
    match (address.phase, address.cell, recorded) {
        (Phase::Input, _, Some(sample)) => {
            results.extend(sample.input.iter().enumerate().map(|(k, &x)| (format!("x{}", index(k)), x)));
        }
        (Phase::Forward, Cell::Neuron { layer, neuron }, Some(sample)) => {
            results.push((format!("z{}", index(neuron)), sample.layers[layer].z[neuron]));
            if !step.names.whole_layer[layer] {
                results.push((format!("{}{}", activation(layer), index(neuron)), sample.layers[layer].a[neuron]));
            }
        }
        (Phase::Forward, Cell::Layer { layer }, Some(sample)) => {
            let named = sample.layers[layer].a.iter().enumerate();
            results.extend(named.map(|(k, &a)| (format!("{}{}", activation(layer), index(k)), a)));
        }
        (Phase::Loss, _, Some(sample)) => results.push(("L".into(), sample.loss)),
        (Phase::Backward, Cell::Loss, Some(sample)) => {
            let named = sample.layers[last].grad_a.iter().enumerate();
            results.extend(named.map(|(k, &g)| (format!("∂L/∂ŷ{}", index(k)), g)));
        }
        (Phase::Backward, Cell::Neuron { layer, neuron }, Some(sample)) => {
            results.push((format!("δ{}", index(neuron)), sample.layers[layer].delta[neuron]));
            // ∂L/∂x is complete after the last neuron.
            if layer == 0 && neuron + 1 == step.shape.size(0) {
                let gradient = sample.grad_input.iter().flatten().enumerate();
                results.extend(gradient.map(|(k, &g)| (format!("∂L/∂x{}", index(k)), g)));
            }
        }
        (Phase::Update, Cell::ParameterGradient { layer, neuron, input }, _) => {
            let parameter = slowgrad_engine::shape::Parameter { layer, neuron, input };
            let name = symbols::parameter(&step.shape, parameter).plain();
            results.push((format!("g of {name}"), step.grads[step.shape.index(parameter)]));
        }
        (Phase::Update, Cell::Rate, _) => results.push(("η".into(), step.learning_rate())),
        (Phase::Update, Cell::Parameter { layer, neuron, input }, _) => {
            let parameter = slowgrad_engine::shape::Parameter { layer, neuron, input };
            let name = symbols::parameter(&step.shape, parameter).plain();
            let at = step.shape.index(parameter);
            results.push((format!("Δ{name}"), step.after.values[at] - step.before.values[at]));
        }
        _ => {}
    }
}

/// The two header lines: the title, and the network with its plugins.
pub fn header(timeline: &Timeline, title: &str) -> String {
    let step = timeline.step();
    let sizes: Vec<String> = step.shape.sizes().iter().map(usize::to_string).collect();
    let regularizer = step.penalty.as_ref().map(|penalty| format!(" · regularizer {}", penalty.regularizer));
    let schedule = step.rate.as_ref().map(|rate| format!(" · schedule {}", rate.schedule));
    format!(
        "{title}\nnetwork {} · activations {} · loss {}{} · optimizer {} (η = {}){}\n\n",
        sizes.join("–"),
        step.names.activations.join(", "),
        step.names.loss,
        regularizer.unwrap_or_default(),
        step.names.optimizer,
        number(step.learning_rate(), 6),
        schedule.unwrap_or_default()
    )
}
