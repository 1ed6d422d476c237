"""Become another program that dies with the test run.

Run as a script: `python launch.py <parent pid> <signal> <user or ""> <program> <argument>...`.
The kernel sends the signal when the process that started us ends, however it ends, so that a
killed test run leaves no server behind. Changing the user clears that wish: it is made after.
Only Linux knows it; elsewhere the program is started without.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, signal_number: int, user: str, program: list[str]) -> None:
    """Change the user, ask for the signal, and replace this process; never returns."""
    if user:
        import pwd

        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:  # it ended before we asked
            sys.exit(1)
    os.execv(program[0], program)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
