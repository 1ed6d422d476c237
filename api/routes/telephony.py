"""Where the calling service reports: signed messages alone, from whoever holds the shared secret."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from api.access import Public
from api.desks.telephony.http import HEADERS
from api.flows import calling as flow
from api.routes.fields import Answer
from api.shell import Shell, shell_of

router = APIRouter(prefix="/api/telephony", tags=["telephony"])


class RepliesAnswer(Answer):
    taken: tuple[str, ...]


@router.post("/replies")
async def replies(_: Public, request: Request) -> RepliesAnswer:
    """Take replies (`bigloop.call-replies.v1`, signed as Standard Webhooks 1.0); what became of each:
    taken, noted, known, contradicted, late, unknown. A message may come again."""
    body = await request.body()
    shell = shell_of(request)
    headers = [request.headers.get(name, "") for name in HEADERS]
    async with shell.writers():
        return await run_in_threadpool(_take, shell, headers, body)


def _take(shell: Shell, headers: list[str], body: bytes) -> RepliesAnswer:
    message, stamp, given = headers
    with shell.office.write() as tx:
        taken = flow.take_replies(tx, shell.telephony_secret, message, stamp, given, body)
    return RepliesAnswer(taken=tuple(one.value for one in taken))
