//! Holds the modules of each crate to a direction: no module at the top of a crate imports, by way
//! of others, itself.
//!
//! What one file says is read as tokens, so comments and texts do not count, and neither do tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

/// The crates whose modules still import each other in a circle.
const NOT_YET: [&str; 1] = ["gateway"];

/// The modules that each module of a crate imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn host() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host")
}

/// Returns the modules at the top of a crate.
fn modules(source: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(source)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| !["lib", "main"].contains(&name.as_str())).collect()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_code = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let below = directories.iter().flat_map(|directory| self::files(directory));
    files.into_iter().filter(is_code).chain(below).collect()
}

/// The tokens of a file without its tests.
fn tokens(file: &Path) -> Vec<TokenTree> {
    let stream: TokenStream = fs::read_to_string(file).unwrap().parse().unwrap();
    let mut tokens: Vec<TokenTree> = Vec::new();
    for token in stream {
        let is_body = matches!(&token, TokenTree::Group(_));
        if is_body && ends_with_tests(&tokens) {
            continue;
        }
        tokens.push(token);
    }
    tokens
}

/// Tells whether what follows is the body of `#[cfg(test)] mod …`.
fn ends_with_tests(tokens: &[TokenTree]) -> bool {
    let text: Vec<String> = tokens.iter().rev().take(3).map(ToString::to_string).collect();
    matches!(text.as_slice(), [_, module, cfg]
        if module == "mod" && cfg.replace(' ', "") == "[cfg(test)]")
}

/// Collects the paths that are written in some tokens, `use` lists taken apart.
fn paths(tokens: &[TokenTree], found: &mut Vec<Vec<String>>) {
    let mut position = 0;
    while position < tokens.len() {
        match &tokens[position] {
            TokenTree::Ident(_) => position = path(tokens, position, &[], found),
            TokenTree::Group(group) => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                paths(&inner, found);
                position += 1;
            }
            _ => position += 1,
        }
    }
}

/// Reads the path that begins at a position, and returns where it ends.
fn path(
    tokens: &[TokenTree],
    mut position: usize,
    before: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    let mut segments = before.to_vec();
    loop {
        match tokens.get(position) {
            Some(TokenTree::Ident(name)) => segments.push(name.to_string()),
            Some(TokenTree::Group(list)) => {
                let list: Vec<_> = list.stream().into_iter().collect();
                for part in list.split(|token| is(token, ',')).filter(|part| !part.is_empty()) {
                    path(part, 0, &segments, found);
                }
                return position + 1;
            }
            _ => {}
        }
        position += 1;
        let colons = tokens.get(position..position + 2);
        if !colons.is_some_and(|pair| is(&pair[0], ':') && is(&pair[1], ':')) {
            found.push(segments);
            return position;
        }
        position += 2;
        if !matches!(tokens.get(position), Some(TokenTree::Ident(_) | TokenTree::Group(_))) {
            found.push(segments);
            return position;
        }
    }
}

fn is(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

/// Returns the names that a crate's root takes from its modules, each with the module.
fn named_at_the_root(root: &Path, modules: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut found = Vec::new();
    paths(&tokens(root), &mut found);
    let taken = found.into_iter().filter(|path| path.len() > 1 && modules.contains(&path[0]));
    taken.map(|path| (path.last().unwrap().clone(), path[0].clone())).collect()
}

fn imports(source: &Path) -> Imports {
    let modules = modules(source);
    let root = ["lib.rs", "main.rs"].map(|name| source.join(name));
    let root = root.iter().find(|root| root.exists()).unwrap();
    let named = named_at_the_root(root, &modules);
    let mut imports = Imports::new();
    for file in files(source).into_iter().filter(|file| file != root) {
        let place = file.strip_prefix(source).unwrap().with_extension("");
        let place: Vec<&str> = place.iter().map(|part| part.to_str().unwrap()).collect();
        if place.contains(&"tests") {
            continue;
        }
        let mut found = Vec::new();
        paths(&tokens(&file), &mut found);
        for path in found {
            let above = path.iter().take_while(|segment| *segment == "super").count();
            let from_root = (path[0] == "crate").then_some(1);
            let Some(start) = from_root.or((above == place.len()).then_some(above)) else {
                continue;
            };
            let Some(name) = path.get(start) else { continue };
            let module = modules.get(name).or_else(|| named.get(name));
            if let Some(module) = module.filter(|module| **module != place[0]) {
                imports.entry(place[0].to_owned()).or_default().insert(module.clone());
            }
        }
    }
    imports
}

/// Returns the modules that are in a circle: each can be reached from itself.
fn circles(imports: &Imports) -> Vec<&String> {
    let reaches_itself = |start: &&String| {
        let mut reached: BTreeSet<&String> = BTreeSet::new();
        let mut next: Vec<&String> = imports[*start].iter().collect();
        while let Some(module) = next.pop() {
            if reached.insert(module) {
                next.extend(imports.get(module).into_iter().flatten());
            }
        }
        reached.contains(start)
    };
    imports.keys().filter(reaches_itself).collect()
}

#[test]
fn no_module_imports_itself_by_way_of_others() {
    let crates: Vec<PathBuf> =
        fs::read_dir(host()).unwrap().map(|entry| entry.unwrap().path().join("src")).collect();
    assert!(crates.len() > 10, "the host has more crates than {crates:?}");
    for source in crates {
        let imports = imports(&source);
        let circles = circles(&imports);
        let name = source.parent().unwrap().file_name().unwrap().to_str().unwrap();
        if NOT_YET.contains(&name) {
            assert!(!circles.is_empty(), "{name} has no circle any more; take it off the list");
            continue;
        }
        let arrows: Vec<_> = circles.iter().map(|module| (module, &imports[*module])).collect();
        assert!(arrows.is_empty(), "modules of {name} import each other in a circle: {arrows:#?}");
    }
}

#[test]
fn a_circle_is_found_through_lists_and_the_root() {
    let directory = std::env::temp_dir().join(format!("circles-{}", std::process::id()));
    fs::create_dir_all(directory.join("one")).unwrap();
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    write("lib.rs", "mod one; mod two; mod three; pub use three::Three;");
    write("one.rs", "use crate::{two::{self, Two}, other}; // crate::three");
    write("one/deep.rs", "fn f() { super::super::two::f(\"crate::three\"); }");
    write("two.rs", "use std::fmt; #[cfg(test)] mod tests { use crate::one; }");
    write("three.rs", "");
    assert!(circles(&imports(&directory)).is_empty());
    write("two.rs", "struct Two(crate::Three);");
    write("three.rs", "pub struct Three; fn f() { super::one::f() }");
    let all = imports(&directory);
    fs::remove_dir_all(&directory).unwrap();
    assert_eq!(circles(&all), ["one", "three", "two"]);
}
