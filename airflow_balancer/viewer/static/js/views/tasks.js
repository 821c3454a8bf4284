// Where each task runs, why there, and its latest attempt; the load of hosts by tasks; what moved; the picks of the configuration.
import { html, nothing } from "../../vendor/index.js";
import { airflowPage } from "../address.js";
import { hostLink } from "../badges.js";
import { searchBox, searchRows, tally } from "../filters.js";
import { Grid } from "../grid.js";
import { answerNote, emptyNote, loadingNote } from "../messages.js";
import { drawMoved } from "./moved.js";
import { drawByHost } from "./taskhosts.js";

const ROWS = { "": "By task", host: "By host", moved: "What moved", picks: "What the configuration picks" };
const KINDS = { host: "", port: " (port)", queue: " (queue)", own: " (own)" };
let open = () => {};

const nameOf = ({ dag_id, task_id, map_index }) => `${dag_id}.${task_id}${map_index >= 0 ? `[${map_index}]` : ""}`;
const whyOf = ({ why, kind }) => why || (kind === "host" ? "picked in the DAG file; its serialized form has the pool alone" : kind === "port" ? "the pool of a port of that host" : "any of these hosts");
const textOf = (value) => html`<span title=${value}>${value}</span>`;
const stateOf = ({ state, try_number }) => (state ? html`<span class=${`badge state-${state}`}>${state.replaceAll("_", " ")}</span>${try_number > 1 ? html` <span class="dim">try ${try_number}</span>` : nothing}` : html`<span class="dim">not run</span>`);

function taskCell(row) {
  const page = row.path ? airflowPage(row.path) : "";
  return page ? html`<a href=${page} target="_top" title=${`${nameOf(row)} in Airflow`}>${nameOf(row)}</a>` : textOf(nameOf(row));
}

const byTask = new Grid({
  label: "Tasks",
  key: (row) => `${nameOf(row)} ${row.pool}`,
  columns: [
    { id: "task", title: "Task", value: nameOf, cell: taskCell, width: "l" },
    { id: "host", title: "Host", value: ({ hosts }) => hosts.join(" "), cell: ({ hosts }) => (hosts.length === 1 ? hostLink(hosts[0], open) : textOf(hosts.join(" "))), width: "l" },
    { id: "state", title: "Latest attempt", value: ({ state }) => state, cell: stateOf, width: "m" },
    { id: "pool", title: "Pool", value: ({ pool }) => pool, cell: ({ pool, kind }) => textOf(pool + KINDS[kind]), width: "m" },
    { id: "why", title: "Why there", value: whyOf, cell: (row) => textOf(whyOf(row)), width: "xl" },
  ],
});

const picks = new Grid({
  label: "What the configuration picks",
  key: ({ requester, request }) => `${requester} ${request}`,
  columns: [
    { id: "requester", title: "Requester", value: ({ requester }) => requester, width: "l" },
    { id: "request", title: "Request", value: ({ request }) => request, width: "l" },
    { id: "gets", title: "Gets", value: ({ gets }) => gets, width: "m" },
    { id: "why", title: "Why", value: ({ why }) => why, width: "xl" },
  ],
});

const choice = (page, rows) => html`
  <div class="toggle" role="group" aria-label="Rows">
    ${Object.entries(ROWS).map(([id, title]) => (id === "picks" && page.fleet.picks.length === 0 ? nothing : html`<button type="button" aria-pressed=${rows === id} @click=${() => page.set({ rows: id, sort: "", order: "" })}>${title}</button>`))}
  </div>`;

const search = (page, hint, shown, all, what) => html`
  <form class="filters" role="search" @submit=${(event) => event.preventDefault()}>${searchBox(page, hint)}${tally(shown, all, what)}</form>`;

function drawByTask(page, { tasks = [] }) {
  if (tasks.length === 0) return emptyNote("No task uses these hosts' pools", "Give a task pool=host.pool, and let Airflow parse its DAG.");
  open = (name) => page.set({ host: name });
  const shown = searchRows(tasks, page.params.get("search"), (row) => [nameOf(row), ...row.hosts, row.pool, row.state ?? "not run", whyOf(row)].map((text) => text.toLowerCase()));
  return html`${search(page, "DAG, task, host, state…", shown.length, tasks.length, "tasks")}${shown.length ? byTask.show(page, shown) : emptyNote("No task matches", "The search leaves none.")}`;
}

// The pick that a node of the tree makes: its key is the node's own path, or that of one around it.
function pickOf(made, { requester, gets }) {
  const around = made.filter(({ key, host }) => host === gets && (requester === key || requester.startsWith(`${key}.`)));
  return around.sort((left, right) => right.key.length - left.key.length)[0];
}

function drawPicks(page) {
  const { data } = page.ask("api/picks", page.where);
  if (!data) return loadingNote("the picks");
  const all = page.fleet.picks.map((row) => {
    const pick = pickOf(data.picks, row);
    return { ...row, why: pick ? `${pick.why}; ${pick.candidates.length} of ${data.hosts} hosts match ${pick.query}` : "" };
  });
  const shown = searchRows(all, page.params.get("search"));
  return html`${search(page, "Requester, query, host…", shown.length, all.length, "picks")}${picks.show(page, shown)}`;
}

export const tasks = {
  id: "tasks",
  title: "Tasks",
  draw(page) {
    const given = page.params.get("rows") ?? "";
    const rows = given in ROWS ? given : "";
    if (rows === "picks") return html`${choice(page, rows)}${drawPicks(page)}`;
    if (rows === "moved") return html`${choice(page, rows)}${drawMoved(page)}`;
    const draw = rows === "host" ? drawByHost : drawByTask;
    return html`${choice(page, rows)}${answerNote(page.ask("api/assignments", page.where), "tasks", (data) => draw(page, data))}`;
  },
};
