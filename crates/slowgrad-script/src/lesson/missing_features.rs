//! Names of layers and techniques that other libraries have and slowgrad lacks. A similar name of a field or plugin
//! would be a wrong suggestion for them.

/// Names in lower case without digits and signs, and what they stand for.
const MISSING: &[(&str, &str)] = &[
    ("dropout", "dropout"),
    ("conv", "convolution"),
    ("convolution", "convolution"),
    ("pool", "pooling"),
    ("pooling", "pooling"),
    ("maxpool", "pooling"),
    ("avgpool", "pooling"),
    ("averagepool", "pooling"),
    ("bn", "batch normalization"),
    ("batchnorm", "batch normalization"),
    ("layernorm", "layer normalization"),
    ("groupnorm", "group normalization"),
    ("normalization", "normalization layer"),
    ("skip", "skip connection"),
    ("skipconnection", "skip connection"),
    ("residual", "skip connection"),
    ("embed", "embedding"),
    ("embedding", "embedding"),
    ("recurrent", "recurrent layer"),
    ("rnn", "recurrent layer"),
    ("lstm", "recurrent layer"),
    ("gru", "recurrent layer"),
    ("attention", "attention"),
    ("selfattention", "attention"),
    ("multiheadattention", "attention"),
    ("transformer", "attention"),
    ("flatten", "flattening layer"),
];

/// A longer name that begins with a word of at least this length means the same, such as `dropout_rate`.
const MIN_PREFIX_LETTERS: usize = 7;

/// A sentence about a name that stands for something slowgrad lacks.
pub(crate) fn missing_feature(name: &str) -> Option<String> {
    let name: String = name.to_lowercase().chars().filter(|ch| ch.is_alphabetic()).collect();
    // `conv2d` has become `convd`.
    let dimension = name.strip_suffix('d').unwrap_or(&name);
    let stands_for =
        |word: &str| name == word || dimension == word || word.len() >= MIN_PREFIX_LETTERS && name.starts_with(word);
    let (_, feature) = MISSING.iter().find(|(word, _)| stands_for(word))?;
    Some(format!("slowgrad has no {feature}: its networks are chains of dense layers, each with an activation"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_libraries_are_known_and_own_names_are_not() {
        let missing = [
            "dropout",
            "Dropout",
            "dropout_rate",
            "conv",
            "conv2d",
            "Conv1D",
            "batch_norm",
            "BatchNorm1d",
            "batch-normalization",
            "skip",
            "skip_connections",
            "residual",
            "embedding",
            "Embedding",
            "max_pool",
            "max_pooling2d",
            "LSTM",
        ];
        for name in missing {
            assert!(missing_feature(name).is_some(), "{name}");
        }
        for name in
            ["batch", "batches", "activation", "embers", "poly", "convex", "grumpy", "relu", "skipped", "normal"]
        {
            assert_eq!(missing_feature(name), None, "{name}");
        }
    }
}
