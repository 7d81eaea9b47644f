//! Which names may stand where the cursor is.

use super::outline::{Outline, Role};
use crate::bindings::arguments::CHANGES;
use crate::plugins::PluginKind;
use crate::reference::{Entry, Group, entries, group};
use crate::runtime::limits::Limits;
use crate::text::lexer::TokenKind;
use slowgrad_timeline::cue::{Panel, PlayPart, Plot};
use slowgrad_timeline::granularity::Granularity;
use std::ops::Range;

/// One name that may be put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What is put in.
    pub text: String,
    /// What it is: a signature with a description, or where it comes from.
    pub detail: String,
    /// The bytes that it replaces: the beginning of the word that is written already.
    pub replaces: Range<usize>,
}

/// The names that may stand at a byte of a text and begin with what is written there, the nearest first.
///
/// `plugins` are the names of the library, for the texts that name one. Nothing is offered within comments, and
/// within texts only where the text is a name that slowgrad knows.
pub fn complete(text: &str, offset: usize, plugins: &[(PluginKind, String)]) -> Vec<Completion> {
    if !text.is_char_boundary(offset) {
        return Vec::new();
    }
    let outline = Outline::new(text);
    let Some(cursor) = Cursor::new(&outline, offset) else { return Vec::new() };
    let offers = if cursor.quoted { cursor.in_quotes(plugins) } else { cursor.names() };
    let begun = text[cursor.start..offset].to_lowercase();
    let fits = |name: &str| name.to_lowercase().starts_with(&begun) && name != &text[cursor.start..offset];
    let mut found: Vec<Completion> = Vec::new();
    for (text, detail) in offers {
        if fits(&text) && found.iter().all(|known| known.text != text) {
            found.push(Completion { text, detail, replaces: cursor.start..offset });
        }
    }
    found
}

/// A name with what it is.
type Offer = (String, String);

/// Words of the language that begin or join statements.
const KEYWORDS: &[&str] = &[
    "let", "const", "if", "else", "for", "in", "while", "loop", "switch", "return", "break", "continue", "true",
    "false",
];

/// A place in a text: the word that is being written and what stands before it.
struct Cursor<'o> {
    outline: &'o Outline,
    offset: usize,
    /// Where the word begins.
    start: usize,
    /// The token of the word, or of what would follow the cursor.
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
            // Behind the end of a block comment is free space; a line's comment goes on.
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

    /// The token so many places before the word.
    fn back(&self, n: usize) -> &str {
        self.token.checked_sub(n).map_or("", |at| self.outline.word(at))
    }

    /// Names inside a text: plugins, and what cues are told.
    fn in_quotes(&self, plugins: &[(PluginKind, String)]) -> Vec<Offer> {
        let named = |kind: PluginKind| {
            let names = plugins.iter().filter(move |(known, _)| *known == kind);
            names.map(move |(_, name)| (name.clone(), kind.label().to_owned())).collect()
        };
        let open = self.outline.open(self.token);
        let called = |n: usize| open.iter().rev().nth(n).map_or("", |&at| self.outline.word(at.saturating_sub(1)));
        let grains =
            || Granularity::ALL.map(|grain| (grain.name().to_owned(), "how finely to look".to_owned())).to_vec();
        match self.outline.key_before(self.token) {
            // `optimizer: #{ name: "…" }`
            Some("name") => {
                let outer = open.last().and_then(|&at| self.outline.key_before(at));
                outer.and_then(plugin_of).map(named).unwrap_or_default()
            }
            Some("by") => grains(),
            Some(key) => plugin_of(key).map(named).unwrap_or_default(),
            None if called(0) == "play" && self.back(1) == "(" => {
                PlayPart::ALL.map(|part| (part.name().to_owned(), "a part of a step".to_owned())).to_vec()
            }
            None if called(0) == "step" => grains(),
            None if matches!(called(0), "show" | "hide") && self.back(1) == "(" => {
                Panel::ALL.map(|panel| (panel.name().to_owned(), "a panel".to_owned())).to_vec()
            }
            None if called(0) == "plot" => Plot::ALL.map(|plot| (plot.name().to_owned(), "a plot".to_owned())).to_vec(),
            None if called(0) == "camera" && self.back(1) == "(" => vec![("fit".to_owned(), "all of it".to_owned())],
            None => Vec::new(),
        }
    }

    fn names(&self) -> Vec<Offer> {
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
        let mut all = self.own();
        let natives = entries().iter().filter(|entry| match entry.group {
            Group::Numbers | Group::Constants | Group::Arrays | Group::Output | Group::Texts | Group::Others => true,
            Group::Controls => controls,
            Group::LessonParts => matches!(function, "lesson" | "perform"),
            _ => false,
        });
        all.extend(natives.map(offer));
        all.extend(KEYWORDS.iter().copied().map(keyword));
        all
    }

    /// Names of the file itself: what is bound in the function, then its functions.
    fn own(&self) -> Vec<Offer> {
        let outline = self.outline;
        let function = outline.function_at(self.offset);
        let bound = outline.text.source_map.bindings.iter().filter(|(at, _)| *at < self.start);
        let here = bound.filter(|(at, _)| {
            let owner = outline.function_at(*at);
            owner == function || owner.is_none()
        });
        let mut all: Vec<Offer> = here.map(|(_, name)| (name.clone(), "a name of this function".to_owned())).collect();
        all.reverse();
        let helpers = outline.text.source_map.functions.iter().filter(|helper| Some(helper.name.as_str()) != function);
        all.extend(helpers.map(|helper| (helper.name.clone(), "a function of this file".to_owned())));
        all
    }

    fn after_point(&self) -> Vec<Offer> {
        let of = |wanted: Group| group(wanted).map(offer).collect::<Vec<_>>();
        let own = |function: &str, what: &str| {
            let keys = self.outline.keys(function).into_iter();
            keys.map(|(key, _)| (key.to_owned(), what.to_owned())).collect::<Vec<_>>()
        };
        let name = self.back(2);
        let role = if name == "rng" {
            Some(Role::Random)
        } else if matches!(name, "]" | ")") || self.back(3) == "." {
            None
        } else {
            self.outline.role(name, self.offset)
        };
        match role {
            Some(Role::Stage) => of(Group::Cues),
            Some(Role::Random) => of(Group::Random),
            Some(Role::Values) => own("params", "a control of this file"),
            Some(Role::State) => own("state", "a field of `fn state()`"),
            Some(Role::Context) => {
                let function = self.outline.function_at(self.offset).unwrap_or_default();
                let mut all = own("params", "a control of this file");
                let given = group(Group::Context).filter(|entry| entry.description.contains(&format!("`{function}`")));
                all.extend(given.map(offer));
                all
            }
            Some(Role::List) => of(Group::Arrays),
            Some(Role::Number) => of(Group::Numbers),
            None if self.condition().is_some() => {
                let cue = format!("`{}`", self.condition().unwrap_or_default());
                group(Group::Conditions).filter(|entry| entry.description.contains(&cue)).map(offer).collect()
            }
            None => entries().iter().filter(|entry| entry.group.is_method()).map(offer).collect(),
        }
    }

    /// The cue whose condition is being written, when the word before the point is what that is asked about.
    fn condition(&self) -> Option<&str> {
        let open = self.outline.open(self.token);
        let mut calls = open.iter().filter(|&&at| self.outline.word(at) == "(" && at > 0);
        let cue = calls.find(|&&at| matches!(self.outline.word(at - 1), "highlight" | "train_until"))?;
        let asked = self.outline.word(cue + 1) == "|" && self.outline.word(cue + 2) == self.back(2);
        asked.then(|| self.outline.word(cue - 1))
    }

    /// The keys of the map that the word is a key of, where slowgrad gives them a meaning.
    fn keys(&self) -> Option<Vec<Offer>> {
        let open = self.outline.open(self.token);
        let &map = open.last()?;
        if self.outline.word(map) != "#{" || !matches!(self.back(1), "#{" | ",") {
            return None;
        }
        let listed =
            |keys: &[(&str, &str)]| keys.iter().map(|(key, what)| ((*key).to_owned(), (*what).to_owned())).collect();
        let call = open.len().checked_sub(2).map(|at| open[at]).filter(|&at| self.outline.word(at) == "(");
        match call.map(|at| self.outline.word(at.saturating_sub(1))) {
            Some("play") => return Some(listed(&[("by", "how finely to look"), ("seconds", "how long it takes")])),
            Some("camera") => return Some(listed(&[("layer", "counted from 0"), ("neuron", "counted from 0")])),
            Some("csv") => return Some(listed(&[("inputs", "names of columns"), ("target", "a column")])),
            Some("set") => {
                let changes = group(Group::LessonFields).filter(|entry| CHANGES.contains(&entry.name));
                return Some(changes.map(offer).collect());
            }
            _ => {}
        }
        if self.outline.function_at(self.offset) != Some("lesson") {
            return None;
        }
        let maps = open.iter().filter(|&&at| self.outline.word(at) == "#{").count();
        if maps == 1 {
            return Some(group(Group::LessonFields).map(offer).collect());
        }
        // Within `layers: [#{`, the key stands before the array.
        let outer = open.iter().rev().nth(1).filter(|&&at| self.outline.word(at) == "[");
        match self.outline.key_before(map).or_else(|| self.outline.key_before(*outer?)) {
            Some("layers") => Some(listed(&[("size", "how many neurons"), ("activation", "their activation")])),
            Some("data") => Some(listed(&[("input", "numbers"), ("target", "numbers"), ("name", "a data set")])),
            Some("weights") => Some(listed(&[("weight", "rows, one a neuron"), ("bias", "numbers")])),
            Some("limits") => Some(Limits::names().map(|name| (name.to_owned(), "a lower limit".to_owned())).collect()),
            Some(key) if plugin_of(key).is_some() => Some(listed(&[("name", "the plugin")])),
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

fn offer(entry: &Entry) -> Offer {
    let signature = entry.signatures.first().copied().unwrap_or_default();
    (entry.name.to_owned(), format!("{signature} · {}", entry.description))
}

fn keyword(word: &str) -> Offer {
    (word.to_owned(), "a word of the language".to_owned())
}

/// The functions that slowgrad calls, as one begins to write them, with or without `fn` in front.
fn contracts(whole: bool) -> Vec<Offer> {
    let begin = |entry: &'static Entry| {
        let signature = entry.signatures.first().copied().unwrap_or_default();
        let head = signature.split(" -> ").next().unwrap_or(signature).trim_start_matches("fn ");
        let (name, parameters) = head.split_once('(').unwrap_or((head, ")"));
        let names: Vec<&str> =
            parameters.trim_end_matches(')').split(", ").map(|one| one.split(':').next().unwrap_or(one)).collect();
        let text = format!("{}{name}({})", if whole { "fn " } else { "" }, names.join(", "));
        (text, entry.description.to_owned())
    };
    group(Group::Contracts).map(begin).collect()
}
