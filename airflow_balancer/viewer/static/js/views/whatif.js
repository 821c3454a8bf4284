// What would move if hosts were drained, removed, resized or added, and the YAML to commit. Nothing is written here.
import { html, live, nothing } from "../../vendor/index.js";
import { hostLink } from "../badges.js";
import { shareBar } from "../bars.js";
import { codeBlock } from "../copy.js";
import { tally } from "../filters.js";
import { Grid } from "../grid.js";
import { emptyNote, errorNote, loadingNote } from "../messages.js";
import { count } from "../numbers.js";

const PAUSE = { pause: 300 };
const LISTS = { drain: "Drain", remove: "Remove" };
let open = () => {};
let answer = null;

const wordsOf = (text) => (text ?? "").split(",").map((word) => word.trim()).filter(Boolean);
const joined = (words) => words.join(",");

const moves = new Grid({
  label: "Picks that move",
  key: ({ key, query }) => `${key} ${query}`,
  columns: [
    { id: "key", title: "Requester", value: ({ key }) => key, width: "l" },
    { id: "query", title: "Query", value: ({ query }) => query, width: "m" },
    { id: "before", title: "From", value: ({ before }) => before ?? "no host", width: "m" },
    { id: "after", title: "To", value: ({ after }) => after ?? "no host", width: "m" },
    { id: "why", title: "Why", value: ({ why }) => why, width: "l" },
  ],
});

const ofTasks = new Grid({
  label: "Tasks of DAG files that move",
  key: ({ dag_id, task_id }) => `${dag_id}.${task_id}`,
  columns: [
    { id: "key", title: "Task", value: ({ dag_id, task_id }) => `${dag_id}.${task_id}`, width: "l" },
    { id: "before", title: "From", value: ({ before }) => before.join(", "), width: "m" },
    { id: "after", title: "To", value: ({ after }) => after.join(", ") || "no host", width: "m" },
    { id: "why", title: "Why", value: ({ why }) => why, width: "l" },
  ],
});

const most = () => Math.max(...answer.loads.map(({ before, after, before_fair: was, after_fair: will }) => Math.max(before, after, was, will)), 1);
const loadBar = (picks, fair) => html`<span class="occupancy">${shareBar(picks, most(), `${count(picks, "pick")}, a fair share is ${fair}`, { mark: fair })}<span class="occupancy-text">${picks} of ${fair}</span></span>`;
const sizeText = ({ before_size: was, after_size: will }) => (was === will ? String(was) : `${was ?? "none"} → ${will ?? "none"}`);

const loads = new Grid({
  label: "Load of each host",
  key: ({ host }) => host,
  columns: [
    { id: "host", title: "Host", value: ({ host }) => host, cell: ({ host }) => hostLink(host, open), width: "l" },
    { id: "size", title: "Size", value: ({ after_size: size }) => size, cell: sizeText, width: "s", number: true },
    { id: "before", title: "Picks now", value: ({ before }) => before, cell: ({ before, before_fair: fair }) => loadBar(before, fair), width: "l", most: true },
    { id: "after", title: "Picks then", value: ({ after }) => after, cell: ({ after, after_fair: fair }) => loadBar(after, fair), width: "l", most: true },
    { id: "change", title: "Change", value: ({ before, after }) => after - before, cell: ({ before, after }) => (after > before ? `+${after - before}` : String(after - before)), width: "s", number: true },
  ],
});

// A choice that adds a host to a list in the address; those in it are buttons that take them out again.
function hostList(page, name, title) {
  const chosen = wordsOf(page.params.get(name));
  const add = (event) => {
    page.set({ [name]: joined([...chosen, event.target.value]) });
    event.target.value = "";
  };
  return html`
    <div class="field">
      <label class="field"><span>${title}</span>
        <select name=${name} @change=${add}><option value="">choose a host</option>${page.fleet.hosts.filter((host) => !chosen.includes(host.name)).map((host) => html`<option value=${host.name}>${host.name}</option>`)}</select>
      </label>
      ${chosen.map((host) => html`<button type="button" class="chosen" aria-label=${`Do not ${name} ${host}`} @click=${() => page.set({ [name]: joined(chosen.filter((one) => one !== host)) })}>${host} ×</button>`)}
    </div>`;
}

const text = (page, name, title, placeholder, kind = "text") => html`
  <label class="field"><span>${title}</span>
    <input name=${name} type=${kind} min="1" autocomplete="off" spellcheck="false" placeholder=${placeholder} .value=${live(page.params.get(name) ?? "")} @input=${(event) => page.set({ [name]: event.target.value }, PAUSE)} />
  </label>`;

const form = (page) => html`
  <form class="filters query" @submit=${(event) => event.preventDefault()}>
    ${Object.entries(LISTS).map(([name, title]) => hostList(page, name, title))}
    ${text(page, "size", "Resize", "host1:4, host2:8")}${text(page, "add", "Add a host", "its name")}${text(page, "add_size", "Its size", "as the default", "number")}${text(page, "add_queue", "Its queues", "none")}${text(page, "add_tag", "Its tags", "none")}${text(page, "add_os", "Its system", "none")}
  </form>`;

function queryOf(page) {
  const lists = Object.fromEntries(["drain", "remove", "size", "add_queue", "add_tag"].map((name) => [name, wordsOf(page.params.get(name))]));
  const one = Object.fromEntries(["add", "add_size", "add_os"].map((name) => [name, page.params.get(name) ?? ""]));
  return { ...page.where, ...lists, ...one };
}

// Of the others in a host's pool, the serialized DAG does not say where they go.
function others(page, names, { tasks }) {
  const told = new Set(tasks.map(({ dag_id, task_id }) => `${dag_id}.${task_id}`));
  const hosts = page.ask("api/assignments", page.where).data?.hosts ?? [];
  const left = hosts.filter(({ host }) => names.includes(host)).map(({ host, tasks: its }) => ({ host, number: its.filter(({ dag_id, task_id }) => !told.has(`${dag_id}.${task_id}`)).length }));
  return left.filter(({ number }) => number).map(({ host, number }) => html`<p class="hint">DAGs have ${count(number, "other task")} in the pool of <b>${host}</b>; where their files pick for them then is known when they are parsed again.</p>`);
}

function result(page, data) {
  answer = data;
  open = (name) => page.set({ host: name });
  const leaving = [...wordsOf(page.params.get("drain")), ...wordsOf(page.params.get("remove"))];
  const told = data.picks === 0 ? "This configuration makes no picks of its own." : data.moves.length === 0 ? `None of ${count(data.picks, "pick")} moves.` : `${data.moves.length} of ${count(data.picks, "pick")} ${data.moves.length === 1 ? "moves" : "move"}.`;
  return html`
    <p class="picked-line" role="status">${told}</p>${others(page, leaving, data)}
    ${data.yaml ? html`<section><h2>YAML to commit</h2>${codeBlock(data.yaml, "the YAML")}</section>` : nothing}
    ${data.moves.length ? html`<section class="picks"><h2>Picks that move</h2>${moves.show(page, data.moves)}</section>` : nothing}
    ${data.tasks.length ? html`<section class="picks"><h2>Tasks of DAG files that move</h2>${ofTasks.show(page, data.tasks)}</section>` : nothing}
    ${data.picks ? html`<section class="picks"><div class="row"><h2>Load of each host</h2>${tally(data.loads.length, data.loads.length, "hosts")}</div>${loads.show(page, data.loads, { sort: "after", descending: true })}</section>` : nothing}`;
}

export const whatif = {
  id: "whatif",
  title: "What if",
  draw(page) {
    if (page.fleet.hosts.length === 0) return emptyNote("No hosts", "Add a host under hosts: in this configuration.");
    const { data, error } = page.ask("api/whatif", queryOf(page));
    const shown = data ?? answer;
    return html`${form(page)}${error ? errorNote(error) : shown ? result(page, shown) : loadingNote("the picks")}`;
  },
};
