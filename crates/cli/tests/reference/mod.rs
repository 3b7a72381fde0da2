//! What can be looked up: help, completions, the man page, manuals of connectors, the schema for editors.

use crate::common::{Place, snapshot};

/// Names of all commands, from the help.
fn commands(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect()
}

#[test]
fn help_fits_a_screen() {
    let said = Place::new().say(&["--help"]);
    assert!(said.out.lines().count() <= 45, "{} lines", said.out.lines().count());
    for line in said.out.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn help_of_every_command_ends_with_examples_of_it() {
    let place = Place::new();
    let help = place.say(&["--help"]).out;
    let commands = commands(&help);
    assert!(commands.len() >= 13, "{commands:?}");
    for command in commands {
        let said = place.say(&[command, "--help"]);
        assert_eq!(said.code, Some(0), "{command}");
        let (_, examples) = said.out.split_once("Examples:\n").expect(command);
        let count = examples.lines().count();
        assert!((1..=3).contains(&count), "{command}: {examples}");
        for line in examples.lines() {
            assert!(line.starts_with(&format!("  klimalade {command}")), "{line}");
        }
    }
}

#[test]
fn completions_of_every_shell_know_every_command_and_option() {
    let place = Place::new();
    let help = place.say(&["--help"]).out;
    for shell in ["bash", "zsh", "fish"] {
        let said = place.say(&["completions", shell]);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{shell}");
        for command in commands(&help) {
            assert!(said.out.contains(command), "{shell}: {command}");
        }
        for option in ["accept", "deny-warnings", "older-than-days", "log-format"] {
            assert!(said.out.contains(option), "{shell}: {option}");
        }
    }
    assert!(
        place
            .say(&["completions", "bash"])
            .out
            .contains("complete -F _klimalade")
    );
}

#[test]
fn the_man_page_has_every_command_and_every_option() {
    let place = Place::new();
    let said = place.say(&["man"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert!(said.out.contains(".TH klimalade"), "{}", said.out);
    let help = place.say(&["--help"]).out;
    let mut options = 0;
    for command in commands(&help) {
        let section = format!(".SH \"KLIMALADE {}\"", command.to_uppercase());
        assert!(said.out.contains(&section), "{section}");
        let own = place.say(&[command, "--help"]).out;
        for word in own.lines().filter_map(|line| line.split_whitespace().next()) {
            if word.starts_with("--") {
                options += 1;
                let escaped = word.replace('-', "\\-");
                assert!(said.out.contains(&escaped), "{command}: {word}");
            }
        }
    }
    assert!(options > 50, "{options}");
}

#[test]
fn the_manual_of_a_connector_has_every_setting_with_type_default_and_meaning() {
    let place = Place::new();
    for name in place.say(&["connectors"]).out.lines() {
        let schema = place.say(&["connectors", name, "--json"]);
        let schema: serde_json::Value = serde_json::from_str(&schema.out).unwrap();
        let manual = place.say(&["connectors", name]);
        assert_eq!((manual.code, manual.err.as_str()), (Some(0), ""), "{name}");
        for line in manual.out.lines() {
            assert!(line.chars().count() <= 100, "{name}: {line}");
        }
        let settings = schema["properties"].as_object().unwrap();
        assert!(!settings.is_empty(), "{name}");
        for (setting, described) in settings {
            let start = format!("{setting}  (");
            let lines: Vec<&str> = manual.out.lines().collect();
            let at = lines.iter().position(|line| line.starts_with(&start));
            let at = at.unwrap_or_else(|| panic!("{name}: {setting}\n{}", manual.out));
            assert!(lines[at + 1].starts_with("    "), "{name}: {setting} says nothing");
            if schema["required"]
                .as_array()
                .is_some_and(|names| names.contains(&setting.as_str().into()))
            {
                assert!(lines[at].ends_with("required)"), "{}", lines[at]);
            }
            assert!(
                described["description"].is_string() || described["$ref"].is_string(),
                "{setting}"
            );
        }
    }
    snapshot("connector-file.txt", &place.say(&["connectors", "file"]).out);
}

#[test]
fn the_schema_of_pipeline_toml_is_the_file_that_editors_read() {
    let said = Place::new().say(&["schema", "pipeline"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/pipeline.schema.json");
    assert_eq!(std::fs::read_to_string(file).unwrap(), said.out);
}
