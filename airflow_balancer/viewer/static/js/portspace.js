// The part of the port space that a fleet uses, and the gaps in it.
export const LAST_PORT = 65535;

// The part of the port space that any host uses, rounded outwards.
export function spaceOf(ports) {
  const numbers = ports.map(({ port }) => port);
  const low = Math.max(0, Math.floor(Math.min(...numbers) / 100) * 100);
  const high = Math.min(LAST_PORT, Math.ceil((Math.max(...numbers) + 1) / 100) * 100);
  return { low, high: Math.max(high, low + 1) };
}

export const place = (port, { low, high }) => (100 * (port - low)) / (high - low);

// Numbers that follow each other as one range: 8000-8003, 9000.
export function rangesOf(numbers) {
  const ranges = [];
  for (const number of [...numbers].sort((left, right) => left - right)) {
    const last = ranges.at(-1);
    if (last && number === last.to + 1) last.to = number;
    else ranges.push({ from: number, to: number });
  }
  return ranges;
}

export const rangeText = (numbers) => rangesOf(numbers).map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");

// The ranges from the first to the last port that hold none of the taken numbers.
export function gapsOf(taken, first, last) {
  const gaps = [];
  let next = first;
  for (const number of [...new Set(taken)].filter((one) => one >= first && one <= last).sort((left, right) => left - right)) {
    if (number > next) gaps.push({ from: next, to: number - 1 });
    next = number + 1;
  }
  return next <= last ? [...gaps, { from: next, to: last }] : gaps;
}
