// The state of the page is in the address: `#tab?key=value&key=value`; within Airflow's frame, also in that of Airflow's page.

function outerWindow() {
  try {
    return window.parent !== window && window.parent.location.origin === location.origin ? window.parent : null;
  } catch {
    return null; // the parent is of another origin
  }
}

// A reload of Airflow's page opens the frame anew: what was shown is in the address around it.
export function restoreAddress() {
  const hash = outerWindow()?.location.hash ?? "";
  if (location.hash.length < 2 && hash.length > 1) history.replaceState(null, "", hash);
}

export function mirrorAddress() {
  const outer = outerWindow();
  if (!outer || !location.hash || outer.location.hash === location.hash) return;
  // Whole, since Airflow's page has a base, against which a bare hash is an address of its home.
  const { pathname, search } = outer.location;
  outer.history.replaceState(outer.history.state, "", pathname + search + location.hash);
}

// What others can open, with Airflow's navigation around it.
export const sharedAddress = () => (outerWindow() ?? window).location.href.split("#")[0] + location.hash;

export function readAddress(fallback) {
  const [tab, query = ""] = location.hash.slice(1).split("?", 2);
  return { tab: tab || fallback, params: new URLSearchParams(query) };
}

export function hashOf(tab, params) {
  const kept = new URLSearchParams([...params].filter(([, value]) => value !== ""));
  const query = kept.toString();
  return `#${tab}${query ? `?${query}` : ""}`;
}

// A new tab is a step to go back to; a letter typed into a filter is not.
export function writeAddress(tab, params, { step }) {
  const hash = hashOf(tab, params);
  if (hash === location.hash) return;
  if (step) {
    history.pushState(null, "", hash);
  } else {
    history.replaceState(null, "", hash);
  }
}

const WITHIN = /^(.*\/)airflow-balancer\//;

// An address below Airflow's own; empty where the page is not within Airflow.
export function airflowPage(path) {
  const airflow = WITHIN.exec(location.pathname);
  return airflow ? `${airflow[1]}${path}` : "";
}
