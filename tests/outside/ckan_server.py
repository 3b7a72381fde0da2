"""CKAN (PyPI) with PostgreSQL and Redis (Debian) on loopback: a portal that ends with the block and leaves nothing behind.

Debian's packages may start a PostgreSQL and a Redis of their own where systemd runs; neither is used.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from real_servers import end_with_parent, free_port, program, running

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements-ckan.txt"


class Portal:
    """What it has is put in through its own actions, by one who may."""

    def __init__(self, base: str, token: str, log: Path):
        self.base, self.token, self.log = base, token, log

    def ask(self, action: str, as_whom: str | None = None, **parameters) -> tuple[int, dict | str]:
        body = json.dumps(parameters).encode()
        return self.send(action, body, "application/json", as_whom)

    def do(self, action: str, **parameters):
        """What the action gives. Errors: whatever it refuses."""
        return self.result(action, *self.ask(action, self.token, **parameters))

    def upload(self, content: bytes, file: str, action="resource_create", **parameters):
        """A resource whose file lies in the portal."""
        border = uuid.uuid4().hex
        begin = f"--{border}\r\nContent-Disposition: form-data; name="
        fields = "".join(f'{begin}"{name}"\r\n\r\n{value}\r\n' for name, value in parameters.items())
        head = f'{fields}{begin}"upload"; filename="{file}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
        sent = self.send(action, body, f"multipart/form-data; boundary={border}", self.token)
        return self.result(action, *sent)

    def send(self, action: str, body: bytes, kind: str, token: str | None) -> tuple[int, dict | str]:
        request = urllib.request.Request(f"{self.base}/api/3/action/{action}", body, {"Content-Type": kind})
        if token:
            request.add_header("Authorization", token)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            text = answer.read().decode("utf-8", "replace")
            try:
                return answer.code, json.loads(text)
            except ValueError:
                return answer.code, text

    def result(self, action: str, status: int, answer):
        if status != 200 or not answer.get("success"):
            raise SystemExit(f"CKAN refuses {action}: {status} {answer}\n{self.log.read_text('utf-8', 'replace')[-3000:]}")
        return answer["result"]

    def asked(self) -> list[str]:
        """The lines of the server's log that name a request."""
        return [line for line in self.log.read_text("utf-8", "replace").splitlines() if '"GET ' in line]


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def postgres(folder: Path):
    """Gives the port of a server that trusts everybody on loopback. It does not run as root: as the user of Debian's package."""
    program("pg_config", "postgresql", "libpq-dev")
    initdb = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=Path(program("initdb", "postgresql")))
    user = "postgres" if os.geteuid() == 0 else None
    folder.mkdir()
    if user:
        shutil.chown(folder, user, user)
    port, data = free_port(), folder / "data"
    as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
    make = [initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    subprocess.run([str(word) for word in make], cwd=folder, check=True, **quiet, **as_user)
    serve = [initdb.with_name("postgres"), "-D", data, "-p", port, "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
    # SIGINT: the server ends its sessions, then itself, and gives its shared memory back.
    with running(serve, lambda: sql(port, "SELECT 1") is not None, folder / "log", stop=signal.SIGINT, user=user):
        yield port


def sql(port: int, statements: str, database="postgres") -> str | None:
    """What psql prints; nothing where it fails."""
    command = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-qAt", "-d", database]
    said = subprocess.run(command, input=statements, encoding="utf-8", capture_output=True)
    return said.stdout if said.returncode == 0 else None


def installed(cache: Path) -> Path:
    """A virtual environment with CKAN, made once; psycopg2 is built in it."""
    pinned = REQUIREMENTS.read_text("utf-8")
    complete = cache / "complete"
    if complete.is_file() and complete.read_text("utf-8") == pinned:
        return cache / "bin"
    program("pg_config", "postgresql", "libpq-dev")
    program("gcc", "gcc", "libc6-dev", "python3-dev")
    print(f"installing {REQUIREMENTS.name} from PyPI", flush=True)
    shutil.rmtree(cache, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(cache)], check=True)
    pip = [cache / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS]
    subprocess.run([str(word) for word in pip], check=True, stdin=subprocess.DEVNULL)
    complete.write_text(pinned, encoding="utf-8")
    return cache / "bin"


def settings(folder: Path, base: str, database: int, redis: int, plugins: str, most: int) -> str:
    at = f"127.0.0.1:{database}"
    secret = secrets.token_hex(16)
    return f"""[app:main]
use = egg:ckan
SECRET_KEY = {secret}
api_token.jwt.encode.secret = string:{secret}
api_token.jwt.decode.secret = string:{secret}
sqlalchemy.url = postgresql://ckan@{at}/ckan
ckan.datastore.write_url = postgresql://ckan@{at}/ds
ckan.datastore.read_url = postgresql://ckanro@{at}/ds
ckan.datastore.search.rows_max = {most}
ckan.search.rows_max = 10
# Must be there, and nobody asks there: ckan_search.py.
solr_url = http://127.0.0.1:9/solr
ckan.redis.url = redis://127.0.0.1:{redis}/0
ckan.site_url = {base}
ckan.storage_path = {folder}/store
ckan.plugins = {plugins}
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = INFO
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(message)s
"""


@contextlib.contextmanager
def portal(folder: Path, cache: Path, most: int):
    """Gives the portal, which gives so many rows of a table at most and ten packages of a search, and the address of the same
    one without its datastore."""
    ckan = installed(cache) / "ckan"
    redis_server = program("redis-server", "redis-server")
    program("psql", "postgresql")
    folder.mkdir()
    # So PostgreSQL's user reaches its own folder.
    folder.chmod(0o711)
    plugin = folder / "plugins/klimalade_search-1.dist-info"
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: klimalade-search\nVersion: 1\n", encoding="utf-8")
    (plugin / "entry_points.txt").write_text("[ckan.plugins]\ndbsearch = ckan_search:DatabaseSearch\n", encoding="utf-8")
    shutil.copy(HERE / "ckan_search.py", folder / "plugins")
    environment = {"PYTHONPATH": str(folder / "plugins"), "PYTHONUNBUFFERED": "1"}
    redis_port = free_port()
    redis = [redis_server, "--port", redis_port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    with contextlib.ExitStack() as servers:
        database = servers.enter_context(postgres(folder / "postgres"))
        servers.enter_context(running(redis, lambda: listens(redis_port), folder / "redis.log"))
        made = [
            sql(database, statement)
            for statement in (
                "CREATE ROLE ckan LOGIN; CREATE ROLE ckanro LOGIN;",
                "CREATE DATABASE ckan OWNER ckan;",
                "CREATE DATABASE ds OWNER ckan;",
            )
        ]
        if None in made:
            raise SystemExit("CKAN's databases cannot be made")
        port, bare_port = free_port(), free_port()
        base, bare = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{bare_port}"
        ini, bare_ini = folder / "ckan.ini", folder / "bare.ini"
        ini.write_text(settings(folder, base, database, redis_port, "datastore dbsearch", most), encoding="utf-8")
        bare_ini.write_text(settings(folder, bare, database, redis_port, "dbsearch", most), encoding="utf-8")

        def command(*words: str) -> str:
            line = [str(ckan), "-c", str(ini), *words]
            said = subprocess.run(
                line, cwd=folder, env=os.environ | environment, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                preexec_fn=lambda: end_with_parent(signal.SIGKILL),
            )  # fmt: skip
            if said.returncode != 0:
                raise SystemExit(f"ckan {' '.join(words[:2])}: {said.stdout}{said.stderr}"[-3000:])
            return said.stdout

        command("db", "init")
        # It begins with `\connect <the url's database>`: that stays in this server.
        if sql(database, command("datastore", "set-permissions")) is None:
            raise SystemExit("the datastore's permissions cannot be set")
        command("user", "add", "admin", "email=admin@portal.example", f"password={secrets.token_hex(8)}")
        command("sysadmin", "add", "admin")
        token = command("user", "token", "add", "admin", "outside", "-q").split()[-1]
        for file, at, where in ((ini, port, base), (bare_ini, bare_port, bare)):
            run = [ckan, "-c", file, "run", "-H", "127.0.0.1", "-p", at, "--disable-reloader", "--threaded"]
            ready = f"{where}/api/3/action/status_show"
            servers.enter_context(running(run, ready, folder / f"{file.stem}.log", environment))
        yield Portal(base, token, folder / "ckan.log"), bare
