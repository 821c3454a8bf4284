// Short lists of words: queues and tags.
import { html } from "../vendor/index.js";

export const chips = (words, kind = "") => (words ?? []).map((word) => html`<span class=${`chip ${kind}`} title=${word}>${word}</span> `);
