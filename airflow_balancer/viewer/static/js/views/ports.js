// The ports by host, the port space that they take, and each port in a table.
import { html, nothing, svg } from "../../vendor/index.js";
import { hostLink } from "../badges.js";
import { chips } from "../chips.js";
import { clearFilters, filterBar, filterRows } from "../filters.js";
import { Grid } from "../grid.js";
import { emptyNote } from "../messages.js";
import { count, whole } from "../numbers.js";
import { LAST_PORT, place, rangeText, rangesOf, spaceOf } from "../portspace.js";
import { drawFree } from "./freeports.js";

const BINS = 64;

function strip(numbers, space) {
  const label = `Ports ${rangeText(numbers)} of ${space.low} to ${space.high}`;
  const marks = rangesOf(numbers).map(({ from, to }) => svg`
    <rect class="fill-accent" x=${Math.min(99.2, place(from, space))} width=${Math.max(0.8, place(to + 1, space) - place(from, space))} y="0" height="8"></rect>`);
  return html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=${label}>
    <title>${label}</title><rect class="fill-open" x="0" y="0" width="100" height="8"></rect>${marks}
  </svg>`;
}

function histogram(ports, space) {
  const width = (space.high - space.low) / BINS;
  const bins = new Array(BINS).fill(0);
  for (const { port } of ports) bins[Math.min(BINS - 1, Math.floor((port - space.low) / width))] += 1;
  const most = Math.max(...bins);
  const label = `${count(ports.length, "port")} between ${space.low} and ${space.high}, at most ${most} in ${Math.ceil(width)} numbers`;
  return html`
    <figure class="space">
      <figcaption>Port space in use, ${space.low} to ${space.high}</figcaption>
      <svg class="histogram" viewBox=${`0 0 ${BINS} 40`} preserveAspectRatio="none" role="img" aria-label=${label}>
        <title>${label}</title>
        ${bins.map((number, index) => {
          const height = number === 0 ? 0 : 2 + (38 * number) / most;
          return svg`<rect class="fill-accent" x=${index + 0.1} width="0.8" y=${40 - height} height=${height}></rect>`;
        })}
      </svg>
      <div class="scale" aria-hidden="true"><span>${space.low}</span><span>${Math.round((space.low + space.high) / 2)}</span><span>${space.high}</span></div>
    </figure>`;
}

let space = { low: 0, high: LAST_PORT };
let open = () => {};

const byHost = new Grid({
  label: "Ports by host",
  key: ({ host }) => host,
  columns: [
    {
      id: "host",
      title: "Host",
      value: ({ host }) => host,
      cell: ({ host }) => hostLink(host, open),
      width: "l",
    },
    { id: "ports", title: "Ports", value: ({ numbers }) => numbers.length, width: "xs", number: true },
    { id: "first", title: "Numbers", value: ({ numbers }) => Math.min(...numbers), cell: ({ numbers }) => html`<span title=${rangeText(numbers)}>${rangeText(numbers)}</span>`, width: "l" },
    { id: "space", title: "Port space", value: ({ numbers }) => Math.max(...numbers), cell: ({ numbers }) => strip(numbers, space), width: "xl" },
  ],
});

const byPort = new Grid({
  label: "Ports",
  key: ({ host, port }) => `${host}:${port}`,
  columns: [
    { id: "host", title: "Host", value: ({ host }) => host, width: "l" },
    { id: "port", title: "Port", value: ({ port }) => port, cell: ({ port }) => String(port), width: "xs", number: true },
    { id: "name", title: "Name", value: ({ name }) => name, width: "m" },
    { id: "tags", title: "Tags", value: ({ tags }) => tags?.join(" "), cell: ({ tags }) => chips(tags, "tag"), width: "m" },
    { id: "pool", title: "Pool", value: ({ pool }) => pool, width: "l" },
  ],
});

function groupByHost(ports) {
  const groups = Map.groupBy ? Map.groupBy(ports, ({ host }) => host) : groupsOf(ports);
  return [...groups].map(([host, its]) => ({ host, numbers: its.map(({ port }) => port) }));
}

function groupsOf(ports) {
  const groups = new Map();
  for (const port of ports) groups.set(port.host, [...(groups.get(port.host) ?? []), port]);
  return groups;
}

const ROWS = { "": "By host", port: "By port", free: "Free ports" };

const toggle = (page, rows) => html`
  <div class="toggle" role="group" aria-label="Rows">
    ${Object.entries(ROWS).map(([id, title]) => html`<button type="button" aria-pressed=${rows === id} @click=${() => page.set({ rows: id, sort: "", order: "" })}>${title}</button>`)}
  </div>`;

function drawUsed(page, rows) {
  const all = page.fleet.ports;
  if (all.length === 0) return emptyNote("No ports", "Add a port under ports: in this configuration.");
  const shown = filterRows(all, page.params);
  open = (name) => page.set({ host: name });
  space = spaceOf(all);
  const hosts = new Set(shown.map(({ host }) => host)).size;
  return html`
    ${filterBar(page, all, shown, { what: all.length === 1 ? "port" : "ports", hint: "Host, number, name, tag…", fields: ["tag"] })}
    <p class="hint">${whole(shown.length)} on ${count(hosts, "host")}</p>
    ${shown.length ? histogram(shown, space) : nothing}
    ${shown.length === 0
      ? emptyNote("No port matches", "Every filter above narrows the list.", html`<button type="button" @click=${clearFilters(page)}>Clear the filters</button>`)
      : rows === "port"
        ? byPort.show(page, shown)
        : byHost.show(page, groupByHost(shown))}`;
}

export const ports = {
  id: "ports",
  title: "Ports",
  draw(page) {
    const given = page.params.get("rows") ?? "";
    const rows = given in ROWS ? given : "";
    return html`${toggle(page, rows)}${rows === "free" ? drawFree(page) : drawUsed(page, rows)}`;
  },
};
