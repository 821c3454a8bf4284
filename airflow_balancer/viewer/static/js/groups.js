// How hosts are grouped: by queue, tag or system, or by the tags of one prefix, such as rack-a and rack-b.
import { compareTexts } from "./filters.js";

const PREFIX = /^([A-Za-z][A-Za-z_]*)[-_=:.].+$/;
const NONE = "none";

const joined = (values) => [...values].sort(compareTexts).join(" + ") || NONE;

function prefixesOf(hosts) {
  const found = new Map();
  for (const tag of new Set(hosts.flatMap(({ tags }) => tags ?? []))) {
    const prefix = PREFIX.exec(tag)?.[1];
    if (prefix) found.set(prefix, (found.get(prefix) ?? 0) + 1);
  }
  return [...found].filter(([, number]) => number > 1).map(([prefix]) => prefix).sort(compareTexts);
}

// The groupings that tell these hosts apart, each with the group of a host.
export function groupingsOf(hosts) {
  const own = prefixesOf(hosts).map((prefix) => ({ id: `tag-${prefix}`, title: prefix, of: ({ tags }) => joined((tags ?? []).filter((tag) => PREFIX.exec(tag)?.[1] === prefix)) }));
  const all = [
    { id: "queue", title: "Queue", of: ({ queues }) => joined(queues ?? []) },
    ...own,
    { id: "tag", title: "Tag", of: ({ tags }) => joined(tags ?? []) },
    { id: "system", title: "System", of: ({ os }) => os || NONE },
  ];
  return [...all.filter(({ of }) => hosts.some((host) => of(host) !== NONE)), { id: "nothing", title: "Nothing", of: () => "" }];
}

export function grouped(hosts, of) {
  const groups = new Map();
  for (const host of hosts) {
    const name = of(host);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(host);
  }
  return [...groups].map(([name, its]) => ({ name, hosts: its }));
}
