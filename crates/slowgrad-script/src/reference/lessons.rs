//! What is about plugins and lessons: contracts, controls, contexts, fields, cues.

use super::Row;

pub(super) const CONTRACTS: &[Row] = &[
    (
        "activation",
        &["fn activation(z: Scalar) -> Scalar", "fn activation(z: Scalar, p: map) -> Scalar"],
        "In `activations/`: what a neuron makes of its pre-activation. `p` holds the values of `params()`.",
        "fn activation(z) {\n    if z > 0.0 { z } else { 0.1 * z }\n}",
    ),
    (
        "activation_layer",
        &["fn activation_layer(z: array) -> array", "fn activation_layer(z: array, p: map) -> array"],
        "In `activations/`: what a whole layer makes of its pre-activations, one number each.",
        "fn activation_layer(z) {\n    softmax(z)\n}",
    ),
    (
        "loss",
        &["fn loss(output: array, target: array) -> Scalar", "fn loss(output: array, target: array, p: map) -> Scalar"],
        "In `losses/`: how wrong the outputs for one sample are.",
        "fn loss(output, target) {\n    let sum = 0.0;\n    for i in 0..output.len() { sum += (output[i] - target[i]) ** 2; }\n    sum\n}",
    ),
    (
        "update",
        &["fn update(w: Scalar, grad: Scalar, state: map, ctx: map) -> Scalar"],
        "In `optimizers/`: the new value of one parameter. `state` is its own and may be changed.",
        "fn update(w, grad, state, ctx) {\n    w - ctx.lr * grad\n}",
    ),
    (
        "penalty",
        &["fn penalty(w: Scalar) -> Scalar", "fn penalty(w: Scalar, p: map) -> Scalar"],
        "In `regularizers/`: what one weight costs. The sum over all weights, without the biases, joins the loss.",
        "fn penalty(w) {\n    0.005 * w * w\n}",
    ),
    (
        "rate",
        &["fn rate(step: Scalar, ctx: map) -> Scalar"],
        "In `schedules/`: what the learning rate is multiplied by in a step, counted from 1.",
        "fn rate(step, ctx) {\n    1.0 / (1.0 + 0.1 * ctx.epoch)\n}",
    ),
    (
        "init",
        &["fn init(ctx: map) -> number"],
        "In `initializers/`: the initial value of one parameter.",
        "fn init(ctx) {\n    if ctx.is_bias { return 0.0; }\n    ctx.rng.normal(0.0, 1.0 / sqrt(ctx.fan_in))\n}",
    ),
    (
        "init_layer",
        &["fn init_layer(ctx: map) -> array"],
        "In `initializers/`: the weights of a whole layer, one row a neuron. Biases come from `init`, or are 0.",
        "fn init_layer(ctx) {\n    ctx.rng.orthogonal(ctx.fan_out, ctx.fan_in)\n}",
    ),
    (
        "dataset",
        &["fn dataset(ctx: map) -> array"],
        "In `datasets/`: the samples, each a map of `input` and `target`.",
        "fn dataset(ctx) {\n    let samples = [];\n    for i in 0..ctx.count {\n        let x = ctx.rng.uniform(-1.0, 1.0);\n        samples.push(#{ input: [x], target: [x * x] });\n    }\n    samples\n}",
    ),
    (
        "lesson",
        &["fn lesson() -> map"],
        "In `lessons/`: what the lesson is made of.",
        "fn lesson() {\n    #{ title: \"Mine\", layers: [2, 3, 1], data: \"xor\" }\n}",
    ),
    (
        "perform",
        &["fn perform(stage: stage)"],
        "In a lesson: what it shows, cue after cue.",
        "fn lesson() {\n    #{ title: \"Mine\", layers: [2, 3, 1], data: \"xor\" }\n}\nfn perform(stage) {\n    stage.say(\"Hello.\");\n    stage.play(\"forward\", #{ by: \"neuron\" });\n}",
    ),
    (
        "params",
        &["fn params() -> map"],
        "Beside any of them: its controls by name.",
        "fn params() { #{ slope: slider(0.1, 0.0, 1.0) } }\nfn activation(z, p) {\n    if z > 0.0 { z } else { p.slope * z }\n}",
    ),
    (
        "state",
        &["fn state() -> map"],
        "Beside `update`: what each parameter keeps, with its first values.",
        "fn state() { #{ velocity: 0.0 } }\nfn update(w, grad, state, ctx) {\n    state.velocity = 0.9 * state.velocity + grad;\n    w - ctx.lr * state.velocity\n}",
    ),
    (
        "derivative",
        &["fn derivative(z: Scalar, a: Scalar) -> Scalar", "fn derivative(z: Scalar, a: Scalar, p: map) -> Scalar"],
        "Beside `activation`: the textbook form, z in and a out. It is shown and checked, never used to train.",
        "fn activation(z) { tanh(z) }\nfn derivative(z, a) { 1.0 - a * a }",
    ),
];

pub(super) const CONTROLS: &[Row] = &[
    (
        "slider",
        &["slider(start: number, least: number, most: number) -> control"],
        "A number that moves evenly. Scripts see it as a Scalar: moving it traces nothing anew.",
        "#{ slope: slider(0.01, 0.0, 1.0) }",
    ),
    (
        "log_slider",
        &["log_slider(start: number, least: number, most: number) -> control"],
        "A number above 0 that moves by ratios.",
        "#{ scale: log_slider(0.1, 0.0001, 10.0) }",
    ),
    (
        "toggle",
        &["toggle(start: bool) -> control"],
        "On or off, a plain `true` or `false` to scripts.",
        "#{ mirrored: toggle(false) }",
    ),
    (
        "choice",
        &["choice(start: text, options: array) -> control"],
        "One of several words.",
        "#{ form: choice(\"exact\", [\"exact\", \"quick\"]) }",
    ),
];

pub(super) const CONTEXT: &[Row] = &[
    ("lr", &["lr: Scalar"], "Of `update`: the learning rate.", "fn update(w, grad, state, ctx) { w - ctx.lr * grad }"),
    (
        "step",
        &["step: Scalar"],
        "Of `update`: the number of the step, from 1. A schedule gets it as its first argument.",
        "fn update(w, grad, state, ctx) { w - ctx.lr / ctx.step * grad }",
    ),
    (
        "epoch",
        &["epoch: Scalar"],
        "Of `rate`: how many times all samples were seen, from 0.",
        "fn rate(step, ctx) { 0.5 ** ctx.epoch }",
    ),
    (
        "steps_per_epoch",
        &["steps_per_epoch: Scalar"],
        "Of `rate`: how many steps it takes to see all samples once.",
        "fn rate(step, ctx) { min(1.0, step / ctx.steps_per_epoch) }",
    ),
    (
        "grad_norm",
        &["grad_norm: Scalar"],
        "Of `update`: the norm of the gradient of all weights and biases.",
        "fn update(w, grad, state, ctx) { w - ctx.lr * grad * min(1.0, 1.0 / (ctx.grad_norm + 0.000001)) }",
    ),
    (
        "layer_grad_norm",
        &["layer_grad_norm: Scalar"],
        "Of `update`: the norm of the gradient of the parameter's layer, with its biases.",
        "fn update(w, grad, state, ctx) { w - ctx.lr * grad / (ctx.layer_grad_norm + 0.000001) }",
    ),
    (
        "layer_weight_norm",
        &["layer_weight_norm: Scalar"],
        "Of `update`: the norm of the layer's weights, without its biases.",
        "fn update(w, grad, state, ctx) { w - ctx.lr * grad * ctx.layer_weight_norm }",
    ),
    (
        "is_bias",
        &["is_bias: bool"],
        "Of `update` and `init`: whether the parameter is a bias.",
        "fn update(w, grad, state, ctx) { if ctx.is_bias { w } else { w - ctx.lr * grad } }",
    ),
    (
        "fan_in",
        &["fan_in: int"],
        "Of `init` and `init_layer`: how many inputs each neuron of the layer has.",
        "fn init(ctx) { 1.0 / ctx.fan_in }",
    ),
    (
        "fan_out",
        &["fan_out: int"],
        "Of `init` and `init_layer`: how many neurons the layer has.",
        "fn init(ctx) { 1.0 / ctx.fan_out }",
    ),
    (
        "layer",
        &["layer: int"],
        "Of `init` and `init_layer`: the layer, counted from 0.",
        "fn init(ctx) { if ctx.layer == 0 { 0.5 } else { 0.1 } }",
    ),
    (
        "rng",
        &["rng: random"],
        "Of `init`, `init_layer` and `dataset`: seeded random numbers.",
        "fn init(ctx) { ctx.rng.uniform(-0.5, 0.5) }",
    ),
    (
        "count",
        &["count: int"],
        "Of `dataset`: how many samples are asked for.",
        "fn dataset(ctx) {\n    let all = [];\n    for i in 0..ctx.count { all.push(#{ input: [i / 100.0], target: [0.5] }); }\n    all\n}",
    ),
    (
        "noise",
        &["noise: number"],
        "Of `dataset`: how much noise is asked for.",
        "fn dataset(ctx) {\n    [#{ input: [ctx.noise * ctx.rng.normal(0.0, 1.0)], target: [1.0] }]\n}",
    ),
];

pub(super) const RANDOM: &[Row] = &[
    (
        "unit",
        &["unit(rng: random) -> number"],
        "An even random number from 0 up to 1.",
        "let x = ctx.rng.unit();\nx >= 0.0 && x < 1.0  // true",
    ),
    (
        "uniform",
        &["uniform(rng: random, low: number, high: number) -> number"],
        "An even random number between two others.",
        "let x = ctx.rng.uniform(2.0, 3.0);\nx >= 2.0 && x < 3.0  // true",
    ),
    (
        "normal",
        &["normal(rng: random, mean: number, deviation: number) -> number"],
        "A normally distributed random number.",
        "is_finite(ctx.rng.normal(0.0, 1.0))  // true",
    ),
    (
        "below",
        &["below(rng: random, n: int) -> int"],
        "A whole random number from 0, less than n.",
        "let k = ctx.rng.below(6);\nk >= 0 && k < 6  // true",
    ),
    (
        "orthogonal",
        &["orthogonal(rng: random, rows: int, columns: int) -> array"],
        "A random matrix whose rows (or columns, when they are fewer) have length 1 and stand at right angles.",
        "let rows = ctx.rng.orthogonal(2, 3);\nabs(dot(rows[0], rows[1])) < 0.000001  // true",
    ),
];

pub(super) const FIELDS: &[Row] = &[
    ("title", &["title: text"], "Its name. It must be there.", "title: \"My lesson\""),
    (
        "layers",
        &["layers: array"],
        "The number of inputs, then the neurons of each layer, or maps of `size` and `activation`. It must be there.",
        "layers: [2, #{ size: 3, activation: \"relu\" }, 1]",
    ),
    (
        "activation",
        &["activation: text"],
        "The activation of the hidden layers: a name or a map; \"tanh\" when it is not there.",
        "activation: #{ name: \"leaky_relu\", slope: 0.2 }",
    ),
    (
        "output",
        &["output: text"],
        "The activation of the last layer; \"identity\" when it is not there.",
        "output: \"sigmoid\"",
    ),
    ("loss", &["loss: text"], "The loss; \"mse\" when it is not there.", "loss: \"mae\""),
    (
        "regularizer",
        &["regularizer: text"],
        "What weights cost; \"none\" when it is not there.",
        "regularizer: #{ name: \"l2\", strength: 0.01 }",
    ),
    (
        "optimizer",
        &["optimizer: text"],
        "The optimizer; \"sgd\" when it is not there.",
        "optimizer: #{ name: \"adam\", beta1: 0.8 }",
    ),
    (
        "schedule",
        &["schedule: text"],
        "What the learning rate is multiplied by over time; \"none\" when it is not there.",
        "schedule: \"cosine\"",
    ),
    (
        "initializer",
        &["initializer: text"],
        "What draws the initial weights; \"xavier_uniform\" when it is not there.",
        "initializer: \"he_normal\"",
    ),
    ("params", &["params: map"], "Values for controls; `lr` is the learning rate.", "params: #{ lr: 0.5 }"),
    (
        "data",
        &["data: any"],
        "A data set by name or map, an array of samples, or `csv(…)`. It must be there.",
        "data: [#{ input: [0.0, 1.0], target: [1.0] }]",
    ),
    ("test_fraction", &["test_fraction: number"], "The part of the data kept for testing.", "test_fraction: 0.25"),
    ("noise", &["noise: number"], "Handed to the data set.", "noise: 0.1"),
    ("count", &["count: int"], "How many samples the data set should make.", "count: 100"),
    ("batch", &["batch: int"], "Samples of a step; the gradient is their mean.", "batch: 4"),
    ("shuffle", &["shuffle: bool"], "Whether each epoch has a new order.", "shuffle: true"),
    ("seed", &["seed: int"], "Everything random comes from it.", "seed: 7"),
    (
        "weights",
        &["weights: any"],
        "The initial weights: a weight file beside the lesson, or one map a layer.",
        "weights: [#{ weight: [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], bias: [0.0, 0.0, 0.0] }, #{ weight: [[1.0, 2.0, 3.0]], bias: [0.0] }]",
    ),
    (
        "limits",
        &["limits: map"],
        "Lower limits for the lesson's scripts, such as `operations`, `seconds` or `memory`; a name that is not known is answered with all there are.",
        "limits: #{ operations: 100000 }",
    ),
];

pub(super) const PARTS: &[Row] = &[
    (
        "csv",
        &["csv(path: text, columns: map) -> csv"],
        "A table beside the lesson; `inputs` names columns, `target` one. A target of words becomes one output a word.",
        "let table = csv(\"iris.csv\", #{ inputs: [\"petal_length\", \"petal_width\"], target: \"species\" });",
    ),
    (
        "weight",
        &["weight(layer: int, neuron: int, input: int) -> parameter"],
        "A weight, all counted from 0; layer 0 is the first after the input.",
        "let w = weight(1, 0, 2);",
    ),
    ("bias", &["bias(layer: int, neuron: int) -> parameter"], "A bias.", "let b = bias(1, 0);"),
    ("neuron", &["neuron(layer: int, neuron: int) -> neuron"], "A neuron.", "let n = neuron(0, 2);"),
];

pub(super) const CUES: &[Row] = &[
    (
        "say",
        &["say(stage: stage, text: text)"],
        "Shows a caption; `{input}`, `{output}`, `{target}`, `{loss}`, `{penalty}`, `{step}`, `{steps}` and `{lr}` are filled in, `{loss:2}` with two digits.",
        "stage.say(\"The network said {output:2}.\");",
    ),
    (
        "play",
        &["play(stage: stage, part: text)", "play(stage: stage, part: text, how: map)"],
        "Plays \"forward\", \"loss\", \"backward\", \"update\" or \"step\"; `how` may say `by` and `seconds`.",
        "stage.play(\"forward\", #{ by: \"operation\", seconds: 12 });",
    ),
    (
        "step",
        &["step(stage: stage)", "step(stage: stage, n: int)", "step(stage: stage, n: int, by: text)"],
        "Steps by \"operation\", \"neuron\", \"layer\", \"phase\" or \"step\"; a negative n steps back.",
        "stage.step(3, \"neuron\");",
    ),
    ("wait", &["wait(stage: stage)"], "Waits for Page Down.", "stage.wait();"),
    ("pause", &["pause(stage: stage, seconds: number)"], "Waits for a time.", "stage.pause(1.5);"),
    (
        "tweak",
        &["tweak(stage: stage, which: parameter, value: number)"],
        "Gives a weight or bias another value.",
        "stage.tweak(weight(0, 1, 0), 0.5);",
    ),
    (
        "set",
        &["set(stage: stage, changes: map)"],
        "Another `activation`, `output`, `loss`, `regularizer`, `optimizer`, `schedule` (\"none\" takes those away that may be) or `batch`, or values of controls.",
        "stage.set(#{ optimizer: \"adam\", lr: 0.01 });",
    ),
    ("train", &["train(stage: stage, steps: int)"], "Trains at full speed.", "stage.train(200);"),
    (
        "train_until",
        &["train_until(stage: stage, condition: function, most: int)"],
        "Trains at full speed until the condition holds, at most so many steps.",
        "stage.train_until(|m| m.loss < 0.01, 5000);",
    ),
    (
        "ask",
        &["ask(stage: stage, question: text, answers: array, right: int)"],
        "Asks the audience and waits: an answer, or Page Down, reveals the right one, counted from 0. Answers have the keys 1 to 9.",
        "stage.ask(\"Which weights will change?\", [\"only those that fired\", \"all\"], 0);",
    ),
    (
        "focus",
        &["focus(stage: stage, which: parameter)", "focus(stage: stage, which: neuron)"],
        "Selects a weight, a bias or a neuron, so that it is explained, and moves the view to it.",
        "stage.focus(weight(1, 0, 2));",
    ),
    (
        "highlight",
        &["highlight(stage: stage, condition: function)"],
        "Dims all weights and biases of which the condition does not hold, in whatever step is shown, until `clear`.",
        "stage.highlight(|p| p.grad != 0.0);",
    ),
    ("clear", &["clear(stage: stage)"], "Takes away the caption, the highlight and the focus.", "stage.clear();"),
    (
        "speed",
        &["speed(stage: stage, speed: number)"],
        "Plays faster or slower from now on; 1 is the usual pace. It goes from 1/16 to 64.",
        "stage.speed(0.5);",
    ),
    (
        "camera",
        &["camera(stage: stage, look: any)"],
        "Moves the view: \"fit\" shows all, `#{ layer: 1 }` a layer with what leads into it, `weight(…)`, `bias(…)` or `neuron(…)` a part.",
        "stage.camera(#{ layer: 1 });",
    ),
    (
        "show",
        &["show(stage: stage, panel: text)"],
        "Shows the panel \"lesson\", \"explanation\", \"timeline\", \"script\" or \"plots\"; presenter mode shows no others.",
        "stage.show(\"explanation\");",
    ),
    ("hide", &["hide(stage: stage, panel: text)"], "Hides a panel.", "stage.hide(\"lesson\");"),
    (
        "plot",
        &["plot(stage: stage, name: text)"],
        "Opens the plot \"loss\", \"answers\", \"landscape\", \"histograms\", \"activation\" or \"loss function\"; `hide(\"plots\")` closes them.",
        "stage.plot(\"landscape\");",
    ),
    (
        "note",
        &["note(stage: stage, text: text)"],
        "Reminds the presenter of something until the next note or section; the audience does not see it.",
        "stage.note(\"Let them guess first.\");",
    ),
    ("section", &["section(stage: stage, name: text)"], "Starts a named section.", "stage.section(\"Backwards\");"),
];

pub(super) const CONDITIONS: &[Row] = &[
    (
        "value",
        &["value: Scalar"],
        "Of `highlight`: the parameter's number before the step.",
        "stage.highlight(|p| abs(p.value) < 0.01);",
    ),
    (
        "grad",
        &["grad: Scalar"],
        "Of `highlight`: its gradient, as the optimizer gets it.",
        "stage.highlight(|p| p.grad != 0.0);",
    ),
    (
        "change",
        &["change: Scalar"],
        "Of `highlight`: by how much the step changes it.",
        "stage.highlight(|p| abs(p.change) > 0.1);",
    ),
    ("layer", &["layer: Scalar"], "Of `highlight`: its layer, from 0.", "stage.highlight(|p| p.layer == 1);"),
    (
        "neuron",
        &["neuron: Scalar"],
        "Of `highlight`: the neuron that it leads to, from 0.",
        "stage.highlight(|p| p.layer == 0 && p.neuron == 2);",
    ),
    (
        "input",
        &["input: Scalar"],
        "Of `highlight`: where a weight comes from, from 0. A bias has `()`, which equals no number.",
        "stage.highlight(|p| p.layer == 0 && p.input == 1);",
    ),
    ("is_bias", &["is_bias: bool"], "Of `highlight`: whether it is a bias.", "stage.highlight(|p| p.is_bias);"),
    (
        "loss",
        &["loss: Scalar"],
        "Of `train_until`: the mean loss of the steps of the last epoch. Nothing is asked before every sample was seen once: one lucky sample tells nothing.",
        "stage.train_until(|m| m.loss < 0.01, 5000);",
    ),
    (
        "step",
        &["step: Scalar"],
        "Of `train_until`: the number of the step just done, from 1.",
        "stage.train_until(|m| m.loss < 0.1 || m.step >= 300, 5000);",
    ),
    (
        "epoch",
        &["epoch: Scalar"],
        "Of `train_until`: how many times all samples were seen.",
        "stage.train_until(|m| m.epoch >= 20, 5000);",
    ),
];
