"""What the README and the docs say is true: commands parse, files exist, experiments load, Python runs."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import pytest

from rlsuite.config.schema import load_experiment

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:\.venv/bin/)?(rlsuite|python -m rlsuite\.run) (.*)$")
PLACEHOLDER = re.compile(r"[A-Z]{2,}|\.\.\.|<|\[")
OWN_PAGES = [
    page for page in PAGES if page.name in ("README.md", "cli.md", "experiments.md") and page.parent.name != "agents"
]


def blocks(page: Path, *languages: str) -> list[str]:
    return [text for language, text in FENCE.findall(page.read_text()) if language in languages]


def commands() -> list[tuple[str, list[str]]]:
    """Every `rlsuite` command line in a block of any page, as words."""
    found = []
    for page in PAGES:
        for block in blocks(page, "", "sh", "bash", "console", "shell"):
            for line in block.replace("\\\n", " ").splitlines():
                if match := COMMAND.match(line.strip().removeprefix("$ ")):
                    words = shlex.split(match[2], comments=True)
                    found.append((page.relative_to(ROOT).as_posix(), ["run"] * (match[1] != "rlsuite") + words))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize(("page", "words"), commands(), ids=lambda x: " ".join(x) if isinstance(x, list) else x)
def test_commands_are_understood(page, words):
    """Their options exist (checked without running them), and experiments they name load."""
    from typer.main import get_command

    from rlsuite.cli.app import app

    command, rest = get_command(app), list(words)
    while hasattr(command, "commands") and rest:
        assert rest[0] in command.commands, f"{page}: rlsuite has no verb {rest[0]}"
        command = command.commands[rest.pop(0)]
    context = command.make_context("rlsuite", rest, resilient_parsing=True)
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    for word in rest:
        if word.startswith("-") and not re.fullmatch(r"-\d.*", word):
            assert word.split("=")[0] in known, f"{page}: {' '.join(words)}: no option {word}"
    assert context is not None
    overrides = [b for a, b in itertools.pairwise(rest) if a in ("--set", "-s")]
    for word in rest:
        if word.endswith(".yaml") and not PLACEHOLDER.search(word) and word.startswith("experiments/"):
            load_experiment(ROOT / word, [o for o in overrides if not PLACEHOLDER.search(o)])


@pytest.mark.parametrize("page", OWN_PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_experiments_on_the_pages_load(page, tmp_path):
    for number, text in enumerate(blocks(page, "yaml")):
        if "env:" not in text:
            continue  # a part of an experiment
        file = tmp_path / f"page{number}.yaml"
        file.write_text(text)
        assert load_experiment(file).experiment.budget.env_steps


@pytest.mark.parametrize("page", OWN_PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_python_on_the_pages_runs(page, tmp_path, monkeypatch):
    texts = blocks(page, "python")
    if not texts:
        pytest.skip("no Python on this page")
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    monkeypatch.chdir(tmp_path)
    for text in texts:
        exec(compile(text, str(page), "exec"), {"__name__": "page"})
    if any("train(" in text for text in texts):
        assert list((tmp_path / "runs").glob("*/*/summary.json"))


def test_make_targets_in_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"\bmake ([a-z]+)\b", (ROOT / "README.md").read_text())) - {"and"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
