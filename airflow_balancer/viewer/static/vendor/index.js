export * from "./lit-html-3.3.3.js";
export * from "./tanstack-virtual-core-3.19.11.js";
export * from "./d3-hierarchy-3.1.2.js";
