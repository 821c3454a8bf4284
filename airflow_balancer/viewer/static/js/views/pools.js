// The pools that differ from the configuration, and the command that mends them.
import { html } from "../../vendor/index.js";
import { WORDS, countsOf } from "../changes.js";
import { codeBlock } from "../copy.js";
import { searchBox, searchRows, tally } from "../filters.js";
import { Grid } from "../grid.js";
import { answerNote, emptyNote } from "../messages.js";
import { count, whole } from "../numbers.js";

const grid = new Grid({
  label: "Pools that differ",
  key: ({ change, name }) => `${change} ${name}`,
  columns: [
    { id: "name", title: "Pool", value: ({ name }) => name, width: "l" },
    { id: "change", title: "Difference", value: ({ change }) => WORDS[change] ?? change, cell: ({ change }) => html`<span class=${`badge ${change}`}>${WORDS[change] ?? change}</span>`, width: "m" },
    { id: "slots", title: "Slots now", value: ({ slots }) => slots, width: "s", number: true },
    { id: "wanted", title: "Configured", value: ({ wanted }) => wanted, width: "s", number: true },
    { id: "note", title: "Note", value: ({ note }) => note, width: "xl" },
  ],
});

// Also where Airflow cannot be reached from here, the command says what would be run.
const command = (text) => (text ? html`<section><h2>Run this to make them agree</h2>${codeBlock(text, "the command")}</section>` : "");

function draw(page, { changes, unchanged, command: text }) {
  if (changes.length === 0) return emptyNote("All pools are as configured", `${count(unchanged, "pool")} in Airflow, nothing to do.`);
  const shown = searchRows(changes, page.params.get("search"));
  return html`
    <ul class="figures">${countsOf(changes).map(({ number, word }) => html`<li><b>${whole(number)}</b> ${word}</li>`)}<li><b>${whole(unchanged)}</b> as configured</li></ul>
    ${command(text)}
    <form class="filters" role="search" @submit=${(event) => event.preventDefault()}>${searchBox(page, "Pool, difference, note…")}${tally(shown.length, changes.length, "pools")}</form>
    ${grid.show(page, shown)}
  `;
}

export const pools = {
  id: "pools",
  title: "Pools",
  draw(page) {
    const answer = page.ask("api/pools", page.where);
    return html`${answerNote(answer, "pools", (data) => draw(page, data))} ${answer.data?.available === false ? command(answer.data.command) : ""}`;
  },
};
