// A host's name as a button that shows the host, and what is said beside it.
import { html, nothing } from "../vendor/index.js";

const TAIL = 8;

export const drainedBadge = ({ drain }) => (drain ? html` <span class="badge changed" title="Takes no new task">drained</span>` : nothing);

// A name that is cut in its middle where there is no room: its beginning and its end tell hosts apart.
export const shortened = (name) =>
  name.length > 2 * TAIL ? html`<span class="cut">${name.slice(0, -TAIL)}</span><span class="cut-end">${name.slice(-TAIL)}</span>` : name;

export const hostLink = (name, open) => html`<button type="button" class="link" title=${name} aria-haspopup="dialog" @click=${() => open(name)}>${shortened(name)}</button>`;
