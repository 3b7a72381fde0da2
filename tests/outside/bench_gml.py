"""CPU seconds and memory of WFS GML to Parquet, against GDAL and dlt with lxml doing the same or less.

nginx on loopback serves one feature type as WFS 2.0 pages of GML 3.2: 577 bytes of XML a feature, 520,000 features are 300 MB.
Klimalade harvests it with everything on: raw layer, hashes, ids compared, geometry checked and made WKB, mapping, contract,
sort, ledger. GDAL's ogr2ogr reads the same features from one file on disk with the type's description beside it (gdal), and page by
page from the server (gdal_wfs); it writes FlatGeobuf without an index, because Debian's GDAL has no Parquet. dlt takes the text of
the coordinates as it stands.

usage: bench_gml.py --klimalade BINARY --scratch FOLDER [--features N] [--repeat 3] [--without-dlt]
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from bench import measure, size, start_nginx

PIPELINE = "bench_gml"
PAGE_FEATURES = 10_000
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" '
    'xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:pdk="http://pdk.example" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://pdk.example omraade.xsd" '
    'timeStamp="2026-11-26T00:00:00Z" numberMatched="{matched}" numberReturned="{returned}">\n'
)
TAIL = "</wfs:FeatureCollection>\n"
SCHEMA = """<?xml version="1.0" encoding="UTF-8"?>
<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:pdk="http://pdk.example"
 elementFormDefault="qualified" targetNamespace="http://pdk.example">
 <xsd:import namespace="http://www.opengis.net/gml/3.2" schemaLocation="http://schemas.opengis.net/gml/3.2.1/gml.xsd"/>
 <xsd:complexType name="omraadeType"><xsd:complexContent><xsd:extension base="gml:AbstractFeatureType"><xsd:sequence>
  <xsd:element maxOccurs="1" minOccurs="0" name="navn" nillable="true" type="xsd:string"/>
  <xsd:element maxOccurs="1" minOccurs="0" name="komnr" nillable="true" type="xsd:int"/>
  <xsd:element maxOccurs="1" minOccurs="0" name="status" nillable="true" type="xsd:string"/>
  <xsd:element maxOccurs="1" minOccurs="0" name="areal" nillable="true" type="xsd:double"/>
  <xsd:element maxOccurs="1" minOccurs="0" name="dato" nillable="true" type="xsd:date"/>
  <xsd:element maxOccurs="1" minOccurs="0" name="geometri" nillable="true" type="gml:SurfacePropertyType"/>
 </xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>
 <xsd:element name="omraade" substitutionGroup="gml:AbstractFeature" type="pdk:omraadeType"/>
</xsd:schema>
"""
CAPABILITIES = """<?xml version="1.0" encoding="UTF-8"?>
<wfs:WFS_Capabilities version="2.0.0" xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:ows="http://www.opengis.net/ows/1.1"
 xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:pdk="http://pdk.example">
 <ows:OperationsMetadata>
  <ows:Operation name="GetFeature"><ows:DCP><ows:HTTP><ows:Get xlink:href="http://127.0.0.1:{port}/wfs"/></ows:HTTP></ows:DCP></ows:Operation>
  <ows:Constraint name="ImplementsResultPaging"><ows:NoValues/><ows:DefaultValue>TRUE</ows:DefaultValue></ows:Constraint>
  <ows:Constraint name="CountDefault"><ows:NoValues/><ows:DefaultValue>{page}</ows:DefaultValue></ows:Constraint>
 </ows:OperationsMetadata>
 <FeatureTypeList xmlns="http://www.opengis.net/wfs/2.0"><FeatureType><Name>pdk:omraade</Name><Title>omraade</Title>
  <DefaultCRS>urn:ogc:def:crs:EPSG::25832</DefaultCRS></FeatureType></FeatureTypeList>
</wfs:WFS_Capabilities>
"""
RULES = """
          map $arg_request $file {
            DescribeFeatureType /omraade.xsd; GetCapabilities /capabilities.xml; default /pages/$arg_startIndex.gml;
          }
          server { listen 127.0.0.1:PORT; root FOLDER; location /wfs { rewrite ^ $file break; } }
"""
PIPELINE_TOML = """version = 1
title_en = "Areas for the benchmark"
title_da = "Områder til målingen"
source_id = "dst_are207"
table = "plan_area"
licence_code = "cc_by_4_0"

[source]
connector = "wfs"
base_url = "http://127.0.0.1:{port}/wfs"
type_names = "pdk:omraade"
page_limit = {page}

[columns]
id = {{ type = "text", from = "@id", id = true }}
navn = {{ type = "text", from = "navn" }}
komnr = {{ type = "int", from = "komnr" }}
areal = {{ type = "float", from = "areal" }}
dato = {{ type = "date", from = "dato" }}
geometri = {{ type = "geometry", from = "geometri" }}

[checks]
min_rows = {features}

[limits]
host_interval_millis = 0
dataset_interval_millis = 0
"""
MAP_SQL = """SELECT 'publish' AS fate, concat('dst_are207:', r.id) AS feature_id, r.navn AS plan_id, 'heat_supply' AS theme_code,
    lpad(CAST(r.komnr AS VARCHAR), 4, '0') AS area_code, 'adopted' AS status_code, r.dato AS valid_from, r.geometri AS geometry
FROM raw r
"""


def member(at, chance):
    """A feature of four corners, 577 bytes on average."""
    x, y = 450_000 + 400_000 * chance.random(), 6_050_000 + 350_000 * chance.random()
    a, b = 20 + 300 * chance.random(), 20 + 300 * chance.random()
    corners = [(x, y), (x + a, y + 3), (x + a, y + b), (x - 2, y + b), (x, y)]
    text = " ".join(f"{east:.2f} {north:.2f}" for east, north in corners)
    return (
        f'<wfs:member><pdk:omraade gml:id="omraade.{at}"><pdk:navn>Område {at}, Ærøskøbing</pdk:navn><pdk:komnr>492</pdk:komnr>'
        "<pdk:status>V</pdk:status>"
        f"<pdk:areal>{a * b:.3f}</pdk:areal><pdk:dato>20{at % 25:02}-0{1 + at % 9}-15</pdk:dato><pdk:geometri>"
        f'<gml:Polygon srsName="urn:ogc:def:crs:EPSG::25832" srsDimension="2" gml:id="omraade.{at}.geometri"><gml:exterior>'
        f"<gml:LinearRing><gml:posList>{text}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></pdk:geometri>"
        f"</pdk:omraade></wfs:member>\n"
    )


def make_pages(folder, features):
    """Pages named by their offset, an empty one behind the last, and all features in one file."""
    chance = random.Random(20261126)
    (folder / "pages").mkdir(parents=True)
    (folder / "omraade.xsd").write_text(SCHEMA, "utf-8")
    shutil.copy(folder / "omraade.xsd", folder / "all.xsd")
    with (folder / "all.gml").open("w", encoding="utf-8") as whole:
        whole.write(HEAD.format(matched=features, returned=features))
        for begin in range(0, features + 1, PAGE_FEATURES):
            members = [member(at, chance) for at in range(begin, min(begin + PAGE_FEATURES, features))]
            with (folder / f"pages/{begin}.gml").open("w", encoding="utf-8") as page:
                page.write(HEAD.format(matched=features, returned=len(members)))
                page.writelines(members)
                page.write(TAIL)
            whole.writelines(members)
        whole.write(TAIL)


def make_home(home, port, features):
    folder = home / "pipelines" / PIPELINE
    folder.mkdir(parents=True)
    text = PIPELINE_TOML.format(port=port, page=PAGE_FEATURES, features=features)
    (folder / "pipeline.toml").write_text(text, "utf-8")
    (folder / "map.sql").write_text(MAP_SQL, "utf-8")
    (folder / "notes.md").write_text("verified_live: never\n", "utf-8")


def rows_of(name, out):
    if name.startswith("gdal"):
        said = subprocess.run(["ogrinfo", "-so", "-al", out / "out.fgb"], check=True, capture_output=True, text=True).stdout
        return int(said.split("Feature Count: ")[1].split()[0])
    core = out / {"klimalade": "core/plan_area", "dlt": "wfs/omraade"}[name]
    return sum(pq.ParquetFile(file).metadata.num_rows for file in core.rglob("*.parquet"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--klimalade", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--features", type=int, default=520_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--without-dlt", action="store_true")
    arguments = parser.parse_args()
    if not shutil.which("ogr2ogr"):
        sys.exit("ogr2ogr is not installed: apt-get install --no-install-recommends gdal-bin")
    scratch, served = arguments.scratch, arguments.scratch / "served"
    os.chmod(scratch, 0o755)  # nginx without root may be another user
    begun = time.monotonic()
    make_pages(served, arguments.features)
    megabytes = size(served / "pages")
    print(f"{arguments.features} features, {megabytes:.0f} MB of GML ({time.monotonic() - begun:.0f} s to make)", flush=True)
    server, port = start_nginx(scratch, served, RULES)
    python, here = sys.executable, Path(__file__).parent
    fgb = ["-f", "FlatGeobuf", "-lco", "SPATIAL_INDEX=NO"]
    paging = ["--config", "OGR_WFS_PAGING_ALLOWED", "ON", "--config", "OGR_WFS_PAGE_SIZE", str(PAGE_FEATURES)]
    capabilities = CAPABILITIES.replace("{port}", str(port)).replace("{page}", str(PAGE_FEATURES))
    (served / "capabilities.xml").write_text(capabilities, "utf-8")
    programs = {
        "klimalade": lambda out: [arguments.klimalade, "--home", scratch / "home", "--lake", out, "run", PIPELINE],
        "gdal": lambda out: ["ogr2ogr", *fgb, out / "out.fgb", served / "all.gml"],
        "gdal_wfs": lambda out: ["ogr2ogr", *fgb, *paging, out / "out.fgb", f"WFS:http://127.0.0.1:{port}/wfs", "pdk:omraade"],
        "dlt": lambda out: [python, here / "bench_dlt_gml.py", f"http://127.0.0.1:{port}/wfs", str(PAGE_FEATURES), out],
    }
    if arguments.without_dlt:
        del programs["dlt"]
    result = {}
    try:
        make_home(scratch / "home", port, arguments.features)
        for name, command in programs.items():
            taken = []
            for turn in range(1 if name == "dlt" else arguments.repeat):
                out = scratch / f"out-{name}-{turn}"
                out.mkdir()
                environment = {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(scratch / "dlt")}
                taken.append(measure(name, [str(word) for word in command(out)], scratch, environment))
                rows = rows_of(name, out)
                if rows != arguments.features:
                    sys.exit(f"{name} made {rows} of {arguments.features} features")
                stored = size(out)
                shutil.rmtree(out)
            result[name] = tuple(statistics.median(values) for values in zip(*taken))
            cpu, wall, memory = result[name]
            print(f"{name:12} {cpu:8.2f} CPU s {wall:8.2f} s {memory:8.0f} MiB peak {stored:8.1f} MB", flush=True)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(served)
    print()
    ours = result["klimalade"]
    for other, goal in {"gdal": "goal 0.33", "gdal_wfs": "goal 0.33", "dlt": "no goal"}.items():
        if other in result:
            print(f"{megabytes:.0f} MB of GML: CPU of klimalade is {ours[0] / result[other][0]:.2f} x that of {other} ({goal})")
    print(f"{megabytes:.0f} MB of GML: peak {ours[2]:.0f} MiB (goal under 128)")


if __name__ == "__main__":
    main()
