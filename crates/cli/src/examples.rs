//! What stands below each command's help: lines that can be typed. A test parses every one of them.

pub(crate) const WHOLE: &str = "\
Examples:
  klimalade run --demo                  a night against simulated agencies
  klimalade check dst_area              look at one pipeline without asking anybody
  klimalade run dst_area --lake ./lake  harvest it";

pub(crate) const NEW: &str = "\
Examples:
  klimalade new aarhus_cykelstier --connector file --address https://example.dk/stier.csv";

pub(crate) const PROBE: &str = "\
Examples:
  klimalade probe aarhus_cykelstier
  klimalade probe aarhus_cykelstier --write";

pub(crate) const TEMPLATE: &str = "\
Examples:
  klimalade template ens_charging_points
  klimalade template puls_treatment_plants --out puls.xlsx --fill Renseanlæg=plants.csv";

pub(crate) const QUERY: &str = "\
Examples:
  klimalade query --tables
  klimalade query 'SELECT year, sum(value) FROM core.observation GROUP BY year' --demo
  klimalade query 'SELECT * FROM codes.areas' --out areas.parquet";

pub(crate) const EXPORT: &str = "\
Examples:
  klimalade export gpc --area 0751 --year 2023
  klimalade export cdp --area 0751 --out aarhus.csv
  klimalade export sdmx --indicator ghg_emissions --out sdmx";

pub(crate) const EXPLAIN: &str = "\
Examples:
  klimalade explain observation indicator_code=land_area area_code=0751 year=2024
  klimalade explain observation land_area _Z 2024-01-01";

pub(crate) const REPORT: &str = "\
Examples:
  klimalade report --year 2025 --out rapport
  klimalade report --year 2025 --out rapport --lake ./demo-lake
  klimalade report --year 2025 --out rapport --since 2025-04-01";

pub(crate) const RUN: &str = "\
Examples:
  klimalade run --demo --lake ./demo-lake
  klimalade run dst_area --dry-run
  klimalade run --repair";

pub(crate) const PLAN: &str = "\
Examples:
  klimalade plan dst_area
  klimalade plan --json";

pub(crate) const REPLAY: &str = "\
Examples:
  klimalade replay
  klimalade replay dst_area --lake s3://climate/lake";

pub(crate) const CHECK: &str = "\
Examples:
  klimalade check
  klimalade check dst_area --deny-warnings
  klimalade check --verbose --json";

pub(crate) const TEST: &str = "\
Examples:
  klimalade test dst_area
  klimalade test dst_area --accept --home .";

pub(crate) const VERIFY: &str = "\
Examples:
  klimalade verify --lake ./lake
  klimalade verify --json";

pub(crate) const RETIRE: &str = "\
Examples:
  klimalade retire dst_area
  klimalade retire open_data_trees.aarhus --lake ./lake";

pub(crate) const VACUUM: &str = "\
Examples:
  klimalade vacuum --dry-run
  klimalade vacuum --older-than-days 90";

pub(crate) const STATUS: &str = "\
Examples:
  klimalade status
  klimalade status --json --lake ./lake
  klimalade status --html --out ./status";

pub(crate) const CONNECTORS: &str = "\
Examples:
  klimalade connectors
  klimalade connectors file
  klimalade connectors file --json";

pub(crate) const SCHEMA: &str = "\
Examples:
  klimalade schema observation
  klimalade schema indicators
  klimalade schema pipeline";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  klimalade completions bash
  klimalade completions zsh
  klimalade completions fish";

pub(crate) const MAN: &str = "\
Examples:
  klimalade man";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::{CommandFactory, Parser};

    use crate::arguments::Arguments;

    /// Lines of examples below a help, without what is said beside them.
    fn examples(command: &clap::Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
        lines
            .map(|line| {
                line.split("   ")
                    .next()
                    .unwrap_or(line)
                    .split("  ")
                    .next()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    /// As a shell parts them: what stands in quotes is one word.
    fn words(example: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (at, piece) in example.split('\'').enumerate() {
            if at % 2 == 1 {
                words.push(piece.to_owned());
            } else {
                words.extend(piece.split_whitespace().map(str::to_owned));
            }
        }
        words
    }

    #[test]
    fn every_example_of_every_command_parses() {
        let command = Arguments::command();
        let mut commands: Vec<_> = command.get_subcommands().cloned().collect();
        assert!(commands.len() >= 13, "{}", commands.len());
        commands.push(command);
        for command in commands {
            let examples = examples(&command);
            let name = command.get_name();
            assert!((1..=3).contains(&examples.len()), "{name}: {examples:?}");
            for example in examples {
                let words = words(&example);
                assert!(name == "klimalade" || words[1] == name, "{name}: {example}");
                if let Err(error) = Arguments::try_parse_from(&words) {
                    panic!("{example}\n{error}");
                }
            }
        }
    }
}
