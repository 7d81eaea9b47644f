//! Reads the Rust sources of a crate as tokens, without comments, the contents of literals, and code under
//! `#[cfg(test)]`.

use std::fs;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A file that is compiled into the crate, without its tests.
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) tokens: Vec<Token>,
}

/// All files of the library or program below `src`, found as the compiler finds them: by their `mod` items.
///
/// Panics where a module has no file, and where a file is neither a module nor belongs to the tests, because then
/// something was not scanned.
pub(crate) fn compiled_files(src: &Path) -> Vec<SourceFile> {
    let root = ["lib.rs", "main.rs"].map(|name| src.join(name)).into_iter().find(|path| path.is_file());
    let mut pending = vec![root.unwrap_or_else(|| panic!("{} has no lib.rs or main.rs", src.display()))];
    let (mut found, mut tests) = (Vec::new(), Vec::new());
    while let Some(path) = pending.pop() {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let all = tokens(&text);
        let compiled = without_tests(&all);
        let compiled_modules = modules(&compiled);
        for name in modules(&all) {
            let file = module_file(&path, name);
            let file = file.unwrap_or_else(|| panic!("{}: no file of the module {name}", path.display()));
            if compiled_modules.contains(&name) { pending.push(file) } else { tests.push(file) }
        }
        found.push(SourceFile { path, tokens: compiled });
    }
    for file in files(src) {
        let is_test = tests.iter().any(|test| *test == file || file.starts_with(children(test)));
        let was_scanned = found.iter().any(|scanned| scanned.path == file);
        assert!(is_test || was_scanned, "{} is not part of the crate", file.display());
    }
    found
}

/// All files below a folder with the extension `rs`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("read the folder").path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The folder with the child modules of the module in `file`.
fn children(file: &Path) -> PathBuf {
    let holds_its_folder = ["lib", "main", "mod"].map(Some).contains(&file.file_stem().and_then(|stem| stem.to_str()));
    if holds_its_folder { file.parent().expect("a folder").to_owned() } else { file.with_extension("") }
}

fn module_file(parent: &Path, name: &str) -> Option<PathBuf> {
    let folder = children(parent);
    [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")].into_iter().find(|path| path.is_file())
}

/// The names of the modules that have files.
fn modules(tokens: &[Token]) -> Vec<&str> {
    let windows = tokens.windows(3).filter(|window| window[0].text == "mod" && window[2].text == ";");
    windows.map(|window| window[1].text.as_str()).collect()
}

/// Words, numbers, lifetimes, `::`, and single characters of punctuation. Each literal of text is the token `""`.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut found, mut rest, mut line) = (Vec::new(), text, 1);
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (length, is_token) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), None)
        } else if rest.starts_with("/*") {
            (block_comment(rest), None)
        } else if let Some(length) = literal(rest) {
            (length, Some("\"\""))
        } else if word > 0 {
            (word, Some(&rest[..word]))
        } else if rest.starts_with("::") {
            (2, Some("::"))
        } else {
            let length = first.len_utf8();
            (length, (!first.is_whitespace()).then(|| &rest[..length]))
        };
        found.extend(is_token.map(|text| Token { text: text.to_owned(), line }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

/// The length of the block comment at the start of a text. Block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        match rest {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the string, byte string or character at the start of a text.
fn literal(text: &str) -> Option<usize> {
    let unprefixed = text.trim_start_matches(['b', 'c', 'r']);
    let prefix = text.len() - unprefixed.len();
    if prefix > 2 {
        return None;
    }
    let quoted = unprefixed.trim_start_matches('#');
    let hashes = unprefixed.len() - quoted.len();
    if quoted.starts_with('"') && text[..prefix].contains('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        let inner = prefix + hashes + 1;
        return Some(text[inner..].find(&end).map_or(text.len(), |at| inner + at + end.len()));
    }
    let quote = unprefixed.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut characters = unprefixed.char_indices().skip(1);
    let mut count = 0;
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => drop(characters.next()),
            _ if c == quote => return Some(prefix + at + 1),
            // Anything longer that is not an escape is a lifetime: 'a.
            _ if quote == '\'' && count > 0 => return None,
            _ => {}
        }
        count += usize::from(c != '\\');
        if c == '\\' && quote == '\'' {
            // An escape of any length: '\n', '\u{1b}'.
            let end = unprefixed[at + 2..].find('\'')?;
            return Some(prefix + at + 2 + end + 1);
        }
    }
    None
}

/// Drops each item under `#[cfg(test)]` or `#[cfg(any(test, feature = …))]`.
///
/// Where the end is unclear, as at a comma between generic parameters, the item counts as ended, so that too much is
/// scanned rather than too little.
pub(crate) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const ATTRIBUTES: [&[&str]; 2] =
        [&["#", "[", "cfg", "(", "test", ")", "]"], &["#", "[", "cfg", "(", "any", "(", "test", ",", "feature", "="]];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let starts = |attribute: &&[&str]| {
            tokens[at..].len() >= attribute.len()
                && tokens[at..].iter().zip(*attribute).all(|(token, expected)| token.text == *expected)
        };
        if ATTRIBUTES.iter().any(starts) {
            at += tokens[at..].iter().position(|token| token.text == "]").map_or(0, |end| end + 1);
            at += item(&tokens[at..]);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The number of tokens of the item at the start.
fn item(tokens: &[Token]) -> usize {
    let mut open: Vec<&str> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            bracket @ ("(" | "[" | "{") => open.push(bracket),
            ")" | "]" | "}" => match open.pop() {
                // The end of the block around the item.
                None => return at,
                Some("{") if open.is_empty() => return at + 1,
                Some(_) => {}
            },
            ";" | "," if open.is_empty() => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}
