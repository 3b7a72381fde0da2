//! docs/mistakes.md: the ten likeliest mistakes, each made on a small pipeline that is right, and what the tool says.

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
};

use crate::{
    common::{Place, same_as_file},
    errors::{DROP, PIPELINE, SQL, write_pipeline},
};

/// A mistake: its name, what is typed to see it, and the change to a file that makes it (file, old, new).
struct Mistake {
    name: &'static str,
    command: &'static [&'static str],
    file: &'static str,
    old: &'static str,
    new: &'static str,
    /// What must be said, whatever else is.
    says: &'static [&'static str],
}

const CHECK: &[&str] = &["check", "aarhus_charging"];
const RUN: &[&str] = &["run", "aarhus_charging", "--lake", "lake"];

const MISTAKES: [Mistake; 10] = [
    Mistake {
        name: "A setting is misspelt",
        command: CHECK,
        file: "pipeline.toml",
        old: "licence_code =",
        new: "licence =",
        says: &["pipeline.toml:6:1", "did you mean licence_code"],
    },
    Mistake {
        name: "A type is misspelt",
        command: CHECK,
        file: "pipeline.toml",
        old: "\"float\"",
        new: "\"decimal\"",
        says: &["pipeline.toml:16:18", "text, int, float"],
    },
    Mistake {
        name: "map.sql misspells a raw column",
        command: CHECK,
        file: "map.sql",
        old: "r.antal AS",
        new: "r.antalet AS",
        says: &["map.sql:10:5", "did you mean antal"],
    },
    Mistake {
        name: "WHERE drops rows",
        command: RUN,
        file: "map.sql",
        old: "r.kommune\n",
        new: "r.kommune\nWHERE r.antal > 100\n",
        says: &["map.sql lost or made rows", "skip:<reason>"],
    },
    Mistake {
        name: "A total is published beside its parts",
        command: RUN,
        file: "map.sql",
        old: "WHEN 'Almindelig' THEN 'normal_charging'",
        new: "WHEN 'Almindelig' THEN '_T'",
        says: &["category_code"],
    },
    Mistake {
        name: "The decimal comma is not declared",
        command: RUN,
        file: "pipeline.toml",
        old: ", decimal = \",\"",
        new: "",
        says: &["120,5", "decimal = \",\""],
    },
    Mistake {
        name: "Windows-1252 is read as UTF-8",
        command: RUN,
        file: "drop.csv",
        old: "Ringkøbing",
        new: "Ringk\u{fffd}bing",
        says: &["encoding = \"windows-1252\""],
    },
    Mistake {
        name: "A municipality has another name than in the code list",
        command: RUN,
        file: "drop.csv",
        old: "Aarhus;Hurtig",
        new: "Århus;Hurtig",
        says: &["unknown_code", "Århus"],
    },
    Mistake {
        name: "Two pipelines publish one indicator",
        command: &["check"],
        file: "second",
        old: "",
        new: "",
        says: &["an indicator has two owners", "klimalade retire"],
    },
    Mistake {
        name: "The address is wrong",
        command: RUN,
        file: "pipeline.toml",
        old: "DROP",
        new: "SERVER/ladestandere-2024.csv",
        says: &["404", "ladestandere-2024.csv"],
    },
];

/// A server that has nothing.
fn nothing_here() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    format!("http://{address}")
}

#[test]
fn the_ten_likeliest_mistakes_are_told_as_the_document_says() {
    let mut text = String::from(
        "# The ten likeliest mistakes

What the tool says to each. A test makes every one of them in a small pipeline that is right and compares the whole answer
with this page (`crates/cli/tests/mistakes`; written anew with `KLIMALADE_ACCEPT=1 cargo test -p klimalade-cli --test
command_line`). Lines begin with the stream on which they come.

| | mistake | seen by |
|---|---|---|
"
    );
    for (at, mistake) in MISTAKES.iter().enumerate() {
        let link: String = format!("{}-{}", at + 1, mistake.name.to_lowercase())
            .chars()
            .filter_map(|letter| match letter {
                ' ' => Some('-'),
                letter if letter.is_alphanumeric() || letter == '-' || letter == '_' => Some(letter),
                _ => None,
            })
            .collect();
        let command = format!("klimalade {}", mistake.command[0]);
        text.push_str(&format!("| {} | [{}](#{link}) | `{command}` |\n", at + 1, mistake.name));
    }
    text.push_str(&format!(
        "\nThe pipeline that is right, `pipelines/aarhus_charging/pipeline.toml`:\n\n```toml\n{}```\n\nIts `map.sql`:\n\n```sql\n{SQL}```\n\nThe file that it reads:\n\n```csv\n{DROP}```\n",
        PIPELINE.replace("DROP", "drop.csv"),
    ));
    for (at, mistake) in MISTAKES.iter().enumerate() {
        let place = Place::new();
        match mistake.file {
            "second" => {
                write_pipeline(&place, "aarhus_charging", &[]);
                write_pipeline(&place, "aarhus_charging_new", &[]);
            }
            file => {
                let new = mistake.new.replace("SERVER", &nothing_here());
                write_pipeline(&place, "aarhus_charging", &[(file, mistake.old, &new)]);
            }
        }
        if mistake.new.contains('\u{fffd}') {
            let bytes: Vec<u8> = DROP
                .chars()
                .map(|letter| u8::try_from(u32::from(letter)).unwrap())
                .collect();
            std::fs::write(place.home().join("drop.csv"), bytes).unwrap();
        }
        let said = place.say(mistake.command);
        assert_eq!(said.code, Some(1), "{}: {}{}", mistake.name, said.out, said.err);
        let whole = said.whole(&place);
        for word in mistake.says {
            assert!(whole.contains(word), "{}: {word}\n{whole}", mistake.name);
        }
        let changed = match mistake.file {
            "second" => "A copy of the folder is called `aarhus_charging_new`.".to_owned(),
            _ if mistake.new.contains('\u{fffd}') => "`drop.csv` is saved as Windows-1252.".to_owned(),
            file if mistake.new.is_empty() => {
                format!("`{file}` lacks `{}`.", mistake.old.trim_start_matches(", "))
            }
            file => {
                let shown = |text: &str| {
                    text.trim()
                        .lines()
                        .last()
                        .unwrap_or_default()
                        .replace("DROP", "drop.csv")
                        .replace("SERVER", "http://127.0.0.1:<port>")
                };
                format!(
                    "`{file}` says `{}` where it was `{}`.",
                    shown(mistake.new),
                    shown(mistake.old)
                )
            }
        };
        text.push_str(&format!(
            "\n## {}. {}\n\n{changed}\n\n```console\n$ klimalade {}\n{whole}```\n",
            at + 1,
            mistake.name,
            mistake.command.join(" "),
        ));
    }
    same_as_file(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/mistakes.md"),
        &text,
    );
}
