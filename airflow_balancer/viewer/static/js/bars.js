// Bars as SVG: its geometry is attributes, which a strict Content-Security-Policy allows.
import { html, svg } from "../vendor/index.js";
import { whole } from "./numbers.js";

export const STATES = ["running", "queued", "deferred", "scheduled"];

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

// How a pool's slots are taken; tasks that wait may be more than the slots, then the bar is as long as both.
export function occupancyBar(stats) {
  const parts = STATES.filter((name) => name !== "scheduled").map((name) => ({ name, value: stats[name] ?? 0 }));
  const used = parts.reduce((total, part) => total + part.value, 0);
  const label = [...parts.map(({ name, value }) => `${value} ${name}`), `${stats.open === null ? "∞" : stats.open} open`].join(", ");
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

export const occupancyKey = () => html`
  <ul class="key" aria-label="Colours of the bars">
    ${["running", "queued", "deferred", "open"].map((name) => html`<li><i class=${`swatch fill-${name}`}></i>${name}</li>`)}
  </ul>`;

// The same states as numbers; with their colours, they are the key of a bar beside them.
export const occupancyFigures = (stats) => html`
  <ul class="figures">
    ${["running", "queued", "deferred", "open"].map((name) => html`<li><i class=${`swatch fill-${name}`}></i><b>${stats[name] === null ? "∞" : whole(stats[name])}</b> ${name}</li>`)}
  </ul>`;

export const occupancyText = (stats) => `${stats.running ?? 0}/${stats.total === null ? "∞" : whole(stats.total)}`;
