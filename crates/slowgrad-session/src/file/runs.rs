//! What makes the run of a session again, and those that can be gone back to, as a file tells it.
//!
//! Texts of scripts stand once in a table, line by line, however many runs they were used in. Runs that can be gone
//! back to have most in common with each other: each is told by what it has and the one before has not.

use crate::protocol::{Arrangement, Change, Made, Past, Pasts, Recipe, Texts};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use slowgrad_engine::run::{LossCurve, LossPoint};
use std::sync::Arc;

/// The run that is shown, and those that can be gone back to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs {
    pub(crate) recipe: Recipe,
    pub(crate) pasts: Arc<Pasts>,
}

impl PartialEq for Runs {
    fn eq(&self, other: &Self) -> bool {
        // They are compared in every frame, and mostly are the very same.
        self.recipe == other.recipe && (Arc::ptr_eq(&self.pasts, &other.pasts) || self.pasts == other.pasts)
    }
}

/// All of it, in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The seed, when a person asked for another than the lesson's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    /// What was done, and after how many steps.
    changes: Vec<Entry>,
    /// The step that is shown, from 1.
    step: u64,
    /// How many steps were trained.
    trained: u64,
    /// What was moved by hand, and how far.
    moved: Arrangement,
    /// The losses that the last edit in the past left behind.
    #[serde(default, skip_serializing_if = "Curve::is_empty")]
    ghost: Curve,
    /// What can be undone and done again, what comes next as the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    undo: Vec<Before>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    redo: Vec<Before>,
    /// The scripts that the run began with, by their places in the table.
    #[serde(default, skip_serializing_if = "Numbers::is_empty")]
    began_with: Numbers,
    /// The table of all versions of scripts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scripts: Vec<Script>,
}

/// A version of a script.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    path: String,
    /// Its lines.
    text: Vec<String>,
}

/// Something that was done.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    after: u64,
    /// Scripts that said something else by then, by their places in the table.
    #[serde(default, skip_serializing_if = "Numbers::is_empty")]
    scripts: Numbers,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
}

/// A run that can be gone back to. What is not named is the same as in the one before.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    /// The change that lies between, in words.
    what: String,
    step: u64,
    trained: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    /// So many changes are the same, from the first on.
    same: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved: Option<Arrangement>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ghost: Option<Curve>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began_with: Option<Numbers>,
}

/// Places in the table.
#[derive(Default, Deserialize)]
struct Numbers(Vec<usize>);

impl Numbers {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one_line(&self.0, serializer)
    }
}

/// A loss curve, as pairs of a step and its loss.
#[derive(Default)]
struct Curve(Option<Arc<LossCurve>>);

impl Curve {
    fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// A loss in a file. Those that are no numbers there are words.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Loss {
    Finite(f64),
    Other(String),
}

impl Serialize for Curve {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let points = self.0.iter().flat_map(|curve| curve.points());
        let loss = |loss: f64| if loss.is_finite() { Loss::Finite(loss) } else { Loss::Other(loss.to_string()) };
        one_line(&points.map(|point| (point.step, loss(point.loss))).collect::<Vec<_>>(), serializer)
    }
}

impl<'de> Deserialize<'de> for Curve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let point = |(step, loss)| {
            let loss = match loss {
                Loss::Finite(loss) => loss,
                Loss::Other(word) => word.parse().map_err(D::Error::custom)?,
            };
            Ok(LossPoint { step, loss })
        };
        let points: Vec<LossPoint> =
            Vec::<(u64, Loss)>::deserialize(deserializer)?.into_iter().map(point).collect::<Result<_, D::Error>>()?;
        Ok(Self((!points.is_empty()).then(|| Arc::new(LossCurve::from_points(points)))))
    }
}

/// A list that may be long, on one line.
fn one_line<S: Serializer>(list: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::value::to_raw_value(list).map_err(S::Error::custom)?.serialize(serializer)
}

/// The table of scripts while it is written.
#[derive(Default)]
struct Table<'t>(Vec<(&'t str, &'t Arc<str>)>);

impl<'t> Table<'t> {
    /// The places of texts, which are added when they are not there yet.
    fn numbers(&mut self, texts: &'t Texts) -> Numbers {
        let number = |(path, text): (&'t String, &'t Arc<str>)| {
            let entry = (path.as_str(), text);
            self.0.iter().position(|known| *known == entry).unwrap_or_else(|| {
                self.0.push(entry);
                self.0.len() - 1
            })
        };
        Numbers(texts.iter().map(number).collect())
    }

    fn entries(&mut self, changes: &'t [Made]) -> Vec<Entry> {
        let entry = |made: &'t Made| Entry {
            after: made.after,
            scripts: self.numbers(&made.scripts),
            change: made.change.clone(),
        };
        changes.iter().map(entry).collect()
    }

    fn befores(&mut self, pasts: &'t [Past]) -> Vec<Before> {
        let mut last: Option<&Recipe> = None;
        let before = |Past { words, recipe }: &'t Past| {
            let before = last.replace(recipe);
            let changes = before.map_or(&[][..], |before| &before.changes);
            let same = recipe.changes.iter().zip(changes).take_while(|(one, other)| one == other).count();
            let moved = before.map_or(&[][..], |before| &before.arrangement);
            let ghost = before.and_then(|before| before.ghost.as_ref());
            let is_begun_alike = before.map_or(recipe.scripts.is_empty(), |before| before.scripts == recipe.scripts);
            Before {
                what: words.clone(),
                step: recipe.step,
                trained: recipe.furthest,
                seed: recipe.seed,
                same,
                changes: self.entries(&recipe.changes[same..]),
                moved: (*recipe.arrangement != *moved).then(|| Arc::clone(&recipe.arrangement)),
                ghost: (recipe.ghost.as_ref() != ghost).then(|| Curve(recipe.ghost.clone())),
                began_with: (!is_begun_alike).then(|| self.numbers(&recipe.scripts)),
            }
        };
        pasts.iter().map(before).collect()
    }
}

impl Serialize for Runs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Recipe { seed, scripts, changes, arrangement, step, furthest, ghost } = &self.recipe;
        let mut table = Table::default();
        let written = Written {
            seed: *seed,
            began_with: table.numbers(scripts),
            changes: table.entries(changes),
            step: *step,
            trained: *furthest,
            moved: Arc::clone(arrangement),
            ghost: Curve(ghost.clone()),
            undo: table.befores(&self.pasts.undo),
            redo: table.befores(&self.pasts.redo),
            scripts: Vec::new(),
        };
        let script = |(path, text): (&str, &Arc<str>)| Script {
            path: path.to_owned(),
            text: text.split('\n').map(str::to_owned).collect(),
        };
        Written { scripts: table.0.into_iter().map(script).collect(), ..written }.serialize(serializer)
    }
}

/// The table of scripts when it was read.
struct Known(Vec<(String, Arc<str>)>);

impl Known {
    /// Nothing when there is no such place.
    fn texts(&self, Numbers(numbers): Numbers) -> Option<Texts> {
        numbers.into_iter().map(|number| self.0.get(number).cloned()).collect()
    }

    fn made(&self, Entry { after, scripts, change }: Entry) -> Option<Made> {
        Some(Made { after, scripts: self.texts(scripts)?, change })
    }

    fn pasts(&self, befores: Vec<Before>) -> Option<Vec<Past>> {
        let mut last = Recipe::default();
        let past = |Before { what, step, trained, seed, same, changes, moved, ghost, began_with }| {
            let common = last.changes.get(..same)?.iter().cloned().map(Some);
            let changes: Vec<Entry> = changes;
            let recipe = Recipe {
                seed,
                scripts: match began_with {
                    Some(numbers) => Arc::new(self.texts(numbers)?),
                    None => Arc::clone(&last.scripts),
                },
                changes: common.chain(changes.into_iter().map(|entry| self.made(entry))).collect::<Option<_>>()?,
                arrangement: moved.unwrap_or_else(|| Arc::clone(&last.arrangement)),
                step,
                furthest: trained,
                ghost: ghost.map_or_else(|| last.ghost.clone(), |Curve(ghost)| ghost),
            };
            last.clone_from(&recipe);
            Some(Past { words: what, recipe })
        };
        befores.into_iter().map(past).collect()
    }

    fn runs(&self, written: Written) -> Option<Runs> {
        let Written { seed, changes, step, trained, moved, ghost, undo, redo, began_with, .. } = written;
        let recipe = Recipe {
            seed,
            scripts: Arc::new(self.texts(began_with)?),
            changes: changes.into_iter().map(|entry| self.made(entry)).collect::<Option<_>>()?,
            arrangement: moved,
            step,
            furthest: trained,
            ghost: ghost.0,
        };
        Some(Runs { recipe, pasts: Arc::new(Pasts { undo: self.pasts(undo)?, redo: self.pasts(redo)? }) })
    }
}

impl<'de> Deserialize<'de> for Runs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut written = Written::deserialize(deserializer)?;
        let scripts = std::mem::take(&mut written.scripts).into_iter();
        let known = Known(scripts.map(|Script { path, text }| (path, text.join("\n").into())).collect());
        known.runs(written).ok_or_else(|| D::Error::custom("it refers to a missing script or change"))
    }
}
