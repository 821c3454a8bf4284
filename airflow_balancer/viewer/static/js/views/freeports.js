// Which ports of a host are free: the gaps drawn between tracked and locked ones, and a number to take with the line that does.
import { html, live, nothing, svg } from "../../vendor/index.js";
import { codeBlock, copyButton } from "../copy.js";
import { emptyNote } from "../messages.js";
import { count, sum, whole } from "../numbers.js";
import { LAST_PORT, gapsOf, rangesOf, spaceOf } from "../portspace.js";

const FIRST = 1024;
const MOST_GAPS = 12;
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

const inYaml = (text) => (PLAIN.test(text) ? text : JSON.stringify(text));
const gapText = ({ from, to }) => (from === to ? `${from}` : `${from}-${to}`);

function numberIn(page, name, fallback) {
  const number = Number(page.params.get(name));
  return Number.isInteger(number) && number >= 1 && number <= LAST_PORT ? number : fallback;
}

function rangeOf(page) {
  const { ports, locked } = page.fleet;
  const space = ports.length + locked.length ? spaceOf([...ports, ...locked]) : { low: FIRST, high: LAST_PORT };
  return { first: numberIn(page, "from", Math.max(1, space.low)), last: numberIn(page, "to", Math.min(LAST_PORT, space.high)) };
}

function drawing(tracked, locked, { first, last }) {
  const label = `From ${first} to ${last}: ${count(tracked.length, "tracked port")}, ${count(locked.length, "locked port")}`;
  const width = last - first + 1;
  const marks = (numbers, fill) => rangesOf(numbers).map(({ from, to }) => svg`<rect class=${fill} x=${(100 * (from - first)) / width} width=${Math.max(0.3, (100 * (to + 1 - from)) / width)} y="0" height="8"></rect>`);
  return html`
    <svg class="bar gaps" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=${label}>
      <title>${label}</title><rect class="fill-open" x="0" y="0" width="100" height="8"></rect>${marks(tracked, "fill-accent")}${marks(locked, "fill-deferred")}
    </svg>
    <div class="scale" aria-hidden="true"><span>${first}</span><span>${last}</span></div>
    <ul class="key" aria-label="Colours of the ports"><li><i class="swatch fill-accent"></i>tracked</li><li><i class="swatch fill-deferred"></i>kept by the lock file</li><li><i class="swatch fill-open"></i>free</li></ul>`;
}

const field = (page, name, title, value) => html`
  <label class="field"><span>${title}</span>
    <input name=${name} type="number" min="1" max=${LAST_PORT} inputmode="numeric" .value=${live(String(value))} @change=${(event) => page.set({ [name]: event.target.value })} />
  </label>`;

const form = (page, host, { first, last }) => html`
  <form class="filters" @submit=${(event) => event.preventDefault()}>
    <label class="field"><span>Host</span>
      <select name="on" @change=${(event) => page.set({ on: event.target.value })}>${page.fleet.hosts.map(({ name }) => html`<option value=${name} ?selected=${name === host}>${name}</option>`)}</select>
    </label>
    ${field(page, "from", "From", first)}${field(page, "to", "To", last)}
  </form>`;

// A request that names no key: each node of a tree, and each call of a DAG file, is its own requester.
function lines(host, number, { first, last }) {
  const range = `{host:${host},min:${first},max:${last}}`;
  return html`
    <div class="cards">
      <section class="card"><h2>Track this number</h2>${codeBlock(`ports:\n  - {host: ${inYaml(host)}, port: ${number}, name: ${inYaml(`${host}-${number}`)}}`, "the port's YAML")}</section>
      ${PLAIN.test(host) ? html`<section class="card"><h2>Or ask for any free one, in YAML</h2>${codeBlock(`\${balancer.free_port:${range}}`, "the resolver expression")}</section>` : nothing}
      <section class="card"><h2>In Python</h2>${codeBlock(`balancer.free_port(${JSON.stringify(host)}, min=${first}, max=${last}).port`, "the line of Python")}</section>
    </div>`;
}

function result(page, host, range) {
  const on = (rows) => rows.filter((row) => row.host === host && row.port >= range.first && row.port <= range.last);
  const [tracked, locked] = [on(page.fleet.ports), on(page.fleet.locked)];
  const gaps = gapsOf([...tracked, ...locked].map(({ port }) => port), range.first, range.last);
  const picture = drawing(tracked.map(({ port }) => port), locked.map(({ port }) => port), range);
  if (gaps.length === 0) return html`${picture}${emptyNote("No free port", "All numbers of this range are tracked or locked: give a wider one.")}`;
  const free = sum(gaps.map(({ from, to }) => to - from + 1));
  const number = gaps[0].from;
  const more = gaps.length > MOST_GAPS ? `, and ${count(gaps.length - MOST_GAPS, "more gap")}` : "";
  return html`
    ${picture}
    <div class="row picked-line"><span role="status">Port <b>${number}</b> is free on <b>${host}</b></span>${copyButton(String(number), "the number")}</div>
    <p>${whole(free)} ${free === 1 ? "is" : "are"} free: ${gaps.slice(0, MOST_GAPS).map(gapText).join(", ")}${more}. What else listens there is not known here.</p>
    ${locked.length ? html`<ul class="plain">${locked.map(({ port, requester }) => html`<li><code>${port}</code> is kept for ${requester}</li>`)}</ul>` : nothing}
    ${lines(host, number, range)}`;
}

export function drawFree(page) {
  const names = page.fleet.hosts.map(({ name }) => name);
  if (names.length === 0) return emptyNote("No hosts", "Add a host under hosts: in this configuration.");
  const wanted = page.params.get("on");
  const host = names.includes(wanted) ? wanted : (page.fleet.ports[0]?.host ?? names[0]);
  const range = rangeOf(page);
  const wrong = range.first > range.last;
  return html`${form(page, host, range)}${wrong ? emptyNote("No such range", "It goes from a smaller to a larger number.") : result(page, host, range)}`;
}
