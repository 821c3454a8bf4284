// The fleet at a glance: how much there is, where it is, and who was given what.
import { html, nothing } from "../../vendor/index.js";
import { occupancyBar, occupancyFigures, shareBar } from "../bars.js";
import { countsOf } from "../changes.js";
import { valuesOf } from "../filters.js";
import { Grid } from "../grid.js";
import { problemsNote } from "../messages.js";
import { count, sum, whole } from "../numbers.js";

const picks = new Grid({
  label: "What the configuration picks",
  key: ({ requester, request }) => `${requester} ${request}`,
  columns: [
    { id: "requester", title: "Requester", value: (pick) => pick.requester, width: "l" },
    { id: "request", title: "Request", value: (pick) => pick.request, width: "l" },
    { id: "gets", title: "Gets", value: (pick) => pick.gets, width: "m" },
  ],
});

const tile = (page, tab, title, value, bad = false) => html`
  <a class=${bad ? "tile bad" : "tile"} href=${page.linkTo(tab)}><span class="tile-value">${whole(value)}</span><span class="tile-title">${title}</span></a>`;

function tiles(page, { summary }) {
  const problems = page.problems.length + summary.problems;
  return html`
    <div class="tiles">
      ${tile(page, "hosts", "hosts", summary.hosts)} ${tile(page, "hosts", "slots", summary.slots)} ${tile(page, "ports", "ports", summary.ports)}
      ${tile(page, "pools", "pools", summary.pools)} ${tile(page, "hosts", "queues", summary.queues)}
      ${tile(page, "summary", problems === 1 ? "problem" : "problems", problems, problems > 0)}
    </div>`;
}

// Slots by queue or system; a host with two queues counts in both.
function slotsBy(page, fleet, title, field, param) {
  const groups = valuesOf(fleet.hosts, field).map((name) => {
    const hosts = fleet.hosts.filter((host) => [host[field]].flat().includes(name));
    return { name, hosts: hosts.length, slots: sum(hosts.map((host) => host.size)) };
  });
  if (groups.length === 0) return nothing;
  const most = Math.max(...groups.map(({ slots }) => slots), 1);
  groups.sort((left, right) => right.slots - left.slots);
  return html`
    <section class="card">
      <h2>${title}</h2>
      <ul class="shares">
        ${groups.slice(0, 8).map(
          ({ name, hosts, slots }) => html`
            <li>
              <a class="share-name" href=${page.linkTo("hosts", { [param]: name })}>${name}</a>
              ${shareBar(slots, most, `${count(slots, "slot")} on ${count(hosts, "host")}`)}
              <span class="share-text">${count(slots, "slot")} · ${count(hosts, "host")}</span>
            </li>`,
        )}
      </ul>
    </section>`;
}

const INFINITE = null;

function totals(fleet, pools) {
  const stats = fleet.hosts.map((host) => pools[host.pool]).filter(Boolean);
  const names = ["total", "running", "queued", "deferred", "scheduled", "open"];
  const all = Object.fromEntries(names.map((name) => [name, sum(stats.map((one) => one[name]))]));
  return stats.some(({ total }) => total === INFINITE) ? { ...all, total: INFINITE, open: INFINITE } : all;
}

function occupancyCard(page, fleet) {
  const { data } = page.ask("api/occupancy");
  if (!data) return nothing;
  if (!data.available) return html`<section class="card"><h2>Now</h2><p class="hint">No live occupancy here: ${data.why}</p></section>`;
  const all = totals(fleet, data.pools);
  return html`
    <section class="card">
      <h2>Now</h2>
      ${occupancyBar(all)}
      ${occupancyFigures(all)}
    </section>`;
}

function poolsCard(page) {
  const { data } = page.ask("api/pools", page.where);
  if (!data?.available) return nothing;
  const counts = countsOf(data.changes);
  return html`
    <section class="card">
      <h2>Pools</h2>
      <p>${data.changes.length === 0 ? "All pools are as configured." : html`<a href=${page.linkTo("pools")}>${count(data.changes.length, "pool differs", "pools differ")}</a> from the configuration.`}</p>
      <ul class="figures">${counts.map(({ number, word }) => html`<li><b>${whole(number)}</b> ${word}</li>`)}<li><b>${whole(data.unchanged)}</b> as configured</li></ul>
    </section>`;
}


export const summary = {
  id: "summary",
  title: "Summary",
  draw(page) {
    const { fleet } = page;
    return html`
      ${tiles(page, fleet)} ${problemsNote("Configurations that cannot be shown", page.problems)}
      <div class="cards">
        ${occupancyCard(page, fleet)} ${poolsCard(page)} ${slotsBy(page, fleet, "Slots by queue", "queues", "queue")}
        ${slotsBy(page, fleet, "Slots by system", "os", "system")}
      </div>
      ${fleet.picks?.length
        ? html`<section class="picks"><h2>What the configuration picks</h2>${picks.show(page, fleet.picks)}</section>`
        : nothing}
    `;
  },
};
