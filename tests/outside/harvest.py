"""One pipeline, in a home and a lake of its own, harvested by the real binary from a server on loopback."""

import json
import os
import subprocess
from pathlib import Path


def toml(value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml_key(key)} = {toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def toml_key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and key.isascii() else json.dumps(key, ensure_ascii=False)


def harvested(klimalade: Path, scratch: Path, name: str, source: str, definition: str, map_sql: str, secrets: dict | None = None):
    """Exit code, what was said, and the lake. Nothing of the environment's own settings is taken."""
    count = len(list(scratch.glob("home-*"))) + 1
    home, lake = scratch / f"home-{count}", scratch / f"lake-{count}"
    folder, codes = home / "pipelines" / name, home / "schemas/codes"
    folder.mkdir(parents=True)
    codes.mkdir(parents=True)
    sources = f"code,name_da,name_en,agency_da\n{source},Prøveserver,Server under test,Ingen\n"
    (codes / "sources.csv").write_text(sources, encoding="utf-8")
    (folder / "pipeline.toml").write_text(definition, encoding="utf-8")
    (folder / "map.sql").write_text(map_sql, encoding="utf-8")
    (folder / "notes.md").write_text("verified_live: never\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KLIMALADE_")}
    environment |= {f"KLIMALADE_SECRET_{secret.upper()}": value for secret, value in (secrets or {}).items()}
    command = [klimalade, "--home", home, "--lake", lake, "run", name]
    said = subprocess.run(
        [str(word) for word in command], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8",
    )  # fmt: skip
    return said.returncode, said.stdout, lake
