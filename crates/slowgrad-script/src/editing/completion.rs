//! Completion: the names that are valid at the cursor.

use super::outline::{Outline, ParameterRole};
use crate::bindings::arguments::CHANGES;
use crate::bindings::table;
use crate::plugins::PluginKind;
use crate::reference::{Group, ReferenceItem, group, items};
use crate::runtime::limits::Limits;
use crate::text::lexer::TokenKind;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::cue::{Panel, PlayPart, Plot};
use std::ops::Range;

/// A proposed completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The text to insert.
    pub text: String,
    /// A signature with a description, or the origin of the name.
    pub detail: String,
    /// The bytes to replace: the part of the word that is already typed.
    pub replaces: Range<usize>,
}

/// The names that are valid at a byte of a text and start with the typed prefix, nearest definition first.
///
/// `plugins` are the plugins of the library, for string literals that name one. There are no completions in comments,
/// and in string literals only where slowgrad expects a certain name.
pub fn complete(text: &str, offset: usize, plugins: &[(PluginKind, String)]) -> Vec<Completion> {
    if !text.is_char_boundary(offset) {
        return Vec::new();
    }
    let outline = Outline::new(text);
    let Some(cursor) = Cursor::new(&outline, offset) else { return Vec::new() };
    let candidates = if cursor.quoted { cursor.in_quotes(plugins) } else { cursor.names() };
    let prefix = text[cursor.start..offset].to_lowercase();
    let fits = |name: &str| name.to_lowercase().starts_with(&prefix) && name != &text[cursor.start..offset];
    let mut found: Vec<Completion> = Vec::new();
    for (text, detail) in candidates {
        if fits(&text) && found.iter().all(|known| known.text != text) {
            found.push(Completion { text, detail, replaces: cursor.start..offset });
        }
    }
    found
}

/// A name and its detail text.
type Candidate = (String, String);

/// Keywords of the language.
const KEYWORDS: &[&str] = &[
    "let", "const", "if", "else", "for", "in", "while", "loop", "switch", "return", "break", "continue", "true",
    "false",
];

/// A position in a text: the word at the cursor and the tokens before it.
struct Cursor<'o> {
    outline: &'o Outline,
    offset: usize,
    /// The start of the word.
    start: usize,
    /// The token of the word, or the first token after the cursor.
    token: usize,
    quoted: bool,
}

impl<'o> Cursor<'o> {
    fn new(outline: &'o Outline, offset: usize) -> Option<Self> {
        let inside = |start: usize, end: usize| start < offset && offset <= end;
        let covering = outline.text.tokens.iter().find(|token| inside(token.start, token.end));
        let mut cursor = Self { outline, offset, start: offset, token: outline.before(offset), quoted: false };
        let Some(token) = covering else { return Some(cursor) };
        match token.kind {
            // After the end of a block comment there is code; a line comment continues.
            TokenKind::Comment | TokenKind::DocComment => {
                let text = &outline.text.source.text[token.start..token.end];
                return (offset == token.end && text.ends_with("*/")).then_some(cursor);
            }
            TokenKind::Text => {
                let text = &outline.text.source.text[token.start..token.end];
                let closed = text.len() > 1 && text.ends_with('"');
                if offset == token.end && closed {
                    return Some(cursor);
                }
                if !text.starts_with('"') {
                    return None;
                }
                cursor.quoted = true;
                cursor.start = token.start + 1;
                cursor.token -= 1;
            }
            TokenKind::Identifier | TokenKind::Function | TokenKind::Keyword => {
                cursor.start = token.start;
                cursor.token -= 1;
            }
            TokenKind::Number => return None,
            _ => {}
        }
        Some(cursor)
    }

    /// The token `n` positions before the word.
    fn back(&self, n: usize) -> &str {
        self.token.checked_sub(n).map_or("", |at| self.outline.word(at))
    }

    /// Names in a string literal: plugins, and arguments of cues.
    fn in_quotes(&self, plugins: &[(PluginKind, String)]) -> Vec<Candidate> {
        let named = |kind: PluginKind| {
            let names = plugins.iter().filter(move |(known, _)| *known == kind);
            names.map(move |(_, name)| (name.clone(), kind.label().to_owned())).collect()
        };
        let open = self.outline.open(self.token);
        let called = |n: usize| open.iter().rev().nth(n).map_or("", |&at| self.outline.word(at.saturating_sub(1)));
        let units = || Granularity::ALL.map(|unit| (unit.name().to_owned(), "a unit".to_owned())).to_vec();
        match self.outline.key_before(self.token) {
            // `optimizer: #{ name: "…" }`
            Some("name") => {
                let outer = open.last().and_then(|&at| self.outline.key_before(at));
                outer.and_then(plugin_of).map(named).unwrap_or_default()
            }
            Some("by") => units(),
            Some(key) => plugin_of(key).map(named).unwrap_or_default(),
            None if called(0) == "play" && self.back(1) == "(" => {
                PlayPart::ALL.map(|part| (part.name().to_owned(), "a part of a step".to_owned())).to_vec()
            }
            None if called(0) == "step" => units(),
            None if matches!(called(0), "show" | "hide") && self.back(1) == "(" => {
                Panel::ALL.map(|panel| (panel.name().to_owned(), "a panel".to_owned())).to_vec()
            }
            None if called(0) == "plot" => Plot::ALL.map(|plot| (plot.name().to_owned(), "a plot".to_owned())).to_vec(),
            None if called(0) == "camera" && self.back(1) == "(" => {
                vec![("fit".to_owned(), "the whole network".to_owned())]
            }
            None => Vec::new(),
        }
    }

    fn names(&self) -> Vec<Candidate> {
        if matches!(self.back(1), "." | "?.") {
            return self.after_point();
        }
        if matches!(self.back(1), "let" | "const" | "fn" | "for") {
            return if self.back(1) == "fn" { contracts(false) } else { Vec::new() };
        }
        if let Some(keys) = self.keys() {
            return keys;
        }
        let Some(function) = self.outline.function_at(self.offset) else {
            let mut all = contracts(true);
            all.extend(["fn", "const", "import"].map(keyword));
            return all;
        };
        let controls = function == "params";
        let mut all = self.own_names();
        let natives = items().iter().filter(|item| match item.group {
            Group::Numbers | Group::Constants | Group::Arrays | Group::Output | Group::Texts | Group::Others => true,
            Group::Controls => controls,
            Group::LessonParts => matches!(function, "lesson" | "perform"),
            _ => false,
        });
        all.extend(natives.map(candidate));
        all.extend(KEYWORDS.iter().copied().map(keyword));
        all
    }

    /// Names that the file defines: first the variables of the function, then the functions.
    fn own_names(&self) -> Vec<Candidate> {
        let outline = self.outline;
        let function = outline.function_at(self.offset);
        let bound = outline.text.source_map.bindings.iter().filter(|(at, _)| *at < self.start);
        let here = bound.filter(|(at, _)| {
            let owner = outline.function_at(*at);
            owner == function || owner.is_none()
        });
        let mut all: Vec<Candidate> =
            here.map(|(_, name)| (name.clone(), "a variable of this function".to_owned())).collect();
        all.reverse();
        let helpers = outline.text.source_map.functions.iter().filter(|helper| Some(helper.name.as_str()) != function);
        all.extend(helpers.map(|helper| (helper.name.clone(), "a function of this file".to_owned())));
        all
    }

    fn after_point(&self) -> Vec<Candidate> {
        let of = |items: Group| group(items).map(candidate).collect::<Vec<_>>();
        let keys_of = |function: &str, detail: &str| {
            let keys = self.outline.keys(function).into_iter();
            keys.map(|(key, _)| (key.to_owned(), detail.to_owned())).collect::<Vec<_>>()
        };
        let name = self.back(2);
        let role = if name == "rng" {
            Some(ParameterRole::Random)
        } else if matches!(name, "]" | ")") || self.back(3) == "." {
            None
        } else {
            self.outline.role(name, self.offset)
        };
        match role {
            Some(ParameterRole::Stage) => of(Group::Cues),
            Some(ParameterRole::Random) => of(Group::Random),
            Some(ParameterRole::Values) => keys_of("params", "a control of this file"),
            Some(ParameterRole::State) => keys_of("state", "a field of `fn state()`"),
            Some(ParameterRole::Context) => {
                let function = self.outline.function_at(self.offset).unwrap_or_default();
                let mut all = keys_of("params", "a control of this file");
                let fields = group(Group::Context).filter(|item| item.description.contains(&format!("`{function}`")));
                all.extend(fields.map(candidate));
                all
            }
            Some(ParameterRole::Layer) => of(Group::Layer),
            Some(ParameterRole::List) => of(Group::Arrays),
            Some(ParameterRole::Number) => of(Group::Numbers),
            None if self.condition().is_some() => {
                let cue = format!("`{}`", self.condition().unwrap_or_default());
                group(Group::Conditions).filter(|item| item.description.contains(&cue)).map(candidate).collect()
            }
            None => items().iter().filter(|item| item.group.is_method()).map(candidate).collect(),
        }
    }

    /// The cue whose condition contains the cursor, if the word before the point is the parameter of that condition.
    fn condition(&self) -> Option<&str> {
        let open = self.outline.open(self.token);
        let mut calls = open.iter().filter(|&&at| self.outline.word(at) == "(" && at > 0);
        let cue = calls.find(|&&at| matches!(self.outline.word(at - 1), "highlight" | "train_until"))?;
        let of_parameter = self.outline.word(cue + 1) == "|" && self.outline.word(cue + 2) == self.back(2);
        of_parameter.then(|| self.outline.word(cue - 1))
    }

    /// The keys for the map around the word, if the word is a key and slowgrad reads this map.
    fn keys(&self) -> Option<Vec<Candidate>> {
        let open = self.outline.open(self.token);
        let &map = open.last()?;
        if self.outline.word(map) != "#{" || !matches!(self.back(1), "#{" | ",") {
            return None;
        }
        let listed = |keys: &[(&str, &str)]| {
            keys.iter().map(|(key, detail)| ((*key).to_owned(), (*detail).to_owned())).collect()
        };
        let call = open.len().checked_sub(2).map(|at| open[at]).filter(|&at| self.outline.word(at) == "(");
        match call.map(|at| self.outline.word(at.saturating_sub(1))) {
            Some("play") => return Some(listed(&[("by", "the unit"), ("seconds", "the duration")])),
            Some("camera") => return Some(listed(&[("layer", "counted from 0"), ("neuron", "counted from 0")])),
            Some("csv") => return Some(listed(table::FIELDS)),
            Some("set") => {
                let changes = group(Group::LessonFields).filter(|item| CHANGES.contains(&item.name));
                return Some(changes.map(candidate).collect());
            }
            _ => {}
        }
        if self.outline.function_at(self.offset) != Some("lesson") {
            return None;
        }
        let maps = open.iter().filter(|&&at| self.outline.word(at) == "#{").count();
        if maps == 1 {
            return Some(group(Group::LessonFields).map(candidate).collect());
        }
        // In `layers: [#{`, the key is in front of the array.
        let outer = open.iter().rev().nth(1).filter(|&&at| self.outline.word(at) == "[");
        match self.outline.key_before(map).or_else(|| self.outline.key_before(*outer?)) {
            Some("layers") => Some(listed(&[
                ("size", "the number of neurons"),
                ("activation", "their activation"),
                ("bias", "whether it has biases"),
                ("frozen", "what is not trained"),
            ])),
            Some("data") => Some(listed(&[("input", "numbers"), ("target", "numbers"), ("name", "a data set")])),
            Some("weights") => Some(listed(&[("weight", "one row per neuron"), ("bias", "numbers")])),
            Some("limits") => {
                Some(Limits::names().map(|name| (name.to_owned(), "a stricter limit".to_owned())).collect())
            }
            Some(key) if plugin_of(key).is_some() => Some(listed(&[("name", "the plugin's name")])),
            _ => Some(Vec::new()),
        }
    }
}

/// The kind of plugin that a field of a lesson names.
fn plugin_of(field: &str) -> Option<PluginKind> {
    if matches!(field, "output" | "activation") {
        return Some(PluginKind::Activation);
    }
    if field == "data" {
        return Some(PluginKind::Dataset);
    }
    PluginKind::ALL.into_iter().find(|kind| kind.label() == field)
}

fn candidate(item: &ReferenceItem) -> Candidate {
    let signature = item.signatures.first().copied().unwrap_or_default();
    (item.name.to_owned(), format!("{signature} · {}", item.description))
}

fn keyword(word: &str) -> Candidate {
    (word.to_owned(), "a keyword".to_owned())
}

/// The heads of the functions that slowgrad calls, with or without `fn` in front.
fn contracts(with_fn: bool) -> Vec<Candidate> {
    let completion = |item: &'static ReferenceItem| {
        let signature = item.signatures.first().copied().unwrap_or_default();
        let head = signature.split(" -> ").next().unwrap_or(signature).trim_start_matches("fn ");
        let (name, parameters) = head.split_once('(').unwrap_or((head, ")"));
        let names: Vec<&str> = parameters
            .trim_end_matches(')')
            .split(", ")
            .map(|typed| typed.split(':').next().unwrap_or(typed))
            .collect();
        let text = format!("{}{name}({})", if with_fn { "fn " } else { "" }, names.join(", "));
        (text, item.description.to_owned())
    };
    group(Group::Contracts).map(completion).collect()
}
