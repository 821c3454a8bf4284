// A host's name as a button that shows the host, and what is said beside it.
import { html, nothing } from "../vendor/index.js";

const END = 5;

const why = (drain) => (drain === true ? "Takes no new task" : `Takes no new task: ${drain}`);

export const drainedBadge = ({ drain }) => (drain ? html` <span class="badge changed" title=${why(drain)}>drained</span>` : nothing);

// A name that is cut in the middle of its first label where there is no room: its beginning and its end tell hosts apart.
export function shortened(name) {
  const [label] = name.split(".", 1);
  if (label.length <= 2 * END) return name;
  return html`<span class="cut">${label.slice(0, -END)}</span><span class="cut-end">${label.slice(-END)}</span>${name.slice(label.length)}`;
}

export const hostLink = (name, open) => html`<button type="button" class="link" title=${name} aria-haspopup="dialog" @click=${() => open(name)}>${shortened(name)}</button>`;
