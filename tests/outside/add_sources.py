"""Adds two sources that the repository lacks as an operator would, with the real binary and a real pygeoapi.

A CSV of Danish Excel (Windows-1252, decimal comma), a layer of pygeoapi, and the same layer of a second municipality as an
[[instance]]. Every command is run, what it says is the transcript, and the transcript is docs/adding-sources.md: with
`check` the page must be what was said, with `write` it becomes that. All figures are invented.

usage: add_sources.py KLIMALADE AREAS_CSV PAGE check|write
"""

import csv
import difflib
import functools
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

# Written lines of pipeline.toml, map.sql and notes.md together, and files beside recorded answers, of one source.
MOST_LINES = 60
MOST_FILES = 6
# What differs from run to run, and what stands for it on the page.
VARYING = [
    (r"\b\d{8}T\d{9}Z-\d+", "<night>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"(?<=from one page, )\d{4}-\d\d-\d\d", "<day>"),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    # The seconds of a night's table.
    (r"(?m)^( \S+ +(?:published|unchanged|failed) .*?)\d+\.\d$", r"\g<1>0.2"),
]


def cycle_paths(areas: Path) -> bytes:
    """Lengths of cycle paths of all municipalities in two years, two of them spelled as people spell them."""
    spelled = {"Aarhus": "Århus", "Høje-Taastrup": "Høje Taastrup"}
    lines = ["Kommune;År;Cykelsti (km)"]
    with areas.open(encoding="utf-8", newline="") as file:
        names = [row["name_da"] for row in csv.DictReader(file) if row["area_level"] == "municipality"]
    for at, name in enumerate(names):
        for year in (2023, 2024):
            lines.append(f"{spelled.get(name, name)};{year};{1000 + 7 * at + year % 10},{at % 10}")
    return ("\r\n".join(lines) + "\r\n").encode("cp1252")


def layer(code: str, paths: int, x: float, y: float) -> dict:
    """A layer of a municipality's paths; the lengths stand in each feature."""
    features = []
    for at in range(paths):
        line = [[x + at / 1000, y], [x + at / 1000, y + 0.01]]
        properties = {"id": at + 1, "komkode": code, "laengde_km": round(0.25 + at * 0.125, 3)}
        geometry = {"type": "LineString", "coordinates": line}
        features.append({"type": "Feature", "id": at + 1, "geometry": geometry, "properties": properties})
    return {"type": "FeatureCollection", "features": features}


def serve_files(folder: Path) -> http.server.ThreadingHTTPServer:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def free_port() -> int:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        return server.server_port


def start_pygeoapi(folder: Path, layers: dict[str, str]) -> tuple[subprocess.Popen, str]:
    """pygeoapi over GeoJSON files, in one process that ends with us."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    resources = {}
    for name, title in layers.items():
        data = str(folder / f"{name}.geojson")
        extents = {"spatial": {"bbox": [8, 54, 13, 58], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}
        provider = {"type": "feature", "name": "GeoJSON", "data": data, "id_field": "id"}
        resources[name] = {
            "type": "collection", "title": title, "description": title, "keywords": ["stier"], "links": [],
            "extents": extents, "providers": [provider],
        }
    text = {"en": "paths"}
    identification = {
        "title": text, "description": text, "keywords": {"en": ["paths"]}, "keywords_type": "theme",
        "terms_of_service": "none", "url": base,
    }
    server = {
        "bind": {"host": "127.0.0.1", "port": port}, "url": base, "mimetype": "application/json; charset=UTF-8",
        "encoding": "utf-8", "gzip": False, "languages": ["en-US"], "limits": {"default_items": 10, "max_items": 1000},
        "map": {"url": base, "attribution": "none"},
    }
    metadata = {
        "identification": identification, "license": {"name": "CC BY 4.0", "url": base},
        "provider": {"name": "By", "url": base}, "contact": {"name": "By"},
    }
    config = {"server": server, "logging": {"level": "ERROR"}, "metadata": metadata, "resources": resources}
    # JSON is YAML.
    config_file, openapi = folder / "pygeoapi.yml", folder / "openapi.yml"
    config_file.write_text(json.dumps(config), encoding="utf-8")
    environment = os.environ | {"PYGEOAPI_CONFIG": str(config_file), "PYGEOAPI_OPENAPI": str(openapi)}
    program = Path(sys.executable).parent
    generate = [str(program / "pygeoapi"), "openapi", "generate", str(config_file), "--output-file", str(openapi)]
    subprocess.run(generate, env=environment, check=True, capture_output=True)
    serve = [sys.executable, "-m", "waitress", f"--listen=127.0.0.1:{port}", "pygeoapi.flask_app:APP"]
    process = subprocess.Popen(serve, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{base}/collections?f=json", timeout=5).close()
            return process, base
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.2)
    process.kill()
    raise SystemExit("pygeoapi did not start")


class Page:
    """What was done and what was said, as Markdown."""

    def __init__(self, klimalade: Path, home: Path, shown: dict[str, str]):
        self.klimalade, self.home, self.shown, self.parts = klimalade, home, shown, []

    def normal(self, text: str) -> str:
        for real, shown in self.shown.items():
            text = text.replace(real, shown)
        for pattern, shown in VARYING:
            text = re.sub(pattern, shown, text)
        return text

    def say(self, text: str) -> None:
        self.parts.append(text.strip())

    def block(self, text: str, language: str = "") -> None:
        body = "\n".join(line.rstrip() for line in self.normal(text).strip("\n").splitlines())
        self.parts.append(f"```{language}\n{body}\n```")

    def run(self, *arguments: str, code: int = 0) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KLIMALADE_")}
        command = [str(self.klimalade), *arguments]
        said = subprocess.run(
            command, cwd=self.home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8",
        )
        if said.returncode != code:
            raise SystemExit(f"{' '.join(arguments)} ended with {said.returncode}, not {code}:\n{said.stdout}")
        ended = f"\n[exit code {code}]" if code else ""
        self.block(f"$ klimalade {' '.join(arguments)}\n{said.stdout.rstrip()}{ended}", "console")

    def show(self, file: str, language: str) -> None:
        self.parts.append(f"`{file}`:")
        self.block((self.home / file).read_text(encoding="utf-8"), language)

    def fill(self, file: str, *pairs: tuple[str, str]) -> None:
        """What the operator types into a file, shown as a difference."""
        path = self.home / file
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = before
        for old, new in pairs:
            if old and old not in after:
                raise SystemExit(f"{file} has no {old!r}")
            after = after.replace(old, new) if old else after + new
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(after, encoding="utf-8")
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
        changed = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
        self.parts.append(f"`{file}`:")
        self.block("\n".join(changed), "diff")

    def count(self, pipeline: str) -> None:
        folder = self.home / "pipelines" / pipeline
        files = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("answer-")]
        lines = sum(
            len((folder / name).read_text(encoding="utf-8").splitlines())
            for name in ("pipeline.toml", "map.sql", "notes.md")
        )
        if len(files) > MOST_FILES or lines > MOST_LINES:
            raise SystemExit(f"{pipeline} has {len(files)} files and {lines} lines")
        self.say(
            f"`{pipeline}`: {len(files)} files beside the recorded answers, {lines} lines in pipeline.toml, map.sql and notes.md "
            "together, comments and blank lines included."
        )

    def text(self) -> str:
        return "\n\n".join(self.parts) + "\n"


def of_danish_excel(page: Page, address: str) -> None:
    folder = "pipelines/vejdir_cykelstier"
    page.say("## A CSV of Danish Excel")
    page.say("Semicolons, Windows-1252, a decimal comma, names in the place of codes. The address is all that is known of it.")
    page.run("new", "vejdir_cykelstier", "--connector", "file", "--address", address)
    page.run("probe", "vejdir_cykelstier", "--write")
    page.show(f"{folder}/map.sql", "sql")
    page.say("What only the operator knows: whose figures these are, on what terms, and what they measure.")
    page.fill(
        "schemas/codes/sources.csv",
        ("", "code,name_da,name_en,agency_da\nvejdir_cykelstier,Cykelstier,Cycle paths,Vejdirektoratet\n"),
    )
    page.fill(
        f"{folder}/pipeline.toml",
        ('source_id = "TODO"', 'source_id = "vejdir_cykelstier"'),
        ('licence_code = "TODO"', 'licence_code = "cc_by_4_0"'),
        ('indicators = ["TODO"]', 'indicators = ["cycle_path_lenght_state_roads"]'),
    )
    page.fill(f"{folder}/map.sql", ("'TODO'", "'cycle_path_length_state_roads'"))
    page.run("check", "vejdir_cykelstier", code=1)
    page.fill(f"{folder}/pipeline.toml", ("cycle_path_lenght_state_roads", "cycle_path_length_state_roads"))
    page.run("check", "vejdir_cykelstier")
    page.run("test", "vejdir_cykelstier", "--accept")
    page.run("run", "vejdir_cykelstier", "--dry-run")
    page.run("run", "vejdir_cykelstier")
    page.run("explain", "observation", "indicator_code=cycle_path_length_state_roads", "area_code=0751", "year=2024")
    page.count("vejdir_cykelstier")


def of_pygeoapi(page: Page, base: str) -> None:
    folder = "pipelines/opendata_stier"
    page.say("## A layer of pygeoapi")
    page.say("The address is the one in the browser.")
    page.run("new", "opendata_stier", "--connector", "ogcapi", "--address", f"{base}/collections/stier_aarhus/items?f=html")
    page.run("probe", "opendata_stier", "--write")
    page.show(f"{folder}/map.sql", "sql")
    page.say("No column says of which day the paths are: the operator does.")
    page.fill("schemas/codes/sources.csv", ("", "opendata_stier,Åbne stier,Open paths,Aarhus Kommune\n"))
    page.fill(
        f"{folder}/pipeline.toml",
        ('source_id = "TODO"', 'source_id = "opendata_stier"'),
        ('licence_code = "TODO"', 'licence_code = "cc_by_4_0"'),
        ('indicators = ["TODO"]', 'indicators = ["cycle_path_length_open_data"]'),
        ("", "\n[checks]\nmin_rows = 1\n"),
    )
    page.fill(f"{folder}/map.sql", ("'TODO'", "'cycle_path_length_open_data'"), ("TODO-01-01", "2026-01-01"))
    page.run("check", "opendata_stier", "--deny-warnings")
    page.run("test", "opendata_stier", "--accept")
    page.run("run", "opendata_stier")
    page.count("opendata_stier")

    page.say("## The same layer of a second municipality")
    page.say("A row of `[[instance]]`, and a line for each setting that differs.")
    page.fill(
        f"{folder}/pipeline.toml",
        (
            "",
            '\n[[instance]]\nname = "aarhus"\n\n[[instance]]\nname = "odense"\n"source.collection" = "stier_odense"\n'
            '"publishes.areas" = ["0461"]\n',
        ),
    )
    page.run("check", "opendata_stier")
    page.say("Aarhus has been published under the pipeline's own name; the new owner does not take its figures over in silence.")
    page.run("run", "opendata_stier", code=1)
    page.run("retire", "opendata_stier")
    page.run("run", "opendata_stier")
    page.run("verify")
    page.count("opendata_stier")


def main(klimalade: Path, areas: Path, target: Path, mode: str) -> None:
    with tempfile.TemporaryDirectory(prefix="klimalade-operator-") as scratch:
        data, home = Path(scratch) / "data", Path(scratch) / "home"
        data.mkdir()
        home.mkdir()
        (data / "cykelstier.csv").write_bytes(cycle_paths(areas))
        for name, code, paths, x, y in (("stier_aarhus", "0751", 40, 10.2, 56.1), ("stier_odense", "0461", 25, 10.4, 55.4)):
            (data / f"{name}.geojson").write_text(json.dumps(layer(code, paths, x, y)), encoding="utf-8")
        files = serve_files(data)
        pygeoapi, base = start_pygeoapi(data, {"stier_aarhus": "Stier i Aarhus", "stier_odense": "Stier i Odense"})
        try:
            address = f"http://127.0.0.1:{files.server_port}"
            shown = {str(home): "/home/klima", address: "https://data.example.dk", base: "https://geo.example.dk"}
            page = Page(klimalade, home, shown)
            page.say("# Two sources added, word for word")
            page.say(
                "What an operator types to add two sources that the repository lacks, and all that the tool says. Written by\n"
                "`cargo dev outside --only operator`, which does it again against a web server and a real pygeoapi and fails where a word\n"
                "differs (addresses, times and hashes apart). The figures are invented. The guide: [pipelines/](../pipelines/README.md)."
            )
            of_danish_excel(page, f"{address}/cykelstier.csv")
            of_pygeoapi(page, base)
        finally:
            pygeoapi.kill()
            pygeoapi.wait()
            files.shutdown()
    text = page.text()
    if mode == "write":
        target.write_text(text, encoding="utf-8")
    elif (before := target.read_text(encoding="utf-8")) != text:
        lines = difflib.unified_diff(before.splitlines(), text.splitlines(), target.name, "said now", lineterm="")
        raise SystemExit("\n".join(lines) + "\nwhen that is right: KLIMALADE_ACCEPT=1 cargo dev outside --only operator")
    print(f"two sources and an instance added; {target.name} is what was said")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
