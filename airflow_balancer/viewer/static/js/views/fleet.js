// The fleet at a glance: a tile for each host, the hottest ones, and what is wrong.
import { html, nothing } from "../../vendor/index.js";
import { drainedBadge, hostLink } from "../badges.js";
import { occupancyCell } from "../bars.js";
import { clearFilters, filterRows, searchBox, tally } from "../filters.js";
import { FleetMap, mapKey } from "../fleetmap.js";
import { grouped, groupingsOf } from "../groups.js";
import { failuresText, healthOf } from "../health.js";
import { loadOf, loadWords } from "../load.js";
import { emptyNote } from "../messages.js";
import { count, sum } from "../numbers.js";
import { byPressure, wrongList, wrongWith } from "../wrong.js";

const HOTTEST = 5;
const map = new FleetMap();

function wordsOf(host) {
  const parts = [host.load ? loadWords(host.load) : count(host.size, "slot"), host.drain ? "drained" : "", host.health?.failures ? failuresText(host.health) : "", (host.queues ?? []).join(" "), (host.tags ?? []).join(" "), host.os ?? ""];
  return `${host.name}: ${parts.filter(Boolean).join(", ")}`;
}

function withLoad(host, pools, health) {
  const shown = { ...host, stats: pools[host.pool], load: loadOf(pools[host.pool]), health: health[host.pool] };
  return { ...shown, words: wordsOf(shown) };
}

const groupChoice = (page, groupings, chosen) => html`
  <label class="field">
    <span>Group by</span>
    <select name="group" @change=${(event) => page.set({ group: event.target.value })}>
      ${groupings.map(({ id, title }) => html`<option value=${id} ?selected=${id === chosen.id}>${title}</option>`)}
    </select>
  </label>`;

const counts = ({ summary }) => html`
  <p class="tally">${count(summary.slots, "slot")}, ${count(summary.ports, "port")}, ${count(summary.pools, "pool")}, ${count(summary.queues, "queue")}</p>`;

function whyNone({ data, error }) {
  if (error) return html`<p class="hint">Occupancy cannot be read: ${error.message}</p>`;
  return data && !data.available ? html`<p class="hint">No live occupancy here: ${data.why}</p>` : nothing;
}

function hottest(hosts, open) {
  const loaded = byPressure(hosts.filter(({ load }) => load && load.taken + load.waiting > 0));
  if (loaded.length === 0) return html`<p class="hint">No slot is taken, and no task waits.</p>`;
  return html`<ol class="hottest">${loaded.slice(0, HOTTEST).map((host) => html`<li><span class="hot-name">${hostLink(host.name, open)}${drainedBadge(host)}</span>${occupancyCell(host.stats)}</li>`)}</ol>`;
}

const totalText = (hosts) => {
  const loads = hosts.map(({ load }) => load).filter(Boolean);
  return loads.length ? html`<p class="tally"><b>${sum(loads.map(({ taken }) => taken))}</b> taken, <b>${sum(loads.map(({ waiting }) => waiting))}</b> waiting</p>` : nothing;
};

const inOverview = (page, { id, name, hosts, drained, slots, problem }) => html`
  <li class=${problem ? "bad" : ""}><a href=${`#fleet?configuration=${encodeURIComponent(id)}`}>${name}</a>: ${problem || html`${count(hosts, "host")}${drained ? `, ${drained} drained` : ""}, ${count(slots, "slot")}`}${id === page.configuration ? " (shown)" : ""}</li>`;

function overviewCard(page) {
  const { data } = page.several ? page.ask("api/overview") : {};
  return data ? html`<section class="card"><h2>All configurations</h2><ul class="wrong all">${data.configurations.map((row) => inOverview(page, row))}</ul></section>` : nothing;
}

export const fleet = {
  id: "fleet",
  title: "Fleet",
  draw(page) {
    const all = page.fleet.hosts;
    if (all.length === 0) return html`${emptyNote("No hosts", "Add a host under hosts: in this configuration.")}${page.problems.length ? wrongList(wrongWith(page, [], () => {})) : nothing}`;
    const occupancy = page.ask("api/occupancy");
    const open = (name) => page.set({ host: name });
    const health = healthOf(page);
    const hosts = all.map((host) => withLoad(host, occupancy.data?.pools ?? {}, health));
    const shown = filterRows(hosts, page.params);
    const groupings = groupingsOf(all);
    const chosen = groupings.find(({ id }) => id === page.params.get("group")) ?? groupings[0];
    return html`
      <form class="filters" role="search" @submit=${(event) => event.preventDefault()}>
        ${searchBox(page, "Name, queue, tag…")}${groupChoice(page, groupings, chosen)}${tally(shown.length, all.length, all.length === 1 ? "host" : "hosts")}${counts(page.fleet)}${totalText(shown)}
      </form>
      ${whyNone(occupancy)}
      ${shown.length ? map.show(grouped(shown, chosen.of), open) : emptyNote("No host matches", "The search leaves none.", html`<button type="button" @click=${clearFilters(page)}>Clear the filters</button>`)}
      ${mapKey}
      <div class="cards wide">
        ${occupancy.data?.available ? html`<section class="card"><h2>Hottest hosts</h2>${hottest(shown, open)}</section>` : nothing}
        <section class="card"><h2>What is wrong</h2>${wrongList(wrongWith(page, hosts, open))}</section>
        ${overviewCard(page)}
      </div>`;
  },
};
