// How the attempts on a host went in the last day, as Airflow knows it.
import { html, nothing, svg } from "../vendor/index.js";
import { count } from "./numbers.js";

const MOST_FAILING = 3;
const HEIGHT = 20;

export const healthOf = (page) => {
  const { data } = page.ask("api/health", page.where);
  return data?.available ? data.pools : {};
};

// A host is taken for down after three failed attempts in a row, or one that could not reach it.
export const isDown = (row) => Boolean(row) && (row.failing >= MOST_FAILING || (row.failing > 0 && row.unreachable > 0));

export function agoText(when) {
  const minutes = Math.max(0, Math.round((Date.now() - Date.parse(when)) / 60000));
  if (minutes >= 2880) return `${count(Math.round(minutes / 1440), "day")} ago`;
  return minutes < 60 ? `${count(minutes, "minute")} ago` : `${count(Math.round(minutes / 60), "hour")} ago`;
}

const secondsText = (seconds) => (seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`);

export const successText = (row) => (row.last_success ? `last success ${agoText(row.last_success)}` : "no success in the last day");

export function failuresText(row) {
  const unreachable = row.unreachable ? `, ${row.unreachable} unreachable` : "";
  return `${row.failures} of ${count(row.attempts, "attempt")} failed${unreachable}`;
}

export const downText = (row) =>
  row.unreachable ? `cannot be reached: ${count(row.failing, "attempt")} failed since the last success` : `the last ${count(row.failing, "attempt")} failed`;

// Attempts of each hour of the last day, what failed in red; the newest hour is on the right.
export function sparkline(row) {
  const most = Math.max(...row.hourly_attempts, 1);
  const label = `Last 24 hours: ${failuresText(row)}, ${successText(row)}`;
  const bars = row.hourly_attempts.map((number, hour) => {
    const [all, failed] = [number, row.hourly_failures[hour]].map((value) => (HEIGHT * value) / most);
    return number === 0 ? nothing : svg`<rect class="fill-success" x=${hour} width="0.8" y=${HEIGHT - all} height=${all - failed}></rect><rect class="fill-failed" x=${hour} width="0.8" y=${HEIGHT - failed} height=${failed}></rect>`;
  });
  return html`<svg class="sparkline" viewBox=${`0 0 24 ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${label}><title>${label}</title>${bars}</svg>`;
}

export const healthCell = (row) => (row ? html`<span class="health">${sparkline(row)}<span class=${isDown(row) ? "strong" : "dim"}>${row.failures ? `${row.failures}/${row.attempts}` : row.attempts}</span></span>` : nothing);

export const healthSection = (row) =>
  row
    ? html`<section><h3>Last 24 hours</h3>${sparkline(row)}
        <p class=${isDown(row) ? "strong" : ""}>${failuresText(row)}; ${successText(row)}.</p>
        ${row.wait === null ? nothing : html`<p>Half of the attempts waited ${secondsText(row.wait)} or more for a slot.</p>`}</section>`
    : nothing;
