//! Reference entries for plugins and lessons: contracts, controls, contexts, fields, cues.

use super::TableRow;

pub(super) const CONTRACTS: &[TableRow] = &[
    (
        "activation",
        &["fn activation(z: Scalar) -> Scalar", "fn activation(z: Scalar, p: map) -> Scalar"],
        "In `activations/`: the activation of a neuron for its pre-activation. `p` holds the values of `params()`.",
        "fn activation(z) {\n    if z > 0.0 { z } else { 0.1 * z }\n}",
    ),
    (
        "activation_layer",
        &["fn activation_layer(z: array) -> array", "fn activation_layer(z: array, p: map) -> array"],
        "In `activations/`: the activations of a whole layer for its pre-activations, one number per neuron.",
        "fn activation_layer(z) {\n    softmax(z)\n}",
    ),
    (
        "loss",
        &["fn loss(output: array, target: array) -> Scalar", "fn loss(output: array, target: array, p: map) -> Scalar"],
        "In `losses/`: the loss of the outputs for one sample.",
        "fn loss(output, target) {\n    let sum = 0.0;\n    for i in 0..output.len() { sum += (output[i] - target[i]) ** 2; }\n    sum\n}",
    ),
    (
        "update",
        &["fn update(w: Scalar, grad: Scalar, state: map, ctx: map) -> Scalar"],
        "In `optimizers/`: the new value of one parameter. `state` belongs to the parameter and may be changed.",
        "fn update(w, grad, state, ctx) {\n    w - ctx.lr * grad\n}",
    ),
    (
        "update_layer",
        &["fn update_layer(w: map, grad: map, state: map, ctx: map) -> map"],
        "In `optimizers/`, in place of `update`: the new values of all parameters of a layer. `w` and `grad` have `weights`, one row per neuron, and `biases`.",
        "fn update_layer(w, grad, state, ctx) {\n    for j in 0..w.biases.len() { w.biases[j] -= ctx.lr * grad.biases[j]; }\n    w\n}",
    ),
    (
        "penalty",
        &["fn penalty(w: Scalar) -> Scalar", "fn penalty(w: Scalar, p: map) -> Scalar"],
        "In `regularizers/`: the penalty of one weight. The sum over all weights, excluding biases, is added to the loss.",
        "fn penalty(w) {\n    0.005 * w * w\n}",
    ),
    (
        "rate",
        &["fn rate(step: Scalar, ctx: map) -> Scalar"],
        "In `schedules/`: the factor for the learning rate in a step, counted from 1.",
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
        "In `initializers/`: the weights of a whole layer, one row per neuron. Biases come from `init`, or are 0.",
        "fn init_layer(ctx) {\n    ctx.rng.orthogonal(ctx.fan_out, ctx.fan_in)\n}",
    ),
    (
        "dataset",
        &["fn dataset(ctx: map) -> array"],
        "In `datasets/`: the samples, each a map with `input` and `target`.",
        "fn dataset(ctx) {\n    let samples = [];\n    for i in 0..ctx.count {\n        let x = ctx.rng.uniform(-1.0, 1.0);\n        samples.push(#{ input: [x], target: [x * x] });\n    }\n    samples\n}",
    ),
    (
        "lesson",
        &["fn lesson() -> map"],
        "In `lessons/`: the network, the data and the settings of the lesson.",
        "fn lesson() {\n    #{ title: \"Mine\", layers: [2, 3, 1], data: \"xor\" }\n}",
    ),
    (
        "perform",
        &["fn perform(stage: stage)"],
        "In a lesson: the cues that it shows, one after another.",
        "fn lesson() {\n    #{ title: \"Mine\", layers: [2, 3, 1], data: \"xor\" }\n}\nfn perform(stage) {\n    stage.say(\"Hello.\");\n    stage.play(\"forward\", #{ by: \"neuron\" });\n}",
    ),
    (
        "params",
        &["fn params() -> map"],
        "In any plugin or lesson: its controls by name.",
        "fn params() { #{ slope: slider(0.1, 0.0, 1.0) } }\nfn activation(z, p) {\n    if z > 0.0 { z } else { p.slope * z }\n}",
    ),
    (
        "state",
        &["fn state() -> map", "fn state(ctx: map) -> map"],
        "With `update` and `update_layer`: the state of each parameter, with its initial values. With `update_layer`, a field may also be an array of the layer, of any size that `ctx` gives.",
        "fn state() { #{ velocity: 0.0 } }\nfn update(w, grad, state, ctx) {\n    state.velocity = 0.9 * state.velocity + grad;\n    w - ctx.lr * state.velocity\n}",
    ),
    (
        "derivative",
        &["fn derivative(z: Scalar, a: Scalar) -> Scalar", "fn derivative(z: Scalar, a: Scalar, p: map) -> Scalar"],
        "With `activation`: the textbook form, for the input z and the result a. It is shown and checked, but never used for training.",
        "fn activation(z) { tanh(z) }\nfn derivative(z, a) { 1.0 - a * a }",
    ),
];

pub(super) const CONTROLS: &[TableRow] = &[
    (
        "slider",
        &["slider(default: number, min: number, max: number) -> control"],
        "A number on a linear scale. Scripts get a Scalar, so moving the slider needs no new trace.",
        "#{ slope: slider(0.01, 0.0, 1.0) }",
    ),
    (
        "log_slider",
        &["log_slider(default: number, min: number, max: number) -> control"],
        "A number above 0 on a logarithmic scale.",
        "#{ scale: log_slider(0.1, 0.0001, 10.0) }",
    ),
    (
        "toggle",
        &["toggle(default: bool) -> control"],
        "On or off. Scripts get a plain `true` or `false`.",
        "#{ mirrored: toggle(false) }",
    ),
    (
        "choice",
        &["choice(default: text, options: array) -> control"],
        "One of several texts.",
        "#{ form: choice(\"exact\", [\"exact\", \"quick\"]) }",
    ),
];

pub(super) const LAYER: &[TableRow] = &[
    (
        "weights",
        &["weights: array"],
        "In `update_layer`: the weights, an array for each neuron with a number for each of its inputs.",
        "fn update_layer(w, grad, state, ctx) { w.weights[0][0] -= ctx.lr * grad.weights[0][0]; w }",
    ),
    (
        "biases",
        &["biases: array"],
        "In `update_layer`: the biases, a number for each neuron.",
        "fn update_layer(w, grad, state, ctx) { w.biases[0] -= ctx.lr * grad.biases[0]; w }",
    ),
];

pub(super) const CONTEXT: &[TableRow] = &[
    ("lr", &["lr: Scalar"], "In `update`: the learning rate.", "fn update(w, grad, state, ctx) { w - ctx.lr * grad }"),
    (
        "step",
        &["step: Scalar"],
        "In `update`: the number of the step, from 1. A schedule gets it as its first argument.",
        "fn update(w, grad, state, ctx) { w - ctx.lr / ctx.step * grad }",
    ),
    (
        "epoch",
        &["epoch: Scalar"],
        "In `rate`: the number of completed passes over all samples, from 0.",
        "fn rate(step, ctx) { 0.5 ** ctx.epoch }",
    ),
    (
        "steps_per_epoch",
        &["steps_per_epoch: Scalar"],
        "In `rate`: the number of steps in one pass over all samples.",
        "fn rate(step, ctx) { min(1.0, step / ctx.steps_per_epoch) }",
    ),
    (
        "grad_norm",
        &["grad_norm: Scalar"],
        "In `update`: the norm of the gradient of all weights and biases.",
        "fn update(w, grad, state, ctx) { w - ctx.lr * grad * min(1.0, 1.0 / (ctx.grad_norm + 0.000001)) }",
    ),
    (
        "layer_grad_norm",
        &["layer_grad_norm: Scalar"],
        "In `update`: the norm of the gradient of the parameter's layer, including biases.",
        "fn update(w, grad, state, ctx) { w - ctx.lr * grad / (ctx.layer_grad_norm + 0.000001) }",
    ),
    (
        "layer_weight_norm",
        &["layer_weight_norm: Scalar"],
        "In `update`: the norm of the layer's weights, excluding biases.",
        "fn update(w, grad, state, ctx) { w - ctx.lr * grad * ctx.layer_weight_norm }",
    ),
    (
        "is_bias",
        &["is_bias: bool"],
        "In `update` and `init`: whether the parameter is a bias.",
        "fn update(w, grad, state, ctx) { if ctx.is_bias { w } else { w - ctx.lr * grad } }",
    ),
    (
        "fan_in",
        &["fan_in: int"],
        "In `init`, `init_layer`, `update_layer` and its `state`: the number of inputs of each neuron in the layer.",
        "fn init(ctx) { 1.0 / ctx.fan_in }",
    ),
    (
        "fan_out",
        &["fan_out: int"],
        "In `init`, `init_layer`, `update_layer` and its `state`: the number of neurons in the layer.",
        "fn init(ctx) { 1.0 / ctx.fan_out }",
    ),
    (
        "layer",
        &["layer: int", "layer: Scalar"],
        "The layer, counted from 0: a number in `update` and `update_layer`, an integer in `init`, `init_layer` and `state`.",
        "fn init(ctx) { if ctx.layer == 0 { 0.5 } else { 0.1 } }",
    ),
    (
        "layers",
        &["layers: Scalar", "layers: int"],
        "In `update` and `update_layer`: the number of layers. In `state` an integer.",
        "fn update(w, grad, state, ctx) { w - ctx.lr / (ctx.layers - ctx.layer) * grad }",
    ),
    (
        "rng",
        &["rng: random"],
        "In `init`, `init_layer` and `dataset`: seeded random numbers.",
        "fn init(ctx) { ctx.rng.uniform(-0.5, 0.5) }",
    ),
    (
        "count",
        &["count: int"],
        "In `dataset`: the requested number of samples.",
        "fn dataset(ctx) {\n    let all = [];\n    for i in 0..ctx.count { all.push(#{ input: [i / 100.0], target: [0.5] }); }\n    all\n}",
    ),
    (
        "noise",
        &["noise: number"],
        "In `dataset`: the requested amount of noise.",
        "fn dataset(ctx) {\n    [#{ input: [ctx.noise * ctx.rng.normal(0.0, 1.0)], target: [1.0] }]\n}",
    ),
];

pub(super) const RANDOM: &[TableRow] = &[
    (
        "unit",
        &["unit(rng: random) -> number"],
        "A uniformly distributed random number from 0 up to, but not including, 1.",
        "let x = ctx.rng.unit();\nx >= 0.0 && x < 1.0  // true",
    ),
    (
        "uniform",
        &["uniform(rng: random, low: number, high: number) -> number"],
        "A uniformly distributed random number between two bounds.",
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
        "A random whole number from 0 to n − 1.",
        "let k = ctx.rng.below(6);\nk >= 0 && k < 6  // true",
    ),
    (
        "orthogonal",
        &["orthogonal(rng: random, rows: int, columns: int) -> array"],
        "A random matrix whose rows (or columns, if there are fewer of them) are orthonormal.",
        "let rows = ctx.rng.orthogonal(2, 3);\nabs(dot(rows[0], rows[1])) < 0.000001  // true",
    ),
];

pub(super) const FIELDS: &[TableRow] = &[
    ("title", &["title: text"], "The lesson's title. Required.", "title: \"My lesson\""),
    (
        "layers",
        &["layers: array"],
        "The number of inputs, then the number of neurons of each layer, or maps with `size`, `activation`, `bias` and `frozen`. Required.",
        "layers: [2, #{ size: 3, activation: \"relu\" }, 1]",
    ),
    (
        "bias",
        &["bias: bool"],
        "Whether the layers have biases; the default is true. A layer's own `bias` takes precedence.",
        "bias: false",
    ),
    (
        "frozen",
        &["frozen: bool", "frozen: text"],
        "Which parameters of the layers training does not change: true for all, \"weights\" or \"biases\"; the default is false. A layer's own `frozen` takes precedence.",
        "frozen: \"biases\"",
    ),
    (
        "input_gradients",
        &["input_gradients: bool"],
        "Whether the backward pass of a shown step also computes ∂L/∂x, the gradient of each input. Training does not need it. The default is false.",
        "input_gradients: true",
    ),
    (
        "activation",
        &["activation: text"],
        "The activation of the hidden layers: a name or a map; the default is \"tanh\".",
        "activation: #{ name: \"leaky_relu\", slope: 0.2 }",
    ),
    (
        "output",
        &["output: text"],
        "The activation of the last layer; the default is \"identity\".",
        "output: \"sigmoid\"",
    ),
    ("loss", &["loss: text"], "The loss; the default is \"mse\".", "loss: \"mae\""),
    (
        "regularizer",
        &["regularizer: text"],
        "The penalty on weights; the default is \"none\".",
        "regularizer: #{ name: \"l2\", strength: 0.01 }",
    ),
    (
        "optimizer",
        &["optimizer: text"],
        "The optimizer; the default is \"sgd\".",
        "optimizer: #{ name: \"adam\", beta1: 0.8 }",
    ),
    (
        "schedule",
        &["schedule: text"],
        "The schedule of the learning rate; the default is \"none\".",
        "schedule: \"cosine\"",
    ),
    (
        "initializer",
        &["initializer: text"],
        "The initializer of the weights; the default is \"xavier_uniform\".",
        "initializer: \"he_normal\"",
    ),
    ("params", &["params: map"], "Values for controls; `lr` is the learning rate.", "params: #{ lr: 0.5 }"),
    (
        "data",
        &["data: any"],
        "A data set by name or map, an array of samples, or `csv(…)`. Required.",
        "data: [#{ input: [0.0, 1.0], target: [1.0] }]",
    ),
    (
        "input_names",
        &["input_names: array"],
        "The names of the inputs; a table names them itself. An empty text is no name.",
        "input_names: [\"width\", \"height\"]",
    ),
    (
        "output_names",
        &["output_names: array"],
        "The names of the outputs, such as classes; a table names them itself. An empty text is no name.",
        "output_names: [\"area\"]",
    ),
    (
        "test_fraction",
        &["test_fraction: number"],
        "The fraction of the data reserved for testing. Each class keeps its share.",
        "test_fraction: 0.25",
    ),
    ("noise", &["noise: number"], "The amount of noise, passed to the data set.", "noise: 0.1"),
    ("count", &["count: int"], "The number of samples that the data set should generate.", "count: 100"),
    ("batch", &["batch: int"], "The number of samples in a step; the gradient is their mean.", "batch: 4"),
    ("shuffle", &["shuffle: bool"], "Whether the samples are shuffled before each epoch.", "shuffle: true"),
    ("seed", &["seed: int"], "The seed of all random numbers.", "seed: 7"),
    (
        "weights",
        &["weights: any"],
        "The initial weights: a weight file beside the lesson, or one map per layer.",
        "weights: [#{ weight: [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], bias: [0.0, 0.0, 0.0] }, #{ weight: [[1.0, 2.0, 3.0]], bias: [0.0] }]",
    ),
    (
        "limits",
        &["limits: map"],
        "Stricter limits for the lesson's scripts, such as `operations`, `seconds` or `memory`; the error for an unknown name lists all limits.",
        "limits: #{ operations: 100000 }",
    ),
];

/// What `csv(…)` reads.
const CSV: &str = "\
A table beside the lesson: a text with separators (`.csv`, `.tsv`, `.txt`, `.data`) in UTF-8, or an Excel file (`.xlsx`). \
`target` is a column or an array of columns, `inputs` an array of columns; without it all others are inputs. A column is given \
by its name or by its number from 0. A column of words becomes one input or output for each word. A target of whole numbers is \
classes if the network has several outputs, or with `classes: true`; `classes: false` keeps the numbers. `words: [...]` \
lists columns whose cells are words even if they look like numbers. A missing or unreadable value is an error; \
`missing: \"drop\"` drops its row, and `missing: \"mean\"` fills inputs with the mean of the training rows and drops rows \
without a target. `scale: \"standard\"` (mean 0, standard deviation 1) or `\"minmax\"` (0 to 1) scales the inputs that are \
numbers, computed on the training rows. Separator, decimal comma and names in the first row are found; `separator: \";\"`, \
`decimal: \",\"` and `header: false` say so. `sheet` names a sheet of an Excel file; the default is the first one. A date in an Excel file is the word `2024-05-01`. `slowgrad check` prints what was read and changed.";

pub(super) const PARTS: &[TableRow] = &[
    (
        "csv",
        &["csv(path: text, columns: map) -> csv"],
        CSV,
        "let table = csv(\"iris.csv\", #{ inputs: [\"petal_length\", \"petal_width\"], target: \"species\", scale: \"standard\" });",
    ),
    (
        "weight",
        &["weight(layer: int, neuron: int, input: int) -> parameter"],
        "A weight. Layers, neurons and inputs are counted from 0; layer 0 is the first after the input.",
        "let w = weight(1, 0, 2);",
    ),
    ("bias", &["bias(layer: int, neuron: int) -> parameter"], "A bias.", "let b = bias(1, 0);"),
    ("neuron", &["neuron(layer: int, neuron: int) -> neuron"], "A neuron.", "let n = neuron(0, 2);"),
];

pub(super) const CUES: &[TableRow] = &[
    (
        "say",
        &["say(stage: stage, text: text)"],
        "Shows a caption. The placeholders `{input}`, `{output}`, `{target}`, `{loss}`, `{penalty}`, `{step}`, `{steps}` and `{lr}` are replaced with values of the shown step, `{loss:2}` with two digits; `{train_loss}`, `{accuracy}`, `{test_loss}` and `{test_accuracy}` with those of an evaluation over all training or test data before the step. An accuracy is the fraction of samples whose class is predicted: that of the largest output, or with one output the one of two targets that would give the lower loss.",
        "stage.say(\"The network predicts {output:2}.\");",
    ),
    (
        "play",
        &["play(stage: stage, part: text)", "play(stage: stage, part: text, how: map)"],
        "Plays \"forward\", \"loss\", \"backward\", \"update\" or \"step\"; `how` may set `by` and `seconds`.",
        "stage.play(\"forward\", #{ by: \"operation\", seconds: 12 });",
    ),
    (
        "step",
        &["step(stage: stage)", "step(stage: stage, n: int)", "step(stage: stage, n: int, by: text)"],
        "Steps by \"operation\", \"neuron\", \"layer\", \"phase\" or \"step\"; a negative n steps back.",
        "stage.step(3, \"neuron\");",
    ),
    ("wait", &["wait(stage: stage)"], "Waits for Page Down.", "stage.wait();"),
    ("pause", &["pause(stage: stage, seconds: number)"], "Waits for a number of seconds.", "stage.pause(1.5);"),
    (
        "freeze",
        &[
            "freeze(stage: stage, which: parameter)",
            "freeze(stage: stage, which: neuron)",
            "freeze(stage: stage, layer: map)",
        ],
        "Freezes a parameter, the parameters of a neuron, or those of a layer: training does not change them. `part` is \"weights\", \"biases\" or \"all\".",
        "stage.freeze(#{ layer: 1, part: \"biases\" });",
    ),
    (
        "unfreeze",
        &[
            "unfreeze(stage: stage, which: parameter)",
            "unfreeze(stage: stage, which: neuron)",
            "unfreeze(stage: stage, layer: map)",
        ],
        "The opposite of `freeze`: training changes these parameters again.",
        "stage.unfreeze(weight(0, 1, 0));",
    ),
    (
        "tweak",
        &["tweak(stage: stage, which: parameter, value: number)"],
        "Changes the value of a weight or bias.",
        "stage.tweak(weight(0, 1, 0), 0.5);",
    ),
    (
        "set",
        &["set(stage: stage, changes: map)"],
        "Changes the `activation`, `output`, `loss`, `regularizer`, `optimizer`, `schedule` or `batch`, or the values of controls. \"none\" removes the regularizer or the schedule.",
        "stage.set(#{ optimizer: \"adam\", lr: 0.01 });",
    ),
    (
        "train",
        &["train(stage: stage, steps: int)"],
        "Trains at full speed, at most 1,000,000,000 steps.",
        "stage.train(200);",
    ),
    (
        "train_until",
        &["train_until(stage: stage, condition: function, max_steps: int)"],
        "Trains at full speed until the condition holds, for at most `max_steps` steps, up to 1,000,000,000.",
        "stage.train_until(|m| m.loss < 0.01, 5000);",
    ),
    (
        "ask",
        &["ask(stage: stage, question: text, answers: array, right: int)"],
        "Asks the audience and waits. An answer or Page Down reveals the right answer, whose index counts from 0. The keys 1 to 9 select answers.",
        "stage.ask(\"Which weights will change?\", [\"only those that fired\", \"all\"], 0);",
    ),
    (
        "focus",
        &["focus(stage: stage, which: parameter)", "focus(stage: stage, which: neuron)"],
        "Selects a weight, a bias or a neuron, shows its explanation, and moves the view to it.",
        "stage.focus(weight(1, 0, 2));",
    ),
    (
        "highlight",
        &["highlight(stage: stage, condition: function)"],
        "Dims all weights and biases for which the condition does not hold, in every step that is shown, until `clear`.",
        "stage.highlight(|p| p.grad != 0.0);",
    ),
    ("clear", &["clear(stage: stage)"], "Removes the caption, the highlight and the focus.", "stage.clear();"),
    (
        "speed",
        &["speed(stage: stage, speed: number)"],
        "Sets the playback speed from now on; 1 is normal speed. The range is 1/16 to 64.",
        "stage.speed(0.5);",
    ),
    (
        "camera",
        &["camera(stage: stage, look: any)"],
        "Moves the view: \"fit\" shows the whole network, `#{ layer: 1 }` a layer with its inputs, and `weight(…)`, `bias(…)` or `neuron(…)` a single element.",
        "stage.camera(#{ layer: 1 });",
    ),
    (
        "show",
        &["show(stage: stage, panel: text)"],
        "Shows the panel \"lesson\", \"explanation\", \"timeline\", \"script\" or \"plots\"; presenter mode hides all panels that the lesson does not show.",
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
        "Shows a note to the presenter until the next note or section; the audience does not see it.",
        "stage.note(\"Let them guess first.\");",
    ),
    (
        "section",
        &["section(stage: stage, name: text)"],
        "Starts a section with a name.",
        "stage.section(\"Backwards\");",
    ),
];

pub(super) const CONDITIONS: &[TableRow] = &[
    (
        "value",
        &["value: Scalar"],
        "In `highlight`: the parameter's value before the step.",
        "stage.highlight(|p| abs(p.value) < 0.01);",
    ),
    (
        "grad",
        &["grad: Scalar"],
        "In `highlight`: the parameter's gradient, as the optimizer gets it.",
        "stage.highlight(|p| p.grad != 0.0);",
    ),
    (
        "change",
        &["change: Scalar"],
        "In `highlight`: the change of the parameter in the step.",
        "stage.highlight(|p| abs(p.change) > 0.1);",
    ),
    (
        "layer",
        &["layer: Scalar"],
        "In `highlight`: the parameter's layer, from 0.",
        "stage.highlight(|p| p.layer == 1);",
    ),
    (
        "neuron",
        &["neuron: Scalar"],
        "In `highlight`: the neuron that the parameter belongs to, from 0.",
        "stage.highlight(|p| p.layer == 0 && p.neuron == 2);",
    ),
    (
        "input",
        &["input: Scalar"],
        "In `highlight`: the input that a weight multiplies, from 0. For a bias it is `()`, which equals no number.",
        "stage.highlight(|p| p.layer == 0 && p.input == 1);",
    ),
    (
        "is_bias",
        &["is_bias: bool"],
        "In `highlight`: whether the parameter is a bias.",
        "stage.highlight(|p| p.is_bias);",
    ),
    (
        "loss",
        &["loss: Scalar"],
        "In `train_until`: the mean loss over the last epoch. The condition is first evaluated after one full epoch, because the loss of a single sample means little.",
        "stage.train_until(|m| m.loss < 0.01, 5000);",
    ),
    (
        "step",
        &["step: Scalar"],
        "In `train_until`: the number of the step just completed, from 1.",
        "stage.train_until(|m| m.loss < 0.1 || m.step >= 300, 5000);",
    ),
    (
        "epoch",
        &["epoch: Scalar"],
        "In `train_until`: the number of completed passes over all samples.",
        "stage.train_until(|m| m.epoch >= 20, 5000);",
    ),
    (
        "accuracy",
        &["accuracy: Scalar"],
        "In `train_until`: the fraction of training samples whose class is predicted, after the last completed epoch.",
        "stage.train_until(|m| m.accuracy >= 0.95, 5000);",
    ),
    (
        "test_loss",
        &["test_loss: Scalar"],
        "In `train_until`: the mean loss over the test data, after the last completed epoch.",
        "stage.train_until(|m| m.test_loss < 0.1, 5000);",
    ),
    (
        "test_accuracy",
        &["test_accuracy: Scalar"],
        "In `train_until`: the fraction of test samples whose class is predicted, after the last completed epoch.",
        "stage.train_until(|m| m.test_accuracy >= 0.95, 5000);",
    ),
];
