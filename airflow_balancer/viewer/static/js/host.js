// One host in a dialog: everything about it, its ports and its tasks.
import { html, nothing, render } from "../vendor/index.js";
import { occupancyBar, occupancyFigures } from "./bars.js";
import { chips } from "./chips.js";
import { copyButton } from "./copy.js";
import { healthOf, healthSection } from "./health.js";
import { count } from "./numbers.js";

const field = (title, value) => (value === null || value === undefined || value === "" ? nothing : html`<dt>${title}</dt><dd>${value}</dd>`);

function occupancyOf(page, host) {
  const stats = page.ask("api/occupancy").data?.pools?.[host.pool];
  if (!stats) return nothing;
  return html`
    <section><h3>Now</h3>${occupancyBar(stats)}${occupancyFigures(stats)}</section>`;
}

function portsOf(page, host) {
  const ports = page.fleet.ports.filter((port) => port.host === host.name);
  if (ports.length === 0) return nothing;
  return html`<section><h3>${count(ports.length, "port")}</h3><ul class="plain">${ports.map((port) => html`<li><code>${port.port}</code> ${port.name} ${chips(port.tags, "tag")}</li>`)}</ul></section>`;
}

function tasksOf(page, host) {
  const tasks = page.ask("api/assignments", page.where).data?.hosts?.find((one) => one.host === host.name)?.tasks ?? [];
  if (tasks.length === 0) return nothing;
  return html`<section><h3>${count(tasks.length, "task")}</h3><ul class="plain">${tasks.map((task) => html`<li>${task.dag_id}<span class="dim">.</span>${task.task_id}</li>`)}</ul></section>`;
}

const closeButton = html`<button type="button" class="close" aria-label="Close" autofocus @click=${(event) => event.target.closest("dialog").close()}>×</button>`;

function details(page, host) {
  return html`
    <header class="dialog-head"><h2 id="host-title">${host.name}</h2>${copyButton(host.name, "the name")}${closeButton}
    </header>
    <dl class="fields">
      ${field("System", host.os)} ${field("Address", host.address)} ${field("Queues", host.queues?.length ? chips(host.queues) : "")}
      ${field("Tags", host.tags?.length ? chips(host.tags, "tag") : "")} ${field("Size", host.size === null ? "" : `${count(host.size, "slot")}${host.hold_slots ? ", held on the host" : ""}`)} ${field("User", host.username)}
      ${field("Credential", host.credential)} ${field("Pool", host.pool)}
    </dl>
    ${host.drain ? nothing : html`<p><a href=${page.linkTo("whatif", { drain: host.name })}>What if this host is drained?</a></p>`}
    ${occupancyOf(page, host)} ${healthSection(healthOf(page)[host.pool])} ${portsOf(page, host)} ${tasksOf(page, host)}`;
}

const absent = (name) => html`
  <header class="dialog-head"><h2 id="host-title">${name}</h2>${closeButton}</header>
  <p class="hint">This environment has no host of that name.</p>`;

export class HostDialog {
  #dialog = document.createElement("dialog");
  #page = null;

  constructor() {
    this.#dialog.className = "host";
    this.#dialog.setAttribute("aria-labelledby", "host-title");
    this.#dialog.addEventListener("close", () => this.#page?.params.has("host") && this.#page.set({ host: "" }));
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
    document.body.append(this.#dialog);
  }

  // Shows the host that the address names, or nothing.
  show(page) {
    this.#page = page;
    const name = page.params.get("host");
    if (!name) {
      this.#dialog.close();
      return;
    }
    const host = page.fleet.hosts.find((one) => one.name === name);
    render(host ? details(page, host) : absent(name), this.#dialog);
    if (!this.#dialog.open) this.#dialog.showModal();
  }
}
