// What is said of a host beside its name.
import { html, nothing } from "../vendor/index.js";

export const drainedBadge = ({ drain }) => (drain ? html` <span class="badge changed" title="Takes no new task">drained</span>` : nothing);
