"""The teams of pools, which Airflow supports with `[core] multi_team`; pure, without Airflow."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..errors import Problem, suggestion
from .pools import WantedPool


def name_teams(wanted: Mapping[str, WantedPool]) -> bool:
    """Return whether any wanted pool has a team."""
    return any(want.pool.team for want in wanted.values())


def without_teams(wanted: Mapping[str, WantedPool]) -> tuple[dict[str, WantedPool], tuple[str, ...]]:
    """Return the pools without their teams, and a warning for each team."""
    teams = sorted({(want.pool.team, want.origin) for want in wanted.values() if want.pool.team})
    plain = {name: want._replace(pool=want.pool._replace(team=None)) for name, want in wanted.items()}
    why = "this Airflow runs without [core] multi_team, or is older than 3.3"
    return plain, tuple(f"{origin}: team {team!r} is ignored: {why}" for team, origin in teams)


def of_known_teams(wanted: Mapping[str, WantedPool], teams: Collection[str]) -> dict[str, WantedPool]:
    """Return the pools; one whose team is not among Airflow's `teams` gets a problem."""
    return {name: _checked(want, teams) for name, want in wanted.items()}


def _checked(want: WantedPool, teams: Collection[str]) -> WantedPool:
    team = want.pool.team
    if want.problem or team is None or team in teams:
        return want
    text = f"its team {team!r} does not exist{suggestion(team, teams)}; create it with `airflow teams create {team}`"
    return want._replace(problem=Problem(text, f"pool {want.pool.name!r}", origin=want.origin))
