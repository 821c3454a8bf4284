export * from "./lit-html-3.3.3.js";
export * from "./tanstack-virtual-core-3.19.11.js";
