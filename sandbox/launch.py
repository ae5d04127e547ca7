"""The launcher of a program that must not run as root and must end with its parent.

It runs as a script and imports only the standard library, so that it costs a few milliseconds:

    python -I -S launch.py IDENTITY SIGNAL PARENT_PID FOLDER -- PROGRAM ARGUMENT...

IDENTITY is the user of the program:

- `self`: the same user.
- `namespace`: root outside, and `nobody` inside a user namespace. Files stay root's, with their permissions.
- `nobody`: the user `nobody` with the capability to pass root's folders, where namespaces are forbidden.
- `plain-nobody`: the user `nobody` without this capability.

SIGNAL is sent to the program as soon as its parent has ended, for any reason.
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

NOBODY = 65534
REFUSED = 97
"""Exit status if this identity is not possible on this system, or cannot reach the folder."""

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_LINUX_CAPABILITY_VERSION_3 = 0x20080522


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def die_with_parent(signal_number: int, parent: int) -> None:
    """Ask the kernel for a signal at the parent's end. This is the last step, because a change of user cancels it."""
    if sys.platform != "linux":
        return
    _check(_libc().prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0))
    # If the parent ended before this request, the kernel sends no signal.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal_number)


def _enter_namespace() -> None:
    _check(_libc().unshare(_CLONE_NEWUSER))
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} 0 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} 0 1", encoding="ascii")


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _become_nobody_with_passage() -> None:
    """Change to the user `nobody` and keep the capability that reaches a checkout below /root with its permissions.

    initdb asks access(2) whether it may run postgres. Without the secure bit, access(2) ignores the capabilities of
    every user but root.
    """
    libc = _libc()
    _check(libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
    _check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    _become_nobody()
    mask = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    _check(libc.capset(header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)))
    _check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0))


_IDENTITIES = {
    "self": lambda: None,
    "namespace": _enter_namespace,
    "nobody": _become_nobody_with_passage,
    "plain-nobody": _become_nobody,
}


def main(arguments: list[str]) -> None:
    identity, signal_number, parent, folder, _, *command = arguments
    try:
        _IDENTITIES[identity]()
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, "this identity cannot reach the folder", folder)
        die_with_parent(int(signal_number), int(parent))
        os.execv(command[0], command)  # noqa: S606 the command is our own and needs no shell
    except OSError as error:
        closed = _closed_folder(folder) or _closed_folder(command[0])
        reason = f"this user may not enter the folder {closed}" if closed else str(error)
        sys.stderr.write(f"launch: {identity}: {reason}\n")
        sys.exit(REFUSED)


def _closed_folder(path: str) -> Path | None:
    """The first folder on the way to `path` that this process may not enter."""
    parents = reversed(Path(path).parents)
    return next((folder for folder in parents if not os.access(folder, os.X_OK, effective_ids=True)), None)


if __name__ == "__main__":
    main(sys.argv[1:])
