"""MapServer (Debian), pygeoapi (PyPI) and koop (npm) on loopback, each in a process that ends with the block."""

import contextlib
import ctypes
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

KOOP = ["@koopjs/koop-core@10.4.19", "@koopjs/provider-file-geojson@2.2.0"]
LAYERS = {"omraader": "POLYGON", "punkter": "POINT"}


def program(name: str, *packages: str) -> str:
    """A program of Debian's, installed where that may be done."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    if found := shutil.which(name, path=path):
        return found
    command = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SystemExit(f"{name} is not installed: {command}")
    print(f"installing {' '.join(packages)}", flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
    subprocess.run(["apt-get", "-qq", "update"], check=True, **quiet)
    subprocess.run(command.split(), check=True, **quiet)
    if found := shutil.which(name, path=path):
        return found
    raise SystemExit(f"{command} brought no {name}")


def free_port() -> int:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        return server.server_port


def end_with_parent(by: int) -> None:
    """This process gets the signal when the one that started it is gone, however that ended. Linux alone can do so."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, by)


def end_in_order() -> None:
    """SIGTERM, and the end of who started us, end the blocks too, and with them the servers."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    end_with_parent(signal.SIGTERM)


@contextlib.contextmanager
def running(command: list, ready, log: Path, environment: dict | None = None, stop=signal.SIGKILL, user: str | None = None):
    """The program, in the folder of its log, from its first answer on to the end of the block. `ready`: an address, or what
    says that it is so far."""
    is_ready = ready if callable(ready) else lambda: answers(ready)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=log.parent, env=os.environ | (environment or {}), stdin=subprocess.DEVNULL,
            stdout=out, stderr=out, user=user, group=user, extra_groups=[] if user else None,
            preexec_fn=lambda: end_with_parent(stop),
        )  # fmt: skip
    try:
        for _ in range(600):
            if process.poll() is not None or is_ready():
                break
            time.sleep(0.1)
        if process.poll() is not None or not is_ready():
            raise SystemExit(f"{command[0]} does not answer:\n{log.read_text('utf-8', 'replace')[-3000:]}")
        yield
    finally:
        process.send_signal(stop)
        try:
            process.wait(30)
        finally:
            process.kill()
            process.wait()


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=10).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.status, answer.read().decode("utf-8")
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode("utf-8", "replace")


def mapfile(name: str, base: str, data: Path, most: int, kind: str) -> str:
    layers = "".join(
        f"""
 LAYER NAME "{layer}" TYPE {shape} STATUS ON CONNECTIONTYPE OGR CONNECTION "{data / layer}.{kind}" DATA "{layer}"
  PROJECTION "init=epsg:25832" END TEMPLATE "x"
  METADATA "ows_title" "{layer}" "gml_include_items" "all" "gml_featureid" "objekt_id" "gml_types" "auto" "gml_geometries" "geometri"
   "gml_geometri_type" "{'multipolygon' if shape == 'POLYGON' else 'point'}" "wfs_compute_number_matched" "true" "oga_geometry_precision" "10" END END"""
        for layer, shape in LAYERS.items()
    )
    return f"""MAP NAME "pdk" STATUS ON SIZE 100 100 EXTENT 440000 6040000 895000 6410000 UNITS METERS
 PROJECTION "init=epsg:25832" END
 WEB METADATA "ows_title" "t" "ows_onlineresource" "{base}/mapserv?map={name}&" "ows_srs" "EPSG:25832 EPSG:4326 EPSG:4258"
  "ows_enable_request" "*" "wfs_namespace_prefix" "pdk" "wfs_namespace_uri" "http://pdk.example" "wfs_maxfeatures" "{most}"
  "oga_enable_request" "*" "oga_onlineresource" "{base}/mapserv/{name}/ogcapi"
  "oga_html_template_directory" "/usr/share/mapserver/ogcapi/templates/html-bootstrap/" END END{layers}
END
"""


@contextlib.contextmanager
def mapserver(folder: Path, data: Path):
    """Gives the address. `map=pdk` reads GeoJSON and has no maximum, `map=capped` gives five at most, `map=gpkg` reads
    GeoPackages; below `/only10` whatever is asked for is answered as WFS 1.0, as servers do that know no other."""
    mapserv = program("mapserv", "cgi-mapserver", "mapserver-bin")
    lighttpd = program("lighttpd", "lighttpd")
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    folder.mkdir()
    maps = ""
    for name, most, kind in (("pdk", 1000, "geojson"), ("capped", 5, "geojson"), ("gpkg", 1000, "gpkg")):
        (folder / f"{name}.map").write_text(mapfile(name, base, data, most, kind), encoding="utf-8")
        maps += f'"{name}" "{folder / name}.map" '
    config = folder / "mapserver.conf"
    config.write_text(f'CONFIG\n ENV "MS_MAP_PATTERN" "^{folder}/.*\\.map$" END\n MAPS {maps} END\nEND\n', encoding="utf-8")
    only10 = folder / "only10"
    only10.write_text(
        "#!/bin/sh\n"
        "QUERY_STRING=$(printf %s \"$QUERY_STRING\" | sed -E 's/version=[0-9.]+/version=1.0.0/I; s/typeNames=/typeName=/I')\n"
        f"export QUERY_STRING\nexec {mapserv}\n",
        encoding="utf-8",
    )
    only10.chmod(0o755)
    (folder / "www").mkdir()
    web = folder / "lighttpd.conf"
    web.write_text(
        f"""server.port = {port}
server.bind = "127.0.0.1"
server.document-root = "{folder}/www"
server.modules = ("mod_alias", "mod_setenv", "mod_cgi", "mod_accesslog")
accesslog.filename = "{folder}/access.log"
setenv.set-environment = ("MAPSERVER_CONFIG_FILE" => "{config}")
alias.url = ("/mapserv" => "{mapserv}", "/only10" => "{only10}")
$HTTP["url"] =~ "^/(mapserv|only10)" {{ cgi.assign = ("" => "") }}
""",
        encoding="utf-8",
    )
    with running([lighttpd, "-D", "-f", web], f"{base}/", folder / "lighttpd.log"):
        yield base


@contextlib.contextmanager
def pygeoapi(folder: Path, data: Path, most: int):
    """Gives the address. The server gives so many features at most, whatever is asked for."""
    folder.mkdir()
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    resources = {}
    for name in LAYERS:
        provider = {"type": "feature", "name": "GeoJSON", "data": str(data / f"{name}.degrees.geojson"), "id_field": "objekt_id"}
        extents = {"spatial": {"bbox": [8, 54, 13, 58], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}
        resources[name] = {
            "type": "collection", "title": name, "description": name, "keywords": ["plan"], "links": [], "extents": extents,
            "providers": [provider],
        }  # fmt: skip
    text = {"en": "plans"}
    config = {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port}, "url": base, "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8", "gzip": False, "languages": ["en-US"], "limits": {"default_items": most, "max_items": most},
            "map": {"url": base, "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": text, "description": text, "keywords": {"en": ["plans"]}, "keywords_type": "theme",
                "terms_of_service": "none", "url": base,
            },
            "license": {"name": "CC BY 4.0", "url": base}, "provider": {"name": "By", "url": base}, "contact": {"name": "By"},
        },
        "resources": resources,
    }  # fmt: skip
    # JSON is YAML.
    file, openapi = folder / "pygeoapi.yml", folder / "openapi.yml"
    file.write_text(json.dumps(config), encoding="utf-8")
    environment = {"PYGEOAPI_CONFIG": str(file), "PYGEOAPI_OPENAPI": str(openapi)}
    generate = [Path(sys.executable).parent / "pygeoapi", "openapi", "generate", file, "--output-file", openapi]
    subprocess.run([str(word) for word in generate], env=os.environ | environment, check=True, capture_output=True)
    serve = [sys.executable, "-m", "waitress", f"--listen=127.0.0.1:{port}", "pygeoapi.flask_app:APP"]
    with running(serve, f"{base}/collections?f=json", folder / "pygeoapi.log", environment):
        yield base


@contextlib.contextmanager
def koop(folder: Path, data: Path, modules: Path):
    """Gives the address of koop, whose layers say that they give five at most."""
    node, npm = program("node", "nodejs", "npm"), program("npm", "npm")
    if not (modules / "complete").is_file():
        print(f"installing {' '.join(KOOP)} from npm", flush=True)
        modules.mkdir(parents=True, exist_ok=True)
        (modules / "package.json").write_text('{"private": true}', encoding="utf-8")
        install = [npm, "install", "--no-audit", "--no-fund", "--silent", *KOOP]
        subprocess.run(install, cwd=modules, check=True, stdin=subprocess.DEVNULL)
        (modules / "complete").touch()
    served = folder / "data"
    served.mkdir(parents=True)
    for name in LAYERS:
        shutil.copy(data / f"{name}.degrees.geojson", served / f"{name}.geojson")
    port = free_port()
    script = modules / "server.js"
    script.write_text(
        "const Koop = require('@koopjs/koop-core');\n"
        "const koop = new Koop({ logLevel: 'error' });\n"
        "koop.register(require('@koopjs/provider-file-geojson'), { dataDir: './data' });\n"
        "koop.server.listen(Number(process.argv[2]), '127.0.0.1');\n",
        encoding="utf-8",
    )
    base = f"http://127.0.0.1:{port}/file-geojson/rest/services"
    quiet = {"SUPPRESS_NO_CONFIG_WARNING": "1"}
    with running([node, script, port], f"{base}/omraader/FeatureServer/0?f=json", folder / "koop.log", quiet):
        yield base
