// How a pool may differ from the configuration, in words, the worst first: tasks in a missing pool never start.
import { html } from "../vendor/index.js";

export const WORDS = { create: "missing", missing: "cannot be made", update: "other slots", kept: "edited by hand", orphaned: "orphaned", same: "as configured" };
const ORDER = Object.keys(WORDS);

export const countsOf = (changes) =>
  ORDER.map((change) => ({ word: WORDS[change], number: changes.filter((one) => one.change === change).length })).filter(({ number }) => number > 0);

export const orderOf = ({ change }) => ORDER.indexOf(change);

export const changeBadge = ({ change }) => html`<span class=${`badge pool-${change}`}>${WORDS[change] ?? change}</span>`;
