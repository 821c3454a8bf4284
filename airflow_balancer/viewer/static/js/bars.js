// Bars as SVG: its geometry is attributes, which a strict Content-Security-Policy allows.
import { html, nothing, svg } from "../vendor/index.js";
import { loadOf, loadText, loadWords } from "./load.js";
import { whole } from "./numbers.js";

// Airflow's states by what they are called here; a task waits from when it is scheduled until the pool has a slot for it.
export const STATES = { running: "running", queued: "queued", deferred: "deferred", scheduled: "waiting" };

function segments(parts, total) {
  let left = 0;
  return parts.map(({ name, value }) => {
    const width = total > 0 ? (100 * value) / total : 0;
    const x = left;
    left += width;
    return svg`<rect class=${`fill-${name}`} x=${x} width=${width} y="0" height="8"></rect>`;
  });
}

const drawing = (label, content) => html`
  <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=${label}>
    <title>${label}</title>
    <rect class="fill-open" x="0" y="0" width="100" height="8"></rect>
    ${content}
  </svg>`;

// How a pool's slots are taken; where tasks wait for more than are open, the bar is as long as all of them.
export function occupancyBar(stats) {
  const parts = Object.keys(STATES).map((name) => ({ name, value: stats[name] ?? 0 }));
  const used = parts.reduce((total, part) => total + part.value, 0);
  const label = [...parts.map(({ name, value }) => `${value} ${STATES[name]}`), `${stats.open === null ? "∞" : stats.open} open`].join(", ");
  return drawing(label, segments(parts, Math.max(stats.total ?? used * 2, used, 1)));
}

// A part of a whole, with an optional mark at another value.
export function shareBar(value, most, label, { fill = "accent", mark = null } = {}) {
  const at = mark === null || most <= 0 ? null : Math.min(99.4, (100 * mark) / most);
  return drawing(label, [
    segments([{ name: fill, value }], most),
    at === null ? "" : svg`<rect class="fill-mark" x=${at} y="0" width="0.8" height="8"></rect>`,
  ]);
}

const SHOWN = { ...STATES, open: "open" };

export const occupancyKey = () => html`
  <ul class="key" aria-label="Colours of the bars">
    ${Object.entries(SHOWN).map(([name, word]) => html`<li><i class=${`swatch fill-${name}`}></i>${word}</li>`)}
  </ul>`;

// The same states as numbers; with their colours, they are the key of a bar beside them.
export const occupancyFigures = (stats) => html`
  <ul class="figures">
    ${Object.entries(SHOWN).map(([name, word]) => html`<li><i class=${`swatch fill-${name}`}></i><b>${stats[name] === null ? "∞" : whole(stats[name])}</b> ${word}</li>`)}
  </ul>`;

export function occupancyCell(stats) {
  const load = loadOf(stats);
  return load ? html`<span class="occupancy">${occupancyBar(stats)}<span class=${`occupancy-text level-${load.level}`} title=${loadWords(load)}>${loadText(load)}</span></span>` : nothing;
}
