// The state of the page is in the address: `#tab?key=value&key=value`.

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
