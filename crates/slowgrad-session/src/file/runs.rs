//! The serialized form of a run and of the runs that undo and redo return to.
//!
//! The texts of scripts are stored once in a table, line by line, however many runs use them. The runs of undo and redo
//! have most in common, so each is stored as its differences from the one before it in the list. Scripts of the built-in
//! library are marked, because another version of the program has its own texts of them; all others belong to the lesson.

use super::limits::{
    self, Lines, MAX_CHANGES, MAX_CURVE_POINTS, MAX_MOVED, MAX_NAME_BYTES, MAX_SCRIPTS, MAX_STEPS, MAX_UNDO,
    MAX_UNDO_CHANGES,
};
use crate::protocol::{Arrangement, Change, Recipe, RecordedChange, ScriptTexts, UndoEntry, UndoHistory};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use slowgrad_engine::run::{LossCurve, LossPoint};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The shown run, and the runs that undo and redo return to. It is serialized as a [`RunsFile`].
#[derive(Debug, Clone, Default)]
pub(crate) struct RunsDto {
    pub(crate) recipe: Recipe,
    pub(crate) undo_history: Arc<UndoHistory>,
    /// The texts that came from the built-in library of the program that saved the file, by path. Texts of this program's
    /// library need not be listed.
    pub(crate) built_in: Arc<BuiltInTexts>,
}

/// Texts of built-in scripts.
pub(crate) type BuiltInTexts = BTreeSet<(String, Arc<str>)>;

impl RunsDto {
    /// The last text of each script that belongs to the lesson, with its path in the library.
    pub(crate) fn own_scripts(&self) -> BTreeMap<&String, &Arc<str>> {
        let built_in = |script: (&String, &Arc<str>)| {
            self.built_in.contains(&(script.0.clone(), Arc::clone(script.1))) || is_shipped(script.0, script.1)
        };
        let mut own = BTreeMap::new();
        // The scripts of the shown run come last, so that their texts are used.
        let UndoHistory { undo, redo } = &*self.undo_history;
        let others = undo.iter().chain(redo).map(|entry| &entry.recipe);
        for script in others.chain([&self.recipe]).flat_map(scripts) {
            if built_in(script) {
                own.remove(script.0);
            } else {
                own.insert(script.0, script.1);
            }
        }
        own
    }

    /// The last text of each script of the shown run, with its path in the library.
    pub(crate) fn last_scripts(&self) -> BTreeMap<&String, &Arc<str>> {
        scripts(&self.recipe).collect()
    }

    /// Checks everything that the format itself does not limit.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub(super) fn validate(&self) -> Result<(), String> {
        let UndoHistory { undo, redo } = &*self.undo_history;
        let entries = undo.iter().chain(redo);
        if entries.clone().any(|entry| entry.name.len() > MAX_NAME_BYTES) {
            return Err("the name of a change is too long".into());
        }
        entries.map(|entry| &entry.recipe).chain([&self.recipe]).try_for_each(validate)
    }
}

/// The scripts of a run in the order in which their texts took effect.
fn scripts(recipe: &Recipe) -> impl Iterator<Item = (&String, &Arc<str>)> {
    recipe.scripts.iter().chain(recipe.changes.iter().flat_map(|change| &change.scripts))
}

/// Whether the built-in library has this text.
fn is_shipped(path: &str, text: &str) -> bool {
    crate::shipped::file(path).is_some_and(|bytes| bytes == text.as_bytes())
}

fn validate(recipe: &Recipe) -> Result<(), String> {
    let Recipe { changes, arrangement, step, furthest, .. } = recipe;
    if *step > MAX_STEPS || *furthest > MAX_STEPS {
        return Err(format!("step {} is beyond the limit of {MAX_STEPS} steps", step.max(furthest)));
    }
    if *step > furthest + 1 {
        return Err(format!("it shows step {step}, but only {furthest} steps were trained"));
    }
    let mut last = 0;
    for change in &**changes {
        if change.after < last || change.after > *furthest {
            return Err("its changes are not in order".into());
        }
        last = change.after;
    }
    let moved = |change: &RecordedChange| match &change.change {
        Some(Change::Arrange(moved)) => Some(Arc::clone(moved)),
        _ => None,
    };
    for moved in changes.iter().filter_map(moved).chain([Arc::clone(arrangement)]) {
        if moved.len() > MAX_MOVED
            || moved.iter().flat_map(|(_, at)| at).any(|at| !(-MAX_OFFSET..=MAX_OFFSET).contains(at))
        {
            return Err("a disc was moved too far".into());
        }
    }
    Ok(())
}

/// The largest offset of a disc that was moved by hand, in world units.
const MAX_OFFSET: f32 = 1e6;

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
    #[serde(deserialize_with = "limits::list::<_, _, MAX_CHANGES>")]
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
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "limits::list::<_, _, MAX_UNDO>")]
    undo: Vec<UndoEntryDto>,
    /// The runs that redo returns to; the next one is the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "limits::list::<_, _, MAX_UNDO>")]
    redo: Vec<UndoEntryDto>,
    /// The scripts when the run began, as indices into the table.
    #[serde(default, skip_serializing_if = "ScriptIndices::is_empty")]
    began_with: ScriptIndices,
    /// The table of all versions of scripts.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "limits::list::<_, _, MAX_SCRIPTS>")]
    scripts: Vec<ScriptDto>,
}

/// A version of a script.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptDto {
    path: String,
    /// Whether it came from the built-in library; unknown in older versions of the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    built_in: Option<bool>,
    text: Lines,
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
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "limits::list::<_, _, MAX_CHANGES>")]
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
struct ScriptIndices(#[serde(deserialize_with = "limits::list::<_, _, MAX_SCRIPTS>")] Vec<usize>);

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
pub(super) struct CurveDto(pub(super) Option<Arc<LossCurve>>);

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
        let pairs = limits::list::<D, (u64, LossDto), MAX_CURVE_POINTS>(deserializer)?;
        let points: Vec<LossPoint> = pairs.into_iter().map(point).collect::<Result<_, D::Error>>()?;
        let in_order = points.iter().zip(points.iter().skip(1)).all(|(one, next)| one.step < next.step);
        if !in_order || points.iter().any(|point| !(1..=MAX_STEPS).contains(&point.step)) {
            return Err(D::Error::custom("the steps of its losses are not in order"));
        }
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
        // Reading expands the changes of each run again.
        let mut left = MAX_UNDO_CHANGES / 2;
        let fits = |UndoEntry { recipe, .. }: &&UndoEntry| {
            let size: usize = recipe.changes.iter().map(|change| 1 + change.scripts.len()).sum();
            left.checked_sub(size).inspect(|rest| left = *rest).is_some()
        };
        let oldest = entries.len() - entries.iter().rev().take(MAX_UNDO).take_while(fits).count();
        entries[oldest..].iter().map(entry).collect()
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
            built_in: Some(is_shipped(path, text) || self.built_in.contains(&(path.to_owned(), Arc::clone(text)))),
            text: Lines((**text).to_owned()),
        };
        RunsFile { scripts: table.0.into_iter().map(script).collect(), ..runs }.serialize(serializer)
    }
}

/// The table of scripts during deserialization. Methods return `None` for indices that are out of range.
struct ScriptTable {
    scripts: Vec<(String, Arc<str>)>,
    /// The number of changes, each counted with its scripts, that the runs of undo and redo may still have.
    left: Cell<usize>,
}

impl ScriptTable {
    fn texts(&self, ScriptIndices(indices): ScriptIndices) -> Option<ScriptTexts> {
        indices.into_iter().map(|index| self.scripts.get(index).cloned()).collect()
    }

    /// Counts changes of undo and redo; `None` beyond the limit.
    fn count(&self, changes: &[RecordedChange]) -> Option<()> {
        let size: usize = changes.iter().map(|change| 1 + change.scripts.len()).sum();
        self.left.set(self.left.get().checked_sub(size)?);
        Some(())
    }

    fn change(&self, ChangeDto { after, scripts, change }: ChangeDto) -> Option<RecordedChange> {
        Some(RecordedChange { after, scripts: self.texts(scripts)?, change })
    }

    fn undo_entries(&self, entries: Vec<UndoEntryDto>) -> Option<Vec<UndoEntry>> {
        let mut last = Recipe::default();
        let entry = |entry: UndoEntryDto| {
            let UndoEntryDto { what, step, trained, seed, same, changes, moved, abandoned_branch, began_with } = entry;
            self.count(last.changes.get(..same)?)?;
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
        Some(RunsDto { recipe, undo_history: Arc::new(undo_history), built_in: Arc::default() })
    }
}

impl<'de> Deserialize<'de> for RunsDto {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut runs = RunsFile::deserialize(deserializer)?;
        let mut built_in = BuiltInTexts::new();
        let script = |ScriptDto { path, built_in: marked, text: Lines(text) }: ScriptDto| {
            let text: Arc<str> = text.into();
            // Older versions of the format have no mark. The path is the best hint.
            if marked.unwrap_or_else(|| crate::shipped::file(&path).is_some()) {
                built_in.insert((path.clone(), Arc::clone(&text)));
            }
            (path, text)
        };
        let scripts = std::mem::take(&mut runs.scripts).into_iter().map(script).collect();
        let table = ScriptTable { scripts, left: Cell::new(MAX_UNDO_CHANGES) };
        let runs = table.runs(runs).ok_or_else(|| {
            D::Error::custom("it refers to a missing script or change, or has too many changes to undo")
        })?;
        Ok(Self { built_in: Arc::new(built_in), ..runs })
    }
}
