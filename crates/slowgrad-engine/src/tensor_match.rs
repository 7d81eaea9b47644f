//! Assigns the tensors of a file to the layers of a network when their names are those of another program.
//!
//! A layer needs a weight, which has two dimensions, and unless it has no biases a bias, which has one. Files do not store
//! the order of their layers, so the names give it: numbers in them count (`fc2` before `fc10`). If the shapes do not fit
//! in that order but fit the network in exactly one other order, that one is used. Weights are out × in, as in PyTorch, or
//! in × out, as in Keras and JAX, if all of them fit only so. This module must not know how a file is encoded.

use std::cmp::Ordering;
use std::fmt;

/// The name and shape of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorShape {
    /// The name.
    pub name: String,
    /// The dimensions, such as out and in.
    pub dims: Vec<usize>,
}

impl TensorShape {
    /// Whether it has the dimensions of a layer's weight.
    fn is_weight(&self) -> bool {
        self.dims.len() == 2
    }
}

impl fmt::Display for TensorShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.dims.iter().map(usize::to_string).collect();
        write!(f, "{} {}", self.name, if dims.is_empty() { "(one number)".to_owned() } else { dims.join(" × ") })
    }
}

/// Why the tensors of a file cannot be assigned to a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// The shapes differ.
    #[error("the tensors do not fit this network")]
    Shapes {
        /// The tensors in the file.
        found: Vec<TensorShape>,
        /// The tensors that the network needs.
        wanted: Vec<TensorShape>,
    },
    /// All weights are square, and a name does not tell whether they are out × in or in × out.
    #[error(
        "«{name}» is square, and a tensor called `kernel` may be in × out or out × in; transpose it if needed, and name it «{wanted}» (out × in)"
    )]
    Orientation {
        /// The tensor's name.
        name: String,
        /// This program's name for it.
        wanted: String,
    },
}

impl MatchError {
    /// The tensors in the file and those that the network needs, in one line. `None` for other errors.
    pub fn list(&self) -> Option<String> {
        let MatchError::Shapes { found, wanted } = self else { return None };
        let (found, wanted): (Vec<String>, Vec<String>) = pairs(found, wanted).into_iter().unzip();
        Some(format!("there is {}; the network needs {}", found.join(", "), wanted.join(", ")))
    }

    /// The tensors in the file beside those that the network needs, as lines of a table with a heading. Empty for other
    /// errors.
    pub fn table(&self) -> Vec<String> {
        let MatchError::Shapes { found, wanted } = self else { return Vec::new() };
        let mut rows = vec![("in the file".to_owned(), "wanted".to_owned())];
        rows.extend(pairs(found, wanted));
        let width = rows.iter().map(|(found, _)| found.chars().count()).max().unwrap_or(0);
        rows.into_iter().map(|(found, wanted)| format!("{found:width$}  {wanted}").trim_end().to_owned()).collect()
    }
}

/// The maximum number of tensors that an error lists.
const MAX_LISTED: usize = 24;

/// The tensors of a file beside those that a network needs, in the order of their names. The last pair says how many are
/// left out.
fn pairs(found: &[TensorShape], wanted: &[TensorShape]) -> Vec<(String, String)> {
    let mut found: Vec<&TensorShape> = found.iter().collect();
    found.sort_by(|a, b| by_name(&a.name, &b.name));
    // The wanted weight of a layer precedes its bias; names sort the bias first.
    let mut wanted: Vec<&TensorShape> = wanted.iter().collect();
    wanted.sort_by(|a, b| by_name(&a.name, &b.name));
    let len = found.len().max(wanted.len());
    let text = |list: &[&TensorShape], at: usize| list.get(at).map_or_else(|| "—".to_owned(), ToString::to_string);
    let mut pairs: Vec<_> = (0..len.min(MAX_LISTED)).map(|at| (text(&found, at), text(&wanted, at))).collect();
    if len > MAX_LISTED {
        let more = |list: &[&TensorShape]| format!("… {} in all", list.len());
        pairs.push((more(&found), more(&wanted)));
    }
    pairs
}

/// How the tensors of a file were assigned to a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorMapping {
    /// The name in the file and this program's name of each tensor, in the order of the network.
    pub names: Vec<(String, String)>,
    /// Whether the file's weights are in × out.
    pub transposed: bool,
}

impl fmt::Display for TensorMapping {
    /// One line: `fc1.weight → 0.weight, fc1.bias → 0.bias`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> =
            self.names.iter().take(MAX_LISTED).map(|(file, own)| format!("{file} → {own}")).collect();
        f.write_str(&shown.join(", "))?;
        if self.names.len() > MAX_LISTED {
            write!(f, " and {} more", self.names.len() - MAX_LISTED)?;
        }
        if self.transposed { f.write_str("; the weights are in × out and were transposed") } else { Ok(()) }
    }
}

/// An assignment of a file's tensors.
pub(crate) struct Assignment {
    /// For each tensor of the network, the index of the file's tensor.
    pub(crate) order: Vec<usize>,
    pub(crate) transposed: bool,
    /// `None` if the names are this program's.
    pub(crate) mapping: Option<TensorMapping>,
}

/// Assigns the tensors of a file to those of a network, which are a weight and, if it has one, a bias for each layer in
/// turn.
///
/// # Errors
/// [`MatchError::Shapes`] if they do not fit, [`MatchError::Orientation`] if they fit in more than one way.
pub(crate) fn assign(found: Vec<TensorShape>, wanted: Vec<TensorShape>) -> Result<Assignment, MatchError> {
    let Some((order, transposed)) = layers(&found, &wanted).and_then(|layers| fit(&layers, &found, &wanted)) else {
        return Err(MatchError::Shapes { found, wanted });
    };
    let square = |tensor: &TensorShape| tensor.dims.iter().all(|size| *size == tensor.dims[0]);
    let weights = || order.iter().map(|&at| &found[at]).zip(&wanted).filter(|(_, own)| own.is_weight());
    if !transposed
        && weights().all(|(weight, _)| square(weight) && weight.dims[0] > 1)
        && let Some((weight, own)) = weights().find(|(weight, _)| last_part(&weight.name) == "kernel")
    {
        return Err(MatchError::Orientation { name: weight.name.clone(), wanted: own.name.clone() });
    }
    let names: Vec<(String, String)> =
        order.iter().zip(&wanted).map(|(&at, own)| (found[at].name.clone(), own.name.clone())).collect();
    let own_names = !transposed && names.iter().all(|(file, own)| file == own);
    let mapping = (!own_names).then_some(TensorMapping { names, transposed });
    Ok(Assignment { order, transposed, mapping })
}

/// The indices of a layer's weight and, if it has one, of its bias.
#[derive(Clone, Copy)]
struct LayerTensors {
    weight: usize,
    bias: Option<usize>,
}

/// The layers of a file in the order of their names. `None` if its tensors are not one weight and at most one bias for
/// each.
fn layers(found: &[TensorShape], wanted: &[TensorShape]) -> Option<Vec<LayerTensors>> {
    let of_rank = |rank: usize| {
        let mut indices: Vec<usize> = (0..found.len()).filter(|&at| found[at].dims.len() == rank).collect();
        indices.sort_by(|&a, &b| by_name(&found[a].name, &found[b].name));
        indices
    };
    let (weights, biases) = (of_rank(2), of_rank(1));
    if weights.len() + biases.len() != found.len() {
        return None;
    }
    let stem = |at: usize| stem(&found[at].name);
    let with_stem = |list: &[usize], of: usize| list.iter().filter(|&&at| stem(at) == stem(of)).count();
    let is_named = |bias: usize| with_stem(&weights, bias) == 1 && with_stem(&biases, bias) == 1;
    if biases.iter().all(|&bias| is_named(bias)) {
        let bias = |weight| biases.iter().copied().find(|&bias| stem(bias) == stem(weight));
        return Some(weights.iter().map(|&weight| LayerTensors { weight, bias: bias(weight) }).collect());
    }
    // Names without a common stem, such as W1 and b1, are paired in order.
    let needed = by_layer(wanted);
    let has_bias = |layer: usize| needed.get(layer).is_some_and(|needed| needed.len() > 1);
    let mut rest = biases.iter().copied();
    let layer = |(at, weight)| LayerTensors { weight, bias: if has_bias(at) { rest.next() } else { None } };
    let layers = weights.into_iter().enumerate().map(layer).collect();
    rest.next().is_none().then_some(layers)
}

/// The tensors of a network, layer by layer.
fn by_layer(wanted: &[TensorShape]) -> Vec<&[TensorShape]> {
    wanted.chunk_by(|_, next| !next.is_weight()).collect()
}

/// The order in which the layers fit, and whether the weights are transposed.
fn fit(layers: &[LayerTensors], found: &[TensorShape], wanted: &[TensorShape]) -> Option<(Vec<usize>, bool)> {
    let wanted = by_layer(wanted);
    if layers.len() != wanted.len() {
        return None;
    }
    let fits = |tensors: &LayerTensors, needed: &[TensorShape], transposed: bool| {
        let [rows, columns] = [needed[0].dims[0], needed[0].dims[1]];
        let weight = if transposed { [columns, rows] } else { [rows, columns] };
        let bias = tensors.bias.map(|bias| &found[bias].dims);
        found[tensors.weight].dims == weight && bias == needed.get(1).map(|bias| &bias.dims)
    };
    let flat = |layers: Vec<LayerTensors>| {
        layers.iter().flat_map(|layer| std::iter::once(layer.weight).chain(layer.bias)).collect()
    };
    for transposed in [false, true] {
        if layers.iter().zip(&wanted).all(|(layer, needed)| fits(layer, needed, transposed)) {
            return Some((flat(layers.to_vec()), transposed));
        }
    }
    let only = |transposed: bool| -> Option<Vec<LayerTensors>> {
        let one = |needed: &[TensorShape]| {
            let mut fitting = layers.iter().filter(|layer| fits(layer, needed, transposed));
            fitting.next().filter(|_| fitting.next().is_none()).copied()
        };
        let chosen: Vec<LayerTensors> = wanted.iter().map(|needed| one(needed)).collect::<Option<_>>()?;
        let mut distinct: Vec<usize> = chosen.iter().map(|layer| layer.weight).collect();
        distinct.sort_unstable();
        distinct.dedup();
        (distinct.len() == chosen.len()).then_some(chosen)
    };
    match (only(false), only(true)) {
        (Some(chosen), None) => Some((flat(chosen), false)),
        (None, Some(chosen)) => Some((flat(chosen), true)),
        _ => None,
    }
}

/// The name without its last part: `net.0` of `net.0.weight`.
fn stem(name: &str) -> &str {
    name.rfind(['.', '/']).map_or("", |at| &name[..at])
}

/// The last part of a name: `weight` of `net.0.weight`.
fn last_part(name: &str) -> &str {
    name.rfind(['.', '/']).map_or(name, |at| &name[at + 1..])
}

/// Compares names so that numbers in them count: `fc2` before `fc10`.
fn by_name(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |text: &str| text.len() - text.trim_start_matches(|ch: char| ch.is_ascii_digit()).len();
        match (digits(a), digits(b)) {
            (0, _) | (_, 0) => {
                let (mut chars_a, mut chars_b) = (a.chars(), b.chars());
                match (chars_a.next(), chars_b.next()) {
                    (None, None) => return Ordering::Equal,
                    (x, y) if x != y => return x.cmp(&y),
                    _ => (a, b) = (chars_a.as_str(), chars_b.as_str()),
                }
            }
            (digits_a, digits_b) => {
                let ((number_a, rest_a), (number_b, rest_b)) = (a.split_at(digits_a), b.split_at(digits_b));
                let value = |number: &str| {
                    let significant = number.trim_start_matches('0');
                    (significant.len(), significant.to_owned())
                };
                match value(number_a).cmp(&value(number_b)) {
                    Ordering::Equal => (a, b) = (rest_a, rest_b),
                    different => return different,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(list: &[(&str, &[usize])]) -> Vec<TensorShape> {
        list.iter().map(|(name, dims)| TensorShape { name: (*name).to_owned(), dims: dims.to_vec() }).collect()
    }

    /// Assigns tensors to a network with 2 inputs, 3 neurons and 1 output: the names in the network's order.
    fn assigned(found: &[(&str, &[usize])]) -> Result<(Vec<String>, bool), MatchError> {
        let wanted = tensors(&[("0.weight", &[3, 2]), ("0.bias", &[3]), ("2.weight", &[1, 3]), ("2.bias", &[1])]);
        let found = tensors(found);
        let Assignment { order, transposed, .. } = assign(found.clone(), wanted)?;
        Ok((order.iter().map(|&at| found[at].name.clone()).collect(), transposed))
    }

    #[test]
    fn names_of_other_programs_are_assigned_in_order() {
        for [first, second] in [["fc1", "fc2"], ["net.0", "net.2"], ["model.9", "model.10"], ["hidden", "output"]] {
            let [w1, b1, w2, b2] = [(first, "weight"), (first, "bias"), (second, "weight"), (second, "bias")]
                .map(|(layer, part)| format!("{layer}.{part}"));
            let found: &[(&str, &[usize])] = &[(&b2, &[1]), (&b1, &[3]), (&w2, &[1, 3]), (&w1, &[3, 2])];
            let expected = [&w1, &b1, &w2, &b2].map(Clone::clone).to_vec();
            assert_eq!(assigned(found), Ok((expected, false)));
        }
        let found: &[(&str, &[usize])] = &[("W1", &[3, 2]), ("W2", &[1, 3]), ("b1", &[3]), ("b2", &[1])];
        assert_eq!(assigned(found).map(|(names, _)| names.join(" ")), Ok("W1 b1 W2 b2".into()));
        // The names are in another order, but the shapes fit in one order only.
        let found: &[(&str, &[usize])] =
            &[("last.w", &[3, 2]), ("first.w", &[1, 3]), ("last.b", &[3]), ("first.b", &[1])];
        assert_eq!(assigned(found).map(|(names, _)| names.join(" ")), Ok("last.w last.b first.w first.b".into()));
    }

    #[test]
    fn weights_are_transposed_only_if_they_fit_in_no_other_way() {
        let found: &[(&str, &[usize])] =
            &[("d_0/kernel", &[2, 3]), ("d_0/bias", &[3]), ("d_1/kernel", &[3, 1]), ("d_1/bias", &[1])];
        assert_eq!(assigned(found).map(|(_, transposed)| transposed), Ok(true));
        // One weight in each orientation.
        let mixed: &[(&str, &[usize])] = &[("a.w", &[2, 3]), ("a.b", &[3]), ("b.w", &[1, 3]), ("b.b", &[1])];
        assert!(matches!(assigned(mixed), Err(MatchError::Shapes { .. })));
        let square = |part: &str| {
            let found = tensors(&[(&format!("a.{part}"), &[4, 4]), ("a.bias", &[4])]);
            assign(found, tensors(&[("0.weight", &[4, 4]), ("0.bias", &[4])])).map(|found| found.transposed)
        };
        assert_eq!(square("weight"), Ok(false));
        assert!(matches!(square("kernel"), Err(MatchError::Orientation { .. })));
    }

    #[test]
    fn tensors_that_do_not_fit_are_listed_beside_those_wanted() {
        let extra: &[(&str, &[usize])] =
            &[("fc1.weight", &[4, 2]), ("fc1.bias", &[4]), ("fc2.weight", &[1, 4]), ("fc2.bias", &[1]), ("steps", &[])];
        let error = assigned(extra).expect_err("another network");
        assert_eq!(
            error.table(),
            [
                "in the file         wanted",
                "fc1.bias 4          0.bias 3",
                "fc1.weight 4 × 2    0.weight 3 × 2",
                "fc2.bias 1          2.bias 1",
                "fc2.weight 1 × 4    2.weight 1 × 3",
                "steps (one number)  —",
            ]
        );
        let list = error.list().expect("a list");
        assert!(
            list.starts_with("there is fc1.bias 4, fc1.weight 4 × 2, ") && list.contains("needs 0.bias 3, 0.weight")
        );
    }

    #[test]
    fn a_layer_without_biases_needs_only_a_weight() {
        let order = |found: &[(&str, &[usize])]| {
            let (found, wanted) =
                (tensors(found), tensors(&[("0.weight", &[3, 2]), ("2.weight", &[1, 3]), ("2.bias", &[1])]));
            let order = assign(found.clone(), wanted)?.order;
            Ok::<_, MatchError>(order.iter().map(|&at| found[at].name.clone()).collect::<Vec<_>>().join(" "))
        };
        let expected = |names: &str| Ok(names.to_owned());
        assert_eq!(
            order(&[("b.bias", &[1]), ("b.weight", &[1, 3]), ("a.weight", &[3, 2])]),
            expected("a.weight b.weight b.bias")
        );
        assert_eq!(order(&[("W1", &[3, 2]), ("W2", &[1, 3]), ("b2", &[1])]), expected("W1 W2 b2"));
        assert!(order(&[("a.weight", &[3, 2]), ("a.bias", &[3]), ("b.weight", &[1, 3]), ("b.bias", &[1])]).is_err());
        assert!(order(&[("a.weight", &[3, 2]), ("a.bias", &[3]), ("b.weight", &[1, 3])]).is_err());
        assert!(order(&[("a.weight", &[3, 2]), ("b.weight", &[1, 3])]).is_err());
    }

    #[test]
    fn numbers_in_names_count() {
        assert_eq!(by_name("fc2.weight", "fc10.weight"), Ordering::Less);
        assert_eq!(by_name("fc02.weight", "fc2.weight"), Ordering::Equal);
        assert_eq!(by_name("a", "a.b"), Ordering::Less);
        assert_eq!(by_name("net.1", "net.a"), Ordering::Less);
    }
}
