// The composed YAML with its secrets masked, and the file and layer of each value.
import { html } from "../../vendor/index.js";
import { copyButton } from "../copy.js";
import { searchBox, searchRows, tally } from "../filters.js";
import { Grid } from "../grid.js";
import { count } from "../numbers.js";

const CHUNK = 100; // lines; the browser skips the chunks that are out of view
const LINE = /^(\s*(?:- )*)([^\s:'"#][^:#]*|"[^"]*"|'[^']*')(:)(?= |$)(.*)$/;
const SECRET = /^\*{3,}$/;

const textOf = (value) => (value === null || value === undefined ? "null" : typeof value === "object" ? JSON.stringify(value) : String(value));

const grid = new Grid({
  label: "Where each value comes from",
  key: ({ path }) => path,
  columns: [
    { id: "path", title: "Value", value: ({ path }) => path, width: "xl" },
    { id: "value", title: "Is", value: ({ value }) => textOf(value), width: "s" },
    { id: "origin", title: "Comes from", value: ({ origin }) => origin, width: "m" },
  ],
});

const valueOf = (text) => (SECRET.test(text.trim().replaceAll(/['"]/g, "")) ? html`<span class="yaml-secret">${text}</span>` : text);

function line(text) {
  const parts = LINE.exec(text);
  return parts ? html`${parts[1]}<span class="yaml-key">${parts[2]}</span>${parts[3]}${valueOf(parts[4])}\n` : `${text}\n`;
}

let drawn = { text: null, chunks: [] };

function chunksOf(text) {
  if (drawn.text !== text) {
    const lines = text.replace(/\n$/, "").split("\n");
    const starts = Array.from({ length: Math.ceil(lines.length / CHUNK) }, (_, index) => index * CHUNK);
    drawn = { text, lines: lines.length, chunks: starts.map((start) => html`<span class="yaml-chunk">${lines.slice(start, start + CHUNK).map(line)}</span>`) };
  }
  return drawn;
}

export const yaml = {
  id: "yaml",
  title: "YAML",
  draw(page) {
    const { yaml: text, origins } = page.fleet;
    const shown = searchRows(origins, page.params.get("search"));
    const { chunks, lines } = chunksOf(text);
    return html`
      <div class="halves">
        <section aria-labelledby="composed">
          <div class="row"><h2 id="composed">Composed YAML</h2><p class="hint">${count(lines, "line")}, secrets masked</p>${copyButton(text, "the composed YAML")}</div>
          <pre class="yaml" tabindex="0" role="region" aria-label="Composed YAML, scrolls">${chunks}</pre>
        </section>
        <section aria-labelledby="origins">
          <h2 id="origins">Where each value comes from</h2>
          <form class="filters" role="search" @submit=${(event) => event.preventDefault()}>${searchBox(page, "Path, value, file…")}${tally(shown.length, origins.length, "values")}</form>
          ${grid.show(page, shown)}
        </section>
      </div>`;
  },
};
