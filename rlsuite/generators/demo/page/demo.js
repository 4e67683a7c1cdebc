// Draws with the exported decoder: everything happens in this browser.
"use strict";

const ORDER = 5; // rows and columns of the corner grid
const STEPS = [0.25, 0.05, 0.25]; // of a corner's three numbers
const CORNERS = [[-1, -1, 0], [1, -1, 0], [-1, 1, 0], [1, 1, 0]];
const FIELDS = ["base", "less", "plus", "result"];

const $ = (id) => document.getElementById(id);
let model, session;
let busy = Promise.resolve(); // one run at a time

// -- numbers ------------------------------------------------------------------------------------

// MurmurHash3's finaliser: a counter becomes 32 bits without pattern; Python does the same in rlsuite.generators.demo.
function mix(h) {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function uniform(seed, row, column) {
  return (mix((mix((mix(seed >>> 0) + row) >>> 0) + column) >>> 0) + 0.5) / 4294967296;
}

function latentOf(seed, row) {
  const z = new Float32Array(model.latent);
  for (let i = 0; i < z.length; i++) {
    const u = uniform(seed, row, 2 * i);
    z[i] = model.prior === "uniform"
      ? 2 * u - 1
      : Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * uniform(seed, row, 2 * i + 1));
  }
  return z;
}

// -- pictures -----------------------------------------------------------------------------------

async function decode(latents) {
  const flat = new Float32Array(latents.length * model.latent);
  latents.forEach((z, i) => flat.set(z, i * model.latent));
  const input = new ort.Tensor("float32", flat, [latents.length, model.latent]);
  const run = busy.then(() => session.run({ latent: input }));
  busy = run.catch(() => undefined);
  const { images } = await run;
  const n = images.data.length / latents.length;
  return latents.map((_, i) => images.data.subarray(i * n, (i + 1) * n));
}

function paint(canvas, pixels) {
  const [h, w] = model.size;
  canvas.width = w;
  canvas.height = h;
  const image = new ImageData(w, h);
  for (let i = 0; i < h * w; i++) {
    for (let c = 0; c < 4; c++) {
      const channel = model.channels === 1 ? 0 : c;
      const value = c === 3 && model.channels !== 4 ? 1 : pixels[channel * h * w + i];
      image.data[4 * i + c] = Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Decodes only the cells whose latent vector is another than the one they show.
async function show(cells, latents) {
  const stale = cells.map((_, i) => i).filter((i) => !same(cells[i].latent, latents[i]));
  stale.forEach((i) => { cells[i].latent = latents[i]; });
  if (!stale.length) return;
  const pixels = await decode(stale.map((i) => latents[i]));
  stale.forEach((cell, i) => { if (cells[cell].latent === latents[cell]) paint(cells[cell].canvas, pixels[i]); });
}

function same(a, b) {
  return a !== undefined && a.every((value, i) => value === b[i]);
}

function makeCells(parent, n, columns) {
  parent.style.setProperty("--columns", columns);
  return Array.from({ length: n }, () => ({ canvas: parent.appendChild(document.createElement("canvas")) }));
}

// -- sections -----------------------------------------------------------------------------------

const randomSection = {
  build() {
    const side = window.innerWidth < 512 ? 3 : 5;
    this.cells = makeCells($("random"), side * side, side);
    this.cells.forEach((cell) => cell.canvas.addEventListener("click", () => arithmeticSection.take(cell.latent)));
    $("seed").addEventListener("change", () => this.draw());
    $("next").addEventListener("click", () => { $("seed").value = Number($("seed").value) + 1; this.draw(); });
  },
  draw() {
    const seed = Number($("seed").value);
    return show(this.cells, this.cells.map((_, row) => latentOf(seed, row)));
  },
};

const arithmeticSection = {
  build() {
    const signs = { less: "−", plus: "+", result: "=" };
    this.fields = {};
    for (const name of FIELDS) {
      if (signs[name]) $("arithmetic").append(signs[name]);
      const field = document.createElement(name === "result" ? "span" : "button");
      const canvas = document.createElement("canvas");
      field.append(canvas);
      field.title = name;
      this.fields[name] = { canvas, field };
      if (name !== "result") field.addEventListener("click", () => this.mark(name));
      $("arithmetic").append(field);
    }
    this.chosen = { base: latentOf(0, 0), less: latentOf(0, 1), plus: latentOf(0, 2) };
    this.mark("base");
  },
  mark(name) {
    this.marked = name;
    for (const [key, { field }] of Object.entries(this.fields)) field.setAttribute("aria-pressed", key === name);
  },
  take(latent) {
    this.chosen[this.marked] = latent;
    this.mark(FIELDS[(FIELDS.indexOf(this.marked) + 1) % 3]);
    return this.draw();
  },
  draw() {
    const { base, less, plus } = this.chosen;
    const result = base.map((value, i) => value - less[i] + plus[i]);
    return show(FIELDS.map((name) => this.fields[name]), [base, less, plus, result]);
  },
};

const cornerSection = {
  build() {
    this.cells = makeCells($("corners"), ORDER * ORDER, ORDER);
    document.querySelectorAll(".pad").forEach((pad) => this.buildPad(pad, Number(pad.dataset.corner)));
    $("reset").addEventListener("click", () => { this.reset(); this.draw(); });
    this.reset();
  },
  buildPad(pad, corner) {
    const outputs = [];
    for (const [sign, labels] of [[1, "→↓+"], [0, ""], [-1, "←↑−"]]) {
      for (let i = 0; i < 3; i++) {
        const part = document.createElement(sign ? "button" : "output");
        if (sign) {
          part.textContent = labels[i];
          part.title = `corner ${corner + 1}, number ${i + 1}, ${sign > 0 ? "up" : "down"} by ${STEPS[i]}`;
          part.addEventListener("click", () => { this.numbers[corner][i] += sign * STEPS[i]; this.draw(); });
        } else outputs.push(part);
        pad.append(part);
      }
    }
    (this.outputs ??= [])[corner] = outputs;
  },
  reset() { this.numbers = CORNERS.map((corner) => [...corner]); },
  latents() {
    const ends = this.numbers.map((numbers) => model.projection.map((row) => row.reduce((sum, p, i) => sum + p * numbers[i], 0)));
    const found = [];
    for (let y = 0; y < ORDER; y++) {
      for (let x = 0; x < ORDER; x++) {
        const [v, u] = [y / (ORDER - 1), x / (ORDER - 1)];
        const weights = [(1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u];
        found.push(Float32Array.from(model.projection, (_, i) => weights.reduce((sum, w, c) => sum + (w ? w * ends[c][i] : 0), 0)));
      }
    }
    return found;
  },
  draw() {
    this.outputs.forEach((row, c) => row.forEach((output, i) => { output.value = this.numbers[c][i].toFixed(2); }));
    return show(this.cells, this.latents());
  },
};

// -- start --------------------------------------------------------------------------------------

// The folder holds two pictures that Python drew: does this browser draw the same?
async function difference() {
  const drawn = await decode(model.reference.latent.map((z) => Float32Array.from(z)));
  let largest = 0;
  drawn.forEach((pixels, i) => model.reference.pixels[i].forEach((value, j) => {
    largest = Math.max(largest, Math.abs(value - pixels[j]));
  }));
  return largest;
}

async function start() {
  model = await (await fetch("model.json")).json();
  $("title").textContent = model.title;
  $("about").textContent = model.about;
  document.title = model.title;
  document.documentElement.style.setProperty("--side", `${Math.max(64, model.size[0])}px`);
  ort.env.wasm.numThreads = 1; // more would want headers that a plain file server does not send
  ort.env.wasm.wasmPaths = new URL("ort/", document.baseURI).href;
  session = await ort.InferenceSession.create("decoder.onnx", { executionProviders: ["wasm"] });
  const wanted = new URLSearchParams(location.search);
  if (wanted.has("seed")) $("seed").value = wanted.get("seed");
  const sections = [randomSection, arithmeticSection, cornerSection];
  sections.forEach((section) => section.build());
  for (const section of sections) await section.draw();
  const off = await difference();
  $("status").textContent = off < 1e-3
    ? `Runs in this browser alone. Checked against Python: largest difference ${off.toExponential(1)}.`
    : `This browser draws other pictures than Python did: largest difference ${off.toExponential(1)}.`;
  if (off >= 1e-3) $("status").className = "error";
  if (wanted.has("dump")) await dump(off);
  document.body.dataset.ready = "yes";
}

// For tests: what was drawn, as numbers.
async function dump(off) {
  const { base, less, plus } = arithmeticSection.chosen;
  const latents = {
    random: randomSection.cells.map((cell) => cell.latent),
    corners: cornerSection.latents(),
    arithmetic: [base.map((value, i) => value - less[i] + plus[i])],
  };
  const found = { difference: off };
  for (const [name, rows] of Object.entries(latents)) {
    const pixels = await decode(rows);
    found[name] = pixels.map((image) => Array.from(image, (value) => Number(value.toFixed(5))));
  }
  $("dump").textContent = JSON.stringify(found);
}

start().catch((error) => {
  $("status").textContent = `The demo could not start: ${error.message}. It wants a web server: python -m http.server`;
  $("status").className = "error";
  document.body.dataset.ready = "no";
});
