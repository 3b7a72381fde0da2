use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use klimalade_model::Table;
use serde_json::{Map, Value, json};

use crate::{
    codes,
    facts::{Facts, FileFacts, OwnerFacts, Said, is_flat, said},
};

const EU: &str = "http://publications.europa.eu/resource/authority";
const MEDIA_TYPE: &str = "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet";
/// Dimensions of the code list `units` that make a dataset one of energy.
const ENERGY: [&str; 2] = ["energy", "power"];
/// The EU's words for months between two publications.
const FREQUENCIES: [(u32, &str); 7] = [
    (1, "MONTHLY"),
    (3, "QUARTERLY"),
    (6, "ANNUAL_2"),
    (12, "ANNUAL"),
    (24, "BIENNIAL"),
    (36, "TRIENNIAL"),
    (60, "QUINQUENNIAL"),
];

/// catalog/dcat.jsonld: DCAT-AP 3 in the form of DCAT-AP-DK (titles and descriptions in Danish and English, every node with its
/// class). A dataset for each source, as the agency's; one for each table and one of the code lists, as the lake's.
pub(crate) fn catalogue(facts: &Facts<'_>) -> Value {
    let mut graph = Graph {
        facts,
        nodes: BTreeMap::new(),
    };
    let mut datasets = Vec::new();
    let sources: BTreeSet<&String> = facts.owners.iter().filter_map(|owner| owner.source.as_ref()).collect();
    for source in sources {
        datasets.extend(graph.source(source));
    }
    for table in facts
        .schemas
        .tables
        .values()
        .filter(|table| facts.has_files(&table.name))
    {
        datasets.push(graph.table(table));
    }
    datasets.push(graph.code_lists());
    let publisher = graph.publisher();
    let mut catalogue = node(&["dcat:Catalog"]);
    catalogue.insert(
        "dct:title".to_owned(),
        both(&said(
            "Klimalade: kommunernes klimatal",
            "Klimalade: the municipalities' climate figures",
        )),
    );
    let description = said(
        "Danske myndigheders tal om klima, energi, transport, landbrug og tilpasning i ét fælles skema.",
        "Figures of Danish agencies on climate, energy, transport, agriculture and adaptation in one common schema.",
    );
    catalogue.insert("dct:description".to_owned(), both(&graph.warned(description)));
    catalogue.insert("dct:publisher".to_owned(), publisher);
    let languages = ["DAN", "ENG"].map(|code| graph.class(&format!("{EU}/language/{code}"), "dct:LinguisticSystem"));
    catalogue.insert("dct:language".to_owned(), json!(languages));
    let denmark = graph.denmark();
    catalogue.insert("dct:spatial".to_owned(), denmark);
    let themes = graph.class(&format!("{EU}/data-theme"), "skos:ConceptScheme");
    graph.title(&format!("{EU}/data-theme"), &said("Datatema", "Data theme"));
    catalogue.insert("dcat:themeTaxonomy".to_owned(), themes);
    if let Some(changed) = facts.changed_at() {
        catalogue.insert("dct:modified".to_owned(), instant(changed));
    }
    catalogue.insert("dcat:dataset".to_owned(), json!(datasets));
    let id = graph.id("catalog");
    graph.nodes.insert(id, catalogue);
    let nodes: Vec<Value> = graph
        .nodes
        .into_iter()
        .map(|(id, node)| {
            let mut whole = Map::from_iter([("@id".to_owned(), json!(id))]);
            whole.extend(node);
            Value::Object(whole)
        })
        .collect();
    json!({
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#",
            "dct": "http://purl.org/dc/terms/",
            "foaf": "http://xmlns.com/foaf/0.1/",
            "skos": "http://www.w3.org/2004/02/skos/core#",
            "spdx": "http://spdx.org/rdf/terms#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
        },
        "@graph": nodes,
    })
}

type Node = Map<String, Value>;

struct Graph<'a> {
    facts: &'a Facts<'a>,
    nodes: BTreeMap<String, Node>,
}

impl Graph<'_> {
    /// The address of a file of the lake. Without a base it is relative to the catalogue's own, which stands in catalog/.
    fn address(&self, key: &str) -> String {
        match &self.facts.options.base_iri {
            Some(base) => format!("{}/{key}", base.trim_end_matches('/')),
            None => format!("../{key}"),
        }
    }

    fn id(&self, name: &str) -> String {
        match &self.facts.options.base_iri {
            Some(_) => format!("{}#{name}", self.address("catalog/dcat.jsonld")),
            None => format!("#{name}"),
        }
    }

    /// A node of a class that is not described further, and a reference to it.
    fn class(&mut self, id: &str, class: &str) -> Value {
        self.nodes.entry(id.to_owned()).or_insert_with(|| node(&[class]));
        json!({"@id": id})
    }

    fn title(&mut self, id: &str, title: &Said) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.insert("dct:title".to_owned(), both(title));
        }
    }

    fn denmark(&mut self) -> Value {
        self.class(&format!("{EU}/country/DNK"), "dct:Location")
    }

    fn publisher(&mut self) -> Value {
        let name = match &self.facts.options.publisher {
            Some(name) => said(name, name),
            None => said("Den, der driver dette datalager", "The operator of this lake"),
        };
        let id = self.id("publisher");
        self.agent(&id, &name)
    }

    fn agent(&mut self, id: &str, name: &Said) -> Value {
        let mut agent = node(&["foaf:Agent", "foaf:Organization"]);
        agent.insert("foaf:name".to_owned(), both(name));
        self.nodes.insert(id.to_owned(), agent);
        json!({"@id": id})
    }

    /// A description with what a simulated lake says before it.
    fn warned(&self, text: Said) -> Said {
        match self.facts.warning() {
            None => text,
            Some(warning) => said(
                format!("{} {}", warning.da, text.da),
                format!("{} {}", warning.en, text.en),
            ),
        }
    }

    /// The dataset of an agency; none where nothing of it stands in the lake.
    fn source(&mut self, code: &str) -> Option<Value> {
        let facts = self.facts;
        let is_of = |owner: &&OwnerFacts| owner.source.as_deref() == Some(code) && owner.own_files().next().is_some();
        let owners: Vec<&OwnerFacts> = facts.owners.iter().filter(is_of).collect();
        if owners.is_empty() {
            return None;
        }
        let titles = |pick: fn(&Said) -> &String| {
            let titles: Vec<&str> = owners
                .iter()
                .filter_map(|owner| owner.title.as_ref())
                .map(|title| pick(title).as_str())
                .collect();
            titles.join("; ")
        };
        let named = facts.name("sources", code);
        let told = match titles(|title| &title.en).is_empty() {
            true => named.clone(),
            false => said(titles(|title| &title.da), titles(|title| &title.en)),
        };
        let mut dataset = self.dataset(&named, told, &facts.source_id(code));
        if let Some(agency) = facts.agency(code) {
            let id = self.id(&format!("agency-{}", slug(&agency.en)));
            dataset.insert("dct:publisher".to_owned(), self.agent(&id, &agency));
        }
        if let Some(homepage) = facts.cell("sources", code, "homepage") {
            dataset.insert("dcat:landingPage".to_owned(), self.class(homepage, "foaf:Document"));
        }
        let indicators: BTreeSet<&String> = owners.iter().flat_map(|owner| &owner.indicators).collect();
        let names: Vec<Said> = indicators.iter().map(|code| facts.name("indicators", code)).collect();
        if !names.is_empty() {
            let words = names
                .iter()
                .flat_map(|name| [tagged(&name.da, "da"), tagged(&name.en, "en")]);
            dataset.insert("dcat:keyword".to_owned(), words.collect());
        }
        dataset.insert("dcat:theme".to_owned(), self.themes(&indicators));
        let months: BTreeSet<Option<u32>> = owners
            .iter()
            .map(|owner| owner.rhythm.map(|rhythm| rhythm.every_months))
            .collect();
        if let [Some(months)] = months.iter().collect::<Vec<_>>()[..]
            && let Some((_, word)) = FREQUENCIES.iter().find(|(known, _)| known == months)
        {
            let frequency = self.class(&format!("{EU}/frequency/{word}"), "dct:Frequency");
            dataset.insert("dct:accrualPeriodicity".to_owned(), frequency);
        }
        if let Some(changed) = owners.iter().filter_map(|owner| owner.changed_at).max() {
            dataset.insert("dct:modified".to_owned(), instant(changed));
        }
        if let Some(period) = period(&owners) {
            dataset.insert("dct:temporal".to_owned(), period);
        }
        let mut distributions = Vec::new();
        for owner in &owners {
            for file in owner.own_files() {
                distributions.push(self.file(owner, file));
            }
        }
        dataset.insert("dcat:distribution".to_owned(), json!(distributions));
        let id = self.id(&format!("source-{code}"));
        self.nodes.insert(id.clone(), dataset);
        Some(json!({"@id": id}))
    }

    /// The dataset of a table of the lake.
    fn table(&mut self, table: &Table) -> Value {
        let facts = self.facts;
        let name = format!("{}.{}", table.layer, table.name);
        let described = said(&table.description_da, &table.description_en);
        let mut dataset = self.dataset(
            &said(format!("Tabellen {name}"), format!("The table {name}")),
            described,
            &name,
        );
        dataset.insert("dct:publisher".to_owned(), self.publisher());
        let files: Vec<(&OwnerFacts, &FileFacts)> = facts.files_of(&table.name).collect();
        let indicators: BTreeSet<&String> = files.iter().flat_map(|(owner, _)| &owner.indicators).collect();
        dataset.insert("dcat:theme".to_owned(), self.themes(&indicators));
        let sources: BTreeSet<&String> = files.iter().filter_map(|(owner, _)| owner.source.as_ref()).collect();
        let of_agency = |code: &&String| {
            let owners = facts.owners.iter().filter(|owner| owner.source.as_ref() == Some(*code));
            owners.flat_map(OwnerFacts::own_files).next().is_some()
        };
        let parts: Vec<Value> = sources
            .into_iter()
            .filter(of_agency)
            .map(|code| json!({"@id": self.id(&format!("source-{code}"))}))
            .collect();
        dataset.insert("dct:source".to_owned(), json!(parts));
        if let Some(changed) = files.iter().filter_map(|(owner, _)| owner.changed_at).max() {
            dataset.insert("dct:modified".to_owned(), instant(changed));
        }
        let key = match is_flat(table) {
            true => format!("{}/{}.parquet", table.layer, table.name),
            false => format!("{}/{}/", table.layer, table.name),
        };
        let mut whole = self.distribution(
            &key,
            &said(&name, &name),
            files.iter().map(|(_, file)| file.bytes).sum(),
        );
        let rights = self.id("rights");
        let mut statement = node(&["dct:RightsStatement"]);
        let terms = said(
            "Hver rækkes vilkår står i licence_code; kildeangivelserne står i catalog/licences.da.md.",
            "The terms of each row stand in its licence_code; the attributions stand in catalog/licences.md.",
        );
        statement.insert("dct:description".to_owned(), both(&terms));
        self.nodes.insert(rights.clone(), statement);
        whole.insert("dct:rights".to_owned(), json!({"@id": rights}));
        let id = self.id(&key);
        self.nodes.insert(id.clone(), whole);
        dataset.insert("dcat:distribution".to_owned(), json!([{"@id": id}]));
        let id = self.id(&format!("table-{name}"));
        self.nodes.insert(id.clone(), dataset);
        json!({"@id": id})
    }

    fn code_lists(&mut self) -> Value {
        let described = said(
            "De koder, som tabellerne bruger, med danske og engelske navne.",
            "The codes that the tables use, with Danish and English names.",
        );
        let mut dataset = self.dataset(&said("Kodelister", "Code lists"), described, "codes");
        dataset.insert("dct:publisher".to_owned(), self.publisher());
        dataset.insert("dcat:theme".to_owned(), self.themes(&BTreeSet::new()));
        let mut distributions = Vec::new();
        for list in self.facts.schemas.codes.values() {
            let key = codes::key(&list.name);
            let mut file = self.distribution(&key, &said(&list.name, &list.name), 0);
            file.remove("dcat:byteSize");
            file.insert("dcat:downloadURL".to_owned(), json!({"@id": self.address(&key)}));
            let id = self.id(&key);
            self.nodes.insert(id.clone(), file);
            distributions.push(json!({"@id": id}));
        }
        dataset.insert("dcat:distribution".to_owned(), json!(distributions));
        let id = self.id("codes");
        self.nodes.insert(id.clone(), dataset);
        json!({"@id": id})
    }

    fn dataset(&mut self, title: &Said, description: Said, identifier: &str) -> Node {
        let mut dataset = node(&["dcat:Dataset"]);
        dataset.insert("dct:identifier".to_owned(), json!(identifier));
        dataset.insert("dct:title".to_owned(), both(title));
        dataset.insert("dct:description".to_owned(), both(&self.warned(description)));
        dataset.insert("dct:spatial".to_owned(), self.denmark());
        dataset
    }

    /// Environment, and energy where an indicator's unit is one of energy or power.
    fn themes(&mut self, indicators: &BTreeSet<&String>) -> Value {
        let facts = self.facts;
        let is_energy = |code: &&String| {
            let unit = facts.cell("indicators", code, "unit_code");
            let dimension = unit.and_then(|unit| facts.cell("units", unit, "dimension"));
            dimension.is_some_and(|dimension| ENERGY.contains(&dimension))
        };
        let mut themes = vec![self.theme("ENVI", &said("Miljø", "Environment"))];
        if indicators.iter().any(is_energy) {
            themes.push(self.theme("ENER", &said("Energi", "Energy")));
        }
        json!(themes)
    }

    fn theme(&mut self, code: &str, label: &Said) -> Value {
        let id = format!("{EU}/data-theme/{code}");
        let theme = self.class(&id, "skos:Concept");
        if let Some(node) = self.nodes.get_mut(&id) {
            node.insert("skos:prefLabel".to_owned(), both(label));
        }
        theme
    }

    fn file(&mut self, owner: &OwnerFacts, file: &FileFacts) -> Value {
        let title = owner.title.clone().unwrap_or_else(|| said(&owner.owner, &owner.owner));
        let mut node = self.distribution(&file.key, &title, file.bytes);
        node.insert("dcat:downloadURL".to_owned(), json!({"@id": self.address(&file.key)}));
        let checksum = json!({
            "@type": "spdx:Checksum",
            "spdx:algorithm": self.class("http://spdx.org/rdf/terms#checksumAlgorithm_sha256", "spdx:ChecksumAlgorithm"),
            "spdx:checksumValue": {"@value": file.sha256, "@type": "xsd:hexBinary"},
        });
        node.insert("spdx:checksum".to_owned(), checksum);
        if let Some(changed) = owner.changed_at {
            node.insert("dct:modified".to_owned(), instant(changed));
        }
        if let [licence] = owner.licences.iter().collect::<Vec<_>>()[..] {
            let address = self.facts.cell("licences", licence, "url").map(str::to_owned);
            let id = address.unwrap_or_else(|| self.id(&format!("licence-{licence}")));
            node.insert("dct:license".to_owned(), self.class(&id, "dct:LicenseDocument"));
            self.title(&id, &self.facts.name("licences", licence));
        }
        let id = self.id(&file.key);
        self.nodes.insert(id.clone(), node);
        json!({"@id": id})
    }

    fn distribution(&mut self, key: &str, title: &Said, bytes: u64) -> Node {
        let mut file = node(&["dcat:Distribution"]);
        file.insert("dct:title".to_owned(), both(title));
        file.insert("dcat:accessURL".to_owned(), json!({"@id": self.address(key)}));
        file.insert("dcat:mediaType".to_owned(), self.class(MEDIA_TYPE, "dct:MediaType"));
        let format = self.class(&format!("{EU}/file-type/PARQUET"), "dct:MediaTypeOrExtent");
        file.insert("dct:format".to_owned(), format);
        let size = json!({"@value": bytes.to_string(), "@type": "xsd:nonNegativeInteger"});
        file.insert("dcat:byteSize".to_owned(), size);
        file
    }
}

/// The years of the paths, where there are any: files of a year tell it themselves only when they are read.
fn period(owners: &[&OwnerFacts]) -> Option<Value> {
    let years = || {
        let files = owners.iter().flat_map(|owner| owner.own_files());
        let values = files.flat_map(|file| &file.values);
        values.filter(|(name, _)| name == "year").map(|(_, year)| year.as_str())
    };
    let day = |text: String| json!({"@value": text, "@type": "xsd:date"});
    Some(json!({
        "@type": "dct:PeriodOfTime",
        "dcat:startDate": day(format!("{}-01-01", years().min()?)),
        "dcat:endDate": day(format!("{}-12-31", years().max()?)),
    }))
}

fn node(classes: &[&str]) -> Node {
    Map::from_iter([("@type".to_owned(), json!(classes))])
}

fn tagged(text: &str, language: &str) -> Value {
    json!({"@value": text, "@language": language})
}

fn both(text: &Said) -> Value {
    json!([tagged(&text.da, "da"), tagged(&text.en, "en")])
}

fn instant(time: Timestamp) -> Value {
    json!({"@value": time.to_string(), "@type": "xsd:dateTime"})
}

/// Small letters, digits and hyphens.
fn slug(text: &str) -> String {
    let letters = text.to_lowercase();
    let words = letters
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}
