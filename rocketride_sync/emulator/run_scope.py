"""Whose run a task is: a person's own, or one of a team's deployment. Only newer servers tell them apart."""

from __future__ import annotations

from typing import Any, Dict, Mapping

import attrs

USER_ID = "local"
DEVELOPMENT, DEPLOYMENT = "dev", "deploy"


@attrs.frozen
class RunScope:
    """The owner and the kind of a run.

    Attributes:
        team_id: the team that owns it; empty for the person's own.
        kind: ``dev``, or ``deploy`` for a run of a deployment.
    """

    team_id: str = ""
    kind: str = DEVELOPMENT

    @property
    def owner(self) -> Dict[str, str]:
        """The owner, as `rrext_get_tasks` tells it."""
        if self.team_id:
            return {"ownerKind": "team", "ownerId": self.team_id}
        return {"ownerKind": "user", "ownerId": USER_ID}

    @property
    def stamps(self) -> Dict[str, str]:
        """What the bodies of events say about it."""
        return {"runKind": self.kind, "teamId": self.team_id, "userId": USER_ID}


OWN_RUNS = RunScope()


def requested_scope(arguments: Mapping[str, Any]) -> RunScope:
    """The scope that a request names by `teamId` or `runKind`. A team's runs are those of its deployments."""
    team_id = arguments.get("teamId")
    if isinstance(team_id, str) and team_id:
        return RunScope(team_id, DEPLOYMENT)
    return RunScope(kind=DEPLOYMENT) if arguments.get("runKind") == DEPLOYMENT else OWN_RUNS
