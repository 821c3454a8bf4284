"""Hostile inputs made by hand, by what is hostile in them."""

from __future__ import annotations

from .rig import Content, Fifo, Input, Link, Sparse

PLAIN = Input({"balancer.yaml": "hosts: [{name: host1, size: 4}, {name: host2, queues: [workers]}]\nports: [{host: host1, port: 80}]\n"})
TREE = Input(
    {
        "config.yaml": "defaults: [/hosts@balancer.hosts: all, /env: dev, _self_]\n"
        "balancer: {default_size: 8}\n"
        "tasks: {one: {_target_: x.Task, host: '${balancer.name:{queue:workers}}', port: '${balancer.free_port:{host:host1}}'}}\n",
        "hosts/all.yaml": "host1: {size: 4}\nhost2: {queues: [workers]}\n",
        "env/dev.yaml": "# @package _global_\nenv: dev\n",
        "env/prod.yaml": "# @package _global_\nenv: prod\nbalancer: {host_overrides: {host1: {size: 2}}}\n",
    },
    "config.yaml",
    ("env=prod",),
)
DEEP = 200_000


def _bomb(levels: int = 10) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def _mapping_bomb(levels: int = 26) -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{l: *a{n - 1}, r: *a{n - 1}}}" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def _everywhere(name: str, content: Content, text: str | None = None) -> dict[str, Input]:
    """Put content in the place of each file that a configuration can be made of."""
    root = {f"{name} as the root file": Input({"balancer.yaml": content})}
    if text is not None:
        root = {f"{name} in the root file": Input({"balancer.yaml": f"{text}hosts: [{{name: host1}}]\n"})}
        root[f"{name} in a tree's root file"] = Input({"balancer.yaml": f"defaults: [_self_]\n{text}hosts: [{{name: host1}}]\n"})
    plain = "balancer: {hosts: [{name: host1}]}\n"
    return root | {
        f"{name} as an inventory": Input({"balancer.yaml": "hosts: ${balancer.inventory:other.yaml}\n", "other.yaml": content}),
        f"{name} as an included file": Input({"balancer.yaml": f"defaults: [other, _self_]\n{plain}", "other.yaml": content}),
        f"{name} as an option": Input({"balancer.yaml": f"defaults: [/env: dev, _self_]\n{plain}", "env/dev.yaml": content}),
        f"{name} as an overriding option": Input(
            {"balancer.yaml": f"defaults: [/env: dev, _self_]\n{plain}", "env/dev.yaml": "a: 1\n", "env/prod.yaml": content},
            overrides=("env=prod",),
        ),
        f"{name} as an option named by an interpolation": Input(
            {
                "balancer.yaml": f"defaults: [/env: dev, '/more': '${{env}}', _self_]\n{plain}",
                "env/dev.yaml": "a: 1\n",
                "more/dev.yaml": content,
            }
        ),
        f"{name} as a lock file": Input(
            {
                "balancer.yaml": "balancer: {lock: lock.yaml, hosts: [{name: host1}]}\nport: '${balancer.free_port:{host:host1}}'\n",
                "lock.yaml": content,
            }
        ),
        f"{name} in the root of a tree above": Input(
            {"conf/config.yaml": content, "conf/one/balancer.yaml": "defaults: [_self_]\nhosts: [{name: host1}]\n"},
            "conf/one/balancer.yaml",
        ),
    }


def _one(name: str, yaml: str, *overrides: str, **files: Content) -> dict[str, Input]:
    more = {file.replace("__", "/") + ".yaml": content for file, content in files.items()}
    return {name: Input({"balancer.yaml": yaml, **more}, overrides=overrides)}


def _texts(levels: int = 14) -> str:
    return "x0: aaaa\n" + "".join(f"x{n}: {f'${{x{n - 1}}}' * 4}\n" for n in range(1, levels))


def _lists(levels: int = 14) -> str:
    four = {n: ", ".join([f"'${{x{n}}}'"] * 4) for n in range(levels)}
    return "x0: aaaa\n" + "".join(f"x{n}: [{four[n - 1]}]\n" for n in range(1, levels))


HOSTS = "hosts: [{name: host1}]\n"
ENDLESS: dict[str, Input] = {
    **_everywhere("deep lists", "[" * DEEP),
    **_everywhere("deep mappings", "{a: " * DEEP),
    **_everywhere("deep closed lists", f"hosts: {'[' * DEEP}{']' * DEEP}\n"),
    **_everywhere("deep blocks", "".join(f"{' ' * n}a:\n" for n in range(1500))),
    **_everywhere("dashes", "- " * DEEP + "a\n"),
    **_everywhere("nesting past Python's stack", "hosts: " + "[" * 900 + "]" * 900 + "\n"),
    **_everywhere("an alias bomb", _bomb(), _bomb()),
    **_everywhere("a bomb of mappings", _mapping_bomb(), _mapping_bomb()),
    **_everywhere("an alias of itself", "hosts: &a [*a]\n", "a: &a [*a]\n"),
    **_everywhere("a pipe", Fifo()),
    **_everywhere("an endless device", Link("/dev/zero")),
    **_everywhere("random numbers", Link("/dev/urandom")),
    **_everywhere("a huge file", Sparse(2**36)),
    **_everywhere("a file of 100 MB", Sparse(100 * 2**20)),
    **_one(
        "a merge bomb", "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9) if n else ''}], k{n}: 1}}\n" for n in range(12)) + HOSTS
    ),
    **_one("an interpolation bomb", f"{_texts()}balancer: {{hosts: [{{name: '${{x13}}'}}]}}\n"),
    **_one("an interpolation bomb in a task", f"{_texts()}balancer: {{{HOSTS.strip()}}}\ntask: {{on: '${{balancer.name:}} ${{x13}}'}}\n"),
    **_one("an interpolation bomb in a query", f"{_texts()}balancer: {{{HOSTS.strip()}}}\ntask: {{on: '${{balancer.name:${{x13}}}}'}}\n"),
    **_one("an interpolation bomb in a defaults list", f"defaults: [_self_, 'env: ${{x13}}']\n{_texts()}{HOSTS}"),
    **_one("an interpolation bomb of lists", f"{_lists()}balancer: {{hosts: '${{x13}}'}}\n"),
    **_one("an interpolation bomb of lists in a host", f"{_lists()}balancer: {{hosts: [{{name: host1, tags: '${{x13}}'}}]}}\n"),
    **_one("an interpolation bomb in an override", f"{_texts()}balancer: {{{HOSTS.strip()}}}\n", "+balancer.default_username=${x13}"),
    **_one("interpolations deep in one string", f"a: {'${' * 5000}b{'}' * 5000}\nbalancer: {{{HOSTS.strip()}}}\n"),
    **_one("interpolations deep in a host", f"hosts: [{{name: '{'${' * 300}b{'}' * 300}'}}]\n"),
    **_one("many interpolations in one string", f"a: b\nbalancer: {{hosts: [{{name: host1, os: '{'${a}' * 20000}'}}]}}\n"),
    **_one("a chain of interpolations", "".join(f"x{n}: ${{x{n + 1}}}\n" for n in range(2000)) + "balancer: {hosts: [{name: '${x0}'}]}\n"),
    **_one("a circle of interpolations", "a: ${b}\nb: ${a}\nbalancer: {hosts: [{name: '${a}'}]}\n"),
    **_one("a decoding bomb", f"{_texts(12)}balancer: {{hosts: '${{oc.decode:${{x11}}}}'}}\n"),
    **_one("an environment of itself", "hosts: ${oc.decode:'${hosts}'}\n"),
    **_one(
        "2,000 misspelt hosts",
        "hosts: {"
        + ", ".join(f"host{n}: {{}}" for n in range(2000))
        + "}\nhost_overrides: {"
        + ", ".join(f"hots{n}: {{size: 1}}" for n in range(2000))
        + "}\n",
    ),
    **_one(
        "2,000 ports on misspelt hosts",
        "hosts: {"
        + ", ".join(f"host{n}: {{}}" for n in range(2000))
        + "}\nports: ["
        + ", ".join(f"{{host: hots{n}, port: 1}}" for n in range(2000))
        + "]\n",
    ),
    **_one("2,000 misspelt keys", "hosts: [{name: host1, " + ", ".join(f"sise{n}: 1" for n in range(2000)) + "}]\n"),
    **_one("2,000 hosts with a misspelt key", "hosts: [" + ", ".join(f"{{name: host{n}, sise: 1}}" for n in range(2000)) + "]\n"),
    **_one(
        "2,000 wrong hosts with passwords",
        "hosts: [" + ", ".join(f"{{name: host{n}, size: -1, password: hunter-{n}, os: [{'a' * 80}]}}" for n in range(2000)) + "]\n",
    ),
    **_one("2,000 misspelt settings", HOSTS + "".join(f"default_sise{n}: 1\n" for n in range(2000))),
    **_one("a key of 100,000 characters", HOSTS + f"{'k' * 100_000}: 1\n"),
    **_one("a host name of 100,000 characters", f"hosts: [{{name: {'k' * 100_000}}}]\n"),
    **_one(
        "2,000 long names that are alike",
        "hosts: {" + ", ".join(f"{'ab' * 120}{n}: {{}}" for n in range(2000)) + "}\nports: [{host: " + "ba" * 120 + ", port: 1}]\n",
    ),
    **_one("a pattern of stars", "balancer: {hosts: [{name: '" + "a" * 250 + "'}]}\ntask: '${balancer.name:\"" + "*a" * 120 + "b\"}'\n"),
    **_one(
        "5,000 queues and no match",
        "balancer: {hosts: ["
        + ", ".join(f"{{name: h{n}, queues: [q{n}]}}" for n in range(2000))
        + "]}\ntask: '${balancer.name:{queue:q}}'\n",
    ),
    **_one(
        "a defaults bomb",
        "defaults: [a15, _self_]\n" + HOSTS,
        **{f"a{n}": (f"defaults: [a{n - 1}@x, a{n - 1}@y]\n" if n else "a: 1\n") for n in range(16)},
    ),
    **_one("defaults of itself", "defaults: [balancer, _self_]\n" + HOSTS),
    **_one("defaults in a circle", "defaults: [a, _self_]\n" + HOSTS, a="defaults: [b]\n", b="defaults: [a]\n"),
    **_one("a long defaults list", "defaults: [" + ", ".join(f"o@p{n}" for n in range(3000)) + ", _self_]\n" + HOSTS, o="a: 1\n"),
    **_one(
        "a chain of defaults", "defaults: [f0, _self_]\n" + HOSTS, **{f"f{n}": f"defaults: [f{n + 1}]\n" for n in range(400)}, f400="a: 1\n"
    ),
    **_one("an override a mebibyte long", HOSTS, "default_username=" + "a" * 2**20),
    **_one("a deep override", HOSTS, "default_username=" + "[" * 5000 + "]" * 5000),
    **_one("a deep key of an override", HOSTS, "+" + "a." * 5000 + "b=1"),
    **_one("an override with deep interpolations", HOSTS, "default_username=" + "${" * 3000 + "a" + "}" * 3000),
    **_one("a regex that backtracks in a quoted string", HOSTS, "default_username='" + "\\" * 5001 + "'"),
}
SHAPES: dict[str, Input] = {
    **_one("a number of 5,000 digits as the size", f"hosts: [{{name: host1, size: {'9' * 5000}}}]\n"),
    **_one("a number of 5,000 digits as a name", f"hosts: [{{name: {'9' * 5000}}}]\n"),
    **_one("a number of 5,000 digits as a key", f"{'9' * 5000}: 1\n{HOSTS}"),
    **_one("a number of 5,000 digits in a tree", f"defaults: [_self_]\nhosts: [{{name: host1, size: {'9' * 5000}}}]\n"),
    **_one("a hexadecimal number of 5,000 digits", f"hosts: [{{name: host1, size: 0x{'f' * 5000}}}]\n"),
    **_one("a hexadecimal number as a name", f"hosts: [{{name: 0x{'f' * 5000}}}]\n"),
    **_one("a hexadecimal number as a key of the fleet", f"hosts: {{0x{'f' * 5000}: {{}}}}\n"),
    **_one(
        "a hexadecimal number in a tree",
        f"defaults: [_self_]\nhosts: [{{name: host1, ssh_hook_args: {{port: 0x{'f' * 5000}}}}}]\n",
    ),
    **_one("a sexagesimal number", f"hosts: [{{name: host1, size: 1{':59' * 20000}}}]\n"),
    **_one("a long number with underscores", f"hosts: [{{name: host1, size: 1{'_0' * 3000}}}]\n"),
    **_one("an override with 5,000 digits", HOSTS, f"default_size={'9' * 5000}"),
    **_one("an override of an argument with 5,000 digits", HOSTS, f"+hosts.0.ssh_hook_args.port={'9' * 5000}"),
    **_one("a key of an override with 5,000 digits", HOSTS, f"hosts.{'9' * 5000}.size=1"),
    **_one(
        "a port of 5,000 digits in a query", "balancer: {hosts: [{name: host1}]}\nask: '${balancer.free_port:{min:" + "9" * 5000 + "}}'\n"
    ),
    **_one("an override of a name in a list", HOSTS, "hosts.a.size=3"),
    **_one("an override past the list's end", HOSTS, "hosts.7.size=3"),
    **_one("an override below the first", HOSTS, "hosts.-7.size=3"),
    **_one("an override of an index that is no number", HOSTS, "hosts.0x0.size=3"),
    **_one("an override below a number", HOSTS + "default_size: 4\n", "default_size.a.b=3"),
    **_one("an override that adds below a list", HOSTS, "+hosts.a=3"),
    **_one("an override that appends to a list", HOSTS, "+hosts.1={name:b}"),
    **_one("an override that removes from a list", HOSTS, "~hosts.0"),
    **_one("an override that removes a name from a list", HOSTS, "~hosts.a"),
    **_one("an override that removes all", HOSTS, "~hosts"),
    **_one("an override that removes another value", HOSTS, "~hosts=3"),
    **_one("an empty override", HOSTS, ""),
    **_one("an override without a key", HOSTS, "=3"),
    **_one("an override of dots", HOSTS, "...=3"),
    **_one("an override of Hydra", HOSTS, "hydra=null"),
    **_one("an override of Hydra's path", HOSTS, "hydra.searchpath=3"),
    **_one("an override with a null byte", HOSTS, "default_username=a\0b"),
    **_one("an override with half a character", HOSTS, "default_username=\ud800"),
    **_one("an override with a new line", HOSTS, "default_username=a\nb"),
    **_one("an override of an unknown function", HOSTS, "default_size=shuffle(1)"),
    **_one("an override by a sweep", HOSTS, "default_size=range(1,4)"),
    **_one("an override by a cast", HOSTS, "default_size=int(a)"),
    **_one("an override of a group", HOSTS, "env=prod"),
    **_one("an override of a group in a package", HOSTS, "+env@a.b=prod"),
    **_one("keys that are no strings", "1: 2\nnull: 3\ntrue: 4\n1.5: 6\n" + HOSTS),
    **_one("keys that are no strings in a tree", "defaults: [_self_]\n1: 2\nnull: 3\ntrue: 4\n1.5: 6\n" + HOSTS),
    **_one("a null key in a tree", "defaults: [_self_]\nnull: 3\n" + HOSTS),
    **_one("keys of a host that are no strings", "hosts: [{name: host1, 1: 2, null: 3, true: 4}]\n"),
    **_one("keys of hosts that are no strings", "hosts: {1: {}, null: {}, true: {}, 1.5: {}}\n"),
    **_one("keys of overridden hosts that are no strings", HOSTS + "host_overrides: {1: {}, null: {size: 3}, true: 4}\n"),
    **_one("keys of arguments that are no strings", "hosts: [{name: host1, ssh_hook_args: {1: 2, null: 3}}]\n"),
    **_one("keys that are lists", "[a, b]: 1\n" + HOSTS),
    **_one("keys that are mappings", "{a: b}: 1\n" + HOSTS),
    **_one("keys that are lists in a tree", "defaults: [_self_]\n? [a, b]\n: 1\n" + HOSTS),
    **_one("a key twice", HOSTS + HOSTS),
    **_one("a list key twice", "? [a]\n: 1\n? [a]\n: 2\n" + HOSTS),
    **{
        name: case
        for tag in (
            "!!python/object/apply:os.system [id]",
            "!!python/name:os.system",
            "!!python/tuple [a]",
            "!!binary aGk=",
            "!!binary '***'",
            "!!set {a, b}",
            "!!omap [a: 1]",
            "!!pairs [a: 1]",
            "!!timestamp 2026-01-01",
            "!!timestamp x",
            "2026-01-01",
            "!!int x",
            "!!int ''",
            "!!float x",
            "!!float ''",
            "!!bool maybe",
            "!!null x",
            "!!str 3",
            "!!map x",
            "!!seq x",
            "!x y",
            "!!x y",
            "!<tag:x> y",
            "! y",
            "!!set [a]",
            "!!omap {a: 1}",
            "!!omap [1]",
            "!!merge x",
            "!!value x",
            "=",
            "<<",
            ".inf",
            "-.inf",
            ".nan",
            "1e400",
            "0o17",
            "0b11",
            "012",
            "-0",
            "~",
            "''",
            "'${'",
            "'${}'",
            "'${a'",
            "'${a.b.c}'",
            "'${..a}'",
            "'${.}'",
            "'${x:y}'",
            "'${oc.env:X}'",
            "'${oc.env:}'",
            "'${oc.env:X,null}'",
            "'${oc.decode:\"[\"}'",
            "'${oc.create:{a:1}}'",
            "'${oc.select:a}'",
            "'${oc.dict.keys:hosts}'",
            "'${oc.dict.values:hosts}'",
            "'${oc.deprecated:hosts}'",
            "'${hydra:x}'",
            "'${hydra:runtime.cwd}'",
            "'${now:%Y}'",
            "'${now:}'",
            "'${balancer.name:}'",
            "'${balancer.host:}'",
            "'${balancer.hosts:}'",
            "'${balancer.port:}'",
            "'${balancer.free_port:}'",
            "'${balancer.inventory:}'",
            "'${balancer.inventory:3}'",
            "'${balancer.inventory:balancer.yaml}'",
            "'${balancer.inventory:/}'",
            "'${balancer.inventory:\"\\0\"}'",
            "'${balancer.inventory:null}'",
            "'${balancer.inventory:[a]}'",
            "'${balancer.inventory:{a:1}}'",
            "'${balancer.inventory:a,b}'",
            "'${balancer.x:}'",
            "'???'",
            "'\\u2028'",
            '"\\ud800"',
            '"\\0"',
            '"\\x1b[31m"',
            '"a\\nb"',
            '"\\x7f"',
            "3",
            "-3",
            "1.5",
            "true",
            "[]",
            "{}",
            "[[]]",
            "[{}]",
            "[null]",
            "{a: null}",
            "{_target_: sys.exit}",
            "{_target_: x}",
            "{_target_: null}",
            "{_target_: 3}",
            "{_target_: ''}",
            "{_target_: builtins.exec, _args_: ['raise KeyboardInterrupt']}",
            "{_target_: airflow_balancer.Host}",
            "{_target_: airflow_balancer.strategies.Bounded, c: a}",
            "{_args_: [1]}",
            "{_target_: airflow_balancer.BalancerConfiguration}",
            "{_partial_: true}",
            "{key: 3}",
            "{key: a, more: b}",
            "&a [*a]",
            "*a",
        )
        for key, yaml in {
            "hosts": "hosts: {0}\n",
            "a host": "hosts: [{0}]\n",
            "a named host": "hosts: {{a: {0}}}\n",
            "a name": "hosts: [{{name: {0}}}]\n",
            "ports": "hosts: [{{name: host1}}]\nports: {0}\n",
            "a port": "hosts: [{{name: host1}}]\nports: [{0}]\n",
            "a number": "hosts: [{{name: host1}}]\nports: [{{host: host1, port: {0}}}]\n",
            "size": "hosts: [{{name: host1, size: {0}}}]\n",
            "queues": "hosts: [{{name: host1, queues: {0}}}]\n",
            "a tag": "hosts: [{{name: host1, tags: [{0}]}}]\n",
            "arguments": "hosts: [{{name: host1, ssh_hook_args: {0}}}]\n",
            "an argument": "hosts: [{{name: host1, ssh_hook_args: {{ciphers: {0}}}}}]\n",
            "a pool": "hosts: [{{name: host1, pool: {0}}}]\n",
            "a password": "hosts: [{{name: host1, password: {0}}}]\n",
            "address": "hosts: [{{name: host1, address: {0}}}]\n",
            "drain": "hosts: [{{name: host1, drain: {0}}}]\n",
            "host_overrides": "hosts: [{{name: host1}}]\nhost_overrides: {0}\n",
            "an overridden host": "hosts: [{{name: host1}}]\nhost_overrides: {{host1: {0}}}\n",
            **{
                setting: "hosts: [{{name: host1}}]\n" + setting + ": {0}\n"
                for setting in (
                    "strategy",
                    "pool_manager",
                    "lock",
                    "default_size",
                    "default_password",
                    "queue_pools",
                    "default_username",
                    "defaults",
                    "hydra",
                    "balancer",
                    "extensions",
                    "_target_",
                    "_convert_",
                    "_recursive_",
                    "_args_",
                    "_partial_",
                    "other",
                )
            },
            "the whole": "{0}\n",
            "balancer's node": "balancer: {0}\n",
            "extensions": "extensions: {0}\n",
            "the balancer of extensions": "extensions: {{balancer: {0}}}\n",
            "hydra's searchpath": "hosts: [{{name: host1}}]\nhydra: {{searchpath: {0}}}\n",
            "hydra's job": "hosts: [{{name: host1}}]\nhydra: {{job: {0}}}\n",
            "an option": "defaults: [/env: {0}, _self_]\nhosts: [{{name: host1}}]\n",
            "a default": "defaults: [{0}, _self_]\nhosts: [{{name: host1}}]\n",
            "a task": "balancer: {{hosts: [{{name: host1}}]}}\ntask: {{_target_: x, a: {0}, b: '${{balancer.name:}}'}}\n",
            "a merged mapping": "x: {{<<: {0}}}\nhosts: [{{name: host1}}]\n",
        }.items()
        for name, case in _one(f"{key} is {tag}", yaml.format(tag)).items()
    },
    **_one("hydra is null", "hydra: null\n" + HOSTS),
    **_one("hydra is null in a tree", "defaults: [_self_]\nhydra: null\n" + HOSTS),
    **_one("a strategy that exits", HOSTS + "strategy: {_target_: sys.exit}\n"),
    **_one("a strategy that is interrupted", HOSTS + "strategy: {_target_: _thread.interrupt_main}\n"),
    **_one("a pool manager that is a number", HOSTS + "pool_manager: 5\n"),
    **_one("a lock file's name with a null byte", 'hosts: [{name: host1}]\nlock: "a\\0b"\n'),
    **_one(
        "a lock file's name that is too long",
        f"balancer: {{lock: {'a' * 5000}, hosts: [{{name: host1}}]}}\np: '${{balancer.free_port:}}'\n",
    ),
    **_one("an inventory's name that is too long", f"hosts: ${{balancer.inventory:{'a' * 5000}}}\n"),
    **_one("a default's name that is too long", f"defaults: [{'a' * 5000}]\n{HOSTS}"),
    **_one("a default's name with a null byte", f'defaults: ["a\\0b"]\n{HOSTS}'),
    **_one("an option's name with a line", f'defaults: [/env: "a\\nb", _self_]\n{HOSTS}'),
    "UTF-16": Input({"balancer.yaml": HOSTS.encode("utf-16")}),
    "no UTF-8": Input({"balancer.yaml": b"hosts: [{name: \xff\xfe}]\n"}),
    "no UTF-8 included": Input({"balancer.yaml": f"defaults: [other, _self_]\n{HOSTS}", "other.yaml": b"a: \xff\n"}),
    "a null byte": Input({"balancer.yaml": b"hosts: [{name: a\0b}]\n"}),
    "a folder in place of an included file": Input({"balancer.yaml": f"defaults: [other, _self_]\n{HOSTS}", "other.yaml/a.yaml": "a: 1\n"}),
    "several documents": Input({"balancer.yaml": f"{HOSTS}---\n{HOSTS}"}),
    "several documents in a tree": Input({"balancer.yaml": f"defaults: [other, _self_]\n{HOSTS}", "other.yaml": f"a: 1\n---\n{HOSTS}"}),
    "a link to itself": Input({"balancer.yaml": f"defaults: [other, _self_]\n{HOSTS}", "other.yaml": Link("other.yaml")}),
    "a link to nothing": Input({"balancer.yaml": f"defaults: [other, _self_]\n{HOSTS}", "other.yaml": Link("gone.yaml")}),
    "a tree above that is null": Input(
        {"conf/config.yaml": "", "conf/one/balancer.yaml": f"defaults: [_self_]\n{HOSTS}"}, "conf/one/balancer.yaml"
    ),
}
