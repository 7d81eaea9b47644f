//! The serialized form of a run and of the runs that undo and redo return to.
//!
//! The texts of scripts are stored once in a table, line by line, however many runs use them. The runs of undo and redo
//! have most in common, so each is stored as its differences from the one before it in the list.

use crate::protocol::{Arrangement, Change, Recipe, RecordedChange, ScriptTexts, UndoEntry, UndoHistory};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use slowgrad_engine::run::{LossCurve, LossPoint};
use std::sync::Arc;

/// The shown run, and the runs that undo and redo return to. It is serialized as a [`RunsFile`].
#[derive(Debug, Clone, Default)]
pub(crate) struct RunsDto {
    pub(crate) recipe: Recipe,
    pub(crate) undo_history: Arc<UndoHistory>,
}

impl PartialEq for RunsDto {
    fn eq(&self, other: &Self) -> bool {
        // Compared in every frame; usually both share the same history.
        self.recipe == other.recipe
            && (Arc::ptr_eq(&self.undo_history, &other.undo_history) || self.undo_history == other.undo_history)
    }
}

/// The serialized form of [`RunsDto`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunsFile {
    /// The seed chosen instead of the lesson's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    /// The changes of the run.
    changes: Vec<ChangeDto>,
    /// The shown step, from 1.
    step: u64,
    /// The number of steps that were trained.
    trained: u64,
    /// The discs that were moved by hand.
    moved: Arrangement,
    /// The losses of the branch that the last edit in the past abandoned.
    #[serde(default, rename = "ghost", skip_serializing_if = "CurveDto::is_empty")]
    abandoned_branch: CurveDto,
    /// The runs that undo returns to; the next one is the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    undo: Vec<UndoEntryDto>,
    /// The runs that redo returns to; the next one is the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    redo: Vec<UndoEntryDto>,
    /// The scripts when the run began, as indices into the table.
    #[serde(default, skip_serializing_if = "ScriptIndices::is_empty")]
    began_with: ScriptIndices,
    /// The table of all versions of scripts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scripts: Vec<ScriptDto>,
}

/// A version of a script.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptDto {
    path: String,
    /// The lines of the text.
    text: Vec<String>,
}

/// A change of a run.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeDto {
    /// The number of steps that were completed before it.
    after: u64,
    /// The scripts whose texts differ from those at the previous change, as indices into the table.
    #[serde(default, skip_serializing_if = "ScriptIndices::is_empty")]
    scripts: ScriptIndices,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
}

/// A run that undo or redo returns to. Absent fields equal those of the previous entry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UndoEntryDto {
    /// The name of the change that is undone or redone.
    what: String,
    step: u64,
    trained: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    /// The number of leading changes that equal those of the previous entry.
    same: usize,
    /// The other changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<ChangeDto>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved: Option<Arrangement>,
    #[serde(default, rename = "ghost", skip_serializing_if = "Option::is_none")]
    abandoned_branch: Option<CurveDto>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began_with: Option<ScriptIndices>,
}

/// Indices into the table of scripts.
#[derive(Default, Deserialize)]
struct ScriptIndices(Vec<usize>);

impl ScriptIndices {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for ScriptIndices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one_line(&self.0, serializer)
    }
}

/// A loss curve, as pairs of a step and its loss.
#[derive(Default)]
struct CurveDto(Option<Arc<LossCurve>>);

impl CurveDto {
    fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// A loss. JSON has no infinities and NaN, so these are strings.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum LossDto {
    Finite(f64),
    Other(String),
}

impl Serialize for CurveDto {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let points = self.0.iter().flat_map(|curve| curve.points());
        let loss = |loss: f64| if loss.is_finite() { LossDto::Finite(loss) } else { LossDto::Other(loss.to_string()) };
        one_line(&points.map(|point| (point.step, loss(point.loss))).collect::<Vec<_>>(), serializer)
    }
}

impl<'de> Deserialize<'de> for CurveDto {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let point = |(step, loss)| {
            let loss = match loss {
                LossDto::Finite(loss) => loss,
                LossDto::Other(word) => word.parse().map_err(D::Error::custom)?,
            };
            Ok(LossPoint { step, loss })
        };
        let points: Vec<LossPoint> = Vec::<(u64, LossDto)>::deserialize(deserializer)?
            .into_iter()
            .map(point)
            .collect::<Result<_, D::Error>>()?;
        Ok(Self((!points.is_empty()).then(|| Arc::new(LossCurve::from_points(points)))))
    }
}

/// Serializes a list that may be long on one line.
fn one_line<S: Serializer>(list: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::value::to_raw_value(list).map_err(S::Error::custom)?.serialize(serializer)
}

/// The table of scripts during serialization.
#[derive(Default)]
struct ScriptTableWriter<'t>(Vec<(&'t str, &'t Arc<str>)>);

impl<'t> ScriptTableWriter<'t> {
    /// The indices of texts, which are added to the table if they are new.
    fn indices(&mut self, texts: &'t ScriptTexts) -> ScriptIndices {
        let index = |(path, text): (&'t String, &'t Arc<str>)| {
            let script = (path.as_str(), text);
            self.0.iter().position(|known| *known == script).unwrap_or_else(|| {
                self.0.push(script);
                self.0.len() - 1
            })
        };
        ScriptIndices(texts.iter().map(index).collect())
    }

    fn changes(&mut self, changes: &'t [RecordedChange]) -> Vec<ChangeDto> {
        let change = |recorded: &'t RecordedChange| ChangeDto {
            after: recorded.after,
            scripts: self.indices(&recorded.scripts),
            change: recorded.change.clone(),
        };
        changes.iter().map(change).collect()
    }

    fn undo_entries(&mut self, entries: &'t [UndoEntry]) -> Vec<UndoEntryDto> {
        let mut last: Option<&Recipe> = None;
        let entry = |UndoEntry { name, recipe }: &'t UndoEntry| {
            let before = last.replace(recipe);
            let changes = before.map_or(&[][..], |before| &before.changes);
            let same = recipe.changes.iter().zip(changes).take_while(|(one, other)| one == other).count();
            let moved = before.map_or(&[][..], |before| &before.arrangement);
            let branch = before.and_then(|before| before.abandoned_branch.as_ref());
            let same_scripts = before.map_or(recipe.scripts.is_empty(), |before| before.scripts == recipe.scripts);
            UndoEntryDto {
                what: name.clone(),
                step: recipe.step,
                trained: recipe.furthest,
                seed: recipe.seed,
                same,
                changes: self.changes(&recipe.changes[same..]),
                moved: (*recipe.arrangement != *moved).then(|| Arc::clone(&recipe.arrangement)),
                abandoned_branch: (recipe.abandoned_branch.as_ref() != branch)
                    .then(|| CurveDto(recipe.abandoned_branch.clone())),
                began_with: (!same_scripts).then(|| self.indices(&recipe.scripts)),
            }
        };
        entries.iter().map(entry).collect()
    }
}

impl Serialize for RunsDto {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Recipe { seed, scripts, changes, arrangement, step, furthest, abandoned_branch } = &self.recipe;
        let mut table = ScriptTableWriter::default();
        let runs = RunsFile {
            seed: *seed,
            began_with: table.indices(scripts),
            changes: table.changes(changes),
            step: *step,
            trained: *furthest,
            moved: Arc::clone(arrangement),
            abandoned_branch: CurveDto(abandoned_branch.clone()),
            undo: table.undo_entries(&self.undo_history.undo),
            redo: table.undo_entries(&self.undo_history.redo),
            scripts: Vec::new(),
        };
        let script = |(path, text): (&str, &Arc<str>)| ScriptDto {
            path: path.to_owned(),
            text: text.split('\n').map(str::to_owned).collect(),
        };
        RunsFile { scripts: table.0.into_iter().map(script).collect(), ..runs }.serialize(serializer)
    }
}

/// The table of scripts during deserialization. Methods return `None` for indices that are out of range.
struct ScriptTable(Vec<(String, Arc<str>)>);

impl ScriptTable {
    fn texts(&self, ScriptIndices(indices): ScriptIndices) -> Option<ScriptTexts> {
        indices.into_iter().map(|index| self.0.get(index).cloned()).collect()
    }

    fn change(&self, ChangeDto { after, scripts, change }: ChangeDto) -> Option<RecordedChange> {
        Some(RecordedChange { after, scripts: self.texts(scripts)?, change })
    }

    fn undo_entries(&self, entries: Vec<UndoEntryDto>) -> Option<Vec<UndoEntry>> {
        let mut last = Recipe::default();
        let entry = |entry: UndoEntryDto| {
            let UndoEntryDto { what, step, trained, seed, same, changes, moved, abandoned_branch, began_with } = entry;
            let common = last.changes.get(..same)?.iter().cloned().map(Some);
            let recipe = Recipe {
                seed,
                scripts: match began_with {
                    Some(indices) => Arc::new(self.texts(indices)?),
                    None => Arc::clone(&last.scripts),
                },
                changes: common.chain(changes.into_iter().map(|change| self.change(change))).collect::<Option<_>>()?,
                arrangement: moved.unwrap_or_else(|| Arc::clone(&last.arrangement)),
                step,
                furthest: trained,
                abandoned_branch: abandoned_branch
                    .map_or_else(|| last.abandoned_branch.clone(), |CurveDto(branch)| branch),
            };
            last.clone_from(&recipe);
            Some(UndoEntry { name: what, recipe })
        };
        entries.into_iter().map(entry).collect()
    }

    fn runs(&self, runs: RunsFile) -> Option<RunsDto> {
        let RunsFile { seed, changes, step, trained, moved, abandoned_branch, undo, redo, began_with, .. } = runs;
        let recipe = Recipe {
            seed,
            scripts: Arc::new(self.texts(began_with)?),
            changes: changes.into_iter().map(|change| self.change(change)).collect::<Option<_>>()?,
            arrangement: moved,
            step,
            furthest: trained,
            abandoned_branch: abandoned_branch.0,
        };
        let undo_history = UndoHistory { undo: self.undo_entries(undo)?, redo: self.undo_entries(redo)? };
        Some(RunsDto { recipe, undo_history: Arc::new(undo_history) })
    }
}

impl<'de> Deserialize<'de> for RunsDto {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut runs = RunsFile::deserialize(deserializer)?;
        let scripts = std::mem::take(&mut runs.scripts).into_iter();
        let table = ScriptTable(scripts.map(|ScriptDto { path, text }| (path, text.join("\n").into())).collect());
        table.runs(runs).ok_or_else(|| D::Error::custom("it refers to a missing script or change"))
    }
}
