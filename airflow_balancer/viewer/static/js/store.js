// What the API answered, by address: asked for once, kept until it is asked to read again.

const KEPT = 60;

export class ApiError extends Error {
  constructor(status, message, problems = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

export function apiPath(path, params = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    for (const item of [value].flat()) {
      if (item !== null && item !== undefined && item !== "") query.append(key, item);
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

async function bodyOf(response) {
  try {
    return await response.json();
  } catch {
    return null; // a login page, or a proxy's own error
  }
}

async function fetchJson(path, signal) {
  const response = await fetch(path, { headers: { Accept: "application/json" }, credentials: "same-origin", signal });
  const body = await bodyOf(response);
  if (response.ok && body !== null) return body;
  const error = body?.error;
  if (error) throw new ApiError(response.status, error.message, error.problems);
  if (response.status === 401) throw new ApiError(401, "You are not logged in: log in to Airflow, then reload this page.");
  if (response.status === 403) throw new ApiError(403, "You may not see this page: ask for access to Airflow's website.");
  throw new ApiError(response.status, `The server answered ${response.status} to ${path}.`);
}

export class Store {
  #answers = new Map();
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  // Returns {data, error, loading}; the page is drawn again when the answer is there.
  read(path, params) {
    const key = apiPath(path, params);
    if (!this.#answers.has(key)) this.#ask(key);
    const answer = this.#answers.get(key);
    this.#answers.delete(key); // the one read last is the last to be forgotten
    this.#answers.set(key, answer);
    if (this.#answers.size > KEPT) this.#answers.delete(this.#answers.keys().next().value);
    return answer;
  }

  isReading(keys) {
    return keys.some((key) => this.#answers.get(key)?.loading);
  }

  // Reads again what was read below these paths; until the answers are there, the old ones stay.
  refresh(paths) {
    for (const key of [...this.#answers.keys()]) {
      if (paths.includes(key.split("?")[0])) this.#ask(key);
    }
  }

  // Reads everything again that the page still shows.
  refreshAll(paths) {
    for (const key of [...this.#answers.keys()]) {
      if (!paths.includes(key)) this.#answers.delete(key);
    }
    this.refresh(paths.map((path) => path.split("?")[0]));
    this.#changed();
  }

  async #ask(key) {
    const before = this.#answers.get(key);
    if (before?.loading) return;
    const answer = { data: before?.data ?? null, error: null, loading: true };
    this.#answers.set(key, answer);
    try {
      Object.assign(answer, { data: await fetchJson(key), loading: false });
    } catch (error) {
      Object.assign(answer, { data: null, error: error instanceof ApiError ? error : new ApiError(0, `No answer to ${key}: ${error.message}`), loading: false });
    }
    if (this.#answers.get(key) === answer) this.#changed();
  }
}
