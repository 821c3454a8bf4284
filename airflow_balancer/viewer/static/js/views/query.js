// Try a query: the candidates in their order, the one picked, and how to ask for it in Python and in YAML.
import { html, live, nothing } from "../../vendor/index.js";
import { shareBar } from "../bars.js";
import { codeBlock } from "../copy.js";
import { valuesOf } from "../filters.js";
import { Grid } from "../grid.js";
import { errorNote, loadingNote } from "../messages.js";
import { count } from "../numbers.js";

const PATTERNS = { queue: "queues", os: "os", tag: "tags", name: "name" };
const LABELS = { queue: "Queue", os: "System", tag: "Tag", name: "Name" };
const PAUSE = { pause: 200 };
const STRATEGIES = ["rendezvous", "bounded", "random"];
let answer = null;

const topScore = () => Math.max(...answer.candidates.map(({ score }) => score ?? 0), Number.MIN_VALUE);

const grid = new Grid({
  label: "Candidates",
  key: ({ name }) => name,
  columns: [
    { id: "place", title: "Place", value: ({ place }) => place, width: "xs" },
    { id: "name", title: "Name", value: ({ name }) => name, cell: ({ name }) => html`<span title=${name}>${name}</span>${name === answer.picked ? html` <span class="badge picked">picked</span>` : nothing}`, width: "l" },
    { id: "size", title: "Size", value: ({ size }) => size, width: "xs", number: true },
    { id: "score", title: "Score", value: ({ score }) => score, cell: ({ score }) => (score === null ? "" : score.toPrecision(4)), width: "s", number: true },
    { id: "bar", title: "Against the highest", value: ({ score }) => score, cell: ({ score }) => (score === null ? "" : shareBar(score, topScore(), `score ${score.toPrecision(4)}`)), width: "l" },
  ],
});

const wordsOf = (text) => text.split(",").map((word) => word.trim()).filter(Boolean);

const patternField = (page, name) => html`
  <label class="field">
    <span>${LABELS[name]}</span>
    <input name=${name} list=${`known-${name}`} autocomplete="off" spellcheck="false" placeholder="any" .value=${live(page.params.get(name) ?? "")} @input=${(event) => page.set({ [name]: event.target.value }, PAUSE)} />
    <datalist id=${`known-${name}`}>${valuesOf(page.fleet.hosts, PATTERNS[name]).slice(0, 500).map((value) => html`<option value=${value}></option>`)}</datalist>
  </label>`;

const form = (page) => html`
  <form class="filters query" @submit=${(event) => event.preventDefault()}>
    ${Object.keys(PATTERNS).map((name) => patternField(page, name))}
    <label class="field">
      <span>Key</span>
      <input name="key" autocomplete="off" spellcheck="false" placeholder="who asks" .value=${live(page.params.get("key") ?? "")} @input=${(event) => page.set({ key: event.target.value }, PAUSE)} />
    </label>
    <label class="field">
      <span>Strategy</span>
      <select name="strategy" @change=${(event) => page.set({ strategy: event.target.value })}>
        <option value="" ?selected=${!page.params.get("strategy")}>As configured</option>
        ${STRATEGIES.map((name) => html`<option value=${name} ?selected=${page.params.get("strategy") === name}>${name}</option>`)}
      </select>
    </label>
  </form>
  <p class="hint">Shell patterns such as <code>work*</code>; several with a comma between them. The key names who asks: the same key and candidates pick the same host, except by the random strategy.</p>`;

function result(page, data) {
  answer = data;
  const rows = data.candidates.map((candidate, index) => ({ ...candidate, place: index + 1 }));
  return html`
    <p class="picked-line" role="status">${data.picked ? html`Picks <b>${data.picked}</b> of ${count(rows.length, "candidate")}` : "Picks nothing"}</p>
    <div class="cards">
      <section class="card"><h2>In Python</h2>${codeBlock(data.python, "the line of Python")}</section>
      <section class="card"><h2>In YAML</h2>${codeBlock(data.resolver, "the resolver expression")}</section>
    </div>
    ${grid.show(page, rows)}
  `;
}

function queryOf(page) {
  const asked = Object.fromEntries(Object.keys(PATTERNS).map((name) => [name, wordsOf(page.params.get(name) ?? "")]));
  return { ...page.where, ...asked, key: page.params.get("key") ?? "", strategy: page.params.get("strategy") ?? "" };
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
