// Copy buttons; `navigator.clipboard` is missing where the page is not served over https or from this machine.
import { html } from "../vendor/index.js";

function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "away";
  const holder = document.querySelector("dialog[open]") ?? document.body;
  holder.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

async function onCopy(event, text) {
  const button = event.currentTarget;
  const copied = await copyText(typeof text === "function" ? text() : text);
  button.dataset.done = copied ? "Copied" : "Select and copy by hand";
  button.focus();
  setTimeout(() => delete button.dataset.done, 1500);
}

export const copyButton = (text, what, label = "Copy") => html`
  <button type="button" class="copy" aria-label=${`${label} ${what}`} @click=${(event) => onCopy(event, text)}>
    <span class="copy-label">${label}</span>
  </button>`;

export const codeBlock = (text, what) => html`
  <div class="code"><pre tabindex="0" role="region" aria-label=${what}><code>${text}</code></pre>${copyButton(text, what)}</div>`;
