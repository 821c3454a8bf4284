// How many tasks the DAGs put on each host, against the host's slots.
import { html, nothing } from "../../vendor/index.js";
import { drainedBadge, hostLink } from "../badges.js";
import { shareBar } from "../bars.js";
import { searchBox, searchRows, tally } from "../filters.js";
import { Grid } from "../grid.js";
import { emptyNote } from "../messages.js";
import { count, ratio, sum } from "../numbers.js";

const CROWDED = 2;
let most = 1;
let search = "";
let open = () => {};

const tasksBar = ({ tasks, slots, even, load }) => {
  const label = `${count(tasks.length, "task")} for ${count(slots, "slot")}; an even share is ${even.toFixed(1)}`;
  return shareBar(tasks.length, most, label, { fill: load >= CROWDED ? "bad" : "accent", mark: even });
};

const nameOf = ({ dag_id, task_id }) => `${dag_id}.${task_id}`;
const names = ({ tasks }) => tasks.map(nameOf).join(", ");

// Of a search for a task, the tasks that it found.
function found(row) {
  const names = row.tasks.map(nameOf);
  const hits = search ? names.filter((name) => name.toLowerCase().includes(search)) : [];
  return (hits.length ? hits : names).join(", ");
}

const grid = new Grid({
  label: "Tasks by host",
  key: ({ host }) => host,
  columns: [
    {
      id: "host",
      title: "Host",
      value: ({ host }) => host,
      cell: (row) => html`${hostLink(row.host, open)}${drainedBadge(row)}`,
      width: "l",
    },
    { id: "slots", title: "Slots", value: ({ slots }) => slots, width: "xs", number: true },
    { id: "tasks", title: "Tasks", value: ({ tasks }) => tasks.length, width: "xs", number: true },
    { id: "share", title: "Tasks against an even share", value: ({ tasks }) => tasks.length, cell: tasksBar, width: "xl" },
    { id: "load", title: "Of its share", value: ({ load }) => load, cell: ({ load }) => html`<span class=${load >= CROWDED ? "strong" : ""}>${ratio(load)}</span>`, width: "s", number: true },
    { id: "names", title: "Which", value: names, cell: (row) => html`<span title=${names(row)}>${found(row)}</span>`, width: "xl" },
  ],
});

// An even share of all tasks is in proportion to the slots.
function withShares(hosts) {
  const tasks = sum(hosts.map((host) => host.tasks.length));
  const slots = sum(hosts.map((host) => host.slots)) || 1;
  return hosts.map((host) => {
    const even = (tasks * host.slots) / slots;
    return { ...host, even, load: even > 0 ? host.tasks.length / even : 0 };
  });
}

function verdict(rows) {
  const busiest = rows.reduce((left, right) => (right.load > left.load ? right : left));
  const idle = rows.filter((row) => row.tasks.length === 0).length;
  const worst = busiest.load >= CROWDED ? html`<b>${busiest.host}</b> has ${ratio(busiest.load)} its even share.` : html`No host has twice its even share; the most is ${ratio(busiest.load)}, on <b>${busiest.host}</b>.`;
  return html`<p class="verdict">${worst} ${idle > 0 ? `${count(idle, "host has", "hosts have")} no task.` : nothing}</p>`;
}

// Tasks in a drained host's pool go on there until their DAG is parsed again with another pick.
function toMove(rows) {
  const drained = rows.filter((row) => row.drain && row.tasks.length > 0);
  return drained.map((row) => html`<p class="verdict"><b>${row.host}</b> is drained: ${count(row.tasks.length, "task")} to move.</p>`);
}

const ofQueues = (queues) => queues.map(({ pool, slots, tasks }) => html`<p class="hint">Pool <b>${pool}</b> counts ${count(tasks.length, "task")} for ${count(slots, "slot")}, whichever host they run on${tasks.length > 0 ? html`: ${names({ tasks })}` : nothing}.</p>`);

export function drawByHost(page, { hosts, queues = [] }) {
  if (sum([...hosts, ...queues].map(({ tasks }) => tasks.length)) === 0) return emptyNote("No task uses these hosts' pools", "Give a task pool=host.pool, and let Airflow parse its DAG.");
  const rows = withShares(hosts);
  most = Math.max(...rows.map((row) => Math.max(row.tasks.length, row.even)), 1);
  open = (name) => page.set({ host: name });
  search = (page.params.get("search") ?? "").trim().toLowerCase();
  const shown = searchRows(rows, page.params.get("search"), (row) => [row.host, row.pool, names(row)].map((text) => String(text).toLowerCase()));
  return html`
    ${verdict(rows)}${toMove(rows)}${ofQueues(queues)}
    <form class="filters" role="search" @submit=${(event) => event.preventDefault()}>${searchBox(page, "Host, DAG, task…")}${tally(shown.length, rows.length, "hosts")}</form>
    <ul class="key" aria-label="Colours of the bars"><li><i class="swatch fill-accent"></i>tasks</li><li><i class="swatch fill-bad"></i>twice an even share or more</li><li><i class="swatch fill-mark"></i>even share</li></ul>
    ${grid.show(page, shown, { sort: "load", descending: true })}
  `;
}
