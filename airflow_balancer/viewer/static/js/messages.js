// The states without data: loading, nothing there, an error.
import { html, nothing } from "../vendor/index.js";

export const loadingNote = (what) => html`<p class="note" role="status">Reading ${what}…</p>`;

export const emptyNote = (title, hint, action = nothing) => html`
  <div class="empty"><h2>${title}</h2><p class="hint">${hint}</p>${action}</div>`;

const problemList = (problems) =>
  problems?.length ? html`<ul class="problems">${problems.map((problem) => html`<li>${problem}</li>`)}</ul>` : nothing;

// The message of a wrong configuration is its problems, one a line, as the command line prints them.
export function errorNote({ message, problems = [] }) {
  const repeated = message === problems.join("\n");
  const title = repeated && problems.length > 1 ? `The configuration has ${problems.length} problems` : message;
  return html`
    <div class="error" role="alert">
      <h2>${title}</h2>
      ${repeated && problems.length === 1 ? nothing : problemList(problems)}
    </div>`;
}

export const problemsNote = (title, problems) =>
  problems?.length ? html`<section class="warning"><h2>${title}</h2>${problemList(problems)}</section>` : nothing;

// Draws what was read, or why it is not there yet; `why` is the API's own word for what it cannot reach.
export function answerNote(answer, what, draw) {
  if (answer.error) return errorNote(answer.error);
  if (!answer.data) return loadingNote(what);
  if (answer.data.available === false) return emptyNote(`No ${what} here`, answer.data.why);
  return draw(answer.data);
}
