// Which rows are shown: a search over all texts, and one choice each for queue, system and tag.
import { html, live, nothing } from "../vendor/index.js";
import { whole } from "./numbers.js";

const collator = new Intl.Collator("en", { numeric: true });
const CHOICES = { queue: "queues", system: "os", tag: "tags" };

export const compareTexts = collator.compare;

export function valuesOf(rows, field) {
  const values = new Set(rows.flatMap((row) => row[field] ?? []));
  return [...values].filter((value) => value !== "").sort(collator.compare);
}

function matcher(search) {
  const pattern = search.trim().toLowerCase().replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  const expression = new RegExp(pattern);
  return (texts) => texts.some((text) => expression.test(text));
}

const textsOf = (row) => Object.values(row).flat().filter((value) => value !== null && value !== undefined).map((value) => String(value).toLowerCase());

export function searchRows(rows, search, texts = textsOf) {
  if (!search?.trim()) return rows;
  const matches = matcher(search);
  return rows.filter((row) => matches(texts(row)));
}

const has = (value, wanted) => (Array.isArray(value) ? value.includes(wanted) : value === wanted);

export function filterRows(rows, params) {
  const wanted = Object.entries(CHOICES).filter(([name]) => params.get(name));
  const chosen = rows.filter((row) => wanted.every(([name, field]) => has(row[field], params.get(name))));
  return searchRows(chosen, params.get("search"));
}

export const searchBox = (page, label) => html`
  <label class="field grow">
    <span>Search</span>
    <input type="search" name="search" placeholder=${label} .value=${live(page.params.get("search") ?? "")} @input=${(event) => page.set({ search: event.target.value })} />
  </label>`;

const choice = (page, name, values) =>
  values.length === 0 && !page.params.get(name)
    ? nothing
    : html`
        <label class="field">
          <span>${name[0].toUpperCase() + name.slice(1)}</span>
          <select name=${name} @change=${(event) => page.set({ [name]: event.target.value })}>
            <option value="" ?selected=${!page.params.get(name)}>Any</option>
            ${values.map((value) => html`<option value=${value} ?selected=${page.params.get(name) === value}>${value}</option>`)}
          </select>
        </label>`;

export const tally = (shown, all, what) => html`<p class="tally" role="status">${shown === all ? whole(all) : `${whole(shown)} of ${whole(all)}`} ${what}</p>`;

export const clearFilters = (page) => () => page.set({ search: "", queue: "", system: "", tag: "" });

export function filterBar(page, rows, shown, { what, hint, fields = Object.keys(CHOICES) }) {
  return html`
    <form class="filters" role="search" @submit=${(event) => event.preventDefault()}>
      ${searchBox(page, hint)} ${fields.map((name) => choice(page, name, valuesOf(rows, CHOICES[name])))} ${tally(shown.length, rows.length, what)}
    </form>`;
}
