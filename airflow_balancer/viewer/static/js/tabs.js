// The tabs: arrow keys move between them, as in the ARIA Authoring Practices.
import { html } from "../vendor/index.js";

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

function target(event, tabs) {
  const here = tabs.indexOf(event.currentTarget);
  if (event.key in STEPS) return tabs[(here + STEPS[event.key] + tabs.length) % tabs.length];
  if (event.key === "Home") return tabs[0];
  return event.key === "End" ? tabs.at(-1) : null;
}

function onKey(event) {
  const tabs = [...event.currentTarget.parentElement.querySelectorAll("[role=tab]")];
  const next = target(event, tabs);
  if (!next) return;
  event.preventDefault();
  next.click();
  next.focus();
}

export const tabList = (views, chosen, choose) => html`
  <div class="tabs" role="tablist" aria-label="Views">
    ${views.map(
      ({ id, title }) => html`
        <button type="button" role="tab" id=${`tab-${id}`} aria-controls="panel" aria-selected=${id === chosen} tabindex=${id === chosen ? 0 : -1} @click=${() => choose(id)} @keydown=${onKey}>${title}</button>`,
    )}
  </div>`;
