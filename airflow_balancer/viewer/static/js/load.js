// How a pool's slots are taken, and which tasks wait for one.
import { whole } from "./numbers.js";

export const HIGH = 0.8;
const LEVELS = { full: "full, tasks wait", high: "80 % taken or more", calm: "less than 80 % taken" };

// Whether deferred tasks take slots is the pool's own choice: `open` knows it.
export function loadOf(stats) {
  if (!stats) return null;
  const { total, running, queued, scheduled: waiting, open } = stats;
  const taken = total === null ? running + queued : total - open;
  const share = total === null ? 0 : total > 0 ? taken / total : 1;
  const pressure = total === null ? 0 : (taken + waiting) / Math.max(total, 1);
  return { total, taken, waiting, open, share, pressure, level: levelOf(share, waiting) };
}

const levelOf = (share, waiting) => (share >= 1 && waiting > 0 ? "full" : share >= HIGH ? "high" : "calm");

export const levelText = (level) => LEVELS[level];
export const levels = Object.keys(LEVELS);

// `2/2 +3`: two of two slots are taken, and three more are waited for.
export const loadText = ({ total, taken, waiting }) => `${whole(taken)}/${total === null ? "∞" : whole(total)}${waiting ? ` +${whole(waiting)}` : ""}`;

export const loadWords = ({ total, taken, waiting }) => `${whole(taken)} of ${total === null ? "∞" : whole(total)} ${total === 1 ? "slot" : "slots"} taken${waiting ? `, ${whole(waiting)} waiting` : ""}`;
