//! docs/guide/recipes.md: each recipe stands in a configuration as it is, and does what it says.
//! The cases behind each of them are not shown to readers.

use std::path::Path;
use std::process::Command;

use stockade_control::shipped::NAMES;

struct Recipe {
    title: String,
    /// A part of a configuration.
    yaml: String,
    cases: String,
}

fn recipes() -> Vec<Recipe> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/guide/recipes.md")).unwrap();
    let sections = page.split("\n## ").skip(1);
    let recipes = sections.filter_map(|section| {
        let (_, rest) = section.split_once("```yaml\n")?;
        let (yaml, rest) = rest.split_once("```\n").unwrap();
        let (_, rest) = rest.split_once("<!-- cases\n").expect(section);
        let (cases, _) = rest.split_once("-->").unwrap();
        let title = section.lines().next().unwrap().to_owned();
        Some(Recipe { title, yaml: yaml.to_owned(), cases: cases.to_owned() })
    });
    recipes.collect()
}

impl Recipe {
    /// The text behind a key of the binding.
    fn policy(&self) -> &str {
        let line = self.yaml.lines().find_map(|line| line.trim().strip_prefix("policy: "));
        line.unwrap()
    }

    /// The settings as a file of cases has them, which is less indented.
    fn settings(&self) -> String {
        let lines = self.yaml.lines().skip_while(|line| !line.starts_with("    settings:"));
        let lines: Vec<_> = lines.map(|line| line.strip_prefix("    ").unwrap()).collect();
        lines.join("\n") + "\n"
    }
}

fn stockade(arguments: &[&str], directory: &Path) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    let output = command.args(arguments).current_dir(directory).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn every_recipe_does_what_it_says() {
    let recipes = recipes();
    assert_eq!(recipes.len(), 12);
    for recipe in recipes {
        let here = tempfile::tempdir().unwrap();
        let cases: Vec<_> = recipe.cases.lines().collect();
        let cases = cases.join("\n  ");
        let file = format!("time_zone: UTC\n{}tests:\n  {cases}\n", recipe.settings());
        std::fs::write(here.path().join("cases.yaml"), file).unwrap();
        let policy = format!("builtin/{}", recipe.policy());
        let test = ["policy", "test", &policy, "--tests", "cases.yaml"];
        let (passed, told) = stockade(&test, here.path());
        assert!(passed, "{}: {told}", recipe.title);
    }
}

#[test]
fn every_recipe_stands_in_a_configuration_as_it_is() {
    let modules = NAMES.iter().map(|name| format!("  {name}: {{ module: builtin/{name} }}\n"));
    let header = "users:\n  alice: { groups: [services] }\npolicies:\n";
    let header: String = std::iter::once(header.to_owned()).chain(modules).collect();
    let recipes = recipes();
    let here = tempfile::tempdir().unwrap();
    let check = |bindings: &str| {
        let file = here.path().join("stockade.yaml");
        std::fs::write(file, format!("{header}bindings:\n{bindings}")).unwrap();
        stockade(&["check"], here.path())
    };
    let bindings = |recipe: &Recipe| recipe.yaml.strip_prefix("bindings:\n").unwrap().to_owned();
    let (good, told) = check(&recipes.iter().map(bindings).collect::<String>());
    assert!(good, "{told}");
}
