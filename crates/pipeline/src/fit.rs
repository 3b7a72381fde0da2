use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use klimalade_model::{Fault, nearest};
use serde_json::Value;

use crate::{
    Definition,
    written::{Content, Entry, Node, Written},
};

static DEFINITION: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Definition).to_value());

impl Written {
    /// Everything that does not fit the form of pipeline.toml: unknown names, values of another type, unknown words,
    /// what is missing, also in each `[[instance]]`. The settings under `[source]` are the connector's.
    pub fn misfits(&self) -> Vec<Fault> {
        let mut fitting = Fitting::new(self, &DEFINITION);
        for owner in self.owners() {
            fitting.walk(&owner, &DEFINITION, "");
        }
        if let Content::Table(entries) = &self.root.content
            && let Some(instances) = entries.get("instance")
            && let Some(schema) = DEFINITION.pointer("/properties/instance")
        {
            fitting.walk(&instances.node, schema, "instance");
        }
        fitting.faults
    }
    /// Everything under `[source]` that does not fit its connector, also as each `[[instance]]` has it. `connectors`:
    /// JSON schemas of the settings by name. `None`, where there is no `[source]`.
    pub fn source_misfits(&self, connectors: &BTreeMap<&str, Value>) -> Option<Vec<Fault>> {
        let (mut faults, mut seen, mut any) = (Vec::new(), BTreeSet::new(), false);
        for owner in self.owners() {
            let Content::Table(entries) = owner.content else {
                continue;
            };
            let Some(Entry { node: source, .. }) = entries.get("source") else {
                continue;
            };
            let Content::Table(settings) = &source.content else {
                continue;
            };
            any = true;
            let (connector, mut settings) = (settings.get("connector"), settings.clone());
            settings.remove("connector");
            let names = || connectors.keys().copied().collect::<Vec<_>>().join(", ");
            let found = match connector.map(|entry| &entry.node.content) {
                Some(Content::Text(name)) => match connectors.get(name.as_str()) {
                    Some(schema) => {
                        let mut fitting = Fitting::new(self, schema);
                        let source = Node {
                            span: source.span.clone(),
                            content: Content::Table(settings),
                        };
                        fitting.walk(&source, schema, "source");
                        fitting.faults
                    }
                    None => vec![
                        Fault::settings("no such connector")
                            .at(self.place_of(&connector.map_or(0..0, |entry| entry.node.span.clone())))
                            .expected(names())
                            .found(name.clone())
                            .hint(meant(name, connectors.keys().copied()).unwrap_or("klimalade connectors".to_owned())),
                    ],
                },
                _ => vec![
                    Fault::settings("[source] names no connector")
                        .at(self.place_of(&source.span))
                        .expected(format!("connector = one of {}", names()))
                        .hint("klimalade connectors"),
                ],
            };
            faults.extend(
                found
                    .into_iter()
                    .filter(|fault| seen.insert((fault.places().to_vec(), fault.what().to_owned()))),
            );
        }
        any.then_some(faults)
    }
}

/// `did you mean ...`, where a name is near.
pub(crate) fn meant<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, candidates).map(|name| format!("did you mean {name}"))
}

/// Fits values to a JSON schema as schemars writes it of our own types. Not a validator of any schema there is: what it
/// does not know of it lets pass, and serde has the last word. In return it says what a person has to write, and where.
struct Fitting<'a> {
    written: &'a Written,
    root: &'a Value,
    seen: BTreeSet<(String, String)>,
    faults: Vec<Fault>,
}

impl<'a> Fitting<'a> {
    fn new(written: &'a Written, root: &'a Value) -> Self {
        Self {
            written,
            root,
            seen: BTreeSet::new(),
            faults: Vec::new(),
        }
    }
    /// Instances share most of their settings: each fault is told once.
    fn push(&mut self, place: String, what: String, fill: impl FnOnce(Fault) -> Fault) {
        if self.seen.insert((place.clone(), what.clone())) {
            self.faults.push(fill(Fault::settings(what).at(place)));
        }
    }
    /// Follows references.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        while let Some(next) = schema["$ref"]
            .as_str()
            .and_then(|reference| self.root.pointer(reference.trim_start_matches('#')))
        {
            schema = next;
        }
        schema
    }
    fn branches(&self, schema: &'a Value) -> Vec<&'a Value> {
        let branches = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
        let branches = branches.into_iter().flatten().map(|branch| self.resolve(branch));
        branches.filter(|branch| branch["type"] != "null").collect()
    }
    /// The words that a value may be, where it is one of a list of words.
    fn words(&self, schema: &'a Value) -> Option<Vec<&'a str>> {
        if let Some(word) = schema["const"].as_str() {
            return Some(vec![word]);
        }
        if let Some(words) = schema["enum"].as_array() {
            return words.iter().map(Value::as_str).collect();
        }
        let branches = self.branches(schema);
        let words: Option<Vec<Vec<&str>>> = branches.iter().map(|branch| self.words(branch)).collect();
        words.map(|words| words.concat()).filter(|words| !words.is_empty())
    }
    /// What may stand there, in words.
    fn kinds(&self, schema: &'a Value) -> String {
        let schema = self.resolve(schema);
        if let Some(words) = self.words(schema) {
            let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            return quoted.join(" or ");
        }
        let branches = self.branches(schema);
        if !branches.is_empty() {
            let mut kinds: Vec<String> = branches.into_iter().map(|branch| self.kinds(branch)).collect();
            kinds.dedup();
            return kinds.join(" or ");
        }
        let kinds: Vec<&str> = types(schema)
            .into_iter()
            .filter_map(|kind| match kind {
                "string" => Some("text in quotes"),
                "integer" => Some("a whole number"),
                "number" => Some("a number"),
                "boolean" => Some("true or false"),
                "array" => Some("a list in [ ]"),
                "object" => Some("a table { }"),
                _ => None,
            })
            .collect();
        kinds.join(" or ")
    }
    fn takes(&self, node: &Node, schema: &'a Value) -> bool {
        let schema = self.resolve(schema);
        if self.words(schema).is_some() {
            return matches!(node.content, Content::Text(_));
        }
        let branches = self.branches(schema);
        if !branches.is_empty() {
            return branches.into_iter().any(|branch| self.takes(node, branch));
        }
        let types = types(schema);
        let known = |names: &[&str]| types.is_empty() || types.iter().any(|kind| names.contains(kind));
        match &node.content {
            Content::Text(_) => known(&["string"]),
            Content::Integer => known(&["integer", "number"]),
            Content::Float => known(&["number"]),
            Content::Bool => known(&["boolean"]),
            Content::List(_) => known(&["array"]),
            Content::Table(_) => known(&["object"]),
            // No setting of ours is a TOML date; they are texts.
            Content::Moment => types.is_empty(),
        }
    }
    fn walk(&mut self, node: &Node, schema: &'a Value, path: &str) {
        let description = |schema: &'a Value| schema["description"].as_str();
        let meaning = description(schema).or(description(self.resolve(schema)));
        let schema = self.resolve(schema);
        if !self.takes(node, schema) {
            let (place, kinds) = (self.written.place_of(&node.span), self.kinds(schema));
            let (name, found) = (last(path), self.written.shown(node));
            return self.push(place, format!("{name} has the wrong type"), |fault| {
                let fault = fault.expected(kinds).found(found);
                match meaning.and_then(first_sentence) {
                    Some(meaning) => fault.hint(format!("{name}: {meaning}")),
                    None => fault,
                }
            });
        }
        if let Some(words) = self.words(schema) {
            return self.word(node, &words, path);
        }
        let branches = self.branches(schema);
        if !branches.is_empty() {
            return self.branch(node, schema, branches, path);
        }
        match &node.content {
            Content::Table(entries) => self.table(node, entries, schema, path),
            Content::List(nodes) => {
                if let Some(items) = schema.get("items") {
                    nodes.iter().for_each(|node| self.walk(node, items, path));
                }
            }
            Content::Integer => {
                let shown = self.written.shown(node);
                if schema["minimum"].as_i64() == Some(0) && shown.starts_with('-') {
                    let place = self.written.place_of(&node.span);
                    self.push(place, format!("{} is less than 0", last(path)), |fault| {
                        fault.expected("a whole number from 0").found(shown)
                    });
                }
            }
            _ => {}
        }
    }
    fn word(&mut self, node: &Node, words: &[&str], path: &str) {
        let Content::Text(word) = &node.content else { return };
        if words.contains(&word.as_str()) {
            return;
        }
        let (place, hint) = (
            self.written.place_of(&node.span),
            meant(word, words.iter().copied())
                .or_else(|| synonym(word).and_then(|meaning| meant(meaning, words.iter().copied())))
                .map(|hint| quote_last(&hint)),
        );
        let (expected, found) = (words.join(", "), word.clone());
        self.push(place, format!("unknown word for {}", last(path)), |fault| {
            let fault = fault.expected(expected).found(found);
            match hint {
                Some(hint) => fault.hint(hint),
                None => fault,
            }
        });
    }
    /// One of several forms: the one that a word tells (`type = "csv"`), else the ones of this kind of value.
    fn branch(&mut self, node: &Node, schema: &'a Value, branches: Vec<&'a Value>, path: &str) {
        if let (Content::Table(entries), Some(tag)) = (&node.content, tag_of(&branches)) {
            let words: Vec<&str> = branches
                .iter()
                .filter_map(|branch| branch["properties"][tag]["const"].as_str())
                .collect();
            match entries.get(tag) {
                None => {
                    let (place, name) = (self.written.place_of(&node.span), last(path));
                    self.push(place, format!("{tag} is missing in {name}"), |fault| {
                        fault
                            .expected(format!("{tag} = one of {}", words.join(", ")))
                            .hint(format!("{name} = {{ {tag} = \"{}\", ... }}", words[0]))
                    });
                }
                Some(entry) => {
                    let path = format!("{path}.{tag}");
                    match &entry.node.content {
                        Content::Text(word) if words.contains(&word.as_str()) => {
                            let known = branches
                                .into_iter()
                                .find(|branch| branch["properties"][tag]["const"] == word.as_str());
                            if let Some(branch) = known {
                                self.table(node, entries, branch, path.trim_end_matches(&format!(".{tag}")));
                            }
                        }
                        Content::Text(_) => self.word(&entry.node, &words, &path),
                        _ => self.walk(&entry.node, &branches[0]["properties"][tag], &path),
                    }
                }
            }
            return;
        }
        let fitting: Vec<&Value> = branches.into_iter().filter(|branch| self.takes(node, branch)).collect();
        // A text where words or another kind may stand: all of it is said.
        if let (Content::Text(word), [one]) = (&node.content, fitting.as_slice())
            && let Some(words) = self.words(one)
            && !words.contains(&word.as_str())
        {
            let (place, kinds, found) = (self.written.place_of(&node.span), self.kinds(schema), word.clone());
            return self.push(place, format!("unknown word for {}", last(path)), |fault| {
                fault.expected(kinds).found(found)
            });
        }
        let mut best: Option<Vec<Fault>> = None;
        for branch in fitting {
            let mut trial = Fitting::new(self.written, self.root);
            trial.walk(node, branch, path);
            if best.as_ref().is_none_or(|known| trial.faults.len() < known.len()) {
                best = Some(trial.faults);
            }
        }
        for fault in best.into_iter().flatten() {
            let key = (fault.places().join(" "), fault.what().to_owned());
            if self.seen.insert(key) {
                self.faults.push(fault);
            }
        }
    }
    fn table(&mut self, node: &Node, entries: &BTreeMap<String, Entry>, schema: &'a Value, path: &str) {
        let section = if path.is_empty() {
            "pipeline.toml".to_owned()
        } else {
            format!("[{path}]")
        };
        let below = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        // In the order of the file.
        let mut written: Vec<(&String, &Entry)> = entries.iter().collect();
        written.sort_by_key(|(_, entry)| entry.key.start);
        for (name, entry) in written {
            match (schema["properties"].get(name), &schema["additionalProperties"]) {
                (Some(known), _) => self.walk(&entry.node, known, &below(name)),
                (None, Value::Bool(false)) => {
                    let properties = schema["properties"].as_object();
                    let known: Vec<&str> = properties
                        .into_iter()
                        .flat_map(|properties| properties.keys())
                        .map(String::as_str)
                        .collect();
                    let hint = meant(name, known.iter().copied())
                        .or_else(|| self.elsewhere(name, path))
                        .unwrap_or_else(|| "leave it out".to_owned());
                    let (place, expected) = (self.written.place_of(&entry.key), known.join(", "));
                    self.push(place, format!("unknown setting {name} in {section}"), |fault| {
                        fault.expected(expected).found(name.clone()).hint(hint)
                    });
                }
                (None, Value::Object(_)) => {
                    self.walk(&entry.node, &schema["additionalProperties"], &below(name));
                }
                _ => {}
            }
        }
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if entries.contains_key(name) {
                continue;
            }
            let described = &schema["properties"][name];
            let (place, kinds) = (self.written.place_of(&node.span), self.kinds(described));
            let meaning = described["description"]
                .as_str()
                .or(self.resolve(described)["description"].as_str())
                .and_then(first_sentence);
            self.push(place, format!("{name} is missing in {section}"), |fault| {
                let expected = match meaning {
                    Some(meaning) => format!("{name} = {kinds}: {meaning}"),
                    None => format!("{name} = {kinds}"),
                };
                fault.expected(expected)
            });
        }
    }
    /// A setting that is known, but in another place: in TOML all that comes after `[checks]` is of it.
    fn elsewhere(&self, name: &str, path: &str) -> Option<String> {
        let properties = self.root["properties"].as_object()?;
        if !path.is_empty() && !path.starts_with("source") && properties.contains_key(name) {
            return Some(format!("write {name} at the top of the file, before the first [ ]"));
        }
        let section = properties
            .iter()
            .find(|(_, schema)| self.resolve(schema)["properties"].get(name).is_some())?;
        (section.0 != path).then(|| format!("write it under [{}]", section.0))
    }
}

/// The setting that tells several forms apart: a word of its own in each.
fn tag_of<'a>(branches: &[&'a Value]) -> Option<&'a str> {
    let first = branches.first()?["properties"].as_object()?;
    first.keys().map(String::as_str).find(|name| {
        branches
            .iter()
            .all(|branch| branch["properties"][*name]["const"].is_string())
    })
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several
            .iter()
            .filter_map(Value::as_str)
            .filter(|kind| *kind != "null")
            .collect(),
        _ => Vec::new(),
    }
}

/// What other tools call our types.
const SYNONYMS: [(&str, &str); 9] = [
    ("string", "text"),
    ("varchar", "text"),
    ("decimal", "float"),
    ("number", "float"),
    ("double", "float"),
    ("integer", "int"),
    ("boolean", "bool"),
    ("datetime", "timestamp"),
    ("instant", "timestamp"),
];

fn synonym(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    SYNONYMS.iter().find(|(other, _)| *other == word).map(|(_, ours)| *ours)
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn quote_last(hint: &str) -> String {
    match hint.rsplit_once(' ') {
        Some((words, name)) => format!("{words} \"{name}\""),
        None => hint.to_owned(),
    }
}

fn first_sentence(text: &str) -> Option<String> {
    let line = text.split("\n\n").next()?.replace('\n', " ");
    let end = line.find(". ").map_or(line.len(), |at| at);
    Some(line[..end].trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests;
