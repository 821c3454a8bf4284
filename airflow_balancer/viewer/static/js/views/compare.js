// Two environments side by side, the differences marked.
import { html, nothing } from "../../vendor/index.js";
import { searchBox, searchRows, tally } from "../filters.js";
import { Grid } from "../grid.js";
import { emptyNote, errorNote, loadingNote } from "../messages.js";

const SIGNS = { added: "+ added", removed: "− removed", changed: "≠ changed", same: "= same" };
const TITLES = { hosts: "Hosts", ports: "Ports", settings: "Settings", picks: "Picks" };
const QUIET = new Set(["name", "host", "port"]);
const SIDES = { left: "Left", right: "Right" };
let sides = { left: "", right: "" };

const textOf = (value) => (value === null || value === undefined ? "none" : Array.isArray(value) ? value.join(" ") || "none" : typeof value === "object" ? JSON.stringify(value) : String(value));

function valuesIn(entry, differences) {
  if (!entry) return html`<span class="absent">not there</span>`;
  const marked = differences.map((key) => html`<span class="difference"><span class="difference-key">${key}</span> ${textOf(entry[key])}</span>`);
  const rest = Object.entries(entry).filter(([key, value]) => !differences.includes(key) && !QUIET.has(key) && textOf(value) !== "none");
  return html`${marked}<span class="rest">${rest.map(([, value]) => textOf(value)).join(" · ")}</span>`;
}

const column = (side) => ({
  id: side,
  title: () => `${SIDES[side]}: ${sides[side]}`,
  value: (row) => (row[side] ? textOf(Object.values(row[side]).flat()) : ""),
  cell: (row) => valuesIn(row[side], row.differences ?? []),
  width: "xl",
});

const makeGrid = (label) =>
  new Grid({
    label,
    key: ({ name }) => name,
    columns: [
      { id: "name", title: "Name", value: ({ name }) => name, width: "m" },
      { id: "change", title: "Change", value: ({ change }) => change, cell: ({ change }) => html`<span class=${`badge ${change}`}>${SIGNS[change] ?? change}</span>`, width: "s" },
      column("left"),
      column("right"),
    ],
  });

const grids = { hosts: makeGrid("Hosts compared"), ports: makeGrid("Ports compared") };

const settingCell = (side) => (row) =>
  row.change === "same" ? html`<span class="rest">${textOf(row[side])}</span>` : html`<span class="difference">${textOf(row[side])}</span>`;

const settingsGrid = new Grid({
  label: "Settings compared",
  key: ({ name }) => name,
  columns: [
    { id: "name", title: "Setting", value: ({ name }) => name, width: "l" },
    { id: "change", title: "Change", value: ({ change }) => change, cell: ({ change }) => html`<span class=${`badge ${change}`}>${SIGNS[change]}</span>`, width: "s" },
    { id: "left", title: () => `Left: ${sides.left}`, value: ({ left }) => textOf(left), cell: settingCell("left"), width: "l" },
    { id: "right", title: () => `Right: ${sides.right}`, value: ({ right }) => textOf(right), cell: settingCell("right"), width: "l" },
  ],
});

const picksGrid = new Grid({
  label: "Picks compared",
  key: ({ key, query }) => `${key} ${query}`,
  columns: [
    { id: "name", title: "Requester", value: ({ key }) => key, width: "l" },
    { id: "query", title: "Query", value: ({ query }) => query, width: "m" },
    { id: "left", title: () => `Left: ${sides.left}`, value: ({ before }) => before ?? "no host", width: "m" },
    { id: "right", title: () => `Right: ${sides.right}`, value: ({ after }) => after ?? "no host", width: "m" },
    { id: "why", title: "Why", value: ({ why }) => why, width: "l" },
  ],
});

const settingRows = (settings) =>
  settings.map(({ key, left, right }) => ({ name: key, left, right, change: JSON.stringify(left) === JSON.stringify(right) ? "same" : "changed" }));

const picker = (page, side, chosen) => html`
  <label class="field">
    <span>${SIDES[side]}</span>
    <select name=${side} @change=${(event) => page.set({ [side]: event.target.value })}>
      ${page.environments.map((name) => html`<option value=${name} ?selected=${name === chosen}>${name}</option>`)}
    </select>
  </label>`;

const choices = (page, search = nothing) => html`
  <form class="filters" role="search" @submit=${(event) => event.preventDefault()}>${picker(page, "left", sides.left)}${picker(page, "right", sides.right)}${search}</form>`;

const sectionChoice = (page, section, data) => html`
  <div class="toggle" role="group" aria-label="What to compare">
    ${Object.entries(TITLES).map(
      ([name, title]) => html`
        <button type="button" aria-pressed=${name === section} @click=${() => page.set({ section: name === "hosts" ? "" : name, sort: "", order: "" })}>
          ${title} <span class="toggle-count">${differing(name, data).length}</span>
        </button>`,
    )}
  </div>`;

const rowsOf = (name, data) => (name === "settings" ? settingRows(data.settings) : data[name]);
const differing = (name, data) => rowsOf(name, data).filter(({ change }) => change !== "same");

function result(page, data) {
  const section = page.params.get("section") || "hosts";
  const all = page.params.get("all") === "yes";
  const rows = all ? rowsOf(section, data) : differing(section, data);
  const shown = searchRows(rows, page.params.get("search"), (row) => [JSON.stringify(row).toLowerCase()]);
  const grid = { settings: settingsGrid, picks: picksGrid }[section] ?? grids[section];
  return html`
    ${choices(page, html`${searchBox(page, "Name, value, change…")}${tally(shown.length, rows.length, "rows")}`)}
    <div class="row">
      ${sectionChoice(page, section, data)}
      <label class="check"><input type="checkbox" name="all" .checked=${all} @change=${(event) => page.set({ all: event.target.checked ? "yes" : "" })} />Show what is the same</label>
    </div>
    ${shown.length ? grid.show(page, shown) : emptyNote(`No difference in the ${TITLES[section].toLowerCase()}`, `${sides.left} and ${sides.right} agree.`)}
  `;
}

function chosenSides(page) {
  const right = page.params.get("right") || page.environment || page.environments[1];
  const left = page.params.get("left") || page.environments.find((name) => name !== right);
  return { left, right };
}

export const compare = {
  id: "compare",
  title: "Compare",
  draw(page) {
    if (page.environments.length < 2) {
      return emptyNote("One environment only", "To compare, add a second one: a file in the env folder of the Hydra tree, such as env/prod.yaml.");
    }
    sides = chosenSides(page);
    const { data, error } = page.ask("api/compare", { configuration: page.configuration, ...sides });
    return data ? result(page, data) : html`${choices(page)} ${error ? errorNote(error) : loadingNote("both environments")}`;
  },
};
