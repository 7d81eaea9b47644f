//! The functions that a script can call without defining them, by name and number of arguments.

use rhai::Engine;
use std::collections::{BTreeMap, BTreeSet};

/// Keywords that are called like functions, with their number of arguments.
const LANGUAGE: &[(&str, usize)] =
    &[("type_of", 1), ("Fn", 1), ("is_shared", 1), ("is_def_var", 1), ("is_def_fn", 2), ("print", 1), ("debug", 1)];

/// Keywords that take any number of arguments.
const ANY: &[&str] = &["call", "curry"];

/// The functions of an engine.
#[derive(Debug, Default)]
pub(crate) struct Builtins {
    arities: BTreeMap<String, BTreeSet<usize>>,
}

impl Builtins {
    pub(crate) fn of(engine: &Engine) -> Self {
        let all = engine.collect_fn_metadata(
            None,
            |function| Some((function.metadata.name.to_string(), function.metadata.num_params)),
            true,
        );
        let language = LANGUAGE.iter().map(|&(name, arity)| (name.to_owned(), arity));
        let mut arities: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (name, arity) in all.into_iter().chain(language) {
            arities.entry(name).or_default().insert(arity);
        }
        Self { arities }
    }

    /// Whether a function of this name exists.
    pub(crate) fn knows(&self, name: &str) -> bool {
        ANY.contains(&name) || self.arities.contains_key(name)
    }

    /// Whether a function of this name takes this many arguments. The receiver of a method counts as one.
    pub(crate) fn takes(&self, name: &str, arguments: usize) -> bool {
        ANY.contains(&name) || self.arities(name).any(|arity| arity == arguments)
    }

    /// The numbers of arguments that functions of this name take.
    pub(crate) fn arities(&self, name: &str) -> impl Iterator<Item = usize> {
        self.arities.get(name).into_iter().flatten().copied()
    }

    /// All names that can be written in a script.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let written = |name: &&str| name.starts_with(char::is_alphabetic) && !name.contains('$');
        self.arities.keys().map(String::as_str).filter(written)
    }
}
