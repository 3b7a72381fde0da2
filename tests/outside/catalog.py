"""The catalogue of a lake is what it says it is.

datapackage.json: frictionless reads it as a Data Package of version 2 and every one of its Table Schemas; every file is there
with the size and the sha256 that it names; rows are read through it and held against their schema; every foreign key is held
against its code list over all rows. dcat.jsonld: every property that DCAT-AP 3 and DCAT-AP-DK 2 make mandatory, the class of
whatever a property points at, and what may stand once only, asked of the graph. The published SHACL shapes are not used: no
package of PyPI holds them, and this stage asks nobody else. The SQL makes the views of DuckDB: their columns, types and rows are
those of the files, a table without files has no rows, `ledger` has one row for each part. The pages keep to themselves: no
address in dictionary.html is fetched, and its policy forbids it.

usage: catalog.py LAKE
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

import duckdb
import frictionless
import rdflib
from rdflib import DCAT, DCTERMS, FOAF, RDF, SKOS, XSD

SPDX = rdflib.Namespace("http://spdx.org/rdf/terms#")
# DCAT-AP 3.0.1 and DCAT-AP-DK 2.0.2 (obligatoriske egenskaber), by class.
MANDATORY = {
    DCAT.Catalog: [DCTERMS.title, DCTERMS.description, DCTERMS.publisher, DCAT.dataset],
    # DCAT-AP-DK asks for a publisher or a responsible organisation besides.
    DCAT.Dataset: [DCTERMS.title, DCTERMS.description, DCTERMS.publisher],
    DCAT.Distribution: [DCAT.accessURL],
    FOAF.Agent: [FOAF.name],
    SKOS.Concept: [SKOS.prefLabel],
    SKOS.ConceptScheme: [DCTERMS.title],
    SPDX.Checksum: [SPDX.algorithm, SPDX.checksumValue],
}
# What a property points at has this class, in the graph itself.
RANGES = {
    DCTERMS.publisher: FOAF.Agent,
    DCTERMS.language: DCTERMS.LinguisticSystem,
    DCTERMS.spatial: DCTERMS.Location,
    DCTERMS.temporal: DCTERMS.PeriodOfTime,
    DCTERMS.accrualPeriodicity: DCTERMS.Frequency,
    DCTERMS.license: DCTERMS.LicenseDocument,
    DCTERMS.rights: DCTERMS.RightsStatement,
    DCTERMS.format: DCTERMS.MediaTypeOrExtent,
    DCTERMS.source: DCAT.Dataset,
    DCAT.mediaType: DCTERMS.MediaType,
    DCAT.dataset: DCAT.Dataset,
    DCAT.distribution: DCAT.Distribution,
    DCAT.theme: SKOS.Concept,
    DCAT.themeTaxonomy: SKOS.ConceptScheme,
    DCAT.landingPage: FOAF.Document,
    SPDX.checksum: SPDX.Checksum,
    SPDX.algorithm: SPDX.ChecksumAlgorithm,
}
AT_MOST_ONCE = [
    DCTERMS.publisher,
    DCTERMS.modified,
    DCTERMS.accrualPeriodicity,
    DCTERMS.license,
    DCTERMS.format,
    DCAT.mediaType,
    DCAT.byteSize,
    SPDX.checksum,
]
TYPED = {
    DCAT.byteSize: XSD.nonNegativeInteger,
    DCTERMS.modified: XSD.dateTime,
    SPDX.checksumValue: XSD.hexBinary,
    DCAT.startDate: XSD.date,
    DCAT.endDate: XSD.date,
}
# Files small enough to be read row by row in Python.
READ_ROWS = 300


def package(lake: Path, findings: list[str]) -> None:
    path = lake / "datapackage.json"
    descriptor = json.loads(path.read_text("utf-8"))
    package = frictionless.Package(str(path))
    for error in frictionless.Package.metadata_validate(descriptor):
        findings.append(f"datapackage.json: {error}")
    files, read, rows_read = 0, 0, 0
    for resource in descriptor["resources"]:
        name, file = resource["name"], lake / resource["path"]
        if ".." in Path(resource["path"]).parts or Path(resource["path"]).is_absolute():
            findings.append(f"{name}: {resource['path']} leads out of the package")
        if not file.is_file():
            findings.append(f"{name}: no file {resource['path']}")
            continue
        files += 1
        content = file.read_bytes()
        if resource.get("bytes", len(content)) != len(content):
            findings.append(f"{name}: {len(content)} bytes, said {resource['bytes']}")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if resource.get("hash", digest) != digest:
            findings.append(f"{name}: {digest}, said {resource['hash']}")
    # A schema is validated once, and read through with the smallest of its files: frictionless goes row by row.
    rows_of = {one["name"]: one.get("klimalade:rows") or 0 for one in descriptor["resources"]}
    schema_of = {one["name"]: str(one["schema"]) for one in descriptor["resources"]}
    smallest: dict[str, str] = {}
    for name in sorted(rows_of, key=lambda name: rows_of[name]):
        smallest.setdefault(schema_of[name], name)
    for resource in package.resources:
        if smallest[schema_of[resource.name]] != resource.name:
            continue
        for error in frictionless.Schema.metadata_validate(resource.schema.to_descriptor()):
            findings.append(f"{resource.name}: {error}")
        said = resource.custom.get("klimalade:rows")
        has_geometry = any(field.type == "any" for field in resource.schema.fields)
        if has_geometry or (said or 0) > READ_ROWS:
            continue
        names = [field.name for field in resource.schema.fields]
        # Held below, over all rows: frictionless would read every code list again for each file, minutes in all.
        resource.schema.foreign_keys = []
        with resource:
            if resource.header != names:
                findings.append(f"{resource.name}: columns {resource.header}, its schema says {names}")
            rows = list(resource.row_stream)
        # frictionless reads Parquet through pandas, which has no empty whole number: it comes as nan.
        optional = {field.name for field in resource.schema.fields if field.type == "integer" and not field.required}
        errors = [error for row in rows for error in row.errors]
        wrong = [error.message for error in errors if not (error.cell == "nan" and error.field_name in optional)]
        if wrong:
            findings.append(f"{resource.name}: {len(wrong)} cells do not fit their schema: {wrong[0][:300]}")
        if said is not None and said != len(rows):
            findings.append(f"{resource.name}: {len(rows)} rows, said {said}")
        read, rows_read = read + 1, rows_read + len(rows)
    keys = foreign_keys(lake, descriptor, findings)
    print(
        f"frictionless {frictionless.__version__}: {files} files there with their sha256; {rows_read} rows of "
        f"{read} resources read through it; {keys} foreign keys hold over all rows"
    )


def foreign_keys(lake: Path, descriptor: dict, findings: list[str]) -> int:
    """Holds each foreign key of each schema against its list, over the rows of all its files at once."""
    paths = {resource["name"]: str(lake / resource["path"]) for resource in descriptor["resources"]}
    files: dict[str, list[str]] = {}
    for resource in descriptor["resources"]:
        if isinstance(resource["schema"], str):
            files.setdefault(resource["schema"], []).append(paths[resource["name"]])
    keys = 0
    for schema, its_files in files.items():
        for key in json.loads((lake / schema).read_text("utf-8")).get("foreignKeys", []):
            (column,), reference = key["fields"], key["reference"]
            (target,) = reference["fields"]
            missing = duckdb.execute(
                f'SELECT DISTINCT "{column}" FROM read_parquet($files) WHERE "{column}" IS NOT NULL AND "{column}" NOT IN '
                f'(SELECT "{target}" FROM read_parquet($list)) LIMIT 3',
                {"files": its_files, "list": paths[reference["resource"]]},
            ).fetchall()
            keys += 1
            if missing:
                findings.append(f"{schema}: {column} has {missing}, not in {reference['resource']}")
    return keys


def dcat(lake: Path, findings: list[str]) -> None:
    path = lake / "catalog/dcat.jsonld"
    graph = rdflib.Graph().parse(path, format="json-ld", publicID=path.as_uri())
    for kind, properties in MANDATORY.items():
        for subject in graph.subjects(RDF.type, kind):
            for wanted in properties:
                if (subject, wanted, None) not in graph:
                    findings.append(f"dcat.jsonld: {subject} of class {kind} has no {wanted}")
    for wanted, kind in RANGES.items():
        for subject, target in graph.subject_objects(wanted):
            if (target, RDF.type, kind) not in graph:
                findings.append(f"dcat.jsonld: {wanted} of {subject} is no {kind}: {target}")
    for once in AT_MOST_ONCE:
        for subject in set(graph.subjects(once)):
            if len(set(graph.objects(subject, once))) > 1:
                findings.append(f"dcat.jsonld: {once} stands more than once at {subject}")
    for wanted, kind in TYPED.items():
        for subject, literal in graph.subject_objects(wanted):
            if literal.datatype != kind or literal.ill_typed:
                findings.append(f"dcat.jsonld: {wanted} of {subject} is {literal!r}, not {kind}")
    for wanted in (DCTERMS.title, DCTERMS.description):
        for subject in set(graph.subjects(wanted)):
            languages = {literal.language for literal in graph.objects(subject, wanted)}
            if languages != {"da", "en"}:
                findings.append(f"dcat.jsonld: {wanted} of {subject} in {languages}")
    downloads = set(graph.objects(None, DCAT.downloadURL))
    for address in downloads:
        if not Path(address.removeprefix("file://")).is_file():
            findings.append(f"dcat.jsonld: {address} is no file")
    count = {kind: len(set(graph.subjects(RDF.type, kind))) for kind in (DCAT.Dataset, DCAT.Distribution)}
    if not count[DCAT.Dataset] or not downloads:
        findings.append("dcat.jsonld has no dataset or no file")
    print(
        f"rdflib {rdflib.__version__}: {len(graph)} triples, {count[DCAT.Dataset]} datasets, {count[DCAT.Distribution]} "
        "distributions; mandatory properties, classes, types and languages asked of the graph (no published shapes)"
    )


def views(lake: Path, findings: list[str]) -> None:
    session = duckdb.connect()
    session.execute("SET TimeZone = 'UTC'")
    session.execute(f"SET VARIABLE lake = '{lake}'")
    session.execute((lake / "catalog/views_duckdb.sql").read_text("utf-8"))
    names = session.execute(
        "SELECT table_schema || '.' || table_name FROM information_schema.views WHERE table_schema IN ('core', 'out', 'codes')"
    ).fetchall()
    empty = 0
    for (name,) in sorted(names):
        schema, table = name.split(".")
        files = sorted((lake / "out").glob(f"{'codes/' if schema == 'codes' else ''}{table}.parquet"))
        if schema == "core":
            files = sorted((lake / "core" / table).rglob("*.parquet"))
        (rows,) = session.execute(f"SELECT count(*) FROM {name}").fetchone()
        if not files:
            empty += 1
            if rows:
                findings.append(f"{name}: {rows} rows of no file")
            continue
        (stored,) = session.execute(
            "SELECT sum(num_rows) FROM parquet_file_metadata($files)", {"files": [str(file) for file in files]}
        ).fetchone()
        if rows != stored:
            findings.append(f"{name}: {rows} rows, its files hold {stored}")
        types = dict(session.execute(f"SELECT column_name, column_type FROM (DESCRIBE {name})").fetchall())
        wanted = {"pipeline": "VARCHAR", "month": "INTEGER"} if schema == "core" else {"code": "VARCHAR"}
        for column, kind in wanted.items():
            if types.get(column, kind) != kind:
                findings.append(f"{name}.{column} is {types[column]}, not {kind}")
    (parts, distinct) = session.execute("SELECT count(*), count(DISTINCT (pipeline, part)) FROM ledger").fetchone()
    if not parts or parts != distinct:
        findings.append(f"ledger: {parts} rows of {distinct} parts")
    (date,) = session.execute("SELECT run_date FROM run_date").fetchone()
    said = json.loads((lake / "catalog/freshness.json").read_text("utf-8"))
    if str(date) != said["run_date"]:
        findings.append(f"run_date is {date} in SQL, {said['run_date']} in freshness.json")
    counted: dict[tuple[str, str], int] = {}
    for table in {owner["table"] for owner in said["owners"]}:
        if (lake / "core" / table).is_dir():
            rows = session.execute(f"SELECT pipeline, count(*) FROM core.{table} GROUP BY pipeline").fetchall()
            counted.update({(table, pipeline): count for pipeline, count in rows})
        else:
            counted.update({(table, owner["pipeline"]): owner["rows"] for owner in said["owners"]})
    for owner in said["owners"]:
        rows = counted.get((owner["table"], owner["pipeline"]), 0)
        if rows != owner["rows"]:
            findings.append(f"freshness.json: {owner['pipeline']} has {owner['rows']} rows, the lake {rows}")
    print(
        f"duckdb {duckdb.__version__}: {len(names)} views as their files are, {empty} of them without rows; "
        f"{parts} parts in ledger"
    )


def pages(lake: Path, findings: list[str]) -> None:
    page = (lake / "catalog/dictionary.html").read_text("utf-8")
    for fetched in re.findall(r'(?:src|srcset|data|action|poster)="[^"]*"|<link[^>]*>|@import|url\(', page):
        findings.append(f"dictionary.html fetches {fetched}")
    for tag in ("style", "script"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        if f"{tag}-src 'sha256-{digest}'" not in page:
            findings.append(f"dictionary.html: its policy does not know its {tag}")
    anchors = re.findall(r' id="([^"]*)"', page)
    if len(anchors) != len(set(anchors)):
        findings.append("dictionary.html: an id stands twice")
    for link in set(re.findall(r'href="#([^"]*)"', page)) - set(anchors):
        findings.append(f"dictionary.html: #{link} leads nowhere")
    simulated = "simulated = true" in (lake / "lake.toml").read_text("utf-8")
    documents = [lake / "datapackage.json", *sorted((lake / "catalog").rglob("*.*"))]
    for document in documents:
        if document.suffix in (".parquet", ".css"):
            continue
        text = document.read_text("utf-8")
        if simulated and not re.search("SIMULATED|SIMULEREDE|Simulated figures|Simulerede tal", text):
            findings.append(f"{document.name} does not say that the figures are simulated")
        if str(lake.resolve()) in text:
            findings.append(f"{document.name} names the folder {lake}")
    print(f"{len(documents)} documents; {len(anchors)} anchors of dictionary.html, no request")


def main(lake: Path) -> int:
    findings: list[str] = []
    for part in (package, dcat, views, pages):
        part(lake, findings)
    for finding in findings[:40]:
        print(f"FINDING {finding}", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve()))
