// What is wrong with the fleet now, the worst first; each with a way to where it is mended.
import { html } from "../vendor/index.js";
import { hostLink } from "./badges.js";
import { countsOf } from "./changes.js";
import { downText, isDown, successText } from "./health.js";
import { count } from "./numbers.js";

const MOST = 5;

const inWords = (changes) => countsOf(changes).map(({ number, word }) => `${number} ${word}`).join(", ");

const someOf = (hosts, what) => (hosts.length > MOST ? [{ bad: what.bad, text: html`${count(hosts.length - MOST, "more host")} ${what.more}` }] : []);

function hostsOf(hosts, what, open) {
  return [...hosts.slice(0, MOST).map((host) => ({ bad: what.bad, text: html`${hostLink(host.name, open)} ${what.text(host)}` })), ...someOf(hosts, what)];
}

const full = { bad: true, text: ({ load }) => `is full: ${count(load.waiting, "task waits", "tasks wait")} for a slot`, more: "full, with tasks waiting" };
const down = { bad: true, text: ({ health }) => `${downText(health)}, ${successText(health)}`, more: "whose last attempts failed" };
const leaving = { bad: false, text: ({ load }) => `is drained, and ${count(load.taken, "slot is", "slots are")} still taken`, more: "drained, with slots taken" };

function drift(page) {
  const changes = page.ask("api/pools", page.where).data?.changes ?? [];
  if (changes.length === 0) return [];
  const bad = changes.some(({ change }) => change === "create" || change === "missing");
  return [{ bad, text: html`<a href=${page.linkTo("pools")}>${count(changes.length, "pool is", "pools are")} not as configured</a>: ${inWords(changes)}` }];
}

const failed = (page) =>
  page.fleet.picks.filter(({ problem }) => problem).slice(0, MOST).map(({ requester, gets }) => ({ bad: true, text: html`<a href=${page.linkTo("tasks", { rows: "picks", search: requester })}>${requester}</a> gets no host: ${gets}` }));

const broken = (page) => page.problems.map((text) => ({ bad: true, text }));

export const byPressure = (hosts) => [...hosts].sort((left, right) => right.load.pressure - left.load.pressure);

export function wrongWith(page, hosts, open) {
  const found = [
    ...hostsOf(hosts.filter(({ health }) => isDown(health)), down, open),
    ...hostsOf(byPressure(hosts.filter(({ load }) => load?.level === "full")), full, open),
    ...failed(page),
    ...broken(page),
    ...drift(page),
    ...hostsOf(hosts.filter(({ drain, load }) => drain && load?.taken > 0), leaving, open),
  ];
  return found.sort((left, right) => right.bad - left.bad);
}

export const wrongList = (found) =>
  found.length === 0
    ? html`<p class="hint">Nothing that this page can see.</p>`
    : html`<ul class="wrong">${found.map(({ bad, text }) => html`<li class=${bad ? "bad" : "warn"}>${text}</li>`)}</ul>`;
