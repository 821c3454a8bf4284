// Every host with what it is, who logs in, and how its pool's slots are taken now.
import { html } from "../../vendor/index.js";
import { drainedBadge } from "../badges.js";
import { occupancyBar, occupancyKey, occupancyText } from "../bars.js";
import { chips } from "../chips.js";
import { counted } from "../counted.js";
import { clearFilters, filterBar, filterRows } from "../filters.js";
import { Grid } from "../grid.js";
import { emptyNote } from "../messages.js";

let pools = {};
let open = () => {};

const occupancyCell = ({ pool }) => {
  const stats = pools[pool];
  return stats ? html`<span class="occupancy">${occupancyBar(stats)}<span class="occupancy-text">${occupancyText(stats)}</span></span>` : "";
};

const usedShare = ({ pool }) => {
  const stats = pools[pool];
  return stats ? (stats.running + stats.queued + stats.deferred) / (stats.total || 1) : null;
};

const grid = new Grid({
  label: "Hosts",
  key: ({ name }) => name,
  columns: [
    {
      id: "name",
      title: "Name",
      value: ({ name }) => name,
      cell: (host) => html`<button type="button" class="link" title=${host.name} aria-haspopup="dialog" @click=${() => open(host.name)}>${host.name}</button>${drainedBadge(host)}`,
      width: "l",
    },
    { id: "address", title: "Address", value: ({ address }) => address, width: "m" },
    { id: "system", title: "System", value: ({ os }) => os, width: "s" },
    { id: "queues", title: "Queues", value: ({ queues }) => queues?.join(" "), cell: ({ queues }) => chips(queues), width: "m" },
    { id: "tags", title: "Tags", value: ({ tags }) => tags?.join(" "), cell: ({ tags }) => chips(tags, "tag"), width: "m" },
    { id: "size", title: "Size", value: ({ size }) => size, width: "xs", number: true },
    { id: "occupancy", title: "Occupancy", value: usedShare, cell: occupancyCell, width: "m", most: true },
    { id: "user", title: "User", value: ({ username }) => username, width: "s" },
    { id: "credential", title: "Credential", value: ({ credential }) => credential, width: "s" },
    { id: "pool", title: "Pool", value: ({ pool }) => pool, width: "m" },
  ],
});

function occupancyNote({ data, error }) {
  if (error) return html`<p class="hint">Occupancy cannot be read: ${error.message}</p>`;
  if (data && !data.available) return html`<p class="hint">No live occupancy here: ${data.why}</p>`;
  return occupancyKey();
}

export const hosts = {
  id: "hosts",
  title: "Hosts",
  draw(page) {
    const all = page.fleet.hosts;
    if (all.length === 0) return emptyNote("No hosts", "Add a host under hosts: in this configuration.");
    const occupancy = page.ask("api/occupancy");
    pools = occupancy.data?.pools ?? {};
    open = (name) => page.set({ host: name });
    const shown = filterRows(all, page.params);
    const without = [...(occupancy.data?.available ? [] : ["occupancy"]), ...(page.fleet.summary.addresses ? [] : ["address"])];
    return html`
      ${filterBar(page, all, shown, { what: "hosts", hint: "Name, user, pool, tag…" })} ${occupancyNote(occupancy)}
      ${shown.length
        ? grid.show(page, shown, { without })
        : emptyNote("No host matches", "Every filter above narrows the list.", html`<button type="button" @click=${clearFilters(page)}>Clear the filters</button>`)}
      ${counted}
    `;
  },
};
