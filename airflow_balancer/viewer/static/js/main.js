// The page: what the address asks for, drawn from what the API answered.
import { html, nothing, render } from "../vendor/index.js";
import { hashOf, mirrorAddress, readAddress, restoreAddress, sharedAddress, writeAddress } from "./address.js";
import { copyButton } from "./copy.js";
import { HostDialog } from "./host.js";
import { brokenNote, emptyNote, errorNote, loadingNote } from "./messages.js";
import { Store, apiPath } from "./store.js";
import { tabList } from "./tabs.js";
import { compare } from "./views/compare.js";
import { fleet } from "./views/fleet.js";
import { hosts } from "./views/hosts.js";
import { pools } from "./views/pools.js";
import { ports } from "./views/ports.js";
import { query } from "./views/query.js";
import { settings } from "./views/settings.js";
import { tasks } from "./views/tasks.js";
import { whatif } from "./views/whatif.js";
import { yaml } from "./views/yaml.js";

const VIEWS = [fleet, hosts, ports, pools, tasks, whatif, query, compare, settings, yaml];
const SHARED = ["configuration", "environment"]; // these stay from tab to tab
const LIVE = { "api/occupancy": 10, "api/health": 60 }; // every so many seconds

const root = document.getElementById("app");
const dialog = new HostDialog();
const remembered = new Map(); // the filters of the tabs that were left
let asked = new Set();
let waiting = false;
let later = 0;
let shownTab = "";

const store = new Store(schedule);

// Draws once, however many answers come before the next frame.
function schedule() {
  if (waiting) return;
  waiting = true;
  queueMicrotask(() => {
    waiting = false;
    draw();
  });
}

function ask(path, params) {
  asked.add(apiPath(path, params));
  return store.read(path, params);
}

const sharedOf = (params) => SHARED.filter((name) => params.get(name)).map((name) => [name, params.get(name)]);

// Waits for the end of a word where each letter would ask the API.
function scheduleLater(milliseconds) {
  clearTimeout(later);
  later = setTimeout(schedule, milliseconds);
}

function change(address, changes, { step = false, pause = 0 } = {}) {
  const params = new URLSearchParams(address.params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") params.delete(name);
    else params.set(name, value);
  }
  writeAddress(address.tab, params, { step });
  if (pause) scheduleLater(pause);
  else schedule();
}

function chooseTab(tab) {
  const address = readAddress(fleet.id);
  if (tab === address.tab) return;
  remembered.set(address.tab, address.params);
  const own = [...(remembered.get(tab) ?? [])].filter(([name]) => !SHARED.includes(name));
  writeAddress(tab, new URLSearchParams([...sharedOf(address.params), ...own]), { step: true });
  schedule();
}

const choice = (label, name, values, chosen, onChange) => html`
  <label class="field inline">
    <span>${label}</span>
    <select name=${name} @change=${(event) => onChange(event.target.value)}>
      ${values.map(({ id, title }) => html`<option value=${id} ?selected=${id === chosen}>${title}</option>`)}
    </select>
  </label>`;

const environmentChoices = ({ environments, environment }) =>
  (environment === null ? [{ id: "", title: "as written" }] : []).concat(environments.map((name) => ({ id: name, title: name })));

function header(address, configurations, chosen, environment) {
  return html`
    <header class="head">
      <h1><svg class="logo" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4v16M8 20h8M5 7h14M5 7l-3 7h6zM19 7l-3 7h6z" /></svg>Balancer</h1>
      ${chosen
        ? choice("Configuration", "configuration", configurations.map(({ id, name }) => ({ id, title: name })), chosen.id, (id) => change(address, { configuration: id, environment: "", left: "", right: "", host: "" }, { step: true }))
        : nothing}
      ${chosen?.environments.length ? choice("Environment", "environment", environmentChoices(chosen), environment, (name) => change(address, { environment: name }, { step: true })) : nothing}
      <span class="head-actions">
        <button type="button" class="refresh" @click=${() => store.refreshAll([...asked])}>Refresh</button>
        ${copyButton(sharedAddress, "to this view", "Copy link")}
      </span>
    </header>`;
}

function pageOf(address, chosen, environment, { configurations, problems, strategies }, data) {
  const where = { configuration: chosen.id, environment };
  return {
    ...address,
    ask,
    fleet: data,
    problems,
    several: configurations.length > 1,
    strategies,
    where,
    configuration: chosen.id,
    environment,
    environments: chosen.environments,
    set: (changes, options) => change(readAddress(fleet.id), changes, options),
    linkTo: (tab, own = {}) => hashOf(tab, new URLSearchParams([...sharedOf(address.params), ...Object.entries(own)])),
  };
}

// One template for every state, so that the header and the tabs keep their focus while the rest changes.
const shell = ({ head, tabs = nothing, tab = nothing, content }) => html`
  ${head}
  <main>${tabs}<div id="panel" class=${`panel view-${tab === nothing ? "none" : tab}`} role=${tab === nothing ? nothing : "tabpanel"} aria-labelledby=${tab === nothing ? nothing : `tab-${tab}`}>${content}</div></main>`;

function withoutConfiguration(address, { problems, hint }) {
  return shell({ head: header(address, [], null), content: problems.length ? brokenNote(problems) : emptyNote("No configuration found", hint) });
}

function withUnknownConfiguration(address, configurations, wanted) {
  const first = html`<a href="#fleet">Show the first one</a>`;
  return shell({ head: header(address, configurations, null), content: emptyNote(`No configuration ${wanted}`, "It may have been renamed.", first) });
}

function viewOf(address, view, chosen, environment, answer) {
  const { data, error } = ask("api/fleet", { configuration: chosen.id, environment });
  if (error) return html`<h2>${chosen.name}</h2>${errorNote(error)}`;
  if (!data) return loadingNote("the fleet");
  const page = pageOf({ ...address, tab: view.id }, chosen, environment, answer, data);
  queueMicrotask(() => dialog.show(page));
  return view.draw(page);
}

function withConfigurations(address, answer) {
  const { configurations } = answer;
  const wanted = address.params.get("configuration");
  const chosen = wanted ? configurations.find(({ id }) => id === wanted) : configurations[0];
  if (!chosen) return withUnknownConfiguration(address, configurations, wanted);
  const environment = address.params.get("environment") || chosen.environment || "";
  const view = VIEWS.find(({ id }) => id === address.tab) ?? fleet;
  return shell({
    head: header(address, configurations, chosen, environment),
    tabs: tabList(VIEWS, view.id, chooseTab),
    tab: view.id,
    content: viewOf(address, view, chosen, environment, answer),
  });
}

function contents(address, { data, error }) {
  if (error) return shell({ head: header(address, [], null), content: errorNote(error) });
  if (!data) return shell({ head: header(address, [], null), content: loadingNote("the configurations") });
  return data.configurations.length === 0 ? withoutConfiguration(address, data) : withConfigurations(address, data);
}

// On a narrow screen the chosen tab may be out of view. Not by scrollIntoView: the Tab key would go on from there, past the header.
function showTab(tab) {
  if (tab === shownTab) return;
  shownTab = tab;
  const chosen = document.getElementById(`tab-${tab}`);
  if (!chosen) return;
  const strip = chosen.parentElement;
  strip.scrollLeft = chosen.offsetLeft - strip.offsetLeft - (strip.clientWidth - chosen.offsetWidth) / 2;
}

function draw() {
  mirrorAddress();
  const address = readAddress(fleet.id);
  asked = new Set();
  const answer = ask("api/configurations");
  render(contents(address, answer), root);
  root.setAttribute("aria-busy", store.isReading([...asked]));
  if (answer.data) showTab(address.tab);
  document.title = `${VIEWS.find(({ id }) => id === address.tab)?.title ?? fleet.title} · Balancer`;
}

function onSlash(event) {
  const typing = event.target.closest("input, select, textarea, dialog");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
  const search = root.querySelector("input[type=search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
}

window.addEventListener("hashchange", schedule);
matchMedia("(max-width: 700px)").addEventListener("change", schedule);
window.addEventListener("popstate", schedule);
document.addEventListener("keydown", onSlash);
for (const [path, seconds] of Object.entries(LIVE)) {
  setInterval(() => {
    if (!document.hidden && [...asked].some((key) => key.split("?")[0] === path)) store.refresh([path]);
  }, seconds * 1000);
}
root.replaceChildren();
restoreAddress();
draw();
