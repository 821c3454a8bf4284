// Which tasks moved to another host since an earlier version of their DAG, and why.
import { html } from "../../vendor/index.js";
import { hostLink } from "../badges.js";
import { searchBox, searchRows, tally } from "../filters.js";
import { Grid } from "../grid.js";
import { agoText } from "../health.js";
import { answerNote, emptyNote } from "../messages.js";
import { count } from "../numbers.js";

let open = () => {};
let known = new Set();

const nameOf = ({ dag_id, task_id }) => `${dag_id}.${task_id}`;
const joined = (hosts) => hosts.join(", ");
// A host that this fleet no longer has is no link.
const hostCell = (hosts) => (hosts.length === 1 && known.has(hosts[0]) ? hostLink(hosts[0], open) : html`<span title=${joined(hosts)}>${joined(hosts)}</span>`);
const whyOf = ({ why }) => why || "picked in the DAG file, whose versions do not say why";
const versionText = ({ before_version: before, version }) => `${before} → ${version}`;

const grid = new Grid({
  label: "Tasks that moved",
  key: (row) => `${nameOf(row)} ${row.version}`,
  columns: [
    { id: "task", title: "Task", value: nameOf, width: "l" },
    { id: "before", title: "From", value: ({ before }) => joined(before), cell: ({ before }) => hostCell(before), width: "m" },
    { id: "after", title: "To", value: ({ after }) => joined(after), cell: ({ after }) => hostCell(after), width: "m" },
    { id: "when", title: "When", value: ({ when }) => Date.parse(when), cell: ({ when }) => html`<span title=${when}>${agoText(when)}</span>`, width: "s", most: true },
    { id: "version", title: "Version", value: ({ version }) => version, cell: versionText, width: "s", most: true },
    { id: "why", title: "Why", value: whyOf, width: "xl" },
  ],
});

function result(page, { moves, dags, versions }) {
  const told = `${count(versions, "version")} of ${count(dags, "DAG")}`;
  if (moves.length === 0) return emptyNote("Nothing moved", `No task has another host within the last ${told} that use these hosts.`);
  open = (name) => page.set({ host: name });
  known = new Set(page.fleet.hosts.map(({ name }) => name));
  const shown = searchRows(moves, page.params.get("search"), (row) => [nameOf(row), ...row.before, ...row.after, whyOf(row)].map((text) => text.toLowerCase()));
  return html`
    <form class="filters" role="search" @submit=${(event) => event.preventDefault()}>${searchBox(page, "DAG, task, host, why…")}${tally(shown.length, moves.length, moves.length === 1 ? "move" : "moves")}</form>
    <p class="hint">Within the last ${told}. Running tasks stay where they are; the next run goes to the new host.</p>
    ${shown.length ? grid.show(page, shown, { sort: "when", descending: true }) : emptyNote("No move matches", "The search leaves none.")}`;
}

export const drawMoved = (page) => answerNote(page.ask("api/moved", page.where), "earlier versions", (data) => result(page, data));
