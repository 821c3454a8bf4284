// How a pool may differ from the configuration, in words.

export const WORDS = { create: "missing", update: "other slots", orphaned: "orphaned", kept: "edited by hand" };

export const countsOf = (changes) =>
  Object.entries(WORDS)
    .map(([change, word]) => ({ word, number: changes.filter((one) => one.change === change).length }))
    .filter(({ number }) => number > 0);
