// The states without data: loading, nothing there, an error.
import { html, nothing } from "../vendor/index.js";
import { airflowPage } from "./address.js";

const LOGGED_OUT = 401;

export const loadingNote = (what) => html`<p class="note" role="status">Reading ${what}…</p>`;

export const emptyNote = (title, hint, action = nothing) => html`
  <div class="empty"><h2>${title}</h2><p class="hint">${hint}</p>${action}</div>`;

const problemList = (problems) =>
  problems?.length ? html`<ul class="problems">${problems.map((problem) => html`<li>${problem}</li>`)}</ul>` : nothing;

// The message of a wrong configuration is its problems, one a line, as the command line prints them.
export function errorNote({ message, problems = [], status }) {
  const repeated = message === problems.join("\n");
  const title = repeated && problems.length > 1 ? `The configuration has ${problems.length} problems` : message;
  return html`
    <div class="error" role="alert">
      <h2>${title}</h2>
      ${repeated && problems.length === 1 ? nothing : problemList(problems)}
      ${status === LOGGED_OUT && airflowPage("") ? html`<p><a href=${airflowPage("airflow-balancer/")} target="_top">Log in to Airflow</a></p>` : nothing}
    </div>`;
}

// The error of each file under its name, which its text begins with.
export const brokenNote = (problems) =>
  problems.map((text) => {
    const [name, ...rest] = text.split(": ");
    return html`<section class="error" role="alert"><h2>${name}</h2><p>${rest.join(": ")}</p></section>`;
  });

// Draws what was read, or why it is not there yet; `why` is the API's own word for what it cannot reach.
export function answerNote(answer, what, draw) {
  if (answer.error) return errorNote(answer.error);
  if (!answer.data) return loadingNote(what);
  if (answer.data.available === false) return emptyNote(`No ${what} here`, answer.data.why);
  return draw(answer.data);
}
