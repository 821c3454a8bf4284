// What a pool and a slot count, in the words of README.md and docs/explanation/slots.md.
import { html } from "../vendor/index.js";

export const counted = html`<p class="hint">A pool counts the tasks that Airflow starts; with <code>hold_slots</code>, slots on the host count the commands that run there.</p>`;
