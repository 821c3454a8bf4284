// Try a query: the candidates in their order, the one picked, and how to ask for it in Python and in YAML.
import { html, live, nothing } from "../../vendor/index.js";
import { shareBar } from "../bars.js";
import { codeBlock } from "../copy.js";
import { valuesOf } from "../filters.js";
import { Grid } from "../grid.js";
import { errorNote, loadingNote } from "../messages.js";
import { count } from "../numbers.js";

// Each field with its label, what it says while it is empty, and the keys of the hosts whose values it proposes.
const PATTERNS = {
  queue: { label: "Queue", empty: "any", keys: ["queues"] },
  os: { label: "System", empty: "any", keys: ["os"] },
  tag: { label: "Tag", empty: "any", keys: ["tags"] },
  all_tags: { label: "All of the tags", empty: "any", keys: ["tags"] },
  name: { label: "Name", empty: "any", keys: ["name"] },
  exclude: { label: "Not named", empty: "none", keys: ["name"] },
  prefer: { label: "Preferred name or tag", empty: "none", keys: ["tags", "name"] },
};
const PAUSE = { pause: 200 };
let answer = null;

const topScore = () => Math.max(...answer.candidates.map(({ score }) => score ?? 0), Number.MIN_VALUE);

const grid = new Grid({
  label: "Candidates",
  key: ({ name }) => name,
  columns: [
    { id: "place", title: "Place", value: ({ place }) => place, width: "xs" },
    { id: "name", title: "Name", value: ({ name }) => name, cell: ({ name }) => html`<span title=${name}>${name}</span>${name === answer.picked ? html` <span class="badge picked">picked</span>` : nothing}`, width: "l" },
    { id: "size", title: "Size", value: ({ size }) => size, width: "xs", number: true },
    { id: "taken", title: "Taken", value: ({ taken }) => taken, width: "xs", number: true },
    { id: "share", title: "Taken of the size", value: ({ taken, size }) => taken / size, cell: ({ taken, size }) => shareBar(Math.min(taken, size), size, `${taken} of ${size} taken`), width: "l" },
    { id: "score", title: "Score", value: ({ score }) => score, cell: ({ score }) => (score === null ? "" : score.toPrecision(4)), width: "s", number: true },
    { id: "bar", title: "Against the highest", value: ({ score }) => score, cell: ({ score }) => (score === null ? "" : shareBar(score, topScore(), `score ${score.toPrecision(4)}`)), width: "l" },
  ],
});

const wordsOf = (text) => text.split(",").map((word) => word.trim()).filter(Boolean);

const typed = (page, name) => (event) => page.set({ [name]: event.target.value }, PAUSE);

const proposals = (page, keys) => keys.flatMap((key) => valuesOf(page.fleet.hosts, key)).slice(0, 500);

const patternField = (page, name, { label, empty, keys }) => html`
  <label class="field">
    <span>${label}</span>
    <input name=${name} list=${`known-${name}`} autocomplete="off" spellcheck="false" placeholder=${empty} .value=${live(page.params.get(name) ?? "")} @input=${typed(page, name)} />
    <datalist id=${`known-${name}`}>${proposals(page, keys).map((value) => html`<option value=${value}></option>`)}</datalist>
  </label>`;

const form = (page) => html`
  <form class="filters query" @submit=${(event) => event.preventDefault()}>
    ${Object.entries(PATTERNS).map(([name, field]) => patternField(page, name, field))}
    <label class="field">
      <span>Smallest size</span>
      <input name="min_size" type="number" min="1" step="1" inputmode="numeric" placeholder="any" .value=${live(page.params.get("min_size") ?? "")} @input=${typed(page, "min_size")} />
    </label>
    <label class="field">
      <span>Key</span>
      <input name="key" autocomplete="off" spellcheck="false" placeholder="requester" .value=${live(page.params.get("key") ?? "")} @input=${typed(page, "key")} />
    </label>
    <label class="field">
      <span>Strategy</span>
      <select name="strategy" @change=${(event) => page.set({ strategy: event.target.value })}>
        <option value="" ?selected=${!page.params.get("strategy")}>As configured</option>
        ${page.strategies.map((name) => html`<option value=${name} ?selected=${page.params.get("strategy") === name}>${name}</option>`)}
      </select>
    </label>
  </form>
  <p class="hint">Shell patterns such as <code>work*</code>; several with a comma between them, of which any may match, and of tags under “All of the tags” each must. The key names the requester: the same key and candidates pick the same host, except by the strategies <code>random</code> and <code>least_loaded</code>. In a composed config, <code>bounded</code> passes a pick on once the other picks fill its host.</p>`;

// Whose word the load is that a pick goes by, or why there is none.
function loadNote(load) {
  if (!load) return nothing;
  const text = load.source ? `By the slots that were taken when ${load.source} was asked; Refresh asks again. DAG files are parsed without them: rendezvous picks there.` : `Picked by rendezvous, as no load is known: ${load.why}`;
  return html`<p class="hint load-line">${text}</p>`;
}

function result(page, data) {
  answer = data;
  const rows = data.candidates.map((candidate, index) => ({ ...candidate, place: index + 1 }));
  return html`
    <p class="picked-line" role="status">${data.picked ? html`Picks <b>${data.picked}</b> of ${count(rows.length, "candidate")}` : "Picks nothing"}</p>
    ${loadNote(data.load)}
    <div class="cards">
      <section class="card"><h2>In Python</h2>${codeBlock(data.python, "the line of Python")}</section>
      <section class="card"><h2>In YAML</h2>${codeBlock(data.resolver, "the resolver expression")}</section>
    </div>
    ${grid.show(page, rows, { without: data.load?.source ? ["bar"] : ["taken", "share"] })}
  `;
}

function queryOf(page) {
  const asked = Object.fromEntries(Object.keys(PATTERNS).map((name) => [name, wordsOf(page.params.get(name) ?? "")]));
  return { ...page.where, ...asked, min_size: page.params.get("min_size") ?? "", key: page.params.get("key") ?? "", strategy: page.params.get("strategy") ?? "" };
}

export const query = {
  id: "query",
  title: "Try a query",
  draw(page) {
    const { data, error } = page.ask("api/query", queryOf(page));
    const shown = data ?? answer; // the answer before, until this one is there
    return html`${form(page)} ${error ? errorNote(error) : shown ? result(page, shown) : loadingNote("the candidates")}`;
  },
};
