// All pools with what runs in them, what waits and what is open; how they differ from the configuration, and what mends it.
import { html } from "../../vendor/index.js";
import { occupancyCell } from "../bars.js";
import { WORDS, changeBadge, countsOf, orderOf } from "../changes.js";
import { codeBlock } from "../copy.js";
import { searchBox, searchRows, tally } from "../filters.js";
import { Grid } from "../grid.js";
import { loadOf } from "../load.js";
import { answerNote, emptyNote } from "../messages.js";
import { count, whole } from "../numbers.js";

let stats = {};
const loadIn = ({ name }) => loadOf(stats[name]);

const grid = new Grid({
  label: "Pools",
  key: ({ change, name }) => `${change} ${name}`,
  columns: [
    { id: "name", title: "Pool", value: ({ name }) => name, width: "l" },
    { id: "occupancy", title: "Occupancy", value: (row) => loadIn(row)?.pressure ?? null, cell: ({ name }) => occupancyCell(stats[name]), width: "m", most: true },
    { id: "running", title: "Running", value: ({ name }) => stats[name]?.running, width: "xs", number: true },
    { id: "waiting", title: "Waiting", value: (row) => loadIn(row)?.waiting, width: "xs", number: true },
    { id: "open", title: "Open", value: (row) => loadIn(row)?.open, width: "xs", number: true },
    { id: "change", title: "Difference", value: orderOf, cell: changeBadge, width: "m" },
    { id: "slots", title: "Slots now", value: ({ slots }) => slots, width: "s", number: true },
    { id: "wanted", title: "Configured", value: ({ wanted }) => wanted, width: "s", number: true },
    { id: "note", title: "Note", value: ({ note }) => note, width: "xl" },
  ],
});

const command = (text, title, what = "the command") => (text ? html`<section><h2>${title}</h2>${codeBlock(text, what)}</section>` : "");

// Also where Airflow cannot be reached from here, the command says what would be run.
const mending = ({ command: text, prune }) => html`
  ${command(text, "Run this to make them agree")}${command(prune, "And this to delete the orphaned ones", "the command that prunes")}`;

const verdict = (changes, same) =>
  changes.length === 0
    ? html`<p class="verdict">All pools are as configured: ${count(same.length, "pool")}, nothing to do.</p>`
    : html`<ul class="figures">${countsOf([...changes, ...same]).map(({ number, word }) => html`<li><b>${whole(number)}</b> ${word}</li>`)}</ul>`;

const onlyDiffering = (page, chosen) => html`
  <label class="check"><input type="checkbox" name="differing" .checked=${chosen} @change=${(event) => page.set({ differing: event.target.checked ? "yes" : "" })} />Only those that differ</label>`;

function draw(page, data) {
  const { changes, same } = data;
  stats = page.ask("api/occupancy").data?.pools ?? {};
  const chosen = page.params.get("differing") === "yes";
  const rows = chosen ? changes : [...changes, ...same];
  const shown = searchRows(rows, page.params.get("search"), (row) => [row.name, WORDS[row.change], row.note].map((text) => text.toLowerCase()));
  const without = Object.keys(stats).length ? [] : ["occupancy", "running", "waiting", "open"];
  return html`
    ${verdict(changes, same)}${changes.length ? mending(data) : ""}
    <form class="filters" role="search" @submit=${(event) => event.preventDefault()}>${searchBox(page, "Pool, difference, note…")}${onlyDiffering(page, chosen)}${tally(shown.length, rows.length, "pools")}</form>
    ${shown.length ? grid.show(page, shown, { without, sort: "change" }) : emptyNote("No pool matches", "The search leaves none.")}
  `;
}

export const pools = {
  id: "pools",
  title: "Pools",
  draw(page) {
    const answer = page.ask("api/pools", page.where);
    return html`${answerNote(answer, "pools", (data) => draw(page, data))} ${answer.data?.available === false ? mending(answer.data) : ""}`;
  },
};
