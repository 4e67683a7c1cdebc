"""Exported pages draw what Python draws: in ONNX Runtime, and in a browser."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from rlsuite import generators
from rlsuite.cli.app import call
from rlsuite.errors import DataError, UserError
from rlsuite.generators.demo import export
from rlsuite.generators.demo.numbers import _mix, page_latents
from rlsuite.generators.images import read_image
from rlsuite.generators.latents import corner_latents

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
CLOSE = 1e-3


def vivid(kind: str = "dcgan", **options):
    """Fresh weights paint everything grey: theirs are made larger."""
    made = generators.make(kind, {"preset": "tiny", **options})
    with torch.no_grad():
        for weight in made.decoder.parameters():
            weight.mul_(4)
    made.provenance = {"data": "shapes", "licence": "CC0"}
    return made


def test_the_finaliser_by_hand():
    # h = 1: no high bits; * 0x85ebca6b; ^ h >> 13; * 0xc2b2ae35; ^ h >> 16, worked out on paper
    h = 0x85EBCA6B
    h ^= h >> 13
    h = h * 0xC2B2AE35 % 2**32
    assert int(_mix(np.array(1, np.uint64))) == h ^ (h >> 16) == 0x514E28B7
    assert int(_mix(np.array(0, np.uint64))) == 0


@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_the_pages_latent_vectors_follow_the_prior(prior):
    found = page_latents(200, 50, prior, seed=3)
    assert found.dtype == torch.float32
    assert float(found.mean()) == pytest.approx(0, abs=0.03)
    assert float(found.std()) == pytest.approx(1 if prior == "normal" else 3**-0.5, abs=0.03)
    assert prior == "normal" or float(found.abs().max()) < 1
    assert torch.equal(found[:5], page_latents(5, 50, prior, seed=3))
    assert not torch.equal(found[0], page_latents(1, 50, prior, seed=4)[0])


@pytest.mark.parametrize("kind", ["dcgan", "began"])
def test_onnx_draws_what_python_draws(kind, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    made = vivid(kind)
    path = export.write_onnx(made, tmp_path / "decoder.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["decoder.onnx"]  # the weights are inside
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for n in (1, 7):
        latent = made.latent(n, seed=n)
        drawn = session.run(["images"], {"latent": latent.numpy()})[0]
        with torch.no_grad():
            assert np.abs(drawn - made.decode(latent).clamp(0, 1).numpy()).max() < CLOSE


def test_what_cannot_be_shown_is_refused(tmp_path):
    for kind in ("cyclegan", "videogan"):
        with pytest.raises(UserError, match="does not decode still images"):
            export.export_demo(generators.make(kind, {"preset": "tiny"}), tmp_path / "page")
    assert not list(tmp_path.iterdir())


def test_the_verb_writes_a_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(export, "write_onnx", lambda generator, path: path.write_bytes(b"model"))
    runtime = tmp_path / "dist"
    runtime.mkdir()
    vivid().save(tmp_path / "bundle")
    words = ["export-demo", str(tmp_path / "bundle"), "--out", str(tmp_path / "page"), "--runtime", str(runtime)]
    assert call(words) == 2
    assert "lacks ort.wasm.min.js" in capsys.readouterr().err
    for name in export.RUNTIME_FILES:
        (runtime / name).write_text(name)
    assert call([*words, "--json"]) == 0
    page = tmp_path / "page"
    assert json.loads(capsys.readouterr().out)["page"] == str(page / "index.html")
    names = {p.relative_to(page).as_posix() for p in page.rglob("*") if p.is_file()}
    wanted = {"index.html", "demo.js", "style.css", "model.json", "decoder.onnx"}
    assert names == wanted | {f"ort/{name}" for name in export.RUNTIME_FILES}
    told = json.loads((page / "model.json").read_text())
    assert told["title"] == "dcgan on shapes"
    assert "licence: CC0" in told["about"]
    assert len(told["projection"]) == told["latent"]
    for name in set(re.findall(r'(?:src|href)="([^"]+)"', (page / "index.html").read_text())):
        assert name.startswith("data:") or (page / name).is_file(), name  # nothing comes from elsewhere


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page, and the generator behind it."""
    pytest.importorskip("onnxscript")
    if not any(map(shutil.which, BROWSERS)):
        pytest.skip(f"no browser was found ({', '.join(BROWSERS)})")
    try:
        export.fetch_runtime(lambda text: None)
    except (UserError, DataError) as error:
        pytest.skip(f"onnxruntime-web cannot be had: {error}")
    folder = tmp_path_factory.mktemp("demo")
    made = vivid(latent=5, prior="normal")
    export.export_demo(made, folder, say=lambda text: None)
    return folder, made


PATIENCE = 150
"""Seconds a browser may take; a slow machine only makes the test longer."""
HOLD = """<img src="/hold" hidden><script>
const wait = setInterval(() => { if (document.body.dataset.ready) { clearInterval(wait); fetch("/done"); } }, 50);
</script></body>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """What `python -m http.server` runs; a picture on the page that comes last keeps it loading until it is ready."""

    def do_GET(self):
        place = self.path.partition("?")[0]
        if place == "/hold":
            self.server.ready.wait(PATIENCE)
        elif place == "/done":
            self.server.ready.set()
        elif place == "/":
            page = (Path(self.directory) / "index.html").read_text().replace("</body>", HOLD).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page)
            return
        else:
            super().do_GET()
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, format, *args):
        pass


@pytest.fixture
def served(page):
    """The page's address."""
    handler = functools.partial(Handler, directory=str(page[0]))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.ready = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.ready.set()
        server.shutdown()


def browse(address: str, folder, *options: str) -> str:
    """What a browser has to say once everything on the page has come."""
    browser = next(filter(None, map(shutil.which, BROWSERS)))
    fixed = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}"]
    command = [browser, *fixed, "--window-size=1000,900", *options, address]
    return subprocess.run(command, capture_output=True, timeout=2 * PATIENCE, check=True, text=True).stdout


def test_a_browser_draws_what_python_draws(page, served, tmp_path):
    made = page[1]
    dom = browse(served + "?seed=7&dump", tmp_path / "profile", "--dump-dom")
    assert 'data-ready="yes"' in dom, re.findall(r'id="status"[^<]*<', dom)
    found = json.loads(re.search(r'<pre id="dump"[^>]*>(.*?)</pre>', dom, re.DOTALL)[1])
    assert found["difference"] < CLOSE
    first = page_latents(3, 5, "normal", seed=0)
    corners = torch.tensor([[-1.0, -1, 0], [1, -1, 0], [-1, 1, 0], [1, 1, 0]])
    wanted = {
        "random": page_latents(25, 5, "normal", seed=7),
        "corners": corner_latents(corners, 5, 5),
        "arithmetic": (first[0] - first[1] + first[2])[None],
    }
    for name, latent in wanted.items():
        with torch.no_grad():
            drawn = made.decode(latent).clamp(0, 1).flatten(1)
        assert drawn.std() > 0.05  # there is something to be compared
        assert torch.tensor(found[name]).shape == drawn.shape
        assert float((torch.tensor(found[name]) - drawn).abs().max()) < CLOSE, name


def test_the_page_can_be_seen(page, served, tmp_path):
    shot = tmp_path / "page.png"
    browse(served + "?seed=7", tmp_path / "profile", f"--screenshot={shot}", "--hide-scrollbars")
    image = read_image(shot)[0]
    colours = torch.unique((image * 15).round().flatten(1).T, dim=0)
    assert len(colours) > 200  # pictures were painted: text alone has greys and one blue
