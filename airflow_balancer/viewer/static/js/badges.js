// What is said of a host beside its name.
import { html, nothing } from "../vendor/index.js";

const why = (drain) => (drain === true ? "Takes no new task" : `Takes no new task: ${drain}`);

export const drainedBadge = ({ drain }) => (drain ? html` <span class="badge changed" title=${why(drain)}>drained</span>` : nothing);
