// The balancer's defaults and settings, and where each comes from.
import { html } from "../../vendor/index.js";
import { searchBox, searchRows, tally } from "../filters.js";
import { Grid } from "../grid.js";

const textOf = (value) => (value === null || value === undefined ? "none" : typeof value === "object" ? JSON.stringify(value) : String(value));

const grid = new Grid({
  label: "Settings",
  key: ({ key }) => key,
  columns: [
    { id: "key", title: "Setting", value: ({ key }) => key, width: "l" },
    { id: "value", title: "Value", value: ({ value }) => textOf(value), cell: ({ value }) => html`<code title=${textOf(value)}>${textOf(value)}</code>`, width: "l" },
    { id: "origin", title: "Comes from", value: ({ origin }) => origin, width: "xl" },
  ],
});

export const settings = {
  id: "settings",
  title: "Settings",
  draw(page) {
    const all = page.fleet.settings;
    const shown = searchRows(all, page.params.get("search"));
    return html`
      <form class="filters" role="search" @submit=${(event) => event.preventDefault()}>${searchBox(page, "Setting, value, file…")}${tally(shown.length, all.length, "settings")}</form>
      ${grid.show(page, shown, { sort: "key" })}
    `;
  },
};
